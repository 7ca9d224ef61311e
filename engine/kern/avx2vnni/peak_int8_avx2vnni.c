#include "engine/kern/avx2vnni/vec_avx2vnni.h"
#include "engine/kern/kernels.h"

#define NAME reap_peak_int8_avx2vnni
#define SUMS 12
#define MAC DOT
#define OPS 64
#define KEEP "x"

#include "engine/kern/peak.inc"
