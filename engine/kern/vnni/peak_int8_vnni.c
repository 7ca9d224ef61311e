#include "engine/kern/kernels.h"
#include "engine/kern/vnni/vec_vnni.h"

#define NAME reap_peak_int8_vnni
#define SUMS 16
#define MAC DOT
#define OPS 128
#define KEEP "v"

#include "engine/kern/peak.inc"
