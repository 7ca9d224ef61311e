/* Layers that are not convolutions: the input, max pool, affine map, subsample,
 * and the zeros around planes. */
#include <math.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/blocked/blocked.h"

/* Number i of an image, normalised; channel c. */
static float plane_number(const struct reap_program *p, const void *image,
                          size_t i, size_t c)
{
    const struct reap_norm *norm = &p->args.norm;
    size_t from = i + (norm->bgr ? 2 - 2 * c : 0);

    if (!norm->float_in)
        return p->norm[c][((const uint8_t *)image)[from]];
    return (((const float *)image)[from] / norm->div - norm->mean[c]) /
           norm->std[c];
}

/* Pixels of bytes: n numbers from 'from' on, each looked up. */
static void input_looked_up(const struct reap_program *p, const uint8_t *from,
                            size_t n, uint16_t *to, uint16_t *rest)
{
    const uint16_t(*high)[256] = p->half, (*low)[256] = p->rest;
    const size_t first = p->args.norm.bgr ? 2 : 0, last = 2 - first;

    for (size_t i = 0; i < n; i += 3) {
        to[i] = high[0][from[i + first]];
        to[i + 1] = high[1][from[i + 1]];
        to[i + 2] = high[2][from[i + last]];
    }
    for (size_t i = 0; rest && i < n; i += 3) {
        rest[i] = low[0][from[i + first]];
        rest[i + 1] = low[1][from[i + 1]];
        rest[i + 2] = low[2][from[i + last]];
    }
}

static void input_row(const struct reap_program *p, const void *image,
                      size_t first, size_t n, char *to, ptrdiff_t low)
{
    float *wide = (float *)to;
    uint16_t *half = (uint16_t *)to;
    uint16_t *rest = p->ops.halves ? (uint16_t *)(to + low) : NULL;

    if (p->ops.elem == sizeof(*half) && !p->args.norm.float_in) {
        input_looked_up(p, (const uint8_t *)image + first, n, half, rest);
        return;
    }
    for (size_t i = 0; i < n; i += 3)
        for (size_t c = 0; c < 3; c++) {
            float x = plane_number(p, image, first + i + c, c);

            if (p->ops.elem == sizeof(x))
                wide[i + c] = x;
            else
                half[i + c] = reap_blocked_narrow(x);
            if (rest)
                rest[i + c] =
                    reap_blocked_narrow(x - reap_blocked_widen(half[i + c]));
        }
}

/* n pixels of the same three bytes. */
static void plane_fill(uint8_t *to, size_t n, const uint8_t *pixel)
{
    for (size_t i = 0; i < n; i++)
        memcpy(to + i * 3, pixel, 3);
}

/* Rows 'from' to 'end' of an image and its margins. Bytes go in as they are;
 * outside is the mean, in whole numbers. */
static void input_bytes(const struct reap_program *p,
                        const struct reap_tensor *t, const uint8_t *image,
                        uint8_t *to, size_t from, size_t end)
{
    const struct reap_norm *norm = &p->args.norm;
    const size_t wide = t->w + 2 * t->pad;
    uint8_t mean[3];

    for (size_t c = 0; c < 3; c++)
        mean[c] =
            (uint8_t)fminf(255, fmaxf(0, rintf(norm->mean[c] * norm->div)));
    to += (ptrdiff_t)from * t->row;
    image += from > t->pad ? (from - t->pad) * t->w * 3 : 0;
    for (size_t y = from; y < end; y++, to += t->row) {
        bool inside = y >= t->pad && y < t->h + t->pad;

        plane_fill(to, inside ? t->pad : wide, mean);
        if (inside)
            plane_fill(to + (t->pad + t->w) * 3, t->pad, mean);
        if (inside && !norm->bgr)
            memcpy(to + t->pad * 3, image, t->w * 3);
        for (size_t i = 0; inside && norm->bgr && i < t->w * 3; i++)
            to[t->pad * 3 + i] = image[i + 2 - 2 * (i % 3)];
        image += inside ? t->w * 3 : 0;
    }
}

