/* The face of the engine: outputs, refusals, levels; the same bytes for any
 * batch, and no allocation while it runs. Threads: tests/unit/session.c. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/cpu.h"
#include "engine/base/mem.h"
#include "engine/engine.h"
#include "engine/head/head.h"
#include "tests/golden_data.h"
#include "tests/tap.h"

enum { H = 40, W = 56, IMAGES = 3, BYTES = H * W * 3, K = 5 };

static const char *const outputs[] = { "avg",   "max", "logits",
                                       "probs", "top", "none" };
enum { OUTPUTS = sizeof(outputs) / sizeof(outputs[0]) };

static uint8_t pixels[IMAGES][BYTES];

static struct reap_net *net_new(const char *model, bool no_top)
{
    const struct reap_net_args a = { .model = model,
                                     .in_h = H,
                                     .in_w = W,
                                     .no_top = no_top,
                                     .seed = 3,
                                     .top_activation = -1 };
    struct reap_net *net;
    struct reap_err err;

    if (reap_net_new(&net, &a, NULL, &err)) {
        printf("Bail out! %s\n", err.msg);
        exit(1);
    }
    return net;
}

static struct reap_engine_args args_of(const struct reap_net *net)
{
    return (struct reap_engine_args){
        .net = net,
        .norm = { .div = 255,
                  .mean = { 0.485f, 0.456f, 0.406f },
                  .std = { 0.229f, 0.224f, 0.225f } },
        .precision = REAP_FP32,
        .max_batch = IMAGES,
        .n_outputs = OUTPUTS,
        .outputs = outputs,
        .k = K,
    };
}

static struct reap_engine *engine_new(const struct reap_net *net)
{
    const struct reap_engine_args a = args_of(net);
    struct reap_engine *e;
    struct reap_err err;

    if (reap_engine_new(&e, &a, &err)) {
        printf("Bail out! %s\n", err.msg);
        exit(1);
    }
    return e;
}

/* Results of all images, output after output. */
struct result {
    void *out[OUTPUTS];
    size_t each[OUTPUTS]; /* bytes of an image */
};

static struct result result_new(const struct reap_engine *e)
{
    struct result r;

    for (size_t i = 0; i < OUTPUTS; i++) {
        const struct reap_output *o = reap_engine_output(e, i);

        r.each[i] = o->h * o->w * o->c *
                    (o->topk ? sizeof(struct reap_top) : sizeof(float));
        r.out[i] = calloc(IMAGES, r.each[i]);
    }
    return r;
}

static void result_free(struct result *r)
{
    for (size_t i = 0; i < OUTPUTS; i++)
        free(r->out[i]);
}

static bool same(const struct result *a, const struct result *b)
{
    for (size_t i = 0; i < OUTPUTS; i++)
        if (memcmp(a->out[i], b->out[i], IMAGES * a->each[i]))
            return false;
    return true;
}

/* Run all images, 'batch' at a time. */
static void run(struct reap_session *s, struct result *r, size_t batch)
{
    for (size_t at = 0; at < IMAGES; at += batch) {
        const size_t n = IMAGES - at < batch ? IMAGES - at : batch;
        const void *image[IMAGES];
        void *to[OUTPUTS];

        for (size_t i = 0; i < n; i++)
            image[i] = pixels[at + i];
        for (size_t i = 0; i < OUTPUTS; i++)
            to[i] = (char *)r->out[i] + at * r->each[i];
        reap_session_run(s, n, image, to);
    }
}

static struct result run_all(const struct reap_engine *e, size_t batch)
{
    struct result r = result_new(e);
    struct reap_session *s;

    if (reap_session_new(&s, e, NULL))
        exit(1);
    run(s, &r, batch);
    reap_session_free(&s);
    return r;
}

static void invariance(const char *model)
{
    struct reap_net *net = net_new(model, false);
    struct reap_engine *e = engine_new(net);
    struct result one = run_all(e, 1), all = run_all(e, IMAGES);

    ok(same(&one, &all), "%s, %s: batches of 1 and of %d give the same bytes",
       model, reap_engine_arith(e), IMAGES);
    result_free(&one);
    result_free(&all);
    reap_engine_free(&e);
    reap_net_free(&net);
}

/* Let allocations of an engine and its session fail: each of the first, then
 * every ninth, as compiling takes its time. */
static void fail_each(void)
{
    struct reap_net *net = net_new("torchvision/resnet18", false);
    const struct reap_engine_args a = args_of(net);
    int rc = REAP_ENOMEM;
    long i;

    for (i = 1; rc == REAP_ENOMEM && i < 400; i += i < 20 ? 1 : 9) {
        struct reap_engine *e;
        struct reap_session *s = NULL;

        reap_mem_fail_at(i);
        rc = reap_engine_new(&e, &a, NULL);
        if (!rc)
            rc = reap_session_new(&s, e, NULL);
        if (rc && s)
            rc = REAP_EBUG;
        reap_session_free(&s);
        reap_engine_free(&e);
    }
    reap_mem_fail_at(0);
    ok(!rc && i > 5, "allocations up to the last may fail");
    reap_net_free(&net);
}

