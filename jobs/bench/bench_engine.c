/* Forward passes alone: every thread with a session of its own, batch sizes
 * tried one after the other, compared with the roof of bench_roof.c. */
#include <stdio.h>
#include <string.h>

#include "engine/base/clock.h"
#include "engine/base/cpu.h"
#include "engine/base/mem.h"
#include "engine/engine.h"
#include "engine/quant/quantize.h"
#include "jobs/bench/bench.h"
#include "jobs/cli/threads.h"
#include "jobs/setup/network.h"
#include "jobs/setup/setup.h"

enum { ROUNDS = 8, SECONDS = 3, MOST_BATCH = 1024 };

/* Batches to be tried where none is asked for. */
static const size_t batches[] = { 1, 4, 8, 16, 64 };

struct bench {
    const struct reap_options *o;
    struct reap_network network;
    enum reap_precision precision;
    struct reap_norm norm;
    size_t threads, batch; /* batch: the one that is being tried */
    size_t sessions; /* one a thread, or one for all of them (--latency) */
    size_t passes;   /* of a round */
    struct reap_engine *engine;
    struct reap_session **session;
    float **out;      /* of each session */
    uint8_t *picture; /* all images are this one */
    const void **images;
    double best; /* images a second */
    size_t best_batch;
    struct reap_latency latency;
    size_t threads_per_image; /* threads that an image was done by */
};

static void bench_engine_work(void *arg, size_t i)
{
    struct bench *b = arg;
    void *out = b->out[i];

    for (size_t k = 0; k < b->passes; k++)
        reap_session_run(b->session[i], b->batch, b->images, &out);
}

/* One round: every thread does its passes. Seconds go to '*took'. */
static int round_of(struct bench *b, size_t passes, double *took,
                    struct reap_err *err)
{
    double begin = reap_clock();
    int rc;

    b->passes = passes;
    rc = reap_bench_team(b->threads, bench_engine_work, b, err);
    *took = reap_clock() - begin;
    return rc;
}

static double seconds(const struct bench *b)
{
    return b->o->seconds ? (double)b->o->seconds : SECONDS;
}

/* Rounds of at least one pass each, for about the seconds asked for. */
static int bench_engine_measure(struct bench *b, struct reap_err *err)
{
    double took, spent = 0;
    size_t passes;
    int rc = round_of(b, 1, &took, err); /* touches all memory */

    if (!rc)
        rc = round_of(b, 1, &took, err);
    passes = (size_t)(seconds(b) / ROUNDS / took) + 1;
    for (int i = 0; !rc && i < ROUNDS && (i < 2 || spent < seconds(b)); i++) {
        double rate;

        rc = round_of(b, passes, &took, err);
        spent += took;
        rate = (double)(passes * b->batch * b->threads) / took;
        if (!rc && b->best < rate) {
            b->best = rate;
            b->best_batch = b->batch;
        }
    }
    return rc;
}

static void close_batch(struct bench *b)
{
    for (size_t i = 0; i < b->sessions; i++) {
        if (b->session)
            reap_session_free(&b->session[i]);
        if (b->out)
            reap_free(b->out[i]);
    }
    reap_free(b->session);
    reap_free(b->out);
    b->session = NULL;
    b->out = NULL;
    reap_engine_free(&b->engine);
}

static int open_batch(struct bench *b, struct reap_err *err)
{
    const char *outputs[] = { b->network.net->n_dense ? "logits" : "avg" };
    struct reap_engine_args a = { .net = b->network.net,
                                  .norm = b->norm,
                                  .precision = b->precision,
                                  .exact = b->o->exact,
                                  .max_batch = b->batch,
                                  .threads = b->threads / b->sessions,
                                  .n_outputs = 1,
                                  .outputs = outputs };
    int rc = reap_engine_new(&b->engine, &a, err);
    const struct reap_output *o;

    if (rc)
        return rc;
    o = reap_engine_output(b->engine, 0);
    b->session = reap_calloc(b->sessions, sizeof(*b->session));
    b->out = reap_calloc(b->sessions, sizeof(*b->out));
    for (size_t i = 0; !rc && i < b->sessions; i++) {
        if (b->session && b->out)
            b->out[i] = reap_calloc(b->batch * o->c, sizeof(float));
        if (!b->session || !b->out || !b->out[i])
            return reap_fail(err, REAP_ENOMEM, "no memory for %zu threads",
                             b->threads);
        rc = reap_session_new(&b->session[i], b->engine, err);
    }
    return rc;
}

