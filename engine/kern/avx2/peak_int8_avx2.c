#include "engine/kern/avx2/vec_avx2.h"
#include "engine/kern/kernels.h"

/* A chain of three, see tile.chains of kernels.h: in one piece, so that what is
 * the same for all sums is not done just once. */
#define CHAIN(sum, x, w)                                      \
    do {                                                      \
        vec a_, b_;                                           \
        __asm__("vpmaddubsw %4, %3, %1\n\t"                   \
                "vpmaddubsw %4, %3, %2\n\t"                   \
                "vpaddw %2, %1, %1\n\t"                       \
                "vpmaddubsw %4, %3, %2\n\t"                   \
                "vpaddw %2, %1, %1\n\t"                       \
                "vpmaddwd %5, %1, %1\n\t"                     \
                "vpaddd %1, %0, %0"                           \
                : "+x"(sum), "=&x"(a_), "=&x"(b_)             \
                : "x"(x), "x"(w), "x"(_mm256_set1_epi16(1))); \
    } while (0)

#define NAME reap_peak_int8_avx2
#define SUMS 8
#define MAC CHAIN
#define OPS 192
#define KEEP "x"

#include "engine/kern/peak.inc"
