/* A net with a layer of each kind: every allocation of its plan fails once,
 * and none of the run's exist. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/cpu.h"
#include "engine/base/mem.h"
#include "engine/blocked/backend_blocked.h"
#include "tests/fill.h"
#include "tests/guard.h"
#include "tests/tap.h"

enum { SIDE = 20, WIDE = 64, NODES = 8, MOST = 1000 };

static struct reap_node node(enum reap_op op, int in, size_t side, size_t k,
                             size_t stride)
{
    struct reap_node n = { .op = op,
                           .in = in,
                           .in2 = -1,
                           .h = side,
                           .w = side,
                           .c = WIDE,
                           .kh = k,
                           .kw = k,
                           .stride = stride,
                           .pad = k / 2,
                           .groups = 1 };

    snprintf(n.layer, sizeof(n.layer), "layer %d", in + 1);
    return n;
}

static void build(struct reap_net *net, struct reap_node *n,
                  const float *numbers)
{
    n[0] = (struct reap_node){
        .op = REAP_OP_INPUT, .in = -1, .in2 = -1, .h = SIDE, .w = SIDE, .c = 3
    };
    n[1] = node(REAP_OP_CONV, 0, SIDE, 7, 1);
    n[2] = node(REAP_OP_MAXPOOL, 1, SIDE / 2, 3, 2);
    n[3] = node(REAP_OP_AFFINE, 2, SIDE / 2, 1, 1);
    n[4] = node(REAP_OP_CONV, 3, SIDE / 2, 3, 1); /* Winograd */
    n[5] = node(REAP_OP_CONV, 3, SIDE / 2, 1, 1); /* a projection */
    n[6] = node(REAP_OP_CONV, 4, SIDE / 2, 1, 1);
    n[6].in2 = 5;
    n[7] = node(REAP_OP_SUBSAMPLE, 6, SIDE / 4, 1, 2);
    for (int i = 1; i < NODES; i++)
        n[i].weight = n[i].bias = numbers;
    *net = (struct reap_net){ .in_h = SIDE,
                              .in_w = SIDE,
                              .n_nodes = NODES,
                              .node = n,
                              .features = WIDE };
}

/* int8 has neither affine nor subsampling layers: convolutions instead, and
 * scales for the maps behind a ReLU. */
static void quantize(struct reap_net *net, float *numbers)
{
    struct reap_node *n = net->node;

    n[3] = node(REAP_OP_CONV, 2, SIDE / 2, 1, 1);
    n[7] = node(REAP_OP_CONV, 6, SIDE / 4, 1, 2);
    for (int i = 1; i < NODES; i++) {
        n[i].relu = n[i].op == REAP_OP_CONV && i != 5;
        n[i].scale = i == 5 ? 0 : 0.05f;
        n[i].weight = n[i].bias = n[i].shift = numbers;
    }
    net->quantized = numbers;
}

static void try(const struct reap_backend *b, enum reap_precision precision,
                const struct reap_net *net)
{
    const struct reap_probe probe = { NODES - 1, REAP_PROBE_AVG };
    struct reap_plan_args a = { .net = net,
                                .norm = { .div = 255, .std = { 1, 1, 1 } },
                                .precision = precision,
                                .cpu = b->needs,
                                .max_batch = 2,
                                .n_probes = 1,
                                .probes = &probe };
    static const unsigned char picture[SIDE * SIDE * 3];
    const void *images[] = { picture, picture };
    float out[2 * WIDE], *to = out;
    struct reap_err err;
    void *prog = NULL, *arena;
    int rc = REAP_ENOMEM, bad = 0;
    char what[48];
    long i;

    snprintf(what, sizeof(what), "%s, precision %d", b->name, (int)precision);
    for (i = 1; rc == REAP_ENOMEM && i < MOST; i++) {
        reap_mem_fail_at(i);
        rc = b->compile(&prog, &a, &err);
        bad += rc == REAP_ENOMEM ? prog != NULL : rc != REAP_OK;
    }
    ok(!bad && !rc && i > 2 * NODES, "%s: %ld allocations fail, one at a time",
       what, i - 2);
    arena = guard_new(b->arena(prog));
    reap_mem_fail_at(1);
    b->run(prog, arena, NULL, 2, images, &to);
    ok(!reap_calloc(1, 1), "%s: a run allocates nothing", what);
    reap_mem_fail_at(0);
    ok(!memcmp(out, out + WIDE, WIDE * sizeof(float)),
       "%s: equal pictures give equal numbers", what);
    guard_free(arena, b->arena(prog));
    b->free(&prog);
}

/* Each precision of a backend. */
static void try_all(const struct reap_backend *b, float *numbers)
{
    struct reap_node n[NODES];
    struct reap_net net;

    for (unsigned p = REAP_FP32; p <= REAP_BF16X3; p <<= 1) {
        if (!(b->precisions & p))
            continue;
        build(&net, n, numbers);
        if (p == REAP_INT8)
            quantize(&net, numbers);
        try(b, (enum reap_precision)p, &net);
    }
}

int main(void)
{
    float *numbers = calloc(WIDE * WIDE * 49, sizeof(*numbers));
    unsigned cpu;

    fill_seed();
    if (!numbers || reap_cpu_detect(&cpu, NULL))
        return 1;
    fill_real(numbers, WIDE * WIDE * 49);
    for (size_t b = 0; reap_backends[b]; b++) {
        const struct reap_backend *be = reap_backends[b];

        if (be->compile != reap_blocked_compile)
            continue;
        if ((cpu & be->needs) == be->needs)
            try_all(be, numbers);
        else
            skip("%s: not on this CPU, or REAP_CPU forbids it", be->name);
    }
    free(numbers);
    return done();
}
