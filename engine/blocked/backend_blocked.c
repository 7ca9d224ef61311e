/* The tables of kernels for each precision and level, compile(), and the loop
 * over stages, groups of images and layers. What a layer is and where tensors
 * lie is planned by program.c and memory.c. */
#include <assert.h>
#include <string.h>

#include "engine/base/clock.h"
#include "engine/base/cpu.h"
#include "engine/base/mem.h"
#include "engine/blocked/backend_blocked.h"
#include "engine/blocked/blocked.h"

static void ops_f32(struct reap_ops *o, const struct reap_kernels *k)
{
    *o = (struct reap_ops){ .conv = k->conv_f32.fn,
                            .group = k->group_f32.fn,
                            .gemm = k->conv_f32.fn,
                            .wino_in = k->wino_in_f32.fn,
                            .wino_out = k->wino_out_f32.fn,
                            .pool = k->pool_f32.fn,
                            .affine = k->affine_f32.fn,
                            .conv_nr = k->conv_f32.tile.nr,
                            .group_nr = k->group_f32.tile.nr,
                            .gemm_nr = k->conv_f32.tile.nr,
                            .wino_m = k->wino_in_f32.tile.mr,
                            .elem = sizeof(float),
                            .block = 16,
                            .arith = "fp32",
                            .arith_direct = "fp32-direct" };
}

static void ops_bf16(struct reap_ops *o, const struct reap_kernels *k)
{
    *o = (struct reap_ops){ .conv = k->conv_bf16.fn,
                            .group = k->group_bf16.fn,
                            .gemm = k->gemm_bf16.fn,
                            .wino_in = k->wino_in_bf16.fn,
                            .wino_out = k->wino_out_bf16.fn,
                            .pool = k->pool_bf16.fn,
                            .affine = k->affine_bf16.fn,
                            .sum = k->sum_bf16.fn,
                            .conv_nr = k->conv_bf16.tile.nr,
                            .group_nr = k->group_bf16.tile.nr,
                            .gemm_nr = k->gemm_bf16.tile.nr,
                            .wino_m = k->wino_in_bf16.tile.mr,
                            .elem = sizeof(uint16_t),
                            .block = 32,
                            .split = true,
                            .arith = "bf16-avx512",
                            .arith_direct = "bf16-avx512-direct" };
}

static void wino_int8(struct reap_ops *o, const struct reap_kernels *k)
{
    o->gemm = k->gemm_int8.fn;
    o->wino_in = k->wino_in_int8.fn;
    o->wino_out = k->wino_out_int8.fn;
    o->gemm_nr = k->gemm_int8.tile.nr;
    o->wino_m = k->wino_in_int8.tile.mr;
}

static void ops_int8(struct reap_ops *o, const struct reap_kernels *k)
{
    *o = (struct reap_ops){ .conv = k->conv_int8.fn,
                            .group = k->group_int8.fn,
                            .pool = k->pool_int8.fn,
                            .sum = k->sum_int8.fn,
                            .conv_nr = k->conv_int8.tile.nr,
                            .group_nr = k->group_int8.tile.nr,
                            .chains = k->conv_int8.tile.chains,
                            .elem = 1,
                            .block = 64,
                            .arith = "int8",
                            .arith_direct = "int8" };
    /* Where its products are no older than direct ones. */
    if (k->gemm_int8.fn && !strcmp(k->gemm_int8.variant, k->conv_int8.variant))
        wino_int8(o, k);
}

/* On tile registers: their kernel instead of those for convolutions. */
static void ops_tile(struct reap_ops *o, const struct reap_kernels *k,
                     enum reap_precision precision)
{
    const struct reap_ops old = *o;
    const bool int8 = precision == REAP_INT8, x3 = precision == REAP_BF16X3;

    *o = (struct reap_ops){ .pool = old.pool,
                            .affine = old.affine,
                            .sum = old.sum,
                            .elem = old.elem,
                            .block = old.block,
                            .halves = x3,
                            .tile = k->tile_bf16.fn,
                            .enter = k->tile_enter.fn,
                            .leave = k->tile_leave.fn,
                            .arith = "bf16-amx",
                            .arith_direct = "bf16-amx" };
    if (int8) {
        o->tile = k->tile_int8.fn;
        o->arith = o->arith_direct = "int8";
    }
    if (x3) {
        o->tile = k->tile_bf16x3.fn;
        o->pool = k->pool_bf16x3.fn;
        o->affine = k->affine_bf16x3.fn;
        o->sum = k->sum_bf16x3.fn;
        o->arith = o->arith_direct = "bf16x3";
    }
}

