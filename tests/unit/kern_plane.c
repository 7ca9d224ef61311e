/* Max pool, affine map and sums by themselves, every row of kernels.def that
 * this CPU can run: whole numbers to the bit against plain C; inputs end at
 * unmapped pages, canaries stand beside each result. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/cpu.h"
#include "tests/fill.h"
#include "tests/guard.h"
#include "tests/kern_help.h"
#include "tests/tap.h"

enum { MOST = 9, SIDE = 3, CANARY = 0x5a };

/* Pixels of one block before an unmapped page; of numbers in halves, the low
 * parts stand behind the high ones. */
struct plane {
    struct form f;
    size_t pixels;
    ptrdiff_t low;
    char *p;
};

static size_t bytes_of(const struct plane *a)
{
    return a->pixels * REAP_PIXEL * (a->f.halves ? 2 : 1);
}

static struct plane plane_new(const struct kern *k, size_t pixels)
{
    struct plane a = { form_of(k->name), pixels, 0, NULL };

    a.low = a.f.halves ? (ptrdiff_t)(pixels * REAP_PIXEL) : 0;
    a.p = guard_new(bytes_of(&a));
    return a;
}

static void plane_free(struct plane *a)
{
    guard_free(a->p, bytes_of(a));
}

static void put(const struct plane *a, char *to, size_t c, float x)
{
    kern_put(to, c, a->f.elem, x);
    if (a->f.halves)
        kern_put(to + a->low, c, a->f.elem, x - kern_half(x));
}

static float get(const struct plane *a, const char *from, size_t c)
{
    const float x = kern_get(from, c, a->f.elem);

    return a->f.halves ? x + kern_get(from + a->low, c, a->f.elem) : x;
}

static size_t channels(const struct plane *a)
{
    return REAP_PIXEL / a->f.elem;
}

/* Whole numbers that the type can hold, in halves such as need both. */
static void fill(struct plane *a)
{
    for (size_t i = 0; i < a->pixels * channels(a); i++) {
        const float x = (float)(a->f.halves      ? rand() / 7 % 40001 - 20000
                                : a->f.elem == 1 ? rand() / 7 % 256
                                                 : rand() / 7 % 401 - 200);

        put(a, a->p + i / channels(a) * REAP_PIXEL, i % channels(a), x);
    }
}

/* Whether 'got' holds what 'want' does, canaries included. */
static bool same(const struct plane *want, const struct plane *got)
{
    return !memcmp(want->p, got->p, bytes_of(got));
}

/* Two planes of canaries: one to write to, one for what it ought to be. */
static void pair_new(const struct kern *k, size_t pixels, struct plane *out,
                     struct plane *want)
{
    *out = plane_new(k, pixels);
    *want = plane_new(k, pixels);
    memset(out->p, CANARY, bytes_of(out));
    memset(want->p, CANARY, bytes_of(want));
}

static float window(const struct plane *in, const struct reap_pool_run *r,
                    size_t p, size_t c)
{
    float most = in->f.elem == 1 ? 0 : r->floor;

    for (size_t y = 0; y < r->ny; y++)
        for (size_t x = 0; x < r->nx; x++)
            most =
                fmaxf(most, get(in,
                                r->in + (ptrdiff_t)y * r->row +
                                    (ptrdiff_t)p * r->stride + x * REAP_PIXEL,
                                c));
    return most;
}

/* One pool: n pixels out of windows of ny by nx, 'stride' pixels apart. The
 * pixels out are the last of their plane. */
static bool pool(const struct kern *k, size_t n, size_t ny, size_t nx,
                 size_t stride)
{
    const size_t wide = (n - 1) * stride + nx;
    struct plane in = plane_new(k, (ny - 1) * (wide + 1) + wide), out, want;
    struct reap_pool_run r = { .n = n,
                               .ny = ny,
                               .nx = nx,
                               .in = in.p,
                               .row = (ptrdiff_t)((wide + 1) * REAP_PIXEL),
                               .stride = (ptrdiff_t)(stride * REAP_PIXEL),
                               .floor = n % 2 ? 0 : -INFINITY,
                               .in_low = in.low };
    bool good;

    fill(&in);
    pair_new(k, n + 1, &out, &want);
    r.out = out.p + REAP_PIXEL;
    r.out_low = out.low;
    for (size_t p = 0; p < n; p++)
        for (size_t c = 0; c < channels(&in); c++)
            put(&want, want.p + (p + 1) * REAP_PIXEL, c, window(&in, &r, p, c));
    ((reap_pool_fn *)k->fn)(&r);
    good = same(&want, &out);
    plane_free(&in);
    plane_free(&out);
    plane_free(&want);
    return good;
}

