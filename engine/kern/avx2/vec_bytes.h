/* engine/kern/avx2/vec_bytes.h - sums of 32 bits without VNNI, of bytes times
 * signed bytes */
#ifndef REAP_ENGINE_KERN_AVX2_VEC_BYTES_H
#define REAP_ENGINE_KERN_AVX2_VEC_BYTES_H

#include "engine/kern/avx2/vec_avx2.h"

/* Weights stay in memory: registers are needed for what lies between. */
typedef const vec *weights;
#define WEIGHTS(p) ((weights)(const void *)(p))

/*
 * sum += the products of the four members: pairs of products are added to 16
 * bits, which would saturate if the weights of a pair were more than 128
 * together (tile.rest of kernels.h); pairs of these to 32.
 */
#define DOT_PAIRS(sum, x, w)                                      \
    do {                                                          \
        vec pairs_;                                               \
        __asm__("vpmaddubsw %3, %2, %1\n\t"                       \
                "vpmaddwd %4, %1, %1\n\t"                         \
                "vpaddd %1, %0, %0"                               \
                : "+x"(sum), "=&x"(pairs_)                        \
                : "x"(x), "m"(*(w)), "xm"(_mm256_set1_epi16(1))); \
    } while (0)

#endif /* REAP_ENGINE_KERN_AVX2_VEC_BYTES_H */
