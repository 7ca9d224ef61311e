#include "engine/kernels.h"
#include "engine/kern/avx2/vec_bytes.h"

#define NAME reap_peak_int8_avx2
#define SUMS 12
#define MAC(sum, x, w) DOT_PAIRS(sum, x, &w)
#define OPS 64
#define KEEP "x"

#include "engine/kern/peak.inc"
