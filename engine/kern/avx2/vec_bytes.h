/* engine/kern/avx2/vec_bytes.h - products of bytes without VNNI */
#ifndef REAP_ENGINE_KERN_AVX2_VEC_BYTES_H
#define REAP_ENGINE_KERN_AVX2_VEC_BYTES_H

#include "engine/kern/avx2/vec_avx2.h"

/* x = the products of bytes x and signed bytes w, added in pairs to 16 bits,
 * which would saturate: see tile.chains of kernels.h. */
#define PAIRS(x, w) __asm__("vpmaddubsw %1, %0, %0" : "+x"(x) : "x"(w))
#define ADD_PAIRS(x, y) __asm__("vpaddw %1, %0, %0" : "+x"(x) : "x"(y))
/* sum += pairs of 16 bits, 'ones' being as many of 1; x is lost. */
#define ADD_UP(sum, x, ones)          \
    __asm__("vpmaddwd %2, %1, %1\n\t" \
            "vpaddd %1, %0, %0"       \
            : "+x"(sum), "+x"(x)      \
            : "x"(ones))

#endif /* REAP_ENGINE_KERN_AVX2_VEC_BYTES_H */
