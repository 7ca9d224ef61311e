#include "engine/kern/bf16/vec_bf16.h"
#include "engine/kern/kernels.h"

#define NAME reap_conv_bf16_avx512
#define PX 7
#define NV 4 /* 28 sums, 2 of weights, 1 of a pixel: 31 of the 32 registers */
#define MAC DOT
reap_conv_fn NAME;

#include "engine/kern/bf16/finish_bf16.inc"
#include "engine/kern/conv_run.inc"
