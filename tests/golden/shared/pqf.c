/* Trained weights on 250 photos, against torchvision: embeddings, labels, the
 * stages on the way, and the same in double precision. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/net/model.h"
#include "io/weights/weights.h"
#include "tests/golden_data.h"
#include "tests/tap.h"

enum { SIDE = 224, CROP = SIDE * SIDE * 3, BATCH = 16, TIE = 180 };

static const struct reap_norm norm = { .div = 255,
                                       .mean = { 0.485f, 0.456f, 0.406f },
                                       .std = { 0.229f, 0.224f, 0.225f } };

/* Run photos 0 to n, BATCH at a time, into out[i] of each output. */
static int run(const struct golden *g, const struct reap_net *net,
               enum reap_precision precision, size_t n, size_t n_outputs,
               const char *const *outputs, void **out)
{
    struct reap_engine_args a = { .net = net,
                                  .norm = norm,
                                  .precision = precision,
                                  .max_batch = BATCH,
                                  .n_outputs = n_outputs,
                                  .outputs = outputs,
                                  .k = 1 };
    struct reap_engine *e = NULL;
    struct reap_session *s = NULL;
    const void *image[BATCH];
    int rc = reap_engine_new(&e, &a, NULL);

    if (!rc)
        rc = reap_session_new(&s, e, NULL);
    if (!rc)
        printf("# %s\n", reap_engine_arith(e));
    for (size_t p = 0; !rc && p < n; p += BATCH) {
        const size_t m = n - p < BATCH ? n - p : BATCH;
        void *to[REAP_MAX_OUTPUTS];

        for (size_t i = 0; i < m; i++)
            image[i] = g->pixels + (p + i) * CROP;
        for (size_t i = 0; i < n_outputs; i++) {
            const struct reap_output *o = reap_engine_output(e, i);

            to[i] = (char *)out[i] +
                    p * o->h * o->w * o->c *
                        (o->topk ? sizeof(struct reap_top) : sizeof(float));
        }
        reap_session_run(s, m, image, to);
    }
    reap_session_free(&s);
    reap_engine_free(&e);
    return rc;
}

static void check_labels(const float *logits, const struct reap_top *top,
                         size_t n)
{
    size_t same = 0, others = 0;

    for (size_t i = 0; i < n; i++) {
        size_t best = 0;

        for (size_t c = 1; c < 1000; c++)
            if (logits[i * 1000 + c] > logits[i * 1000 + best])
                best = c;
        same += top[i].index == (int32_t)best;
        others += top[i].index != (int32_t)best && i * 4 != TIE;
    }
    ok(!others, "%zu of %zu first labels are equal, but for the tie of 0180",
       same, n);
}

static void check_rows(const struct golden *g, const struct reap_net *net)
{
    static const char *const outputs[] = { "avg", "max", "logits", "top" };
    const struct reap_param *want = golden_find(g, "embedding");
    const size_t n = g->n_pixels / CROP;
    float *avg = malloc(n * 2048 * sizeof(float));
    float *max = malloc(n * 2048 * sizeof(float));
    float *logits = malloc(n * 1000 * sizeof(float));
    struct reap_top *top = malloc(n * sizeof(*top));
    double e;

    ok(!run(g, net, REAP_FP32, n, 4, outputs,
            (void *[]){ avg, max, logits, top }),
       "%zu photos are run", n);
    e = golden_error(n, 2048, avg, want->data);
    ok(e <= 2e-5, "embeddings are off by %.1e", e);
    e = golden_error(16, 2048, max, golden_find(g, "embedding_max16")->data);
    ok(e <= 2e-5, "maxima are off by %.1e", e);
    e = golden_error(n, 1000, logits, golden_find(g, "logits")->data);
    ok(e <= 2e-5, "logits are off by %.1e", e);
    e = golden_error(10, 2048, avg, golden_find(g, "embedding_f64_10")->data);
    ok(e <= 1e-5, "embeddings are off double precision by %.1e", e);
    e = golden_error(10, 1000, logits, golden_find(g, "logits_f64_10")->data);
    ok(e <= 1e-5, "logits are off double precision by %.1e", e);
    check_labels(golden_find(g, "logits")->data, top, n);
    free(avg);
    free(max);
    free(logits);
    free(top);
}

static double cosine(const float *a, const float *b, size_t n)
{
    double ab = 0, aa = 0, bb = 0;

    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return ab / sqrt(aa * bb);
}

