/* A step of Adam or SGD, with the bits of the fast levels. */
#include <math.h>

#include "engine/kern/kernels.h"

reap_update_fn reap_adam_f32_ref, reap_sgd_f32_ref;

/* Where the gradient of weight 'i' lies. */
static float gradient(const struct reap_update_run *r, size_t i)
{
    const size_t row = i / (r->vectors * 16), in_row = i % (r->vectors * 16);

    return r->g[in_row / 16 * r->g_block + row * 16 + in_row % 16];
}

void reap_adam_f32_ref(const struct reap_update_run *r)
{
    for (size_t i = 0; i < r->n * r->vectors * 16; i++) {
        const float g = fmaf(r->decay, r->w[i], gradient(r, i));

        r->m[i] = fmaf(g - r->m[i], r->keep1, r->m[i]);
        r->v[i] = fmaf(fmaf(g, g, -r->v[i]), r->keep2, r->v[i]);
        r->w[i] -= r->m[i] * r->rate / (sqrtf(r->v[i]) + r->epsilon);
    }
}

void reap_sgd_f32_ref(const struct reap_update_run *r)
{
    for (size_t i = 0; i < r->n * r->vectors * 16; i++) {
        const float g = fmaf(r->decay, r->w[i], gradient(r, i));

        r->m[i] = fmaf(r->momentum, r->m[i], -(r->rate * g));
        r->w[i] += r->m[i];
    }
}
