/* engine/kern/avx2vnni/vec_avx2vnni.h - sums of 32 bits, of bytes times signed
 * bytes, in the registers of AVX2 */
#ifndef REAP_ENGINE_KERN_AVX2VNNI_VEC_AVX2VNNI_H
#define REAP_ENGINE_KERN_AVX2VNNI_VEC_AVX2VNNI_H

#include "engine/kern/avx2/vec_avx2.h"

/* As DOT of vnni/vec_vnni.h, in the encoding that needs no AVX-512. */
#define DOT(sum, x, w) \
    __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(x), "x"(w))

#define DOT_AT(sum, x, p)                 \
    __asm__("%{vex%} vpdpbusd %2, %1, %0" \
            : "+x"(sum)                   \
            : "x"(x), "m"(*(const vec *)(const void *)(p)))

/* The same of two members of 16 bits each, both signed. */
#define DOT_TWO(sum, x, w) \
    __asm__("%{vex%} vpdpwssd %2, %1, %0" : "+x"(sum) : "x"(x), "x"(w))

#define DOT_TWO_AT(sum, x, p)             \
    __asm__("%{vex%} vpdpwssd %2, %1, %0" \
            : "+x"(sum)                   \
            : "x"(x), "m"(*(const vec *)(const void *)(p)))

#endif /* REAP_ENGINE_KERN_AVX2VNNI_VEC_AVX2VNNI_H */
