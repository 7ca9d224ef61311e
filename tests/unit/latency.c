/* Latency mode: several threads on one image give the bytes of one thread, at
 * every level and precision of this CPU, also with more threads than rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/cpu.h"
#include "engine/base/crew.h"
#include "engine/base/mem.h"
#include "engine/blocked/backend_blocked.h"
#include "engine/engine.h"
#include "tests/fill.h"
#include "tests/guard.h"
#include "tests/tap.h"

/* FULL: so many images that they lie side by side on tile registers. */
enum { MOST_THREADS = 5, FULL = 17, PROBES = 4 };
static const size_t crews[] = { 1, 2, 3, MOST_THREADS };
enum { CREWS = sizeof(crews) / sizeof(crews[0]) };

#define VNNI (REAP_CPU_AVX512 | REAP_CPU_VNNI)
#define TILES (VNNI | REAP_CPU_BF16 | REAP_CPU_AMX)
static const struct {
    const char *name;
    unsigned cpu;
    enum reap_precision precision;
} levels[] = {
    { "avx2", REAP_CPU_AVX2, REAP_FP32 },
    { "avx2 int8", REAP_CPU_AVX2, REAP_INT8 },
    { "avx2vnni int8", REAP_CPU_AVX2 | REAP_CPU_AVX2VNNI, REAP_INT8 },
    { "avx512", REAP_CPU_AVX2 | REAP_CPU_AVX512, REAP_FP32 },
    { "vnni int8", VNNI, REAP_INT8 },
    { "bf16", REAP_CPU_AVX512 | REAP_CPU_BF16, REAP_BF16 },
    { "amx bf16", TILES, REAP_BF16 },
    { "amx int8", TILES, REAP_INT8 },
    { "amx bf16x3", TILES, REAP_BF16X3 },
};
enum { LEVELS = sizeof(levels) / sizeof(levels[0]) };

struct trial {
    char name[96];
    struct reap_net *net;
    struct reap_plan_args args;
    struct reap_probe probe[PROBES];
    size_t each[PROBES];
    uint8_t *picture[FULL];
};

/* The last node up to i that has a name of its own, and a ReLU. */
static int named(const struct reap_net *net, int i)
{
    while (!net->node[i].name[0] || !net->node[i].relu)
        i--;
    return i;
}

/* Three kinds of the last map, or of one on half the way, behind which nothing
 * is computed then; and a map before it, which others read, too. */
static void trial_probes(struct trial *t, bool whole)
{
    const int end = (int)t->net->n_nodes - 1;
    const int last = named(t->net, whole ? end : end / 2);

    for (int k = 0; k < PROBES; k++) {
        const int node = k < 3 ? last : named(t->net, last / 2);
        const struct reap_node *n = &t->net->node[node];

        t->probe[k] = (struct reap_probe){ node, k < 3 ? (enum reap_probe_kind)k
                                                       : REAP_PROBE_MAP };
        t->each[k] = k < 2 ? n->c : n->h * n->w * n->c;
    }
}

static int trial_open(struct trial *t, const char *model, size_t h, size_t w,
                      bool whole)
{
    const struct reap_net_args a = { .model = model,
                                     .no_top = true,
                                     .in_h = h,
                                     .in_w = w,
                                     .top_activation = -1,
                                     .seed = 7 };
    struct reap_err err = { 0 };

    memset(t, 0, sizeof(*t));
    snprintf(t->name, sizeof(t->name), "%s %zux%zu", model, h, w);
    if (reap_net_new(&t->net, &a, NULL, &err)) {
        ok(0, "%s: %s", t->name, err.msg);
        return -1;
    }
    trial_probes(t, whole);
    for (int i = 0; i < FULL; i++) {
        t->picture[i] = reap_calloc(h * w, 3);
        for (size_t k = 0; k < h * w * 3; k++)
            t->picture[i][k] = (uint8_t)(rand() >> 8);
    }
    t->args = (struct reap_plan_args){
        .net = t->net,
        .norm = { .div = 255, .mean = { .4f, .5f, .6f }, .std = { 1, 1, 1 } },
        .threads = MOST_THREADS,
        .n_probes = PROBES,
        .probes = t->probe
    };
    return 0;
}

