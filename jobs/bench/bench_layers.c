/* The same passes, timed layer by layer inside a backend that can tell. */
#include <stdio.h>
#include <string.h>

#include "engine/base/cpu.h"
#include "engine/base/mem.h"
#include "engine/blocked/backend_blocked.h"
#include "jobs/bench/bench.h"

enum { PASSES = 12, MOST_LAYERS = 1024 };

/* One layer: the best of its times; 'roof' of all threads. */
static void bench_layers_print(const struct reap_options *o,
                               const struct reap_blocked_cost *c, double ms,
                               double roof)
{
    double rate = 2 * c->macs / ms / 1e6;

    if (!o->json) {
        printf("%-28s %8.3f ms %8.1f GFLOP/s", c->name, ms, rate);
        if (roof > 0)
            printf(" %6.1f %%", rate * 1e11 / roof);
        printf(" %8.2f MB\n", c->bytes / 1e6);
        return;
    }
    printf("{\"who\":\"reap\",\"what\":\"layer\",\"layer\":\"%s\","
           "\"ms\":%.4f,\"gflops\":%.2f,\"mbytes\":%.3f",
           c->name, ms, rate, c->bytes / 1e6);
    if (roof > 0)
        printf(",\"of_roof\":%.3f", rate * 1e9 / roof);
    puts("}");
}

static int bench_layers_measure(const void *prog, const void *const *images,
                                size_t batch, size_t threads, size_t features,
                                double *best, struct reap_err *err)
{
    struct reap_crew *crew = NULL;
    double *seconds = reap_calloc(MOST_LAYERS, sizeof(*seconds));
    float *out = reap_calloc(batch * features, sizeof(*out));
    void *arena = reap_aligned(reap_blocked_arena(prog));
    int rc = REAP_OK;

    if (!seconds || !out || !arena)
        rc = reap_fail(err, REAP_ENOMEM, "no memory for images");
    if (!rc && threads > 1)
        rc = reap_crew_new(&crew, threads, err);
    for (int i = 0; !rc && i < PASSES; i++) {
        memset(seconds, 0, MOST_LAYERS * sizeof(*seconds));
        reap_blocked_run_timed(prog, arena, crew, batch, images, &out, seconds);
        for (size_t k = 0; k < MOST_LAYERS; k++)
            if (!i || seconds[k] < best[k])
                best[k] = seconds[k];
    }
    reap_crew_free(&crew);
    reap_free(seconds);
    reap_free(out);
    reap_free(arena);
    return rc;
}

int reap_bench_layers(const struct reap_options *o,
                      const struct reap_plan_args *plan,
                      const void *const *images, struct reap_err *err)
{
    double *best = reap_calloc(MOST_LAYERS, sizeof(*best)), roof = 0;
    const size_t threads = plan->threads ? plan->threads : 1;
    struct reap_blocked_cost c;
    void *prog = NULL;
    int rc = REAP_OK;

    if (!best)
        return reap_fail(err, REAP_ENOMEM, "no memory for times");
    rc = reap_blocked_compile(&prog, plan, err);
    if (rc)
        rc = reap_wrap(err, rc, "--layers is for avx2 and wider levels");
    if (!rc)
        rc = bench_layers_measure(prog, images, plan->max_batch, threads,
                                  plan->net->features, best, err);
    if (!rc)
        rc = reap_bench_roof(plan->cpu, plan->precision, threads, &roof, err);
    for (size_t i = 0; !rc && reap_blocked_layer(prog, i, &c); i++)
        bench_layers_print(o, &c, best[i] * 1e3 / (double)plan->max_batch,
                           roof);
    reap_blocked_free(&prog);
    reap_free(best);
    return rc;
}
