/* Pools over windows and over whole maps. */
#include <string.h>

#include "engine/kern/ops.h"

static void raise(size_t c, const float *in, float *top)
{
    for (size_t i = 0; i < c; i++)
        top[i] = in[i] > top[i] ? in[i] : top[i];
}

/* Is tap (ky, kx) of output pixel (y, x) outside? Else '*at' is its pixel. */
static bool outside(const struct reap_node *n, size_t in_h, size_t in_w,
                    const size_t tap[4], size_t *at)
{
    const size_t iy = tap[0] * n->stride + tap[2] - n->pad;
    const size_t ix = tap[1] * n->stride + tap[3] - n->pad;

    *at = iy * in_w + ix;
    return iy >= in_h || ix >= in_w;
}

static void pool_pixel(const struct reap_node *n, size_t in_h, size_t in_w,
                       size_t y, size_t x, const float *in, float *out)
{
    bool first = true, zero = false;
    size_t at;

    for (size_t ky = 0; ky < n->kh; ky++)
        for (size_t kx = 0; kx < n->kw; kx++) {
            if (outside(n, in_h, in_w, (size_t[]){ y, x, ky, kx }, &at)) {
                zero = zero || n->pad_zero;
            } else if (first) {
                memcpy(out, in + at * n->c, n->c * sizeof(*out));
                first = false;
            } else {
                raise(n->c, in + at * n->c, out);
            }
        }
    if (zero)
        for (size_t i = 0; i < n->c; i++)
            out[i] = out[i] > 0 ? out[i] : 0;
}

void reap_maxpool_f32_ref(const struct reap_node *n, size_t in_h, size_t in_w,
                          const float *in, float *out)
{
    for (size_t y = 0; y < n->h; y++)
        for (size_t x = 0; x < n->w; x++)
            pool_pixel(n, in_h, in_w, y, x, in, out + (y * n->w + x) * n->c);
}

void reap_subsample_f32_ref(const struct reap_node *n, size_t in_w,
                            const float *in, float *out)
{
    for (size_t y = 0; y < n->h; y++)
        for (size_t x = 0; x < n->w; x++)
            memcpy(out + (y * n->w + x) * n->c,
                   in + (y * in_w + x) * n->stride * n->c, n->c * sizeof(*out));
}

void reap_avg_f32_ref(size_t pixels, size_t c, const float *in, float *out)
{
    enum { RUN = 16 }; /* channels at a time: their sums stay in registers */

    for (size_t c0 = 0; c0 < c; c0 += RUN) {
        const size_t n = c - c0 < RUN ? c - c0 : RUN;
        double sum[RUN] = { 0 };

        for (size_t p = 0; p < pixels; p++)
            for (size_t i = 0; i < n; i++)
                sum[i] += in[p * c + c0 + i];
        for (size_t i = 0; i < n; i++)
            out[c0 + i] = (float)(sum[i] / (double)pixels);
    }
}

void reap_max_f32_ref(size_t pixels, size_t c, const float *in, float *out)
{
    memcpy(out, in, c * sizeof(*out));
    for (size_t p = 1; p < pixels; p++)
        raise(c, in + p * c, out);
}
