/* What leaves the program: averages, maxima and maps of a node's output, as
 * float32 in (h, w, c) order. */
#include <math.h>
#include <string.h>

#include "engine/blocked/blocked.h"

/* The most channels of a pixel. */
enum { MOST = REAP_PIXEL };

/* The numbers of a pixel as float32. */
static void widen(float *to, const char *from)
{
    for (size_t i = 0; i < REAP_PIXEL / sizeof(uint16_t); i++) {
        uint16_t h;

        memcpy(&h, from + i * sizeof(h), sizeof(h));
        to[i] = reap_blocked_widen(h);
    }
}

/* A pixel of a block; numbers in halves are put together. */
static void pixel(const struct reap_program *p, const struct reap_tensor *t,
                  float *to, const char *from)
{
    float low[REAP_PIXEL / sizeof(uint16_t)];

    if (p->ops.elem == sizeof(float))
        memcpy(to, from, REAP_PIXEL);
    else if (p->ops.elem == sizeof(uint16_t))
        widen(to, from);
    else
        for (size_t i = 0; i < REAP_PIXEL; i++)
            to[i] = (float)(unsigned char)from[i];
    if (!p->ops.halves)
        return;
    widen(low, from + t->low);
    for (size_t i = 0; i < p->ops.block; i++)
        to[i] += low[i];
}

/* A block of channels of one image. */
struct block {
    const struct reap_tensor *t;
    const char *in;
    float *out; /* of the first channel of the block */
    size_t n;   /* channels that there are */
};

static void add_up(const struct reap_program *p, const struct block *b,
                   double *sum)
{
    float x[MOST] = { 0 };

    for (size_t y = 0; y < b->t->h; y++)
        for (size_t i = 0; i < b->t->w; i++) {
            pixel(p, b->t, x,
                  b->in + (ptrdiff_t)y * b->t->row +
                      (ptrdiff_t)i * b->t->pixel);
            for (size_t c = 0; c < MOST; c++)
                sum[c] += (double)x[c];
        }
}

/* Sums run over rows, then columns, in double. */
static void average(const struct reap_program *p, const struct block *b)
{
    const struct reap_tensor *t = b->t;
    double sum[MOST] = { 0 };
    const struct reap_sum_run r = { t->h,     t->w,   b->in, t->row,
                                    t->pixel, t->low, sum };

    if (p->ops.sum)
        p->ops.sum(&r);
    else
        add_up(p, b, sum);
    for (size_t c = 0; c < b->n; c++)
        b->out[c] = (float)(sum[c] / (double)(t->h * t->w) * (double)t->scale);
}

static void maximum(const struct reap_program *p, const struct block *b)
{
    float most[MOST], x[MOST] = { 0 };

    for (size_t c = 0; c < MOST; c++)
        most[c] = -INFINITY;
    for (size_t y = 0; y < b->t->h; y++)
        for (size_t i = 0; i < b->t->w; i++) {
            pixel(p, b->t, x,
                  b->in + (ptrdiff_t)y * b->t->row +
                      (ptrdiff_t)i * b->t->pixel);
            for (size_t c = 0; c < MOST; c++)
                most[c] = x[c] > most[c] ? x[c] : most[c];
        }
    for (size_t c = 0; c < b->n; c++)
        b->out[c] = most[c] * b->t->scale;
}

static void map(const struct reap_program *p, const struct block *b)
{
    float x[MOST];

    for (size_t y = 0; y < b->t->h; y++)
        for (size_t i = 0; i < b->t->w; i++) {
            pixel(p, b->t, x,
                  b->in + (ptrdiff_t)y * b->t->row +
                      (ptrdiff_t)i * b->t->pixel);
            for (size_t c = 0; c < b->n; c++)
                b->out[(y * b->t->w + i) * b->t->c + c] = x[c] * b->t->scale;
        }
}

bool reap_blocked_probed(const struct reap_program *p, size_t node)
{
    size_t k = 0;

    while (k < p->args.n_probes && p->probes[k].node != (int)node)
        k++;
    return k < p->args.n_probes;
}

void reap_blocked_probes(const struct reap_program *p, size_t node,
                         const struct reap_frame *f)
{
    static void (*const kind[])(
        const struct reap_program *,
        const struct block *) = { [REAP_PROBE_AVG] = average,
                                  [REAP_PROBE_MAX] = maximum,
                                  [REAP_PROBE_MAP] = map };
    const struct reap_tensor *t = &p->tensor[node];
    const size_t blocks = (t->c + p->ops.block - 1) / p->ops.block;

    for (size_t k = 0; k < p->args.n_probes; k++) {
        size_t each = t->c, i, end;

        if (p->probes[k].node != (int)node)
            continue;
        if (p->probes[k].kind == REAP_PROBE_MAP)
            each *= t->h * t->w;
        end = reap_blocked_share(f, f->n * blocks, &i);
        for (; i < end; i++) {
            const size_t image = i / blocks, c = i % blocks * p->ops.block;
            struct block b = { t, reap_blocked_row(t, f, image, 0), NULL, 0 };

            b.in += (ptrdiff_t)(i % blocks) * t->plane;
            b.out = f->out[k] + (f->done + f->first + image) * each + c;
            b.n = t->c - c < p->ops.block ? t->c - c : p->ops.block;
            kind[p->probes[k].kind](p, &b);
        }
    }
}