/* The same of numbers; outside is zero, as is all that follows the last row. */
static void input_numbers(const struct reap_program *p,
                          const struct reap_tensor *t, const void *image,
                          char *to, size_t from, size_t end)
{
    const size_t wide = t->w * 3, margin = t->pad * 3 * p->ops.elem;
    const ptrdiff_t first = (ptrdiff_t)from * t->row;
    const ptrdiff_t last =
        end < t->h + 2 * t->pad ? (ptrdiff_t)end * t->row : t->plane;

    for (size_t i = 0; i < t->planes; i++)
        memset(to + (ptrdiff_t)i * t->plane + first, 0, (size_t)(last - first));
    for (size_t y = from < t->pad ? t->pad : from; y < end && y < t->h + t->pad;
         y++)
        input_row(p, image, (y - t->pad) * wide, wide,
                  to + (ptrdiff_t)y * t->row + margin, t->low);
}

/* Rows of h + 2 * pad by w + 2 * pad pixels of 3 numbers. */
void reap_blocked_input(const struct reap_program *p,
                        const struct reap_blocked_layer *l,
                        const struct reap_frame *f)
{
    const struct reap_tensor *t = &p->tensor[l->node];
    size_t from, end = reap_blocked_share(f, t->h + 2 * t->pad, &from);

    for (size_t i = 0; i < f->n; i++) {
        char *to = f->arena + t->at +
                   (i + (t->crosses ? f->first : 0)) * (size_t)t->image;

        if (p->ops.elem == 1)
            input_bytes(p, t, f->images[f->first + i], (uint8_t *)to, from,
                        end);
        else
            input_numbers(p, t, f->images[f->first + i], to, from, end);
    }
}

/* Clip a window of 'size' that begins at 'from' - pad to 0..limit. */
static size_t window(size_t from, size_t pad, size_t size, size_t limit,
                     size_t *first)
{
    size_t end = from + size > pad ? from + size - pad : 0;

    *first = from < pad ? 0 : from - pad;
    if (end > limit)
        end = limit;
    return end > *first ? end - *first : 0;
}

/* One row: pixels whose windows are whole are one run, others alone. 'least':
 * what no pixel is below. */
static void pool_row(const struct reap_program *p, const struct reap_node *n,
                     const struct reap_tensor *in, const char *from,
                     struct reap_pool_run r, float least, float outside)
{
    char *out = r.out;

    for (size_t x = 0; x < n->w; x += r.n) {
        size_t first;

        r.nx = window(x * n->stride, n->pad, n->kw, in->w, &first);
        r.in = from + first * REAP_PIXEL;
        r.out = out + x * REAP_PIXEL;
        r.n = 1;
        r.floor = fmaxf(least, outside);
        if (r.nx == n->kw) {
            size_t last = (in->w + n->pad - n->kw) / n->stride;

            r.n = (last < n->w ? last : n->w - 1) - x + 1;
            if (r.ny == n->kh)
                r.floor = least;
        }
        p->ops.pool(&r);
    }
}

void reap_blocked_maxpool(const struct reap_program *p,
                          const struct reap_blocked_layer *l,
                          const struct reap_frame *f)
{
    const struct reap_node *n = &p->net->node[l->node];
    const struct reap_tensor *in = &p->tensor[l->in],
                             *out = &p->tensor[l->node];
    const float least = p->net->node[l->in].relu ? 0 : -INFINITY;
    struct reap_pool_run r = { .row = in->row,
                               .stride = (ptrdiff_t)n->stride * REAP_PIXEL,
                               .in_low = in->low,
                               .out_low = out->low };
    size_t from, end = reap_blocked_share(f, out->h, &from);

    for (size_t i = 0; i < f->n; i++)
        for (size_t b = 0; b < out->blocks; b++)
            for (size_t y = from; y < end; y++) {
                size_t first;

                r.ny = window(y * n->stride, n->pad, n->kh, in->h, &first);
                r.out =
                    reap_blocked_row(out, f, i, y) + (ptrdiff_t)b * out->plane;
                pool_row(p, n, in,
                         reap_blocked_row(in, f, i, first) +
                             (ptrdiff_t)b * in->plane,
                         r, least, n->pad_zero ? 0 : -INFINITY);
            }
}

