/*
 * 3x3 convolutions as Winograd's F(m, 3): tiles of the input are transformed, a
 * matrix product is done for each of the (m + 2) squared numbers of a tile, and
 * the products are transformed back to m x m pixels. That takes 4 (m = 4) or
 * 2.25 (m = 2) times fewer multiplications; which layers gain by it is decided
 * by shape (reap_blocked_wino_fits()). The transforms themselves are
 * engine/kern's.
 */
#include <math.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/blocked/blocked.h"

enum {
    MAX_A = 6, /* numbers of a tile in one direction */
    /* So that the numbers of a tile do not all fall into the same set of a
     * cache. */
    SKEW = 192
};

/* Where the transformed tiles of a chunk lie in scratch memory. */
struct room {
    size_t a, numbers;              /* m + 2, and its square */
    size_t pixel;                   /* bytes of a block of a number */
    ptrdiff_t in_block, in_step;    /* of a block, of a number */
    ptrdiff_t out_block, out_step;  /* float32, 16 channels */
    size_t out_at, patch_at, bytes; /* in scratch */
};

static struct room room(const struct reap_program *p,
                        const struct reap_blocked_layer *l)
{
    size_t a = p->ops.wino_m + 2;
    struct room r = { .a = a, .numbers = a * a };

    /* Of bytes these are numbers of 16 bits. */
    r.pixel = p->ops.elem == 1 ? 2 * REAP_PIXEL : REAP_PIXEL;
    r.in_block = (ptrdiff_t)(l->tiles * r.pixel);
    r.in_step = r.in_block * (ptrdiff_t)p->tensor[l->in].blocks + SKEW;
    r.out_block = (ptrdiff_t)(l->tiles * REAP_PIXEL);
    r.out_step =
        r.out_block * (ptrdiff_t)((p->net->node[l->node].c + 63) / 64 * 4) +
        SKEW;
    r.out_at = (size_t)r.in_step * r.numbers;
    r.patch_at = r.out_at + (size_t)r.out_step * r.numbers;
    r.bytes = r.patch_at + (MAX_A + 1) * MAX_A * REAP_PIXEL;
    return r;
}

static size_t tiles_of(size_t pixels, size_t m)
{
    return (pixels + m - 1) / m;
}

/* By shape alone: whether tiles cost clearly less than direct sums. */
bool reap_blocked_wino_fits(const struct reap_program *p, size_t node)
{
    const struct reap_node *n = &p->net->node[node];
    size_t m = p->ops.wino_m, cost;

    if (p->args.exact || !p->ops.wino_in || n->kh != 3 || n->kw != 3 ||
        n->stride != 1 || n->pad != 1 || n->groups != 1 || n->in == 0)
        return false;
    cost = tiles_of(n->h, m) * tiles_of(n->w, m) * (m + 2) * (m + 2);
    if (p->ops.elem == 1) {
        /* Products of 16 bits cost twice; a projection is summed directly. */
        cost *= 2;
        if (n->in2 >= 0 && !p->net->node[n->in2].relu)
            return false;
    }
    return cost * 4 < n->h * n->w * 9 * 3;
}

/* The direct convolution's plan, too, for weights that need it. */
static int plan_int8(struct reap_program *p, struct reap_blocked_layer *l,
                     struct reap_err *err)
{
    int rc = reap_blocked_conv_plan(p, l, err);

    if (l->w_bytes < l->wino_bytes)
        l->w_bytes = l->wino_bytes;
    l->w_bytes = (l->w_bytes + 2 * REAP_PIXEL - 1) / REAP_PIXEL * REAP_PIXEL;
    l->pack = reap_blocked_pack_wino_int8;
    return rc;
}

static int plan_floats(struct reap_blocked_layer *l, size_t co)
{
    l->w_bytes = l->wino_bytes;
    l->bias_bytes = co * sizeof(*l->bias);
    l->pack = reap_blocked_pack_wino;
    return REAP_OK;
}

int reap_blocked_wino_plan(struct reap_program *p, struct reap_blocked_layer *l,
                           struct reap_err *err)
{
    const struct reap_tensor *in = &p->tensor[l->in];
    const size_t co = (p->net->node[l->node].c + 63) / 64 * 64;
    const size_t pixel = room(p, l).pixel;
    size_t all, most, chunks;

