/* The resampler against the formula of docs/design.md, section 6, written out.
 */
#define _GNU_SOURCE
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/image/resample.h"
#include "tests/guard.h"
#include "tests/tap.h"

static uint32_t state = 12345;

static uint32_t rnd(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static double kernel(enum reap_filter f, double x)
{
    double a = fabs(x), s;

    switch (f) {
    case REAP_BOX:
        return x > -0.5 && x <= 0.5;
    case REAP_BILINEAR:
        return a < 1 ? 1 - a : 0;
    case REAP_BICUBIC:
        return a < 1   ? ((-0.5 + 2.0) * a - (-0.5 + 3.0)) * a * a + 1
               : a < 2 ? (((a - 5) * a + 8) * a - 4) * -0.5
                       : 0;
    default:
        s = x * M_PI;
        return a < 3 ? x == 0 ? 1 : sin(s) / s * (sin(s / 3) / (s / 3)) : 0;
    }
}

/* One output of one pass: n source values 'step' bytes apart. */
static uint8_t one(enum reap_filter f, size_t in, size_t out, size_t x,
                   const uint8_t *src, size_t step)
{
    static const double reach[] = { [REAP_BOX] = .5,
                                    [REAP_BILINEAR] = 1,
                                    [REAP_BICUBIC] = 2,
                                    [REAP_LANCZOS] = 3 };
    double scale = (double)in / (double)out, fs = fmax(scale, 1);
    double centre = ((double)x + .5) * scale, sum = 0;
    int lo = (int)(centre - reach[f] * fs + .5), hi;
    int64_t total = 1 << 21;

    lo = lo < 0 ? 0 : lo;
    hi = (int)(centre + reach[f] * fs + .5);
    hi = hi > (int)in ? (int)in : hi;
    for (int i = lo; i < hi; i++)
        sum += kernel(f, ((double)i - centre + .5) * (1 / fs));
    for (int i = lo; i < hi; i++) {
        double w = kernel(f, ((double)i - centre + .5) * (1 / fs)) / sum;

        total += (int)(w * 4194304 + (w < 0 ? -.5 : .5)) *
                 (int64_t)src[(size_t)i * step];
    }
    total >>= 22;
    return (uint8_t)(total < 0 ? 0 : total > 255 ? 255 : total);
}

static void pass_along(enum reap_filter f, size_t h, size_t in, size_t out,
                       const uint8_t *src, uint8_t *dst)
{
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < out; x++)
            for (size_t c = 0; c < 3; c++)
                dst[(y * out + x) * 3 + c] =
                    in == out ? src[(y * in + x) * 3 + c]
                              : one(f, in, out, x, src + y * in * 3 + c, 3);
}

static void pass_down(enum reap_filter f, size_t w, size_t in, size_t out,
                      const uint8_t *src, uint8_t *dst)
{
    for (size_t y = 0; y < out; y++)
        for (size_t i = 0; i < 3 * w; i++)
            dst[y * 3 * w + i] = in == out ? src[y * 3 * w + i]
                                           : one(f, in, out, y, src + i, 3 * w);
}

static void brute(const struct reap_geometry *g, const uint8_t *src,
                  uint8_t *dst)
{
    size_t W = g->src_w, H = g->src_h;
    uint8_t *mid = malloc(3 * (W > g->w ? W : g->w) * (H > g->h ? H : g->h));

    if (g->filter == REAP_NEAREST) {
        double sy = (double)H / (double)g->h, ay = sy * .5;

        for (size_t y = 0; y < g->h; y++, ay += sy) {
            double sx = (double)W / (double)g->w, ax = sx * .5;

            for (size_t x = 0; x < g->w; x++, ax += sx)
                memcpy(dst + (y * g->w + x) * 3,
                       src + ((size_t)ay * W + (size_t)ax) * 3, 3);
        }
    } else if (!(H > g->h &&
                 (long)H - (long)g->h > 2 * ((long)W - (long)g->w))) {
        pass_along(g->filter, H, W, g->w, src, mid);
        pass_down(g->filter, g->w, H, g->h, mid, dst);
    } else {
        pass_down(g->filter, W, H, g->h, src, mid);
        pass_along(g->filter, g->h, W, g->w, mid, dst);
    }
    free(mid);
}

/* The crop of 'whole' (g->h, g->w, 3); zeros outside. */
static bool same_crop(const struct reap_geometry *g, const uint8_t *whole,
                      const uint8_t *got)
{
    for (size_t y = 0; y < g->out_h; y++)
        for (size_t x = 0; x < g->out_w; x++)
            for (size_t c = 0; c < 3; c++) {
                ptrdiff_t sy = (ptrdiff_t)y + g->top;
                ptrdiff_t sx = (ptrdiff_t)x + g->left;
                bool in = sy >= 0 && sx >= 0 && sy < (ptrdiff_t)g->h &&
                          sx < (ptrdiff_t)g->w;
                uint8_t want =
                    in ? whole[((size_t)sy * g->w + (size_t)sx) * 3 + c] : 0;

                if (got[(y * g->out_w + x) * 3 + c] != want)
                    return false;
            }
    return true;
}