static int try_batch(struct bench *b, size_t batch, struct reap_err *err)
{
    int rc;

    b->batch = batch;
    rc = open_batch(b, err);
    if (rc || !b->o->latency)
        return rc ? rc : bench_engine_measure(b, err);
    b->best_batch = batch;
    b->threads_per_image = reap_engine_threads(b->engine);
    return reap_bench_latency(b->session[0], b->picture, b->out[0], seconds(b),
                              &b->latency, err);
}

/* One image of even noise, and MOST_BATCH pointers to it. */
static int make_images(struct bench *b, struct reap_err *err)
{
    size_t n = b->network.net->in_h * b->network.net->in_w * 3;
    uint32_t x = 1;

    b->picture = reap_calloc(n, 1);
    b->images = reap_calloc(MOST_BATCH, sizeof(*b->images));
    if (!b->picture || !b->images)
        return reap_fail(err, REAP_ENOMEM, "no memory for images");
    for (size_t i = 0; i < n; i++) {
        x = x * 1664525 + 1013904223;
        b->picture[i] = (uint8_t)(x >> 24);
    }
    for (size_t i = 0; i < MOST_BATCH; i++)
        b->images[i] = b->picture;
    return REAP_OK;
}

static int bench_engine_parse(struct bench *b, const struct reap_options *o,
                              struct reap_err *err)
{
    size_t idle;
    int rc;

    b->o = o;
    b->norm = (struct reap_norm){ .div = 255,
                                  .mean = { .485f, .456f, .406f },
                                  .std = { .229f, .224f, .225f } };
    b->threads = o->threads ? o->threads : reap_threads_default(&idle);
    if (o->batch > MOST_BATCH)
        return reap_fail(err, REAP_EINVAL, "--batch: at most %d", MOST_BATCH);
    if (b->threads > 4096)
        return reap_fail(err, REAP_EINVAL, "--threads: at most 4096");
    if (o->latency && o->batch > 1)
        return reap_fail(err, REAP_EINVAL,
                         "--latency measures one image: leave --batch out");
    b->sessions = o->latency ? 1 : b->threads;
    rc = reap_parse_precision(o->precision ? o->precision : "fp32",
                              &b->precision, err);
    if (!rc)
        rc = reap_network_open(&b->network, o, true, err);
    if (!rc)
        rc = make_images(b, err);
    if (rc || b->precision != REAP_INT8 || b->network.net->quantized)
        return rc;
    /* Any scales will do to measure the time. */
    return reap_quantize(b->network.net, &b->norm, 1, b->images, NULL, err);
}

static const char *precision_word(enum reap_precision p)
{
    return p == REAP_BF16   ? "bf16"
           : p == REAP_INT8 ? "int8"
           : p == REAP_FP32 ? "fp32"
                            : "bf16x3";
}

/* What the peers' programs call the instruction set; NULL for ref and blas. */
const char *reap_bench_isa(const char *level)
{
    if (!strcmp(level, "ref") || !strcmp(level, "blas"))
        return NULL;
    if (!strcmp(level, "vnni") || !strcmp(level, "bf16"))
        return "avx512";
    return level;
}

static void print_latency(const struct bench *b, const char *level)
{
    const struct reap_latency *l = &b->latency;

    if (!b->o->json) {
        printf("%s, %s on %s, one image on %zu thread%s:\n"
               "  %.2f ms (best %.2f, 95 %% within %.2f)\n",
               b->o->model ? b->o->model : "network",
               precision_word(b->precision), level, b->threads_per_image,
               b->threads_per_image == 1 ? "" : "s", l->median, l->best,
               l->slow);
        return;
    }
    printf("{\"who\":\"reap\",\"what\":\"latency\",\"prec\":\"%s\"",
           precision_word(b->precision));
    if (reap_bench_isa(level))
        printf(",\"isa\":\"%s\"", reap_bench_isa(level));
    printf(",\"threads\":%zu,\"ms\":%.4f,\"best_ms\":%.4f,"
           "\"ms_95\":%.4f}\n",
           b->threads_per_image, l->median, l->best, l->slow);
}

