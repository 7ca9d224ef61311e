#include "engine/kern/avx512/vec_avx512.h"
#include "engine/kern/kernels.h"

#define NAME reap_dense_f32_avx512
enum { OUTPUTS = 4, IMAGES = 4 };

#include "engine/kern/dense_f32.inc"
