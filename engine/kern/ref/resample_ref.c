/* The sums of the resampler in plain C. They are whole numbers, so that any
 * order of adding gives the same. */
#include "engine/kern/resample_ops.h"

enum { BITS = 22, HALF = 1 << (BITS - 1) };

static uint8_t clip8(int32_t sum)
{
    int32_t v = sum >> BITS;

    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

void reap_along_u8_ref(const struct reap_taps *t, size_t rows,
                       const uint8_t *src, size_t src_stride, uint8_t *dst,
                       size_t dst_stride)
{
    for (size_t y = 0; y < rows; y++)
        for (size_t x = 0; x < t->n; x++) {
            const uint8_t *p = src + y * src_stride + 3 * (size_t)t->lo[x];
            const int32_t *k = t->k + x * t->room;
            uint8_t *q = dst + y * dst_stride + 3 * x;
            int32_t r = HALF, g = HALF, b = HALF;

            for (size_t i = 0; i < t->count[x]; i++, p += 3) {
                r += k[i] * p[0];
                g += k[i] * p[1];
                b += k[i] * p[2];
            }
            q[0] = clip8(r);
            q[1] = clip8(g);
            q[2] = clip8(b);
        }
}

void reap_down_u8_ref(const int32_t *k, size_t count, size_t bytes,
                      const uint8_t *src, size_t stride, uint8_t *dst)
{
    enum { RUN = 256 };

    for (size_t at = 0; at < bytes; at += RUN) {
        size_t n = bytes - at < RUN ? bytes - at : RUN;
        int32_t sum[RUN];

        for (size_t i = 0; i < n; i++)
            sum[i] = HALF;
        for (size_t j = 0; j < count; j++)
            for (size_t i = 0; i < n; i++)
                sum[i] += k[j] * src[j * stride + at + i];
        for (size_t i = 0; i < n; i++)
            dst[at + i] = clip8(sum[i]);
    }
}
