/* Convolutions on tile registers: which rows make a tile, where they find
 * their taps, and in which order panels and tiles meet. */
#include <math.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/blocked/blocked.h"

enum {
    ROWS = REAP_TILE_ROWS,
    PANEL = REAP_TILE_PANEL,
    PANEL_STEP = 2048, /* bytes of a step in a panel */
    MANY_PLANES = 8    /* from which on loads past L1 were seen to pay */
};

/* Taps that lie inside the image. */
struct taps {
    size_t y_lo, y_hi, x_lo, x_hi;
};

static void inside(size_t at, size_t stride, size_t pad, size_t size,
                   size_t limit, size_t *lo, size_t *hi)
{
    const size_t from = at * stride;

    *lo = from < pad ? pad - from : 0;
    *hi = limit + pad > from ? limit + pad - from : 0;
    *hi = *hi > size ? size : *hi;
    *lo = *lo > *hi ? *hi : *lo;
}

static struct taps taps_at(const struct reap_node *n,
                           const struct reap_tensor *in, bool lanes, size_t y,
                           size_t x)
{
    struct taps t = { 0, n->kh, 0, n->kw };

    if (lanes) {
        inside(y, n->stride, n->pad, n->kh, in->h, &t.y_lo, &t.y_hi);
        inside(x, n->stride, n->pad, n->kw, in->w, &t.x_lo, &t.x_hi);
    }
    return t;
}

/* A plan that is being made. */
struct plan {
    const struct reap_program *p;
    struct reap_blocked_layer *l;
    const struct reap_node *n;
    const struct reap_tensor *in, *in2, *res, *out;
    struct reap_tiles *t;
    size_t steps;
    bool lanes; /* the rows of a tile are images */
    bool flat;  /* rows of the image are one row */
};

/* Where row y, column x of the output begins in t, if it is there. */
static int32_t place_of(const struct plan *k, const struct reap_tensor *t,
                        size_t y, size_t x, size_t lane)
{
    if (!t)
        return 0;
    if (y >= k->n->h || x >= k->n->w)
        return -1;
    return (int32_t)((ptrdiff_t)y * t->row + (ptrdiff_t)x * t->pixel +
                     (ptrdiff_t)lane * (t->lanes > 1 ? REAP_PIXEL : t->image));
}

static void place_row(const struct plan *k, size_t row, size_t y, size_t x,
                      size_t lane)
{
    k->t->place[row] = place_of(k, k->out, y, x, lane);
    if (k->res)
        k->t->res_place[row] = place_of(k, k->res, y, x, lane);
}

/* Pixels from one row of the image to the next, if tiles are cut from all of
 * them as if they were one. */
static size_t pitch_of(const struct plan *k)
{
    return k->flat ? (size_t)(k->in->row / k->in->pixel) : 0;
}

/* The next tile: its first row gives (y, x). */
static void add_tile(struct plan *k, size_t y, size_t x)
{
    const size_t i = k->t->n++, s = k->n->stride, s2 = k->l->stride2;
    const size_t pixel = k->l->in ? (size_t)k->in->pixel : 3 * k->p->ops.elem;
    const size_t pitch = pitch_of(k);

    k->t->at[i] =
        (int32_t)((ptrdiff_t)(y * s) * k->in->row + (ptrdiff_t)(x * s * pixel));
    if (k->in2)
        k->t->at2[i] = (int32_t)((ptrdiff_t)(y * s2) * k->in2->row +
                                 (ptrdiff_t)(x * s2) * k->in2->pixel);
    for (size_t r = 0; r < ROWS; r++) {
        const size_t q = x + r;

        if (k->lanes)
            place_row(k, i * ROWS + r, y, x, r);
        else if (k->flat)
            place_row(k, i * ROWS + r, y + q / pitch, q % pitch, 0);
        else
            place_row(k, i * ROWS + r, y, q, 0);
    }
}

/* A step: where its pixels and its weights begin. */
static void add_tap(struct plan *k, ptrdiff_t in, size_t w)
{
    const size_t bytes = PANEL_STEP * (k->p->ops.halves ? 2 : 1);

    k->t->step[k->steps++] =
        (struct reap_conv_step){ (int32_t)in, (int32_t)(w * bytes) };
}

