#include "engine/kernels.h"
#include "engine/kern/avx2vnni/vec_avx2vnni.h"

#define NAME reap_gemm_int8_avx2vnni
#define PX 6
#define NV 2 /* 12 sums, 2 of weights, 1 of a pixel: 15 of the 16 registers */
#define MAC DOT_TWO
reap_conv_fn NAME;

#include "engine/kern/finish_i32.inc"
#include "engine/kern/conv_run.inc"
