/* engine/kern/vnni/vec_vnni.h - sums of 32 bits, of bytes times signed bytes */
#ifndef REAP_ENGINE_KERN_VNNI_VEC_VNNI_H
#define REAP_ENGINE_KERN_VNNI_VEC_VNNI_H

#include "engine/kern/avx512/vec_avx512.h"

/* sum += the products of the four members: x has bytes, w signed ones. The
 * vectors are declared as floats, which is what registers are to others. */
#define DOT(sum, x, w) \
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w))

#endif /* REAP_ENGINE_KERN_VNNI_VEC_VNNI_H */
