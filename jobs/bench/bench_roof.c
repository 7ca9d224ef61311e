/* What the CPU's multipliers can do at most: loops without memory
 * (engine/kern), on all threads at once, more of them until it is no faster. */
#include <pthread.h>

#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "engine/kern/kernels.h"
#include "jobs/bench/bench.h"

enum { ROUNDS = 40, LOOPS = 100000 };

struct member {
    void (*fn)(void *arg, size_t i);
    void *arg;
    size_t i;
};

static void *run_member(void *arg)
{
    const struct member *m = arg;

    m->fn(m->arg, m->i);
    return NULL;
}

int reap_bench_team(size_t threads, void (*fn)(void *arg, size_t i), void *arg,
                    struct reap_err *err)
{
    pthread_t *t = reap_calloc(threads, sizeof(*t));
    struct member *m = reap_calloc(threads, sizeof(*m));
    int rc = REAP_OK;
    size_t n = 0;

    if (!t || !m)
        rc = reap_fail(err, REAP_ENOMEM, "no memory for %zu threads", threads);
    while (!rc && n + 1 < threads) {
        m[n] = (struct member){ fn, arg, n };
        if (pthread_create(&t[n], NULL, run_member, &m[n]))
            rc = reap_fail(err, REAP_ENOMEM, "cannot start thread %zu", n);
        else
            n++;
    }
    if (!rc)
        fn(arg, threads - 1);
    for (size_t i = 0; i < n; i++)
        pthread_join(t[i], NULL);
    reap_free(t);
    reap_free(m);
    return rc;
}

struct climb {
    reap_peak_fn *peak;
    double *best; /* of each thread */
};

static void climb(void *arg, size_t i)
{
    const struct climb *c = arg;

    for (int round = 0; round < ROUNDS; round++) {
        double begin = reap_clock(), ops = c->peak(LOOPS);
        double rate = ops / (reap_clock() - begin);

        if (c->best[i] < rate)
            c->best[i] = rate;
    }
}

int reap_bench_roof(unsigned cpu, enum reap_precision precision, size_t threads,
                    double *ops, struct reap_err *err)
{
    struct reap_kernels k;
    struct climb c = { NULL, NULL };
    int rc;

    *ops = 0;
    if (precision == REAP_BF16X3) { /* each product is three */
        rc = reap_bench_roof(cpu, REAP_BF16, threads, ops, err);
        *ops /= 3;
        return rc;
    }
    reap_kernels_init(&k, cpu);
    if (precision == REAP_FP32)
        c.peak = k.peak_f32.fn;
    else if (precision == REAP_BF16)
        c.peak = k.peak_bf16.fn;
    else if (precision == REAP_INT8)
        c.peak = k.peak_int8.fn;
    if (!c.peak)
        return REAP_OK;
    c.best = reap_calloc(threads, sizeof(*c.best));
    if (!c.best)
        return reap_fail(err, REAP_ENOMEM, "no memory for %zu threads",
                         threads);
    rc = reap_bench_team(threads, climb, &c, err);
    for (size_t i = 0; i < threads; i++)
        *ops += c.best[i];
    reap_free(c.best);
    return rc;
}
