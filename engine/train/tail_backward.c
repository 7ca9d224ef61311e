/* From the gradient of the features back to the frozen border. */
#include <string.h>

#include "engine/train/tail_impl.h"

struct pass {
    struct reap_tail *t;
    const struct reap_tail_layer *l;
    size_t group, slices;
};

/* ---- the output's side: ReLU, shortcut, sums over pixels ---- */

enum { CHANNELS = 128 };

/* Some channels of one part: cut the gradient off where the ReLU did, hand it
 * to the shortcut, sum it up; of an affine also times the input. */
static void open_part(void *ctx, size_t task, size_t who)
{
    const struct pass *p = ctx;
    struct reap_tail *t = p->t;
    const struct reap_tail_layer *l = p->l;
    const size_t pixels = l->node->h * l->node->w, c = l->node->c;
    const size_t part = task / p->slices, c0 = task % p->slices * CHANNELS;
    const size_t n = c - c0 < CHANNELS ? c - c0 : CHANNELS;
    const size_t row0 = reap_tail_part(t, t->now.part + part) * pixels;
    const size_t row1 = reap_tail_part(t, t->now.part + part + 1) * pixels;
    const bool affine = l->node->op == REAP_OP_AFFINE;
    float *dy = reap_tail_slot(t, (int)(l - t->layer)) + c0;
    float *skip = l->in2 >= 0 ? reap_tail_slot(t, l->in2) + c0 : NULL;
    const float *y = l->out + c0, *x = reap_tail_out(t, l->in) + c0;
    double sum[CHANNELS] = { 0 }, with[CHANNELS] = { 0 };

    (void)who;
    for (size_t r = row0; r < row1; r++) {
        float *d = dy + r * c;

        if (l->node->relu) {
            for (size_t o = 0; o < n; o++)
                d[o] = y[r * c + o] > 0 ? d[o] : 0;
        }
        for (size_t o = 0; o < n; o++)
            sum[o] += d[o];
        if (affine) {
            for (size_t o = 0; o < n; o++)
                with[o] += (double)d[o] * x[r * c + o];
        }
        if (skip && l->first_in2)
            memcpy(skip + r * c, d, n * sizeof(*d));
        else if (skip)
            reap_tail_add(n, d, skip + r * c);
    }
    for (size_t o = 0; o < n; o++) {
        t->sums[part * c + c0 + o] = (float)sum[o];
        if (affine)
            t->sums[(t->now.all_parts + part) * c + c0 + o] = (float)with[o];
    }
}

/* The sums of an affine times its input follow the others. */
static void tail_backward_open_output(struct reap_tail *t,
                                      const struct reap_tail_layer *l)
{
    struct pass p = { .t = t, .l = l };
    const size_t c = l->node->c;
    float *g = t->vector[REAP_TAIL_GRADIENT], *all = t->sums;
    const bool affine = l->node->op == REAP_OP_AFFINE;
    const size_t sum = l->at[REAP_T_BETA] != REAP_TAIL_NONE
                           ? l->at[REAP_T_BETA]
                           : l->at[REAP_T_BIAS];

    p.slices = (c + CHANNELS - 1) / CHANNELS;
    reap_loop_run(t->a.crew, t->now.parts * p.slices, open_part, &p);
    if (sum != REAP_TAIL_NONE)
        reap_tail_add_parts(t, c, g + sum);
    if (!affine)
        return;
    t->sums += t->now.all_parts * c;
    reap_tail_add_parts(t, c, g + l->at[REAP_T_GAMMA]);
    t->sums = all;
}

/* ---- the input's side ---- */

/* Some of the numbers in front of a product, for one part: of the input
 * itself, or of the windows laid out. */
static void input_part(void *ctx, size_t task, size_t who)
{
    const struct pass *p = ctx;
    struct reap_tail *t = p->t;
    const struct reap_tail_layer *l = p->l;
    const size_t pixels = l->node->h * l->node->w, c = l->node->c;
    const size_t k = l->node->kh * l->node->kw * l->task.cin;
    const size_t part = t->now.part + task / p->slices;
    const size_t k0 = task % p->slices * REAP_TAIL_SLICE;
    const size_t n = k - k0 < REAP_TAIL_SLICE ? k - k0 : REAP_TAIL_SLICE;
    const size_t row = reap_tail_part(t, part) * pixels;
    const size_t rows = reap_tail_part(t, part + 1) * pixels - row;
    const size_t o0 = p->group * l->task.cout;
    const bool place = reap_tail_in_place(l);
    const size_t ldt = place ? l->task.in_c : k;
    float *to =
        place ? reap_tail_slot(t, l->in) + p->group * l->task.cin : t->rows;
    const float *dy = reap_tail_slot(t, (int)(l - t->layer));

    (void)who;
    if (rows)
        reap_gemm_run(
            t->a.gemm, rows, n, l->task.cout,
            (struct reap_mat){ .at = dy + row * c + o0, .ld = c },
            (struct reap_mat){ .at = l->folded + o0 * k + k0, .ld = k },
            place && !l->first_in, to + row * ldt + k0, ldt);
}