/* Bytes of each channel as they enter the network. */
static void norm_table(struct reap_program *p)
{
    const struct reap_norm *n = &p->args.norm;

    for (int c = 0; c < 3; c++)
        for (int i = 0; i < 256; i++) {
            const float x = ((float)i / n->div - n->mean[c]) / n->std[c];

            p->norm[c][i] = x;
            p->half[c][i] = reap_blocked_narrow(x);
            p->rest[c][i] =
                reap_blocked_narrow(x - reap_blocked_widen(p->half[c][i]));
        }
}

static int build(struct reap_program *p, struct reap_err *err)
{
    struct reap_kernels k;
    int rc;

    reap_kernels_init(&k, p->args.cpu);
    if (p->args.precision == REAP_FP32)
        ops_f32(&p->ops, &k);
    else if (p->args.precision & (REAP_BF16 | REAP_BF16X3))
        ops_bf16(&p->ops, &k);
    else if (p->args.precision == REAP_INT8)
        ops_int8(&p->ops, &k);
    if (k.tile_bf16.fn && p->args.precision != REAP_FP32)
        ops_tile(&p->ops, &k, p->args.precision);
    if (!p->ops.conv && !p->ops.tile)
        return reap_fail(err, REAP_EINVAL,
                         "no kernels for this precision at this level");
    p->probes = reap_calloc(p->args.n_probes, sizeof(*p->probes));
    if (!p->probes)
        return reap_fail(err, REAP_ENOMEM, "no memory for the plan");
    memcpy(p->probes, p->args.probes, p->args.n_probes * sizeof(*p->probes));
    norm_table(p);
    rc = reap_blocked_program(p, err);
    if (!rc)
        rc = reap_blocked_memory(p, err);
    return rc ? rc : reap_blocked_weights(p, err);
}

int reap_blocked_compile(void **prog, const struct reap_plan_args *a,
                         struct reap_err *err)
{
    struct reap_program *p = reap_calloc(1, sizeof(*p));
    void *made = p;
    int rc;

    *prog = NULL;
    if (!p)
        return reap_fail(err, REAP_ENOMEM, "no memory for the plan");
    p->args = *a;
    p->net = a->net;
    rc = build(p, err);
    if (rc)
        reap_blocked_free(&made);
    *prog = made;
    return rc;
}

size_t reap_blocked_arena(const void *prog)
{
    return ((const struct reap_program *)prog)->arena;
}

/* What follows a layer: zeros around what it gave, and what leaves. Nobody goes
 * on before all threads are done. */
static void end_layer(const struct reap_program *p, size_t i,
                      const struct reap_frame *f)
{
    const struct reap_blocked_layer *l = &p->layer[i];

    if (l->in >= 0)
        reap_blocked_margins(&p->tensor[l->node], f);
    reap_blocked_meet(f);
    if (reap_blocked_probed(p, l->node)) {
        reap_blocked_probes(p, l->node, f);
        reap_blocked_meet(f);
    }
}

/* A layer by all threads of the frame, or a pair by the only one; returns how
 * many layers it was. */
static size_t run_layers(const struct reap_program *p, size_t i,
                         const struct reap_frame *f, double *seconds)
{
    const struct reap_blocked_layer *l = &p->layer[i];
    const size_t n = l->paired && f->threads == 1 ? 2 : 1;
    double since = seconds ? reap_clock() : 0;

    if (n == 2)
        reap_blocked_pair(p, i, f, seconds, &since);
    else
        l->run(p, l, f);
    for (size_t k = i; k < i + n; k++) {
        end_layer(p, k, f);
        reap_blocked_lap(seconds, k, &since);
    }
    return n;
}

/* Each stage goes over its groups of images before the next begins. */
static void run_chunk(const struct reap_program *p, const struct reap_frame *c,
                      double *seconds)
{
    for (size_t s = 0; s < p->n_stages; s++) {
        const struct reap_stage *stage = &p->stage[s];
        struct reap_frame f = *c;

        for (f.first = 0; f.first < c->n; f.first += f.n) {
            f.n = c->n - f.first;
            if (f.n > stage->group)
                f.n = stage->group;
            for (size_t i = 0; i < stage->n;)
                i += run_layers(p, stage->first + i, &f, seconds);
        }
    }
}

/* What all threads of a crew are told. */
struct pass {
    const struct reap_program *p;
    struct reap_frame frame;
    const void *const *images;
    size_t n;
    double *seconds;
};

/* The part of one thread. */
static void run_thread(void *ctx, size_t thread)
{
    const struct pass *a = ctx;
    const struct reap_program *p = a->p;
    struct reap_frame f = a->frame;

    f.thread = thread;
    if (p->ops.enter)
        p->ops.enter();
    for (f.done = 0; f.done < a->n; f.done += f.n) {
        f.n = a->n - f.done < p->chunk ? a->n - f.done : p->chunk;
        f.images = a->images + f.done;
        run_chunk(p, &f, thread ? NULL : a->seconds);
    }
    if (p->ops.leave)
        p->ops.leave();
}