    l->wino_bytes = room(p, l).numbers * in->blocks * pixel * co;
    /* As many as keep tiles in L2 while the weights are few, enough to go
     * often over each panel where they are many; chunks of equal size. */
    most = l->wino_bytes <= 1 << 20 ? 28 : l->wino_bytes <= 4 << 20 ? 49 : 112;
    all = tiles_of(p->tensor[l->node].h, p->ops.wino_m) *
          tiles_of(p->tensor[l->node].w, p->ops.wino_m) * l->group;
    chunks = (all + most - 1) / most;
    l->tiles = (all + chunks - 1) / chunks;
    l->scratch = room(p, l).bytes;
    l->wino_step = reap_calloc(in->blocks, sizeof(*l->wino_step));
    if (!l->wino_step)
        return reap_fail(err, REAP_ENOMEM, "no memory for the plan");
    for (size_t b = 0; b < in->blocks; b++) {
        l->wino_step[b].in = (int32_t)(b * l->tiles * pixel);
        l->wino_step[b].w = (int32_t)(b * pixel * p->ops.gemm_nr);
    }
    return p->ops.elem == 1 ? plan_int8(p, l, err) : plan_floats(l, co);
}

/* Tiles from..from + n of a group of images, in the order x, y, image, by the
 * panels of weights panel..panel_end. */
struct work {
    const struct reap_program *p;
    const struct reap_blocked_layer *l;
    const struct reap_frame *f;
    const struct reap_tensor *in, *out;
    struct room room;
    char *scratch;
    size_t from, n, panel, panel_end;
};

struct place {
    size_t image, y, x; /* of the first pixel of the output */
};

static struct place wino_place(const struct work *k, size_t tile)
{
    size_t m = k->p->ops.wino_m, across = tiles_of(k->out->w, m);
    size_t each = across * tiles_of(k->out->h, m);

    return (struct place){ tile / each, tile % each / across * m,
                           tile % each % across * m };
}

/* Point 'row' at the pixels around a tile. What lies outside the image is
 * zero: rows come from a row of zeros; a tile that reaches over the column
 * of zeros behind each row is copied. */
static void patch(const struct work *k, const struct place *t, size_t block,
                  const char **row)
{
    char *zero = k->scratch + k->room.patch_at;
    char *copy = zero + MAX_A * REAP_PIXEL;
    size_t a = k->room.a, width = k->in->w + 2 - t->x; /* with both margins */

    for (size_t i = 0; i < a; i++) {
        size_t y = t->y + i; /* one more than the row */
        const char *from = zero;

        if (y >= 1 && y <= k->in->h)
            from = reap_blocked_row(k->in, k->f, t->image, y - 1) +
                   (ptrdiff_t)block * k->in->plane +
                   ((ptrdiff_t)t->x - 1) * REAP_PIXEL;
        row[i] = from;
        if (width >= a || from == zero)
            continue;
        row[i] = copy + i * MAX_A * REAP_PIXEL;
        memcpy(copy + i * MAX_A * REAP_PIXEL, from, width * REAP_PIXEL);
        memset(copy + (i * MAX_A + width) * REAP_PIXEL, 0,
               (a - width) * REAP_PIXEL);
    }
}

static void tiles_in(const struct work *k)
{
    const char *row[MAX_A];

    for (size_t t = 0; t < k->n; t++) {
        struct place at = wino_place(k, k->from + t);

        for (size_t b = 0; b < k->in->blocks; b++) {
            patch(k, &at, b, row);
            k->p->ops.wino_in(row,
                              k->scratch + (ptrdiff_t)b * k->room.in_block +
                                  (ptrdiff_t)(t * k->room.pixel),
                              k->room.in_step);
        }
    }
}

static size_t panels_of(const struct work *k)
{
    return (k->out->c + 63) / 64 * 64 / k->p->ops.gemm_nr;
}

