/* The kernels for tile registers by themselves, every row of kernels.def that
 * this CPU can run: whole numbers to the bit against plain C, for all counts of
 * tiles and panels, distances of rows and kinds of places; what may be read
 * ends at unmapped pages, canaries stand wherever nothing is to be written. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/cpu.h"
#include "tests/fill.h"
#include "tests/guard.h"
#include "tests/kern_help.h"
#include "tests/tap.h"

enum {
    ROWS = REAP_TILE_ROWS,
    PANEL = REAP_TILE_PANEL,
    FEW_TILES = 5,
    TILES = 11, /* more than work on a piece of weights in turn */
    PANELS = 3,
    FEW_STEPS = 3,
    STEPS = 23,  /* more than weights stay in L1 for */
    STEP = 2048, /* bytes of weights */
    DOTS = 64    /* numbers of a step, at most */
};

/* Where the rows of a run go. */
enum where {
    DENSE,   /* one pixel after the other */
    GAPS,    /* in between pixels of others, some rows dropped */
    MARGINS, /* one after the other, but for rows dropped in between */
    ENDS,    /* the first and last rows of tiles dropped, a tile left out */
    WHERES
};

enum residual { NONE, OWN, OVER };

/* One call: shapes, and the buffers made for them. */
struct call {
    const struct kern *k;
    struct form f;
    size_t tiles, parts, panels, strides, steps;
    bool deep; /* many tiles and steps */
    enum where where;
    enum residual residual;
    bool relu;

    struct reap_tile_run r;
    size_t in_bytes[2], w_bytes, out_bytes, res_bytes, pixels;
    int32_t at[2][TILES], place[TILES * ROWS], res_place[TILES * ROWS];
    struct reap_conv_step step[2][STEPS];
    char *in[2], *w, *out, *before, *res;
    float *bias, *scale;
};

static size_t panel_bytes(const struct form *f)
{
    return PANEL * f->out_elem;
}

/* Bytes of a step of weights: tiles of low parts follow those of high ones. */
static size_t step_bytes(const struct call *c)
{
    return c->f.halves ? 2 * STEP : STEP;
}

static bool one_in(int n)
{
    return rand() / 7 % n == 0;
}

/* Places of all rows, in pixels; returns how many pixels there are. */
static size_t make_places(const struct call *c, enum where where,
                          int32_t *place)
{
    size_t pixel = 1; /* the first is a canary */

    for (size_t i = 0; i < c->tiles * ROWS; i++) {
        const size_t row = i % ROWS;
        const bool hole = where == GAPS      ? one_in(5)
                          : where == MARGINS ? row == 6 || row == 7
                          : where == ENDS
                              ? row == 0 || row > 12 || i / ROWS == 2
                              : false;

        place[i] = hole ? -1 : (int32_t)(pixel * REAP_PIXEL);
        if (where == GAPS)
            pixel += 1 + (size_t)(rand() / 7 % 3);
        else
            pixel += where == ENDS && hole ? 0 : 1;
    }
    return pixel + 1;
}

/* Rows of one part: tiles here and there, the last row of one of them with the
 * last step at the very end of the input. */
static void make_part(struct call *c, size_t part)
{
    static const size_t strides[] = { 12, 64, 128, 1024 + 64, 4096 + 192 };
    const size_t stride = strides[(c->strides + part) % 5];
    struct reap_tile_part *p = &c->r.part[part];
    size_t end = 0, low = 0;

    for (size_t s = 0; s < c->steps; s++) {
        /* Weights of the first step come last, some are of no step. */
        c->step[part][s].in = (int32_t)((s * 7 + part) % 5 * 12);
        c->step[part][s].w =
            (int32_t)(((part * c->steps + c->steps - s) * 2 - 1) *
                      step_bytes(c));
        if ((size_t)c->step[part][s].in > end)
            end = (size_t)c->step[part][s].in;
    }
    for (size_t t = 0; t < c->tiles; t++)
        c->at[part][t] = (int32_t)((t * 3 + 1) % c->tiles * 5 * stride);
    c->in_bytes[part] =
        (c->tiles - 1) * 5 * stride + (ROWS - 1) * stride + end + REAP_PIXEL;
    if (c->f.halves)
        low = c->in_bytes[part];
    c->in_bytes[part] += low;
    c->in[part] = guard_new(c->in_bytes[part]);
    for (size_t i = 0; i < c->in_bytes[part] / c->f.elem; i++)
        kern_put(
            c->in[part], i, c->f.elem,
            (float)(c->f.elem == 1 ? rand() / 7 % 256 : rand() / 7 % 3 - 1));
    *p = (struct reap_tile_part){ c->in[part],       c->at[part],
                                  (ptrdiff_t)stride, (ptrdiff_t)low,
                                  c->step[part],     c->steps };
}

