/* Weights in the order in which kernels read them: panel, step, dword, channel;
 * for Winograd transformed in double first. Nothing here looks at activations;
 * where the block comes from is packed.c's. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/blocked/blocked.h"

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* Write x at place 'i' of packed weights. */
static void pack_put(const struct reap_ops *ops, char *to, size_t i, double x)
{
    float f = (float)x;
    uint32_t u;

    memcpy(&u, &f, sizeof(u));
    if (ops->elem == 1) {
        to[i] = (char)(signed char)x; /* by reap_blocked_byte() */
    } else if (ops->elem == sizeof(float)) {
        memcpy(to + i * sizeof(u), &u, sizeof(u));
    } else { /* bfloat16, to nearest even */
        uint16_t h = reap_blocked_narrow(f);

        memcpy(to + i * sizeof(h), &h, sizeof(h));
    }
}

/* Weight of output 'o' for channel 'i' of the whole input. */
static double weight(const struct reap_node *n, size_t cin, size_t o, size_t ky,
                     size_t kx, size_t i)
{
    size_t in = cin / n->groups, group;

    if (o >= n->c || i >= cin)
        return 0;
    group = o / (n->c / n->groups);
    if (i / in != group)
        return 0;
    return n->weight[((o * n->kh + ky) * n->kw + kx) * in + i % in];
}

/* Where the packing of a panel stands. */
struct pen {
    const struct reap_ops *ops;
    char *to;
    size_t nr, first; /* channels of the panel, its first */
    double worth[3];  /* of bytes: of the input, by channel modulo 3 */
    double *step;     /* and of 1 of a weight, by channel; else NULL */
    bool low;         /* what rounding leaves, of numbers in halves */
    /* Of a row of taps, for chains: weights, their places, and what puts them
     * together. */
    char *plain;
    int32_t *at;
    struct reap_chainer *chainer;
};

/* What is left of x after its high half. */
static double low_of(double x)
{
    const float f = (float)x;

    return (double)f - (double)reap_blocked_widen(reap_blocked_narrow(f));
}

/* From here on the pen works on input 'in' of its layer. */
static void turn_to(struct pen *w, const struct reap_program *p, int in)
{
    for (size_t i = 0; w->step && i < 3; i++)
        w->worth[i] = reap_blocked_int8_worth(p, in, i);
}

/* One step of a panel: 'dwords' dwords from channel i on; for the input of a
 * net these are all numbers of a row of taps. */
static void pack_step(struct pen *w, const struct reap_node *n, size_t cin,
                      size_t ky, size_t kx, size_t i, size_t dwords, bool input)
{
    const size_t pair = 4 / w->ops->elem;

    for (size_t d = 0; d < dwords; d++)
        for (size_t o = 0; o < w->nr; o++)
            for (size_t e = 0; e < pair; e++) {
                size_t at = d * pair + e;
                double x = 0;

                if (!input)
                    x = weight(n, cin, w->first + o, ky, kx, i + at);
                else if (at < n->kw * cin)
                    x = weight(n, cin, w->first + o, ky, at / cin, at % cin);
                if (w->step)
                    x = reap_blocked_byte(x * w->worth[at % 3],
                                          w->step[w->first + o]);
                pack_put(w->ops, w->to, (d * w->nr + o) * pair + e,
                         w->low ? low_of(x) : x);
            }
    w->to += dwords * w->nr * 4;
}

/* The same where a step is a row of taps: gathered first, with its places. */
struct gather {
    char *step, *plain;
    size_t n; /* dwords so far */
};

static struct gather pack_gather(struct pen *w)
{
    struct gather g = { w->to, w->plain, 0 };

    w->to = g.plain;
    return g;
}

static void at_places(struct pen *w, struct gather *g, ptrdiff_t at,
                      size_t dwords)
{
    for (size_t d = 0; d < dwords; d++)
        w->at[g->n++] = (int32_t)(at + (ptrdiff_t)(4 * d));
}

