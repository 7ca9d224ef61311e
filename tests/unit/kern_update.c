/* Steps of optimizers: every level gives the bits of the plain one, which is
 * right, and writes nothing else. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/cpu.h"
#include "engine/kern/kernels.h"
#include "tests/fill.h"
#include "tests/guard.h"
#include "tests/tap.h"

enum { ROWS = 5, VECTORS = 4, MOST = ROWS * VECTORS * 16 };

struct numbers {
    float *w, *m, *v;
};

static struct numbers numbers_new(const float *from, size_t n)
{
    struct numbers x = { guard_new(n * sizeof(float)),
                         guard_new(n * sizeof(float)),
                         guard_new(n * sizeof(float)) };

    memcpy(x.w, from, n * sizeof(float));
    memcpy(x.m, from + MOST, n * sizeof(float));
    memcpy(x.v, from + 2 * MOST, n * sizeof(float));
    return x;
}

static void numbers_free(struct numbers *x, size_t n)
{
    guard_free(x->w, n * sizeof(float));
    guard_free(x->m, n * sizeof(float));
    guard_free(x->v, n * sizeof(float));
}

static struct reap_update_run run(size_t n, size_t vectors, const float *g)
{
    return (struct reap_update_run){ .n = n,
                                     .vectors = vectors,
                                     .g = g,
                                     .g_block = n * 16,
                                     .rate = 0.01f,
                                     .decay = 0.125f,
                                     .momentum = 0.9f,
                                     .keep1 = 0.1f,
                                     .keep2 = 0.001f,
                                     .epsilon = 1e-7f };
}

/* Does 'fn' give what 'plain' gives, for all numbers of rows and vectors? */
static void same(reap_update_fn *fn, reap_update_fn *plain, const char *what,
                 const float *from, const float *g)
{
    int bad = 0;

    for (size_t n = 1; fn && n <= ROWS; n++)
        for (size_t k = 1; k <= VECTORS; k++) {
            const size_t count = n * k * 16;
            struct numbers a = numbers_new(from, count),
                           b = numbers_new(from, count);
            struct reap_update_run r = run(n, k, g);

            r.w = a.w, r.m = a.m, r.v = a.v;
            fn(&r);
            r.w = b.w, r.m = b.m, r.v = b.v;
            plain(&r);
            bad += memcmp(a.w, b.w, count * sizeof(float)) ||
                   memcmp(a.m, b.m, count * sizeof(float)) ||
                   memcmp(a.v, b.v, count * sizeof(float));
            numbers_free(&a, count);
            numbers_free(&b, count);
        }
    ok(fn && !bad, "%s has the bits of the plain one", what);
}

/* One weight in double. */
static void check_adam(reap_update_fn *fn, const float *from, const float *g)
{
    struct numbers x = numbers_new(from, 16);
    struct reap_update_run r = run(1, 1, g);
    double worst = 0;

    r.w = x.w, r.m = x.m, r.v = x.v;
    fn(&r);
    for (int i = 0; i < 16; i++) {
        const double w = (double)from[i], d = (double)g[i] + 0.125 * w;
        const double m = 0.9 * (double)from[MOST + i] + 0.1 * d;
        const double v = 0.999 * (double)from[2 * MOST + i] + 0.001 * d * d;

        worst = fmax(worst,
                     fabs((double)x.w[i] - (w - 0.01 * m / (sqrt(v) + 1e-7))));
        worst = fmax(worst, fabs((double)x.v[i] - v));
    }
    ok(worst <= 1e-6, "adam does what Keras does, within %.1e", worst);
    numbers_free(&x, 16);
}

static void check_sgd(reap_update_fn *fn, const float *from, const float *g)
{
    struct numbers x = numbers_new(from, 16);
    struct reap_update_run r = run(1, 1, g);
    double worst = 0;

    r.w = x.w, r.m = x.m, r.v = x.v;
    fn(&r);
    for (int i = 0; i < 16; i++) {
        const double w = (double)from[i], d = (double)g[i] + 0.125 * w;
        const double m = 0.9 * (double)from[MOST + i] - 0.01 * d;

        worst = fmax(worst, fabs((double)x.w[i] - (w + m)));
    }
    ok(worst <= 1e-6, "sgd does what Keras does, within %.1e", worst);
    numbers_free(&x, 16);
}

int main(void)
{
    static float from[3 * MOST], g[MOST];
    struct reap_kernels k, plain;
    unsigned cpu;

    fill_seed();
    fill_real(from, 3 * MOST);
    fill_real(g, MOST);
    for (int i = 2 * MOST; i < 3 * MOST; i++)
        from[i] = fabsf(from[i]);
    reap_kernels_init(&plain, 0);
    check_adam(plain.adam_f32.fn, from, g);
    check_sgd(plain.sgd_f32.fn, from, g);
    cpu = reap_cpu_machine();
    for (unsigned level = REAP_CPU_AVX2; level <= REAP_CPU_AVX512;
         level = level == REAP_CPU_AVX2 ? REAP_CPU_AVX512 : 2 * level) {
        if ((cpu & level) != level) {
            skip("no such CPU");
            continue;
        }
        reap_kernels_init(&k, level);
        same(k.adam_f32.fn, plain.adam_f32.fn, k.adam_f32.variant, from, g);
        same(k.sgd_f32.fn, plain.sgd_f32.fn, k.sgd_f32.variant, from, g);
    }
    return done();
}
