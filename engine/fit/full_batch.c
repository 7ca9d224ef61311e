/* Examples are cut into runs by their number alone. A run's loss and gradient
 * are computed by one thread in a fixed order, and the runs' sums are added in
 * order at the end: that is why neither threads nor ranks change a bit. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "engine/base/cpu.h"
#include "engine/base/crew.h"
#include "engine/base/mem.h"
#include "engine/fit/fit_loss.h"
#include "engine/fit/full_batch.h"
#include "engine/kern/kernels.h"
#include "engine/kern/ops.h"

enum {
    L = 16,    /* classes of a group */
    ROWS = 64, /* in hand at once: with 2048 numbers each, a quarter of an L2 */
    RUNS = 64,
    MOST = 256 << 20 /* bytes of all runs' gradients: fewer runs beyond */
};

/* A run's result: its gradient (group, in + 1, 16), then three doubles. */
struct tail {
    double loss, right, n;
    double fill[5];
};

struct desk {
    float *x; /* (ROWS, ld): the embeddings, and a 1 for the bias */
    float *z; /* (group, ROWS, 16) */
};

struct reap_full_batch {
    struct reap_full_batch_args a;
    size_t depth, ld, groups; /* depth: in + 1 */
    size_t runs, size;        /* size: bytes of a run's result */
    size_t first, end, *owner;
    float *weight; /* (classes) */
    float *w;      /* (group, depth, 16) */
    float *zero;
    char *run; /* results */
    struct reap_conv_step by_row[ROWS];
    reap_conv_fn *product;
    struct desk *desk; /* threads */
    struct reap_crew *crew;
    const struct reap_fit_batch *rows; /* of this call */
    double *g;                         /* of this call */
};

static size_t gradient_size(const struct reap_full_batch *f)
{
    return f->groups * f->depth * L;
}

static float *gradient_of(const struct reap_full_batch *f, size_t run)
{
    return (float *)(void *)(f->run + run * f->size);
}

static struct tail *tail_of(const struct reap_full_batch *f, size_t run)
{
    return (struct tail *)(void *)(gradient_of(f, run) + gradient_size(f));
}

/* ---- a run ---- */

/* n examples from number 'at' on; the last column is 1. */
static void full_batch_load(const struct reap_full_batch *f,
                            const struct desk *d, size_t at, size_t n)
{
    const struct reap_fit_batch *b = f->rows;

    for (size_t i = 0; i < n; i++) {
        b->from->load(b->from->ctx, b->row[at + i], d->x + i * f->ld);
        d->x[i * f->ld + f->a.in] = 1;
    }
}

static void full_batch_forward(const struct reap_full_batch *f,
                               const struct desk *d, size_t n)
{
    static const struct reap_conv_step all = { 0, 0 };

    for (size_t g = 0; g < f->groups; g++) {
        const struct reap_conv_run r = {
            .n = n,
            .n_parts = 1,
            .part = { { (const char *)d->x, (ptrdiff_t)(4 * f->ld), &all, 1,
                        f->depth } },
            .w = (const char *)(f->w + g * f->depth * L),
            .bias = f->zero,
            .out = (char *)(d->z + g * ROWS * L),
            .floor = -INFINITY
        };

        f->product(&r);
    }
}

static void losses(const struct reap_full_batch *f, const struct desk *d,
                   size_t at, size_t n, struct tail *t)
{
    const struct reap_fit_source *from = f->rows->from;
    const struct reap_fit_logits l = {
        d->z, ROWS, f->a.classes, f->a.multi, f->weight, (double)f->rows->n
    };

    for (size_t i = 0; i < n; i++) {
        const size_t *label = &from->at[f->rows->row[at + i]];
        double right;

        t->loss += reap_fit_row(&l, i, from->label + label[0],
                                label[1] - label[0], &right);
        t->right += right;
    }
    /* Classes that are padding have logits of 0 and no gradient. */
    t->n += (double)n;
}

/* Add the gradient of these rows to 'to'. */
static void backward(const struct reap_full_batch *f, const struct desk *d,
                     size_t n, float *to)
{
    for (size_t g = 0; g < f->groups; g++) {
        char *out = (char *)(to + g * f->depth * L);
        const struct reap_conv_run r = {
            .n = f->depth,
            .n_parts = 1,
            .part = { { (const char *)d->x, 4, f->by_row, n, 1 } },
            .w = (const char *)(d->z + g * ROWS * L),
            .bias = f->zero,
            .out = out,
            .res = out,
            .floor = -INFINITY
        };

        f->product(&r);
    }
}