/* The next allocation is set to fail; it is still to come when the pass is
 * over. */
static void no_allocation(const struct reap_engine *e)
{
    struct result r = result_new(e);
    struct reap_session *s;
    void *p;

    if (reap_session_new(&s, e, NULL))
        exit(1);
    reap_mem_fail_at(1);
    run(s, &r, 2);
    p = reap_calloc(1, 1);
    ok(!p, "%s: a forward pass allocates nothing", reap_engine_level(e));
    reap_free(p);
    reap_session_free(&s);
    result_free(&r);
}

static void consistent(const struct reap_engine *e)
{
    struct result r = run_all(e, IMAGES);
    const float *avg = r.out[0], *max = r.out[1], *probs = r.out[3];
    const struct reap_top *top = r.out[4];
    const struct reap_output *map = reap_engine_output(e, 5);
    const float *none = r.out[5];
    double sum = 0, mean = 0;
    float most = -INFINITY;

    for (size_t i = 0; i < 1000; i++)
        sum += probs[i];
    ok(fabs(sum - 1) < 1e-6, "probabilities add up to %.9f", sum);
    ok(map->h == 2 && map->w == 2 && map->c == 512, "the map is 2 x 2 x 512");
    for (size_t p = 0; p < map->h * map->w; p++) {
        mean += none[p * map->c + 7];
        most = fmaxf(most, none[p * map->c + 7]);
    }
    ok(avg[7] == (float)(mean / 4) && max[7] == most,
       "avg and max are those of the map");
    for (size_t k = 0; k < K; k++) {
        size_t before = 0;

        for (size_t i = 0; i < 1000; i++)
            before += probs[i] > top[k].prob ||
                      (probs[i] == top[k].prob && i < (size_t)top[k].index);
        ok(before == k && probs[top[k].index] == top[k].prob,
           "label %zu is %d with %g", k + 1, top[k].index, (double)top[k].prob);
    }
    result_free(&r);
}

static void refused(struct reap_engine_args a, const char *words)
{
    struct reap_engine *e;
    struct reap_err err = { 0 };
    int rc = reap_engine_new(&e, &a, &err);

    ok(rc == REAP_EINVAL && !e && strstr(err.msg, words), "%s", err.msg);
    reap_engine_free(&e);
}

static void refusals(void)
{
    struct reap_net *net = net_new("torchvision/resnet18", true);
    struct reap_engine_args a = args_of(net);

    refused(a, "'logits' needs a classifier");
    a.outputs = (const char *const[]){ "layer9" };
    a.n_outputs = 1;
    refused(a, "no output 'layer9'");
    a.outputs = (const char *const[]){ "layer1.0.conv1" };
    refused(a, "take layer1.0.relu");
    a.n_outputs = 0;
    refused(a, "1 to 16 outputs");
    a.outputs = outputs;
    a.n_outputs = 1;
    a.max_batch = 0;
    refused(a, "a batch of at least 1");
    a.max_batch = 1;
    a.precision = REAP_INT8;
    setenv("REAP_CPU", "ref", 1);
    refused(a, "--precision int8");
    a.precision = REAP_FP32;
    setenv("REAP_CPU", "mmx", 1);
    refused(a, "no such level");
    unsetenv("REAP_CPU");
    reap_net_free(&net);
}

/* Every level that the CPU has gives what ref gives. */
static void levels(const char *model)
{
    static const char *const caps[] = { "ref",  "blas", "avx2", "avx512",
                                        "vnni", "bf16", "amx" };
    struct reap_net *net = net_new(model, false);
    const char *before = "";
    struct result ref = { 0 };

    for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
        struct reap_engine *e;
        struct result r;
        double avg, logits;

        setenv("REAP_CPU", caps[i], 1);
        e = engine_new(net);
        if (i < 2)
            ok(!strcmp(reap_engine_level(e), caps[i]),
               "REAP_CPU=%s is obeyed: %s", caps[i], reap_engine_level(e));
        if (!strcmp(reap_engine_level(e), before)) {
            reap_engine_free(&e); /* the CPU has no more, or nobody uses it */
            continue;
        }
        before = reap_engine_level(e);
        r = run_all(e, 2);
        if (!i) {
            ref = r;
        } else {
            avg = golden_error(IMAGES, r.each[0] / 4, r.out[0], ref.out[0]);
            logits = golden_error(IMAGES, 1000, r.out[2], ref.out[2]);
            ok(avg <= 1e-5 && logits <= 1e-5,
               "%s, %s: off ref by %.1e and %.1e", model, reap_engine_arith(e),
               avg, logits);
            result_free(&r);
        }
        if (!strcmp(model, "torchvision/resnet18"))
            no_allocation(e);
        reap_engine_free(&e);
    }
    result_free(&ref);
    unsetenv("REAP_CPU");
    reap_net_free(&net);
}

