/*
 * Weights for products of bytes that are added to 16 bits (struct reap_chains
 * of engine/kern/kernels.h). Dwords are put into chains so that no sum of a
 * chain can leave 16 bits, as few chains as are easily found: the largest
 * dwords first, each to the first open chain that has room for it. A dword that
 * is too large even alone is parted into halves.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/blocked/blocked.h"

enum {
    LANES = 8,       /* channels of a vector */
    MOST = 128,      /* 255 times this fits 16 bits */
    OPEN = 64,       /* chains that are tried */
    SUMS = 4 * LANES /* of a vector: two pairs a channel, above and below 0 */
};

struct load {
    uint8_t of[SUMS]; /* what sums can reach, in units of 255 */
};

struct item {
    signed char w[4 * LANES];
    struct load load;
    int32_t at;
    uint32_t index; /* in the order they came */
    int most, all;
};

struct chain {
    struct load load;
    uint32_t n;
    const struct item *item[REAP_CHAIN];
};

struct reap_chainer {
    size_t dwords;
    struct item *item;
    struct chain *chain;
};

struct reap_chainer *reap_blocked_chainer(size_t dwords)
{
    struct reap_chainer *c = reap_calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->dwords = dwords;
    c->item = reap_calloc(2 * dwords, sizeof(*c->item));
    c->chain = reap_calloc(2 * dwords, sizeof(*c->chain));
    if (!c->item || !c->chain)
        reap_blocked_chainer_free(&c);
    return c;
}

void reap_blocked_chainer_free(struct reap_chainer **c)
{
    if (!*c)
        return;
    reap_free((*c)->item);
    reap_free((*c)->chain);
    reap_free(*c);
    *c = NULL;
}

static void weigh(struct item *t)
{
    t->most = t->all = 0;
    for (int i = 0; i < SUMS / 2; i++) {
        const int a = t->w[2 * i], b = t->w[2 * i + 1];
        const int above = (a > 0 ? a : 0) + (b > 0 ? b : 0);
        const int below = above - a - b;
        const int most = above > below ? above : below;

        t->load.of[2 * i] = (uint8_t)above;
        t->load.of[2 * i + 1] = (uint8_t)below;
        t->most = most > t->most ? most : t->most;
        t->all += above + below;
    }
}

/* The dwords of a vector as items; returns how many. */
static size_t items(struct reap_chainer *c, const signed char *w, size_t apart,
                    const int32_t *at, size_t dwords)
{
    size_t n = 0;

    for (size_t d = 0; d < dwords; d++) {
        struct item *t = &c->item[n++], *half;

        memcpy(t->w, w + d * apart, sizeof(t->w));
        t->at = at[d];
        weigh(t);
        if (t->most <= MOST)
            continue;
        half = &c->item[n++];
        half->at = at[d];
        for (size_t i = 0; i < sizeof(t->w); i++) {
            half->w[i] = (signed char)(t->w[i] / 2);
            t->w[i] = (signed char)(t->w[i] - half->w[i]);
        }
        weigh(t);
        weigh(half);
    }
    for (size_t i = 0; i < n; i++)
        c->item[i].index = (uint32_t)i;
    return n;
}

static int larger_first(const void *a, const void *b)
{
    const struct item *x = a, *y = b;

    if (x->most != y->most)
        return y->most - x->most;
    if (x->all != y->all)
        return y->all - x->all;
    return x->index < y->index ? -1 : 1;
}

static bool room_for(const struct chain *c, const struct item *t)
{
    int over = 0;

    for (int i = 0; i < SUMS; i++)
        over |= c->load.of[i] + t->load.of[i] > MOST;
    return !over;
}

static void chains_append(struct chain *c, const struct item *t)
{
    for (int i = 0; i < SUMS; i++)
        c->load.of[i] = (uint8_t)(c->load.of[i] + t->load.of[i]);
    c->item[c->n++] = t;
}

/* Chains of n items; returns how many. */
static size_t chain_up(struct reap_chainer *c, size_t n)
{
    size_t chains = 0, first = 0;

    for (size_t i = 0; i < n; i++) {
        const struct item *t = &c->item[i];
        size_t at = first, tried = 0;

        for (; at < chains && tried < OPEN; at++) {
            if (c->chain[at].n == REAP_CHAIN)
                continue;
            if (room_for(&c->chain[at], t))
                break;
            tried++;
        }
        if (at >= chains || tried == OPEN) {
            at = chains++;
            memset(&c->chain[at], 0, sizeof(c->chain[at]));
        }
        chains_append(&c->chain[at], t);
        while (first < chains && c->chain[first].n == REAP_CHAIN)
            first++;
    }
    return chains;
}

/* Room for places, up to whole vectors. */
static size_t places(size_t dwords, size_t nr)
{
    return (2 * dwords * (nr / LANES) * sizeof(int32_t) + 63) / 64 * 64;
}

size_t reap_blocked_chain_bytes(size_t dwords, size_t nr)
{
    return REAP_CHAIN_HEAD + places(dwords, nr) + 2 * dwords * nr * 4;
}

void reap_blocked_chains(struct reap_chainer *c, char *step,
                         const signed char *w, const int32_t *at, size_t dwords,
                         size_t nr)
{
    struct reap_chains *head = (struct reap_chains *)(void *)step;
    int32_t *place = (int32_t *)(void *)(step + REAP_CHAIN_HEAD);
    uint32_t done = 0;

    memset(step, 0, reap_blocked_chain_bytes(dwords, nr));
    head->weights = (uint32_t)(REAP_CHAIN_HEAD + places(dwords, nr));
    for (size_t v = 0; v < nr / LANES; v++) {
        const size_t n = items(c, w + v * 4 * LANES, nr * 4, at, dwords);
        size_t chains;

        qsort(c->item, n, sizeof(*c->item), larger_first);
        chains = chain_up(c, n);
        head->vector[v].first = done;
        for (uint32_t len = REAP_CHAIN; len > 0; len--)
            for (size_t i = 0; i < chains; i++) {
                if (c->chain[i].n != len)
                    continue;
                head->vector[v].n[len - 1]++;
                for (uint32_t k = 0; k < len; k++, done++) {
                    place[done] = c->chain[i].item[k]->at;
                    memcpy(step + head->weights + done * 4 * LANES,
                           c->chain[i].item[k]->w, 4 * LANES);
                }
            }
    }
}
