#include "engine/kern/avx512/vec_avx512.h"
#include "engine/kern/kernels.h"

#define NAME reap_group_f32_avx512
#define PX 14
#define NV 1 /* 14 sums, 1 of weights, 1 of a pixel: enough to hide latency */
#define MAC FMA
reap_conv_fn NAME;

#include "engine/kern/finish_f32.inc"
#include "engine/kern/conv_run.inc"
