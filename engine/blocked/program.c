/*
 * From a net's nodes to layers: which kernel each takes, which projections are
 * summed inside another convolution, which margins tensors need, how many
 * images go together. Choices follow from shapes alone, so that sums never
 * depend on the batch.
 */
#include <math.h>

#include "engine/base/mem.h"
#include "engine/blocked/blocked.h"

enum {
    FEW = 12,   /* images that are worth going side by side */
    CHUNK = 16, /* images that pass through a stage at most */
    /* Large maps go one image at a time and stay near the core; of small ones
     * as many are taken together as make the weights worth their way. */
    ALONE = 784,
    TOGETHER = 1568 /* pixels */
};

/* Mark what the probes need, and count how often it is read. */
static void find_uses(const struct reap_program *p, size_t *uses)
{
    for (size_t t = 0; t < p->args.n_probes; t++)
        uses[p->probes[t].node]++;
    for (size_t i = p->net->n_nodes; i-- > 0;) {
        const struct reap_node *n = &p->net->node[i];

        if (!uses[i])
            continue;
        if (n->in >= 0)
            uses[n->in]++;
        if (n->in2 >= 0)
            uses[n->in2]++;
    }
}

/* Whether node i is a projection that its only reader can do on the way. */
static bool folds(const struct reap_program *p, size_t reader,
                  const size_t *uses)
{
    const struct reap_node *r = &p->net->node[reader];
    const struct reap_node *n;

    if (r->op != REAP_OP_CONV || r->in2 <= 0 || r->in == 0 || r->groups > 1 ||
        reap_blocked_wino_fits(p, reader))
        return false;
    n = &p->net->node[r->in2];
    return n->op == REAP_OP_CONV && uses[r->in2] == 1 && n->kh == 1 &&
           n->kw == 1 && !n->pad && n->groups == 1 && !n->relu && n->in > 0 &&
           n->in2 < 0;
}

static void shape(struct reap_program *p, size_t node, size_t c)
{
    const struct reap_node *n = &p->net->node[node];
    struct reap_tensor *t = &p->tensor[node];

    t->used = true;
    t->h = n->h;
    t->w = n->w;
    t->c = c;
    t->scale = 1;
    t->lanes = 1;
    t->blocks = (c + 63) / 64 * 64 / p->ops.block;
}

/* Planes that begin half a page apart: tiles of 2 KB of neighbouring planes do
 * not fall into the same sets of a cache. */
static ptrdiff_t skewed(ptrdiff_t bytes)
{
    const ptrdiff_t page = 4096, half = page / 2;

    return (bytes + half - 1) / page * page + half;
}

/* Strides, once it is known what margin the readers want. */
static void input_strides(const struct reap_program *p, struct reap_tensor *t)
{
    size_t row = (t->w + 2 * t->pad) * 3 * p->ops.elem;

    /* A pair of the last tap may reach one number further, a tile some rows
     * further. */
    t->row = (ptrdiff_t)((row + 4 + 63) / 64 * 64);
    t->blocks = 1;
    t->plane = t->row * (ptrdiff_t)(t->h + 2 * t->pad) + 8 * REAP_PIXEL;
}

static void plane_strides(const struct reap_program *p, struct reap_tensor *t)
{
    t->pixel = (ptrdiff_t)(t->lanes * REAP_PIXEL);
    t->row = (ptrdiff_t)(t->w + t->pad) * t->pixel;
    t->lead = (ptrdiff_t)t->pad * (t->pixel + (t->framed ? t->row : 0));
    t->plane = t->lead + t->row * (ptrdiff_t)t->h;
    if (t->framed)
        t->plane += (ptrdiff_t)t->pad * t->row;
    if (p->ops.tile)
        t->plane = skewed(t->plane);
}

/* The planes of a pixel, one behind the other; there are no margins. */
static void pixel_strides(struct reap_tensor *t)
{
    t->plane = (ptrdiff_t)(t->lanes * REAP_PIXEL);
    t->pixel = t->plane * (ptrdiff_t)t->planes;
    t->row = t->pixel * (ptrdiff_t)t->w;
}

