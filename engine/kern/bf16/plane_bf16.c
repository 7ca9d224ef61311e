#include "engine/kern/bf16/vec_bf16.h"
#include "engine/kern/kernels.h"

#define MOST(a, b) _mm512_max_epi16(a, b)
#include "engine/kern/avx512/pool_ordered.inc"

reap_pool_fn reap_pool_bf16_avx512;
reap_affine_fn reap_affine_bf16_avx512;

/* Numbers of 0 or more compare as their bits do, and others are less. */
void reap_pool_bf16_avx512(const struct reap_pool_run *r)
{
    const vec floor = vec_set(r->floor);

    if (r->floor >= 0) {
        pool_ordered(r, (__m512i)_mm512_cvtne2ps_pbh(floor, floor));
        return;
    }
    for (size_t p = 0; p < r->n; p++) {
        const char *in = r->in + (ptrdiff_t)p * r->stride;
        vec even = floor, odd = floor;

        for (size_t y = 0; y < r->ny; y++)
            for (size_t x = 0; x < r->nx; x++) {
                const char *at = in + (ptrdiff_t)y * r->row + x * REAP_PIXEL;

                even = vec_max(even, vec_even(at));
                odd = vec_max(odd, vec_odd(at));
            }
        vec_store_pairs(r->out + p * REAP_PIXEL, even, odd);
    }
}

void reap_affine_bf16_avx512(const struct reap_affine_run *r)
{
    const vec floor = vec_set(r->floor);
    const vec scale0 = vec_load(r->scale), scale1 = vec_load(r->scale + 16);
    const vec bias0 = vec_load(r->bias), bias1 = vec_load(r->bias + 16);

    for (size_t p = 0; p < r->n; p++) {
        const char *in = r->in + p * REAP_PIXEL;
        vec low = vec_fma(scale0, vec_low(in), bias0);
        vec high = vec_fma(scale1, vec_high(in), bias1);

        vec_store_bf16(r->out + p * REAP_PIXEL, vec_max(floor, low),
                       vec_max(floor, high));
    }
}
