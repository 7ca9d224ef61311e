/* Clusters beside plain rounds in double; threads, levels of the CPU, what is
 * left when rows are equal or few. */
#define _DEFAULT_SOURCE
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "engine/near/kmeans.h"
#include "tests/fill.h"
#include "tests/tap.h"

enum { ROWS = 900, WIDTH = 24, K = 7, MOST = 200 };

static float row[ROWS][WIDTH];
static double unit[ROWS][WIDTH];

static void load(void *ctx, size_t i, float *to)
{
    (void)ctx;
    memcpy(to, row[i], sizeof(row[i]));
}

static struct reap_near *make(size_t n, size_t threads)
{
    const struct reap_near_rows rows = { n, WIDTH, load, NULL };
    struct reap_near *near = NULL;
    struct reap_err err = { 0 };

    if (reap_near_new(&near, &rows, threads, &err))
        printf("# %s\n", err.msg);
    return near;
}

/* Noise around K directions, of which some are near each other. */
static void fill_rows(void)
{
    float centre[K][WIDTH];

    fill_real(centre[0], K * WIDTH);
    fill_real(row[0], ROWS * WIDTH);
    for (int d = 0; d < WIDTH; d++)
        centre[1][d] = centre[0][d] + 0.4f * centre[1][d];
    for (int i = 0; i < ROWS; i++) {
        double squares = 0;

        for (int d = 0; d < WIDTH; d++) {
            row[i][d] = centre[i * i % K][d] + 0.6f * row[i][d];
            squares += (double)row[i][d] * (double)row[i][d];
        }
        for (int d = 0; d < WIDTH; d++)
            unit[i][d] = (double)row[i][d] / sqrt(squares);
    }
}

static double dot(const double *a, const double *b)
{
    double sum = 0;

    for (int d = 0; d < WIDTH; d++)
        sum += a[d] * b[d];
    return sum;
}

/* Rounds from K rows drawn by chance; the sum of cosines in the end. */
static double plain(uint64_t seed)
{
    static double centre[K][WIDTH], sum[K][WIDTH];
    double all = 0;

    for (int c = 0; c < K; c++)
        memcpy(centre[c], unit[reap_rng_below(&seed, ROWS)], sizeof(unit[0]));
    for (int round = 0; round < MOST; round++) {
        all = 0;
        memset(sum, 0, sizeof(sum));
        for (int i = 0; i < ROWS; i++) {
            int best = 0;

            for (int c = 1; c < K; c++)
                if (dot(unit[i], centre[c]) > dot(unit[i], centre[best]))
                    best = c;
            all += dot(unit[i], centre[best]);
            for (int d = 0; d < WIDTH; d++)
                sum[best][d] += unit[i][d];
        }
        for (int c = 0; c < K; c++) {
            const double length = sqrt(dot(sum[c], sum[c]));

            for (int d = 0; d < WIDTH && length > 0; d++)
                centre[c][d] = sum[c][d] / length;
        }
    }
    return all;
}

/* Each row is with the nearest centre, each centre the mean of its rows. */
static void settled(const struct reap_kmeans *m)
{
    static double sum[K][WIDTH];
    size_t nearest = 0, means = 0, rows = 0;
    double all = 0;

    for (int i = 0; i < ROWS; i++) {
        double own = 0, most = -2;

        for (int c = 0; c < K; c++) {
            double x = 0;

            for (int d = 0; d < WIDTH; d++)
                x += unit[i][d] * (double)m->centre[c * WIDTH + d];
            most = fmax(most, x);
            own = c == m->best[i].index ? x : own;
        }
        nearest += own > most - 1e-6;
        all += own;
        for (int d = 0; d < WIDTH; d++)
            sum[m->best[i].index][d] += unit[i][d];
    }
    for (int c = 0; c < K; c++) {
        const double length = sqrt(dot(sum[c], sum[c]));
        double off = 0;

        for (int d = 0; d < WIDTH; d++)
            off = fmax(off, fabs(sum[c][d] / length -
                                 (double)m->centre[c * WIDTH + d]));
        means += off < 1e-5;
        rows += m->size[c];
    }
    ok(m->settled && nearest == ROWS, "each row is with the nearest centre");
    ok(means == K && rows == ROWS, "each centre is the mean of its rows");
    ok(fabs(all - m->sum) < 1e-3, "the sum of cosines is %.4f", m->sum);
}

