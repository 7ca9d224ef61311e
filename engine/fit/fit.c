/* A step of fitting: which blocks of the last layer this rank and its threads
 * own, the embeddings that are loaded ahead, the parts of the logits that ranks
 * exchange. The products of a block are fit_block.c's. */
#include <math.h>
#include <string.h>

#include "engine/base/cpu.h"
#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "engine/fit/fit_impl.h"
#include "engine/fit/fit_loss.h"
#include "engine/kern/ops.h"

enum {
    U = REAP_FIT_UNITS,
    L = REAP_FIT_LANES,
    MOST_BLOCKS = 64,    /* of a linear head, so that parts stay few */
    FEATURES = 128,      /* the least features of a block */
    MOST_BYTES = 1 << 30 /* of a batch's embeddings: steps count in 32 bits */
};

static size_t ceil_to(size_t n, size_t of)
{
    return (n + of - 1) / of * of;
}

/* Sizes follow from the layers alone, never from threads or ranks. */
static int sizes(struct reap_fit *f, struct reap_err *err)
{
    const struct reap_fit_args *a = &f->a;

    if (!a->in || !a->classes || !a->batch || a->batch > REAP_FIT_BATCH_MAX ||
        a->in > MOST_BYTES / 4 || a->hidden > 1 << 20 || a->classes > 1 << 20)
        return reap_fail(err, REAP_EINVAL,
                         "a head of %zu inputs, %zu hidden units and %zu "
                         "classes, in batches of %zu, cannot be fitted",
                         a->in, a->hidden, a->classes, a->batch);
    f->ld = ceil_to(a->in, L);
    if (f->ld * a->batch > MOST_BYTES / sizeof(float))
        return reap_fail(err, REAP_EINVAL,
                         "--batch %zu: with %zu numbers each, at most %zu rows "
                         "are accepted",
                         a->batch, a->in, MOST_BYTES / sizeof(float) / f->ld);
    f->units = a->hidden ? ceil_to(a->hidden, U) : a->in;
    f->width =
        a->hidden ? U : ceil_to((f->units - 1) / MOST_BLOCKS + 1, FEATURES);
    f->blocks = (f->units - 1) / f->width + 1;
    f->groups = (a->classes - 1) / L + 1;
    return REAP_OK;
}

static int pick_kernels(struct reap_fit *f, struct reap_err *err)
{
    struct reap_kernels k;
    unsigned cpu;
    int rc = reap_cpu_detect(&cpu, err);

    if (rc)
        return rc;
    reap_kernels_init(&k, cpu);
    f->wide = k.conv_f32.fn ? k.conv_f32.fn : reap_conv_run_ref;
    f->nr = k.conv_f32.fn ? k.conv_f32.tile.nr : L;
    f->narrow = k.group_f32.fn ? k.group_f32.fn : reap_conv_run_ref;
    f->update = f->a.rule == REAP_FIT_ADAM ? k.adam_f32.fn : k.sgd_f32.fn;
    return REAP_OK;
}

static void *zeroed(size_t n, size_t size)
{
    void *p = n && n > SIZE_MAX / size ? NULL : reap_aligned(n * size);

    return p ? memset(p, 0, n * size) : NULL;
}

static size_t kernel_size(const struct reap_fit *f)
{
    return f->a.hidden ? f->a.in * U : 0;
}

static size_t last_size(const struct reap_fit *f)
{
    return f->groups * f->width * L;
}

/* A block of this rank gets memory, whole pages of it: what threads write
 * does not meet. */
static bool lay_block(struct reap_fit *f, size_t u)
{
    struct reap_fit_block *b = &f->block[u];
    const size_t kernel = ceil_to(kernel_size(f), L), last = last_size(f);
    const size_t size = kernel + U + last;
    float *at = zeroed(REAP_FIT_PARTS * size, sizeof(*at));

    b->own = at;
    for (int p = 0; at && p < REAP_FIT_PARTS; p++, at += size) {
        b->kernel[p] = f->a.hidden ? at : NULL;
        b->bias[p] = at + kernel;
        b->last[p] = at + kernel + U;
    }
    return b->own;
}