/* Add the windows of one image back to where they came from. */
static void gather_image(void *ctx, size_t image, size_t who)
{
    const struct pass *p = ctx;
    const struct reap_tail_layer *l = p->l;
    const struct reap_conv_task *s = &l->task;
    const struct reap_node *n = l->node;
    const size_t pixels = n->h * n->w, k = n->kh * n->kw * s->cin;
    const float *from = p->t->rows + image * pixels * k;
    float *to =
        reap_tail_slot(p->t, l->in) + image * s->in_h * s->in_w * s->in_c;

    (void)who;
    if (l->first_in && !p->group)
        memset(to, 0, s->in_h * s->in_w * s->in_c * sizeof(*to));
    to += p->group * s->cin;
    for (size_t o = 0; o < pixels; o++)
        for (size_t ky = 0; ky < n->kh; ky++)
            for (size_t kx = 0; kx < n->kw; kx++, from += s->cin) {
                const size_t y = o / n->w * n->stride + ky - n->pad;
                const size_t x = o % n->w * n->stride + kx - n->pad;

                if (y < s->in_h && x < s->in_w) /* else huge: outside */
                    reap_tail_add(s->cin, from,
                                  to + (y * s->in_w + x) * s->in_c);
            }
}

static void conv_group(struct reap_tail *t, const struct reap_tail_layer *l,
                       size_t g)
{
    const size_t pixels = l->node->h * l->node->w;
    const size_t k = l->node->kh * l->node->kw * l->task.cin;
    const bool place = reap_tail_in_place(l);
    struct pass p = { .t = t, .l = l, .group = g };
    struct reap_tail_product w = {
        .dy = reap_tail_slot(t, (int)(l - t->layer)) + g * l->task.cout,
        .ldy = l->node->c,
        .x = place ? reap_tail_out(t, l->in) + g * l->task.cin : t->rows,
        .ldx = place ? l->task.in_c : k,
        .n = l->task.cout,
        .k = k,
        .pixels = pixels,
        .to = t->vector[REAP_TAIL_GRADIENT] + l->at[REAP_T_KERNEL] +
              g * l->task.cout * k,
        .ldt = k,
    };

    p.slices = (k + REAP_TAIL_SLICE - 1) / REAP_TAIL_SLICE;
    if (!place)
        reap_tail_lay_rows(t, l, g);
    reap_tail_weigh(t, &w);
    if (l->in < 0)
        return; /* what is frozen needs no gradient */
    reap_loop_run(t->a.crew, t->now.parts * p.slices, input_part, &p);
    if (!place)
        reap_loop_run(t->a.crew, t->now.to - t->now.from, gather_image, &p);
}

/* Affine and subsample: an image's gradient of the input. */
static void point_back(void *ctx, size_t image, size_t who)
{
    const struct pass *p = ctx;
    const struct reap_tail_layer *l = p->l;
    const struct reap_conv_task *s = &l->task;
    const struct reap_node *n = l->node;
    const size_t c = n->c;
    const float *dy =
        reap_tail_slot(p->t, (int)(l - p->t->layer)) + image * n->h * n->w * c;
    float *to = reap_tail_slot(p->t, l->in) + image * s->in_h * s->in_w * c;

    (void)who;
    if (l->first_in)
        memset(to, 0, s->in_h * s->in_w * c * sizeof(*to));
    for (size_t i = 0; i < n->h * n->w; i++) {
        const size_t at = i / n->w * n->stride * s->in_w + i % n->w * n->stride;

        if (n->op == REAP_OP_SUBSAMPLE)
            reap_tail_add(c, dy + i * c, to + at * c);
        else
            for (size_t o = 0; o < c; o++)
                to[at * c + o] += dy[i * c + o] * l->scale[o];
    }
}

void reap_tail_backward(struct reap_tail *t)
{
    reap_tail_head_backward(t);
    for (size_t i = t->n; i--;) {
        const struct reap_tail_layer *l = &t->layer[i];
        struct pass p = { .t = t, .l = l };

        if (l->node->op != REAP_OP_SUBSAMPLE)
            tail_backward_open_output(t, l);
        if (l->node->op != REAP_OP_CONV) {
            if (l->in >= 0)
                reap_loop_run(t->a.crew, t->now.to - t->now.from, point_back,
                              &p);
            continue;
        }
        for (size_t g = 0; g < l->task.groups; g++)
            conv_group(t, l, g);
    }
}
