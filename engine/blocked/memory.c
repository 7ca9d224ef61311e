/* Where each tensor lies in the arena: the lowest place that no tensor alive at
 * the same time takes; results that may overwrite their residual; pairs of
 * layers. */
#include <string.h>

#include "engine/base/mem.h"
#include "engine/blocked/blocked.h"

/* Stage that layer i belongs to. */
static size_t stage_of(const struct reap_program *p, size_t i)
{
    size_t s = 0;

    while (i >= p->stage[s].first + p->stage[s].n)
        s++;
    return s;
}

static void reads(struct reap_program *p, int node, size_t layer)
{
    if (node >= 0 && p->tensor[node].used)
        p->tensor[node].last = layer;
}

/*
 * When each tensor is written first and read last. One that crosses to another
 * stage is there for all of both stages, since each goes over all its groups
 * of images before the next begins.
 */
static void lifetimes(struct reap_program *p)
{
    for (size_t i = 0; i < p->n_layers; i++) {
        struct reap_blocked_layer *l = &p->layer[i];

        p->tensor[l->node].first = p->tensor[l->node].last = i;
        reads(p, l->in, i);
        reads(p, l->in2, i);
        reads(p, l->res, i);
    }
    for (size_t i = 0; i < p->net->n_nodes; i++) {
        struct reap_tensor *t = &p->tensor[i];
        size_t from, to;

        if (!t->used)
            continue;
        from = stage_of(p, t->first);
        to = stage_of(p, t->last);
        t->crosses = from != to;
        t->slots = t->crosses ? p->chunk : p->stage[from].group;
        if (t->crosses) {
            t->first = p->stage[from].first;
            t->last = p->stage[to].first + p->stage[to].n - 1;
        }
    }
}

/* Does each number lie where its like does in the other? */
static bool same_form(const struct reap_tensor *a, const struct reap_tensor *b)
{
    return a->lanes == b->lanes && a->pad == b->pad && a->lead == b->lead &&
           a->pixel == b->pixel && a->row == b->row && a->plane == b->plane &&
           a->image == b->image && a->slots == b->slots;
}

/* The tensor that node's layer may overwrite: its residual, read last there
 * and of the same form. Each number is read just before it is written. */
static const struct reap_tensor *in_place(const struct reap_program *p,
                                          const struct reap_blocked_layer *l)
{
    const struct reap_tensor *t = &p->tensor[l->node], *r;

    if (l->res < 0)
        return NULL;
    r = &p->tensor[l->res];
    if (r->crosses || t->crosses || r->last != t->first || l->res == l->in ||
        !same_form(r, t))
        return NULL;
    return r;
}

/* Which layers go in turn. What the first of a pair reads is there until the
 * second is done; a residual, until what is written over it. */
static void find_pairs(struct reap_program *p)
{
    for (size_t i = 0; i < p->n_layers; i++) {
        struct reap_blocked_layer *l = &p->layer[i];

        if (!reap_blocked_pairs(p, i) || stage_of(p, i) != stage_of(p, i + 1) ||
            (l->res >= 0 && !in_place(p, l)))
            continue;
        l->paired = true;
        if (p->tensor[l->in].last == i)
            p->tensor[l->in].last++;
        if (l->in2 >= 0 && p->tensor[l->in2].last == i)
            p->tensor[l->in2].last++;
    }
}

static size_t size_of(const struct reap_tensor *t)
{
    return ((t->slots + t->lanes - 1) / t->lanes * (size_t)t->image + 127) /
           64 * 64;
}

static bool collide(const struct reap_tensor *a, const struct reap_tensor *b)
{
    return a->first <= b->last && b->first <= a->last &&
           a->at < b->at + size_of(b) && b->at < a->at + size_of(a);
}

/* The lowest place among the tensors of layers before n. */
static void memory_settle(struct reap_program *p, size_t n)
{
    struct reap_tensor *t = &p->tensor[p->layer[n].node];
    const struct reap_tensor *same = in_place(p, &p->layer[n]);
    bool moved = true;

    t->at = same ? same->at : 0;
    while (moved && !same) {
        moved = false;
        for (size_t i = 0; i < n; i++) {
            const struct reap_tensor *o = &p->tensor[p->layer[i].node];

            if (collide(t, o)) {
                t->at = o->at + size_of(o);
                moved = true;
            }
        }
    }
    if (p->arena < t->at + size_of(t))
        p->arena = t->at + size_of(t);
}

int reap_blocked_memory(struct reap_program *p, struct reap_err *err)
{
    const size_t threads = p->args.threads ? p->args.threads : 1;

    lifetimes(p);
    find_pairs(p);
    for (size_t i = 0; i < p->n_layers; i++)
        memory_settle(p, i);
    for (size_t i = 0; i < p->n_layers; i++)
        if (p->scratch < p->layer[i].scratch)
            p->scratch = p->layer[i].scratch;
    if (p->ops.tile) /* the rest of the last tile is read */
        p->arena += REAP_TILE_ROWS * 2 * REAP_PIXEL;
    p->scratch_at = (p->arena + 4095) / 4096 * 4096;
    p->scratch = (p->scratch + 63) / 64 * 64;
    p->arena = p->scratch_at + threads * p->scratch;
    (void)err;
    return REAP_OK;
}
