/* Positions and weights, in double precision and in the order of operations
 * of Pillow's Resample.c (precompute_coeffs, normalize_coeffs_8bpc). */
#define _GNU_SOURCE
#include <math.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/image/resample_impl.h"

enum { BITS = 22, MAX_INTS = 1 << 20 };

static double box(double x)
{
    return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
}

static double bilinear(double x)
{
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

static double bicubic(double x)
{
    const double a = -0.5;

    x = fabs(x);
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    if (x < 2.0)
        return (((x - 5) * x + 8) * x - 4) * a;
    return 0.0;
}

static double sinc(double x)
{
    if (x == 0.0)
        return 1.0;
    x = x * M_PI;
    return sin(x) / x;
}

static double lanczos(double x)
{
    return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0;
}

static const struct {
    double (*f)(double x);
    double support;
} filter[] = {
    [REAP_BOX] = { box, 0.5 },
    [REAP_BILINEAR] = { bilinear, 1.0 },
    [REAP_BICUBIC] = { bicubic, 2.0 },
    [REAP_LANCZOS] = { lanczos, 3.0 },
};

static double scale_of(const struct reap_side *s)
{
    return (double)s->in / (double)s->out;
}

static double support_of(const struct reap_side *s)
{
    return filter[s->filter].support * fmax(scale_of(s), 1.0);
}

static void antialias_span(const struct reap_side *s, size_t x, size_t *lo,
                           size_t *hi)
{
    double centre = ((double)x + 0.5) * scale_of(s);
    double support = support_of(s);
    double first = centre - support + 0.5, last = centre + support + 0.5;

    *lo = first < 0 ? 0 : (size_t)first;
    *hi = last > (double)s->in ? s->in : (size_t)last;
}

static void tf_span(const struct reap_side *s, size_t x, size_t *lo, size_t *hi)
{
    float scale = (float)s->in / (float)s->out;
    float at = ((float)x + 0.5f) * scale - 0.5f;
    float top = ceilf(at);

    *lo = at < 0 ? 0 : (size_t)floorf(at);
    *hi = (top < 0 ? 0 : (size_t)top) + 1;
    if (*hi > s->in)
        *hi = s->in;
    if (*lo >= *hi)
        *lo = *hi - 1;
}

void reap_side_span(const struct reap_side *s, size_t x, size_t *lo, size_t *hi)
{
    if (s->filter == REAP_TF_BILINEAR)
        tf_span(s, x, lo, hi);
    else
        antialias_span(s, x, lo, hi);
}

/* Pillow adds the step once for each output, and the sum's rounding counts. */
static size_t nearest_step(double *at, double step)
{
    size_t i = (size_t)*at;

    *at += step;
    return i;
}

void reap_side_nearest(const struct reap_side *s, uint32_t *out)
{
    double step = scale_of(s), at = step * 0.5;

    for (size_t x = 0; x < s->first; x++)
        at += step;
    for (size_t i = 0; i < s->n; i++) {
        size_t p = nearest_step(&at, step);

        out[i] = (uint32_t)(p < s->in ? p : s->in - 1);
    }
}

void reap_side_window(const struct reap_side *s, size_t *lo, size_t *hi)
{
    size_t rest;

    if (s->filter == REAP_NEAREST || s->in == s->out) {
        /* a margin of one is more than rounding can move */
        double from = (double)s->first * scale_of(s);
        double to = (double)(s->first + s->n) * scale_of(s);

        *lo = from < 1 ? 0 : (size_t)from - 1;
        *hi = to + 2 > (double)s->in ? s->in : (size_t)to + 2;
        if (*lo >= s->in)
            *lo = s->in - 1;
        return;
    }
    reap_side_span(s, s->first, lo, &rest);
    reap_side_span(s, s->first + s->n - 1, &rest, hi);
}

static bool resample_weights_grow(void *p, size_t *room, size_t n, size_t size)
{
    void **at = p, *more;

    if (n <= *room)
        return true;
    more = reap_realloc(*at, n * size);
    if (!more)
        return false;
    *at = more;
    *room = n;
    return true;
}

static bool resample_weights_make_room(struct reap_resample_weights *w,
                                       size_t n)
{
    size_t before = w->outputs;

    if (!resample_weights_grow(&w->lo, &before, n, sizeof(*w->lo)) ||
        !resample_weights_grow(&w->count, &w->outputs, n, sizeof(*w->count)))
        return false;
    return resample_weights_grow(&w->k, &w->ints, n * w->taps.room,
                                 sizeof(*w->k)) &&
           resample_weights_grow(&w->w, &w->doubles, w->taps.room,
                                 sizeof(*w->w));
}

/* The weights of one output. */
static void find_one(struct reap_resample_weights *w, const struct reap_side *s,
                     size_t x, size_t origin, size_t i)
{
    double centre = ((double)x + 0.5) * scale_of(s), sum = 0.0;
    double per = 1.0 / fmax(scale_of(s), 1.0);
    int32_t *k = w->k + i * w->taps.room;
    size_t lo, hi;

    antialias_span(s, x, &lo, &hi);
    for (size_t j = lo; j < hi; j++) {
        double v = filter[s->filter].f(
            ((double)(j - lo) + (double)lo - centre + 0.5) * per);

        w->w[j - lo] = v;
        sum += v;
    }
    memset(k, 0, w->taps.room * sizeof(*k));
    for (size_t j = 0; j < hi - lo; j++) {
        double v = sum != 0.0 ? w->w[j] / sum : w->w[j];

        k[j] = (int32_t)((v < 0 ? -0.5 : 0.5) + v * (1 << BITS));
    }
    w->lo[i] = (uint32_t)(lo - origin);
    w->count[i] = (uint32_t)(hi - lo);
}

bool reap_weights_find(struct reap_resample_weights *w,
                       const struct reap_side *s, size_t x, size_t limit,
                       size_t origin)
{
    size_t most = (size_t)ceil(support_of(s)) * 2 + 1, n;

    most = (most + REAP_TAPS - 1) / REAP_TAPS * REAP_TAPS;
    n = MAX_INTS / most;
    n = n < 1 ? 1 : n > limit ? limit : n;
    w->taps.room = most;
    w->taps.n = n;
    if (!resample_weights_make_room(w, n))
        return false;
    for (size_t i = 0; i < n; i++)
        find_one(w, s, x + i, origin, i);
    w->taps.lo = w->lo;
    w->taps.count = w->count;
    w->taps.k = w->k;
    return true;
}

void reap_weights_clear(struct reap_resample_weights *w)
{
    reap_free(w->lo);
    reap_free(w->count);
    reap_free(w->k);
    reap_free(w->w);
    memset(w, 0, sizeof(*w));
}
