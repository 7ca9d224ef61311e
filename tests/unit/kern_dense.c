/* Dense layers: every level gives the bits of the plain one, for any number of
 * images, inputs and outputs, reads nothing else and writes nothing else; the
 * plain one is right. */
#include <math.h>
#include <string.h>

#include "engine/base/cpu.h"
#include "engine/kern/kernels.h"
#include "tests/fill.h"
#include "tests/guard.h"
#include "tests/tap.h"

enum { IMAGES = 9, OUTPUTS = 10, GAP = 3 };

struct layer {
    struct reap_dense_run r;
    float *x, *weight, *bias, *out;
};

static size_t bytes(size_t n)
{
    return n * sizeof(float);
}

static float *some(size_t n)
{
    float *to = guard_new(bytes(n));

    fill_real(to, n);
    return to;
}

/* What was asked for ends where its memory ends; rows of the output lie apart
 * where it has several. */
static struct layer layer_new(size_t n, size_t in, size_t outputs)
{
    struct layer l = { .x = some(n * in),
                       .weight = some(outputs * in),
                       .bias = some(outputs) };

    l.r = (struct reap_dense_run){ .n = n,
                                   .in = in,
                                   .outputs = outputs,
                                   .row = outputs + GAP,
                                   .x = l.x,
                                   .weight = l.weight,
                                   .bias = l.bias };
    l.out = some((n - 1) * l.r.row + outputs);
    l.r.out = l.out;
    return l;
}

static void layer_free(struct layer *l)
{
    const struct reap_dense_run *r = &l->r;

    guard_free(l->x, bytes(r->n * r->in));
    guard_free(l->weight, bytes(r->outputs * r->in));
    guard_free(l->bias, bytes(r->outputs));
    guard_free(l->out, bytes((r->n - 1) * r->row + r->outputs));
}

/* The sum in double, and what rounding may make of it. */
static double error(const struct reap_dense_run *r, size_t i, size_t o)
{
    double sum = (double)r->bias[o], size = fabs(sum);

    for (size_t k = 0; k < r->in; k++) {
        double x =
            (double)r->x[i * r->in + k] * (double)r->weight[o * r->in + k];

        sum += x;
        size += fabs(x);
    }
    return fabs((double)r->out[i * r->row + o] - sum) / size;
}

static double worst(const struct reap_dense_run *r)
{
    double most = 0;

    for (size_t i = 0; i < r->n; i++)
        for (size_t o = 0; o < r->outputs; o++)
            most = fmax(most, error(r, i, o));
    return most;
}

static void check_plain(reap_dense_fn *plain)
{
    struct layer l = layer_new(3, 2048, 7);

    plain(&l.r);
    /* 128 products a part, then 16 parts. */
    ok(worst(&l.r) < 146 * 0x1p-24, "plain: off by %.1e of its terms",
       worst(&l.r));
    layer_free(&l);
}

static bool same(reap_dense_fn *fn, reap_dense_fn *plain, size_t n, size_t in,
                 size_t outputs)
{
    struct layer l = layer_new(n, in, outputs);
    const size_t all = bytes((n - 1) * l.r.row + outputs);
    float *before = guard_new(all), *want = guard_new(all);
    bool equal;

    memcpy(before, l.out, all);
    plain(&l.r);
    memcpy(want, l.out, all);
    memcpy(l.out, before, all);
    fn(&l.r);
    equal = !memcmp(want, l.out, all);
    guard_free(before, all);
    guard_free(want, all);
    layer_free(&l);
    return equal;
}

static void check_level(reap_dense_fn *fn, reap_dense_fn *plain,
                        const char *what)
{
    static const size_t in[] = { 1, 15, 16, 17, 31, 32, 100, 2048 };
    int bad = 0;

    for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++)
        for (size_t n = 1; n <= IMAGES; n++)
            for (size_t o = 1; o <= OUTPUTS; o++)
                bad += !same(fn, plain, n, in[i], o);
    ok(!bad, "%s has the bits of the plain one: %d differ", what, bad);
}

int main(void)
{
    struct reap_kernels k, plain;
    const unsigned cpu = reap_cpu_machine();
    static const unsigned level[] = { REAP_CPU_AVX2, REAP_CPU_AVX512 };

    fill_seed();
    reap_kernels_init(&plain, 0);
    check_plain(plain.dense_f32.fn);
    for (size_t i = 0; i < 2; i++) {
        if ((cpu & level[i]) != level[i]) {
            skip("no such CPU");
            continue;
        }
        reap_kernels_init(&k, level[i]);
        check_level(k.dense_f32.fn, plain.dense_f32.fn, k.dense_f32.variant);
    }
    return done();
}
