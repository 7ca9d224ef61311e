/* engine/kern/bf16/vec_bf16.h - 32 bfloat16 numbers as two float32 vectors */
#ifndef REAP_ENGINE_KERN_BF16_VEC_BF16_H
#define REAP_ENGINE_KERN_BF16_VEC_BF16_H

#include "engine/kern/avx512/vec_avx512.h"

/* sum += the products of both members of each pair */
#define DOT(sum, x, w) \
    __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w))

/* Members 0, 2, 4, ... and 1, 3, 5, ... of the numbers at p. */
INLINE vec vec_even(const void *p)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_load_si512(p), 16));
}
INLINE vec vec_odd(const void *p)
{
    return _mm512_castsi512_ps(_mm512_and_si512(
        _mm512_load_si512(p), _mm512_set1_epi32((int)0xffff0000)));
}

/* Numbers 0 to 15 and 16 to 31. */
INLINE vec vec_low(const void *p)
{
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_load_si256(p)), 16));
}
INLINE vec vec_high(const void *p)
{
    return vec_low((const char *)p + 32);
}

/* Round to nearest even: 'low' to the first 16 numbers, 'high' to the last. */
INLINE void vec_store_bf16(void *p, vec low, vec high)
{
    _mm512_store_si512(p, (__m512i)_mm512_cvtne2ps_pbh(high, low));
}
INLINE void vec_store_half(void *p, vec x)
{
    _mm256_store_si256(p, (__m256i)_mm512_cvtneps_pbh(x));
}

/* The same for even and odd members. */
INLINE void vec_store_pairs(void *p, vec even, vec odd)
{
    __m512i e = (__m512i)_mm512_cvtne2ps_pbh(odd, even), mix;
    const __m512i first = _mm512_set_epi16(
        31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22,
        6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);

    mix = _mm512_permutexvar_epi16(first, e);
    _mm512_store_si512(p, mix);
}

#endif /* REAP_ENGINE_KERN_BF16_VEC_BF16_H */