/* The steps of a kind: from the panel's first block of channels on. */
static struct reap_span add_steps(struct plan *k, struct taps t, size_t blocks)
{
    const struct reap_node *n = k->n;
    const size_t kw = k->l->in ? n->kw : 1;
    const ptrdiff_t pad = k->l->in ? (ptrdiff_t)n->pad : 0;
    struct reap_span span = { (uint32_t)k->steps, 0 };

    if (!k->l->in)
        t.x_hi = 1;
    for (size_t b = 0; b < blocks; b++)
        for (size_t y = t.y_lo; y < t.y_hi; y++)
            for (size_t x = t.x_lo; x < t.x_hi; x++)
                add_tap(k,
                        (ptrdiff_t)b * k->in->plane +
                            ((ptrdiff_t)y - pad) * k->in->row +
                            ((ptrdiff_t)x - pad) * k->in->pixel,
                        (b * n->kh + y) * kw + x);
    span.n = (uint32_t)k->steps - span.first;
    return span;
}

static void add_second(struct plan *k, size_t first)
{
    k->t->second.first = (uint32_t)k->steps;
    for (size_t b = 0; b < k->in2->blocks; b++)
        add_tap(k, (ptrdiff_t)b * k->in2->plane, first + b);
    k->t->second.n = (uint32_t)k->steps - k->t->second.first;
}

/* Tiles of one image, whose margins are zeros: all find their taps alike. */
static void add_image(struct plan *k, struct reap_tile_kind *kind)
{
    const size_t pitch = pitch_of(k);

    kind->tiles.first = (uint32_t)k->t->n;
    if (k->flat)
        for (size_t q = 0; q < (k->n->h - 1) * pitch + k->n->w; q += ROWS)
            add_tile(k, q / pitch, q % pitch);
    else
        for (size_t y = 0; y < k->n->h; y++)
            for (size_t x = 0; x < k->n->w; x += ROWS)
                add_tile(k, y, x);
    kind->tiles.n = (uint32_t)k->t->n - kind->tiles.first;
}

/* Pixels of images side by side: a kind for each set of taps. */
static void add_pixels(struct plan *k, struct reap_tile_kind *kind,
                       struct taps taps)
{
    kind->tiles.first = (uint32_t)k->t->n;
    for (size_t y = 0; y < k->n->h; y++)
        for (size_t x = 0; x < k->n->w; x++) {
            const struct taps t = taps_at(k->n, k->in, k->lanes, y, x);

            if (!memcmp(&t, &taps, sizeof(t)))
                add_tile(k, y, x);
        }
    kind->tiles.n = (uint32_t)k->t->n - kind->tiles.first;
}

/* The sets of taps that there are; returns how many. */
static size_t find_kinds(const struct plan *k, struct taps *set, size_t most)
{
    size_t n = 0, i;

    for (size_t y = 0; y < k->n->h; y++)
        for (size_t x = 0; x < k->n->w; x++) {
            const struct taps t = taps_at(k->n, k->in, k->lanes, y, x);

            for (i = 0; i < n && memcmp(&set[i], &t, sizeof(t)); i++)
                ;
            if (i == n && n < most)
                set[n++] = t;
        }
    return n;
}

/* Tiles are rows of the output, or of the whole image as one row if that takes
 * fewer and all that is read has the same width. */
static size_t count_tiles(struct plan *k)
{
    const struct reap_node *n = k->n;
    size_t pitch, flat, rows = n->h * ((n->w + ROWS - 1) / ROWS);

    if (k->lanes)
        return n->h * n->w;
    if (!k->l->in || n->stride > 1)
        return rows;
    pitch = (size_t)(k->in->row / k->in->pixel);
    flat = ((n->h - 1) * pitch + n->w + ROWS - 1) / ROWS;
    if (flat > rows ||
        (k->in2 && (k->l->stride2 > 1 || k->in2->row != k->in->row)))
        return rows;
    k->flat = true;
    return flat;
}

enum { MOST_KINDS = 64 };

