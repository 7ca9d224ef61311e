/* Plan a tail: its layers, its vectors, its memory. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/net/take_tensors.h"
#include "engine/train/tail_impl.h"

static size_t power_below(size_t n)
{
    size_t p = 1;

    while (2 * p <= n)
        p *= 2;
    return p;
}

struct reap_tail_share reap_tail_share(size_t n, size_t rank, size_t ranks)
{
    struct reap_tail_share s = { .all_parts = 1, .ranks = power_below(ranks) };

    while (s.all_parts * REAP_TAIL_PART < n)
        s.all_parts *= 2;
    if (s.ranks > s.all_parts)
        s.ranks = s.all_parts;
    if (rank >= s.ranks)
        return s; /* none */
    s.parts = s.all_parts / s.ranks;
    s.part = rank * s.parts;
    s.from = s.part * n / s.all_parts;
    s.to = (s.part + s.parts) * n / s.all_parts;
    return s;
}

size_t reap_tail_part(const struct reap_tail *t, size_t p)
{
    return p * t->batch / t->now.all_parts - t->now.from;
}

/* Images of the largest share that a batch of up to the most can bring. */
static size_t largest_share(const struct reap_tail_args *a)
{
    size_t most = 1;

    for (size_t n = 1; n <= a->max_batch; n++) {
        const struct reap_tail_share s =
            reap_tail_share(n, a->team.rank, a->team.ranks);

        most = s.to - s.from > most ? s.to - s.from : most;
    }
    return most;
}

static size_t round16(size_t n)
{
    return (n + 15) / 16 * 16;
}

static size_t fan_in(const struct reap_tail_layer *l)
{
    return l->node->kh * l->node->kw * l->task.cin;
}

bool reap_tail_in_place(const struct reap_tail_layer *l)
{
    return l->node->kh == 1 && l->node->kw == 1 && l->node->stride == 1;
}

/* Which layer of the tail a node is; -1 for the border, -2 for none. */
static int layer_of(const struct reap_tail_args *a, int node)
{
    if (node < 0)
        return -2;
    return node == (int)a->from.border ? -1 : node - (int)a->from.first;
}

static void shape(struct reap_tail *t, size_t i)
{
    const struct reap_graph *g = t->a.graph;
    struct reap_tail_layer *l = &t->layer[i];
    const struct reap_node *n = &g->node[t->a.from.first + i];
    const struct reap_node *in = &g->node[n->in];
    struct reap_tensor_spec spec;

    l->node = n;
    l->in = layer_of(&t->a, n->in);
    l->in2 = layer_of(&t->a, n->in2);
    l->slot = -1;
    l->task = (struct reap_conv_task){ .node = n,
                                       .in_h = in->h,
                                       .in_w = in->w,
                                       .in_c = in->c,
                                       .groups = n->groups,
                                       .cin = in->c / n->groups,
                                       .cout = n->c / n->groups };
    for (int kind = 0; kind < REAP_T_KINDS; kind++) {
        l->at[kind] = REAP_TAIL_NONE;
        if (kind > REAP_T_BETA ||
            !reap_graph_tensor(g, t->a.from.first + i, kind, &spec))
            continue;
        l->at[kind] = t->count;
        t->count += round16(kind == REAP_T_KERNEL ? n->c * fan_in(l) : n->c);
    }
}

/* Backward walks from the last layer to the first. A gradient takes a slot
 * when it is first written, and leaves it when its layer is done. */
static int claim(struct reap_tail *t, int layer, bool *used, bool *first)
{
    int s = 0;

    *first = layer >= 0 && t->layer[layer].slot < 0;
    if (!*first)
        return 0;
    while (used[s])
        s++;
    used[s] = true;
    t->layer[layer].slot = s;
    return s + 1;
}

static size_t plan_slots(struct reap_tail *t)
{
    bool used[REAP_GRAPH_NODES] = { false }, first;
    int most = claim(t, (int)t->n - 1, used, &first), s;

    for (size_t i = t->n; i--;) {
        struct reap_tail_layer *l = &t->layer[i];

        s = claim(t, l->in2, used, &l->first_in2);
        most = s > most ? s : most;
        s = claim(t, l->in, used, &l->first_in);
        most = s > most ? s : most;
        used[l->slot] = false;
    }
    return (size_t)most;
}

/* A block that is laid out twice: to count it, and to point into it. */
struct block {
    float *base;
    size_t used;
};

static float *tail_take(struct block *b, size_t n)
{
    float *at = b->base ? b->base + b->used : NULL;

    b->used += round16(n);
    return at;
}

static size_t levels(const struct reap_tail *t)
{
    size_t n = 1;

    for (size_t p = reap_tail_share(t->a.max_batch, 0, 1).all_parts; p > 1;
         p /= 2)
        n++;
    return n;
}

static void lay_head(struct reap_tail *t, struct block *b, size_t features)
{
    size_t widest = features;

    t->pooled = tail_take(b, t->share * features);
    t->back = tail_take(b, t->share * features);
    for (size_t i = 0; i < t->a.n_dense; i++) {
        const size_t out = t->a.dense[i].out;

        widest = out > widest ? out : widest;
        t->z[i] = tail_take(b, t->share * out);
        t->drop[i] = tail_take(b, t->share * out);
    }
    t->dz[0] = tail_take(b, t->share * widest);
    t->dz[1] = tail_take(b, t->share * widest);
}

