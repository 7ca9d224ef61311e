#include "engine/kern/avx2/vec_avx2.h"
#include "engine/kern/kernels.h"

#define NAME reap_peak_f32_avx2
#define SUMS 12
#define MAC FMA
#define OPS 16
#define KEEP "x"

#include "engine/kern/peak.inc"