static bool lay_blocks(struct reap_fit *f)
{
    bool good = true;

    f->block = reap_calloc(f->blocks, sizeof(*f->block));
    f->owner = reap_calloc(f->a.team.ranks + 1, sizeof(*f->owner));
    if (!f->block || !f->owner)
        return false;
    for (size_t r = 0; r < f->a.team.ranks; r++)
        f->owner[r + 1] =
            reap_crew_share(f->blocks, r, f->a.team.ranks, &f->owner[r]);
    f->first = f->owner[f->a.team.rank];
    f->end = f->owner[f->a.team.rank + 1];
    for (size_t u = 0; u < f->blocks; u++) {
        f->block[u].first = u * f->width;
        f->block[u].n = f->units - f->block[u].first < f->width
                            ? f->units - f->block[u].first
                            : f->width;
    }
    for (size_t u = f->first; good && u < f->end; u++)
        good = lay_block(f, u);
    return good;
}

static bool lay_desks(struct reap_fit *f)
{
    const size_t b = f->a.batch, turned = U * f->groups * L;
    const size_t gradient =
        f->width * L > U * REAP_FIT_TILE ? f->width * L : U * REAP_FIT_TILE;

    f->desk = reap_calloc(f->a.threads, sizeof(*f->desk));
    for (size_t t = 0; f->desk && t < f->a.threads; t++) {
        struct reap_fit_desk *d = &f->desk[t];

        d->own = zeroed(turned + 2 * U * b + gradient, sizeof(float));
        if (!d->own)
            return false;
        d->turned = d->own;
        d->down = d->turned + turned;
        d->panel = d->down + U * b;
        d->gradient = d->panel + U * b;
    }
    return f->desk;
}

static bool lay_batch(struct reap_fit *f)
{
    const size_t b = f->a.batch, step = sizeof(struct reap_conv_step);

    for (int p = 0; p < REAP_FIT_PARTS; p++)
        f->bias[p] = zeroed(f->groups * L, sizeof(float));
    f->weight = zeroed(f->a.classes, sizeof(float));
    f->x[0] = zeroed(b * f->ld, sizeof(float));
    f->x[1] = zeroed(b * f->ld, sizeof(float));
    f->hidden = zeroed(f->a.hidden ? b * f->units : 1, sizeof(float));
    f->part = zeroed(f->blocks * f->groups * L * b, sizeof(float));
    f->dz = zeroed(f->groups * L * b, sizeof(float));
    f->zero = zeroed(U, sizeof(float));
    f->loss = zeroed(b, sizeof(double));
    f->right = zeroed(b, sizeof(double));
    f->by_row = zeroed(b, step);
    f->by_row_narrow = zeroed(b, step);
    f->by_dz = zeroed(b, step);
    f->by_class = zeroed(f->groups, step);
    f->by_hidden = zeroed(U / L, step);
    return f->bias[0] && f->bias[1] && f->bias[2] && f->weight && f->x[0] &&
           f->x[1] && f->hidden && f->part && f->dz && f->zero && f->loss &&
           f->right && f->by_row && f->by_row_narrow && f->by_dz &&
           f->by_class && f->by_hidden;
}

/* Keras's Glorot uniform: within sqrt(6 / (in + out)). */
static void glorot(struct reap_head *h, size_t i, uint64_t seed)
{
    const struct reap_dense *d = &h->dense[i];
    const double most = sqrt(6 / (double)(d->in + d->out));
    uint64_t s = reap_rng_stream(seed, d->name);
    float *w = reap_head_weight(h, i);

    for (size_t k = 0; k < d->in * d->out; k++)
        w[k] = (float)((2 * reap_rng_real(&s) - 1) * most);
}

static int fit_begin(struct reap_fit *f, struct reap_err *err)
{
    struct reap_head *h;
    int rc = reap_fit_head(f, &h, err);

    if (rc)
        return rc;
    for (size_t i = 0; i < h->n; i++)
        glorot(h, i, f->a.seed);
    reap_fit_set(f, REAP_FIT_WEIGHTS, h);
    reap_head_free(&h);
    for (size_t c = 0; c < f->a.classes; c++)
        f->weight[c] = f->a.class_weight ? f->a.class_weight[c] : 1;
    f->noise = reap_rng_stream(f->a.seed, "dropout");
    return REAP_OK;
}

