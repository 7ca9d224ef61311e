#include "engine/kern/kernels.h"
#include "engine/kern/vnni/vec_vnni.h"

reap_sum_fn reap_sum_int8_vnni;

/* Whole numbers, so that the order is none: 16 channels at a time, in 32 bits
 * for a row, which has fewer than 2^24 pixels. */
void reap_sum_int8_vnni(const struct reap_sum_run *r)
{
    for (int c = 0; c < REAP_PIXEL; c += 16)
        for (size_t y = 0; y < r->h; y++) {
            const char *in = r->in + (ptrdiff_t)y * r->row + c;
            __m512i sum = _mm512_setzero_si512();
            double *to = r->sum + c;

            for (size_t x = 0; x < r->w; x++, in += r->pixel)
                sum = _mm512_add_epi32(sum,
                                       _mm512_cvtepu8_epi32(_mm_loadu_si128(
                                           (const __m128i *)(const void *)in)));
            _mm512_storeu_pd(
                to,
                _mm512_add_pd(_mm512_loadu_pd(to),
                              _mm512_cvtepi32_pd(_mm512_castsi512_si256(sum))));
            _mm512_storeu_pd(
                to + 8, _mm512_add_pd(_mm512_loadu_pd(to + 8),
                                      _mm512_cvtepi32_pd(
                                          _mm512_extracti64x4_epi64(sum, 1))));
        }
}
