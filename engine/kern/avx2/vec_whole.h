/* engine/kern/avx2/vec_whole.h - a vector of whole numbers of 16 or 32 bits */
#ifndef REAP_ENGINE_KERN_AVX2_VEC_WHOLE_H
#define REAP_ENGINE_KERN_AVX2_VEC_WHOLE_H

#include <stdint.h>

#include "engine/kern/avx2/vec_avx2.h"
#include "engine/kern/kernels.h"

typedef __m256i ivec;

#define add16(a, b) _mm256_add_epi16(a, b)
#define sub16(a, b) _mm256_sub_epi16(a, b)
#define shl16(a, n) _mm256_slli_epi16(a, n)
#define add32(a, b) _mm256_add_epi32(a, b)
#define sub32(a, b) _mm256_sub_epi32(a, b)
#define shl32(a, n) _mm256_slli_epi32(a, n)
#define sar32(a, n) _mm256_srai_epi32(a, n)
#define mul32(a, b) _mm256_mullo_epi32(a, b)

INLINE ivec ivec_load(const void *p)
{
    return _mm256_load_si256(p);
}
INLINE void ivec_store(void *p, ivec x)
{
    _mm256_store_si256(p, x);
}
INLINE ivec ivec_set(int32_t x)
{
    return _mm256_set1_epi32(x);
}
/* Bytes as numbers of 16 bits, and as floats. */
INLINE ivec ivec_bytes(const void *p)
{
    return _mm256_cvtepu8_epi16(_mm_load_si128(p));
}
INLINE vec vec_bytes(const void *p)
{
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(p)));
}
INLINE vec ivec_float(ivec x)
{
    return _mm256_cvtepi32_ps(x);
}
INLINE ivec ivec_round(vec x)
{
    return _mm256_cvtps_epi32(x);
}
/* Saturate to bytes and store the same 8 channels of n of four pixels. */
INLINE void ivec_pixels(char *out, size_t n, const ivec y[4])
{
    /* Packing works on halves: four channels of each pixel in turn. */
    const ivec order = _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0);
    const ivec all = _mm256_permutevar8x32_epi32(
        _mm256_packus_epi16(_mm256_packs_epi32(y[0], y[1]),
                            _mm256_packs_epi32(y[2], y[3])),
        order);
    const __m128i half[2] = { _mm256_castsi256_si128(all),
                              _mm256_extracti128_si256(all, 1) };

#pragma GCC unroll 4
    for (size_t p = 0; p < 4; p++) {
        __m128d two = _mm_castsi128_pd(half[p / 2]);
        void *to = out + p * REAP_PIXEL;

        if (p >= n)
            continue;
        if (p % 2)
            _mm_storeh_pd(to, two);
        else
            _mm_storel_pd(to, two);
    }
}

#endif /* REAP_ENGINE_KERN_AVX2_VEC_WHOLE_H */