int reap_fit_new(struct reap_fit **out, const struct reap_fit_args *a,
                 struct reap_err *err)
{
    struct reap_fit *f = reap_calloc(1, sizeof(*f));
    int rc = REAP_OK;

    *out = NULL;
    if (!f)
        return reap_fail(err, REAP_ENOMEM, "no memory to fit");
    f->a = *a;
    rc = sizes(f, err);
    if (!rc)
        rc = pick_kernels(f, err);
    if (!rc && (!lay_blocks(f) || !lay_desks(f) || !lay_batch(f)))
        rc = reap_fail(err, REAP_ENOMEM, "no memory to fit a head");
    if (!rc)
        rc = reap_crew_new(&f->crew, a->threads, err);
    if (!rc)
        rc = fit_begin(f, err);
    if (rc)
        reap_fit_free(&f);
    *out = f;
    return rc;
}

/* The share of a thread of the rows of a batch that are to be loaded. */
static void fit_load(const struct reap_fit *f, const struct reap_fit_batch *b,
                     float *x, size_t thread)
{
    size_t i, end = reap_crew_share(b->n, thread, f->a.threads, &i);

    for (; i < end; i++)
        b->from->load(b->from->ctx, b->row[i], x + i * f->ld);
}

static void load_here(struct reap_fit *f, size_t thread)
{

    fit_load(f, &f->here, f->x[f->now], thread);
}

/* A task of all threads, with tiny numbers taken for zero. */
struct task {
    struct reap_fit *f;
    void (*fn)(struct reap_fit *f, size_t thread);
};

static void do_task(void *ctx, size_t thread)
{
    const struct task *t = ctx;
    const unsigned was = reap_cpu_flush_tiny();

    t->fn(t->f, thread);
    reap_cpu_restore(was);
}

static void all_do(struct reap_fit *f,
                   void (*fn)(struct reap_fit *f, size_t thread))
{
    struct task t = { f, fn };

    reap_crew_run(f->crew, do_task, &t);
}

/* Blocks 'u' of a thread. */
static size_t fit_blocks_of(const struct reap_fit *f, size_t thread, size_t *u)
{
    size_t end = reap_crew_share(f->end - f->first, thread, f->a.threads, u);

    *u += f->first;
    return end + f->first;
}

static void fit_forward(struct reap_fit *f, size_t thread)
{
    size_t u, end = fit_blocks_of(f, thread, &u);

    for (; u < end; u++)
        reap_fit_forward(f, u);
}

/* The last layer's bias and all blocks' parts in order. */
static void add_parts(struct reap_fit *f, size_t i)
{
    const size_t n = f->here.n, block = f->groups * n * L;

    for (size_t c = 0; c < f->groups * L; c++) {
        const size_t at = reap_fit_place(n, i, c);
        float z = f->bias[0][c];

        for (size_t u = 0; u < f->blocks; u++)
            z += f->part[u * block + at];
        f->dz[at] = c < f->a.classes ? z : 0;
    }
}

static void losses(struct reap_fit *f, size_t thread)
{
    const struct reap_fit_logits l = {
        f->dz, f->here.n, f->a.classes, f->a.multi, f->weight, (double)f->here.n
    };
    const struct reap_fit_source *from = f->here.from;
    size_t i, end = reap_crew_share(f->here.n, thread, f->a.threads, &i);

    for (; i < end; i++) {
        const size_t *at = &from->at[f->here.row[i]];

        add_parts(f, i);
        f->loss[i] = reap_fit_row(&l, i, from->label + at[0], at[1] - at[0],
                                  &f->right[i]);
    }
}

static void backward(struct reap_fit *f, size_t thread)
{
    size_t u, end = fit_blocks_of(f, thread, &u);

    for (; f->training && u < end; u++)
        reap_fit_backward(f, u, &f->desk[thread]);
    fit_load(f, &f->next, f->x[!f->now], thread);
}

static bool fit_same(const struct reap_fit_batch *a,
                     const struct reap_fit_batch *b)
{
    return a->from == b->from && a->row == b->row && a->n == b->n;
}

