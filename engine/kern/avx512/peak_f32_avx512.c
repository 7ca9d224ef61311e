#include "engine/kern/avx512/vec_avx512.h"
#include "engine/kern/kernels.h"

#define NAME reap_peak_f32_avx512
#define SUMS 16
#define MAC FMA
#define OPS 32
#define KEEP "v"

#include "engine/kern/peak.inc"
