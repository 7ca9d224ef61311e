/*
 * Every backward kernel against finite differences in double precision, and
 * the same bytes for any threads and ranks. Each network brings other kernels:
 * see the table.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/net/random.h"
#include "engine/train/tail.h"
#include "tests/fill.h"
#include "tests/tail_ref.h"
#include "tests/tap.h"

enum { HIDDEN = 24, CLASSES = 5, MOST = 24, PROBES = 2 };

static const struct {
    const char *model, *from;
    size_t h, w, n; /* of the input; images of the batch */
    enum reap_activation last;
    const char *brings;
} cases[] = {
    { "torchvision/resnet18", "layer4", 64, 64, 2, REAP_SOFTMAX,
      "3x3, strides, projection" },
    { "torchvision/resnet18", "layer4.1", 64, 96, 2, REAP_SIGMOID,
      "the border as a shortcut, sigmoid" },
    { "torchvision/resnet50", "layer4.2", 32, 32, 9, REAP_SOFTMAX,
      "bottleneck, two parts" },
    { "torchvision/resnext50_32x4d", "layer4.2", 64, 64, 2, REAP_SOFTMAX,
      "groups" },
    { "resnet50", "conv5_block1", 32, 32, 1, REAP_SOFTMAX,
      "a 1x1 with a stride, biases of convolutions" },
    { "resnet50v2", "conv4_block6", 32, 32, 1, REAP_SOFTMAX,
      "affine, subsample, convolutions without batch norm" },
};

struct
try {
    struct reap_graph *graph;
    struct reap_params *params;
    struct reap_dense dense[2];
    struct reap_tail_args a;
    float *input, *target, *head;
    size_t border;
};

static void numbers(struct try *x, size_t n, enum reap_activation last)
{
    const size_t features = x->graph->node[x->graph->n - 1].c;
    const size_t first = features * HIDDEN, second = HIDDEN * CLASSES;
    float *at;

    x->input = calloc(n * x->border, sizeof(float));
    x->target = calloc(n * CLASSES, sizeof(float));
    at = x->head = calloc(first + HIDDEN + second + CLASSES, sizeof(float));
    fill_real(x->input, n * x->border);
    for (size_t i = 0; i < n * x->border; i++) /* as behind a ReLU */
        x->input[i] = x->input[i] < 0 ? 0 : x->input[i];
    fill_real(x->head, first + HIDDEN + second + CLASSES);
    for (size_t i = 0; i < first; i++)
        x->head[i] *= 0.05f;
    for (size_t i = 0; i < n; i++)
        x->target[i * CLASSES + i % CLASSES] = 1;
    if (last == REAP_SIGMOID)
        x->target[1] = 1; /* several at once */
    x->dense[0] =
        (struct reap_dense){ "", features, HIDDEN, REAP_RELU, at, at + first };
    at += first + HIDDEN;
    x->dense[1] =
        (struct reap_dense){ "", HIDDEN, CLASSES, last, at, at + second };
}

static void make(struct try *x, size_t c, size_t n, struct reap_crew *crew,
                 const struct reap_gemm *gemm)
{
    const struct reap_node *border;

    memset(x, 0, sizeof(*x));
    x->graph = reap_graph_new(reap_model_find(cases[c].model, NULL), cases[c].h,
                              cases[c].w);
    if (reap_random_params(&x->params, x->graph, 0, 5, NULL) ||
        reap_unfreeze_find(x->graph, cases[c].from, &x->a.from, NULL))
        exit(1);
    border = &x->graph->node[x->a.from.border];
    x->border = border->h * border->w * border->c;
    numbers(x, n, cases[c].last);
    x->a.graph = x->graph;
    x->a.params = x->params;
    x->a.n_dense = 2;
    x->a.dense = x->dense;
    x->a.max_batch = n;
    x->a.team = REAP_TEAM_ALONE;
    x->a.crew = crew;
    x->a.gemm = gemm;
}

static void clear(struct try *x)
{
    reap_params_free(&x->params);
    reap_free(x->graph);
    free(x->input);
    free(x->target);
    free(x->head);
}

static double loss_of(const struct reap_tail_result *r, size_t n)
{
    double loss = 0;

    for (size_t p = 0; p < r->parts; p++)
        loss += r->sums[p][0];
    return loss / (double)n;
}

