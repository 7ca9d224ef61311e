/* int8: scales found by a calibration, written to a file and read back, results
 * near those of fp32 and the same for any batch, and what is refused. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/cpu.h"
#include "engine/base/mem.h"
#include "engine/engine.h"
#include "engine/net/random.h"
#include "engine/quant/histogram.h"
#include "engine/quant/quantize.h"
#include "io/weights/weights_write.h"
#include "tests/fill.h"
#include "tests/tap.h"

enum { SIDE = 72, IMAGES = 7, MOST = 2048 };

static const struct reap_norm torch = {
    255, { .485f, .456f, .406f }, { .229f, .224f, .225f }, false, false
};
static const struct reap_norm keras = {
    1, { 103.939f, 116.779f, 123.68f }, { 1, 1, 1 }, true, false
};

static uint8_t picture[IMAGES][SIDE * SIDE * 3];
static const void *images[IMAGES];

/* Blobs, not noise: a channel of a network does not see the same everywhere. */
static void make_pictures(void)
{
    for (size_t i = 0; i < IMAGES; i++) {
        images[i] = picture[i];
        for (size_t k = 0; k < sizeof(picture[i]); k++) {
            const double x = (double)(k / 3 % SIDE), y = (double)(k / 3 / SIDE);
            const double wave =
                sin(x / (double)(3 + i) + (double)(k % 3)) * cos(y / 9);

            picture[i][k] = (uint8_t)(128 + 100 * wave + rand() % 27);
        }
    }
}

static struct reap_net *net_of(const char *model,
                               const struct reap_params *params)
{
    const struct reap_net_args a = { .model = model,
                                     .in_h = SIDE,
                                     .in_w = SIDE,
                                     .classes = 10,
                                     .top_activation = -1,
                                     .seed = 3 };
    struct reap_err err = { 0 };
    struct reap_net *net = NULL;

    if (reap_net_new(&net, &a, params, &err))
        printf("# %s\n", err.msg);
    return net;
}

/* Embeddings of all pictures, in batches of 'batch'; how it went. */
static int run(const struct reap_net *net, const struct reap_norm *norm,
               enum reap_precision precision, size_t batch, float *to,
               struct reap_err *err)
{
    const char *const avg[] = { "avg" };
    const struct reap_engine_args a = { .net = net,
                                        .norm = *norm,
                                        .precision = precision,
                                        .max_batch = batch,
                                        .n_outputs = 1,
                                        .outputs = avg };
    struct reap_engine *e = NULL;
    struct reap_session *s = NULL;
    int rc = reap_engine_new(&e, &a, err);

    if (!rc)
        rc = reap_session_new(&s, e, err);
    for (size_t i = 0; !rc && i < IMAGES; i += batch) {
        void *out = to + i * net->features;

        reap_session_run(s, IMAGES - i < batch ? IMAGES - i : batch, images + i,
                         &out);
    }
    reap_session_free(&s);
    reap_engine_free(&e);
    return rc;
}

static double least_cosine(const float *a, const float *b, size_t n)
{
    double least = 1;

    for (size_t i = 0; i < IMAGES; i++, a += n, b += n) {
        double aa = 0, bb = 0, ab = 0;

        for (size_t k = 0; k < n; k++) {
            aa += (double)a[k] * (double)a[k];
            bb += (double)b[k] * (double)b[k];
            ab += (double)a[k] * (double)b[k];
        }
        least = fmin(least, ab / sqrt(aa * bb));
    }
    return least;
}

static void try_model(const char *model, const struct reap_norm *norm)
{
    static float want[IMAGES * MOST], got[IMAGES * MOST], again[IMAGES * MOST];
    struct reap_net *net = net_of(model, NULL);
    struct reap_quantized about = { .range = "" };
    struct reap_err err = { 0 };
    size_t bytes;
    int rc;

    if (!net)
        exit(1);
    bytes = IMAGES * net->features * sizeof(float);
    rc = run(net, norm, REAP_INT8, 1, got, &err);
    ok(rc == REAP_EINVAL && strstr(err.msg, "reap quantize"),
       "%s: without scales the command to type is named", model);
    rc = reap_quantize(net, norm, IMAGES, images, &about, &err);
    ok(!rc, "%s: quantized by %s, cosine %.5f, corrected %.5f%s", model,
       about.range, about.plain, about.corrected, rc ? err.msg : "");
    rc = run(net, norm, REAP_FP32, 2, want, &err);
    if (!rc)
        rc = run(net, norm, REAP_INT8, 1, got, &err);
    ok(!rc && least_cosine(want, got, net->features) > .99,
       "%s: int8 is near fp32: %.5f", model,
       least_cosine(want, got, net->features));
    ok(fabs(least_cosine(want, got, net->features) - about.corrected) < .01,
       "%s: and as near as was told", model);
    for (size_t batch = 3; batch <= IMAGES; batch += 4) {
        memset(again, 0xff, bytes);
        rc = run(net, norm, REAP_INT8, batch, again, &err);
        ok(!rc && !memcmp(got, again, bytes),
           "%s: the same bits in batches of %zu", model, batch);
    }
    reap_net_free(&net);
}

/* Sums of bytes are exact, and rounded by the same operations: all levels give
 * the same bits. */
