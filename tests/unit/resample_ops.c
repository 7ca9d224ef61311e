/* Every variant of the resampler's sums against plain C, to the bit: all
 * tails, extreme weights and pixels, buffers that end at unmapped pages. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/cpu.h"
#include "engine/kern/resample_ops.h"
#include "tests/guard.h"
#include "tests/tap.h"

static const struct {
    const char *name;
    unsigned needs;
    reap_along_fn *along;
    reap_down_fn *down;
} variant[] = {
#define RESAMPLE(var, needs) \
    { #var, needs, reap_along_u8_##var, reap_down_u8_##var },
#include "engine/kern/resample.def"
#undef RESAMPLE
};

static uint32_t state = 2463534242;

static uint32_t rnd(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

/* Whole weights whose sum stays within what the filters can reach. */
static void weights(int32_t *k, size_t count)
{
    int32_t left = 5000000;

    for (size_t i = 0; i < count; i++) {
        int32_t most = left < 4194304 ? left : 4194304;

        k[i] = most > 0 ? (int32_t)(rnd() % (uint32_t)most) : 0;
        if (rnd() % 4 == 0)
            k[i] = -k[i] / 4;
        left -= k[i] < 0 ? -k[i] : k[i];
    }
}

static void pixels(uint8_t *p, size_t n)
{
    while (n--)
        *p++ = rnd() % 3 ? (uint8_t)rnd() : rnd() % 2 ? 255 : 0;
}

static bool along_once(reap_along_fn *f, size_t n, size_t room, size_t rows)
{
    enum { WIDTH = 90, STRIDE = 3 * WIDTH };
    size_t bytes = rows * STRIDE + REAP_RESAMPLE_SLACK;
    uint8_t *src = guard_new(bytes), *want = guard_new(rows * 3 * n);
    uint8_t *got = guard_new(rows * 3 * n);
    uint32_t *lo = calloc(n, sizeof(*lo)), *count = calloc(n, sizeof(*lo));
    int32_t *k = calloc(n * room, sizeof(*k));
    struct reap_taps t = { n, room, lo, count, k };
    bool same;

    pixels(src, bytes);
    for (size_t x = 0; x < n; x++) {
        size_t most = room < WIDTH ? room : WIDTH;

        count[x] = (uint32_t)(1 + rnd() % most);
        lo[x] = (uint32_t)(rnd() % 4 ? rnd() % (WIDTH - count[x] + 1)
                                     : WIDTH - count[x]);
        weights(k + x * room, count[x]);
    }
    reap_along_u8_ref(&t, rows, src, STRIDE, want, 3 * n);
    f(&t, rows, src, STRIDE, got, 3 * n);
    same = !memcmp(want, got, rows * 3 * n);
    guard_free(src, bytes);
    guard_free(want, rows * 3 * n);
    guard_free(got, rows * 3 * n);
    free(lo);
    free(count);
    free(k);
    return same;
}

static bool down_once(reap_down_fn *f, size_t count, size_t n)
{
    size_t stride = n + rnd() % 5, bytes = (count - 1) * stride + n;
    uint8_t *src = guard_new(bytes), *want = guard_new(n), *got = guard_new(n);
    int32_t *k = calloc(count, sizeof(*k));
    bool same;

    pixels(src, bytes);
    weights(k, count);
    reap_down_u8_ref(k, count, n, src, stride, want);
    f(k, count, n, src, stride, got);
    same = !memcmp(want, got, n);
    guard_free(src, bytes);
    guard_free(want, n);
    guard_free(got, n);
    free(k);
    return same;
}

static void check(const char *name, reap_along_fn *along, reap_down_fn *down)
{
    static const size_t room[] = { 4, 8, 12, 88, 512, 4096 };
    static const size_t taps[] = { 1, 2, 3, 4, 7, 128, 129, 300 };
    bool good = true;

    for (size_t r = 0; r < 6; r++)
        for (size_t n = 1; n <= 20; n++)
            for (size_t rows = 1; rows <= 4; rows++)
                good &= along_once(along, n, room[r], rows);
    good &= along_once(along, 700, 4, 3) && along_once(along, 300, 12, 2);
    ok(good, "%s: sums along rows", name);
    good = true;
    for (size_t i = 0; i < 8; i++)
        for (size_t n = 1; n <= 100; n++)
            good &= down_once(down, taps[i], n);
    ok(good, "%s: sums down columns", name);
}

int main(void)
{
    struct reap_resample_ops ops;
    unsigned cpu;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (reap_cpu_detect(&cpu, NULL))
        return 1;
    for (size_t i = 0; i < sizeof(variant) / sizeof(variant[0]); i++) {
        printf("# %s\n", variant[i].name);
        if ((cpu & variant[i].needs) == variant[i].needs)
            check(variant[i].name, variant[i].along, variant[i].down);
        else
            skip("this CPU has no %s, or REAP_CPU forbids it", variant[i].name);
    }
    reap_resample_ops_init(&ops, 0);
    ok(!strcmp(ops.variant, "ref"), "plain C is always there");
    return done();
}
