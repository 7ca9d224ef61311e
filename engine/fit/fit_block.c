/*
 * The products of one block. All are runs of engine/kern/kernels.h, in which a
 * pixel is a row of the batch (forward) or an input of a layer (backward); so
 * a sum runs over the inputs, or over the rows, in order.
 */
#include <math.h>
#include <string.h>

#include "engine/base/rng.h"
#include "engine/fit/fit_impl.h"

enum { U = REAP_FIT_UNITS, L = REAP_FIT_LANES, TILE = REAP_FIT_TILE, F = 4 };

/* Bytes of so many floats, as steps count them. */
static int32_t fit_block_bytes(size_t floats)
{
    return (int32_t)(F * floats);
}

void reap_fit_tables(struct reap_fit *f, size_t n)
{
    if (f->n_steps == n)
        return;
    f->n_steps = n;
    for (size_t k = 0; k < n; k++) {
        f->by_row[k] = (struct reap_conv_step){ fit_block_bytes(k * f->ld),
                                                fit_block_bytes(k * f->nr) };
        f->by_row_narrow[k] =
            (struct reap_conv_step){ fit_block_bytes(k * f->ld),
                                     fit_block_bytes(k * L) };
        f->by_dz[k] = (struct reap_conv_step){ fit_block_bytes(k * L),
                                               fit_block_bytes(k * L) };
    }
    for (size_t g = 0; g < f->groups; g++)
        f->by_class[g] =
            (struct reap_conv_step){ fit_block_bytes(g * n * L),
                                     fit_block_bytes(g * L * f->nr) };
    for (size_t s = 0; s < U / L; s++)
        f->by_hidden[s] = (struct reap_conv_step){ fit_block_bytes(s * n * L),
                                                   fit_block_bytes(s * L * L) };
}

static float *hidden(const struct reap_fit *f, size_t u)
{
    return f->hidden + u * U * f->here.n;
}

static struct reap_conv_part fit_block_part(const float *in, size_t stride,
                                            const struct reap_conv_step *step,
                                            size_t n_steps, size_t dwords)
{
    return (struct reap_conv_part){ (const char *)in, (ptrdiff_t)(F * stride),
                                    step, n_steps, dwords };
}

/* A run of n pixels of one input, without ReLU. */
static struct reap_conv_run fit_block_run(size_t n, struct reap_conv_part in,
                                          const float *w, const float *bias,
                                          float *out, size_t out_block)
{
    return (struct reap_conv_run){ .n = n,
                                   .n_parts = 1,
                                   .part = { in },
                                   .w = (const char *)w,
                                   .bias = bias,
                                   .out = (char *)out,
                                   .out_block = (ptrdiff_t)(F * out_block),
                                   .floor = -INFINITY };
}

/* Let units fall away, by a number of their own for each step, row and pair;
 * those that stay grow, so that sums keep their mean. */
static void drop(const struct reap_fit *f, size_t u, float *h)
{
    const size_t n = f->here.n;
    const uint64_t step = reap_rng_fork(f->noise, f->steps);
    const uint32_t below = (uint32_t)(f->a.dropout * 0x1p32);
    const float grow = (float)(1 / (1 - f->a.dropout));

    for (size_t r = 0; r < n; r++) {
        uint64_t s = reap_rng_fork(step, r * f->blocks + u);

        for (size_t j = 0; j < U; j += 2) {
            const uint64_t x = reap_rng_next(&s);
            float *at = h + j / L * n * L + r * L + j % L;

            at[0] = (uint32_t)x < below ? 0 : at[0] * grow;
            at[1] = (uint32_t)(x >> 32) < below ? 0 : at[1] * grow;
        }
    }
}

static void forward_hidden(struct reap_fit *f, size_t u)
{
    static const struct reap_conv_step all = { 0, 0 };
    const struct reap_fit_block *b = &f->block[u];
    const size_t n = f->here.n;
    float *h = hidden(f, u);

    for (size_t p = 0; p < U; p += f->nr) {
        struct reap_conv_run r = fit_block_run(
            n, fit_block_part(f->x[f->now], f->ld, &all, 1, f->a.in),
            b->kernel[0] + p * f->a.in, b->bias[0] + p, h + p * n, n * L);

        r.floor = 0;
        f->wide(&r);
    }
    if (f->training && f->a.dropout > 0)
        drop(f, u, h);
}

void reap_fit_forward(struct reap_fit *f, size_t u)
{
    static const struct reap_conv_step all = { 0, 0 };
    const struct reap_fit_block *b = &f->block[u];
    const size_t n = f->here.n;
    struct reap_conv_part in;

    if (f->a.hidden) {
        forward_hidden(f, u);
        in = fit_block_part(hidden(f, u), L, f->by_hidden, U / L, L);
    } else {
        in = fit_block_part(f->x[f->now] + b->first, f->ld, &all, 1, b->n);
    }
    for (size_t g = 0; g < f->groups; g++) {
        struct reap_conv_run r =
            fit_block_run(n, in, b->last[0] + g * f->width * L, f->zero,
                          f->part + (u * f->groups + g) * n * L, 0);

        f->narrow(&r);
    }
}

