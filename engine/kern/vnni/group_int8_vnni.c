#include "engine/kern/kernels.h"
#include "engine/kern/vnni/vec_vnni.h"

#define NAME reap_group_int8_vnni
#define PX 14
#define NV 1 /* 14 sums, 1 of weights, 1 of a pixel: enough to hide latency */
#define MAC DOT
reap_conv_fn NAME;

#include "engine/kern/vnni/finish_int8.inc"
#include "engine/kern/conv_run.inc"
