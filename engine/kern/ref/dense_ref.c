#include "engine/kern/ops.h"

enum { PARTS = 16 };

static float dot(size_t n, const float *a, const float *b)
{
    float part[PARTS] = { 0 }, sum = 0;
    size_t i = 0;

    for (; i + PARTS <= n; i += PARTS)
        for (size_t j = 0; j < PARTS; j++)
            part[j] += a[i + j] * b[i + j];
    for (size_t j = 0; i < n; i++, j++)
        part[j] += a[i] * b[i];
    for (size_t j = 0; j < PARTS; j++)
        sum += part[j];
    return sum;
}

/* Row by row of the weights, which are read once for the whole batch. */
void reap_dense_part_ref(const struct reap_dense *d, size_t from, size_t end,
                         size_t n, const float *in, float *out)
{
    for (size_t o = from; o < end; o++)
        for (size_t i = 0; i < n; i++)
            out[i * d->out + o] =
                dot(d->in, d->weight + o * d->in, in + i * d->in) + d->bias[o];
}

void reap_dense_f32_ref(const struct reap_dense *d, size_t n, const float *in,
                        float *out)
{
    reap_dense_part_ref(d, 0, d->out, n, in, out);
}
