#include "engine/kern/bf16/vec_bf16.h"
#include "engine/kern/kernels.h"
#include "engine/kern/wino2.inc"
#include "engine/kern/wino_tile.inc"

reap_wino_in_fn reap_wino_in_bf16_avx512;
reap_wino_out_fn reap_wino_out_bf16_avx512;

void reap_wino_in_bf16_avx512(const char *const *row, char *v, ptrdiff_t step)
{
    vec x[WINO_A][WINO_A], even[WINO_A][WINO_A], odd[WINO_A][WINO_A];

#pragma GCC unroll 4
    for (int i = 0; i < WINO_A; i++)
#pragma GCC unroll 4
        for (int j = 0; j < WINO_A; j++)
            x[i][j] = vec_even(row[i] + j * REAP_PIXEL);
    wino_in_tile(even, x);
#pragma GCC unroll 4
    for (int i = 0; i < WINO_A; i++)
#pragma GCC unroll 4
        for (int j = 0; j < WINO_A; j++)
            x[i][j] = vec_odd(row[i] + j * REAP_PIXEL);
    wino_in_tile(odd, x);
#pragma GCC unroll 4
    for (int i = 0; i < WINO_A; i++)
#pragma GCC unroll 4
        for (int j = 0; j < WINO_A; j++)
            vec_store_bf16(v + (i * WINO_A + j) * step, even[i][j], odd[i][j]);
}

void reap_wino_out_bf16_avx512(const struct reap_wino_out *o)
{
    const vec floor = vec_set(o->floor);
    vec low[WINO_M][WINO_M], high[WINO_M][WINO_M];

    wino_out_tile(low, o->m, o->step);
    wino_out_tile(high, o->m + o->m_block, o->step);
#pragma GCC unroll 2
    for (int i = 0; i < WINO_M; i++)
#pragma GCC unroll 2
        for (int j = 0; j < WINO_M; j++) {
            vec x = vec_add(low[i][j], vec_load(o->bias));
            vec y = vec_add(high[i][j], vec_load(o->bias + 16));
            const char *res = o->res + i * o->res_row + j * REAP_PIXEL;

            if ((size_t)i >= o->ny || (size_t)j >= o->nx)
                continue;
            if (o->res) {
                x = vec_add(x, vec_low(res));
                y = vec_add(y, vec_high(res));
            }
            vec_store_bf16(o->out + i * o->out_row + j * REAP_PIXEL,
                           vec_max(floor, x), vec_max(floor, y));
        }
}
