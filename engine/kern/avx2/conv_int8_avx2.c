#include "engine/kernels.h"
#include "engine/kern/avx2/vec_bytes.h"

#define NAME reap_conv_int8_avx2
#define PX 6
#define NV 2 /* 12 sums, 1 of a pixel, 1 of pairs, 1 of ones: 15 of 16 */
#define MAC DOT_PAIRS
#define REST
reap_conv_fn NAME;

#include "engine/kern/avx2/finish_bytes.inc"
#include "engine/kern/conv_run.inc"
