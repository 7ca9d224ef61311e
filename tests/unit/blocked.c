/* Whole nets on the blocked backend: against a pass in double, the same bits
 * at every level, and for any batch and place in it, also where images lie
 * side by side. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/cpu.h"
#include "engine/base/mem.h"
#include "engine/blocked/backend_blocked.h"
#include "engine/blocked/blocked.h"
#include "engine/quant/quantize.h"
#include "tests/fill.h"
#include "tests/forward.h"
#include "tests/guard.h"
#include "tests/tap.h"

/* MANY: images side by side, sixteen and then some more. */
enum { BATCH = 5, MOST = 7, SIDE_BY_SIDE = 16, MANY = 21, CALIBRATE = 4 };

/* Levels of one precision give the same bits. */
static const struct {
    const char *name;
    unsigned cpu;
    enum reap_precision precision;
    double bound; /* of the difference to double, by the largest value */
} level[] = { { "avx2", REAP_CPU_AVX2, REAP_FP32, 1e-5 },
              { "avx512", REAP_CPU_AVX2 | REAP_CPU_AVX512, REAP_FP32, 1e-5 },
              { "bf16", REAP_CPU_AVX512 | REAP_CPU_BF16, REAP_BF16, 4e-2 },
              { "amx bf16", REAP_CPU_AVX512 | REAP_CPU_BF16 | REAP_CPU_AMX,
                REAP_BF16, 4e-2 },
              { "amx bf16x3", REAP_CPU_AVX512 | REAP_CPU_BF16 | REAP_CPU_AMX,
                REAP_BF16X3, 5e-5 } };
enum { LEVELS = sizeof(level) / sizeof(level[0]) };

static const struct reap_norm keras = {
    1, { 103.939f, 116.779f, 123.68f }, { 1, 1, 1 }, true, false
};
static const struct reap_norm torch = {
    255, { .485f, .456f, .406f }, { .229f, .224f, .225f }, false, false
};

/* A net, pictures, and results of one level for three kinds of probes. */
struct trial {
    struct reap_net *net;
    struct reap_plan_args args;
    struct reap_probe probe[3];
    uint8_t *picture[MANY];
    size_t map;   /* floats of the last map */
    double *want; /* the last map of the first picture */
};

static int trial_open(struct trial *t, const char *model, size_t h, size_t w)
{
    struct reap_net_args a = { .model = model,
                               .no_top = true,
                               .in_h = h,
                               .in_w = w,
                               .top_activation = -1,
                               .seed = 7 };
    struct reap_err err = { 0 };
    const struct reap_node *n;

    memset(t, 0, sizeof(*t));
    if (reap_net_new(&t->net, &a, NULL, &err)) {
        printf("# %s\n", err.msg);
        return -1;
    }
    n = &t->net->node[t->net->n_nodes - 1];
    t->map = n->h * n->w * n->c;
    for (int k = 0; k < 3; k++)
        t->probe[k] = (struct reap_probe){ (int)t->net->n_nodes - 1,
                                           (enum reap_probe_kind)k };
    for (int i = 0; i < MANY; i++) {
        t->picture[i] = reap_calloc(h * w, 3);
        for (size_t k = 0; t->picture[i] && k < h * w * 3; k++)
            t->picture[i][k] = (uint8_t)(rand() >> 8);
    }
    t->args =
        (struct reap_plan_args){ .net = t->net,
                                 .norm = strchr(model, '/') ? torch : keras,
                                 .precision = REAP_FP32,
                                 .max_batch = BATCH,
                                 .n_probes = 3,
                                 .probes = t->probe };
    return 0;
}

static void trial_close(struct trial *t)
{
    reap_free(t->want);
    for (int i = 0; i < MANY; i++)
        reap_free(t->picture[i]);
    reap_net_free(&t->net);
}

/* Run n pictures from 'first' on; out[k] are the floats of probe k. */
static int run(const struct trial *t, size_t first, size_t n, float *out[3])
{
    struct reap_err err = { 0 };
    void *prog = NULL, *arena;
    size_t each[3] = { t->net->features, t->net->features, t->map };

    for (int k = 0; k < 3; k++)
        out[k] = reap_calloc(n * each[k], sizeof(float));
    if (reap_blocked_compile(&prog, &t->args, &err)) {
        printf("# %s\n", err.msg);
        return -1;
    }
    arena = guard_new(reap_blocked_arena(prog));
    memset(arena, 0xff, reap_blocked_arena(prog)); /* NaN */
    reap_blocked_run(prog, arena, NULL, n,
                     (const void *const *)(t->picture + first), out);
    guard_free(arena, reap_blocked_arena(prog));
    reap_blocked_free(&prog);
    return 0;
}

