/* A strip of windows laid out row by row (im2row), a product by OpenBLAS, then
 * bias, shortcut and ReLU while the strip is in the cache. */
#include <string.h>

#include "engine/kern/blas/conv_blas.h"
#include "engine/kern/blas/openblas.h"

enum {
    STRIP_BYTES = 768 << 10, /* of input rows and results: most of an L2 */
    STRIP_LEAST = 64         /* pixels; fewer would waste packed weights */
};

/* Does the strip lie in memory as the product wants it? */
static bool in_place(const struct reap_conv_task *t)
{
    return t->node->kh == 1 && t->node->kw == 1 && t->node->stride == 1;
}

static size_t depth(const struct reap_conv_task *t)
{
    return t->node->kh * t->node->kw * t->cin;
}

/* Pixels in a strip: equal shares, so that none is much smaller. */
static size_t strip(const struct reap_conv_task *t)
{
    const size_t pixels = t->node->h * t->node->w;
    size_t most = STRIP_BYTES / sizeof(float) / (depth(t) + t->node->c), n;

    most = most < STRIP_LEAST ? STRIP_LEAST : most;
    n = (pixels + most - 1) / most;
    return (pixels + n - 1) / n;
}

size_t reap_conv_scratch_blas(const struct reap_conv_task *t)
{
    return in_place(t) ? 0 : strip(t) * depth(t) * sizeof(float);
}

/* One row of the kernel's window: kw pixels of cin channels, those outside
 * zero. (iy, ix) is its first pixel, huge if negative. */
static float *lay_row(const struct reap_conv_task *t, const float *in,
                      size_t iy, size_t ix, float *to)
{
    const size_t kw = t->node->kw;

    if (iy >= t->in_h) {
        memset(to, 0, kw * t->cin * sizeof(*to));
        return to + kw * t->cin;
    }
    in += iy * t->in_w * t->in_c;
    if (t->cin == t->in_c && ix < t->in_w && ix + kw <= t->in_w) {
        memcpy(to, in + ix * t->in_c, kw * t->cin * sizeof(*to));
        return to + kw * t->cin;
    }
    for (size_t kx = 0; kx < kw; kx++, to += t->cin)
        if (ix + kx < t->in_w)
            memcpy(to, in + (ix + kx) * t->in_c, t->cin * sizeof(*to));
        else
            memset(to, 0, t->cin * sizeof(*to));
    return to;
}

void reap_im2row_f32_blas(const struct reap_conv_task *t, const float *in,
                          size_t p0, size_t p1, float *to)
{
    const struct reap_node *n = t->node;

    for (size_t p = p0; p < p1; p++) {
        const size_t y = p / n->w * n->stride - n->pad;
        const size_t x = p % n->w * n->stride - n->pad;

        for (size_t ky = 0; ky < n->kh; ky++)
            to = lay_row(t, in, y + ky, x, to);
    }
}

/* Bias, the shortcut and ReLU, while the strip is still in the cache. */
static void conv_blas_finish(const struct reap_node *n, size_t pixels,
                             const float *add, float *out)
{
    const float floor = n->relu ? 0 : -__builtin_inff();

    for (size_t p = 0; p < pixels; p++, out += n->c) {
        for (size_t o = 0; o < n->c; o++)
            out[o] += n->bias[o];
        if (add) {
            for (size_t o = 0; o < n->c; o++)
                out[o] += add[p * n->c + o];
        }
        for (size_t o = 0; o < n->c; o++)
            out[o] = out[o] < floor ? floor : out[o];
    }
}

void reap_conv_f32_blas(const struct reap_conv_task *t, const float *in,
                        const float *add, float *out, void *scratch)
{
    const size_t pixels = t->node->h * t->node->w, k = depth(t);
    const size_t step = strip(t), c = t->node->c;

    for (size_t p0 = 0; p0 < pixels; p0 += step) {
        const size_t p1 = p0 + step < pixels ? p0 + step : pixels;

        for (size_t g = 0; g < t->groups; g++) {
            const float *from = in + g * t->cin, *a = scratch;

            if (in_place(t))
                a = from + p0 * t->in_c;
            else
                reap_im2row_f32_blas(t, from, p0, p1, scratch);
            reap_openblas_sgemm(t->level, p1 - p0, t->cout, k, a,
                                in_place(t) ? t->in_c : k,
                                t->weight + g * k * t->cout, t->cout,
                                out + p0 * c + g * t->cout, c);
        }
        conv_blas_finish(t->node, p1 - p0, add ? add + p0 * c : NULL,
                         out + p0 * c);
    }
}