static void do_run(const struct reap_full_batch *f, size_t run,
                   const struct desk *d)
{
    size_t at, end = reap_crew_share(f->rows->n, run, f->runs, &at);
    float *g = gradient_of(f, run);

    memset(g, 0, f->size);
    for (size_t n; at < end; at += n) {
        n = end - at < ROWS ? end - at : ROWS;
        full_batch_load(f, d, at, n);
        full_batch_forward(f, d, n);
        losses(f, d, at, n, tail_of(f, run));
        backward(f, d, n, g);
    }
}

static void do_runs(void *ctx, size_t thread)
{
    const struct reap_full_batch *f = ctx;
    const unsigned was = reap_cpu_flush_tiny();
    size_t r,
        end = reap_crew_share(f->end - f->first, thread, f->a.threads, &r);

    for (; r < end; r++)
        do_run(f, f->first + r, &f->desk[thread]);
    reap_cpu_restore(was);
}

/* ---- all runs ---- */

/* A thread's share of the numbers: the runs' gradients in order. */
static void add_runs(void *ctx, size_t thread)
{
    const struct reap_full_batch *f = ctx;
    const size_t c = f->a.classes;
    size_t i, end = reap_crew_share(f->depth, thread, f->a.threads, &i);

    for (; i < end; i++)
        for (size_t k = 0; k < c; k++) {
            const size_t at = (k / L * f->depth + i) * L + k % L;
            double sum = 0;

            for (size_t r = 0; r < f->runs; r++)
                sum += (double)gradient_of(f, r)[at];
            f->g[i * c + k] = sum;
        }
}

/* The head as the kernels want it, in float32. */
static void set_weights(struct reap_full_batch *f, const double *w)
{
    const size_t c = f->a.classes;

    for (size_t i = 0; i < f->depth; i++)
        for (size_t k = 0; k < c; k++)
            f->w[(k / L * f->depth + i) * L + k % L] = (float)w[i * c + k];
}

int reap_full_batch_value(struct reap_full_batch *f,
                          const struct reap_fit_batch *rows, const double *w,
                          double *value, double *g,
                          struct reap_fit_score *score, struct reap_err *err)
{
    const size_t kernel = f->a.in * f->a.classes;
    struct tail sum = { 0 };
    double squares = 0;
    int rc = REAP_OK;

    f->rows = rows;
    f->g = g;
    set_weights(f, w);
    reap_crew_run(f->crew, do_runs, f);
    if (f->a.team.ranks > 1)
        rc = f->a.team.share(f->a.team.ctx, f->run, f->size, f->owner, err);
    if (rc)
        return rc;
    reap_crew_run(f->crew, add_runs, f);
    for (size_t r = 0; r < f->runs; r++) {
        sum.loss += tail_of(f, r)->loss;
        sum.right += tail_of(f, r)->right;
    }
    for (size_t i = 0; i < kernel; i++) {
        squares += w[i] * w[i];
        g[i] += 2 * f->a.l2 * w[i];
    }
    *value = sum.loss / (double)rows->n + f->a.l2 * squares;
    if (score)
        *score = (struct reap_fit_score){ sum.loss, sum.right, rows->n };
    return REAP_OK;
}

/* ---- making one ---- */

static bool full_batch_lay(struct reap_full_batch *f)
{
    const size_t z = f->groups * ROWS * L;
    bool good;

    f->owner = reap_calloc(f->a.team.ranks + 1, sizeof(*f->owner));
    f->weight = reap_aligned(f->a.classes * sizeof(float));
    f->w = reap_aligned(gradient_size(f) * sizeof(float));
    f->zero = reap_aligned(L * sizeof(float));
    f->run = reap_aligned(f->runs * f->size);
    f->desk = reap_calloc(f->a.threads, sizeof(*f->desk));
    good = f->owner && f->weight && f->w && f->zero && f->run && f->desk;
    for (size_t t = 0; good && t < f->a.threads; t++) {
        f->desk[t].x = reap_aligned((ROWS * f->ld + z) * sizeof(float));
        good = f->desk[t].x;
        if (good)
            f->desk[t].z = f->desk[t].x + ROWS * f->ld;
    }
    if (!good)
        return false;
    memset(f->w, 0, gradient_size(f) * sizeof(float));
    memset(f->zero, 0, L * sizeof(float));
    for (size_t t = 0; t < f->a.threads; t++)
        memset(f->desk[t].x, 0, (ROWS * f->ld + z) * sizeof(float));
    return true;
}