static void try_levels(const char *model, const struct reap_norm *norm,
                       unsigned cpu)
{
    static const struct {
        const char *name;
        unsigned needs;
    } level[] = { { "avx2", REAP_CPU_AVX2 },
                  { "avx2vnni", REAP_CPU_AVX2VNNI },
                  { "vnni", REAP_CPU_VNNI },
                  { "amx", REAP_CPU_AMX } };
    static float want[IMAGES * MOST], got[IMAGES * MOST], fp32[IMAGES * MOST];
    const char *cap = getenv("REAP_CPU");
    char *was = cap ? reap_strdup(cap) : NULL;
    struct reap_net *net = net_of(model, NULL);
    struct reap_err err = { 0 };
    size_t done = 0, bytes;

    if (!net || reap_quantize(net, norm, IMAGES, images, NULL, &err))
        exit(1);
    bytes = IMAGES * net->features * sizeof(float);
    if (run(net, norm, REAP_FP32, IMAGES, fp32, &err))
        exit(1);
    for (size_t i = 0; i < sizeof(level) / sizeof(*level); i++) {
        float *to = done ? got : want;

        if (!(cpu & level[i].needs)) {
            skip("%s at %s: not on this CPU, or REAP_CPU forbids it", model,
                 level[i].name);
            continue;
        }
        setenv("REAP_CPU", level[i].name, 1);
        memset(to, 0xff, bytes);
        ok(!run(net, norm, REAP_INT8, 4, to, &err) && !memcmp(want, to, bytes),
           "%s at %s: %s%s", model, level[i].name,
           done++ ? "the same bits" : "runs", err.msg);
    }
    ok(done && least_cosine(want, fp32, net->features) > .99,
       "%s: near fp32: %.5f", model, least_cosine(want, fp32, net->features));
    if (was)
        setenv("REAP_CPU", was, 1);
    else
        unsetenv("REAP_CPU");
    reap_free(was);
    reap_net_free(&net);
}

static void try_refusals(void)
{
    struct reap_err err = { 0 };
    struct reap_net *net = net_of("resnet50v2", NULL);

    ok(net && reap_quantize(net, &torch, IMAGES, images, NULL, &err) ==
                  REAP_EINVAL,
       "refused: %s", err.msg);
    reap_net_free(&net);
}

/* A weights file with scales gives the same net. */
static void try_file(void)
{
    static float want[IMAGES * MOST], got[IMAGES * MOST];
    char path[] = "/tmp/reap-quantize-XXXXXX";
    const char *model = "torchvision/resnet18";
    struct reap_weights w = { .calibration = "digest:12 images=7" }, *is = NULL;
    struct reap_graph *g =
        reap_graph_new(reap_model_find(model, NULL), SIDE, SIDE);
    struct reap_net *net = NULL, *back = NULL;
    struct reap_param *p;
    struct reap_err err = { 0 };
    size_t n;
    int fd = mkstemp(path), rc;

    rc = reap_random_params(&w.params, g, 10, 3, &err);
    if (!rc && fd >= 0)
        net = net_of(model, w.params);
    if (!net || reap_quantize(net, &torch, IMAGES, images, NULL, &err))
        exit(1);
    n = net->n_nodes;
    rc = reap_params_add(w.params, REAP_INT8_SCALE, 1, &n, &p, &err);
    if (!rc)
        memcpy(p->data, net->quantized, n * sizeof(float));
    n = reap_net_shifts(net);
    if (!rc)
        rc = reap_params_add(w.params, REAP_INT8_SHIFT, 1, &n, &p, &err);
    if (!rc)
        memcpy(p->data, net->quantized + net->n_nodes, n * sizeof(float));
    if (!rc)
        rc = reap_weights_write(&w, model, "", path, &err);
    if (!rc)
        rc = reap_weights_read(&is, path, &err);
    ok(!rc && !strcmp(is->calibration, w.calibration),
       "a file tells what it was calibrated with%s", err.msg);
    back = rc ? NULL : net_of(model, is->params);
    ok(back && back->quantized &&
           !memcmp(back->quantized, net->quantized,
                   (n + net->n_nodes) * sizeof(float)),
       "and has the scales");
    if (back && !run(net, &torch, REAP_INT8, 1, want, &err))
        rc = run(back, &torch, REAP_INT8, 1, got, &err);
    ok(back && !rc && !memcmp(want, got, IMAGES * net->features * 4),
       "and gives the same bits");
    close(fd);
    unlink(path);
    reap_net_free(&net);
    reap_net_free(&back);
    reap_weights_free(&is);
    reap_params_free(&w.params);
    reap_free(g);
}

static void try_histogram(void)
{
    static struct reap_histogram h;
    float x[1000];

    for (int i = 0; i < 1000; i++)
        x[i] = (float)(i + 1) / 1000;
    reap_histogram_add(&h, x, 10); /* bins have to become wider */
    reap_histogram_add(&h, x + 10, 990);
    ok(h.total == 1000 && fabs((double)h.most - 1) < 1e-6,
       "a histogram of a thousand numbers");
    ok(fabs(reap_histogram_share(&h, .9) - .9) < .01 &&
           fabs(reap_histogram_share(&h, 1) - 1) < 1e-6,
       "nine tenths of them reach %.4f", reap_histogram_share(&h, .9));
    ok(reap_histogram_best(&h) > .98, "even numbers are best kept whole");
    x[0] = 1000;
    for (int i = 0; i < 100; i++)
        reap_histogram_add(&h, x + 1, 999);
    reap_histogram_add(&h, x, 1);
    ok(reap_histogram_best(&h) > 500, "nor is one far out given up: %g",
       reap_histogram_best(&h));
}

int main(void)
{
    unsigned cpu;

    fill_seed();
    make_pictures();
    try_histogram();
    if (reap_cpu_detect(&cpu, NULL))
        return 1;
    if (!(cpu & REAP_CPU_AVX2)) {
        skip("int8 needs AVX2: not on this CPU, or REAP_CPU forbids");
        return done();
    }
    try_model("torchvision/resnet18", &torch);
    try_model("resnet50", &keras);
    try_levels("torchvision/resnet18", &torch, cpu);
    try_levels("torchvision/resnext50_32x4d", &torch, cpu);
    try_refusals();
    try_file();
    return done();
}
