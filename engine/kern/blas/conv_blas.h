/* engine/kern/blas/conv_blas.h - convolution as matrix products */
#ifndef REAP_ENGINE_KERN_BLAS_CONV_BLAS_H
#define REAP_ENGINE_KERN_BLAS_CONV_BLAS_H

#include "engine/kern/ops.h"

/*
 * As reap_conv_f32_ref(), with t->level a struct reap_openblas. Output pixels
 * are done in strips that fit the second cache; a strip's input is laid out
 * row by row (im2row) unless it lies so already. Strips and the shapes of all
 * products follow from the layer alone.
 */
void reap_conv_f32_blas(const struct reap_conv_task *t, const float *in,
                        const float *add, float *out, void *scratch);
size_t reap_conv_scratch_blas(const struct reap_conv_task *t);

/* Lay the windows of output pixels p0 to p1 of one image out, a row of
 * kh * kw * cin floats each; 'in' is the first channel of the group. */
void reap_im2row_f32_blas(const struct reap_conv_task *t, const float *in,
                          size_t p0, size_t p1, float *to);

#endif /* REAP_ENGINE_KERN_BLAS_CONV_BLAS_H */