static int tile_make_room(struct plan *k, size_t tiles, size_t kinds,
                          size_t blocks)
{
    struct reap_tiles *t = k->t;
    const size_t each = k->n->kh * k->n->kw * blocks;
    const size_t second = k->in2 ? k->in2->blocks : 0;

    t->kind = reap_calloc(kinds, sizeof(*t->kind));
    t->step = reap_calloc(kinds * each + second, sizeof(*t->step));
    t->at = reap_calloc(tiles, sizeof(*t->at));
    t->at2 = k->in2 ? reap_calloc(tiles, sizeof(*t->at2)) : NULL;
    t->place = reap_calloc(tiles * ROWS, sizeof(*t->place));
    t->res_place = k->res ? reap_calloc(tiles * ROWS, sizeof(*t->place)) : NULL;
    return t->kind && t->step && t->at && t->place && (t->at2 || !k->in2) &&
           (t->res_place || !k->res);
}

/* Bytes of weights, and how they are filled in. */
static void plan_weights(struct plan *k, size_t blocks)
{
    const size_t taps = k->n->kh * (k->l->in ? k->n->kw : 1);
    size_t steps = taps * blocks + (k->in2 ? k->in2->blocks : 0);
    struct reap_blocked_layer *l = k->l;

    k->t->panel_bytes = steps * PANEL_STEP * (k->p->ops.halves ? 2 : 1);
    l->conv.bytes = k->t->panels * k->t->panel_bytes;
    l->w_bytes = l->conv.bytes;
    l->bias_bytes = k->t->panels * PANEL * sizeof(*l->bias);
    l->scale_bytes = k->p->ops.elem == 1 ? l->bias_bytes : 0;
    l->pack = reap_blocked_pack;
    l->scratch = REAP_TILE_SCRATCH;
}

static const struct reap_tensor *tile_tensor(const struct reap_program *p,
                                             int node)
{
    return node < 0 ? NULL : &p->tensor[node];
}

/* Bytes between the rows of a tile: pixels of an image, or images. */
static ptrdiff_t row_stride(const struct plan *k, const struct reap_tensor *t,
                            size_t stride)
{
    if (k->lanes)
        return t->lanes > 1 ? REAP_PIXEL : t->image;
    if (!t->pixel)
        return (ptrdiff_t)(stride * 3 * k->p->ops.elem);
    return (ptrdiff_t)stride * t->pixel;
}

int reap_blocked_tile_plan(struct reap_program *p, struct reap_blocked_layer *l,
                           struct reap_err *err)
{
    struct plan k = { .p = p,
                      .l = l,
                      .n = &p->net->node[l->node],
                      .in = tile_tensor(p, l->in),
                      .in2 = tile_tensor(p, l->in2),
                      .res = tile_tensor(p, l->res),
                      .out = tile_tensor(p, (int)l->node),
                      .t = &l->tile };
    struct taps set[MOST_KINDS];
    size_t tiles, kinds, first, blocks;

    k.lanes = k.out->lanes > 1;
    tiles = count_tiles(&k);
    kinds = find_kinds(&k, set, MOST_KINDS);
    k.t->panels = (k.n->c + 63) / 64 * 64 / PANEL;
    reap_blocked_tile_blocks(p, l, 0, &first, &blocks);
    if (!tile_make_room(&k, tiles, kinds, blocks))
        return reap_fail(err, REAP_ENOMEM,
                         "no memory for the plan of the network");
    k.t->stride = row_stride(&k, k.in, k.n->stride);
    k.t->stride2 = k.in2 ? row_stride(&k, k.in2, l->stride2) : 0;
    k.t->images = k.out->lanes;
    k.t->pitch = pitch_of(&k);
    k.t->n_kinds = kinds;
    for (size_t i = 0; i < kinds; i++) {
        k.t->kind[i].steps = add_steps(&k, set[i], blocks);
        if (k.lanes)
            add_pixels(&k, &k.t->kind[i], set[i]);
        else
            add_image(&k, &k.t->kind[i]);
    }
    plan_weights(&k, blocks);
    if (k.in2)
        add_second(&k, k.n->kh * k.n->kw * blocks);
    return REAP_OK;
}

void reap_blocked_tile_clear(struct reap_tiles *t)
{
    reap_free(t->kind);
    reap_free(t->step);
    reap_free(t->at);
    reap_free(t->at2);
    reap_free(t->place);
    reap_free(t->res_place);
}

/* Aim a run at panels from 'panel' on. */
static void set_panel(const struct reap_program *p,
                      const struct reap_blocked_layer *l,
                      const struct reap_tile_run *all, size_t panel,
                      struct reap_tile_run *r)
{
    const size_t byte = panel * PANEL * p->ops.elem;
    const ptrdiff_t block = (ptrdiff_t)(byte / REAP_PIXEL);
    const ptrdiff_t in_block = (ptrdiff_t)(byte % REAP_PIXEL);
    size_t first, count;

