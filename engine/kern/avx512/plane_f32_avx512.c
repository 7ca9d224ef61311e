#include "engine/kern/avx512/vec_avx512.h"
#include "engine/kern/kernels.h"

#define NAMED(op) reap_##op##_f32_avx512

#include "engine/kern/plane_f32.inc"