static void gathered(struct pen *w, const struct gather *g)
{
    reap_blocked_chains(w->chainer, g->step, (signed char *)g->plain, w->at,
                        g->n, w->nr);
    w->to = g->step + reap_blocked_step(w->ops, g->n, w->nr);
}

/* The slices of channels of a panel, whole rows of taps at a time. */
static void pack_rows(struct pen *w, const struct reap_program *p,
                      const struct reap_blocked_layer *l, size_t slice,
                      size_t first, size_t count)
{
    const struct reap_node *n = &p->net->node[l->node];
    const struct reap_tensor *in = &p->tensor[l->in];

    for (size_t ky = 0; ky < n->kh; ky++) {
        struct gather g = pack_gather(w);

        for (size_t c = first; c < first + count; c++)
            for (size_t kx = 0; kx < n->kw; kx++) {
                at_places(w, &g,
                          reap_blocked_slice(in, c, slice) +
                              ((ptrdiff_t)kx - (ptrdiff_t)n->pad) * REAP_PIXEL,
                          l->conv.dwords);
                pack_step(w, n, in->c, ky, kx, c * slice, l->conv.dwords,
                          false);
            }
        gathered(w, &g);
    }
}

/* The input of a net: all rows of taps together. */
static void pack_input(struct pen *w, const struct reap_program *p,
                       const struct reap_blocked_layer *l)
{
    const struct reap_node *n = &p->net->node[l->node];
    struct gather g = pack_gather(w);

    for (size_t ky = 0; ky < n->kh; ky++) {
        at_places(w, &g, (ptrdiff_t)ky * p->tensor[l->in].row, l->conv.dwords);
        pack_step(w, n, p->tensor[l->in].c, ky, 0, 0, l->conv.dwords, true);
    }
    gathered(w, &g);
}

/* The panel's slices of channels, in the order of add_steps() of conv.c. */
static void pack_panel(struct pen *w, const struct reap_program *p,
                       const struct reap_blocked_layer *l, size_t panel)
{
    const struct reap_node *n = &p->net->node[l->node];
    const struct reap_tensor *in = &p->tensor[l->in];
    size_t slice = p->ops.block, first = 0, count = in->blocks;

    w->first = panel * w->nr;
    turn_to(w, p, l->in);
    if (l->conv.grouped) {
        slice = 16;
        reap_blocked_slices(n, in->c, w->nr, panel, &first, &count);
    }
    if (p->ops.chains) {
        if (l->in)
            pack_rows(w, p, l, slice, first, count);
        else
            pack_input(w, p, l);
        return;
    }
    for (size_t c = first; c < first + count; c++)
        for (size_t ky = 0; ky < n->kh; ky++)
            for (size_t kx = 0; kx < (l->in ? n->kw : 1); kx++)
                pack_step(w, n, in->c, ky, kx, c * slice, l->conv.dwords,
                          l->in == 0);
}

static void pack_second(struct pen *w, const struct reap_program *p,
                        const struct reap_blocked_layer *l)
{
    const struct reap_node *n = &p->net->node[p->second[l->node]];
    const struct reap_tensor *in = &p->tensor[l->in2];
    struct gather g = { 0 };

    turn_to(w, p, l->in2);
    if (p->ops.chains)
        g = pack_gather(w);
    for (size_t b = 0; b < in->blocks; b++) {
        if (p->ops.chains)
            at_places(w, &g, (ptrdiff_t)b * in->plane, l->conv.dwords2);
        pack_step(w, n, in->c, 0, 0, b * p->ops.block, l->conv.dwords2, false);
    }
    if (p->ops.chains)
        gathered(w, &g);
}