static void bench_engine_print(const struct bench *b, const char *level,
                               double roof)
{
    const char *prec = precision_word(b->precision);
    double per_image = 2 * reap_net_macs(b->network.net);

    if (!b->o->json) {
        printf("%s, %s on %s, %zu thread%s, batch %zu: %.2f images/s",
               b->o->model ? b->o->model : "network", prec, level, b->threads,
               b->threads == 1 ? "" : "s", b->best_batch, b->best);
        if (roof > 0)
            printf("\n  %.2f of the %.2f images/s that direct sums could reach "
                   "here",
                   b->best * per_image / roof, roof / per_image);
        putchar('\n');
        return;
    }
    printf("{\"who\":\"reap\",\"what\":\"infer\",\"prec\":\"%s\"", prec);
    if (reap_bench_isa(level))
        printf(",\"isa\":\"%s\"", reap_bench_isa(level));
    printf(",\"threads\":%zu,\"img_per_s\":%.3f", b->threads, b->best);
    if (roof > 0)
        printf(",\"roof_img_per_s\":%.3f", roof / per_image);
    if (b->o->batch)
        printf(",\"batch\":%zu", b->best_batch);
    puts("}");
}

/* The roof of the levels in use; OpenBLAS uses all that the machine has. */
static int find_roof(const struct bench *b, const char *level, double *roof,
                     struct reap_err *err)
{
    unsigned cpu = reap_cpu_machine();
    int rc = REAP_OK;

    if (reap_bench_isa(level))
        rc = reap_cpu_detect(&cpu, err);
    return rc ? rc : reap_bench_roof(cpu, b->precision, b->threads, roof, err);
}

static int layers(const struct bench *b, struct reap_err *err)
{
    const struct reap_net *net = b->network.net;
    const struct reap_probe probe = { (int)net->n_nodes - 1, REAP_PROBE_AVG };
    struct reap_plan_args a = { .net = net,
                                .norm = b->norm,
                                .precision = b->precision,
                                .exact = b->o->exact,
                                .max_batch = b->best_batch,
                                .threads = b->threads / b->sessions,
                                .n_probes = 1,
                                .probes = &probe };
    int rc = reap_cpu_detect(&a.cpu, err);

    return rc ? rc : reap_bench_layers(b->o, &a, b->images, err);
}

/* Is there time for a pass of a batch, as fast as the best before it? */
static bool has_time(const struct bench *b, size_t batch)
{
    return (double)(batch * b->threads) <= b->best * seconds(b);
}

static int bench_engine_run(struct bench *b, struct reap_err *err)
{
    const bool one = b->o->batch || b->o->latency;
    size_t n = one ? 1 : sizeof(batches) / sizeof(batches[0]);
    double before = 0, after = 0;
    char level[24] = "";
    int rc = REAP_OK;

    for (size_t i = 0; !rc && i < n && (!i || has_time(b, batches[i])); i++) {
        rc = try_batch(b, b->o->batch ? b->o->batch : batches[i], err);
        if (!rc)
            snprintf(level, sizeof(level), "%s", reap_engine_level(b->engine));
        if (!rc && i == 0 && !b->o->latency)
            rc = find_roof(b, level, &before, err);
        close_batch(b);
    }
    if (!rc && b->o->latency)
        print_latency(b, level);
    else if (!rc)
        rc = find_roof(b, level, &after, err);
    if (!rc && !b->o->latency)
        bench_engine_print(b, level, before > after ? before : after);
    if (!rc && b->o->layers)
        rc = layers(b, err);
    return rc;
}

int reap_bench_engine(const struct reap_options *o, struct reap_err *err)
{
    struct bench b = { 0 };
    int rc = bench_engine_parse(&b, o, err);

    if (!rc)
        rc = bench_engine_run(&b, err);
    reap_free(b.picture);
    reap_free(b.images);
    reap_network_close(&b.network);
    return rc;
}
