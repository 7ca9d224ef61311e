#include "engine/kern/avx2/vec_avx2.h"
#include "engine/kern/kernels.h"

/* sum += the products of both members, of 16 bits */
#define DOT_TWO(sum, x, w)                \
    do {                                  \
        vec both_;                        \
        __asm__("vpmaddwd %3, %2, %1\n\t" \
                "vpaddd %1, %0, %0"       \
                : "+x"(sum), "=&x"(both_) \
                : "x"(x), "x"(w));        \
    } while (0)

#define NAME reap_gemm_int8_avx2
#define PX 6
#define NV 2 /* 12 sums, 2 of weights, 1 of a pixel, 1 of products: all 16 */
#define MAC DOT_TWO
reap_conv_fn NAME;

#include "engine/kern/finish_i32.inc"
#include "engine/kern/conv_run.inc"