static void drop(float *out[3])
{
    for (int k = 0; k < 3; k++)
        reap_free(out[k]);
}

/* Largest difference over largest magnitude. */
static double apart(const double *want, const float *got, size_t n)
{
    double most = 0, off = 0;

    for (size_t i = 0; i < n; i++) {
        double d = fabs(want[i] - (double)got[i]);

        most = fmax(most, fabs(want[i]));
        off = d <= off ? off : d; /* a NaN stays */
    }
    return off / most;
}

static void against_double(const struct trial *t, const char *what,
                           float *out[3], double bound)
{
    const struct reap_node *n = &t->net->node[t->net->n_nodes - 1];
    const double *want = t->want;
    size_t c = n->c, pixels = n->h * n->w;
    double *avg = reap_calloc(c, sizeof(*avg)), e, e_avg, e_max;
    double *max = reap_calloc(c, sizeof(*max));

    for (size_t k = 0; k < c; k++) {
        max[k] = -INFINITY;
        for (size_t p = 0; p < pixels; p++) {
            avg[k] += want[p * c + k] / (double)pixels;
            max[k] = fmax(max[k], want[p * c + k]);
        }
    }
    e_avg = apart(avg, out[REAP_PROBE_AVG], c);
    e_max = apart(max, out[REAP_PROBE_MAX], c);
    e = apart(want, out[REAP_PROBE_MAP], pixels * c);
    ok(e_avg <= bound && e_max <= bound && e <= bound,
       "%s: within %.0e of double (avg %.1e, max %.1e, map %.1e)", what, bound,
       e_avg, e_max, e);
    reap_free(avg);
    reap_free(max);
}

static void same(const struct trial *t, const char *what, float *a[3],
                 float *b[3], size_t n)
{
    size_t c = t->net->features;

    ok(!memcmp(a[0], b[0], n * c * sizeof(float)) &&
           !memcmp(a[1], b[1], n * c * sizeof(float)) &&
           !memcmp(a[2], b[2], n * t->map * sizeof(float)),
       "%s", what);
}

/* One picture alone is what it is among others. */
static void alone(struct trial *t, const char *what, float *all[3], size_t i)
{
    char name[160];
    float *one[3],
        *of[3] = { all[0] + i * t->net->features, all[1] + i * t->net->features,
                   all[2] + i * t->map };

    snprintf(name, sizeof(name), "%s: image %zu alone is the same", what, i);
    if (run(t, i, 1, one))
        ok(0, "%s", name);
    else
        same(t, name, of, one, 1);
    drop(one);
}

struct options {
    size_t h, w;
    bool exact, full; /* full: many pictures, and each alone */
};

/* One level; 'first' are the results of the first of its precision. */
static void try_level(struct trial *t, const char *model,
                      const struct options *o, int i, float *first[3])
{
    size_t n = o->full ? MOST : 1;
    float *out[3];
    char what[128];

    snprintf(what, sizeof(what), "%s %zux%zu%s %s", model, o->h, o->w,
             o->exact ? " exact" : "", level[i].name);
    t->args.cpu = level[i].cpu;
    t->args.precision = level[i].precision;
    if (run(t, 0, n, out)) {
        ok(0, "%s runs", what);
        return;
    }
    if (o->full) {
        t->args.max_batch = 1;
        alone(t, what, out, 0);
        t->args.max_batch = BATCH;
        alone(t, what, out, MOST - 1);
    }
    if (first[0]) {
        same(t, strcat(what, ": the same bits"), first, out, n);
        drop(out);
        return;
    }
    against_double(t, what, out, level[i].bound);
    memcpy(first, out, sizeof(out));
}

static void try(const char *model, const struct options *o, unsigned cpu)
{
    struct trial t;
    float *first[3] = { 0 };

    if (trial_open(&t, model, o->h, o->w)) {
        ok(0, "%s", model);
        return;
    }
    t.args.exact = o->exact;
    t.want = forward(t.net, &t.args.norm, t.picture[0], t.net->n_nodes - 1);
    for (int i = 0; i < LEVELS; i++) {
        if ((cpu & level[i].cpu) != level[i].cpu)
            continue;
        if (i && level[i].precision != REAP_FP32) {
            drop(first);
            memset(first, 0, sizeof(first));
        }
        try_level(&t, model, o, i, first);
    }
    drop(first);
    trial_close(&t);
}