    reap_blocked_tile_blocks(p, l, panel, &first, &count);
    r->part[0].in = all->part[0].in + (ptrdiff_t)first * p->tensor[l->in].plane;
    r->w = all->w + panel * all->panel_bytes;
    r->bias = all->bias + panel * PANEL;
    r->scale = all->scale ? all->scale + panel * PANEL : NULL;
    r->out = all->out + block * all->out_block + in_block;
    if (all->res)
        r->res = all->res + block * all->res_block + in_block;
}

/* Aim a run at tiles from 'tile' on. */
static void set_tiles(const struct reap_tiles *t, size_t tile, size_t n,
                      struct reap_tile_run *r)
{
    r->tiles = n;
    r->part[0].at = t->at + tile;
    if (t->at2)
        r->part[1].at = t->at2 + tile;
    r->place = t->place + tile * ROWS;
    r->res_place = t->res_place ? t->res_place + tile * ROWS : NULL;
}

/* Bytes that stay in L2 while others pass through: all weights of a layer, some
 * panels, pixels that go over all panels. */
enum {
    L2_WEIGHTS = 1280 << 10,
    L2_PANELS = 512 << 10,
    L2_PIXELS_STRIDED = 128 << 10,
    L2_PIXELS_LEAST = 256 << 10,
    L2_PIXELS_MOST = 1000 << 10
};

/* Tiles whose pixels go over all panels: the more weights they make come by,
 * the more of them. Half as many bytes was best for most layers, but few tiles
 * where a stride makes each need many pixels of its own. */
static size_t tiles_at_once(const struct reap_program *p,
                            const struct reap_blocked_layer *l)
{
    const struct reap_node *n = &p->net->node[l->node];
    const bool strided =
        l->in > 0 && n->stride > 1 && n->kh > 1 && l->w_bytes <= L2_WEIGHTS;
    size_t row = p->tensor[l->in].planes * ROWS * REAP_PIXEL, tiles;
    size_t pixels = l->w_bytes / 2;

    if (strided)
        row *= n->stride * n->stride;
    if (l->in2 >= 0)
        row += p->tensor[l->in2].planes * ROWS * REAP_PIXEL;
    if (pixels < L2_PIXELS_LEAST)
        pixels = L2_PIXELS_LEAST;
    if (pixels > L2_PIXELS_MOST)
        pixels = L2_PIXELS_MOST;
    if (strided && pixels > L2_PIXELS_LEAST)
        pixels = L2_PIXELS_STRIDED;
    tiles = pixels / row / 2 * 2;
    return tiles ? tiles : 2;
}

/* Panels that all kinds of tiles meet before the next ones: all, unless kinds
 * would have to read them from afar one after the other. Those that share
 * pixels stay together: a run begins with whole pixels. */
static size_t panels_at_once(const struct reap_program *p,
                             const struct reap_blocked_layer *l)
{
    const size_t least = REAP_PIXEL / (PANEL * p->ops.elem);
    const size_t bytes = least * l->tile.panel_bytes;

    if (l->tile.n_kinds == 1 || l->w_bytes <= L2_WEIGHTS)
        return l->tile.panels;
    return (bytes < L2_PANELS ? L2_PANELS / bytes : 1) * least;
}

/* Whether weights come from beyond L2, and are worth being asked for early:
 * kinds of tiles each ask again, while their pixels need L2, too. */
static bool is_far(const struct reap_program *p,
                   const struct reap_blocked_layer *l)
{
    return l->w_bytes > L2_WEIGHTS &&
           (l->tile.n_kinds == 1 || p->tensor[l->in].image <= L2_WEIGHTS);
}

/* Pairs of tiles of a kind, 'rows' of 'part', by some panels. */
static void tile_run_part(const struct reap_program *p,
                          const struct reap_blocked_layer *l,
                          const struct reap_tile_kind *kind,
                          const struct reap_part *part,
                          const struct reap_tile_run *all)
{
    const size_t at_once = tiles_at_once(p, l), end = 2 * part->row_end;
    const size_t last =
        kind->tiles.first + (end < kind->tiles.n ? end : kind->tiles.n);
    const bool grouped = p->net->node[l->node].groups > 1;
    size_t t = kind->tiles.first + 2 * part->row;
    struct reap_tile_run r = *all;

    r.part[0].step = l->tile.step + kind->steps.first;
    r.part[0].n_steps = kind->steps.n;
    r.panels = grouped ? 1 : part->panel_end - part->panel;
    for (; t < last; t += r.tiles) {
        set_tiles(&l->tile, t, last - t < at_once ? last - t : at_once, &r);
        for (size_t i = part->panel; i < part->panel_end; i += r.panels) {
            set_panel(p, l, all, i, &r);
            p->ops.tile(&r);
        }
    }
}