static void check_bf16(const struct golden *g, const struct reap_net *net)
{
    const struct reap_param *want = golden_find(g, "embedding");
    const size_t n = g->n_pixels / CROP;
    float *avg = malloc(n * 2048 * sizeof(float));
    double sum = 0, least = 1;

    if (run(g, net, REAP_BF16, n, 1, (const char *const[]){ "avg" },
            (void *[]){ avg })) {
        skip("no bf16 on this CPU, or REAP_CPU forbids it");
        free(avg);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        double c = cosine(avg + i * 2048, want->data + i * 2048, 2048);

        sum += c;
        least = c >= least ? least : c;
    }
    ok(sum / (double)n >= 0.9995, "bf16: mean cosine %.6f, least %.6f",
       sum / (double)n, least);
    free(avg);
}

/* Three products of bfloat16 for one are near those of float32. */
static void check_bf16x3(const struct golden *g, const struct reap_net *net)
{
    static const char *const outputs[] = { "avg", "logits" };
    const size_t n = g->n_pixels / CROP;
    float *avg = malloc(n * 2048 * sizeof(float));
    float *logits = malloc(n * 1000 * sizeof(float));
    double e;

    if (run(g, net, REAP_BF16X3, n, 2, outputs, (void *[]){ avg, logits })) {
        skip("no bf16x3 on this CPU, or REAP_CPU forbids it");
        goto out;
    }
    e = golden_error(10, 2048, avg, golden_find(g, "embedding_f64_10")->data);
    ok(e <= 5e-5, "bf16x3: embeddings are off double precision by %.1e", e);
    e = golden_error(10, 1000, logits, golden_find(g, "logits_f64_10")->data);
    ok(e <= 5e-5, "bf16x3: logits are off double precision by %.1e", e);
    /* Rows differ: the worst channel of the worst is off by 1.2e-4. */
    e = 0;
    for (size_t i = 0; i < n; i++)
        e += golden_error(1, 2048, avg + i * 2048,
                          golden_find(g, "embedding")->data + i * 2048);
    ok(e / (double)n <= 5e-5,
       "bf16x3: %zu embeddings are off torchvision by %.1e in the mean", n,
       e / (double)n);
out:
    free(avg);
    free(logits);
}

/* The stage 'name' of photo 0, which the net calls 'layer'. */
static void check_stage(const struct golden *g, const struct reap_net *net,
                        const char *name, const char *layer)
{
    const struct reap_node *n = &net->node[reap_net_find(net, layer)];
    const size_t size = n->h * n->w * n->c;
    float *map = malloc(size * sizeof(*map));
    const struct reap_param *at, *values;
    double off = 0, most = 0;
    char key[80];

    snprintf(key, sizeof(key), "%s/at", name);
    at = golden_find(g, key);
    snprintf(key, sizeof(key), "%s/values", name);
    values = golden_find(g, key);
    if (run(g, net, REAP_FP32, 1, 1, &layer, (void *[]){ map }))
        off = INFINITY;
    for (size_t i = 0; i < at->count; i++) {
        most = fmax(most, fabs((double)values->data[i]));
        off =
            fmax(off, fabs((double)map[(size_t)at->data[i]] - values->data[i]));
    }
    ok(off <= 2e-5 * most, "%s is off by %.1e", layer, off / most);
    if (!strcmp(name, "layer4.2"))
        ok(golden_error(1, size, map, golden_find(g, "layer4_hwc")->data) <=
               2e-5,
           "and so is every value of it");
    free(map);
}

static void check_stages(const struct golden *g, const struct reap_net *net)
{
    static const size_t blocks[] = { 3, 4, 6, 3 };
    char name[48];

    check_stage(g, net, "bn1_relu", "relu");
    check_stage(g, net, "maxpool", "maxpool");
    for (size_t s = 0; s < 4; s++)
        for (size_t b = 0; b < blocks[s]; b++) {
            snprintf(name, sizeof(name), "layer%zu.%zu", s + 1, b);
            check_stage(g, net, name, name);
        }
}

int main(void)
{
    struct reap_net_args args = { .top_activation = -1 };
    struct reap_weights *w = NULL;
    struct reap_net *net = NULL;
    struct golden g;
    const char *why = golden_open(&g);
    struct reap_err err = { 0 };
    char path[128];
    int rc;

    if (why) {
        printf("1..0 # SKIP %s\n", why);
        return 0;
    }
    ok(!golden_make(&g, "pqf"), "prepare.py makes the references");
    rc = reap_weights_read(
        &w, golden_path(&g, path, sizeof(path), "weights.safetensors"), &err);
    if (!rc)
        rc = reap_net_new(&net, &args, w->params, &err);
    ok(!rc && !strcmp(net->model->name, "torchvision/resnet50"),
       "the weights are told to be torchvision/resnet50 %s", err.msg);
    if (!rc) {
        check_rows(&g, net);
        check_bf16(&g, net);
        check_bf16x3(&g, net);
        check_stages(&g, net);
    }
    reap_weights_free(&w);
    reap_net_free(&net);
    golden_close(&g);
    return done();
}
