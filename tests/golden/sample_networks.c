/*
 * Every network of engine/net/models.def with made weights, on two images of
 * tests/golden/sample, against torchvision and Keras in double precision:
 * averages and maxima of the features, logits, the first five labels, and for
 * one network of each family the stages on the way and another input size.
 *
 * Bounds are of the largest magnitude of a row. FP32: the sums of a layer have
 * up to 4608 terms, each rounded to 2^-24 = 6e-8, and the errors of 18 to 152
 * layers add up like chance: torchvision and Keras themselves are off by up to
 * 7.5e-7 in float32. Measured here on avx512, avx2 and blas: 4.6e-7 for
 * averages and logits, 1.6e-6 for single features (Winograd's transforms have
 * small errors, but more of them); the bounds are three to four times that. An
 * epsilon of 1e-5 in place of Keras's 1.001e-5 would be off by 3.7e-5.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/net/model.h"
#include "pipeline/prepare.h"
#include "tests/golden_data.h"
#include "tests/sample.h"
#include "tests/tap.h"

enum { N = 2, SIDE = 224, CLASSES = 1000, TOP = 5 };

static const double fp32 = 2e-6, fp32_one = 5e-6, bf16x3 = 1e-4,
                    cosine = 0.9999;

static const char *const images[N] = { "scene_420.jpg", "noise.jpg" };

struct test_case {
    const struct reap_params *want;
    const struct reap_net *net;
    struct reap_norm norm;
    enum reap_precision precision;
};

/* The images as the preset makes them, one after the other. */
static uint8_t *pixels(const struct reap_preset *preset, size_t bytes)
{
    const struct reap_limits limits = { 0 };
    uint8_t *to = malloc(N * bytes);
    struct reap_prepared got;
    struct reap_prepare *p;

    if (!to || reap_prepare_new(&p, preset, &limits, NULL))
        abort();
    for (size_t i = 0; i < N; i++) {
        struct reap_bytes b;
        char file[100];

        snprintf(file, sizeof(file), "images/%s", images[i]);
        b = sample_read(file);
        reap_prepare_run(p, &(struct reap_image){ .bytes = b }, to + i * bytes,
                         bytes, &got);
        if (got.status || got.h * got.w * 3 != bytes)
            ok(0, "%s is prepared: %s", images[i], got.reason);
        free((void *)(uintptr_t)b.data);
    }
    reap_prepare_free(&p);
    return to;
}

/* Run the images; out[i] is for the caller to free. Returns an engine, or NULL
 * where this CPU has no such arithmetic. */
static struct reap_engine *run(const struct test_case *c, const uint8_t *px,
                               size_t n_outputs, const char *const *outputs,
                               void **out)
{
    const struct reap_engine_args a = { .net = c->net,
                                        .norm = c->norm,
                                        .precision = c->precision,
                                        .max_batch = N,
                                        .n_outputs = n_outputs,
                                        .outputs = outputs,
                                        .k = TOP };
    const void *image[N];
    struct reap_session *s = NULL;
    struct reap_engine *e = NULL;

    if (reap_engine_new(&e, &a, NULL) || reap_session_new(&s, e, NULL))
        abort();
    for (size_t i = 0; i < N; i++)
        image[i] = px + i * c->net->in_h * c->net->in_w * 3;
    for (size_t i = 0; i < n_outputs; i++) {
        const struct reap_output *o = reap_engine_output(e, i);

        out[i] = malloc(N * o->h * o->w * o->c *
                        (o->topk ? sizeof(struct reap_top) : sizeof(float)));
    }
    reap_session_run(s, N, image, out);
    reap_session_free(&s);
    return e;
}

/* Do the labels and probabilities agree? */
static void check_top(const struct test_case *c, const struct reap_top *top,
                      double bound)
{
    const float *index = sample_array(c->want, "top_index", 2)->data;
    const float *prob = sample_array(c->want, "top_prob", 2)->data;
    size_t wrong = 0;
    double off = 0;

    for (size_t i = 0; i < N * TOP; i++) {
        wrong += top[i].index != (int32_t)index[i];
        off = fmax(off, fabs((double)top[i].prob - (double)prob[i]));
    }
    ok(!wrong, "%s: the first five labels are the same", c->net->model->name);
    /* exp() turns an error of a logit into as large a part of the result */
    ok(off <= bound, "%s: and their probabilities, within %.1e: %.1e",
       c->net->model->name, bound, off);
}

static double most(const struct reap_param *p)
{
    double m = 0;

    for (size_t i = 0; i < p->count; i++)
        m = fmax(m, fabs((double)p->data[i]));
    return m;
}

static void check_rows(const struct test_case *c, const uint8_t *px,
                       double bound)
{
    static const char *const outputs[] = { "avg", "logits", "top", "max" };
    const size_t n = reap_params_find(c->want, "max") ? 4 : 3;
    const struct reap_param *logits = sample_array(c->want, "logits", 2);
    void *out[4] = { NULL };
    struct reap_engine *e = run(c, px, n, outputs, out);

    for (size_t i = 0; i < n; i++) {
        const struct reap_output *o = reap_engine_output(e, i);
        const struct reap_param *want;
        double off;

        if (o->topk) {
            check_top(c, out[i], bound * most(logits));
            continue;
        }
        want = sample_array(c->want, outputs[i], 2);
        off = golden_error(N, o->c, out[i], want->data);
        ok(want->dim[0] == N && want->dim[1] == o->c &&
               off <= (i == 3 && bound < fp32_one ? fp32_one : bound),
           "%s: %s, %s is off by %.1e", c->net->model->name,
           reap_engine_arith(e), outputs[i], off);
    }
    for (size_t i = 0; i < n; i++)
        free(out[i]);
    reap_engine_free(&e);
}