/* Panels 'from' to 'end' - 1 of this thread's share of a kind, for one image or
 * one set of images. */
static void run_kind(const struct reap_program *p,
                     const struct reap_blocked_layer *l,
                     const struct reap_frame *f,
                     const struct reap_tile_kind *kind, size_t from, size_t end,
                     const struct reap_tile_run *all)
{
    struct reap_part part[REAP_PARTS];
    const size_t n = reap_blocked_parts(p, l, f, l->tile.panels, PANEL,
                                        (kind->tiles.n + 1) / 2, part);

    for (size_t i = 0; i < n; i++) {
        if (part[i].panel < from)
            part[i].panel = from;
        if (part[i].panel_end > end)
            part[i].panel_end = end;
        if (part[i].panel < part[i].panel_end)
            tile_run_part(p, l, kind, &part[i], all);
    }
}

/* All kinds. */
static void run_kinds(const struct reap_program *p,
                      const struct reap_blocked_layer *l,
                      const struct reap_frame *f,
                      const struct reap_tile_run *all)
{
    const size_t n = panels_at_once(p, l);

    for (size_t i = 0; i < l->tile.panels; i += n)
        for (size_t k = 0; k < l->tile.n_kinds; k++)
            run_kind(p, l, f, &l->tile.kind[k], i, i + n, all);
}

struct reap_tile_run reap_blocked_tile_aim(const struct reap_program *p,
                                           const struct reap_blocked_layer *l,
                                           const struct reap_frame *f, size_t i)
{
    const struct reap_tensor *in = &p->tensor[l->in],
                             *in2 = tile_tensor(p, l->in2),
                             *res = tile_tensor(p, l->res),
                             *out = &p->tensor[l->node];
    struct reap_tile_run r = { .n_parts = in2 ? 2 : 1,
                               .once = p->net->node[l->node].kh == 1 &&
                                       in->planes >= MANY_PLANES,
                               .far = is_far(p, l),
                               .panel_bytes = l->tile.panel_bytes,
                               .w = l->w,
                               .bias = l->bias,
                               .scale = l->scale,
                               .out = reap_blocked_row(out, f, i, 0),
                               .out_block = out->plane,
                               .low = out->low,
                               .floor = l->floor,
                               .scratch = reap_blocked_scratch(p, f) };

    r.part[0].in = reap_blocked_row(in, f, i, 0);
    r.part[0].stride = l->tile.stride;
    r.part[0].low = in->low;
    if (in2) {
        r.part[1].in = reap_blocked_row(in2, f, i, 0);
        r.part[1].stride = l->tile.stride2;
        r.part[1].low = in2->low;
        r.part[1].step = l->tile.step + l->tile.second.first;
        r.part[1].n_steps = l->tile.second.n;
    }
    if (res) {
        r.res = reap_blocked_row(res, f, i, 0);
        r.res_block = res->plane;
        r.res_low = res->low;
        r.res_scale = res->scale / out->scale;
    }
    return r;
}

void reap_blocked_tile_some(const struct reap_program *p,
                            const struct reap_blocked_layer *l,
                            const struct reap_frame *f,
                            const struct reap_tile_run *all, size_t first,
                            size_t n)
{
    struct reap_tile_kind some = l->tile.kind[0];

    some.tiles.first += (uint32_t)first;
    some.tiles.n = (uint32_t)n;
    run_kind(p, l, f, &some, 0, l->tile.panels, all);
}

void reap_blocked_tile(const struct reap_program *p,
                       const struct reap_blocked_layer *l,
                       const struct reap_frame *f)
{
    for (size_t i = 0; i < f->n; i += l->tile.images) {
        const struct reap_tile_run all = reap_blocked_tile_aim(p, l, f, i);

        run_kinds(p, l, f, &all);
    }
}
