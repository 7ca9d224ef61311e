/* Convolutions of every kind that a network has, through every backend: whole
 * numbers to the bit, real ones (3x3 through Winograd where a backend does so)
 * within a bound. Arenas end at a page that is not mapped. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/cpu.h"
#include "engine/base/mem.h"
#include "engine/plan/backend.h"
#include "tests/fill.h"
#include "tests/guard.h"
#include "tests/tap.h"

/* A net of two convolutions: one 1x1 that makes channels out of pixels, and
 * the one to be tried, to which 'add' is a shortcut of the same making. */
struct shape {
    size_t h, w, cin, c, k, stride, groups;
    bool add, relu;
};

static const struct shape shapes[] = {
    { 9, 7, 3, 64, 7, 2, 1, false, true },
    { 56, 56, 64, 64, 1, 1, 1, false, true },
    { 14, 14, 64, 256, 1, 1, 1, true, true },
    { 7, 9, 64, 256, 1, 1, 1, true, false },
    { 9, 8, 256, 128, 1, 2, 1, false, false },
    { 14, 14, 64, 64, 3, 1, 1, false, true },
    { 7, 7, 512, 512, 3, 1, 1, false, true },
    { 15, 14, 128, 128, 3, 2, 1, false, true },
    { 1, 1, 64, 64, 3, 1, 1, false, true },
    { 2, 1, 64, 64, 3, 2, 1, true, true },
    { 8, 8, 128, 128, 3, 1, 32, false, true },
    { 9, 9, 256, 256, 3, 2, 64, false, true },
    { 7, 7, 256, 256, 3, 1, 32, false, true },
    { 3, 120, 16, 24, 3, 1, 1, true, true },
    { 11, 13, 64, 64, 3, 1, 1, true, false },
    { 5, 6, 96, 72, 3, 1, 3, false, true },
    { 10, 4, 20, 70, 5, 2, 1, false, false },
};

struct numbers {
    float *pixels, *first, *first_bias, *weight, *bias, *skip, *skip_bias;
    size_t k; /* products in a sum of the second convolution */
};

static float *new_numbers(void (*fill)(float *, size_t), size_t n)
{
    float *p = guard_new(n * sizeof(*p));

    fill(p, n);
    return p;
}

static struct numbers numbers_new(const struct shape *s,
                                  void (*fill)(float *, size_t))
{
    struct numbers n = { .k = s->k * s->k * s->cin / s->groups };

    n.pixels = new_numbers(fill, s->h * s->w * 3);
    n.first = new_numbers(fill, s->cin * 3);
    n.first_bias = new_numbers(fill, s->cin);
    n.weight = new_numbers(fill, s->c * n.k);
    n.bias = new_numbers(fill, s->c);
    n.skip = new_numbers(fill, s->c * 3);
    n.skip_bias = new_numbers(fill, s->c);
    return n;
}

static void numbers_free(const struct shape *s, struct numbers *n)
{
    guard_free(n->pixels, s->h * s->w * 3 * sizeof(float));
    guard_free(n->first, s->cin * 3 * sizeof(float));
    guard_free(n->first_bias, s->cin * sizeof(float));
    guard_free(n->weight, s->c * n->k * sizeof(float));
    guard_free(n->bias, s->c * sizeof(float));
    guard_free(n->skip, s->c * 3 * sizeof(float));
    guard_free(n->skip_bias, s->c * sizeof(float));
}

static struct reap_node conv(int in, size_t c, size_t k, size_t stride,
                             const struct reap_node *from, const float *weight,
                             const float *bias)
{
    struct reap_node n = { .op = REAP_OP_CONV,
                           .in = in,
                           .in2 = -1,
                           .c = c,
                           .kh = k,
                           .kw = k,
                           .stride = stride,
                           .pad = k / 2,
                           .groups = 1,
                           .weight = weight,
                           .bias = bias };

    n.h = (from->h + 2 * n.pad - k) / stride + 1;
    n.w = (from->w + 2 * n.pad - k) / stride + 1;
    return n;
}

/* Nodes: image, first, skip, the convolution. Returns how many. */
static size_t build(const struct shape *s, const struct numbers *n,
                    struct reap_node node[4])
{
    node[0] = (struct reap_node){
        .op = REAP_OP_INPUT, .in = -1, .in2 = -1, .h = s->h, .w = s->w, .c = 3
    };
    node[1] = conv(0, s->cin, 1, 1, &node[0], n->first, n->first_bias);
    node[2] = conv(0, s->c, 1, s->stride, &node[0], n->skip, n->skip_bias);
    node[3] = conv(1, s->c, s->k, s->stride, &node[1], n->weight, n->bias);
    node[3].groups = s->groups;
    node[3].relu = s->relu;
    node[3].in2 = s->add ? 2 : -1;
    return 4;
}

/* The formula of engine/net/net.h, as it stands there; '*mass' is the sum of
 * magnitudes, by which an error is to be judged. */
