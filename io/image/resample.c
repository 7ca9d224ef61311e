/*
 * One crop of one image. A plan says which part of the crop the image fills and
 * which source rows and columns that part needs; then each pass (along rows,
 * down columns) takes weights for a handful of outputs at a time and hands them
 * to the kernels of engine/kern/resample_ops.h. The pass that comes first runs
 * only over what the second will read. The weights are found in
 * resample_weights.c, sizes in io/preset/geometry.c.
 */
#define _GNU_SOURCE
#include <math.h>
#include <string.h>

#include "engine/base/cpu.h"
#include "engine/base/mem.h"
#include "io/image/resample.h"
#include "io/image/resample_impl.h"

/* Scratch above this is given back after the image that needed it. */
enum { KEEP = 16 << 20 };

struct reap_resample {
    struct reap_resample_ops ops;
    struct reap_resample_weights weights;
    uint8_t *mid; /* between the passes */
    size_t mid_room;
    uint32_t *at; /* positions of NEAREST, columns then rows */
    size_t at_room;
};

/* The part of the crop that lies on the resized image. */
struct job {
    struct reap_side rows, cols;
    size_t dst_row, dst_col;       /* where it begins in the crop */
    size_t row0, row1, col0, col1; /* what of the source it needs */
};

static void side(struct reap_side *s, size_t *dst, enum reap_filter filter,
                 size_t in, size_t out, ptrdiff_t corner, size_t crop)
{
    size_t skip = corner < 0 ? (size_t)-corner : 0;

    *s = (struct reap_side){ filter, in, out, 0, 0 };
    s->first = corner < 0 ? 0 : (size_t)corner;
    s->n = crop - skip < out - s->first ? crop - skip : out - s->first;
    *dst = skip;
}

static void resample_plan(const struct reap_geometry *g, struct job *j)
{
    side(&j->rows, &j->dst_row, g->filter, g->src_h, g->h, g->top, g->out_h);
    side(&j->cols, &j->dst_col, g->filter, g->src_w, g->w, g->left, g->out_w);
    reap_side_window(&j->rows, &j->row0, &j->row1);
    reap_side_window(&j->cols, &j->col0, &j->col1);
}

void reap_resample_window(const struct reap_geometry *g,
                          struct reap_window *out)
{
    struct job j;

    resample_plan(g, &j);
    *out = (struct reap_window){ j.row0, j.row1, j.col0, j.col1 };
}

int reap_resample_new(struct reap_resample **out, struct reap_err *err)
{
    struct reap_resample *r;
    unsigned cpu;
    int rc = reap_cpu_detect(&cpu, err);

    *out = NULL;
    if (rc)
        return rc;
    r = reap_calloc(1, sizeof(*r));
    if (!r)
        return reap_fail(err, REAP_ENOMEM, "no memory for a resampler");
    reap_resample_ops_init(&r->ops, cpu);
    *out = r;
    return REAP_OK;
}

void reap_resample_free(struct reap_resample **rp)
{
    struct reap_resample *r = *rp;

    if (!r)
        return;
    reap_weights_clear(&r->weights);
    reap_free(r->mid);
    reap_free(r->at);
    reap_free(r);
    *rp = NULL;
}

static bool resample_grow(void *p, size_t *room, size_t size)
{
    void **at = p, *fresh;

    if (size <= *room)
        return true;
    reap_free(*at);
    *at = NULL;
    *room = 0;
    fresh = reap_aligned(size);
    if (!fresh)
        return false;
    *at = fresh;
    *room = size;
    return true;
}

/* One pass along the rows: (rows, in) to (rows, s->n). 'src' is pixel
 * 'origin' of the first row. */
static bool along(struct reap_resample *r, const struct reap_side *s,
                  size_t rows, size_t origin, const uint8_t *src, size_t stride,
                  uint8_t *dst, size_t dst_stride)
{
    for (size_t done = 0; done < s->n; done += r->weights.taps.n) {
        if (!reap_weights_find(&r->weights, s, s->first + done, s->n - done,
                               origin))
            return false;
        r->ops.along(&r->weights.taps, rows, src, stride, dst + 3 * done,
                     dst_stride);
    }
    return true;
}

/* One pass down the columns; 'src' is row 'origin'. */
static bool down(struct reap_resample *r, const struct reap_side *s,
                 size_t width, size_t origin, const uint8_t *src, size_t stride,
                 uint8_t *dst, size_t dst_stride)
{
    const struct reap_taps *t = &r->weights.taps;

    for (size_t done = 0; done < s->n; done += t->n) {
        if (!reap_weights_find(&r->weights, s, s->first + done, s->n - done,
                               origin))
            return false;
        for (size_t i = 0; i < t->n; i++)
            r->ops.down(t->k + i * t->room, t->count[i], 3 * width,
                        src + t->lo[i] * stride, stride,
                        dst + (done + i) * dst_stride);
    }
    return true;
}

/* Both passes, or the one that changes a size. 'src' is the pixel at
 * (row0, col0). */
