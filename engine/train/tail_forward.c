/* From the features of the frozen border to those of the last layer. */
#include <string.h>

#include "engine/kern/blas/conv_blas.h"
#include "engine/train/tail_impl.h"

struct pass {
    struct reap_tail *t;
    const struct reap_tail_layer *l;
    size_t group, slices;
};

static void lay_image(void *ctx, size_t image, size_t who)
{
    const struct pass *p = ctx;
    const struct reap_tail_layer *l = p->l;
    const size_t pixels = l->node->h * l->node->w;
    const size_t k = l->node->kh * l->node->kw * l->task.cin;
    const float *in = reap_tail_out(p->t, l->in) +
                      image * l->task.in_h * l->task.in_w * l->task.in_c;

    (void)who;
    reap_im2row_f32_blas(&l->task, in + p->group * l->task.cin, 0, pixels,
                         p->t->rows + image * pixels * k);
}

void reap_tail_lay_rows(struct reap_tail *t, const struct reap_tail_layer *l,
                        size_t g)
{
    struct pass p = { .t = t, .l = l, .group = g };

    reap_loop_run(t->a.crew, t->now.to - t->now.from, lay_image, &p);
}

/* Batch norm, shortcut and ReLU for columns from o0 on, while they are in the
 * cache. */
static void tail_forward_finish(const struct reap_tail_layer *l, size_t rows,
                                size_t o0, size_t n, const float *add,
                                float *out)
{
    const float floor = l->node->relu ? 0 : -__builtin_inff();
    const float *scale = l->scale + o0, *shift = l->shift + o0;
    const size_t c = l->node->c;

    for (size_t r = 0; r < rows; r++, out += c) {
        for (size_t o = 0; o < n; o++)
            out[o] = out[o] * scale[o] + shift[o];
        if (add) {
            for (size_t o = 0; o < n; o++)
                out[o] += add[r * c + o];
        }
        for (size_t o = 0; o < n; o++)
            out[o] = out[o] < floor ? floor : out[o];
    }
}

/* Some columns of the results of one part. */
static void multiply(void *ctx, size_t task, size_t who)
{
    const struct pass *p = ctx;
    struct reap_tail *t = p->t;
    const struct reap_tail_layer *l = p->l;
    const size_t part = t->now.part + task / p->slices;
    const size_t pixels = l->node->h * l->node->w, c = l->node->c;
    const size_t k = l->node->kh * l->node->kw * l->task.cin;
    const size_t row = reap_tail_part(t, part) * pixels;
    const size_t rows = reap_tail_part(t, part + 1) * pixels - row;
    const size_t o = p->group * l->task.cout,
                 o0 = o + task % p->slices * REAP_TAIL_SLICE;
    const size_t left = o + l->task.cout - o0,
                 n = left < REAP_TAIL_SLICE ? left : REAP_TAIL_SLICE;
    struct reap_mat a = { .at = t->rows + row * k, .ld = k };
    const float *w = t->vector[REAP_TAIL_WEIGHT] + l->at[REAP_T_KERNEL];
    const struct reap_mat b = { .at = w + o0 * k, .ld = k, .t = true };
    const float *add = l->in2 >= -1 ? reap_tail_out(t, l->in2) : NULL;

    (void)who;
    if (!rows)
        return;
    if (reap_tail_in_place(l))
        a = (struct reap_mat){ .at = reap_tail_out(t, l->in) +
                                     row * l->task.in_c +
                                     p->group * l->task.cin,
                               .ld = l->task.in_c };
    reap_gemm_run(t->a.gemm, rows, n, k, a, b, false, l->out + row * c + o0, c);
    tail_forward_finish(l, rows, o0, n, add ? add + row * c + o0 : NULL,
                        l->out + row * c + o0);
}

static void convolve(struct reap_tail *t, const struct reap_tail_layer *l)
{
    struct pass p = { .t = t, .l = l };

    p.slices = (l->task.cout + REAP_TAIL_SLICE - 1) / REAP_TAIL_SLICE;
    for (; p.group < l->task.groups; p.group++) {
        if (!reap_tail_in_place(l))
            reap_tail_lay_rows(t, l, p.group);
        reap_loop_run(t->a.crew, t->now.parts * p.slices, multiply, &p);
    }
}

/* An image of the layers that have no product. */
static void point(void *ctx, size_t image, size_t who)
{
    const struct pass *p = ctx;
    const struct reap_tail_layer *l = p->l;
    const struct reap_conv_task *s = &l->task;
    const float *in =
        reap_tail_out(p->t, l->in) + image * s->in_h * s->in_w * s->in_c;
    struct reap_node n = *l->node;
    float *out = l->out + image * n.h * n.w * n.c;

    (void)who;
    n.weight = l->scale;
    n.bias = l->shift;
    if (n.op == REAP_OP_AFFINE)
        reap_affine_f32_ref(&n, in, out);
    else
        reap_subsample_f32_ref(&n, s->in_w, in, out);
}

void reap_tail_forward(struct reap_tail *t, size_t n, const float *target,
                       uint64_t dice, struct reap_tail_result *out,
                       float *probs)
{
    t->batch = n;
    t->now = reap_tail_share(n, t->a.team.rank, t->a.team.ranks);
    t->target = target;
    memset(t->result, 0, t->now.all_parts * sizeof(*t->result));
    for (size_t i = 0; i < t->n; i++) {
        struct pass p = { .t = t, .l = &t->layer[i] };

        if (p.l->node->op == REAP_OP_CONV)
            convolve(t, p.l);
        else
            reap_loop_run(t->a.crew, t->now.to - t->now.from, point, &p);
    }
    reap_tail_head_forward(t, dice, probs);
    out->sums = t->result;
    out->parts = t->now.all_parts;
}
