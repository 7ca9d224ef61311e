#include "engine/kern/bf16/vec_bf16.h"
#include "engine/kern/kernels.h"

reap_pool_fn reap_pool_bf16x3_avx512;
reap_affine_fn reap_affine_bf16x3_avx512;

/* Half of a pixel, both parts together. */
INLINE vec both(const char *high, ptrdiff_t low, int half)
{
    return vec_add(vec_low(high + half * 32), vec_low(high + low + half * 32));
}

INLINE void plane_bf16x3_part(char *high, ptrdiff_t low, vec x, vec y)
{
    vec_store_bf16(high, x, y);
    vec_store_bf16(high + low, vec_sub(x, vec_low(high)),
                   vec_sub(y, vec_high(high)));
}

void reap_pool_bf16x3_avx512(const struct reap_pool_run *r)
{
    for (size_t p = 0; p < r->n; p++) {
        const char *in = r->in + (ptrdiff_t)p * r->stride;
        vec a = vec_set(r->floor), b = a;

        for (size_t y = 0; y < r->ny; y++)
            for (size_t x = 0; x < r->nx; x++) {
                const char *at = in + (ptrdiff_t)y * r->row + x * REAP_PIXEL;

                a = vec_max(a, both(at, r->in_low, 0));
                b = vec_max(b, both(at, r->in_low, 1));
            }
        plane_bf16x3_part(r->out + p * REAP_PIXEL, r->out_low, a, b);
    }
}

void reap_affine_bf16x3_avx512(const struct reap_affine_run *r)
{
    const vec floor = vec_set(r->floor);
    const vec scale0 = vec_load(r->scale), scale1 = vec_load(r->scale + 16);
    const vec bias0 = vec_load(r->bias), bias1 = vec_load(r->bias + 16);

    for (size_t p = 0; p < r->n; p++) {
        const char *in = r->in + p * REAP_PIXEL;
        vec a = vec_fma(scale0, both(in, r->in_low, 0), bias0);
        vec b = vec_fma(scale1, both(in, r->in_low, 1), bias1);

        plane_bf16x3_part(r->out + p * REAP_PIXEL, r->out_low,
                          vec_max(floor, a), vec_max(floor, b));
    }
}
