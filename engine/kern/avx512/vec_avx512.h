/* engine/kern/avx512/vec_avx512.h - the vector that kernels here are written
 * with */
#ifndef REAP_ENGINE_KERN_AVX512_VEC_AVX512_H
#define REAP_ENGINE_KERN_AVX512_VEC_AVX512_H

#include <immintrin.h>

typedef __m512 vec;
enum { VEC = 64 }; /* bytes */

#define INLINE static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline))

/*
 * One instruction each, so that GCC 12 neither reloads nor spills sums. The
 * broadcast is volatile: otherwise it is shared between the halves of a tile,
 * which needs more registers than there are. It names its address itself, for
 * GCC would spend instructions and registers on it; what it reads was written
 * before the kernel was called.
 */
#define BROADCAST(x, base, index, address)          \
    __asm__ volatile("vbroadcastss " address ", %0" \
                     : "=v"(x)                      \
                     : "r"(base), "r"(index))
#define FMA(sum, x, w) \
    __asm__("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w))

INLINE vec vec_load(const void *p)
{
    return _mm512_load_ps(p);
}
INLINE vec vec_loadu(const void *p)
{
    return _mm512_loadu_ps(p);
}
INLINE void vec_store(void *p, vec x)
{
    _mm512_store_ps(p, x);
}
INLINE void vec_storeu(void *p, vec x)
{
    _mm512_storeu_ps(p, x);
}
INLINE vec vec_set(float x)
{
    return _mm512_set1_ps(x);
}
INLINE vec vec_add(vec a, vec b)
{
    return _mm512_add_ps(a, b);
}
INLINE vec vec_sub(vec a, vec b)
{
    return _mm512_sub_ps(a, b);
}
INLINE vec vec_mul(vec a, vec b)
{
    return _mm512_mul_ps(a, b);
}
INLINE vec vec_fma(vec a, vec b, vec c)
{
    return _mm512_fmadd_ps(a, b, c);
}
INLINE vec vec_div(vec a, vec b)
{
    return _mm512_div_ps(a, b);
}
INLINE vec vec_sqrt(vec a)
{
    return _mm512_sqrt_ps(a);
}
/* a * b - c */
INLINE vec vec_fms(vec a, vec b, vec c)
{
    return _mm512_fmsub_ps(a, b, c);
}
/* x if either is NaN */
INLINE vec vec_max(vec floor, vec x)
{
    return _mm512_max_ps(floor, x);
}

#endif /* REAP_ENGINE_KERN_AVX512_VEC_AVX512_H */