/* Results of all pictures in batches of 16 are those in batches of 5 for the
 * last seven, and, if 'alone', of 1 for the very last. */
static void try_side_by_side(struct trial *t, const char *what, bool alone)
{
    static const size_t batch[] = { BATCH, 1 }, n[] = { MOST, 1 };
    float *all[3], *out[3];
    char name[160];

    t->args.max_batch = SIDE_BY_SIDE;
    if (run(t, 0, MANY, all))
        ok(0, "%s runs", what);
    for (size_t i = 0; i < (alone ? 2 : 1); i++) {
        const size_t first = MANY - n[i];
        float *of[3] = { all[0] + first * t->net->features,
                         all[1] + first * t->net->features,
                         all[2] + first * t->map };

        t->args.max_batch = batch[i];
        if (run(t, first, n[i], out))
            ok(0, "%s runs", what);
        snprintf(name, sizeof(name), "%s: %d images by %d as by %zu", what,
                 MANY, SIDE_BY_SIDE, batch[i]);
        same(t, name, of, out, n[i]);
        drop(out);
    }
    drop(all);
}

static void try_tiles(const char *model, size_t h, size_t w, unsigned cpu)
{
    struct trial t;
    char what[128];

    if (trial_open(&t, model, h, w)) {
        ok(0, "%s", model);
        return;
    }
    for (int i = 0; i < LEVELS; i++) {
        t.args.cpu = level[i].cpu;
        t.args.precision = level[i].precision;
        snprintf(what, sizeof(what), "%s %zux%zu %s", model, h, w,
                 level[i].name);
        if (!(level[i].cpu & REAP_CPU_AMX))
            continue;
        if ((cpu & level[i].cpu) != level[i].cpu)
            skip("%s: not on this CPU, or REAP_CPU forbids it", what);
        else
            try_side_by_side(&t, what, strstr(model, "resnet18") != NULL);
    }
    trial_close(&t);
}

/* Bytes on tiles are those of VNNI, for any batch. */
static void try_bytes(const char *model, size_t h, size_t w, unsigned cpu)
{
    const unsigned vnni = REAP_CPU_AVX512 | REAP_CPU_VNNI;
    const unsigned amx = vnni | REAP_CPU_BF16 | REAP_CPU_AMX;
    float *want[3] = { 0 }, *got[3] = { 0 };
    struct reap_err err = { 0 };
    struct trial t;
    char what[128], name[160];

    snprintf(what, sizeof(what), "%s %zux%zu int8", model, h, w);
    if ((cpu & amx) != amx) {
        skip("%s on tiles: not on this CPU, or REAP_CPU forbids it", what);
        return;
    }
    if (trial_open(&t, model, h, w) ||
        reap_quantize(t.net, &t.args.norm, CALIBRATE,
                      (const void *const *)t.picture, NULL, &err)) {
        ok(0, "%s: %s", what, err.msg);
        return;
    }
    t.args.precision = REAP_INT8;
    t.args.cpu = vnni;
    if (run(&t, 0, MANY, want))
        ok(0, "%s runs", what);
    t.args.cpu = amx;
    if (run(&t, 0, MANY, got))
        ok(0, "%s runs on tiles", what);
    snprintf(name, sizeof(name), "%s: the same bytes on tiles", what);
    same(&t, name, want, got, MANY);
    try_side_by_side(&t, what, false);
    drop(want);
    drop(got);
    trial_close(&t);
}

/* How many layers of bytes were packed for Winograd, and for direct sums
 * though their shape would allow it. */
static void count_wino(const struct trial *t, size_t *packed, size_t *direct)
{
    struct reap_program *p = NULL;
    struct reap_err err = { 0 };

    *packed = *direct = 0;
    if (reap_blocked_compile((void **)&p, &t->args, &err))
        return;
    for (size_t i = 0; i < p->n_layers; i++) {
        if (p->layer[i].run != reap_blocked_wino)
            continue;
        *packed += reap_blocked_wino_packed(&p->layer[i]);
        *direct += !reap_blocked_wino_packed(&p->layer[i]);
    }
    reap_blocked_free((void **)&p);
}