static int pack_affine(const struct reap_program *p,
                       struct reap_blocked_layer *l, struct reap_err *err)
{
    const struct reap_node *n = &p->net->node[l->node];

    (void)err;
    for (size_t c = 0; c < l->bias_bytes / sizeof(*l->bias); c++) {
        l->bias[c] = c < n->c ? n->bias[c] : 0;
        l->scale[c] = c < n->c ? n->weight[c] : 0;
    }
    return REAP_OK;
}

void reap_blocked_affine_plan(struct reap_program *p,
                              struct reap_blocked_layer *l)
{
    l->bias_bytes = p->tensor[l->node].blocks * p->ops.block * sizeof(*l->bias);
    l->scale_bytes = l->bias_bytes;
    l->pack = pack_affine;
}

void reap_blocked_affine(const struct reap_program *p,
                         const struct reap_blocked_layer *l,
                         const struct reap_frame *f)
{
    const struct reap_tensor *in = &p->tensor[l->in],
                             *out = &p->tensor[l->node];
    struct reap_affine_run r = {
        .n = out->w, .floor = l->floor, .in_low = in->low, .out_low = out->low
    };
    size_t from, end = reap_blocked_share(f, out->h, &from);

    for (size_t i = 0; i < f->n; i++)
        for (size_t b = 0; b < out->blocks; b++)
            for (size_t y = from; y < end; y++) {
                r.in = reap_blocked_row(in, f, i, y) + (ptrdiff_t)b * in->plane;
                r.out =
                    reap_blocked_row(out, f, i, y) + (ptrdiff_t)b * out->plane;
                r.scale = l->scale + b * p->ops.block;
                r.bias = l->bias + b * p->ops.block;
                p->ops.affine(&r);
            }
}

void reap_blocked_subsample(const struct reap_program *p,
                            const struct reap_blocked_layer *l,
                            const struct reap_frame *f)
{
    const struct reap_tensor *in = &p->tensor[l->in],
                             *out = &p->tensor[l->node];
    const ptrdiff_t step = (ptrdiff_t)l->stride * in->pixel;
    size_t first, end = reap_blocked_share(f, out->h, &first);

    for (size_t i = 0; i < f->n; i++)
        for (size_t b = 0; b < out->planes; b++)
            for (size_t y = first; y < end; y++) {
                const char *from = reap_blocked_row(in, f, i, y * l->stride) +
                                   (ptrdiff_t)b * in->plane;
                char *to =
                    reap_blocked_row(out, f, i, y) + (ptrdiff_t)b * out->plane;

                for (size_t x = 0; x < out->w; x++)
                    memcpy(to + (ptrdiff_t)x * out->pixel,
                           from + (ptrdiff_t)x * step, REAP_PIXEL);
            }
}

void reap_blocked_margins(const struct reap_tensor *t,
                          const struct reap_frame *f)
{
    const size_t bytes = t->pad * REAP_PIXEL;
    const size_t rows = t->framed ? t->pad * (size_t)t->row : 0;
    size_t i, end = reap_blocked_share(f, f->n * t->planes, &i);

    for (; t->pad && i < end; i++) {
        char *to = reap_blocked_row(t, f, i / t->planes, 0) +
                   (ptrdiff_t)(i % t->planes) * t->plane;

        memset(to - bytes - rows, 0, bytes + rows);
        for (size_t y = 0; y < t->h; y++)
            memset(to + (ptrdiff_t)y * t->row + t->w * REAP_PIXEL, 0, bytes);
        memset(to + (ptrdiff_t)t->h * t->row, 0, rows);
    }
}
