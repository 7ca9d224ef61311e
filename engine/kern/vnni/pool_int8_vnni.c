#include "engine/kernels.h"
#include "engine/kern/vnni/vec_vnni.h"

reap_pool_fn reap_pool_int8_vnni;

/* Bytes are 0 or more: 'floor' changes nothing. */
void reap_pool_int8_vnni(const struct reap_pool_run *r)
{
    for (size_t p = 0; p < r->n; p++) {
        const char *in = r->in + (ptrdiff_t)p * r->stride;
        __m512i most = _mm512_setzero_si512();

        for (size_t y = 0; y < r->ny; y++)
            for (size_t x = 0; x < r->nx; x++)
                most = _mm512_max_epu8(
                    most, _mm512_load_si512(in + (ptrdiff_t)y * r->row +
                                            x * REAP_PIXEL));
        _mm512_store_si512(r->out + p * REAP_PIXEL, most);
    }
}
