#include "engine/kern/avx2/vec_whole.h"
#include "engine/kern/kernels.h"

#define NAMED(op) reap_##op##_int8_avx2

#include "engine/kern/wino_int8.inc"
