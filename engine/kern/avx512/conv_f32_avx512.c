#include "engine/kern/avx512/vec_avx512.h"
#include "engine/kern/kernels.h"

#define NAME reap_conv_f32_avx512
#define PX 7
#define NV 4 /* 28 sums, 2 of weights, 1 of a pixel: 31 of the 32 registers */
#define MAC FMA
#define AHEAD 8192
reap_conv_fn NAME;

#include "engine/kern/finish_f32.inc"
#include "engine/kern/conv_run.inc"