static void trial_close(struct trial *t)
{
    for (int i = 0; i < FULL; i++)
        reap_free(t->picture[i]);
    reap_net_free(&t->net);
}

/* Run n pictures on a crew of so many threads, 0 for none, in memory that holds
 * nothing that counts. Returns all that the probes give, one after the other.
 */
static float *run(const struct trial *t, const void *prog, size_t threads,
                  size_t n, size_t *bytes)
{
    const size_t size = reap_blocked_arena(prog);
    float *out[PROBES], *all;
    struct reap_crew *crew = NULL;
    void *arena = guard_new(size);

    *bytes = 0;
    for (int k = 0; k < PROBES; k++)
        *bytes += n * t->each[k] * sizeof(float);
    out[0] = all = reap_calloc(*bytes, 1);
    for (int k = 1; k < PROBES; k++)
        out[k] = out[k - 1] + n * t->each[k - 1];
    memset(arena, 0xff, size); /* NaN */
    if (threads && reap_crew_new(&crew, threads, NULL))
        ok(0, "a crew of %zu", threads);
    /* Twice: a thread that is late may find what another pass left. */
    for (int i = 0; i < 2; i++)
        reap_blocked_run(prog, arena, crew, n, (const void *const *)t->picture,
                         out);
    reap_crew_free(&crew);
    guard_free(arena, size);
    return all;
}

/* Scales for int8 without asking how good they are: 255 is the largest number
 * of the first picture. */
static int scales(struct trial *t)
{
    const size_t n = t->net->n_nodes, shifts = reap_net_shifts(t->net);
    struct reap_plan_args a = t->args;
    struct reap_probe *probe = reap_calloc(n, sizeof(*probe));
    float *scale = reap_calloc(n, sizeof(*scale)), **out;
    float *shift = reap_calloc(shifts, sizeof(*shift));
    void *prog = NULL, *arena = NULL;
    int rc;

    out = reap_calloc(n, sizeof(*out));
    a.precision = REAP_FP32;
    a.cpu = REAP_CPU_AVX2;
    a.max_batch = 1;
    a.n_probes = 0;
    a.probes = probe;
    for (size_t i = 0; i < n; i++)
        if (t->net->node[i].op == REAP_OP_CONV && t->net->node[i].relu) {
            out[a.n_probes] = reap_calloc(t->net->node[i].c, sizeof(float));
            probe[a.n_probes++] = (struct reap_probe){ (int)i, REAP_PROBE_MAX };
        }
    rc = reap_blocked_compile(&prog, &a, NULL);
    if (!rc)
        arena = reap_aligned(reap_blocked_arena(prog));
    if (!rc)
        reap_blocked_run(prog, arena, NULL, 1, (const void *const *)t->picture,
                         out);
    for (size_t k = 0; k < a.n_probes; k++) {
        float *to = &scale[probe[k].node];

        for (size_t c = 0; c < t->net->node[probe[k].node].c; c++)
            *to = *to > out[k][c] / 255 ? *to : out[k][c] / 255;
        reap_free(out[k]);
    }
    if (!rc)
        rc = reap_net_quantized(t->net, scale, shift, NULL);
    reap_blocked_free(&prog);
    reap_free(arena);
    reap_free(probe);
    reap_free(out);
    reap_free(scale);
    reap_free(shift);
    return rc;
}

