/* Operations on single pixels: normalise, affine map. */
#include <stdint.h>

#include "engine/kern/ops.h"

static float norm(const struct reap_norm *n, size_t c, float x)
{
    return (x / n->div - n->mean[c]) / n->std[c];
}

void reap_norm_table_ref(const struct reap_norm *n, float table[3][256])
{
    for (size_t c = 0; c < 3; c++)
        for (int x = 0; x < 256; x++)
            table[c][x] = norm(n, c, (float)x);
}

void reap_norm_f32_ref(const struct reap_norm *n, const float table[3][256],
                       size_t pixels, const void *in, float *out)
{
    const uint8_t *u8 = in;
    const float *f32 = in;

    for (size_t p = 0; p < pixels; p++)
        for (size_t c = 0; c < 3; c++) {
            const size_t from = 3 * p + (n->bgr ? 2 - c : c);

            *out++ = n->float_in ? norm(n, c, f32[from]) : table[c][u8[from]];
        }
}

void reap_affine_f32_ref(const struct reap_node *n, const float *in, float *out)
{
    for (size_t p = 0; p < n->h * n->w; p++)
        for (size_t c = 0; c < n->c; c++) {
            const float x = *in++ * n->weight[c] + n->bias[c];

            *out++ = n->relu && x < 0 ? 0 : x;
        }
}
