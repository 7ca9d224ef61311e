/* Weights and moments out of the blocks and into them. */
#include <string.h>

#include "engine/base/mem.h"
#include "engine/fit/fit_impl.h"

enum { U = REAP_FIT_UNITS, L = REAP_FIT_LANES };

int reap_fit_head(const struct reap_fit *f, struct reap_head **out,
                  struct reap_err *err)
{
    const size_t width[] = { f->a.in, f->a.hidden ? f->a.hidden : f->a.classes,
                             f->a.classes };

    return reap_head_new(out, f->a.hidden ? 2 : 1, width,
                         f->a.multi ? REAP_SIGMOID : REAP_SOFTMAX, err);
}

/* Hidden units of block u that are not padding. */
static size_t real_units(const struct reap_fit *f, size_t u)
{
    const size_t from = u * U;

    return f->a.hidden - from < U ? f->a.hidden - from : U;
}

static size_t real_width(const struct reap_fit *f, size_t u)
{
    return f->a.hidden ? real_units(f, u) : f->block[u].n;
}

/*
 * Move a block's numbers: 'piece' is the kernel (in, 64), its bias (64) and
 * the last layer (width, classes to a multiple of 16).
 */
static void to_piece(const struct reap_fit *f, size_t u, int part, float *piece)
{
    const struct reap_fit_block *b = &f->block[u];
    const size_t classes = f->groups * L;

    for (size_t i = 0; f->a.hidden && i < f->a.in; i++)
        for (size_t j = 0; j < U; j++)
            *piece++ =
                b->kernel[part][(j / f->nr * f->a.in + i) * f->nr + j % f->nr];
    memcpy(piece, b->bias[part], U * sizeof(*piece));
    piece += U;
    for (size_t j = 0; j < f->width; j++)
        for (size_t c = 0; c < classes; c++)
            *piece++ = b->last[part][(c / L * f->width + j) * L + c % L];
}

/* A piece's numbers into a head. */
static void to_head(const struct reap_fit *f, size_t u, const float *piece,
                    struct reap_head *h)
{
    const size_t classes = f->groups * L, n = real_width(f, u);
    const size_t first = f->block[u].first, units = h->dense[h->n - 1].in;
    float *w = reap_head_weight(h, 0);

    for (size_t i = 0; f->a.hidden && i < f->a.in; i++, piece += U)
        for (size_t j = 0; j < n; j++)
            w[(first + j) * f->a.in + i] = piece[j];
    if (f->a.hidden)
        memcpy(reap_head_bias(h, 0) + first, piece, n * sizeof(*piece));
    piece += U;
    w = reap_head_weight(h, h->n - 1);
    for (size_t j = 0; j < n; j++)
        for (size_t c = 0; c < f->a.classes; c++)
            w[c * units + first + j] = piece[j * classes + c];
}

int reap_fit_get(struct reap_fit *f, enum reap_fit_part part,
                 struct reap_head *to, struct reap_err *err)
{
    const size_t size = reap_fit_block_size(f);
    float *piece = reap_aligned(f->blocks * size * sizeof(*piece));
    int rc = REAP_OK;

    if (!piece)
        return reap_fail(err, REAP_ENOMEM, "no memory for a copy of a head");
    for (size_t u = f->first; u < f->end; u++)
        to_piece(f, u, (int)part, piece + u * size);
    if (f->a.team.ranks > 1)
        rc = f->a.team.share(f->a.team.ctx, piece, size * sizeof(*piece),
                             f->owner, err);
    for (size_t u = 0; !rc && u < f->blocks; u++)
        to_head(f, u, piece + u * size, to);
    if (!rc)
        memcpy(reap_head_bias(to, to->n - 1), f->bias[part],
               f->a.classes * sizeof(float));
    reap_free(piece);
    return rc;
}

static void set_block(const struct reap_fit *f, size_t u, int part,
                      const struct reap_head *h)
{
    const struct reap_fit_block *b = &f->block[u];
    const struct reap_dense *last = &h->dense[h->n - 1];
    const size_t n = real_width(f, u), in = f->a.in;

    for (size_t j = 0; f->a.hidden && j < n; j++) {
        const float *w = h->dense[0].weight + (b->first + j) * in;

        for (size_t i = 0; i < in; i++)
            b->kernel[part][(j / f->nr * in + i) * f->nr + j % f->nr] = w[i];
        b->bias[part][j] = h->dense[0].bias[b->first + j];
    }
    for (size_t j = 0; j < n; j++)
        for (size_t c = 0; c < f->a.classes; c++)
            b->last[part][(c / L * f->width + j) * L + c % L] =
                last->weight[c * last->in + b->first + j];
}

void reap_fit_set(struct reap_fit *f, enum reap_fit_part part,
                  const struct reap_head *from)
{
    for (size_t u = f->first; u < f->end; u++)
        set_block(f, u, (int)part, from);
    memcpy(f->bias[part], from->dense[from->n - 1].bias,
           f->a.classes * sizeof(float));
}

double reap_fit_penalty(const struct reap_head *h, double l2)
{
    double sum = 0;

    for (size_t i = 0; l2 > 0 && i < h->n; i++)
        for (size_t k = 0; k < h->dense[i].in * h->dense[i].out; k++)
            sum +=
                (double)h->dense[i].weight[k] * (double)h->dense[i].weight[k];
    return l2 * sum;
}