/* What chains of this layer are made with. */
static int pen_chains(struct pen *w, const struct reap_program *p,
                      const struct reap_blocked_layer *l, struct reap_err *err)
{
    const struct reap_node *n = &p->net->node[l->node];
    const size_t slices = (p->tensor[l->in].c + 15) / 16 + 4;
    const size_t second = l->in2 >= 0 ? p->tensor[l->in2].blocks : 0;
    size_t most = slices * n->kw * 4 + n->kh * l->conv.dwords;

    if (!p->ops.chains)
        return REAP_OK;
    if (most < second * l->conv.dwords2)
        most = second * l->conv.dwords2;
    w->plain = reap_calloc(most, w->nr * 4);
    w->at = reap_calloc(most, sizeof(*w->at));
    w->chainer = reap_blocked_chainer(most);
    if (!w->plain || !w->at || !w->chainer)
        return reap_fail(err, REAP_ENOMEM, "no memory for packed weights");
    return REAP_OK;
}

static void pen_clear(struct pen *w)
{
    reap_free(w->step);
    reap_free(w->plain);
    reap_free(w->at);
    reap_blocked_chainer_free(&w->chainer);
}

/* A step of a panel of tile registers: two tiles, and two more of what is left
 * of numbers in halves. */
static void pack_tiles(struct pen *w, const struct reap_node *n, size_t cin,
                       size_t panel, size_t ky, size_t kx, size_t i, bool input)
{
    for (int low = 0; low < (w->ops->halves ? 2 : 1); low++)
        for (size_t half = 0; half < 2; half++) {
            w->low = low;
            w->first = panel * REAP_TILE_PANEL + half * w->nr;
            pack_step(w, n, cin, ky, kx, i, REAP_PIXEL / 4, input);
        }
}

/* A panel in the order of tile.c. */
static void pack_tile_panel(struct pen *w, const struct reap_program *p,
                            const struct reap_blocked_layer *l, size_t panel)
{
    const struct reap_node *n = &p->net->node[l->node];
    const struct reap_tensor *in = &p->tensor[l->in];
    size_t first, count;

    reap_blocked_tile_blocks(p, l, panel, &first, &count);
    w->to = l->w + panel * l->tile.panel_bytes;
    turn_to(w, p, l->in);
    for (size_t b = first; b < first + count; b++)
        for (size_t ky = 0; ky < n->kh; ky++)
            for (size_t kx = 0; kx < (l->in ? n->kw : 1); kx++)
                pack_tiles(w, n, in->c, panel, ky, kx, b * p->ops.block,
                           l->in == 0);
    if (l->in2 < 0)
        return;
    turn_to(w, p, l->in2);
    n = &p->net->node[p->second[l->node]];
    for (size_t b = 0; b < p->tensor[l->in2].blocks; b++)
        pack_tiles(w, n, p->tensor[l->in2].c, panel, 0, 0, b * p->ops.block,
                   false);
}

/* Biases of the layer and of the projection that it contains. */
static void pack_bias(const struct reap_program *p,
                      const struct reap_blocked_layer *l)
{
    const struct reap_node *n = &p->net->node[l->node];
    int second = l->in2 >= 0 ? p->second[l->node] : -1;

    memset(l->bias, 0, l->bias_bytes);
    for (size_t o = 0; o < n->c; o++) {
        double b = n->bias[o];

        if (second >= 0)
            b += p->net->node[second].bias[o];
        l->bias[o] = (float)b;
    }
}

int reap_blocked_pack(const struct reap_program *p,
                      struct reap_blocked_layer *l, struct reap_err *err)
{
    struct pen w = { .ops = &p->ops };
    size_t room = round_up(p->net->node[l->node].c, 64);
    int rc = REAP_OK;

    w.nr = l->conv.grouped ? p->ops.group_nr : p->ops.conv_nr;
    if (p->ops.tile)
        w.nr = REAP_TILE_PANEL / 2;
    if (p->ops.elem == 1)
        w.step = reap_calloc(room, sizeof(*w.step));
    if (p->ops.elem != 1)
        pack_bias(p, l);
    else if (!w.step)
        rc = reap_fail(err, REAP_ENOMEM, "no memory for packed weights");
    else
        rc = reap_blocked_int8_layer(p, l, w.step, err);
    if (!rc)
        rc = pen_chains(&w, p, l, err);
    if (rc)
        goto out;
    for (size_t panel = 0; panel < l->tile.panels; panel++)
        pack_tile_panel(&w, p, l, panel);
    for (size_t panel = 0; panel < l->conv.panels; panel++) {
        w.to = l->w + l->conv.panel_at[panel];
        pack_panel(&w, p, l, panel);
        if (l->in2 >= 0)
            pack_second(&w, p, l);
    }
out:
    pen_clear(&w);
    return rc;
}

