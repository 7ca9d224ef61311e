#include "engine/kern/bf16/vec_bf16.h"
#include "engine/kern/kernels.h"

#define NAME reap_group_bf16_avx512
#define PX 14
#define NV 1 /* 14 sums, 1 of weights, 1 of a pixel: enough to hide latency */
#define MAC DOT
reap_conv_fn NAME;

#include "engine/kern/bf16/finish_bf16.inc"
#include "engine/kern/conv_run.inc"
