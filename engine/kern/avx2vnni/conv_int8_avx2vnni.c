#include "engine/kern/avx2vnni/vec_avx2vnni.h"
#include "engine/kern/kernels.h"

#define NAME reap_conv_int8_avx2vnni
#define PX 7
#define NV 2 /* 14 sums, 1 of weights, 1 of a pixel: all 16 registers */
#define MAC DOT
#define MAC_AT DOT_AT
reap_conv_fn NAME;

#include "engine/kern/avx2/finish_bytes.inc"
#include "engine/kern/conv_run.inc"