static bool smooth(struct reap_resample *r, const struct reap_geometry *g,
                   const struct job *j, const uint8_t *src, size_t stride,
                   uint8_t *dst, size_t dst_stride)
{
    bool by_row = g->src_w != g->w, by_col = g->src_h != g->h;
    size_t rows = j->row1 - j->row0, cols = j->col1 - j->col0, mid;

    if (!by_col)
        return along(r, &j->cols, j->rows.n, j->col0,
                     src + (j->rows.first - j->row0) * stride, stride, dst,
                     dst_stride);
    if (!by_row)
        return down(r, &j->rows, j->cols.n, j->row0,
                    src + 3 * (j->cols.first - j->col0), stride, dst,
                    dst_stride);
    mid = 3 * (g->rows_first ? j->cols.n : cols);
    if (!resample_grow(&r->mid, &r->mid_room,
                       mid * (g->rows_first ? rows : j->rows.n) +
                           REAP_RESAMPLE_SLACK))
        return false;
    if (g->rows_first)
        return along(r, &j->cols, rows, j->col0, src, stride, r->mid, mid) &&
               down(r, &j->rows, j->cols.n, j->row0, r->mid, mid, dst,
                    dst_stride);
    return down(r, &j->rows, cols, j->row0, src, stride, r->mid, mid) &&
           along(r, &j->cols, j->rows.n, j->col0, r->mid, mid, dst, dst_stride);
}

/* Copy pixels from where they lie. */
static bool nearest(struct reap_resample *r, const struct job *j,
                    const uint8_t *src, size_t stride, uint8_t *dst,
                    size_t dst_stride)
{
    uint32_t *x = NULL, *y = NULL;

    if (!resample_grow(&r->at, &r->at_room,
                       (j->cols.n + j->rows.n) * sizeof(*x)))
        return false;
    x = r->at;
    y = x + j->cols.n;
    reap_side_nearest(&j->cols, x);
    reap_side_nearest(&j->rows, y);
    for (size_t i = 0; i < j->rows.n; i++) {
        const uint8_t *row = src + (y[i] - j->row0) * stride;
        uint8_t *q = dst + i * dst_stride;

        for (size_t k = 0; k < j->cols.n; k++, q += 3)
            memcpy(q, row + 3 * (x[k] - j->col0), 3);
    }
    return true;
}

static void resample_copy(const struct job *j, const uint8_t *src,
                          size_t stride, uint8_t *dst, size_t dst_stride)
{
    src += (j->rows.first - j->row0) * stride + 3 * (j->cols.first - j->col0);
    for (size_t y = 0; y < j->rows.n; y++)
        memcpy(dst + y * dst_stride, src + y * stride, 3 * j->cols.n);
}

/* The two pixels of an output, and the second's weight. */
struct tf_tap {
    size_t a, b;
    float t;
};

/* As tf.image.resize has it, in float32; pixels count from 'origin'. */
static struct tf_tap tf_tap(const struct reap_side *s, size_t x, size_t origin)
{
    float at = ((float)x + 0.5f) * ((float)s->in / (float)s->out) - 0.5f;
    struct tf_tap tap = { .t = at - floorf(at) };

    reap_side_span(s, x, &tap.a, &tap.b);
    tap.a -= origin;
    tap.b -= origin + 1;
    return tap;
}

/* One row, from two; first along them, then down. */
static void tf_row(const struct tf_tap *x, size_t n, float ty,
                   const uint8_t *above, const uint8_t *below, float *q)
{
    for (size_t k = 0; k < n; k++, x++)
        for (size_t c = 0; c < 3; c++) {
            float a = above[3 * x->a + c], b = above[3 * x->b + c];
            float e = below[3 * x->a + c], f = below[3 * x->b + c];

            a = a + (b - a) * x->t;
            e = e + (f - e) * x->t;
            *q++ = a + (e - a) * ty;
        }
}

/* tf.image.resize, bilinear without antialias. */
static bool tf_bilinear(struct reap_resample *r, const struct job *j,
                        const uint8_t *src, size_t stride, float *dst,
                        size_t dst_stride)
{
    struct tf_tap *x;

    if (!resample_grow(&r->mid, &r->mid_room, j->cols.n * sizeof(*x)))
        return false;
    x = (void *)r->mid;
    for (size_t k = 0; k < j->cols.n; k++)
        x[k] = tf_tap(&j->cols, j->cols.first + k, j->col0);
    for (size_t i = 0; i < j->rows.n; i++) {
        struct tf_tap y = tf_tap(&j->rows, j->rows.first + i, j->row0);

        tf_row(x, j->cols.n, y.t, src + y.a * stride, src + y.b * stride,
               dst + i * dst_stride);
    }
    return true;
}

int reap_resample_run(struct reap_resample *r, const struct reap_geometry *g,
                      const struct reap_window *have, const uint8_t *src,
                      size_t stride, void *dst, struct reap_err *err)
{
    size_t size = g->filter == REAP_TF_BILINEAR ? sizeof(float) : 1;
    size_t row = 3 * g->out_w, at;
    bool fine = true;
    uint8_t *to;
    struct job j;

    resample_plan(g, &j);
    src += (j.row0 - have->row0) * stride + 3 * (j.col0 - have->col0);
    if (j.rows.n < g->out_h || j.cols.n < g->out_w)
        memset(dst, 0, row * g->out_h * size);
    at = j.dst_row * row + 3 * j.dst_col;
    to = (uint8_t *)dst + at;
    if (g->filter == REAP_TF_BILINEAR)
        fine = tf_bilinear(r, &j, src, stride, (float *)dst + at, row);
    else if (g->src_h == g->h && g->src_w == g->w)
        resample_copy(&j, src, stride, to, row);
    else if (g->filter == REAP_NEAREST)
        fine = nearest(r, &j, src, stride, to, row);
    else
        fine = smooth(r, g, &j, src, stride, to, row);
    if (r->mid_room > KEEP) {
        reap_free(r->mid);
        r->mid = NULL;
        r->mid_room = 0;
    }
    return fine ? REAP_OK
                : reap_fail(err, REAP_ENOMEM, "no memory to resize an image");
}
