/*
 * From the sums of backward to true gradients, a step of Adam, and scale and
 * shift for the next pass; row by row, while a row is in the cache.
 *
 * After a batch norm, y = scale * (W x) + shift with scale = gamma / sigma and
 * shift = beta + (bias - mean) * scale. Backward gives S = sum dy x and
 * D = sum dy; from these, with nothing of the forward pass but W:
 *
 *   dW = scale * S,  dbeta = D,  dbias = scale * D,
 *   dgamma = (W . S + (bias - mean) * D) / sigma
 */
#include <math.h>

#include "engine/train/tail_impl.h"

enum { ROWS = 32, SPAN = 16384 };

struct row {
    struct reap_tail *t;
    const struct reap_tail_layer *l;
    size_t o, k; /* which; numbers of it in the kernel */
};

static float *tail_update_at(const struct row *r, enum reap_tail_vector v,
                             enum reap_tensor kind)
{
    const size_t from = r->l->at[kind];

    if (from == REAP_TAIL_NONE)
        return NULL;
    return r->t->vector[v] + from + r->o * (kind == REAP_T_KERNEL ? r->k : 1);
}

/* Partial sums by place modulo 8, so that they need not wait for each other. */
static double tail_update_dot(size_t n, const float *a, const float *b)
{
    double part[8] = { 0 }, sum = 0;
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        for (size_t j = 0; j < 8; j++)
            part[j] += (double)a[i + j] * b[i + j];
    for (size_t j = 0; i < n; i++, j++)
        part[j] += (double)a[i] * b[i];
    for (size_t j = 0; j < 8; j++)
        sum += part[j];
    return sum;
}

static void finish_row(const struct row *r)
{
    const struct reap_tail_layer *l = r->l;
    const float *w = tail_update_at(r, REAP_TAIL_WEIGHT, REAP_T_KERNEL);
    const float *gamma = tail_update_at(r, REAP_TAIL_WEIGHT, REAP_T_GAMMA);
    const float *bias = tail_update_at(r, REAP_TAIL_WEIGHT, REAP_T_BIAS);
    float *g = tail_update_at(r, REAP_TAIL_GRADIENT, REAP_T_KERNEL);
    float *dgamma = tail_update_at(r, REAP_TAIL_GRADIENT, REAP_T_GAMMA);
    float *dbias = tail_update_at(r, REAP_TAIL_GRADIENT, REAP_T_BIAS);
    double d, away, scale, sum;

    if (!gamma)
        return;
    d = *tail_update_at(r, REAP_TAIL_GRADIENT, REAP_T_BETA);
    away = (bias ? *bias : 0.0) - l->mean[r->o];
    /* an affine has its sum of dy x in the place of dgamma, and W is 1 */
    sum = w ? tail_update_dot(r->k, w, g) : *dgamma;
    *dgamma = (float)((sum + away * d) / l->sigma[r->o]);
    scale = (double)*gamma / l->sigma[r->o];
    if (dbias)
        *dbias = (float)(scale * d);
    for (size_t i = 0; w && i < r->k; i++)
        g[i] *= (float)scale;
}

void reap_tail_fold_row(struct reap_tail *t, const struct reap_tail_layer *l,
                        size_t o)
{
    const struct row r = {
        .t = t, .l = l, .o = o, .k = l->node->kh * l->node->kw * l->task.cin
    };
    const float *w = tail_update_at(&r, REAP_TAIL_WEIGHT, REAP_T_KERNEL);
    const float *gamma = tail_update_at(&r, REAP_TAIL_WEIGHT, REAP_T_GAMMA);
    const float *beta = tail_update_at(&r, REAP_TAIL_WEIGHT, REAP_T_BETA);
    const float *bias = tail_update_at(&r, REAP_TAIL_WEIGHT, REAP_T_BIAS);
    const double scale = gamma ? (double)*gamma / l->sigma[o] : 1;
    const double b = bias ? *bias : 0;

    l->shift[o] = (float)(gamma ? *beta + (b - l->mean[o]) * scale : b);
    l->scale[o] = (float)scale;
    for (size_t i = 0; w && i < r.k; i++)
        l->folded[o * r.k + i] = w[i] * (float)scale;
}