static void try_level(struct trial *t, int level, size_t n)
{
    struct reap_err err = { 0 };
    void *prog = NULL;
    float *want, *got;
    size_t bytes;

    t->args.cpu = levels[level].cpu;
    t->args.precision = levels[level].precision;
    t->args.max_batch = n;
    if (reap_blocked_compile(&prog, &t->args, &err)) {
        ok(0, "%s %s: %s", t->name, levels[level].name, err.msg);
        return;
    }
    want = run(t, prog, 0, n, &bytes);
    for (size_t i = 0; i < CREWS; i++) {
        got = run(t, prog, crews[i], n, &bytes);
        ok(!memcmp(want, got, bytes), "%s %s: %zu images by %zu threads",
           t->name, levels[level].name, n, crews[i]);
        reap_free(got);
    }
    reap_free(want);
    reap_blocked_free(&prog);
}

static void try(const char *model, size_t h, size_t w, size_t n, unsigned cpu)
{
    const bool bytes = !strstr(model, "v2"); /* int8 is not for V2 */
    struct trial t;
    int rc = trial_open(&t, model, h, w, strstr(model, "18") && n == 1);

    if (!rc && bytes)
        ok(!scales(&t), "%s has scales", t.name);
    for (int i = 0; !rc && i < LEVELS; i++)
        if ((cpu & levels[i].cpu) == levels[i].cpu &&
            (bytes || levels[i].precision != REAP_INT8))
            try_level(&t, i, n);
    trial_close(&t);
}

static size_t size(size_t least)
{
    return least + (size_t)rand() % 32;
}

/* Sessions: the head, too. */
static void *session(const struct reap_net *net, size_t threads,
                     const void *image, size_t *bytes)
{
    static const char *const outputs[] = { "logits", "probs", "top" };
    const struct reap_engine_args a = { .net = net,
                                        .norm = { .div = 255,
                                                  .std = { 1, 1, 1 } },
                                        .precision = REAP_FP32,
                                        .max_batch = 2,
                                        .threads = threads,
                                        .n_outputs = 3,
                                        .outputs = outputs,
                                        .k = 5 };
    const void *images[2] = { image, image };
    struct reap_engine *e = NULL;
    struct reap_session *s = NULL;
    float *all = reap_calloc(*bytes = 2 * (2 * 37 + 2 * 5) * 4, 1);
    void *out[3] = { all, all + 2 * 37, all + 4 * 37 };

    if (reap_engine_new(&e, &a, NULL) || reap_session_new(&s, e, NULL))
        ok(0, "a session of %zu threads", threads);
    else
        reap_session_run(s, 2, images, out);
    reap_session_free(&s);
    reap_engine_free(&e);
    return all;
}

static void try_sessions(void)
{
    const struct reap_net_args n = { .model = "torchvision/resnet18",
                                     .classes = 37,
                                     .in_h = 33,
                                     .in_w = 47,
                                     .top_activation = -1 };
    static uint8_t image[33 * 47 * 3];
    struct reap_net *net = NULL;
    void *want, *got;
    size_t bytes;

    for (size_t i = 0; i < sizeof(image); i++)
        image[i] = (uint8_t)(rand() >> 8);
    if (reap_net_new(&net, &n, NULL, NULL)) {
        ok(0, "a net with 37 classes");
        return;
    }
    want = session(net, 0, image, &bytes);
    for (size_t i = 0; i < CREWS; i++) {
        got = session(net, crews[i], image, &bytes);
        ok(!memcmp(want, got, bytes), "a session of %zu threads, with its head",
           crews[i]);
        reap_free(got);
    }
    reap_free(want);
    reap_net_free(&net);
}

int main(void)
{
    struct reap_err err = { 0 };
    unsigned cpu;

    fill_seed();
    if (reap_cpu_detect(&cpu, &err)) {
        ok(0, "%s", err.msg);
        return done();
    }
    try_sessions();
    if (!(cpu & REAP_CPU_AVX2)) {
        skip("no level with a latency mode may be used");
        return done();
    }
    try("torchvision/resnet18", size(33), size(33), 1, cpu);
    try("torchvision/resnet18", 32, size(33), FULL, cpu);
    try("torchvision/resnext50_32x4d", size(33), size(65), 1, cpu);
    try("torchvision/resnet50", size(65), size(33), 1, cpu);
    try("resnet50v2", size(33), size(33), 2, cpu);
    return done();
}