static size_t count_of(const struct reap_tensor_spec *s)
{
    size_t n = 1;

    for (size_t d = 0; d < s->rank; d++)
        n *= s->dim[d];
    return n;
}

/* The slope of the loss along number k of a tensor. */
static double slope(struct tail_ref *r, const char *name, size_t k)
{
    const size_t first = tail_ref_node(r, name);
    double *w = tail_ref_number(r, name, k);
    const double step = 1e-5, was = *w;
    double up, down;

    *w = was + step;
    up = tail_ref_loss(r, first);
    *w = was - step;
    down = tail_ref_loss(r, first);
    *w = was;
    tail_ref_loss(r, first); /* as it was, for the next */
    return (up - down) / (2 * step);
}

/* Some numbers of one tensor; returns the largest error, over the norm. */
static double probe(struct reap_tail *t, struct tail_ref *r, size_t i)
{
    struct reap_tensor_spec spec;
    double norm = 0, worst = 0;
    size_t n, best = 0;
    float *g;

    reap_tail_tensor(t, i, &spec);
    n = count_of(&spec);
    g = malloc(n * sizeof(*g));
    reap_tail_get(t, i, REAP_TAIL_GRADIENT, g);
    for (size_t k = 0; k < n; k++) {
        norm += (double)g[k] * g[k];
        best = fabsf(g[k]) > fabsf(g[best]) ? k : best;
    }
    norm = sqrt(norm);
    for (size_t p = 0; p < PROBES; p++) {
        const size_t k = p ? (p * 7919 + i * 104729) % n : best;
        const double s = slope(r, spec.name, k);
        const double off = fabs(s - g[k]) / norm;

        worst = off <= worst ? worst : off;
    }
    free(g);
    return norm > 0 ? worst : INFINITY;
}

static void check_slopes(size_t c, struct reap_crew *crew,
                         const struct reap_gemm *gemm)
{
    struct try x;
    struct reap_tail *t;
    struct reap_tail_result got;
    struct tail_ref *r;
    double worst = 0, loss;

    make(&x, c, cases[c].n, crew, gemm);
    if (reap_tail_new(&t, &x.a, NULL))
        exit(1);
    memcpy(reap_tail_input(t), x.input, cases[c].n * x.border * sizeof(float));
    reap_tail_forward(t, cases[c].n, x.target, 0, &got, NULL);
    r = tail_ref_new(&x.a, cases[c].n, x.input, x.target);
    loss = tail_ref_loss(r, 0);
    ok(fabs(loss - loss_of(&got, cases[c].n)) <= 1e-5 * loss,
       "%s from %s (%s): loss %.7f, in double %.7f", cases[c].model,
       cases[c].from, cases[c].brings, loss_of(&got, cases[c].n), loss);
    reap_tail_backward(t);
    reap_tail_finish_gradient(t);
    for (size_t i = 0; i < reap_tail_tensors(t); i++) {
        const double off = probe(t, r, i);
        struct reap_tensor_spec spec;

        reap_tail_tensor(t, i, &spec);
        if (!(off <= 1e-4))
            printf("# %s: off by %.1e of its norm\n", spec.name, off);
        worst = off <= worst ? worst : off;
    }
    ok(worst <= 1e-4, "gradients of %zu tensors are slopes, to %.1e",
       reap_tail_tensors(t), worst);
    tail_ref_free(&r);
    reap_tail_free(&t);
    clear(&x);
}

/* ---- the same bytes ---- */

enum { BATCH = 18, STEPS = 2, RANKS = 4 };

/* Add up the gradients of all ranks as reap_tail_share() says. */
static void add_up(struct reap_tail **t, size_t ranks, size_t n)
{
    const struct reap_tail_share s = reap_tail_share(n, 0, ranks);
    const size_t count = reap_tail_count(t[0]);
    float *g[RANKS];

    for (size_t r = 0; r < ranks; r++)
        g[r] = reap_tail_vector(t[r], REAP_TAIL_GRADIENT);
    for (size_t step = 1; step < s.ranks; step *= 2)
        for (size_t r = 0; r < s.ranks; r += 2 * step)
            for (size_t i = 0; i < count; i++)
                g[r][i] += g[r + step][i];
    for (size_t r = 1; r < ranks; r++)
        memcpy(g[r], g[0], count * sizeof(float));
}

