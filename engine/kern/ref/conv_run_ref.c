/* The runs of engine/kern/kernels.h in plain C, with the bits of the fast
 * levels. */
#include <math.h>
#include <string.h>

#include "engine/kern/ops.h"

/* The dword at 'p', whatever its alignment. */
static float dword(const char *p)
{
    float x;

    memcpy(&x, p, sizeof(x));
    return x;
}

/* Channel 'c' of pixel 'x'. */
static float sum(const struct reap_conv_run *r, size_t x, size_t c)
{
    float s = r->bias[c];

    for (size_t i = 0; i < r->n_parts; i++) {
        const struct reap_conv_part *part = &r->part[i];
        const char *in = part->in + (ptrdiff_t)x * part->stride;

        for (size_t k = 0; k < part->n_steps; k++)
            for (size_t d = 0; d < part->dwords; d++)
                s = fmaf(dword(in + part->step[k].in + 4 * d),
                         dword(r->w + part->step[k].w + 4 * (16 * d + c)), s);
    }
    return s;
}

void reap_conv_run_ref(const struct reap_conv_run *r)
{
    for (size_t x = 0; x < r->n; x++)
        for (size_t c = 0; c < 16; c++) {
            const size_t at = x * REAP_PIXEL + 4 * c;
            float s = sum(r, x, c);

            if (r->res)
                s += dword(r->res + at);
            s = r->floor > s ? r->floor : s;
            memcpy(r->out + at, &s, sizeof(s));
        }
}