static void try_pool(const struct kern *k)
{
    size_t wrong = 0;

    for (size_t n = 1; n <= MOST; n++)
        for (size_t ny = 1; ny <= SIDE; ny++)
            for (size_t nx = 1; nx <= SIDE; nx++)
                for (size_t stride = 1; stride <= 2; stride++)
                    wrong += !pool(k, n, ny, nx, stride);
    ok(!wrong, "%s: %zu pools are wrong", k->name, wrong);
}

/* n pixels; scales are powers of two or whole numbers, so that nothing is
 * rounded but the result. */
static bool affine(const struct kern *k, size_t n)
{
    struct plane in = plane_new(k, n), out, want;
    const size_t room = channels(&in) * sizeof(float);
    float *scale = guard_new(room), *bias = guard_new(room);
    struct reap_affine_run r = { .n = n,
                                 .in = in.p,
                                 .scale = scale,
                                 .bias = bias,
                                 .floor = n % 2 ? 0 : -INFINITY,
                                 .in_low = in.low };
    bool good;

    fill(&in);
    for (size_t c = 0; c < channels(&in); c++) {
        scale[c] = (float)(rand() / 7 % 7 - 3) / (c % 2 ? 1 : 4);
        bias[c] = (float)(rand() / 7 % 101 - 50);
    }
    pair_new(k, n + 1, &out, &want);
    r.out = out.p + REAP_PIXEL;
    r.out_low = out.low;
    for (size_t p = 0; p < n; p++)
        for (size_t c = 0; c < channels(&in); c++)
            put(&want, want.p + (p + 1) * REAP_PIXEL, c,
                fmaxf(r.floor,
                      scale[c] * get(&in, in.p + p * REAP_PIXEL, c) + bias[c]));
    ((reap_affine_fn *)k->fn)(&r);
    good = same(&want, &out);
    guard_free(scale, room);
    guard_free(bias, room);
    plane_free(&in);
    plane_free(&out);
    plane_free(&want);
    return good;
}

static void try_affine(const struct kern *k)
{
    size_t wrong = 0;

    for (size_t n = 1; n <= MOST; n++)
        wrong += !affine(k, n);
    ok(!wrong, "%s: %zu maps are wrong", k->name, wrong);
}

/* h rows of w pixels, 'step' pixels apart, on top of what is there. */
static bool sum(const struct kern *k, size_t h, size_t w, size_t step)
{
    const size_t row = (w - 1) * step + 2;
    struct plane in = plane_new(k, (h - 1) * row + (w - 1) * step + 1);
    const size_t n = channels(&in);
    double *got = guard_new(n * sizeof(*got)), want[REAP_PIXEL];
    const struct reap_sum_run r = { h,
                                    w,
                                    in.p,
                                    (ptrdiff_t)(row * REAP_PIXEL),
                                    (ptrdiff_t)(step * REAP_PIXEL),
                                    in.low,
                                    got };
    bool good;

    fill(&in);
    for (size_t c = 0; c < n; c++) {
        want[c] = got[c] = (double)(rand() / 7 % 1001) / 8;
        for (size_t y = 0; y < h; y++)
            for (size_t x = 0; x < w; x++)
                want[c] += (double)get(
                    &in, in.p + (y * row + x * step) * REAP_PIXEL, c);
    }
    ((reap_sum_fn *)k->fn)(&r);
    good = !memcmp(want, got, n * sizeof(*got));
    guard_free(got, n * sizeof(*got));
    plane_free(&in);
    return good;
}

static void try_sum(const struct kern *k)
{
    size_t wrong = 0;

    for (size_t h = 1; h <= SIDE; h++)
        for (size_t w = 1; w <= MOST; w++) /* 16: images side by side */
            wrong += !sum(k, h, w, 1) + !sum(k, h, w, 16);
    ok(!wrong, "%s: %zu sums are wrong", k->name, wrong);
}

static void try(const struct kern *k, unsigned cpu)
{
    if (k->kind != KIND_pool && k->kind != KIND_affine && k->kind != KIND_sum)
        return;
    if ((cpu & k->cpu) != k->cpu)
        skip("%s: not on this CPU, or REAP_CPU forbids it", k->name);
    else if (k->kind == KIND_pool)
        try_pool(k);
    else if (k->kind == KIND_affine)
        try_affine(k);
    else
        try_sum(k);
}

int main(void)
{
    unsigned cpu;

    fill_seed();
    if (reap_cpu_detect(&cpu, NULL))
        return 1;
    for (size_t i = 0; i < kern_n; i++)
        try(&kern[i], cpu);
    return done();
}
