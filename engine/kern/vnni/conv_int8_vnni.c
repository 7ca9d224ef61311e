#include "engine/kern/kernels.h"
#include "engine/kern/vnni/vec_vnni.h"

#define NAME reap_conv_int8_vnni
#define PX 7
#define NV 4 /* 28 sums, 2 of weights, 1 of a pixel: 31 of the 32 registers */
#define MAC DOT
#define AHEAD 8192
reap_conv_fn NAME;

#include "engine/kern/vnni/finish_int8.inc"
#include "engine/kern/conv_run.inc"