/* Some steps, the last on a smaller batch. Returns the first rank's numbers,
 * owned, and their count. */
static float *steps(struct try *x, size_t ranks, size_t threads,
                    const struct reap_gemm *gemm, size_t *count)
{
    struct reap_crew *crew;
    struct reap_tail *t[RANKS];
    float *w;

    if (reap_crew_new(&crew, threads, NULL))
        exit(1);
    x->a.crew = crew;
    x->a.gemm = gemm;
    x->a.team.ranks = ranks;
    for (size_t r = 0; r < ranks; r++)
        if (x->a.team.rank = r, reap_tail_new(&t[r], &x->a, NULL))
            exit(1);
    for (size_t step = 1; step <= STEPS; step++) {
        const struct reap_adam adam = { 1e-3, 0.9, 0.999, 1e-7, step };
        const size_t n = step < STEPS ? BATCH : 6;
        struct reap_tail_result got;

        for (size_t r = 0; r < ranks; r++) {
            const struct reap_tail_share s = reap_tail_share(n, r, ranks);

            memcpy(reap_tail_input(t[r]), x->input + s.from * x->border,
                   (s.to - s.from) * x->border * sizeof(float));
            reap_tail_forward(t[r], n, x->target, step, &got, NULL);
            reap_tail_backward(t[r]);
        }
        add_up(t, ranks, n);
        for (size_t r = 0; r < ranks; r++)
            reap_tail_update(t[r], &adam);
    }
    *count = reap_tail_count(t[0]);
    w = malloc(*count * sizeof(*w));
    memcpy(w, reap_tail_vector(t[0], REAP_TAIL_WEIGHT), *count * sizeof(*w));
    for (size_t r = 0; r < ranks; r++)
        reap_tail_free(&t[r]);
    reap_crew_free(&crew);
    return w;
}

static void check_bytes(const struct reap_gemm *gemm)
{
    static const size_t with[][2] = { { 1, 3 }, { 2, 1 }, { 3, 2 }, { 4, 1 } };
    struct try x;
    size_t count, same;
    float *one, *other;

    make(&x, 1, BATCH, NULL, gemm);
    x.a.dropout = 0.5f;
    one = steps(&x, 1, 1, gemm, &count);
    for (size_t i = 0; i < sizeof(with) / sizeof(*with); i++) {
        other = steps(&x, with[i][0], with[i][1], gemm, &same);
        ok(same == count && !memcmp(one, other, count * sizeof(*one)),
           "%zu ranks of %zu threads: the same %zu numbers", with[i][0],
           with[i][1], count);
        free(other);
    }
    free(one);
    clear(&x);
}

/* ---- refusals ---- */

static void check_refusals(struct reap_crew *crew, const struct reap_gemm *gemm)
{
    struct reap_err err = { 0 };
    struct reap_unfreeze u;
    struct reap_tail *t;
    struct try x;
    int rc = REAP_ENOMEM;

    make(&x, 1, 2, crew, gemm);
    ok(reap_unfreeze_find(x.graph, "conv5", &u, &err) == REAP_EINVAL &&
           strstr(err.msg, "layer4") && strstr(err.msg, "layer1.0"),
       "no such layer: %s", err.msg);
    x.dense[0].in--;
    ok(reap_tail_new(&t, &x.a, &err) == REAP_EMISFIT && !t, "another head: %s",
       err.msg);
    x.dense[0].in++;
    for (long i = 1; rc == REAP_ENOMEM && i < 20; i++) {
        reap_mem_fail_at(i);
        rc = reap_tail_new(&t, &x.a, &err);
        ok(rc == REAP_OK || (rc == REAP_ENOMEM && !t),
           "allocation %ld fails, or is one too many", i);
    }
    reap_mem_fail_at(0);
    reap_tail_free(&t);
    clear(&x);
}

int main(void)
{
    struct reap_crew *crew;
    struct reap_gemm gemm;
    struct reap_err err;

    fill_seed();
    if (reap_gemm_open(&gemm, &err)) {
        printf("1..0 # SKIP %s\n", err.msg);
        return 0;
    }
    if (reap_crew_new(&crew, 2, NULL))
        return 1;
    for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++)
        check_slopes(c, crew, &gemm);
    check_bytes(&gemm);
    check_refusals(crew, &gemm);
    reap_crew_free(&crew);
    reap_gemm_close(&gemm);
    return done();
}
