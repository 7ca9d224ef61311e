#include "engine/kern/bf16/vec_bf16.h"
#include "engine/kern/kernels.h"

reap_sum_fn reap_sum_bf16_avx512, reap_sum_bf16x3_avx512;

/* Four vectors of 8 doubles are the sums of a block. */
INLINE void sum_bf16_add(__m512d sum[4], vec low, vec high)
{
    sum[0] =
        _mm512_add_pd(sum[0], _mm512_cvtps_pd(_mm512_castps512_ps256(low)));
    sum[1] =
        _mm512_add_pd(sum[1], _mm512_cvtps_pd(_mm512_extractf32x8_ps(low, 1)));
    sum[2] =
        _mm512_add_pd(sum[2], _mm512_cvtps_pd(_mm512_castps512_ps256(high)));
    sum[3] =
        _mm512_add_pd(sum[3], _mm512_cvtps_pd(_mm512_extractf32x8_ps(high, 1)));
}

INLINE void sums(const struct reap_sum_run *r, const int halves)
{
    __m512d sum[4];

    for (int i = 0; i < 4; i++)
        sum[i] = _mm512_loadu_pd(r->sum + 8 * i);
    for (size_t y = 0; y < r->h; y++)
        for (size_t x = 0; x < r->w; x++) {
            const char *in =
                r->in + (ptrdiff_t)y * r->row + (ptrdiff_t)x * r->pixel;
            vec low = vec_low(in), high = vec_high(in);

            if (halves) {
                low = vec_add(low, vec_low(in + r->low));
                high = vec_add(high, vec_high(in + r->low));
            }
            sum_bf16_add(sum, low, high);
        }
    for (int i = 0; i < 4; i++)
        _mm512_storeu_pd(r->sum + 8 * i, sum[i]);
}

void reap_sum_bf16_avx512(const struct reap_sum_run *r)
{
    sums(r, 0);
}

void reap_sum_bf16x3_avx512(const struct reap_sum_run *r)
{
    sums(r, 1);
}
