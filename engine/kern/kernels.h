/*
 * engine/kern/kernels.h - the kernels of the blocked backend: types and table
 *
 * Activations are planes of pixels of 64 bytes: 16 channels of float32, 32 of
 * bfloat16 or 64 bytes, channels beyond the last being zero. Everything is
 * counted in dwords: a dword of activations is one float32, two bfloat16 or
 * four byte channels of a pixel; it is broadcast and multiplied with a vector
 * of weights, one dword (or pair) for each channel of the output. So all
 * precisions are one program.
 *
 * Kernels return nothing and check nothing: shapes were checked when the plan
 * was made. Buffers of activations and weights are 64-byte aligned. The sum of
 * an output runs over the steps and their dwords in order and starts with the
 * bias, for any number of pixels: results do not depend on neighbours, and
 * levels of one precision agree to the bit.
 */
#ifndef REAP_ENGINE_KERN_KERNELS_H
#define REAP_ENGINE_KERN_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REAP_PIXEL = 64 }; /* bytes of a pixel in a plane */

/* Some dwords of every pixel of a run, and the weights they meet. */
struct reap_conv_step {
    int32_t in; /* bytes from the part's 'in' */
    int32_t w;  /* bytes from the run's 'w' */
};

/* One input of a run. Pixel p reads 'dwords' dwords at in + p * stride +
 * step.in for each step; these addresses need an alignment of 4 only if the
 * numbers are float32 and of 2 if they are bfloat16. */
struct reap_conv_part {
    const char *in;
    ptrdiff_t stride; /* bytes */
    const struct reap_conv_step *step;
    size_t n_steps, dwords;
};

/*
 * A run of n >= 1 pixels of one panel of output channels (the tile.nr of the
 * kernel; 16 for the group kernels):
 *
 *   out[p] = max(floor, bias + sum over both parts, steps, dwords + res[p])
 *
 *   w     (step, dword, tile.nr) dwords
 *   bias  (tile.nr) float32
 *   out   pixels of 64 bytes; further blocks of channels 'out_block' bytes on
 *   res   as out, or NULL; it may be 'out' itself
 *
 * Of bytes the sums are int32, as is the bias, the weights are signed bytes,
 * and the sum, which the caller keeps below 2^31, becomes
 *
 *   out[p] = nearest byte to fma(res[p], res_scale, float(sum) * scale)
 *
 * Products for Winograd: bf16 has float32 out, 16 channels to a pixel; of bytes
 * they are pairs of 16 bits, and out comes the int32 sum modulo 2^32, without
 * 'floor' and 'res'.
 */
struct reap_conv_run {
    size_t n, n_parts;
    struct reap_conv_part part[2];
    const char *w;
    const float *bias;
    char *out;
    const char *res;
    ptrdiff_t out_block, res_block; /* bytes */
    float floor;                    /* 0 for ReLU, -INFINITY for none */
    const float *scale;             /* (tile.nr), of bytes alone */
    float res_scale;                /* likewise */
};
typedef void reap_conv_fn(const struct reap_conv_run *r);

/*
 * A convolution on tile registers: rows of 64 bytes of activations times
 * panels of 32 output channels. Sixteen rows make a tile; row i of tile t of a
 * part lies at in + at[t] + i * stride + step.in, for each step. Rows after
 * the last that matters are read as well (never past the end of their tile)
 * and what they give is dropped. For panels 0 .. panels - 1:
 *
 *   out[row] = max(floor, bias + sum over both parts, steps, 64 bytes + res)
 *
 *   w          panel p at p * panel_bytes; a step is two tiles of 1 KB, of 16
 *              channels each: (dword, 16) dwords, as a panel of reap_conv_run
 *   bias       (panels, 32) float32, of bytes int32; scale likewise
 *   place      (tiles, 16): bytes from 'out' to the pixel of that row, or -1
 *              for one that is dropped; others only grow within a pair
 *   res_place  the same from 'res', with -1 for the same rows; NULL for no
 *              residual; 'res' may be 'out' itself with the same places
 *   out_block  bytes between blocks of channels; a pixel of 64 bytes holds one
 *              panel of bfloat16, two of bytes
 *   low        bf16x3: bytes from a pixel to the one that holds its low parts.
 *              A step is four tiles then, two of high and two of low parts, and
 *              adds low * high, high * high and high * low, in that order
 *
 * Tiles go in pairs, and the sums of a pair are finished while those of the
 * next are formed, in 'scratch' of REAP_TILE_SCRATCH bytes, 64-byte aligned.
 * Nothing else is written but the pixels of rows that are not dropped.
 *
 * The sum of an output starts with the bias and runs over the steps in order.
 * Tile registers must have been given their form by reap_tile_enter_*().
 */
