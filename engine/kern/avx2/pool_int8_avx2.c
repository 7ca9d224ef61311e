#include "engine/kern/avx2/vec_avx2.h"
#include "engine/kern/kernels.h"

reap_pool_fn reap_pool_int8_avx2;

/* Bytes are 0 or more: 'floor' changes nothing. */
void reap_pool_int8_avx2(const struct reap_pool_run *r)
{
    for (size_t p = 0; p < r->n; p++) {
        const char *in = r->in + (ptrdiff_t)p * r->stride;
        __m256i *out = (__m256i *)(void *)(r->out + p * REAP_PIXEL);
        __m256i most[2] = { _mm256_setzero_si256(), _mm256_setzero_si256() };

        for (size_t y = 0; y < r->ny; y++)
            for (size_t x = 0; x < r->nx; x++) {
                const __m256i *from =
                    (const __m256i *)(const void *)(in + (ptrdiff_t)y * r->row +
                                                    x * REAP_PIXEL);

                most[0] = _mm256_max_epu8(most[0], _mm256_load_si256(from));
                most[1] = _mm256_max_epu8(most[1], _mm256_load_si256(from + 1));
            }
        _mm256_store_si256(out, most[0]);
        _mm256_store_si256(out + 1, most[1]);
    }
}
