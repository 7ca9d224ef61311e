/* All examples at once: gradients beside finite differences, the same bytes
 * for threads and ranks, and the search for a minimum. */
#define _GNU_SOURCE
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/fit/full_batch.h"
#include "engine/fit/lbfgs.h"
#include "tests/fill.h"
#include "tests/tap.h"

enum { IN = 70, ROWS = 333, CLASSES = 18, N = (IN + 1) * CLASSES, RANKS = 3 };

static float x[ROWS * IN], weight[CLASSES];
static size_t at[ROWS + 1], row[ROWS];
static uint32_t label[2 * ROWS];

static void load(const void *ctx, size_t i, float *to)
{
    memcpy(to, (const float *)ctx + i * IN, IN * sizeof(*to));
}
static const struct reap_fit_source source = { x, load, at, label };
static const struct reap_fit_batch all = { &source, row, ROWS };

static struct reap_full_batch_args args(bool multi)
{
    return (struct reap_full_batch_args){ .in = IN,
                                          .classes = CLASSES,
                                          .multi = multi,
                                          .l2 = 1e-3,
                                          .class_weight = weight,
                                          .threads = 1,
                                          .team = REAP_TEAM_ALONE };
}

static void set_labels(bool multi)
{
    at[0] = 0;
    for (size_t i = 0; i < ROWS; i++) {
        const size_t n = multi ? i % 3 : 1;

        row[i] = (i * 5) % ROWS;
        for (size_t k = 0; k < n; k++)
            label[at[i] + k] = (uint32_t)((i * 7 + k * 5) % CLASSES);
        at[i + 1] = at[i] + n;
    }
}

static void gradients(bool multi)
{
    const struct reap_full_batch_args a = args(multi);
    double w[N], g[N], none[N], f, worst = 0, most = 0;
    struct reap_full_batch *full;
    int rc;

    set_labels(multi);
    for (size_t i = 0; i < N; i++)
        w[i] = 0.3 * sin((double)i);
    rc = reap_full_batch_new(&full, &a, NULL);
    if (!rc)
        rc = reap_full_batch_value(full, &all, w, &f, g, NULL, NULL);
    for (size_t i = 0; !rc && i < N; i += 7) {
        /* values are of float32 logits: a wide step, and its error */
        const double step = 1e-2, was = w[i];
        double up = NAN, down = NAN;

        w[i] = was + step;
        rc = reap_full_batch_value(full, &all, w, &up, none, NULL, NULL);
        w[i] = was - step;
        if (!rc)
            rc = reap_full_batch_value(full, &all, w, &down, none, NULL, NULL);
        w[i] = was;
        worst = fmax(worst, fabs(g[i] - (up - down) / (2 * step)));
        most = fmax(most, fabs(g[i]));
    }
    ok(!rc && worst <= 1e-3 * most, "%s: gradients are off by %.1e of %.1e",
       multi ? "sigmoid" : "softmax", worst, most);
    reap_full_batch_free(&full);
}

static int value(void *ctx, const double *w, double *f, double *g,
                 struct reap_err *err)
{
    return reap_full_batch_value(ctx, &all, w, f, g, NULL, err);
}

/* Where the search ends; the number of its steps. */
static uint64_t search(const struct reap_full_batch_args *a, double *w,
                       double *largest)
{
    struct reap_full_batch *full;
    struct reap_lbfgs l = {
        .n = N, .value = value, .most = 200, .small = 1e-5
    };
    double g[N], f;
    int rc = reap_full_batch_new(&full, a, NULL);

    memset(w, 0, N * sizeof(*w));
    l.ctx = full;
    if (!rc)
        rc = reap_lbfgs_run(&l, w, NULL);
    if (!rc)
        rc = reap_full_batch_value(full, &all, w, &f, g, NULL, NULL);
    *largest = rc ? INFINITY : 0;
    for (size_t i = 0; i < N; i++)
        *largest = fmax(*largest, fabs(g[i]));
    reap_full_batch_free(&full);
    return l.steps;
}

struct fake {
    pthread_barrier_t barrier;
    char *all[RANKS];
};
struct fake_rank {
    struct fake *team;
    struct reap_full_batch_args a;
    double w[N], largest;
};

static int share(void *ctx, void *pieces, size_t size, const size_t *first,
                 struct reap_err *err)
{
    struct fake_rank *me = ctx;

    (void)err;
    me->team->all[me->a.team.rank] = pieces;
    pthread_barrier_wait(&me->team->barrier);
    for (size_t r = 0; r < RANKS; r++)
        if (r != me->a.team.rank)
            memcpy((char *)pieces + first[r] * size,
                   me->team->all[r] + first[r] * size,
                   (first[r + 1] - first[r]) * size);
    pthread_barrier_wait(&me->team->barrier);
    return REAP_OK;
}