enum { REAP_TILE_ROWS = 16, REAP_TILE_PANEL = 32, REAP_TILE_SCRATCH = 20480 };
struct reap_tile_part {
    const char *in;
    const int32_t *at; /* (tiles) */
    ptrdiff_t stride, low;
    const struct reap_conv_step *step;
    size_t n_steps;
};
struct reap_tile_run {
    size_t tiles, n_parts, panels, panel_bytes;
    bool once; /* no pixel is read again for the same panel */
    bool far;  /* weights come from beyond L2; those after w's end are next */
    struct reap_tile_part part[2];
    const char *w;
    const float *bias, *scale;
    const int32_t *place, *res_place;
    char *out;
    const char *res;
    ptrdiff_t out_block, res_block, low, res_low;
    float floor, res_scale;
    char *scratch;
};
typedef void reap_tile_fn(const struct reap_tile_run *r);
/* Give this thread's tile registers their form, or give them back. */
typedef void reap_tile_state_fn(void);

/*
 * Winograd F(m x m, 3 x 3) of one block of channels of one tile, (m + 2)
 * squared numbers a channel, float32 sums. m is 4, with the points 0,
 * +-sqrt(1/2), +-sqrt(2), infinity, or 2 with 0, +-1, infinity.
 * Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks
 * (2015); the points after Barabasz et al., TOMS 46 (2020).
 *
 * In: 'row' are m + 2 pointers to m + 2 pixels; number i goes to v + i * step,
 * 64 bytes. bf16 leaves the even channels of the block in the first 16 places
 * and the odd ones in the last. Bytes become whole numbers of 16 bits, 128
 * bytes each, by the points 0, +-1, +-2, infinity: the largest is 17340.
 */
typedef void reap_wino_in_fn(const char *const *row, char *v, ptrdiff_t step);

/*
 * Out: number i, 16 channels of float32, is at m + i * step; bf16 needs two
 * such blocks, 'm_block' bytes apart, for one of the output. Writes ny rows of
 * nx pixels (at most m each) of max(floor, result + bias + res).
 *
 * Bytes need four such blocks, of int32, which may have wrapped around:
 * products by weights of which g is G with rows times 24, 6, 6, 24, 24, 6
 * (whole numbers, see wino4_whole.inc). The result is exact if it is at least
 * -2^25 and less than 2^25, and becomes a pixel as in reap_conv_run, 'bias'
 * being int32.
 */
struct reap_wino_out {
    const char *m;
    ptrdiff_t step, m_block;
    const float *bias;
    float floor;
    size_t ny, nx;
    char *out;
    const char *res; /* or NULL */
    ptrdiff_t out_row, res_row;
    const float *scale; /* of bytes alone */
    float res_scale;    /* likewise */
};
typedef void reap_wino_out_fn(const struct reap_wino_out *o);

/* n pixels out of ny rows of nx pixels each: out[p] is the maximum of 'floor'
 * and of pixels in + y * row + (p * stride + x) * 64, y < ny, x < nx. */
struct reap_pool_run {
    size_t n, ny, nx;
    const char *in;
    ptrdiff_t row, stride; /* bytes */
    float floor;
    char *out;
    ptrdiff_t in_low, out_low; /* bf16x3: bytes to the low parts */
};
typedef void reap_pool_fn(const struct reap_pool_run *r);

/* out[p] = max(floor, scale * in[p] + bias) for n pixels of one block. */
struct reap_affine_run {
    size_t n;
    const char *in;
    char *out;
    const float *scale, *bias;
    float floor;
    ptrdiff_t in_low, out_low; /* bf16x3: bytes to the low parts */
};
typedef void reap_affine_fn(const struct reap_affine_run *r);

