/* Neighbours of all rows beside a plain search in double; ties, threads, levels
 * of the CPU, steps, pairs, the nearest of a few. */
#define _DEFAULT_SOURCE
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/near/near.h"
#include "tests/fill.h"
#include "tests/tap.h"

enum { ROWS = 717, WIDTH = 37, K = 9, QUERIES = 150 };

static float row[ROWS][WIDTH];
static struct reap_neighbour graph[ROWS][K];

static void load(void *ctx, size_t i, float *to)
{
    (void)ctx;
    memcpy(to, row[i], sizeof(row[i]));
}

static double cosine(const float *a, const float *b)
{
    double aa = 0, bb = 0, ab = 0;

    for (int i = 0; i < WIDTH; i++) {
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
        ab += (double)a[i] * (double)b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
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

/* All steps; what is left of 'list' if one fails is no graph. */
static int join(struct reap_near *near, size_t k, struct reap_neighbour *list)
{
    struct reap_err err = { 0 };
    int rc = REAP_OK;

    reap_near_clear(list, reap_near_count(near) * k);
    for (size_t from = 0; from < reap_near_count(near) && !rc;)
        rc = reap_near_join(near, &from, k, list, &err);
    return rc;
}

static bool in_order(const struct reap_neighbour *a,
                     const struct reap_neighbour *b)
{
    return a->cosine > b->cosine ||
           (a->cosine == b->cosine && a->index < b->index);
}

/* Each list is sorted and right, and no row is nearer than its last. */
static void exact(void)
{
    struct reap_near *near = make(ROWS, 2);
    size_t close = 0, sorted = 0, missed = 0, self = 0;

    ok(near && !join(near, K, graph[0]), "a graph of %d rows", ROWS);
    for (int q = 0; q < ROWS; q++) {
        const struct reap_neighbour *is = graph[q];

        for (int i = 0; i < K; i++) {
            close += fabs((double)is[i].cosine -
                          cosine(row[q], row[is[i].index])) < 1e-6;
            sorted += i == 0 || in_order(&is[i - 1], &is[i]);
            self += is[i].index == q;
        }
        for (int r = 0; r < ROWS; r++) {
            int in = r == q;

            for (int i = 0; i < K; i++)
                in |= is[i].index == r;
            missed +=
                !in && cosine(row[q], row[r]) > (double)is[K - 1].cosine + 1e-6;
        }
    }
    ok(close == (size_t)ROWS * K, "cosines are right");
    ok(sorted == (size_t)ROWS * K && !self,
       "the nearest first, equal ones by index, never the row itself");
    ok(!missed, "none is missed");
    reap_near_free(&near);
}

static void same(const char *what, size_t threads)
{
    static struct reap_neighbour again[ROWS][K];
    struct reap_near *near = make(ROWS, threads);

    ok(near && !join(near, K, again[0]) && !memcmp(again, graph, sizeof(graph)),
       "%s: the same bytes", what);
    reap_near_free(&near);
}

/* Rows asked for one by one have the lists of the graph. */
static void searched(void)
{
    static struct reap_neighbour out[ROWS][K];
    static int32_t skip[ROWS];
    static bool take[ROWS];
    struct reap_near *near = make(ROWS, 3);
    struct reap_err err = { 0 };
    size_t odd = 0;

    for (int i = 0; i < ROWS; i++)
        skip[i] = i;
    ok(!reap_near_search(near, ROWS, row[0], K, skip, NULL, out[0], &err) &&
           !memcmp(out, graph, sizeof(graph)),
       "a search for all rows gives the graph");
    ok(!reap_near_search(near, 1, row[100], K, skip + 100, NULL, out[0],
                         &err) &&
           !memcmp(out[0], graph[100], sizeof(graph[0])),
       "so does one for a single row");
    for (int i = 0; i < ROWS; i++)
        take[i] = i % 5 == 2;
    ok(!reap_near_search(near, QUERIES, row[0], K, NULL, take, out[0], &err),
       "some rows alone");
    for (int q = 0; q < QUERIES; q++)
        for (int i = 0; i < K; i++)
            odd += out[q][i].index % 5 != 2;
    ok(!odd && out[2][0].index == 2, "others do not count");
    memset(take, 0, sizeof(take));
    take[3] = true;
    ok(!reap_near_search(near, 1, row[0], K, NULL, take, out[0], &err) &&
           out[0][0].index == 3 && out[0][1].index == -1,
       "no more than there are");
    reap_near_free(&near);
}

static atomic_size_t found, wrong;
static float least;

static void pair(void *ctx, size_t a, size_t b, float c)
{
    (void)ctx;
    atomic_fetch_add(&found, 1);
    if (a >= b || !(c >= least) ||
        fabs(cosine(row[a], row[b]) - (double)c) > 1e-6)
        atomic_fetch_add(&wrong, 1);
}

static void pairs(void)
{
    struct reap_near *near = make(ROWS, 2);
    struct reap_err err = { 0 };
    size_t count = 0, slack = 0;
    int rc = REAP_OK;

    least = .4f;
    for (size_t from = 0; from < ROWS && !rc;)
        rc = reap_near_pairs(near, &from, least, pair, NULL, &err);
    for (int a = 0; a < ROWS; a++)
        for (int b = a + 1; b < ROWS; b++) {
            const double c = cosine(row[a], row[b]);

            count += c >= (double)least;
            slack += fabs(c - (double)least) < 1e-6;
        }
    ok(!rc && !wrong && count > 100 && found + slack >= count &&
           found <= count + slack,
       "%zu pairs with a cosine of at least %g", count, (double)least);
    reap_near_free(&near);
}

static void assigned(void)
{
    static struct reap_neighbour best[ROWS];
    struct reap_near *near = make(ROWS, 2);
    struct reap_err err = { 0 };
    size_t good = 0;

    ok(!reap_near_assign(near, QUERIES, row[0], best, &err), "nearest of %d",
       QUERIES);
    for (int r = 0; r < ROWS; r++) {
        double most = -2;

        for (int q = 0; q < QUERIES; q++)
            most = fmax(most, cosine(row[r], row[q]));
        good += fabs(most - (double)best[r].cosine) < 1e-6 &&
                fabs(cosine(row[r], row[best[r].index]) - most) < 1e-6;
    }
    ok(good == ROWS, "each row has the nearest");
    ok(best[100].index == 100 && best[600].index == 100,
       "the lower one of equal ones");
    reap_near_free(&near);
}

static void levels(void)
{
    static const char *const level[] = { "ref", "avx2", "avx512" };
    const char *was = getenv("REAP_CPU");
    char *keep = was ? strdup(was) : NULL;

    same("one thread", 1);
    same("five threads", 5);
    for (int i = 0; i < 3; i++) {
        setenv("REAP_CPU", level[i], 1);
        same(level[i], 2);
    }
    if (keep)
        setenv("REAP_CPU", keep, 1);
    else
        unsetenv("REAP_CPU");
    free(keep);
}

/* A width of which few rows fit, so that there are many steps. */
enum { WIDE = 1 << 17, FEW = 200 };

static void load_wide(void *ctx, size_t i, float *to)
{
    (void)ctx;
    memset(to, 0, WIDE * sizeof(*to));
    memcpy(to + 7 * i % 1000, row[i], sizeof(row[i]));
}

static void steps(void)
{
    const struct reap_near_rows rows = { FEW, WIDE, load_wide, NULL };
    static struct reap_neighbour list[FEW][K], out[K];
    static float q[WIDE];
    struct reap_near *near = NULL;
    struct reap_err err = { 0 };
    size_t from = 0, count = 0, same_as = 0;
    int rc = reap_near_new(&near, &rows, 2, &err);

    reap_near_clear(list[0], FEW * K);
    for (; from < FEW && !rc; count++) {
        /* another process goes on from what the first one left */
        reap_near_free(&near);
        rc = reap_near_new(&near, &rows, 1 + count % 2, &err);
        if (!rc)
            rc = reap_near_join(near, &from, K, list[0], &err);
    }
    ok(!rc && count > 1, "%zu steps", count);
    for (int i = 0; i < FEW; i += 50) {
        const int32_t skip = i;

        load_wide(NULL, (size_t)i, q);
        rc = reap_near_search(near, 1, q, K, &skip, NULL, out, &err);
        same_as += !rc && !memcmp(out, list[i], sizeof(out));
    }
    ok(same_as == FEW / 50, "they give what a search gives");
    reap_near_free(&near);
}

/* All rows equal, one row, rows that are zero. */
static void special(void)
{
    struct reap_near *near;
    struct reap_neighbour list[300][3];
    size_t good = 0;

    for (int i = 1; i < 300; i++)
        memcpy(row[i], row[0], sizeof(row[0]));
    near = make(300, 2);
    ok(near && !join(near, 3, list[0]), "300 equal rows");
    for (int i = 0; i < 300; i++)
        good += list[i][0].index == (i == 0) &&
                fabs((double)list[i][0].cosine - 1) < 1e-6 &&
                list[i][2].index == (i > 2 ? 2 : 3);
    ok(good == 300, "have the first of them as neighbours");
    reap_near_free(&near);
    near = make(1, 2);
    ok(near && !join(near, 3, list[0]) && list[0][0].index == -1,
       "a single row has none");
    reap_near_free(&near);
    memset(row[1], 0, sizeof(row[1]));
    near = make(3, 2);
    ok(near && !join(near, 3, list[0]) && list[0][0].index == 2 &&
           list[0][1].index == 1 && list[0][1].cosine == 0 &&
           list[1][0].index == 0 && list[1][0].cosine == 0 &&
           list[0][2].index == -1,
       "zero has a cosine of zero");
    reap_near_free(&near);
}

static void fails_without_memory(void)
{
    const struct reap_near_rows rows = { 4, WIDTH, load, NULL };
    const struct reap_near_rows none = { 0, WIDTH, load, NULL };
    struct reap_neighbour list[8];
    struct reap_near *near = NULL;
    struct reap_err err = { 0 };
    size_t from = 0;
    int rc = REAP_ENOMEM;

    for (long i = 1; rc == REAP_ENOMEM && i < 20; i++) {
        reap_mem_fail_at(i);
        rc = reap_near_new(&near, &rows, 2, &err);
        ok(!rc || (rc == REAP_ENOMEM && !near), "allocation %ld", i);
    }
    for (long i = 1; i < 3; i++) {
        reap_near_clear(list, 8);
        reap_mem_fail_at(i);
        ok(reap_near_join(near, &from, 2, list, &err) == REAP_ENOMEM && !from &&
               list[0].index == -1,
           "%s", err.msg);
    }
    reap_mem_fail_at(0);
    reap_near_free(&near);
    ok(reap_near_new(&near, &none, 1, &err) == REAP_EINVAL && !near, "%s",
       err.msg);
}

int main(void)
{
    fill_seed();
    fill_real(row[0], ROWS * WIDTH);
    memcpy(row[600], row[100], sizeof(row[0]));
    memcpy(row[300], row[101], sizeof(row[0]));
    exact();
    ok(graph[600][0].index == 100 && graph[100][0].index == 600,
       "a row that is there twice");
    levels();
    searched();
    pairs();
    assigned();
    steps();
    special();
    fails_without_memory();
    return done();
}