/* One matrix product for each number of a tile. */
static void products(const struct work *k)
{
    const size_t nr = k->p->ops.gemm_nr, panels = panels_of(k);
    const size_t panel_bytes = k->in->blocks * k->room.pixel * nr;
    float none[64] __attribute__((aligned(64))) = { 0 };
    struct reap_conv_run r = { .n = k->n, .n_parts = 1 };

    r.part[0] = (struct reap_conv_part){ .stride = (ptrdiff_t)k->room.pixel,
                                         .step = k->l->wino_step,
                                         .n_steps = k->in->blocks,
                                         .dwords = k->room.pixel / 4 };
    r.bias = none;
    r.out_block = k->room.out_block;
    r.floor = -INFINITY;
    for (size_t i = 0; i < k->room.numbers; i++)
        for (size_t panel = k->panel; panel < k->panel_end; panel++) {
            r.part[0].in = k->scratch + (ptrdiff_t)i * k->room.in_step;
            r.w = k->l->w + (i * panels + panel) * panel_bytes;
            r.out = k->scratch + k->room.out_at +
                    (ptrdiff_t)i * k->room.out_step +
                    (ptrdiff_t)(panel * nr / 16) * k->room.out_block;
            k->p->ops.gemm(&r);
        }
}

static void tile_out(const struct work *k, size_t t)
{
    const struct reap_tensor *res =
        k->l->res >= 0 ? &k->p->tensor[k->l->res] : NULL;
    const size_t m = k->p->ops.wino_m, wide = k->p->ops.block / 16;
    const size_t nr = k->p->ops.gemm_nr, block = k->p->ops.block;
    struct place at = wino_place(k, k->from + t);
    struct reap_wino_out o = { .step = k->room.out_step,
                               .m_block = k->room.out_block,
                               .floor = k->l->floor,
                               .out_row = k->out->row,
                               .res_row = res ? res->row : 0 };

    o.ny = k->out->h - at.y < m ? k->out->h - at.y : m;
    o.nx = k->out->w - at.x < m ? k->out->w - at.x : m;
    if (k->l->scale && res)
        o.res_scale = res->scale / k->out->scale;
    for (size_t b = k->panel * nr / block; b < k->panel_end * nr / block; b++) {
        o.m = k->scratch + k->room.out_at +
              (ptrdiff_t)(b * wide) * k->room.out_block +
              (ptrdiff_t)t * REAP_PIXEL;
        if (k->l->scale)
            o.scale = k->l->scale + b * block;
        o.bias = k->l->bias + b * block;
        o.out = reap_blocked_row(k->out, k->f, at.image, at.y) +
                (ptrdiff_t)b * k->out->plane + (ptrdiff_t)at.x * REAP_PIXEL;
        if (res)
            o.res = reap_blocked_row(res, k->f, at.image, at.y) +
                    (ptrdiff_t)b * res->plane + (ptrdiff_t)at.x * REAP_PIXEL;
        k->p->ops.wino_out(&o);
    }
}

/* Threads that share tiles each transform them for their own panels: to do so
 * again takes less than to fetch them from another core. */
static void wino_run_part(struct work *k, const struct reap_part *part)
{
    k->panel = part->panel;
    k->panel_end = part->panel_end;
    for (k->from = part->row; k->from < part->row_end; k->from += k->n) {
        const size_t left = part->row_end - k->from;

        k->n = left < k->l->tiles ? left : k->l->tiles;
        tiles_in(k);
        products(k);
        for (size_t t = 0; t < k->n; t++)
            tile_out(k, t);
    }
}

void reap_blocked_wino(const struct reap_program *p,
                       const struct reap_blocked_layer *l,
                       const struct reap_frame *f)
{
    struct work k = { .p = p, .l = l, .f = f };
    struct reap_part part[REAP_PARTS];
    size_t n;

    if (p->ops.elem == 1 && !reap_blocked_wino_packed(l)) {
        reap_blocked_conv(p, l, f);
        return;
    }
    k.in = &p->tensor[l->in];
    k.out = &p->tensor[l->node];
    k.scratch = reap_blocked_scratch(p, f);
    k.room = room(p, l);
    memset(k.scratch + k.room.patch_at, 0, MAX_A * REAP_PIXEL);
    n = reap_blocked_parts(p, l, f, panels_of(&k), p->ops.gemm_nr,
                           tiles_of(k.out->h, p->ops.wino_m) *
                               tiles_of(k.out->w, p->ops.wino_m) * f->n,
                           part);
    for (size_t i = 0; i < n; i++)
        wino_run_part(&k, &part[i]);
}