/*
 * One step of an optimizer on n rows of 'vectors' times 16 weights:
 *
 *   w, m, v   rows of vectors * 16 floats, one after the other
 *   g         of row r and vector k: 16 floats at g + k * g_block + r * 16
 *
 * With g' = g + decay * w, all in float32 and multiplied with addition:
 *
 *   adam   m += (g' - m) * (1 - beta1); v += (g' * g' - v) * (1 - beta2);
 *          w -= m * rate / (sqrt(v) + epsilon)
 *   sgd    m = momentum * m - rate * g'; w += m; v is not touched
 *
 * Adam has the form of Keras: the caller folds the correction of the bias into
 * the rate. Levels agree to the bit.
 */
struct reap_update_run {
    size_t n, vectors;
    float *w, *m, *v;
    const float *g;
    size_t g_block; /* floats */
    float rate, decay, momentum;
    float keep1, keep2; /* 1 - beta1, 1 - beta2 */
    float epsilon;
};
typedef void reap_update_fn(const struct reap_update_run *r);

/*
 * A dense layer of n images: out[i][o] = x[i] . weight[o] + bias[o], for
 * 'outputs' of them. A sum runs in 16 parts, k modulo 16, each product rounded
 * before it is added, and the parts are added up in order at the end. Levels
 * agree to the bit.
 *
 *   x       (n, in)
 *   weight  (outputs, in)
 *   bias    (outputs)
 *   out     (n, outputs), rows 'row' numbers apart
 */
struct reap_dense_run {
    size_t n, in, outputs, row;
    const float *x, *weight, *bias;
    float *out;
};
typedef void reap_dense_fn(const struct reap_dense_run *r);

/* sum[c] += each of the pixels of h rows of w pixels, row by row, for all
 * channels of one block. */
struct reap_sum_run {
    size_t h, w;
    const char *in;
    ptrdiff_t row, pixel, low; /* bytes; low: of bf16x3, to the low parts */
    double *sum;
};
typedef void reap_sum_fn(const struct reap_sum_run *r);

/* Do n rounds of multiplications with additions that wait for nothing but each
 * other; returns how many operations that were, two for each pair. */
typedef double reap_peak_fn(size_t n);

/*
 * Pixels and output channels of a tile, or m of Winograd and channels.
 *
 * 'chains' is for levels whose products of bytes are added in pairs to 16 bits:
 * the channels of a vector, 0 for none of this. A step is then any number of
 * dwords, each with a place of its own, and its weights begin with
 *
 *   struct reap_chains, in REAP_CHAIN_HEAD bytes
 *   int32 place of each dword: bytes from in + step.in
 *   a vector of weights for each dword, 'weights' bytes from the step's begin
 *
 * Vector v of the panel has its own list, from number 'first' on: n[2] chains
 * of 3 dwords, then n[1] of 2 and n[0] of 1. What a chain adds up in 16 bits
 * stays there: its weights that meet in a sum are at most 128 together, and at
 * least -128, counting those of either sign alone, as 255 * 128 still fits. So
 * a dword may be there twice, in two parts. 'dwords' of a part is not used.
 */
struct reap_tile {
    size_t mr, nr, chains;
};
enum { REAP_CHAIN = 3, REAP_CHAIN_HEAD = 64 };
struct reap_chains {
    uint32_t weights;
    struct {
        uint32_t first, n[REAP_CHAIN];
    } vector[2];
};

/* The best variant of each op that 'cpu' can run; fn is NULL without any. */
struct reap_kernels {
#define OP(op, type)           \
    struct {                   \
        reap_##type##_fn *fn;  \
        struct reap_tile tile; \
        const char *variant;   \
    } op;
#define KERNEL(op, var, needs, ...)
#include "engine/kern/kernels.def"
#undef OP
#undef KERNEL
};

void reap_kernels_init(struct reap_kernels *k, unsigned cpu);

#endif /* REAP_ENGINE_KERN_KERNELS_H */
