#include "engine/kern/avx2/vec_bytes.h"
#include "engine/kern/kernels.h"

#define NAME reap_conv_int8_avx2
#define PX 7
#define NV 2
#define CHAINS
reap_conv_fn NAME;

#include "engine/kern/avx2/finish_bytes.inc"
#include "engine/kern/conv_run.inc"
