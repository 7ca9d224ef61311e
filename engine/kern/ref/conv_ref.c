/* Convolution as its definition has it, one output pixel after the other, in
 * double. */
#include "engine/kern/ops.h"

size_t reap_conv_scratch_ref(const struct reap_conv_task *t)
{
    return t->cout * sizeof(double);
}

/* sum[o] += x * w[o] for one input value and all outputs of a group. */
static void conv_ref_spread(size_t n, double x, const float *w, double *sum)
{
    for (size_t o = 0; o < n; o++)
        sum[o] += x * w[o];
}

/* All taps of output pixel (y, x) that lie inside the image, one group. */
static void taps(const struct reap_conv_task *t, size_t y, size_t x,
                 const float *in, const float *weight, double *sum)
{
    const struct reap_node *n = t->node;

    for (size_t ky = 0; ky < n->kh; ky++) {
        const size_t iy = y * n->stride + ky - n->pad; /* huge if negative */

        if (iy >= t->in_h)
            continue;
        for (size_t kx = 0; kx < n->kw; kx++) {
            const size_t ix = x * n->stride + kx - n->pad;
            const float *from = in + (iy * t->in_w + ix) * t->in_c;
            const float *w = weight + (ky * n->kw + kx) * t->cin * t->cout;

            if (ix >= t->in_w)
                continue;
            for (size_t i = 0; i < t->cin; i++)
                conv_ref_spread(t->cout, from[i], w + i * t->cout, sum);
        }
    }
}

void reap_conv_f32_ref(const struct reap_conv_task *t, const float *in,
                       const float *add, float *out, void *scratch)
{
    const struct reap_node *n = t->node;
    const size_t k = n->kh * n->kw * t->cin;
    double *sum = scratch;

    for (size_t p = 0; p < n->h * n->w; p++)
        for (size_t g = 0; g < t->groups; g++) {
            const size_t at = p * n->c + g * t->cout;

            for (size_t o = 0; o < t->cout; o++)
                sum[o] = n->bias[g * t->cout + o];
            taps(t, p / n->w, p % n->w, in + g * t->cin,
                 t->weight + g * k * t->cout, sum);
            for (size_t o = 0; o < t->cout; o++) {
                const double s = add ? sum[o] + add[at + o] : sum[o];

                out[at + o] = (float)(n->relu && s < 0 ? 0 : s);
            }
        }
}