/* Forward and loss; true in '*finite' if all is well. */
static int half_step(struct reap_fit *f, const struct reap_fit_batch *batch,
                     struct reap_fit_score *sum, bool *finite,
                     struct reap_err *err)
{
    const bool loaded = f->next.n && fit_same(&f->next, batch);
    double loss = 0;
    int rc = REAP_OK;

    f->here = *batch;
    if (loaded)
        f->now = !f->now;
    else
        all_do(f, load_here);
    reap_fit_tables(f, batch->n);
    all_do(f, fit_forward);
    if (f->a.team.ranks > 1)
        rc = f->a.team.share(f->a.team.ctx, f->part,
                             f->groups * batch->n * L * sizeof(float), f->owner,
                             err);
    if (rc)
        return rc;
    all_do(f, losses);
    for (size_t i = 0; i < batch->n; i++) {
        loss += f->loss[i];
        sum->right += f->right[i];
    }
    sum->loss += loss;
    sum->n += batch->n;
    *finite = isfinite(loss);
    return REAP_OK;
}

static void set_next(struct reap_fit *f, const struct reap_fit_batch *next)
{
    f->next = next ? *next : (struct reap_fit_batch){ NULL, NULL, 0 };
}

/* Adam's rate with the correction of both biases, as Keras computes it. */
static float corrected(const struct reap_fit *f, double rate)
{
    const double t = (double)(f->steps + 1);

    if (f->a.rule == REAP_FIT_ADAM)
        rate *= sqrt(1 - pow(0.999, t)) / (1 - pow(0.9, t));
    return (float)rate;
}

static void last_bias(struct reap_fit *f)
{
    const unsigned was = reap_cpu_flush_tiny();

    reap_fit_last_bias(f);
    reap_cpu_restore(was);
}

int reap_fit_step(struct reap_fit *f, const struct reap_fit_batch *batch,
                  const struct reap_fit_batch *next, double rate,
                  struct reap_fit_score *sum, struct reap_err *err)
{
    bool finite;
    int rc;

    f->training = true;
    rc = half_step(f, batch, sum, &finite, err);
    if (rc || !finite) {
        set_next(f, NULL);
        return rc;
    }
    set_next(f, next);
    f->rate = corrected(f, rate);
    all_do(f, backward);
    last_bias(f);
    f->steps++;
    return REAP_OK;
}

int reap_fit_try(struct reap_fit *f, const struct reap_fit_batch *batch,
                 const struct reap_fit_batch *next, struct reap_fit_score *sum,
                 struct reap_err *err)
{
    bool finite;
    int rc;

    f->training = false;
    rc = half_step(f, batch, sum, &finite, err);
    set_next(f, rc ? NULL : next);
    if (!rc && next)
        all_do(f, backward);
    return rc;
}

uint64_t reap_fit_steps(const struct reap_fit *f)
{
    return f->steps;
}

void reap_fit_set_steps(struct reap_fit *f, uint64_t steps)
{
    f->steps = steps;
}

size_t reap_fit_block_size(const struct reap_fit *f)
{
    return kernel_size(f) + U + last_size(f);
}

void reap_fit_free(struct reap_fit **fit)
{
    struct reap_fit *f = *fit;

    if (!f)
        return;
    reap_crew_free(&f->crew);
    for (size_t u = 0; f->block && u < f->blocks; u++)
        reap_free(f->block[u].own);
    for (size_t t = 0; f->desk && t < f->a.threads; t++)
        reap_free(f->desk[t].own);
    for (int p = 0; p < REAP_FIT_PARTS; p++)
        reap_free(f->bias[p]);
    reap_free(f->block);
    reap_free(f->owner);
    reap_free(f->desk);
    reap_free(f->weight);
    reap_free(f->x[0]);
    reap_free(f->x[1]);
    reap_free(f->hidden);
    reap_free(f->part);
    reap_free(f->dz);
    reap_free(f->zero);
    reap_free(f->loss);
    reap_free(f->right);
    reap_free(f->by_row);
    reap_free(f->by_row_narrow);
    reap_free(f->by_dz);
    reap_free(f->by_class);
    reap_free(f->by_hidden);
    reap_free(f);
    *fit = NULL;
}