static int strides(struct reap_program *p, size_t node, struct reap_err *err)
{
    struct reap_tensor *t = &p->tensor[node];
    const bool sixteen = p->side_by_side < p->n_layers && t->lanes == 1;
    const size_t halves = p->ops.halves ? 2 : 1;

    if (node == 0)
        input_strides(p, t);
    t->planes = t->blocks * halves;
    if (node > 0 && t->by_pixel)
        pixel_strides(t);
    else if (node > 0)
        plane_strides(p, t);
    t->low = halves > 1 ? t->plane * (ptrdiff_t)t->blocks : 0;
    t->image = t->by_pixel ? t->row * (ptrdiff_t)t->h
                           : t->plane * (ptrdiff_t)t->planes;
    if ((double)t->image * (sixteen ? REAP_TILE_ROWS : 1) > INT32_MAX)
        return reap_fail(err, REAP_EINVAL,
                         "%s: a map of %zu x %zu x %zu is too large for this "
                         "level; try REAP_CPU=blas",
                         p->net->node[node].layer, t->h, t->w, t->c);
    if (p->ops.tile) /* rows of a tile are images: not all in one set */
        t->image += REAP_PIXEL;
    return REAP_OK;
}

static size_t group_of(const struct reap_program *p, size_t layer)
{
    const struct reap_node *n = &p->net->node[p->layer[layer].node];
    size_t pixels = n->h * n->w, group = 1;

    if (p->ops.tile)
        return layer < p->side_by_side ? 1 : p->chunk;
    if (pixels < ALONE)
        group = (TOGETHER + pixels - 1) / pixels;
    return group < p->chunk ? group : p->chunk;
}

/* Whether a folded projection leaves out pixels that it had better not step
 * over time and again. */
static bool gathers(const struct reap_program *p, int node)
{
    return p->ops.tile && p->net->node[node].stride > 1;
}

/* What to call for a node, and the inputs it reads. */
static void set_layer(struct reap_program *p, struct reap_blocked_layer *l,
                      size_t node)
{
    static reap_blocked_fn *const run[] = {
        [REAP_OP_INPUT] = reap_blocked_input,
        [REAP_OP_CONV] = reap_blocked_conv,
        [REAP_OP_MAXPOOL] = reap_blocked_maxpool,
        [REAP_OP_AFFINE] = reap_blocked_affine,
        [REAP_OP_SUBSAMPLE] = reap_blocked_subsample
    };
    const struct reap_node *n = &p->net->node[node];

    l->run = run[n->op];
    l->node = node;
    l->in = n->in;
    l->in2 = -1;
    l->res = n->op == REAP_OP_CONV ? n->in2 : -1;
    l->stride = n->stride;
    l->floor = n->relu ? 0 : -INFINITY;
    if (n->op == REAP_OP_CONV && reap_blocked_wino_fits(p, node))
        l->run = reap_blocked_wino;
    if (n->op == REAP_OP_CONV && p->ops.tile)
        l->run = reap_blocked_tile;
    if (p->second[node] >= 0) {
        l->in2 = p->net->node[p->second[node]].in;
        l->stride2 = p->net->node[p->second[node]].stride;
        l->res = -1;
    }
    if (l->in2 >= 0 && gathers(p, p->second[node])) {
        l->in2 = p->second[node];
        l->stride2 = 1;
    }
}

/* The pixels that a projection reads are put next to each other first, into
 * the tensor of its node: a tile of all its pixels at a time. */
static void program_gather(struct reap_program *p, size_t node)
{
    const struct reap_node *n = &p->net->node[node];
    struct reap_blocked_layer *l = &p->layer[p->n_layers++];

    shape(p, node, p->net->node[n->in].c);
    *l = (struct reap_blocked_layer){ .run = reap_blocked_subsample,
                                      .node = node,
                                      .in = n->in,
                                      .in2 = -1,
                                      .res = -1,
                                      .stride = n->stride };
}

/* The margins that the readers of each tensor want. */
static void find_margins(struct reap_program *p)
{
    for (size_t i = 0; i < p->n_layers; i++) {
        const struct reap_blocked_layer *l = &p->layer[i];
        const struct reap_node *n = &p->net->node[l->node];
        struct reap_tensor *in = l->in < 0 ? NULL : &p->tensor[l->in];

        if (l->run != reap_blocked_subsample && n->op == REAP_OP_CONV &&
            in->lanes == 1 && in->pad < n->pad)
            in->pad = n->pad;
    }
    for (size_t i = 1; p->ops.tile && i < p->net->n_nodes; i++)
        p->tensor[i].framed = p->tensor[i].pad > 0;
}

/* How images side by side lie: see struct reap_tensor. */
static void find_order(struct reap_program *p)
{
    for (size_t i = 0; i < p->n_layers; i++) {
        struct reap_tensor *t = &p->tensor[p->layer[i].node];

        t->by_pixel = t->lanes > 1;
    }
    for (size_t i = 0; i < p->n_layers; i++) {
        const struct reap_blocked_layer *l = &p->layer[i];

        if (l->run == reap_blocked_tile && p->net->node[l->node].kh > 1)
            p->tensor[l->in].by_pixel = false;
    }
}

