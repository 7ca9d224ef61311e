/* Every network, as Keras and torchvision compute it: average and maximum of
 * the features, logits and probabilities on real photos, in fp32 and bf16x3
 * within 1e-4 of the largest magnitude of a row, in bf16 by the cosine of the
 * embeddings. REAP_GOLDEN_PHOTOS: how many photos at most. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/net/model.h"
#include "io/weights/weights.h"
#include "tests/golden_data.h"
#include "tests/tap.h"

static const double bound = 1e-4, cosine = 0.9995;

enum input { TORCH, CAFFE, TF };

static const struct test_case {
    const char *expected, *weights; /* names of prepare.py */
    const char *model;              /* what the net says it is */
    size_t photos, h, w;
    enum input input;
    const char *geometry;
    bool no_top;
    int top;
} cases[] = {
#define TV(name, photos)                                             \
    {                                                                \
#name, #name, "torchvision/" #name, photos, 224, 224, TORCH, \
            "short:256,224", false, -1                               \
    }
#define KERAS(name, photos, input)                                      \
    {                                                                   \
        "keras_" #name, "keras_" #name, #name, photos, 224, 224, input, \
            "nearest:224x224", false, -1                                \
    }
    TV(resnet18, 6),
    TV(resnet34, 6),
    TV(resnet50, 6),
    TV(resnet101, 2),
    TV(resnet152, 2),
    TV(resnext50_32x4d, 6),
    TV(resnext101_32x8d, 2),
    TV(resnext101_64x4d, 2),
    TV(wide_resnet50_2, 2),
    TV(wide_resnet101_2, 2),
    KERAS(resnet50, 6, CAFFE),
    KERAS(resnet101, 2, CAFFE),
    KERAS(resnet152, 2, CAFFE),
    KERAS(resnet50v2, 6, TF),
    KERAS(resnet101v2, 2, TF),
    KERAS(resnet152v2, 2, TF),
#undef TV
#undef KERAS
    { "resnet50_288", "resnet50", "torchvision/resnet50", 2, 288, 288, TORCH,
      "short:288,288", false, -1 },
    { "resnet50_160x192", "resnet50", "torchvision/resnet50", 6, 160, 192,
      TORCH, "warp:160x192", false, -1 },
    { "keras_resnet50_160x192", "keras_resnet50", "resnet50", 6, 160, 192,
      CAFFE, "nearest:160x192", true, -1 },
    { "keras_resnet50_pool_none", "keras_resnet50_notop", "resnet50", 6, 224,
      224, CAFFE, "nearest:224x224", true, -1 },
    { "keras_resnet50_c7", "keras_resnet50_c7", "resnet50", 6, 224, 224, CAFFE,
      "nearest:224x224", false, REAP_LINEAR },
    { "keras_resnet50_head", "keras_resnet50_head", "resnet50", 6, 224, 224,
      CAFFE, "nearest:224x224", false, -1 },
};

/* Which output has to equal which array. */
static const struct {
    const char *array, *output;
} pairs[] = {
    { "embedding", "avg" }, { "embedding_max", "max" }, { "logits", "logits" },
    { "softmax", "probs" }, { "hidden", "head_fc" },    { "values", "none" },
};

enum { PAIRS = sizeof(pairs) / sizeof(pairs[0]) };

static struct reap_norm norm_of(enum input input)
{
    static const struct reap_norm norms[] = {
        [TORCH] = { .div = 255,
                    .mean = { 0.485f, 0.456f, 0.406f },
                    .std = { 0.229f, 0.224f, 0.225f } },
        [CAFFE] = { .div = 1,
                    .mean = { 103.939f, 116.779f, 123.68f },
                    .std = { 1, 1, 1 },
                    .bgr = true },
        [TF] = { .div = 127.5f, .mean = { 1, 1, 1 }, .std = { 1, 1, 1 } },
    };

    return norms[input];
}

/* One map a photo: its sampled values, and its mean. */
static void check_map(const struct golden *g, const struct reap_output *o,
                      size_t n, const float *got)
{
    const struct reap_param *at = golden_find(g, "at");
    const struct reap_param *values = golden_find(g, "values");
    const struct reap_param *most = golden_find(g, "max");
    const struct reap_param *mean = golden_find(g, "mean");
    const size_t size = o->h * o->w * o->c;
    double off = 0;

    for (size_t p = 0; p < n; p++, got += size) {
        double sum = 0;

        for (size_t i = 0; i < size; i++)
            sum += got[i];
        off = fmax(off, fabs(sum / (double)size - mean->data[p]));
        for (size_t i = 0; i < at->count; i++)
            off = fmax(off, fabs((double)got[(size_t)at->data[i]] -
                                 values->data[p * at->count + i]) /
                                most->data[p]);
    }
    ok(off <= bound, "the map's values and mean are off by %.1e", off);
}

/* The mean over n rows of c numbers. */
static double mean_cosine(size_t n, size_t c, const float *a, const float *b)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++, a += c, b += c) {
        double ab = 0, aa = 0, bb = 0;

        for (size_t k = 0; k < c; k++) {
            ab += (double)a[k] * (double)b[k];
            aa += (double)a[k] * (double)a[k];
            bb += (double)b[k] * (double)b[k];
        }
        sum += ab / sqrt(aa * bb);
    }
    return sum / (double)n;
}

