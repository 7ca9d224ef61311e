/*
 * Direct convolutions. Rows near the border lack taps: rows with the same taps
 * are a kind, and each kind has its own list of steps, so that the kernels
 * never test for borders. Blocks of pixels and panels of weights are ordered so
 * that one of the two stays in the cache.
 */
#include <math.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/blocked/blocked.h"

/*
 * Cache blocking, in bytes: while all weights stay in L2, pixels go through
 * in blocks that stay in L1; otherwise in blocks for L2, and panels of weights
 * stream past each. Measured on cores with 1 MB of L2.
 */
enum { L2_WEIGHTS = 600 << 10, L1_PIXELS = 24 << 10, L2_PIXELS = 256 << 10 };

/* Rows of taps that lie inside the image for row y of the output. */
static void inside(const struct reap_node *n, size_t in_h, size_t y, size_t *lo,
                   size_t *hi)
{
    size_t top = y * n->stride;

    *lo = top < n->pad ? n->pad - top : 0;
    *hi = in_h + n->pad > top ? in_h + n->pad - top : 0;
    if (*hi > n->kh)
        *hi = n->kh;
    if (*lo > *hi)
        *lo = *hi;
}

/* Number the kinds of rows; low[kind] and high[kind] are their taps. */
static size_t row_kinds(struct reap_blocked_conv *c, const struct reap_node *n,
                        size_t in_h, bool padded, size_t *low, size_t *high)
{
    size_t kinds = 0, lo = 0, hi = n->kh, k;

    for (size_t y = 0; y < n->h; y++) {
        if (!padded)
            inside(n, in_h, y, &lo, &hi);
        for (k = 0; k < kinds; k++)
            if (low[k] == lo && high[k] == hi)
                break;
        if (k == kinds) {
            low[k] = lo;
            high[k] = hi;
            kinds++;
        }
        c->kind[y] = (uint8_t)k;
    }
    return kinds;
}

/* What one list of steps is made from. */
struct list {
    const struct reap_node *n;
    const struct reap_tensor *in;
    size_t first, count; /* slices of channels */
    size_t slice;        /* bytes of a slice in a pixel */
    size_t step_bytes;   /* of weights */
    bool input;          /* of a net: whole rows of 3 channels */
    bool chains;         /* a step is a row of taps, of all slices */
};

static size_t add_steps(struct reap_conv_step *s, const struct list *l,
                        size_t lo, size_t hi)
{
    size_t n = 0, kw = l->input ? 1 : l->n->kw, pad = l->n->pad;

    if (l->chains) {
        if (l->input) { /* all rows at once */
            s[0] = (struct reap_conv_step){ 0, 0 };
            return 1;
        }
        for (size_t y = lo; y < hi; y++, n++) {
            s[n].in = (int32_t)(((ptrdiff_t)y - (ptrdiff_t)pad) * l->in->row);
            s[n].w = (int32_t)(y * l->step_bytes);
        }
        return n;
    }
    for (size_t c = l->first; c < l->first + l->count; c++) {
        ptrdiff_t at = reap_blocked_slice(l->in, c, l->slice);

        for (size_t t = lo * kw; t < hi * kw; t++) {
            ptrdiff_t y = (ptrdiff_t)(t / kw), x = (ptrdiff_t)(t % kw);

            if (!l->input) {
                y -= (ptrdiff_t)pad;
                x -= (ptrdiff_t)pad;
            }
            s[n].in = (int32_t)(at + y * l->in->row + x * REAP_PIXEL);
            s[n].w =
                (int32_t)(((c - l->first) * l->n->kh * kw + t) * l->step_bytes);
            n++;
        }
    }
    return n;
}

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* Of the weights for the second input in a panel, and steps they are. */
static size_t second_bytes(const struct reap_program *p,
                           const struct reap_blocked_layer *l, size_t nr)
{
    const size_t blocks = l->in2 >= 0 ? p->tensor[l->in2].blocks : 0;
    const size_t dwords = l->conv.dwords2;

    if (!blocks)
        return 0;
    return p->ops.chains ? reap_blocked_step(&p->ops, blocks * dwords, nr)
                         : blocks * reap_blocked_step(&p->ops, dwords, nr);
}

