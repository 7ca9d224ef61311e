/*
 * Winograd of bytes. All of it is whole numbers (engine/kern/wino4_whole.inc),
 * so the sums are those of the direct convolution to the bit, as long as they
 * fit what is left of 32 bits. Weights of which a sum could be larger are
 * packed for the direct convolution instead, into the same room: the last pixel
 * of it says which of the two they are.
 */
#include <string.h>

#include "engine/base/mem.h"
#include "engine/blocked/blocked.h"

enum { M = 4, A = M + 2 };

/* Rows of G times 24, 6, 6, 24, 24, 6. */
static const int g[A][3] = { { 6, 0, 0 }, { -1, -1, -1 }, { -1, 1, -1 },
                             { 1, 2, 4 }, { 1, -2, 4 },   { 0, 0, 6 } };

/* What a sum may be at most: see struct reap_wino_out. */
static const long most_sum = (1 << 25) - 1;

static char *wino_int8_mark(const struct reap_blocked_layer *l)
{
    return l->w + l->w_bytes - REAP_PIXEL;
}

bool reap_blocked_wino_packed(const struct reap_blocked_layer *l)
{
    return *wino_int8_mark(l) != 0;
}

/* Weight of output o for channel i and tap t, rounded to a byte. */
static long byte(const struct reap_program *p,
                 const struct reap_blocked_layer *l, size_t o, size_t i,
                 size_t t, double step)
{
    const struct reap_node *n = &p->net->node[l->node];
    const size_t cin = p->tensor[l->in].c;

    if (o >= n->c || i >= cin)
        return 0;
    return (long)reap_blocked_byte((double)n->weight[(o * 9 + t) * cin + i] *
                                       reap_blocked_int8_worth(p, l->in, 0),
                                   step);
}

/* Whether no sum of channel o can be too large. */
static bool wino_int8_fits(const struct reap_program *p,
                           const struct reap_blocked_layer *l, size_t o,
                           double step)
{
    long above = 0, below = 0;

    for (size_t i = 0; i < p->tensor[l->in].c; i++)
        for (size_t t = 0; t < 9; t++) {
            const long q = byte(p, l, o, i, t, step);

            if (q > 0)
                above += q;
            else
                below -= q;
        }
    return 255 * (above > below ? above : below) <= most_sum;
}

/* U = G w G^T of one pair of channels, to 'to' and each 'apart' numbers on. */
static void transform(const long w[9], int16_t *to, size_t apart)
{
    long t[A][3];

    for (size_t y = 0; y < A; y++)
        for (size_t x = 0; x < 3; x++)
            t[y][x] = g[y][0] * w[x] + g[y][1] * w[3 + x] + g[y][2] * w[6 + x];
    for (size_t y = 0; y < A; y++)
        for (size_t x = 0; x < A; x++)
            to[(y * A + x) * apart] =
                (int16_t)(t[y][0] * g[x][0] + t[y][1] * g[x][1] +
                          t[y][2] * g[x][2]);
}

/* (number, panel, pair of channels, nr, 2) numbers of 16 bits */
static void pack(const struct reap_program *p,
                 const struct reap_blocked_layer *l, const double *step)
{
    const size_t nr = p->ops.gemm_nr, ci = p->tensor[l->in].blocks * 64;
    const size_t co = (p->net->node[l->node].c + 63) / 64 * 64;
    int16_t *to = (int16_t *)(void *)l->w;

    for (size_t o = 0; o < co; o++)
        for (size_t i = 0; i < ci; i++) {
            long w[9];

            for (size_t t = 0; t < 9; t++)
                w[t] = byte(p, l, o, i, t, step[o]);
            transform(w, &to[((o / nr * ci + i) / 2 * nr + o % nr) * 2 + i % 2],
                      ci * co);
        }
}

int reap_blocked_pack_wino_int8(const struct reap_program *p,
                                struct reap_blocked_layer *l,
                                struct reap_err *err)
{
    const size_t c = p->net->node[l->node].c;
    double *step = reap_calloc((c + 63) / 64 * 64, sizeof(*step));
    bool good = true;
    int rc;

    if (!step)
        return reap_fail(err, REAP_ENOMEM, "no memory for packed weights");
    rc = reap_blocked_int8_layer(p, l, step, err);
    for (size_t o = 0; o < c && !rc && good; o++)
        good = wino_int8_fits(p, l, o, step[o]);
    if (!rc && good)
        pack(p, l, step);
    else if (!rc)
        rc = reap_blocked_pack(p, l, err);
    *wino_int8_mark(l) = good;
    reap_free(step);
    return rc;
}