/* Numbers of 8 bits are not those of float32, but point the same way. */
static void check_bf16(const struct test_case *c, const uint8_t *px)
{
    static const char *const outputs[] = { "avg" };
    const struct reap_param *want = sample_array(c->want, "avg", 2);
    const size_t n = want->dim[1];
    void *out[1] = { NULL };
    struct reap_engine *e = run(c, px, 1, outputs, out);
    double least = 1;

    for (size_t i = 0; i < N; i++) {
        const float *a = (float *)out[0] + i * n, *b = want->data + i * n;
        double ab = 0, aa = 0, bb = 0;

        for (size_t k = 0; k < n; k++) {
            ab += (double)a[k] * (double)b[k];
            aa += (double)a[k] * (double)a[k];
            bb += (double)b[k] * (double)b[k];
        }
        least = fmin(least, ab / sqrt(aa * bb));
    }
    ok(least >= cosine, "%s: %s, least cosine %.6f", c->net->model->name,
       reap_engine_arith(e), least);
    free(out[0]);
    reap_engine_free(&e);
}

/* A few values of each stage of the first image. */
static void check_stages(const struct test_case *c, const uint8_t *px)
{
    for (size_t i = 0; i < reap_params_count(c->want); i++) {
        const struct reap_param *p = reap_params_at(c->want, i), *scale;
        const char *stage = p->name + 6;
        struct reap_engine *e;
        void *out[1] = { NULL };
        char name[80];
        double off = 0;

        if (strncmp(p->name, "stage/", 6) != 0)
            continue;
        snprintf(name, sizeof(name), "most/%s", stage);
        scale = sample_array(c->want, name, 0);
        e = run(c, px, 1, &stage, out);
        for (size_t k = 0; k < p->dim[1]; k++) {
            const float got = ((float *)out[0])[(size_t)p->data[k]];

            off = fmax(off, fabs((double)got - p->data[p->dim[1] + k]));
        }
        ok(off <= fp32_one * scale->data[0], "%s: %s is off by %.1e",
           c->net->model->name, stage, off / scale->data[0]);
        free(out[0]);
        reap_engine_free(&e);
    }
}

/* Whether this CPU computes in it, and REAP_CPU lets it. */
static bool can(enum reap_precision precision)
{
    const char *name;

    return reap_engine_ariths(precision, false, &name, 1) > 0;
}

/* The network without a head, for an input of 160 x 192. */
static void check_small(const struct reap_params *w, struct test_case c,
                        struct reap_preset preset)
{
    static const char *const outputs[] = { "avg" };
    const struct reap_param *want = sample_array(c.want, "warp_160x192", 2);
    const struct reap_net_args args = {
        .in_h = 160, .in_w = 192, .no_top = true, .top_activation = -1
    };
    struct reap_net *net;
    struct reap_engine *e;
    void *out[1] = { NULL };
    uint8_t *px;
    double off;

    if (reap_preset_set(&preset, "resize", "warp:160x192", NULL) ||
        reap_net_new(&net, &args, w, NULL))
        abort();
    preset.crop_h = preset.crop_w = 0;
    px = pixels(&preset, 160 * 192 * 3);
    c.net = net;
    e = run(&c, px, 1, outputs, out);
    off = golden_error(N, want->dim[1], out[0], want->data);
    ok(off <= fp32, "%s, 160 x 192: avg is off by %.1e", net->model->name, off);
    free(out[0]);
    free(px);
    reap_engine_free(&e);
    reap_net_free(&net);
}

static void check(const struct reap_model *m)
{
    const struct reap_net_args args = { .top_activation = -1 };
    struct test_case c = { .precision = REAP_FP32 };
    struct reap_preset preset;
    struct reap_params *want, *w;
    struct reap_err err = { 0 };
    struct reap_net *net = NULL;
    char file[100];
    uint8_t *px;

    snprintf(file, sizeof(file), "networks/%s%s.f32",
             reap_model_keras(m) ? "keras_" : "", m->name);
    if (strchr(file + 9, '/'))
        *strchr(file + 9, '/') = '_';
    want = sample_arrays(file);
    w = sample_weights(m->name, CLASSES,
                       (uint64_t)sample_array(want, "seed", 0)->data[0]);
    if (reap_preset_find(m->family == REAP_KERAS_V1   ? "keras-caffe"
                         : m->family == REAP_KERAS_V2 ? "keras-tf"
                                                      : "torchvision-v1",
                         &preset, NULL))
        abort();
    px = pixels(&preset, SIDE * SIDE * 3);
    ok(!reap_net_new(&net, &args, w, &err) && net->model == m,
       "%s is told by its tensors %s", m->name, err.msg);
    c.want = want;
    c.net = net;
    c.norm = preset.norm;
    check_rows(&c, px, fp32);
    check_stages(&c, px);
    if (reap_params_find(want, "warp_160x192"))
        check_small(w, c, preset);
    c.precision = REAP_BF16X3;
    if (can(c.precision))
        check_rows(&c, px, bf16x3);
    c.precision = REAP_BF16;
    if (can(c.precision))
        check_bf16(&c, px);
    free(px);
    reap_net_free(&net);
    reap_params_free(&w);
    reap_params_free(&want);
}

int main(void)
{
    const struct reap_model *m;

    if (!can(REAP_BF16X3))
        skip("no bf16x3 on this CPU, or REAP_CPU forbids it");
    if (!can(REAP_BF16))
        skip("no bf16 on this CPU, or REAP_CPU forbids it");
    for (size_t i = 0; (m = reap_model_at(i)); i++)
        check(m);
    return done();
}
