#include "engine/kern/avx2/vec_avx2.h"
#include "engine/kern/kernels.h"

#define NAMED(op) reap_##op##_f32_avx2

#include "engine/kern/wino_f32.inc"