/* Lists of all panels and kinds of rows; fills in where panels begin. */
static size_t all_steps(const struct reap_program *p,
                        struct reap_blocked_layer *l, size_t nr,
                        const size_t *low, const size_t *high)
{
    const struct reap_node *n = &p->net->node[l->node];
    const struct reap_tensor *in = &p->tensor[l->in];
    struct reap_blocked_conv *c = &l->conv;
    struct list list = { n,          in, 0,          in->blocks,
                         REAP_PIXEL, 0,  l->in == 0, p->ops.chains > 0 };
    const size_t kw = list.input ? 1 : n->kw;
    size_t at = 0, bytes = 0, taps, steps;

    for (size_t panel = 0; panel < c->panels; panel++) {
        if (c->grouped) {
            list.slice = 16 * p->ops.elem;
            reap_blocked_slices(n, in->c, nr, panel, &list.first, &list.count);
        }
        c->panel_at[panel] = bytes;
        taps = n->kh * kw * list.count;
        steps = !list.chains ? taps : list.input ? 1 : n->kh;
        list.step_bytes = reap_blocked_step(
            &p->ops, c->dwords * (list.chains ? taps / steps : 1), nr);
        bytes += steps * list.step_bytes + second_bytes(p, l, nr);
        for (size_t k = 0; k < c->kinds && (c->grouped || !panel); k++) {
            struct reap_span *span = &c->span[panel * c->kinds + k];

            span->first = (uint32_t)at;
            span->n = (uint32_t)add_steps(c->step + at, &list, low[k], high[k]);
            at += span->n;
        }
    }
    c->bytes = bytes;
    return at;
}

/* The second input: a 1x1 convolution whose weights follow in each panel. */
static void second_steps(const struct reap_program *p,
                         struct reap_blocked_layer *l, size_t at, size_t nr)
{
    const struct reap_tensor *in2 = &p->tensor[l->in2];
    struct reap_blocked_conv *c = &l->conv;
    size_t step = reap_blocked_step(&p->ops, c->dwords2, nr);
    size_t w = c->bytes / c->panels - second_bytes(p, l, nr);

    c->second.first = (uint32_t)at;
    c->second.n = p->ops.chains ? 1 : (uint32_t)in2->blocks;
    for (size_t b = 0; b < c->second.n; b++) {
        c->step[at + b].in = (int32_t)((ptrdiff_t)b * in2->plane);
        c->step[at + b].w = (int32_t)(w + b * step);
    }
}

static int conv_no_memory(struct reap_err *err)
{
    return reap_fail(err, REAP_ENOMEM, "no memory for the plan of the network");
}

int reap_blocked_conv_plan(struct reap_program *p, struct reap_blocked_layer *l,
                           struct reap_err *err)
{
    const struct reap_node *n = &p->net->node[l->node];
    const struct reap_tensor *in = &p->tensor[l->in];
    struct reap_blocked_conv *c = &l->conv;
    size_t low[256], high[256], at, lists, longest;
    size_t nr = n->groups > 1 ? p->ops.group_nr : p->ops.conv_nr;

    c->grouped = n->groups > 1;
    c->panels = round_up(n->c, 64) / nr;
    c->dwords = c->grouped ? 16 * p->ops.elem / 4 : REAP_PIXEL / 4;
    c->dwords2 = REAP_PIXEL / 4;
    if (l->in == 0)
        c->dwords = (n->kw * 3 * p->ops.elem + 3) / 4;
    c->kind = reap_calloc(n->h, sizeof(*c->kind));
    if (!c->kind)
        return conv_no_memory(err);
    c->kinds = row_kinds(c, n, in->h, l->in == 0, low, high);
    lists = (c->grouped ? c->panels : 1) * c->kinds;
    longest = n->kh * n->kw *
              (c->grouped ? (in->c / n->groups + 15) / 16 + 16 : in->blocks);
    at = lists * longest + (l->in2 >= 0 ? p->tensor[l->in2].blocks : 0);
    c->step = reap_calloc(at, sizeof(*c->step));
    c->span = reap_calloc(lists, sizeof(*c->span));
    c->panel_at = reap_calloc(c->panels, sizeof(*c->panel_at));
    if (!c->step || !c->span || !c->panel_at)
        return conv_no_memory(err);
    at = all_steps(p, l, nr, low, high);
    c->row_bytes = n->stride * (size_t)in->row * in->blocks;
    if (l->in2 >= 0) {
        const struct reap_tensor *in2 = &p->tensor[l->in2];

        second_steps(p, l, at, nr);
        c->row_bytes += l->stride2 * (size_t)in2->row * in2->blocks;
    }
    l->w_bytes = c->bytes + REAP_PIXEL;
    l->bias_bytes = round_up(n->c, 64) * sizeof(*l->bias);
    l->scale_bytes = p->ops.elem == 1 ? l->bias_bytes : 0;
    l->pack = reap_blocked_pack;
    return REAP_OK;
}