static void as_good(void)
{
    struct reap_near *near = make(ROWS, 2);
    struct reap_err err = { 0 };
    double best = 0, other = 0;

    for (uint64_t s = 0; s < 5; s++) {
        struct reap_kmeans m;

        ok(!reap_kmeans_run(&m, near, K, s, MOST, NULL, &err),
           "seed %d: %u rounds", (int)s, m.rounds);
        if (!s)
            settled(&m);
        best = fmax(best, m.sum);
        other = fmax(other, plain(s));
        reap_kmeans_free(&m);
    }
    ok(best >= 0.99 * other, "best of 5: %.3f, plain rounds: %.3f", best,
       other);
    reap_near_free(&near);
}

static void same(void)
{
    static const char *const level[] = { "ref", "avx2", "avx512" };
    const char *was = getenv("REAP_CPU");
    char *keep = was ? strdup(was) : NULL;
    struct reap_err err = { 0 };
    struct reap_kmeans m, again;
    struct reap_near *near = make(ROWS, 1);
    int rc = reap_kmeans_run(&m, near, K, 3, MOST, NULL, &err);

    reap_near_free(&near);
    for (int i = 0; i < 3; i++) {
        setenv("REAP_CPU", level[i], 1);
        near = make(ROWS, (size_t)i + 2);
        rc = rc ? rc : reap_kmeans_run(&again, near, K, 3, MOST, NULL, &err);
        ok(!rc && !memcmp(m.best, again.best, ROWS * sizeof(*m.best)) &&
               !memcmp(m.centre, again.centre, K * WIDTH * sizeof(*m.centre)),
           "%s, %d threads: the same bytes", level[i], i + 2);
        reap_kmeans_free(&again);
        reap_near_free(&near);
    }
    if (keep)
        setenv("REAP_CPU", keep, 1);
    else
        unsetenv("REAP_CPU");
    free(keep);
    reap_kmeans_free(&m);
}

static bool at_once(void)
{
    return true;
}

static void special(void)
{
    struct reap_err err = { 0 };
    struct reap_kmeans m;
    struct reap_near *near = make(ROWS, 2);
    size_t full = 0;
    int rc = REAP_ENOMEM;

    ok(reap_kmeans_run(&m, near, K, 0, MOST, at_once, &err) == REAP_ESTOPPED,
       "%s", err.msg);
    reap_kmeans_free(&m);
    reap_near_free(&near);
    near = make(4, 2);
    ok(!reap_kmeans_run(&m, near, 9, 0, MOST, NULL, &err) && m.k == 4 &&
           m.sum > 4 - 1e-5,
       "no more clusters than rows");
    reap_kmeans_free(&m);
    for (long i = 1; rc == REAP_ENOMEM && i < 40; i++) {
        reap_mem_fail_at(i);
        rc = reap_kmeans_run(&m, near, 2, 0, MOST, NULL, &err);
        reap_kmeans_free(&m);
    }
    reap_mem_fail_at(0);
    ok(!rc, "allocations that fail");
    reap_near_free(&near);
    for (int i = 1; i < 50; i++)
        memcpy(row[i], row[0], sizeof(row[0]));
    near = make(50, 2);
    rc = reap_kmeans_run(&m, near, 3, 0, MOST, NULL, &err);
    for (size_t c = 0; c < 3 && !rc; c++)
        full += m.size[c];
    ok(!rc && full == 50, "equal rows: %s",
       rc ? err.msg : "each has a cluster");
    reap_kmeans_free(&m);
    reap_near_free(&near);
}

int main(void)
{
    fill_seed();
    fill_rows();
    as_good();
    same();
    special();
    return done();
}