/* Whether a layer can do images side by side. */
static bool sides(const struct reap_blocked_layer *l, const struct reap_node *n)
{
    return l->run == reap_blocked_tile ||
           (l->run == reap_blocked_subsample && n->op == REAP_OP_CONV);
}

/* On tile registers images of small maps lie side by side, where there are
 * enough: tiles are full then, whatever the width, and borders cost nothing. */
static void find_lanes(struct reap_program *p)
{
    size_t from = p->n_layers, next = 0;

    p->side_by_side = p->n_layers;
    if (!p->ops.tile || p->args.max_batch < FEW)
        return;
    while (from > 1 && next != from) {
        const struct reap_node *n = &p->net->node[p->layer[from - 1].node];

        next = from;
        if (sides(&p->layer[from - 1], n) && n->h * n->w < ALONE)
            from--;
    }
    for (size_t i = from; i < p->n_layers; i++)
        if (!sides(&p->layer[i], &p->net->node[p->layer[i].node]))
            return;
    if (from < 2)
        return;
    p->side_by_side = from;
    p->chunk = REAP_TILE_ROWS;
    for (size_t i = from; i < p->n_layers; i++)
        p->tensor[p->layer[i].node].lanes = REAP_TILE_ROWS;
}

static void find_layers(struct reap_program *p, size_t *uses)
{
    find_uses(p, uses);
    for (size_t i = 0; i < p->net->n_nodes; i++)
        p->second[i] = -1;
    for (size_t i = 0; i < p->net->n_nodes; i++)
        if (uses[i] && folds(p, i, uses)) {
            p->second[i] = p->net->node[i].in2;
            uses[p->second[i]] = 0;
        }
    for (size_t i = 0; i < p->net->n_nodes; i++)
        if (uses[i]) {
            if (p->second[i] >= 0 && gathers(p, p->second[i]))
                program_gather(p, (size_t)p->second[i]);
            shape(p, i, p->net->node[i].c);
            set_layer(p, &p->layer[p->n_layers++], i);
        }
    find_lanes(p);
    find_order(p);
    find_margins(p);
}

/* Stages: groups only grow on the way. */
static void find_stages(struct reap_program *p)
{
    size_t group = 0;

    for (size_t i = 0; i < p->n_layers; i++) {
        size_t want = group_of(p, i);

        if (want > group) {
            group = want;
            p->stage[p->n_stages++] = (struct reap_stage){ i, 0, group };
        }
        p->layer[i].group = group;
        p->stage[p->n_stages - 1].n++;
    }
}

static int program_plan(struct reap_program *p, struct reap_blocked_layer *l,
                        struct reap_err *err)
{
    if (l->run == reap_blocked_wino)
        return reap_blocked_wino_plan(p, l, err);
    if (l->run == reap_blocked_tile)
        return reap_blocked_tile_plan(p, l, err);
    if (l->run == reap_blocked_conv)
        return reap_blocked_conv_plan(p, l, err);
    if (l->run == reap_blocked_affine)
        reap_blocked_affine_plan(p, l);
    return REAP_OK;
}

int reap_blocked_program(struct reap_program *p, struct reap_err *err)
{
    size_t n = p->net->n_nodes, *uses = reap_calloc(n, sizeof(*uses));
    int rc = REAP_OK;

    p->chunk = p->args.max_batch < CHUNK ? p->args.max_batch : CHUNK;
    p->tensor = reap_calloc(n, sizeof(*p->tensor));
    p->second = reap_calloc(n, sizeof(*p->second));
    p->layer = reap_calloc(n, sizeof(*p->layer));
    p->stage = reap_calloc(n, sizeof(*p->stage));
    if (!uses || !p->tensor || !p->second || !p->layer || !p->stage) {
        rc = reap_fail(err, REAP_ENOMEM, "no memory for the plan");
        goto out;
    }
    find_layers(p, uses);
    if (p->ops.elem == 1)
        rc = reap_blocked_int8_check(p, err);
    if (rc)
        goto out;
    find_stages(p);
    for (size_t i = 0; i < n && !rc; i++)
        if (p->tensor[i].used)
            rc = strides(p, i, err);
    for (size_t i = 0; i < p->n_layers && !rc; i++)
        rc = program_plan(p, &p->layer[i], err);
out:
    reap_free(uses);
    return rc;
}
