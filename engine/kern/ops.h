/*
 * engine/kern/ops.h - the operations of a net, in plain C
 *
 * These say what is right: other levels are tested against them. Tensors are
 * float32 in the order (h, w, c), one image at a time; buffers do not overlap.
 * Calls touch nothing but their arguments and may run in any thread.
 */
#ifndef REAP_ENGINE_KERN_OPS_H
#define REAP_ENGINE_KERN_OPS_H

#include <stddef.h>

#include "engine/kern/kernels.h"
#include "engine/net/net.h"
#include "engine/plan/backend.h"

/*
 * A convolution as these levels want it. Groups may have been merged: 'groups'
 * counts what is left, 'cin' and 'cout' are channels of one of them.
 *
 *   weight  (groups, kh * kw * cin, cout)   row k is (ky, kx, i)
 */
struct reap_conv_task {
    const struct reap_node *node; /* kernel, stride, pad, output, bias, ReLU */
    size_t in_h, in_w, in_c;
    size_t groups, cin, cout;
    const float *weight;
    const void *level; /* what the level keeps for itself */
};

/* 'add' is what is added before the ReLU, the shape of 'out', or NULL. Sums
 * run over k in order, in double, and are rounded once at the end. 'scratch'
 * holds reap_conv_scratch_ref() bytes. */
void reap_conv_f32_ref(const struct reap_conv_task *t, const float *in,
                       const float *add, float *out, void *scratch);
size_t reap_conv_scratch_ref(const struct reap_conv_task *t);

/* (n, 3) pixels, normalised as struct reap_norm says. 'table' holds the three
 * times 256 results for bytes. */
void reap_norm_table_ref(const struct reap_norm *norm, float table[3][256]);
void reap_norm_f32_ref(const struct reap_norm *norm, const float table[3][256],
                       size_t n, const void *pixels, float *out);

/* 'n' is the node of that op; 'in' has the shape in_h, in_w, n->c. */
void reap_maxpool_f32_ref(const struct reap_node *n, size_t in_h, size_t in_w,
                          const float *in, float *out);
void reap_subsample_f32_ref(const struct reap_node *n, size_t in_w,
                            const float *in, float *out);
void reap_affine_f32_ref(const struct reap_node *n, const float *in,
                         float *out);

/* Mean (summed in double, pixel by pixel) and maximum of (pixels, c). */
void reap_avg_f32_ref(size_t pixels, size_t c, const float *in, float *out);
void reap_max_f32_ref(size_t pixels, size_t c, const float *in, float *out);

/* The float32 kernels of runs (engine/kern/kernels.h, tiles of { 1, 16 }) in
 * plain C, with the same bits: each product is added with one rounding. */
void reap_conv_run_ref(const struct reap_conv_run *r);

/* Outputs from..end of a dense layer, by the kernel 'fn'
 * (engine/kern/kernels.h): out (n, d->out) = in (n, d->in) * transpose(weight)
 * + bias, no activation. */
void reap_dense_part(reap_dense_fn *fn, const struct reap_dense *d, size_t from,
                     size_t end, size_t n, const float *in, float *out);
reap_dense_fn reap_dense_f32_ref;

#endif /* REAP_ENGINE_KERN_OPS_H */