/* Give it only the window it asks for, in memory that ends behind the slack,
 * and a result that ends where it must. */
static bool try_one(struct reap_resample *r, const struct reap_preset *p,
                    size_t h, size_t w)
{
    struct reap_geometry g;
    struct reap_window win;
    size_t rows, cols, n;
    uint8_t *src, *part, *dst, *whole;
    bool good;

    if (!reap_geometry_find(p, h, w, &g))
        return false;
    src = malloc(h * w * 3);
    for (size_t i = 0; i < h * w * 3; i++)
        src[i] = rnd() % 3 ? (uint8_t)rnd() : rnd() % 2 ? 255 : 0;
    reap_resample_window(&g, &win);
    rows = win.row1 - win.row0;
    cols = win.col1 - win.col0;
    n = rows * cols * 3 + REAP_RESAMPLE_SLACK;
    part = guard_new(n);
    for (size_t y = 0; y < rows; y++)
        memcpy(part + y * cols * 3, src + ((win.row0 + y) * w + win.col0) * 3,
               cols * 3);
    dst = guard_new(g.out_h * g.out_w * 3);
    whole = malloc(g.h * g.w * 3);
    brute(&g, src, whole);
    good = !reap_resample_run(r, &g, &win, part, cols * 3, dst, NULL) &&
           same_crop(&g, whole, dst);
    if (!good)
        printf("# %zu x %zu to %zu x %zu at %td %td, %s\n", h, w, g.h, g.w,
               g.top, g.left, p->name);
    guard_free(part, n);
    guard_free(dst, g.out_h * g.out_w * 3);
    free(src);
    free(whole);
    return good;
}

static void sizes(struct reap_resample *r, struct reap_preset *p,
                  const char *what)
{
    static const size_t side[] = { 1, 2, 3, 7, 16, 33, 61 };
    enum { N = sizeof(side) / sizeof(side[0]) };
    bool good = true;

    for (size_t i = 0; i < N * N; i++)
        good &= try_one(r, p, side[i / N], side[i % N]);
    ok(good, "%s, fixed sizes", what);
    for (size_t i = 0; i < 25 && good; i++)
        good = try_one(r, p, 1 + rnd() % 150, 1 + rnd() % 150);
    ok(good, "%s, random sizes", what);
}

static void corners(void)
{
    struct reap_preset p = { .resize = REAP_RESIZE_NONE,
                             .crop_h = 4,
                             .crop_w = 4 };
    static const ptrdiff_t even[] = { -1, -1, -0, 0, 0, 1, 2, 2 };
    static const ptrdiff_t down[] = { -2, -1, -1, 0, 0, 1, 1, 2 };
    struct reap_geometry g;

    for (size_t i = 0; i < 8; i++) {
        p.corner_floor = false;
        ok(reap_geometry_find(&p, i + 1, 4, &g) && g.top == even[i],
           "%zu rows, crop 4: half to even gives %td", i + 1, even[i]);
        p.corner_floor = true;
        ok(reap_geometry_find(&p, i + 1, 4, &g) && g.top == down[i],
           "%zu rows, crop 4: rounded down gives %td", i + 1, down[i]);
    }
    p = (struct reap_preset){ .resize = REAP_RESIZE_SHORT, .resize_h = 256 };
    ok(!reap_geometry_find(&p, 100000000, 1, &g), "2^31 rows are refused");
}

int main(void)
{
    static const char *const filter[] = { "nearest", "box", "bilinear",
                                          "bicubic", "lanczos" };
    static const char *const how[] = { "warp:20x31", "short:24", "long:50" };
    struct reap_resample *r = NULL;
    struct reap_preset p = { .resize = REAP_RESIZE_WARP };
    char what[80];

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (reap_resample_new(&r, NULL))
        return 1;
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < 3; j++)
            for (size_t crop = 0; crop <= 22; crop += 22) {
                snprintf(what, sizeof(what), "%s %s crop %zu", filter[i],
                         how[j], crop);
                if (reap_preset_set(&p, "filter", filter[i], NULL) ||
                    reap_preset_set(&p, "resize", how[j], NULL))
                    return 1;
                snprintf(p.name, sizeof(p.name), "%.31s", what);
                p.crop_h = p.crop_w = crop;
                sizes(r, &p, what);
            }
    corners();
    reap_resample_free(&r);
    return done();
}