void reap_blocked_run_timed(const void *prog, void *arena,
                            struct reap_crew *crew, size_t n,
                            const void *const *images, float *const *out,
                            double *seconds)
{
    struct pass a = { .p = prog,
                      .frame = { .arena = arena,
                                 .crew = crew,
                                 .threads = crew ? reap_crew_size(crew) : 1,
                                 .out = out },
                      .images = images,
                      .n = n,
                      .seconds = seconds };

    assert(!crew || reap_crew_size(crew) <= a.p->args.threads);
    if (crew)
        reap_crew_run(crew, run_thread, &a);
    else
        run_thread(&a, 0);
}

void reap_blocked_run(const void *prog, void *arena, struct reap_crew *crew,
                      size_t n, const void *const *images, float *const *out)
{
    reap_blocked_run_timed(prog, arena, crew, n, images, out, NULL);
}

static double macs(const struct reap_program *p, const struct reap_node *n)
{
    if (n->op != REAP_OP_CONV)
        return 0;
    return (double)(n->h * n->w * n->c * n->kh * n->kw) *
           (double)p->net->node[n->in].c / (double)n->groups;
}

bool reap_blocked_layer(const void *prog, size_t i,
                        struct reap_blocked_cost *cost)
{
    const struct reap_program *p = prog;
    const struct reap_blocked_layer *l = &p->layer[i];
    const struct reap_node *n;

    if (i >= p->n_layers)
        return false;
    n = &p->net->node[l->node];
    cost->name = n->layer[0] ? n->layer : n->name;
    cost->macs = l->run == reap_blocked_subsample ? 0 : macs(p, n);
    cost->bytes = (double)(l->wino_bytes ? l->wino_bytes : l->conv.bytes) +
                  (double)p->tensor[l->node].image;
    if (l->in >= 0)
        cost->bytes += (double)p->tensor[l->in].image;
    if (l->res >= 0)
        cost->bytes += (double)p->tensor[l->res].image;
    if (l->in2 >= 0) {
        cost->bytes += (double)p->tensor[l->in2].image;
        cost->macs += macs(p, &p->net->node[p->second[l->node]]);
    }
    return true;
}

const char *reap_blocked_arith(const void *prog)
{
    const struct reap_program *p = prog;

    return p->args.exact ? p->ops.arith_direct : p->ops.arith;
}

void reap_blocked_free(void **prog)
{
    struct reap_program *p = *prog;

    *prog = NULL;
    if (!p)
        return;
    for (size_t i = 0; i < p->n_layers; i++) {
        struct reap_blocked_layer *l = &p->layer[i];

        reap_free(l->conv.kind);
        reap_free(l->conv.step);
        reap_free(l->conv.span);
        reap_free(l->conv.panel_at);
        reap_free(l->wino_step);
        reap_blocked_tile_clear(&l->tile);
    }
    reap_blocked_weights_free(p);
    reap_free(p->layer);
    reap_free(p->stage);
    reap_free(p->second);
    reap_free(p->tensor);
    reap_free(p->probes);
    reap_free(p);
}

#define BLOCKED(level, cpu, sets)                      \
    const struct reap_backend reap_backend_##level = { \
        .name = #level,                                \
        .needs = (cpu),                                \
        .precisions = (sets),                          \
        .crews = true,                                 \
        .compile = reap_blocked_compile,               \
        .arena = reap_blocked_arena,                   \
        .run = reap_blocked_run,                       \
        .arith = reap_blocked_arith,                   \
        .free = reap_blocked_free,                     \
    }
BLOCKED(avx2, REAP_CPU_AVX2, REAP_FP32 | REAP_INT8);
BLOCKED(avx2vnni, REAP_CPU_AVX2 | REAP_CPU_AVX2VNNI, REAP_INT8);
BLOCKED(avx512, REAP_CPU_AVX512, REAP_FP32);
BLOCKED(bf16, REAP_CPU_AVX512 | REAP_CPU_BF16, REAP_BF16);
/* VNNI for the pools and sums of bytes. */
BLOCKED(amx, REAP_CPU_AVX512 | REAP_CPU_VNNI | REAP_CPU_BF16 | REAP_CPU_AMX,
        REAP_BF16 | REAP_INT8 | REAP_BF16X3);
BLOCKED(vnni, REAP_CPU_AVX512 | REAP_CPU_VNNI, REAP_INT8);
