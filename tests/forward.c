#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "tests/forward.h"

/* A node's output, and the inputs to make it from. */
struct map {
    size_t h, w, c;
    double *x;
};

static double at(const struct map *m, ptrdiff_t y, ptrdiff_t x, size_t c,
                 double outside)
{
    if (y < 0 || x < 0 || y >= (ptrdiff_t)m->h || x >= (ptrdiff_t)m->w)
        return outside;
    return m->x[((size_t)y * m->w + (size_t)x) * m->c + c];
}

/* Add channel o of one pixel of a convolution; 'taps' are (kh, kw, cin). */
static double conv(const struct reap_node *n, const struct map *in, size_t y,
                   size_t x, size_t o)
{
    size_t each = in->c / n->groups, first = o / (n->c / n->groups) * each;
    double sum = n->bias[o];

    for (size_t ky = 0; ky < n->kh; ky++)
        for (size_t kx = 0; kx < n->kw; kx++) {
            ptrdiff_t v = (ptrdiff_t)(y * n->stride + ky) - (ptrdiff_t)n->pad;
            ptrdiff_t u = (ptrdiff_t)(x * n->stride + kx) - (ptrdiff_t)n->pad;
            const float *w = n->weight + ((o * n->kh + ky) * n->kw + kx) * each;
            const double *from;

            if (v < 0 || u < 0 || v >= (ptrdiff_t)in->h ||
                u >= (ptrdiff_t)in->w)
                continue;
            from = in->x + ((size_t)v * in->w + (size_t)u) * in->c + first;
            for (size_t i = 0; i < each; i++)
                sum += (double)w[i] * from[i];
        }
    return sum;
}

static double pool(const struct reap_node *n, const struct map *in, size_t y,
                   size_t x, size_t c)
{
    double most = -INFINITY;

    for (size_t ky = 0; ky < n->kh; ky++)
        for (size_t kx = 0; kx < n->kw; kx++)
            most =
                fmax(most,
                     at(in, (ptrdiff_t)(y * n->stride + ky) - (ptrdiff_t)n->pad,
                        (ptrdiff_t)(x * n->stride + kx) - (ptrdiff_t)n->pad, c,
                        n->pad_zero ? 0 : -INFINITY));
    return most;
}

static double value(const struct reap_node *n, const struct map *in, size_t y,
                    size_t x, size_t c)
{
    switch (n->op) {
    case REAP_OP_CONV:
        return conv(n, in, y, x, c);
    case REAP_OP_MAXPOOL:
        return pool(n, in, y, x, c);
    case REAP_OP_AFFINE:
        return (double)n->weight[c] * at(in, (ptrdiff_t)y, (ptrdiff_t)x, c, 0) +
               (double)n->bias[c];
    default:
        return at(in, (ptrdiff_t)(y * n->stride), (ptrdiff_t)(x * n->stride), c,
                  0);
    }
}

static void input(const struct reap_norm *norm, const uint8_t *image,
                  struct map *m)
{
    for (size_t i = 0; i < m->h * m->w; i++)
        for (size_t c = 0; c < 3; c++) {
            float x = (float)image[3 * i + (norm->bgr ? 2 - c : c)];

            m->x[3 * i + c] =
                (double)((x / norm->div - norm->mean[c]) / norm->std[c]);
        }
}

static void node(const struct reap_node *n, const struct map *all,
                 struct map *out)
{
    size_t i = 0;

    for (size_t y = 0; y < n->h; y++)
        for (size_t x = 0; x < n->w; x++)
            for (size_t c = 0; c < n->c; c++, i++) {
                double v = value(n, &all[n->in], y, x, c);

                if (n->op == REAP_OP_CONV && n->in2 >= 0)
                    v += all[n->in2].x[i];
                out->x[i] = n->relu && v < 0 ? 0 : v;
            }
}

double *forward(const struct reap_net *net, const struct reap_norm *norm,
                const uint8_t *image, size_t last)
{
    struct map *m = reap_calloc(last + 1, sizeof(*m));
    double *out;

    for (size_t i = 0; m && i <= last; i++) {
        const struct reap_node *n = &net->node[i];

        m[i] = (struct map){ n->h, n->w, n->c, NULL };
        m[i].x = reap_calloc(n->h * n->w * n->c, sizeof(double));
        if (!m[i].x)
            abort();
        if (i == 0)
            input(norm, image, &m[i]);
        else
            node(n, m, &m[i]);
    }
    if (!m)
        abort();
    out = m[last].x;
    for (size_t i = 0; i < last; i++)
        reap_free(m[i].x);
    reap_free(m);
    return out;
}