static void make_weights(struct call *c)
{
    c->r.panel_bytes = c->parts * c->steps * 2 * step_bytes(c);
    c->w_bytes = c->panels * c->r.panel_bytes;
    c->w = guard_new(c->w_bytes);
    for (size_t i = 0; i < c->w_bytes / c->f.elem; i++)
        kern_put(c->w, i, c->f.elem,
                 (float)(c->f.elem == 1 ? rand() / 7 % 255 - 127
                                        : rand() / 7 % 3 - 1));
    c->bias = guard_new(c->panels * PANEL * sizeof(float));
    c->scale = guard_new(c->panels * PANEL * sizeof(float));
    for (size_t o = 0; o < c->panels * PANEL; o++) {
        /* Large ones: half of a sum is lost in rounding, or is in low parts. */
        const int32_t b = rand() / 7 % 60000 - 30000;

        c->bias[o] = (float)b;
        if (c->f.elem == 1)
            memcpy(&c->bias[o], &b, sizeof(b));
        c->scale[o] = 1.f / (float)(1 << (9 + (o + o / PANEL) % 8));
    }
}

/* 'pixels' pixels of every block, low parts behind them; the canary before the
 * first pixel of a block is that behind the last of the block before. */
static size_t size_of(const struct call *c, size_t pixels)
{
    const size_t blocks =
        (c->panels * panel_bytes(&c->f) + REAP_PIXEL - 1) / REAP_PIXEL;

    return blocks * (c->f.halves ? 2 : 1) * (pixels - 1) * REAP_PIXEL;
}

/* What a residual, or memory that nobody writes to, is full of: whole numbers,
 * in halves also such as need both. */
static char *some_pixels(const struct call *c, size_t bytes)
{
    char *p = guard_new(bytes);
    const size_t n = bytes / c->f.elem / (c->f.halves ? 2 : 1);

    for (size_t i = 0; i < n; i++) {
        const float x = (float)(c->f.halves      ? rand() / 7 % 4001 - 2000
                                : c->f.elem == 1 ? rand() / 7 % 256
                                                 : rand() / 7 % 401 - 200);

        kern_put(p, i, c->f.elem, x);
        if (c->f.halves)
            kern_put(p, n + i, c->f.elem, x - kern_half(x));
    }
    return p;
}

static void make_residual(struct call *c)
{
    struct reap_tile_run *r = &c->r;
    const size_t gap = 1 + c->strides % 2;
    const size_t pixels = 2 + c->tiles * ROWS * gap;

    if (c->residual == NONE)
        return;
    r->res_place = c->res_place;
    r->res_scale = .75f;
    if (c->residual == OVER) {
        memcpy(c->res_place, c->place, sizeof(c->place));
        r->res = c->out;
        r->res_block = r->out_block;
        r->res_low = r->low;
        return;
    }
    /* Every row has one, one pixel after the other or with gaps. */
    for (size_t i = 0; i < c->tiles * ROWS; i++)
        c->res_place[i] =
            c->place[i] < 0 ? -1 : (int32_t)((1 + i * gap) * REAP_PIXEL);
    c->res_bytes = size_of(c, pixels);
    c->res = some_pixels(c, c->res_bytes);
    r->res = c->res;
    r->res_block = (ptrdiff_t)((pixels - 1) * REAP_PIXEL);
    r->res_low = (ptrdiff_t)(c->res_bytes / 2);
}

static void call_open(struct call *c)
{
    c->pixels = make_places(c, c->where, c->place);
    make_weights(c);
    for (size_t p = 0; p < c->parts; p++)
        make_part(c, p);
    c->out_bytes = size_of(c, c->pixels);
    c->out = some_pixels(c, c->out_bytes);
    c->before = malloc(c->out_bytes);
    if (!c->before)
        abort();
    memcpy(c->before, c->out, c->out_bytes);
    c->r.tiles = c->tiles;
    c->r.n_parts = c->parts;
    c->r.panels = c->panels;
    /* Hints, which change nothing but the way to the same sums. */
    c->r.once = one_in(2);
    c->r.far = one_in(2);
    c->r.w = c->w;
    c->r.bias = c->bias;
    c->r.scale = c->scale;
    c->r.place = c->place;
    c->r.out = c->out;
    c->r.out_block = (ptrdiff_t)((c->pixels - 1) * REAP_PIXEL);
    c->r.low = c->f.halves ? (ptrdiff_t)(c->out_bytes / 2) : 0;
    c->r.floor = c->relu ? 0 : -INFINITY;
    c->r.scratch = guard_new(REAP_TILE_SCRATCH);
    make_residual(c);
}

