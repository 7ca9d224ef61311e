#include "engine/kern/avx2/vec_avx2.h"
#include "engine/kern/kernels.h"

#define NAME reap_dense_f32_avx2
enum { OUTPUTS = 2, IMAGES = 2 };

#include "engine/kern/dense_f32.inc"