static void *rank(void *ctx)
{
    struct fake_rank *me = ctx;

    search(&me->a, me->w, &me->largest);
    return NULL;
}

static void equal(bool multi)
{
    static struct fake_rank r[RANKS];
    struct reap_full_batch_args a = args(multi);
    double want[N], got[N], largest;
    struct fake team;
    pthread_t thread[RANKS];
    uint64_t steps;
    int good = 0;

    set_labels(multi);
    steps = search(&a, want, &largest);
    ok(largest <= 1e-5 && steps < 200,
       "the minimum is found in %llu steps: a gradient of %.1e",
       (unsigned long long)steps, largest);
    for (a.threads = 2; a.threads <= 4; a.threads++) {
        search(&a, got, &largest);
        ok(!memcmp(got, want, sizeof(got)), "%zu threads: the same bytes",
           a.threads);
    }
    pthread_barrier_init(&team.barrier, NULL, RANKS);
    for (size_t i = 0; i < RANKS; i++) {
        r[i].team = &team;
        r[i].a = args(multi);
        r[i].a.team = (struct reap_team){ i, RANKS, &r[i], share };
        pthread_create(&thread[i], NULL, rank, &r[i]);
    }
    for (size_t i = 0; i < RANKS; i++) {
        pthread_join(thread[i], NULL);
        good += !memcmp(r[i].w, want, sizeof(want));
    }
    pthread_barrier_destroy(&team.barrier);
    ok(good == RANKS, "%d ranks: the same bytes", RANKS);
}

/* Rosenbrock's valley, whose minimum is 0 at (1, 1). */
static int valley(void *ctx, const double *w, double *f, double *g,
                  struct reap_err *err)
{
    const double a = 1 - w[0], b = w[1] - w[0] * w[0];

    (void)ctx;
    (void)err;
    *f = a * a + 100 * b * b;
    g[0] = -2 * a - 400 * w[0] * b;
    g[1] = 200 * b;
    return REAP_OK;
}

static int fails(void *ctx, const double *w, double *f, double *g,
                 struct reap_err *err)
{
    (void)ctx;
    (void)w;
    (void)g;
    *f = 0;
    return reap_fail(err, REAP_EIO, "gone");
}

static int no_number(void *ctx, const double *w, double *f, double *g,
                     struct reap_err *err)
{
    (void)ctx;
    (void)w;
    (void)err;
    *f = NAN;
    g[0] = g[1] = 1;
    return REAP_OK;
}

static void searches(void)
{
    struct reap_lbfgs l = {
        .n = 2, .value = valley, .most = 200, .small = 1e-9
    };
    double w[2] = { -1.2, 1 };
    struct reap_err err = { 0 };

    ok(!reap_lbfgs_run(&l, w, &err) && l.settled && fabs(w[0] - 1) < 1e-6 &&
           fabs(w[1] - 1) < 1e-6,
       "a valley's end in %llu steps of %llu values",
       (unsigned long long)l.steps, (unsigned long long)l.values);
    l.most = 3;
    w[0] = -1.2, w[1] = 1;
    ok(!reap_lbfgs_run(&l, w, &err) && l.steps == 3 && !l.settled,
       "no more steps than are allowed");
    l.value = fails;
    ok(reap_lbfgs_run(&l, w, &err) == REAP_EIO, "a failure ends it: %s",
       err.msg);
    l.value = no_number;
    ok(reap_lbfgs_run(&l, w, &err) == REAP_EINVAL, "so does NaN: %s", err.msg);
}

static void no_memory(void)
{
    const struct reap_full_batch_args a = args(false);
    struct reap_full_batch *f;
    int rc = REAP_ENOMEM, odd = 0;
    long i;

    for (i = 1; rc && i < 100; i++) {
        reap_mem_fail_at(i);
        rc = reap_full_batch_new(&f, &a, NULL);
        odd += rc ? rc != REAP_ENOMEM || f : 0;
        reap_full_batch_free(&f);
    }
    reap_mem_fail_at(0);
    ok(!rc && i > 5 && !odd, "each of %ld allocations fails once", i - 2);
}

int main(void)
{
    fill_seed();
    fill_real(x, ROWS * IN);
    for (size_t c = 0; c < CLASSES; c++)
        weight[c] = 0.5f + 0.1f * (float)c;
    gradients(false);
    gradients(true);
    equal(false);
    equal(true);
    searches();
    no_memory();
    return done();
}