static void tail_lay(struct reap_tail *t, struct block *b, size_t slots)
{
    const size_t parts = reap_tail_share(t->a.max_batch, 0, 1).all_parts;
    const struct reap_node *last = t->layer[t->n - 1].node;
    size_t rows = 0, output = 0, wide = last->c;

    for (size_t i = 0; i < t->n; i++) {
        struct reap_tail_layer *l = &t->layer[i];
        const struct reap_node *n = l->node;
        const size_t pixels = n->h * n->w;

        l->out = tail_take(b, t->share * pixels * n->c);
        output = pixels * n->c > output ? pixels * n->c : output;
        wide = n->c > wide ? n->c : wide;
        if (n->op == REAP_OP_CONV && !reap_tail_in_place(l) &&
            pixels * fan_in(l) > rows)
            rows = pixels * fan_in(l);
        if (n->op == REAP_OP_SUBSAMPLE)
            continue;
        l->folded = tail_take(b, n->op == REAP_OP_CONV ? n->c * fan_in(l) : 0);
        l->scale = tail_take(b, n->c);
        l->shift = tail_take(b, n->c);
        if (l->at[REAP_T_GAMMA] == REAP_TAIL_NONE)
            continue;
        l->mean = tail_take(b, n->c);
        l->sigma = tail_take(b, n->c);
    }
    for (int v = 0; v < REAP_TAIL_VECTORS; v++)
        t->vector[v] = tail_take(b, t->count);
    t->input = tail_take(b, t->share * t->border);
    t->rows = tail_take(b, t->share * rows);
    for (size_t s = 0; s < slots; s++)
        t->slot[s] = tail_take(b, t->share * output);
    for (size_t i = 0; i < t->a.n_dense; i++)
        wide = t->a.dense[i].out > wide ? t->a.dense[i].out : wide;
    t->sums = tail_take(b, parts * wide * 2);
    if (t->a.team.ranks > 1)
        t->pieces = tail_take(b, t->a.team.ranks * REAP_TAIL_PIECE);
    t->tile = tail_take(b, reap_crew_size(t->a.crew) * levels(t) *
                               REAP_TAIL_ROWS * REAP_TAIL_COLUMNS);
    lay_head(t, b, last->c);
}

/* All but the memory. Returns how many slots gradients need. */
static size_t tail_plan(struct reap_tail *t, const struct reap_tail_args *a)
{
    const struct reap_node *border = &a->graph->node[a->from.border];

    t->a = *a;
    t->share = largest_share(a);
    t->border = border->h * border->w * border->c;
    for (size_t i = 0; i < t->n; i++)
        shape(t, i);
    for (size_t i = 0; i < a->n_dense; i++) {
        t->dense[i] = a->dense[i];
        t->at_dense[i] = t->count;
        t->count += round16(a->dense[i].in * a->dense[i].out) +
                    round16(a->dense[i].out);
    }
    return plan_slots(t);
}

static struct reap_tail *bare(const struct reap_tail_args *a)
{
    struct reap_tail *t = reap_calloc(1, sizeof(*t));

    if (t) {
        t->n = a->graph->n - a->from.first;
        t->layer = reap_calloc(t->n, sizeof(*t->layer));
    }
    if (t && !t->layer) {
        reap_free(t);
        t = NULL;
    }
    return t;
}

size_t reap_tail_bytes(const struct reap_tail_args *a, size_t *numbers)
{
    struct reap_tail *t = bare(a);
    struct block b = { 0 };

    if (!t)
        return 0;
    tail_lay(t, &b, tail_plan(t, a));
    *numbers = t->count;
    reap_tail_free(&t);
    return b.used * sizeof(float);
}

static int tail_check_head(const struct reap_tail_args *a, struct reap_err *err)
{
    const size_t features = a->graph->node[a->graph->n - 1].c;

    if (a->dense[0].in != features)
        return reap_fail(err, REAP_EMISFIT,
                         "the head takes embeddings of %zu numbers, %s gives "
                         "%zu",
                         a->dense[0].in, a->graph->model->name, features);
    return REAP_OK;
}

int reap_tail_new(struct reap_tail **out, const struct reap_tail_args *a,
                  struct reap_err *err)
{
    const size_t parts = reap_tail_share(a->max_batch, 0, 1).all_parts;
    struct reap_tail *t = NULL;
    struct block b = { 0 };
    size_t slots;
    int rc = tail_check_head(a, err);

    *out = NULL;
    if (rc)
        return rc;
    t = bare(a);
    if (!t)
        return reap_fail(err, REAP_ENOMEM, "no memory for a plan");
    slots = tail_plan(t, a);
    tail_lay(t, &b, slots);
    b.base = t->own = reap_aligned(b.used * sizeof(float));
    t->result = reap_calloc(parts, sizeof(*t->result));
    if (!t->own || !t->result) {
        rc = reap_fail(err, REAP_ENOMEM, "no memory: %zu MB are needed",
                       b.used * sizeof(float) >> 20);
    } else {
        memset(t->own, 0, b.used * sizeof(float));
        b.used = 0;
        tail_lay(t, &b, slots);
        rc = reap_tail_take(t, err);
    }
    if (rc)
        reap_tail_free(&t);
    *out = t;
    return rc;
}

void reap_tail_free(struct reap_tail **t)
{
    if (!*t)
        return;
    reap_free((*t)->own);
    reap_free((*t)->result);
    reap_free((*t)->layer);
    reap_free(*t);
    *t = NULL;
}

float *reap_tail_input(struct reap_tail *t)
{
    return t->input;
}

size_t reap_tail_input_size(const struct reap_tail *t)
{
    return t->border;
}

size_t reap_tail_count(const struct reap_tail *t)
{
    return t->count;
}

float *reap_tail_vector(struct reap_tail *t, enum reap_tail_vector which)
{
    return t->vector[which];
}