static void update(const struct reap_fit *f, size_t n, size_t vectors,
                   float *const *part, size_t at, const float *g,
                   size_t g_block, double l2)
{
    struct reap_update_run r = { .n = n,
                                 .vectors = vectors,
                                 .w = part[0] + at,
                                 .m = part[1] + at,
                                 .v = part[2] + at,
                                 .g = g,
                                 .g_block = g_block,
                                 .rate = f->rate,
                                 .decay = (float)(2 * l2),
                                 .momentum = (float)f->a.momentum,
                                 .keep1 = 0.1f,
                                 .keep2 = 0.001f,
                                 .epsilon = 1e-7f };

    f->update(&r);
}

/* Gradient of the block's part of the last layer, classes of group 'g'. */
static void gradient_last(const struct reap_fit *f, size_t u, size_t g,
                          float *to)
{
    const struct reap_fit_block *b = &f->block[u];
    const size_t n = f->here.n;
    const float *dz = f->dz + g * n * L, *x = f->x[f->now] + b->first;
    struct reap_conv_run r = fit_block_run(
        b->n, fit_block_part(x, 1, f->by_row_narrow, n, 1), dz, f->zero, to, 0);

    if (!f->a.hidden)
        f->narrow(&r);
    for (size_t s = 0; f->a.hidden && s < U / L; s++) {
        x = hidden(f, u) + s * n * L;
        r = fit_block_run(L, fit_block_part(x, 1, f->by_dz, n, 1), dz, f->zero,
                          to + s * L * L, 0);
        f->narrow(&r);
    }
}

static void update_last(struct reap_fit *f, size_t u, float *gradient)
{
    const struct reap_fit_block *b = &f->block[u];

    for (size_t g = 0; g < f->groups; g++) {
        gradient_last(f, u, g, gradient);
        update(f, b->n, 1, b->last, g * f->width * L, gradient, 0, f->a.l2);
    }
}

/* The last layer's weights of the block as (panel, class, nr). */
static void fit_block_turn(const struct reap_fit *f, size_t u, float *to)
{
    const float *w = f->block[u].last[0];
    const size_t classes = f->groups * L;

    for (size_t c = 0; c < classes; c++)
        for (size_t j = 0; j < U; j++)
            to[(j / f->nr * classes + c) * f->nr + j % f->nr] =
                w[(c / L * U + j) * L + c % L];
}

/* Gradient by the hidden units, after ReLU and dropout, as (panel, b, nr);
 * its sum over the rows goes to 'sum'. */
static void down(const struct reap_fit *f, size_t u, struct reap_fit_desk *d,
                 float sum[U])
{
    const size_t n = f->here.n, classes = f->groups * L;
    const float grow = (float)(1 / (1 - f->a.dropout)), *h = hidden(f, u);

    for (size_t p = 0; p < U; p += f->nr) {
        struct reap_conv_run r = fit_block_run(
            n, fit_block_part(f->dz, L, f->by_class, f->groups, L),
            d->turned + p * classes, f->zero, d->down + p * n, n * L);

        f->wide(&r);
    }
    memset(sum, 0, U * sizeof(*sum));
    for (size_t r = 0; r < n; r++)
        for (size_t j = 0; j < U; j++) {
            const size_t at = j / L * n * L + r * L + j % L;
            const float x = h[at] > 0 ? d->down[at] * grow : 0;

            d->panel[(j / f->nr * n + r) * f->nr + j % f->nr] = x;
            sum[j] += x;
        }
}

/* The kernel's gradient lives for the length of a tile alone. */
static void update_kernel(struct reap_fit *f, size_t u,
                          const struct reap_fit_desk *d)
{
    const struct reap_fit_block *b = &f->block[u];
    const size_t n = f->here.n, in = f->a.in, nr = f->nr;

    for (size_t p = 0; p < U; p += nr)
        for (size_t i = 0; i < in; i += TILE) {
            const size_t rows = in - i < TILE ? in - i : TILE;
            struct reap_conv_run r = fit_block_run(
                rows, fit_block_part(f->x[f->now] + i, 1, f->by_row, n, 1),
                d->panel + p * n, f->zero, d->gradient, TILE * L);

            f->wide(&r);
            update(f, rows, nr / L, b->kernel, p * in + i * nr, d->gradient,
                   TILE * L, f->a.l2);
        }
}

void reap_fit_backward(struct reap_fit *f, size_t u, struct reap_fit_desk *d)
{
    float sum[U];

    if (!f->a.hidden) {
        update_last(f, u, d->gradient);
        return;
    }
    fit_block_turn(f, u, d->turned);
    down(f, u, d, sum);
    update_last(f, u, d->gradient);
    update_kernel(f, u, d);
    update(f, 1, U / L, f->block[u].bias, 0, sum, L, 0);
}

void reap_fit_last_bias(struct reap_fit *f)
{
    const size_t n = f->here.n;

    for (size_t g = 0; g < f->groups; g++) {
        float sum[L] = { 0 };

        for (size_t r = 0; r < n; r++)
            for (size_t c = 0; c < L; c++)
                sum[c] += f->dz[(g * n + r) * L + c];
        update(f, 1, 1, f->bias, g * L, sum, 0, 0);
    }
}