/* A layer at work: the panel that is being done, and its run of pixels. */
struct work {
    const struct reap_program *p;
    const struct reap_blocked_layer *l;
    const struct reap_frame *f;
    const struct reap_tensor *in, *in2, *res, *out;
    reap_conv_fn *kernel;
    struct reap_conv_run run;
    size_t nr, panel;
};

static void set_panel(struct work *k, size_t panel)
{
    k->panel = panel;
    k->run.w = k->l->w + k->l->conv.panel_at[panel];
    k->run.bias = k->l->bias + panel * k->nr;
    if (k->l->scale)
        k->run.scale = k->l->scale + panel * k->nr;
}

static void row(struct work *k, size_t i, size_t y)
{
    const struct reap_blocked_conv *c = &k->l->conv;
    const struct reap_span *span =
        &c->span[(c->grouped ? k->panel * c->kinds : 0) + c->kind[y]];
    struct reap_conv_run *r = &k->run;
    size_t byte = k->panel * k->nr * k->p->ops.elem;
    ptrdiff_t block = (ptrdiff_t)(byte / REAP_PIXEL);
    ptrdiff_t in_block = (ptrdiff_t)(byte % REAP_PIXEL);

    r->part[0].in = reap_blocked_row(k->in, k->f, i, y * k->l->stride);
    r->part[0].step = c->step + span->first;
    r->part[0].n_steps = span->n;
    if (k->in2)
        r->part[1].in = reap_blocked_row(k->in2, k->f, i, y * k->l->stride2);
    r->out =
        reap_blocked_row(k->out, k->f, i, y) + block * k->out->plane + in_block;
    if (k->res)
        r->res = reap_blocked_row(k->res, k->f, i, y) + block * k->res->plane +
                 in_block;
    k->kernel(r);
}

static void conv_start(struct work *k)
{
    const struct reap_node *n = &k->p->net->node[k->l->node];
    const struct reap_blocked_conv *c = &k->l->conv;
    struct reap_conv_run *r = &k->run;
    size_t pixel = k->l->in == 0 ? 3 * k->p->ops.elem : REAP_PIXEL;

    k->kernel = c->grouped ? k->p->ops.group : k->p->ops.conv;
    k->nr = c->grouped ? k->p->ops.group_nr : k->p->ops.conv_nr;
    r->n = n->w;
    r->n_parts = k->in2 ? 2 : 1;
    r->part[0].stride = (ptrdiff_t)(n->stride * pixel);
    r->part[0].dwords = c->dwords;
    r->part[1].stride = (ptrdiff_t)(k->l->stride2 * REAP_PIXEL);
    r->part[1].dwords = c->dwords2;
    r->part[1].step = c->step + c->second.first;
    r->part[1].n_steps = c->second.n;
    r->out_block = k->out->plane;
    r->res_block = k->res ? k->res->plane : 0;
    r->floor = k->l->floor;
    if (k->res)
        r->res_scale = k->res->scale / k->out->scale;
}

/* Rows of the blocks that all panels go over: some of an image, or whole
 * images. */
static size_t block_rows(const struct work *k)
{
    const struct reap_blocked_conv *c = &k->l->conv;
    const size_t bytes = c->bytes <= L2_WEIGHTS ? L1_PIXELS : L2_PIXELS;
    const size_t h = k->out->h, rows = bytes / c->row_bytes;

    if (rows >= h)
        return rows / h * h;
    if (c->panels == 1)
        return h;
    return rows ? rows : 1;
}

/* Blocks of rows, of one image after the other, each by all panels. */
static void conv_run_part(struct work *k, const struct reap_part *part)
{
    const size_t h = k->out->h, at_once = block_rows(k);

    for (size_t from = part->row; from < part->row_end; from += at_once)
        for (size_t i = part->panel; i < part->panel_end; i++) {
            set_panel(k, i);
            for (size_t y = from; y < from + at_once && y < part->row_end; y++)
                row(k, y / h, y % h);
        }
}

void reap_blocked_conv(const struct reap_program *p,
                       const struct reap_blocked_layer *l,
                       const struct reap_frame *f)
{
    struct work k = { .p = p, .l = l, .f = f };
    struct reap_part part[REAP_PARTS];
    size_t n;

    k.in = &p->tensor[l->in];
    k.in2 = l->in2 >= 0 ? &p->tensor[l->in2] : NULL;
    k.res = l->res >= 0 ? &p->tensor[l->res] : NULL;
    k.out = &p->tensor[l->node];
    conv_start(&k);
    n = reap_blocked_parts(p, l, f, l->conv.panels, k.nr, f->n * k.out->h,
                           part);
    for (size_t i = 0; i < n; i++)
        conv_run_part(&k, &part[i]);
}
