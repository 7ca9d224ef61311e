#include "engine/kern/kernels.h"
#include "engine/kern/vnni/vec_vnni.h"

#define MOST(a, b) _mm512_max_epu8(a, b)
#include "engine/kern/avx512/pool_ordered.inc"

reap_pool_fn reap_pool_int8_vnni;

/* Bytes are 0 or more: 'floor' changes nothing. */
void reap_pool_int8_vnni(const struct reap_pool_run *r)
{
    pool_ordered(r, _mm512_setzero_si512());
}