static void share_out(struct reap_full_batch *f)
{
    const size_t ranks = f->a.team.ranks;

    for (size_t r = 0; r < ranks; r++)
        f->owner[r + 1] = reap_crew_share(f->runs, r, ranks, &f->owner[r]);
    f->first = f->owner[f->a.team.rank];
    f->end = f->owner[f->a.team.rank + 1];
    for (size_t k = 0; k < ROWS; k++)
        f->by_row[k] = (struct reap_conv_step){ (int32_t)(4 * k * f->ld),
                                                (int32_t)(4 * k * L) };
    for (size_t c = 0; c < f->a.classes; c++)
        f->weight[c] = f->a.class_weight ? f->a.class_weight[c] : 1;
}

/* Sizes follow from the layer alone. */
static int sizes(struct reap_full_batch *f, struct reap_err *err)
{
    struct reap_kernels k;
    unsigned cpu;
    int rc = reap_cpu_detect(&cpu, err);

    if (!rc && (!f->a.in || !f->a.classes || f->a.in > 1 << 22 ||
                f->a.classes > 1 << 16))
        rc = reap_fail(err, REAP_EINVAL,
                       "a linear head of %zu inputs and %zu classes cannot be "
                       "fitted at once",
                       f->a.in, f->a.classes);
    if (rc)
        return rc;
    reap_kernels_init(&k, cpu);
    f->product = k.group_f32.fn ? k.group_f32.fn : reap_conv_run_ref;
    f->depth = f->a.in + 1;
    f->ld = (f->depth + L - 1) / L * L;
    f->groups = (f->a.classes - 1) / L + 1;
    f->size = gradient_size(f) * sizeof(float) + sizeof(struct tail);
    f->runs = RUNS;
    while (f->runs > 1 && f->runs * f->size > MOST)
        f->runs /= 2;
    return REAP_OK;
}

int reap_full_batch_new(struct reap_full_batch **out,
                        const struct reap_full_batch_args *a,
                        struct reap_err *err)
{
    struct reap_full_batch *f = reap_calloc(1, sizeof(*f));
    int rc;

    *out = NULL;
    if (!f)
        return reap_fail(err, REAP_ENOMEM, "no memory to fit");
    f->a = *a;
    rc = sizes(f, err);
    if (!rc && !full_batch_lay(f))
        rc = reap_fail(err, REAP_ENOMEM, "no memory to fit a head at once");
    if (!rc) {
        share_out(f);
        rc = reap_crew_new(&f->crew, a->threads, err);
    }
    if (rc)
        reap_full_batch_free(&f);
    *out = f;
    return rc;
}

size_t reap_full_batch_numbers(const struct reap_full_batch *f)
{
    return f->depth * f->a.classes;
}

void reap_full_batch_to_head(const struct reap_full_batch *f, const double *w,
                             struct reap_head *h)
{
    const size_t c = f->a.classes;
    float *to = reap_head_weight(h, 0), *bias = reap_head_bias(h, 0);

    for (size_t k = 0; k < c; k++) {
        for (size_t i = 0; i < f->a.in; i++)
            to[k * f->a.in + i] = (float)w[i * c + k];
        bias[k] = (float)w[f->a.in * c + k];
    }
}

void reap_full_batch_free(struct reap_full_batch **full)
{
    struct reap_full_batch *f = *full;

    if (!f)
        return;
    reap_crew_free(&f->crew);
    for (size_t t = 0; f->desk && t < f->a.threads; t++)
        reap_free(f->desk[t].x);
    reap_free(f->desk);
    reap_free(f->owner);
    reap_free(f->weight);
    reap_free(f->w);
    reap_free(f->zero);
    reap_free(f->run);
    reap_free(f);
    *full = NULL;
}