/* Bytes are the same at every level, with and without Winograd. The maps of
 * 'w' by 'h' are large enough for it up to the last, whose weights at random
 * are more than it may take. */
static void try_levels(const char *model, size_t h, size_t w, unsigned cpu)
{
    static const struct {
        const char *name;
        unsigned cpu;
        bool wino;
    } of[] = { { "avx2", REAP_CPU_AVX2, true },
               { "avx2vnni", REAP_CPU_AVX2 | REAP_CPU_AVX2VNNI, true },
               { "vnni", REAP_CPU_AVX2 | REAP_CPU_AVX512 | REAP_CPU_VNNI,
                 false } };
    float *want[3] = { 0 }, *got[3];
    struct reap_err err = { 0 };
    size_t packed, direct;
    struct trial t;
    char what[160];

    if (trial_open(&t, model, h, w) ||
        reap_quantize(t.net, &t.args.norm, CALIBRATE,
                      (const void *const *)t.picture, NULL, &err)) {
        ok(0, "%s int8: %s", model, err.msg);
        return;
    }
    t.args.precision = REAP_INT8;
    t.args.cpu = REAP_CPU_AVX2;
    t.args.exact = true;
    if (run(&t, 0, 2, want))
        ok(0, "%s int8 runs", model);
    t.args.exact = false;
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        t.args.cpu = of[i].cpu;
        snprintf(what, sizeof(what), "%s %zux%zu int8 %s", model, h, w,
                 of[i].name);
        if ((cpu & of[i].cpu) != of[i].cpu) {
            skip("%s: not on this CPU, or REAP_CPU forbids it", what);
            continue;
        }
        count_wino(&t, &packed, &direct);
        ok(of[i].wino == (packed && direct),
           "%s: %zu layers by Winograd, %zu better not", what, packed, direct);
        if (run(&t, 0, 2, got))
            ok(0, "%s runs", what);
        same(&t, strcat(what, ": as direct sums on avx2"), want, got, 2);
        drop(got);
    }
    drop(want);
    trial_close(&t);
}

/* Maps of which all, some and none are small enough to lie side by side, last
 * maps of 1 to 6 pixels, whose planes are rounded up by different amounts, and
 * networks with every kind of convolution. */
static void try_all_tiles(unsigned cpu)
{
    try_tiles("torchvision/resnet18", 64, 48, cpu);
    try_tiles("torchvision/resnet18", 97, 65, cpu);
    for (size_t w = 32; w <= 96; w += 32) {
        try_tiles("torchvision/resnet18", 32, w, cpu);
        try_tiles("torchvision/resnet18", 64, w, cpu);
    }
    try_tiles("torchvision/resnet50", 64, 96, cpu);
    try_tiles("torchvision/resnet50", 131, 118, cpu);
    try_tiles("torchvision/resnext50_32x4d", 117, 131, cpu);
    try_tiles("torchvision/wide_resnet50_2", 97, 65, cpu);
    try_tiles("resnet50", 64, 48, cpu);
    try_tiles("resnet50v2", 49, 65, cpu);
    try_bytes("torchvision/resnet18", 131, 118, cpu);
    try_bytes("torchvision/resnet18", 64, 96, cpu);
    try_bytes("resnet50", 64, 49, cpu);
}

int main(void)
{
    struct reap_err err = { 0 };
    unsigned cpu;

    fill_seed();
    if (reap_cpu_detect(&cpu, &err) || !(cpu & REAP_CPU_AVX2)) {
        skip("neither avx2 nor avx512 may be used");
        return done();
    }
    try("torchvision/resnet50", &(struct options){ 64, 48, false, false }, cpu);
    try("torchvision/resnet50", &(struct options){ 33, 65, true, false }, cpu);
    try("torchvision/resnet18", &(struct options){ 65, 33, false, true }, cpu);
    try("torchvision/resnext50_32x4d",
        &(struct options){ 40, 56, false, false }, cpu);
    try("resnet50", &(struct options){ 32, 32, false, false }, cpu);
    try("resnet50v2", &(struct options){ 64, 48, false, true }, cpu);
    try("resnet50v2", &(struct options){ 47, 33, true, false }, cpu);
    try_all_tiles(cpu);
    try_levels("torchvision/resnet18", 128, 119, cpu);
    try_levels("resnet50", 113, 128, cpu);
    return done();
}