static double formula(const struct reap_node *n, const struct reap_node *from,
                      const double *in, size_t at, double *mass)
{
    const size_t o = at % n->c, x = at / n->c % n->w, y = at / n->c / n->w;
    const size_t cin = from->c / n->groups, g = o / (n->c / n->groups);
    const float *w = n->weight + o * n->kh * n->kw * cin;
    double sum = n->bias[o];

    *mass = fabs(sum);
    for (size_t ky = 0; ky < n->kh; ky++)
        for (size_t kx = 0; kx < n->kw; kx++)
            for (size_t i = 0; i < cin; i++, w++) {
                const long iy = (long)(y * n->stride + ky) - (long)n->pad;
                const long ix = (long)(x * n->stride + kx) - (long)n->pad;
                double p;

                if (iy < 0 || ix < 0 || iy >= (long)from->h ||
                    ix >= (long)from->w)
                    continue;
                p = *w * in[((size_t)iy * from->w + (size_t)ix) * from->c +
                            g * cin + i];
                sum += p;
                *mass += fabs(p);
            }
    return sum;
}

/* All nodes in double precision; the last one's magnitudes in 'mass'. */
static double *expect(const struct reap_node *node, const float *pixels,
                      double *mass)
{
    double *out[4], m;

    for (size_t i = 0; i < 4; i++) {
        const size_t size = node[i].h * node[i].w * node[i].c;

        out[i] = malloc(size * sizeof(double));
        for (size_t at = 0; at < size; at++) {
            double *to = &out[i][at];

            if (!i) {
                *to = pixels[at];
                continue;
            }
            *to = formula(&node[i], &node[node[i].in], out[node[i].in], at, &m);
            if (node[i].in2 >= 0)
                *to += out[node[i].in2][at];
            if (i == 3)
                mass[at] = m + fabs(*to);
            if (node[i].relu && *to < 0)
                *to = 0;
        }
    }
    for (size_t i = 0; i < 3; i++)
        free(out[i]);
    return out[3];
}

static float *actual(const struct reap_backend *b, const struct reap_net *net,
                     const float *pixels, bool exact)
{
    const struct reap_probe probe = { 3, REAP_PROBE_MAP };
    const struct reap_plan_args a = {
        .net = net,
        .norm = { .div = 1, .std = { 1, 1, 1 }, .float_in = true },
        .precision = REAP_FP32,
        .cpu = b->needs,
        .exact = exact,
        .max_batch = 1,
        .n_probes = 1,
        .probes = &probe
    };
    const struct reap_node *n = &net->node[3];
    float *out = malloc(n->h * n->w * n->c * sizeof(*out));
    struct reap_err err;
    const void *image = pixels;
    void *prog, *arena;

    if (b->compile(&prog, &a, &err)) {
        printf("# %s\n", err.msg);
        free(out);
        return NULL;
    }
    arena = guard_new(b->arena(prog));
    b->run(prog, arena, NULL, 1, &image, &out);
    guard_free(arena, b->arena(prog));
    b->free(&prog);
    return out;
}

/* Largest error in units of 'mass' times epsilon, -1 if it cannot be run. */
static double off(const struct reap_backend *b, const struct shape *s,
                  void (*fill)(float *, size_t))
{
    struct numbers n = numbers_new(s, fill);
    struct reap_node node[4];
    struct reap_net net = { .node = node, .in_h = s->h, .in_w = s->w };
    size_t size;
    double *mass, *want, worst = 0;
    float *got;

    net.n_nodes = build(s, &n, node);
    size = node[3].h * node[3].w * node[3].c;
    mass = malloc(size * sizeof(*mass));
    want = expect(node, n.pixels, mass);
    got = actual(b, &net, n.pixels, fill == fill_int);
    for (size_t i = 0; got && i < size; i++) {
        const double d = fabs(got[i] - want[i]) / (FLT_EPSILON * mass[i]);

        worst = d <= worst ? worst : d > 0 ? d : got[i] == want[i] ? 0 : 1e30;
    }
    if (!got)
        worst = -1;
    free(mass);
    free(want);
    free(got);
    numbers_free(s, &n);
    return worst;
}

static void try_shape(const struct reap_backend *b, const struct shape *s)
{
    const double k = (double)(s->k * s->k * s->cin / s->groups) + 8;
    char name[120];
    double e;

    snprintf(name, sizeof(name), "%s: %zux%zu %zu -> %zu, %zux%zu/%zu, %zu%s%s",
             b->name, s->h, s->w, s->cin, s->c, s->k, s->k, s->stride,
             s->groups, s->add ? ", sum" : "", s->relu ? ", relu" : "");
    ok(off(b, s, fill_int) == 0, "%s: whole numbers to the bit", name);
    e = off(b, s, fill_real);
    ok(e >= 0 && e <= k, "%s: off by %.1f roundings of at most %.0f", name, e,
       k);
}

int main(void)
{
    unsigned cpu;

    fill_seed();
    if (reap_cpu_detect(&cpu, NULL))
        return 1;
    for (size_t b = 0; reap_backends[b]; b++) {
        const struct reap_backend *be = reap_backends[b];

        if (!(be->precisions & REAP_FP32))
            continue; /* rounds whole numbers: tests/unit/kern_run.c */
        if ((cpu & be->needs) != be->needs) {
            skip("%s: not on this CPU, or REAP_CPU forbids it", be->name);
            continue;
        }
        for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
            try_shape(be, &shapes[i]);
    }
    return done();
}
