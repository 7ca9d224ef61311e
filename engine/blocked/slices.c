/* Which channels of the input a panel of outputs reads: all of them, or with
 * groups those of the groups it touches. */
#include "engine/blocked/blocked.h"

void reap_blocked_slices(const struct reap_node *n, size_t cin, size_t nr,
                         size_t panel, size_t *first, size_t *count)
{
    size_t out = n->c / n->groups, in = cin / n->groups;
    size_t lo = panel * nr, hi = lo + nr < n->c ? lo + nr : n->c;

    *first = *count = 0;
    if (lo >= n->c)
        return;
    *first = lo / out * in / 16;
    *count = (((hi - 1) / out + 1) * in + 15) / 16 - *first;
}

/* The blocks of the input whose channels a panel of groups reads. */
static void tile_blocks_of(const struct reap_program *p,
                           const struct reap_blocked_layer *l, size_t panel,
                           size_t *first, size_t *count)
{
    const struct reap_node *n = &p->net->node[l->node];
    const size_t out = n->c / n->groups, block = p->ops.block;
    const size_t in = p->net->node[l->in].c / n->groups;
    size_t lo = panel * REAP_TILE_PANEL,
           hi = lo + REAP_TILE_PANEL < n->c ? lo + REAP_TILE_PANEL : n->c;

    if (lo >= n->c)
        lo = n->c - 1, hi = n->c;
    *first = lo / out * in / block;
    *count = (((hi - 1) / out + 1) * in + block - 1) / block - *first;
}

void reap_blocked_tile_blocks(const struct reap_program *p,
                              const struct reap_blocked_layer *l, size_t panel,
                              size_t *first, size_t *count)
{
    const size_t blocks = p->tensor[l->in].blocks;
    size_t from, n;

    *first = 0;
    *count = blocks;
    if (p->net->node[l->node].groups == 1)
        return;
    *count = 1;
    for (size_t i = 0; i < l->tile.panels; i++) {
        tile_blocks_of(p, l, i, &from, &n);
        *count = n > *count ? n : *count;
    }
    tile_blocks_of(p, l, panel, first, &n);
    if (*first + *count > blocks)
        *first = blocks - *count;
}
