#include "engine/kern/bf16/vec_bf16.h"
#include "engine/kern/kernels.h"

#define NAME reap_peak_bf16_avx512
#define SUMS 16
#define MAC DOT
#define OPS 64
#define KEEP "v"

#include "engine/kern/peak.inc"