/* Adam's numbers for one step, in float32. */
struct step {
    bool finish, adam, fold;
    float alpha, b1, b2, epsilon;
};

static void adam(const struct reap_tail *t, const struct step *s, size_t from,
                 size_t n)
{
    const float *g = t->vector[REAP_TAIL_GRADIENT] + from;
    float *w = t->vector[REAP_TAIL_WEIGHT] + from;
    float *m = t->vector[REAP_TAIL_MOMENT1] + from;
    float *v = t->vector[REAP_TAIL_MOMENT2] + from;

    for (size_t i = 0; i < n; i++) {
        m[i] += (g[i] - m[i]) * s->b1;
        v[i] += (g[i] * g[i] - v[i]) * s->b2;
        w[i] -= s->alpha * m[i] / (sqrtf(v[i]) + s->epsilon);
    }
}

struct job {
    struct reap_tail *t;
    const struct reap_tail_layer *l;
    const struct step *step;
    size_t from, n; /* of the head: numbers */
};

static void update_row(const struct row *r, const struct step *s)
{
    if (s->finish)
        finish_row(r);
    for (int kind = 0; s->adam && kind <= REAP_T_BETA; kind++)
        if (r->l->at[kind] != REAP_TAIL_NONE)
            adam(r->t, s,
                 r->l->at[kind] + r->o * (kind == REAP_T_KERNEL ? r->k : 1),
                 kind == REAP_T_KERNEL ? r->k : 1);
    if (s->fold)
        reap_tail_fold_row(r->t, r->l, r->o);
}

static void rows(void *ctx, size_t task, size_t who)
{
    const struct job *j = ctx;
    struct row r = { .t = j->t,
                     .l = j->l,
                     .k = j->l->node->kh * j->l->node->kw * j->l->task.cin };
    const size_t end = (task + 1) * ROWS;

    (void)who;
    for (r.o = task * ROWS; r.o < end && r.o < j->l->node->c; r.o++)
        update_row(&r, j->step);
}

static void span(void *ctx, size_t task, size_t who)
{
    const struct job *j = ctx;
    const size_t at = task * SPAN, left = j->n - at;

    (void)who;
    adam(j->t, j->step, j->from + at, left < SPAN ? left : SPAN);
}

static void all(struct reap_tail *t, const struct step *s)
{
    struct job j = { .t = t, .step = s };

    for (size_t i = 0; i < t->n; i++) {
        j.l = &t->layer[i];
        if (j.l->node->op != REAP_OP_SUBSAMPLE)
            reap_loop_run(t->a.crew, (j.l->node->c + ROWS - 1) / ROWS, rows,
                          &j);
    }
    j.from = t->at_dense[0];
    j.n = t->count - j.from;
    if (s->adam)
        reap_loop_run(t->a.crew, (j.n + SPAN - 1) / SPAN, span, &j);
}

void reap_tail_update(struct reap_tail *t, const struct reap_adam *a)
{
    const double time = (double)a->t;
    const struct step s = {
        .finish = true,
        .adam = true,
        .fold = true,
        .alpha = (float)(a->rate * sqrt(1 - pow(a->b2, time)) /
                         (1 - pow(a->b1, time))),
        .b1 = (float)(1 - a->b1),
        .b2 = (float)(1 - a->b2),
        .epsilon = (float)a->epsilon,
    };

    all(t, &s);
}

void reap_tail_finish_gradient(struct reap_tail *t)
{
    all(t, &(struct step){ .finish = true });
}

void reap_tail_refresh(struct reap_tail *t)
{
    all(t, &(struct step){ .fold = true });
}
