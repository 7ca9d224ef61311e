/* A dense layer in 16 interleaved sums, with the bits of the fast levels. */
#include "engine/kern/ops.h"

enum { PARTS = 16 };

static float dense_ref_dot(size_t n, const float *a, const float *b)
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
void reap_dense_f32_ref(const struct reap_dense_run *r)
{
    for (size_t o = 0; o < r->outputs; o++)
        for (size_t i = 0; i < r->n; i++)
            r->out[i * r->row + o] =
                dense_ref_dot(r->in, r->weight + o * r->in, r->x + i * r->in) +
                r->bias[o];
}

void reap_dense_part(reap_dense_fn *fn, const struct reap_dense *d, size_t from,
                     size_t end, size_t n, const float *in, float *out)
{
    fn(&(struct reap_dense_run){ .n = n,
                                 .in = d->in,
                                 .outputs = end - from,
                                 .row = d->out,
                                 .x = in,
                                 .weight = d->weight + from * d->in,
                                 .bias = d->bias + from,
                                 .out = out + from });
}
