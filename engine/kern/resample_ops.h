/*
 * engine/kern/resample_ops.h - the two sums of an 8-bit resampler
 *
 * Pixels are RGB bytes. Weights are whole numbers, 2^22 standing for one, and
 *
 *   out = clip8((2^21 + sum k[i] * in[i]) >> 22)
 *
 * Every weight must fit 24 bits with its sign and every sum 32 bits, which
 * holds for the filters of io/image/resample.h; then all variants agree to the
 * bit. Calls touch nothing but their arguments and may run in any thread.
 */
#ifndef REAP_ENGINE_KERN_RESAMPLE_OPS_H
#define REAP_ENGINE_KERN_RESAMPLE_OPS_H

#include <stddef.h>
#include <stdint.h>

enum { REAP_TAPS = 4, REAP_RESAMPLE_SLACK = 64 };

/* The pixels and weights that 'n' neighbouring outputs are computed from. */
struct reap_taps {
    size_t n;
    size_t room;           /* weights an output, a multiple of REAP_TAPS */
    const uint32_t *lo;    /* (n) the first pixel of each */
    const uint32_t *count; /* (n) how many, 1 <= count <= room */
    const int32_t *k;      /* (n, room), zero from count on */
};

/*
 * Sum along rows: dst[row][x] from src[row][lo[x]...], both (rows, pixels, 3)
 * with rows so many bytes apart. May read, but not use, up to
 * REAP_RESAMPLE_SLACK bytes after the last pixel of a row; writes t->n pixels
 * a row and nothing else.
 */
typedef void reap_along_fn(const struct reap_taps *t, size_t rows,
                           const uint8_t *src, size_t src_stride, uint8_t *dst,
                           size_t dst_stride);

/* Sum down columns: dst[i] from src[j * stride + i] * k[j], j < count, for
 * 'bytes' of i. Reads and writes nothing else. */
typedef void reap_down_fn(const int32_t *k, size_t count, size_t bytes,
                          const uint8_t *src, size_t stride, uint8_t *dst);

struct reap_resample_ops {
    const char *variant; /* ref, avx2 or avx512 */
    reap_along_fn *along;
    reap_down_fn *down;
};

/* The best that the levels of 'cpu' (engine/base/cpu.h) allow. */
void reap_resample_ops_init(struct reap_resample_ops *ops, unsigned cpu);

#define RESAMPLE(variant, needs)           \
    reap_along_fn reap_along_u8_##variant; \
    reap_down_fn reap_down_u8_##variant;
#include "engine/kern/resample.def"
#undef RESAMPLE

#endif /* REAP_ENGINE_KERN_RESAMPLE_OPS_H */