static void call_close(struct call *c)
{
    for (size_t p = 0; p < c->parts; p++)
        guard_free(c->in[p], c->in_bytes[p]);
    guard_free(c->w, c->w_bytes);
    guard_free(c->bias, c->panels * PANEL * sizeof(float));
    guard_free(c->scale, c->panels * PANEL * sizeof(float));
    guard_free(c->out, c->out_bytes);
    guard_free(c->r.scratch, REAP_TILE_SCRATCH);
    if (c->res)
        guard_free(c->res, c->res_bytes);
    free(c->before);
}

/* What step s of part q multiplies: its numbers of a row, of a channel. */
static void read_row(const struct call *c, size_t q, size_t s, size_t row,
                     bool low, float *to)
{
    const struct reap_tile_part *p = &c->r.part[q];
    const char *in = p->in + p->at[row / ROWS] +
                     (ptrdiff_t)(row % ROWS) * p->stride + p->step[s].in +
                     (low ? p->low : 0);

    for (size_t d = 0; d < REAP_PIXEL / c->f.elem; d++)
        to[d] = kern_get(in, d, c->f.elem);
}

static void read_channel(const struct call *c, size_t q, size_t s, size_t o,
                         bool low, float *to)
{
    const char *w = c->w + o / PANEL * c->r.panel_bytes +
                    (size_t)c->step[q][s].w + o % PANEL / 16 * 1024 +
                    (low ? STEP : 0);

    for (size_t d = 0; d < REAP_PIXEL / c->f.elem; d++) {
        const size_t at =
            (d / c->f.pair * 16 + o % 16) * c->f.pair + d % c->f.pair;

        to[d] = c->f.elem == 1 ? (float)(signed char)w[at]
                               : kern_get(w, at, c->f.elem);
    }
}

/* The products of step i, of high or low parts on either side. */
static void add_step(const struct call *c, size_t i, bool low_in, bool low_w,
                     float *sum)
{
    const size_t n = c->panels * PANEL, rows = c->tiles * ROWS;
    static float x[TILES * ROWS][DOTS], w[DOTS];

    for (size_t row = 0; row < rows; row++)
        read_row(c, i / c->steps, i % c->steps, row, low_in, x[row]);
    for (size_t o = 0; o < n; o++) {
        read_channel(c, i / c->steps, i % c->steps, o, low_w, w);
        for (size_t row = 0; row < rows; row++)
            for (size_t d = 0; d < REAP_PIXEL / c->f.elem; d++)
                sum[row * n + o] += x[row][d] * w[d];
    }
}

/* Sums of all rows and channels. Those of bytes are below 2^24, too. */
static void add_up(const struct call *c, float *sum)
{
    const size_t n = c->panels * PANEL, rows = c->tiles * ROWS;
    int32_t whole;

    for (size_t o = 0; o < n; o++) {
        memcpy(&whole, &c->bias[o], sizeof(whole));
        for (size_t row = 0; row < rows; row++)
            sum[row * n + o] = c->f.elem == 1 ? (float)whole : c->bias[o];
    }
    for (size_t i = 0; i < c->parts * c->steps; i++) {
        if (c->f.halves) {
            add_step(c, i, true, false, sum);
            add_step(c, i, false, true, sum);
        }
        add_step(c, i, false, false, sum);
    }
}

/* The number of channel o in the pixel at p. */
static char *channel(const struct call *c, char *p, ptrdiff_t block, size_t o)
{
    const size_t byte = o / PANEL * panel_bytes(&c->f);

    return p + (ptrdiff_t)(byte / REAP_PIXEL) * block + byte % REAP_PIXEL +
           o % PANEL * c->f.out_elem;
}

