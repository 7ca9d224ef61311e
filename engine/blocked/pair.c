/* A convolution and the 1x1 after it in turn, some pixels at a time: what the
 * first gives of them is still in L2 when the second reads it. */
#include "engine/blocked/blocked.h"

enum {
    PAIR_PIXELS = 512 << 10,  /* bytes that the first reads and writes */
    PAIR_WEIGHTS = 1280 << 10 /* of both, which come by again each time */
};

bool reap_blocked_pairs(const struct reap_program *p, size_t i)
{
    const struct reap_blocked_layer *a = &p->layer[i], *b = a + 1;
    const struct reap_node *na = &p->net->node[a->node], *nb;

    if (i + 1 >= p->n_layers || a->run != reap_blocked_tile ||
        b->run != reap_blocked_tile || b->in != (int)a->node || b->in2 >= 0 ||
        b->res >= 0)
        return false;
    nb = &p->net->node[b->node];
    return nb->kh == 1 && nb->kw == 1 && nb->stride == 1 && nb->groups == 1 &&
           na->groups == 1 && a->tile.n_kinds == 1 && b->tile.n_kinds == 1 &&
           a->tile.images == b->tile.images && a->tile.n == b->tile.n &&
           a->tile.pitch == b->tile.pitch &&
           a->w_bytes + b->w_bytes <= PAIR_WEIGHTS;
}

/* Tiles at a time; those of the second cover the same pixels. */
static size_t tiles_of(const struct reap_program *p,
                       const struct reap_blocked_layer *a)
{
    size_t planes = p->tensor[a->node].planes + p->tensor[a->in].planes, n;

    if (a->in2 >= 0)
        planes += p->tensor[a->in2].planes;
    n = PAIR_PIXELS / (planes * REAP_TILE_ROWS * REAP_PIXEL) / 2 * 2;
    return n ? n : 2;
}

/* For one image, or those that lie side by side. */
static void pair(const struct reap_program *p, size_t i,
                 const struct reap_frame *f, size_t image, double *seconds,
                 double *since)
{
    const struct reap_blocked_layer *a = &p->layer[i], *b = a + 1;
    const struct reap_tile_run ra = reap_blocked_tile_aim(p, a, f, image);
    const struct reap_tile_run rb = reap_blocked_tile_aim(p, b, f, image);
    const size_t most = tiles_of(p, a);

    for (size_t from = 0, n; from < a->tile.n; from += n) {
        n = a->tile.n - from < most ? a->tile.n - from : most;
        reap_blocked_tile_some(p, a, f, &ra, from, n);
        reap_blocked_lap(seconds, i, since);
        reap_blocked_tile_some(p, b, f, &rb, from, n);
        reap_blocked_lap(seconds, i + 1, since);
    }
}

void reap_blocked_pair(const struct reap_program *p, size_t i,
                       const struct reap_frame *f, double *seconds,
                       double *since)
{
    for (size_t k = 0; k < f->n; k += p->layer[i].tile.images)
        pair(p, i, f, k, seconds, since);
}
