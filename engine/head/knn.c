/*
 * Queries are packed like weights and multiplied with all rows by the
 * convolution kernels, a chunk of rows at a time; the best of a chunk are kept
 * while it is in the cache. Rounding that would make a row's cosine with itself
 * differ from 1 is taken away at the end.
 */
#include <math.h>
#include <string.h>

#include "engine/base/cpu.h"
#include "engine/base/crew.h"
#include "engine/base/mem.h"
#include "engine/head/knn.h"
#include "engine/kern/kernels.h"
#include "engine/kern/ops.h"

/* Rows that a panel of queries meets before the best are looked for: what a
 * run writes stays in the first cache. */
enum { CHUNK = 112, LANES = REAP_PIXEL / sizeof(float) };

struct reap_knn {
    size_t n, width;
    float *row; /* (n, width), of length 1 */
    struct reap_kernels kernels;
    size_t panel; /* queries of a product */
    struct reap_crew *crew;
};

/* A search while it lasts, and what each thread has for itself. */
struct search {
    const struct reap_knn *knn;
    size_t n, k;
    const float *q;
    const int32_t *skip;
    struct reap_neighbour *out;
    float *own; /* per thread: a panel, bias, cosines */
};

int reap_knn_new(struct reap_knn **out, size_t n, size_t width, size_t threads,
                 struct reap_err *err)
{
    struct reap_knn *k;
    unsigned cpu;
    int rc = reap_cpu_detect(&cpu, err);

    *out = NULL;
    if (rc)
        return rc;
    if (!n || !width || n > INT32_MAX)
        return reap_fail(err, REAP_EINVAL,
                         "neighbours among %zu rows of %zu numbers", n, width);
    *out = k = reap_calloc(1, sizeof(*k));
    if (k && width <= SIZE_MAX / sizeof(float) / n)
        k->row = reap_aligned(n * width * sizeof(float));
    if (!k || !k->row) {
        reap_knn_free(out);
        return reap_fail(err, REAP_ENOMEM,
                         "no memory for %zu rows of %zu numbers", n, width);
    }
    memset(k->row, 0, n * width * sizeof(float));
    k->n = n;
    k->width = width;
    reap_kernels_init(&k->kernels, cpu);
    if (!k->kernels.conv_f32.fn) {
        k->kernels.conv_f32.fn = reap_conv_run_ref;
        k->kernels.conv_f32.tile.nr = LANES;
    }
    k->panel = k->kernels.conv_f32.tile.nr;
    rc = reap_crew_new(&k->crew, threads ? threads : 1, err);
    if (rc)
        reap_knn_free(out);
    return rc;
}

/* to = x, 'step' apart, scaled to length 1; zero if that cannot be. */
static void unit(const float *x, size_t n, float *to, size_t step)
{
    double sum = 0, by;

    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    by = sum > 0 && isfinite(sum) ? 1 / sqrt(sum) : 0;
    for (size_t i = 0; i < n; i++)
        to[i * step] = by > 0 ? (float)((double)x[i] * by) : 0;
}

void reap_knn_set(struct reap_knn *k, size_t i, const float *x)
{
    unit(x, k->width, k->row + i * k->width, 1);
}

/* Put a row among the best, which are sorted, if it is better than the last. */
static void knn_put(struct reap_neighbour *best, size_t k, int32_t index,
                    float cosine)
{
    size_t i = k - 1;

    if (best[i].index >= 0 && !(cosine > best[i].cosine))
        return;
    for (; i && (best[i - 1].index < 0 || cosine > best[i - 1].cosine); i--)
        best[i] = best[i - 1];
    best[i] = (struct reap_neighbour){ index, cosine };
}

/* Cosines of rows from..to with a panel of queries. cosine: blocks of LANES
 * queries, CHUNK rows each. */
static void multiply(const struct reap_knn *k, size_t from, size_t to,
                     const float *panel, const float *bias, float *cosine)
{
    const struct reap_conv_step step = { 0, 0 };
    const struct reap_conv_run run = {
        .n = to - from,
        .n_parts = 1,
        .part = { { .in = (const char *)(k->row + from * k->width),
                    .stride = (ptrdiff_t)(k->width * sizeof(float)),
                    .step = &step,
                    .n_steps = 1,
                    .dwords = k->width } },
        .w = (const char *)panel,
        .bias = bias,
        .out = (char *)cosine,
        .out_block = CHUNK * REAP_PIXEL,
        .floor = -INFINITY,
    };

    k->kernels.conv_f32.fn(&run);
}