/* Numbers of 8 bits are not those of float32, but point the same way. */
static void compare_bf16(const struct golden *g, const struct reap_engine *e,
                         size_t n, void *const *out, const char *expected)
{
    for (size_t i = 0; i < reap_engine_outputs(e); i++) {
        const struct reap_output *o = reap_engine_output(e, i);
        double c;

        if (strcmp(o->name, "avg") != 0)
            continue;
        c = mean_cosine(n, o->c, out[i], golden_find(g, "embedding")->data);
        ok(c >= cosine, "%s: %s, mean cosine %.6f", expected,
           reap_engine_arith(e), c);
    }
}

static void compare(const struct golden *g, const struct reap_engine *e,
                    size_t n, void *const *out, const char *expected)
{
    for (size_t i = 0; i < reap_engine_outputs(e); i++) {
        const struct reap_output *o = reap_engine_output(e, i);
        const struct reap_param *want = NULL;
        double off;

        for (size_t p = 0; p < PAIRS; p++)
            if (!strcmp(pairs[p].output, o->name))
                want = golden_find(g, pairs[p].array);
        if (!strcmp(o->name, "none")) {
            check_map(g, o, n, out[i]);
            continue;
        }
        off = golden_error(n, o->c, out[i], want->data);
        ok(off <= bound && want->dim[1] == o->c, "%s: %s, %s is off by %.1e",
           expected, reap_engine_arith(e), o->name, off);
    }
}

static int run(const struct golden *g, const struct test_case *c,
               const struct reap_net *net, enum reap_precision precision,
               struct reap_err *err)
{
    const char *names[PAIRS];
    struct reap_engine_args a = { .net = net,
                                  .norm = norm_of(c->input),
                                  .precision = precision,
                                  .outputs = names };
    const void *image[8];
    void *out[PAIRS] = { NULL };
    struct reap_engine *e = NULL;
    struct reap_session *s = NULL;
    int rc;

    for (size_t p = 0; p < PAIRS; p++)
        if (golden_find(g, pairs[p].array))
            names[a.n_outputs++] = pairs[p].output;
    a.max_batch = g->n_pixels / (c->h * c->w * 3);
    for (size_t i = 0; i < a.max_batch; i++)
        image[i] = g->pixels + i * c->h * c->w * 3;
    rc = reap_engine_new(&e, &a, err);
    if (!rc)
        rc = reap_session_new(&s, e, err);
    for (size_t i = 0; !rc && i < a.n_outputs; i++) {
        const struct reap_output *o = reap_engine_output(e, i);

        out[i] = malloc(a.max_batch * o->h * o->w * o->c * sizeof(float));
    }
    if (!rc) {
        reap_session_run(s, a.max_batch, image, out);
        (precision == REAP_BF16 ? compare_bf16 : compare)(g, e, a.max_batch,
                                                          out, c->expected);
    }
    for (size_t i = 0; i < PAIRS; i++)
        free(out[i]);
    reap_session_free(&s);
    reap_engine_free(&e);
    return rc;
}

/* Whether this CPU computes in it, and REAP_CPU lets it. */
static bool can(enum reap_precision precision)
{
    const char *name;

    return reap_engine_ariths(precision, false, &name, 1) > 0;
}

static int run_all(const struct golden *g, const struct test_case *c,
                   const struct reap_net *net, struct reap_err *err)
{
    int rc = run(g, c, net, REAP_FP32, err);

    if (!rc && can(REAP_BF16X3))
        rc = run(g, c, net, REAP_BF16X3, err);
    if (!rc && can(REAP_BF16))
        rc = run(g, c, net, REAP_BF16, err);
    return rc;
}

static void check_case(struct golden *g, const struct test_case *c)
{
    const char *most = getenv("REAP_GOLDEN_PHOTOS");
    struct reap_net_args args = { .in_h = c->h,
                                  .in_w = c->w,
                                  .no_top = c->no_top,
                                  .top_activation = c->top };
    struct reap_weights *w = NULL;
    struct reap_net *net = NULL;
    struct reap_err err = { 0 };
    char line[300], path[128];
    size_t photos = c->photos;
    int rc;

    if (most && strtoul(most, NULL, 10) < photos)
        photos = strtoul(most, NULL, 10);
    snprintf(line, sizeof(line), "topology %s %s %s %zu", c->expected,
             c->weights, c->geometry, photos);
    if (golden_make(g, line)) {
        ok(false, "%s: prepare.py makes its references", c->expected);
        return;
    }
    rc = reap_weights_read(
        &w, golden_path(g, path, sizeof(path), "weights.safetensors"), &err);
    if (!rc)
        rc = reap_net_new(&net, &args, w->params, &err);
    reap_weights_free(&w);
    ok(!rc && !strcmp(net->model->name, c->model), "%s is told to be %s%s",
       c->weights, rc ? "something else: " : net->model->name, err.msg);
    if (!rc)
        rc = run_all(g, c, net, &err);
    if (rc)
        ok(false, "%s: %s", c->expected, err.msg);
    reap_net_free(&net);
}

int main(void)
{
    struct golden g;
    const char *why = golden_open(&g);

    if (why) {
        printf("1..0 # SKIP %s\n", why);
        return 0;
    }
    if (!can(REAP_BF16X3))
        skip("no bf16x3 on this CPU, or REAP_CPU forbids it");
    if (!can(REAP_BF16))
        skip("no bf16 on this CPU, or REAP_CPU forbids it");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_case(&g, &cases[i]);
    golden_close(&g);
    return done();
}
