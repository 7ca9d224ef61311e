#include "engine/kernels.h"
#include "engine/kern/avx512/vec_avx512.h"

#define NAMED(op) reap_##op##_f32_avx512

#include "engine/kern/update_f32.inc"