/* Rows of G of F(m, 3) for the points of engine/kern/wino4.inc and wino2.inc:
 * (1, x, x^2) over the product of the differences to the other points. */
static void wino_g(size_t m, double g[6][3])
{
    const double a = sqrt(.5), b = sqrt(2.);
    const double point4[] = { 0, a, -a, b, -b }, point2[] = { 0, 1, -1 };
    const double *point = m == 4 ? point4 : point2;

    for (size_t i = 0; i <= m; i++) {
        double n = 1;

        for (size_t j = 0; j <= m; j++)
            if (j != i)
                n *= point[i] - point[j];
        /* F(2) keeps the sign of row 0 in the input transform. */
        if (m == 2 && i == 0)
            n = -n;
        for (size_t k = 0; k < 3; k++)
            g[i][k] = (k == 0   ? 1
                       : k == 1 ? point[i]
                                : point[i] * point[i]) /
                      n;
    }
    g[m + 1][0] = g[m + 1][1] = 0;
    g[m + 1][2] = 1;
}

/* Channel at place 'at' of a transformed block: wino_in may part them. */
static size_t channel_at(const struct reap_ops *ops, size_t at)
{
    size_t half = ops->block / 2;

    if (!ops->split)
        return at;
    return at < half ? 2 * at : 2 * (at - half) + 1;
}

/* U = G g G^T of one pair of channels, in double. */
static void wino_u(const struct reap_node *n, size_t cin, size_t o, size_t i,
                   size_t m, double g[6][3], double u[6][6])
{
    double w[3][3], t[6][3];

    for (size_t ky = 0; ky < 3; ky++)
        for (size_t kx = 0; kx < 3; kx++)
            w[ky][kx] = weight(n, cin, o, ky, kx, i);
    for (size_t y = 0; y < m + 2; y++)
        for (size_t x = 0; x < 3; x++)
            t[y][x] = g[y][0] * w[0][x] + g[y][1] * w[1][x] + g[y][2] * w[2][x];
    for (size_t y = 0; y < m + 2; y++)
        for (size_t x = 0; x < m + 2; x++)
            u[y][x] = t[y][0] * g[x][0] + t[y][1] * g[x][1] + t[y][2] * g[x][2];
}

/* (number, panel, block, dword, nr) dwords */
int reap_blocked_pack_wino(const struct reap_program *p,
                           struct reap_blocked_layer *l, struct reap_err *err)
{
    const struct reap_node *n = &p->net->node[l->node];
    const struct reap_tensor *in = &p->tensor[l->in];
    const size_t nr = p->ops.gemm_nr, m = p->ops.wino_m, pair = 4 / p->ops.elem;
    const size_t ci = in->blocks * p->ops.block, co = round_up(n->c, 64);
    double g[6][3], u[6][6];

    (void)err;
    wino_g(m, g);
    for (size_t o = 0; o < co; o++)
        for (size_t at = 0; at < ci; at++) {
            size_t i = at / p->ops.block * p->ops.block +
                       channel_at(&p->ops, at % p->ops.block);
            size_t to =
                ((o / nr * ci + at) / pair * nr + o % nr) * pair + at % pair;

            wino_u(n, in->c, o, i, m, g, u);
            for (size_t k = 0; k < (m + 2) * (m + 2); k++)
                pack_put(&p->ops, l->w, k * ci * co + to,
                         u[k / (m + 2)][k % (m + 2)]);
        }
    pack_bias(p, l);
    return REAP_OK;
}
