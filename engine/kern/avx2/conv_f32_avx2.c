#include "engine/kern/avx2/vec_avx2.h"
#include "engine/kern/kernels.h"

#define NAME reap_conv_f32_avx2
#define PX 6
#define NV 2 /* 12 sums, 2 of weights, 1 of a pixel: 15 of the 16 registers */
#define MAC FMA
reap_conv_fn NAME;

#include "engine/kern/finish_f32.inc"
#include "engine/kern/conv_run.inc"