/* Leave in 'want' what channel o of a row becomes, as kernels.h defines it. */
static void expect(const struct call *c, size_t row, size_t o, float x,
                   char *want)
{
    const struct reap_tile_run *r = &c->r;
    char *from = c->residual == OVER ? c->before : c->res;
    char *to = channel(c, want + c->place[row], r->out_block, o);
    float res = 0;

    if (c->residual != NONE) {
        from = channel(c, from + c->res_place[row], r->res_block, o);
        res = kern_get(from, 0, c->f.out_elem);
        if (c->f.halves)
            res += kern_get(from + r->res_low, 0, c->f.out_elem);
    }
    if (c->f.elem == 1) {
        x *= c->scale[o];
        if (c->residual != NONE)
            x = fmaf(res, r->res_scale, x);
        kern_put(to, 0, 1, fminf(255, fmaxf(0, rintf(x))));
        return;
    }
    x += res;
    if (c->relu && x < 0)
        x = 0;
    kern_put(to, 0, c->f.out_elem, x);
    if (c->f.halves)
        kern_put(to + r->low, 0, c->f.out_elem, x - kern_half(x));
}

/* Whether every number is right and every other byte as it was. */
static bool right(const struct call *c)
{
    static float sum[TILES * ROWS * PANELS * PANEL];
    const size_t n = c->panels * PANEL;
    char *want = malloc(c->out_bytes);
    bool good;

    if (!want)
        abort();
    add_up(c, sum);
    memcpy(want, c->before, c->out_bytes);
    for (size_t row = 0; row < c->tiles * ROWS; row++)
        for (size_t o = 0; c->place[row] >= 0 && o < n; o++)
            expect(c, row, o, sum[row * n + o], want);
    good = !memcmp(want, c->out, c->out_bytes);
    free(want);
    return good;
}

/* One call, and whether it is right. */
static bool run(const struct kern *k, const struct reap_kernels *all,
                struct call *c)
{
    bool good;

    c->k = k;
    c->f = form_of(k->name);
    c->steps = c->deep ? STEPS : FEW_STEPS;
    c->r.once = c->strides & 1;
    call_open(c);
    all->tile_enter.fn();
    ((reap_tile_fn *)k->fn)(&c->r);
    all->tile_leave.fn();
    good = right(c);
    call_close(c);
    return good;
}

/* All counts of tiles and panels, all distances of rows. */
static void try(const struct kern *k, const struct reap_kernels *all,
                const struct call *like)
{
    static const char *const words[] = { "dense", "gaps", "margins", "ends" };
    static const char *const res[] = { "", ", residual",
                                       ", residual overwritten" };
    const size_t most = like->deep ? TILES : FEW_TILES;
    size_t wrong = 0, n = 0;

    for (size_t tiles = like->deep ? 2 : 1; tiles <= most;
         tiles += like->deep ? 3 : 1)
        for (size_t panels = 1; panels <= PANELS; panels++) {
            struct call c = *like;

            c.tiles = tiles;
            c.panels = panels;
            c.strides = n++;
            wrong += !run(k, all, &c);
        }
    ok(!wrong, "%s: %s%s%s%s%s: %zu of %zu runs are wrong", k->name,
       words[like->where], like->deep ? ", many steps" : "",
       like->parts > 1 ? ", second input" : "", res[like->residual],
       like->relu ? ", ReLU" : "", wrong, n);
}

int main(void)
{
    struct reap_kernels all;
    unsigned cpu;

    fill_seed();
    if (reap_cpu_detect(&cpu, NULL))
        return 1;
    reap_kernels_init(&all, cpu);
    for (size_t i = 0; i < kern_n; i++) {
        const struct kern *k = &kern[i];

        if (k->kind != KIND_tile)
            continue;
        if ((cpu & k->cpu) != k->cpu) {
            skip("%s: not on this CPU, or REAP_CPU forbids it", k->name);
            continue;
        }
        for (size_t f = 0; f < WHERES * 3 * 4; f++) {
            if (f & 2 && form_of(k->name).elem == 1)
                continue; /* bytes are not below zero anyway */
            try(k, &all,
                &(struct call){ .where = (enum where)(f / 12),
                                .residual = (enum residual)(f / 4 % 3),
                                .parts = 1 + (f & 1),
                                .relu = f & 2 });
        }
        for (size_t f = 0; f < 3 * 2; f++)
            try(k, &all,
                &(struct call){ .where = GAPS,
                                .residual = (enum residual)(f / 2),
                                .parts = 1 + (f & 1),
                                .relu = true,
                                .deep = true });
    }
    return done();
}