static void search_panel(const struct search *s, float *own, size_t first)
{
    const struct reap_knn *knn = s->knn;
    const size_t queries =
        s->n - first < knn->panel ? s->n - first : knn->panel;
    float *panel = own, *bias = panel + knn->width * knn->panel;
    float *cosine = bias + knn->panel;

    memset(panel, 0, knn->width * knn->panel * sizeof(float));
    memset(bias, 0, knn->panel * sizeof(float));
    for (size_t i = 0; i < queries; i++)
        unit(s->q + (first + i) * knn->width, knn->width, panel + i,
             knn->panel);
    for (size_t from = 0; from < knn->n; from += CHUNK) {
        const size_t to = knn->n - from < CHUNK ? knn->n : from + CHUNK;

        multiply(knn, from, to, panel, bias, cosine);
        for (size_t i = 0; i < queries; i++) {
            const float *of = cosine + i / LANES * CHUNK * LANES + i % LANES;

            for (size_t r = from; r < to; r++)
                if (!s->skip || s->skip[first + i] != (int32_t)r)
                    knn_put(s->out + (first + i) * s->k, s->k, (int32_t)r,
                            of[(r - from) * LANES]);
        }
    }
}

size_t reap_knn_scratch(const struct reap_knn *k)
{
    /* panels of 16 or more queries, so that all parts are aligned */
    return k->panel * (k->width + 1 + CHUNK);
}

static void search_share(void *ctx, size_t thread)
{
    const struct search *s = ctx;
    const size_t panel = s->knn->panel, n = (s->n + panel - 1) / panel;
    size_t from;
    const size_t to =
        reap_crew_share(n, thread, reap_crew_size(s->knn->crew), &from);

    for (size_t p = from; p < to; p++)
        search_panel(s, s->own + thread * reap_knn_scratch(s->knn), p * panel);
}

static void knn_begin(const struct search *s)
{
    for (size_t i = 0; i < s->n * s->k; i++)
        s->out[i] = (struct reap_neighbour){ -1, 0 };
}

/* Take away what rounding adds to the cosine of a row with itself. */
static void knn_finish(const struct search *s)
{
    for (size_t i = 0; i < s->n * s->k; i++)
        if (s->out[i].cosine > 1)
            s->out[i].cosine = 1;
}

void reap_knn_run(const struct reap_knn *knn, size_t n, const float *q,
                  size_t k, const int32_t *skip, struct reap_neighbour *out,
                  float *scratch)
{
    const struct search s = { knn, n, k, q, skip, out, scratch };

    knn_begin(&s);
    for (size_t first = 0; first < n && k; first += knn->panel)
        search_panel(&s, scratch, first);
    knn_finish(&s);
}

int reap_knn_search(struct reap_knn *knn, size_t n, const float *q, size_t k,
                    const int32_t *skip, struct reap_neighbour *out,
                    struct reap_err *err)
{
    struct search s = { knn, n, k, q, skip, out, NULL };

    s.own = reap_aligned(reap_knn_scratch(knn) * sizeof(float) *
                         reap_crew_size(knn->crew));
    if (!s.own)
        return reap_fail(err, REAP_ENOMEM, "no memory to look for neighbours");
    knn_begin(&s);
    if (n && k)
        reap_crew_run(knn->crew, search_share, &s);
    knn_finish(&s);
    reap_free(s.own);
    return REAP_OK;
}

void reap_knn_vote(const struct reap_neighbour *near, size_t k,
                   const int32_t *label, size_t classes, float *prob)
{
    size_t votes = 0;

    memset(prob, 0, classes * sizeof(*prob));
    for (size_t i = 0; i < k; i++) {
        if (near[i].index < 0 || label[near[i].index] < 0)
            continue;
        prob[label[near[i].index]] += 1;
        votes++;
    }
    for (size_t c = 0; votes && c < classes; c++)
        prob[c] = (float)((double)prob[c] / (double)votes);
}

size_t reap_knn_width(const struct reap_knn *k)
{
    return k->width;
}

size_t reap_knn_rows(const struct reap_knn *k)
{
    return k->n;
}

void reap_knn_free(struct reap_knn **k)
{
    if (!*k)
        return;
    reap_crew_free(&(*k)->crew);
    reap_free((*k)->row);
    reap_free(*k);
    *k = NULL;
}