static void labels(void)
{
    const float value[] = { 0.1f, NAN, 0.4f, 0.4f, -1, 0.1f };
    const int32_t want[] = { 2, 3, 0, 5, 4, 1 };
    const float huge[] = { 1e30f, -1e30f, 1e30f };
    struct reap_top top[6];
    bool good = true;
    float probs[3];

    for (size_t k = 1; k <= 6; k++) {
        reap_head_top(6, value, k, top);
        for (size_t i = 0; i < k; i++)
            good = good && top[i].index == want[i];
    }
    ok(good, "equal values keep their order, and NaN comes last");
    reap_head_activate(REAP_SOFTMAX, 1, 3, huge, probs);
    ok(probs[0] == 0.5f && probs[1] == 0 && probs[2] == 0.5f,
       "softmax does not overflow");
    reap_head_activate(REAP_SIGMOID, 1, 3, huge, probs);
    ok(probs[0] == 1 && probs[1] == 0, "nor does the sigmoid");
    reap_head_activate(REAP_RELU, 1, 3, huge, probs);
    ok(probs[0] == 1e30f && probs[1] == 0, "ReLU cuts at zero");
}

static bool begins(const char *text, const char *with)
{
    const size_t n = strlen(with);

    return !strncmp(text, with, n) && (!text[n] || text[n] == ' ');
}

/* Each class that is offered can be had, and says of itself what it is. */
static void offered(const struct reap_net *net, enum reap_precision precision,
                    bool exact)
{
    const char *name[8];
    const size_t n = reap_engine_ariths(precision, exact, name, 8);
    struct reap_engine_args a = args_of(net);
    struct reap_engine *e;
    struct reap_err err = { 0 };

    a.precision = precision;
    a.exact = exact;
    for (size_t i = 0; i < n; i++) {
        int rc;

        a.arithmetic = name[i];
        rc = reap_engine_new(&e, &a, &err);
        ok(!rc && begins(reap_engine_arith(e), name[i]), "class %s: %s",
           name[i], rc ? err.msg : reap_engine_arith(e));
        reap_engine_free(&e);
    }
    a.arithmetic = NULL;
    if (!n)
        return;
    ok(!reap_engine_new(&e, &a, &err) && begins(reap_engine_arith(e), name[0]),
       "the first of them is the one without a wish");
    reap_engine_free(&e);
}

static void classes(void)
{
    static const enum reap_precision all[] = { REAP_FP32, REAP_BF16, REAP_INT8,
                                               REAP_BF16X3 };
    static const struct {
        enum reap_precision precision;
        const char *backend;
    } row[] = {
#define ARITH(precision, backend, name, exact) { REAP_##precision, #backend },
#include "engine/plan/arithmetic.def"
#undef ARITH
    };
    const size_t rows = sizeof(row) / sizeof(row[0]);
    struct reap_net *net = net_new("torchvision/resnet18", false);
    struct reap_engine_args a = args_of(net);
    const char *name[8];

    for (size_t b = 0; reap_backends[b]; b++) {
        bool all_named = true;

        for (size_t p = 0; p < 4; p++) {
            bool named = !(reap_backends[b]->precisions & all[p]);

            for (size_t i = 0; i < rows && !named; i++)
                named = row[i].precision == all[p] &&
                        !strcmp(row[i].backend, reap_backends[b]->name);
            all_named = all_named && named;
        }
        ok(all_named, "%s: a class for each of its precisions",
           reap_backends[b]->name);
    }
    for (int exact = 0; exact < 2; exact++) {
        offered(net, REAP_FP32, exact);
        offered(net, REAP_BF16, exact);
        offered(net, REAP_BF16X3, exact);
    }
    a.arithmetic = "fp32-magic 7";
    refused(a, "does not compute in fp32-magic");
    setenv("REAP_CPU", "ref", 1);
    ok(reap_engine_ariths(REAP_FP32, false, name, 8) == 1 &&
           !strcmp(name[0], "fp32-ref"),
       "the reference is offered where there is nothing else");
    unsetenv("REAP_CPU");
    ok(reap_engine_ariths(REAP_FP32, false, name, 8) &&
           strcmp(name[0], "fp32-ref") != 0,
       "and nowhere else: %s", name[0]);
    reap_net_free(&net);
}

int main(void)
{
    static const char *const models[] = { "torchvision/resnet18",
                                          "torchvision/resnext50_32x4d",
                                          "resnet50", "resnet50v2",
                                          "torchvision/wide_resnet50_2" };
    struct reap_net *net;
    struct reap_engine *e;
    char *cap = getenv("REAP_CPU");
    uint32_t seed = 1;

    cap = cap ? strdup(cap) : NULL;
    for (size_t i = 0; i < sizeof(pixels); i++) {
        seed = seed * 1664525 + 1013904223;
        (&pixels[0][0])[i] = (uint8_t)(seed >> 24);
    }
    labels();
    invariance("torchvision/resnet18");
    invariance("resnet50v2");
    net = net_new("torchvision/resnet18", false);
    e = engine_new(net);
    consistent(e);
    reap_engine_free(&e);
    reap_net_free(&net);
    for (size_t m = 0; m < 4; m++)
        levels(models[m]);
    refusals();
    fail_each();
    if (cap)
        setenv("REAP_CPU", cap, 1);
    classes();
    if (cap)
        setenv("REAP_CPU", cap, 1);
    free(cap);
    return done();
}
