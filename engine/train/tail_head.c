/* The head of a tail: pool, dense layers, loss, and back to the features. */
#include <math.h>
#include <string.h>

#include "engine/base/rng.h"
#include "engine/head/head.h"
#include "engine/train/tail_impl.h"

/* What each output of layer i of one image is multiplied with: 0, or what
 * keeps the mean. The same on any rank: 'image' is its place in the batch. */
static void throw(const struct reap_tail *t, uint64_t dice, size_t i,
                  size_t image, float *to)
{
    uint64_t stream = reap_rng_fork(dice, image * REAP_TAIL_DENSE + i);
    const float keep = 1 / (1 - t->a.dropout);

    for (size_t o = 0; o < t->dense[i].out; o++)
        to[o] = reap_rng_real(&stream) < t->a.dropout ? 0 : keep;
}

struct head_pass {
    struct reap_tail *t;
    size_t layer;
    uint64_t dice;
    const float *in; /* (share, dense.in) */
};

static void pool(void *ctx, size_t image, size_t who)
{
    const struct head_pass *p = ctx;
    const struct reap_tail_layer *l = &p->t->layer[p->t->n - 1];
    const size_t pixels = l->node->h * l->node->w, c = l->node->c;

    (void)who;
    reap_avg_f32_ref(pixels, c, l->out + image * pixels * c,
                     p->t->pooled + image * c);
}

/* A dense layer on one part; the last activation belongs to the loss. */
static void tail_head_dense(void *ctx, size_t task, size_t who)
{
    const struct head_pass *p = ctx;
    struct reap_tail *t = p->t;
    const struct reap_dense *d = &t->dense[p->layer];
    const size_t from = reap_tail_part(t, t->now.part + task);
    const size_t n = reap_tail_part(t, t->now.part + task + 1) - from;
    const float *w = t->vector[REAP_TAIL_WEIGHT] + t->at_dense[p->layer];
    const float *bias = w + (d->in * d->out + 15) / 16 * 16;
    const bool hidden = p->layer + 1 < t->a.n_dense;
    float *to = t->z[p->layer] + from * d->out;
    float *drop = t->drop[p->layer] + from * d->out;

    (void)who;
    if (!n)
        return;
    reap_gemm_run(t->a.gemm, n, d->out, d->in,
                  (struct reap_mat){ .at = p->in + from * d->in, .ld = d->in },
                  (struct reap_mat){ .at = w, .ld = d->in, .t = true }, false,
                  to, d->out);
    for (size_t i = 0; i < n; i++)
        for (size_t o = 0; o < d->out; o++)
            to[i * d->out + o] += bias[o];
    if (!hidden)
        return;
    reap_head_activate(d->act, n, d->out, to, to);
    for (size_t i = 0; p->dice && t->a.dropout > 0 && i < n; i++)
        throw(t, p->dice, p->layer, t->now.from + from + i, drop + i * d->out);
    for (size_t i = 0; p->dice && t->a.dropout > 0 && i < n * d->out; i++)
        to[i] *= drop[i];
}

static double softmax_loss(size_t c, const float *z, const float *target)
{
    double most = z[0], sum = 0, loss = 0;

    for (size_t i = 1; i < c; i++)
        most = z[i] > most ? z[i] : most;
    for (size_t i = 0; i < c; i++)
        sum += exp(z[i] - most);
    for (size_t i = 0; i < c; i++)
        if (target[i] != 0)
            loss += target[i] * (log(sum) + most - z[i]);
    return loss;
}

/* log(1 + exp(z)) - target * z, without overflow */
static double sigmoid_loss(size_t c, const float *z, const float *target)
{
    double loss = 0;

    for (size_t i = 0; i < c; i++) {
        const double x = z[i];

        loss += log1p(exp(-fabs(x))) + (x > 0 ? x : 0) - target[i] * x;
    }
    return loss / (double)c;
}

static bool right(enum reap_activation act, size_t c, const float *z,
                  const float *target)
{
    size_t best = 0;

    for (size_t i = 0; i < c; i++) {
        if (act == REAP_SIGMOID && (z[i] > 0) != (target[i] > 0.5f))
            return false;
        best = z[i] > z[best] ? i : best;
    }
    return act == REAP_SIGMOID || target[best] > 0.5f;
}

static void tail_head_measure(struct reap_tail *t)
{
    const struct reap_dense *d = &t->dense[t->a.n_dense - 1];
    const float *z = t->z[t->a.n_dense - 1];

    for (size_t p = t->now.part; p < t->now.part + t->now.parts; p++)
        for (size_t i = reap_tail_part(t, p); i < reap_tail_part(t, p + 1);
             i++) {
            const float *row = z + i * d->out;
            const float *target = t->target + (t->now.from + i) * d->out;
            const double loss = d->act == REAP_SIGMOID
                                    ? sigmoid_loss(d->out, row, target)
                                    : softmax_loss(d->out, row, target);

            t->result[p][0] += loss;
            t->result[p][1] += right(d->act, d->out, row, target);
        }
}

void reap_tail_head_forward(struct reap_tail *t, uint64_t dice, float *probs)
{
    struct head_pass p = { .t = t, .dice = dice, .in = t->pooled };
    const size_t n = t->now.to - t->now.from, last = t->a.n_dense - 1;

    reap_loop_run(t->a.crew, n, pool, &p);
    for (; p.layer <= last; p.layer++) {
        reap_loop_run(t->a.crew, t->now.parts, tail_head_dense, &p);
        p.in = t->z[p.layer];
    }
    if (!dice)
        for (size_t i = 0; i < t->a.n_dense; i++)
            for (size_t o = 0; o < n * t->dense[i].out; o++)
                t->drop[i][o] = 1;
    tail_head_measure(t);
    if (probs)
        reap_head_activate(t->dense[last].act, n, t->dense[last].out,
                           t->z[last], probs);
}

/* The gradient of the mean loss: (probability - target) / batch. */
static void from_loss(struct reap_tail *t, float *dz)
{
    const struct reap_dense *d = &t->dense[t->a.n_dense - 1];
    const size_t n = t->now.to - t->now.from;
    const double scale =
        1 / (double)t->batch / (d->act == REAP_SIGMOID ? (double)d->out : 1);

    reap_head_activate(d->act, n, d->out, t->z[t->a.n_dense - 1], dz);
    for (size_t i = 0; i < n; i++) {
        const float *target = t->target + (t->now.from + i) * d->out;

        for (size_t o = 0; o < d->out; o++)
            dz[i * d->out + o] =
                (float)((dz[i * d->out + o] - (double)target[o]) * scale);
    }
}

/* Through dropout and ReLU of layer i: what was cut off has no gradient. */
static void through(const struct reap_tail *t, size_t i, float *dz)
{
    const struct reap_dense *d = &t->dense[i];
    const size_t n = (t->now.to - t->now.from) * d->out;
    const bool dropped = t->a.dropout > 0;

    for (size_t x = 0; x < n; x++) {
        if (d->act == REAP_RELU && !(t->z[i][x] > 0))
            dz[x] = 0;
        else if (dropped)
            dz[x] *= t->drop[i][x];
    }
}

static void dense_bias(struct reap_tail *t, const float *dz, size_t c,
                       float *to)
{
    for (size_t p = 0; p < t->now.parts; p++) {
        float *sum = t->sums + p * c;

        memset(sum, 0, c * sizeof(*sum));
        for (size_t i = reap_tail_part(t, t->now.part + p);
             i < reap_tail_part(t, t->now.part + p + 1); i++)
            for (size_t o = 0; o < c; o++)
                sum[o] += dz[i * c + o];
    }
    reap_tail_add_parts(t, c, to);
}

static void dense_input(void *ctx, size_t task, size_t who)
{
    const struct head_pass *p = ctx;
    struct reap_tail *t = p->t;
    const struct reap_dense *d = &t->dense[p->layer];
    const size_t from = reap_tail_part(t, t->now.part + task);
    const size_t n = reap_tail_part(t, t->now.part + task + 1) - from;
    const float *w = t->vector[REAP_TAIL_WEIGHT] + t->at_dense[p->layer];
    float *to = p->layer ? t->dz[!(p->in == t->dz[1])] : t->back;

    (void)who;
    if (n)
        reap_gemm_run(
            t->a.gemm, n, d->in, d->out,
            (struct reap_mat){ .at = p->in + from * d->out, .ld = d->out },
            (struct reap_mat){ .at = w, .ld = d->in }, false, to + from * d->in,
            d->in);
}

/* Each pixel of the last map takes its share of the pooled gradient. */
static void unpool(void *ctx, size_t image, size_t who)
{
    const struct head_pass *p = ctx;
    const struct reap_tail_layer *l = &p->t->layer[p->t->n - 1];
    const size_t pixels = l->node->h * l->node->w, c = l->node->c;
    const float *from = p->t->back + image * c;
    float *to = reap_tail_slot(p->t, (int)p->t->n - 1) + image * pixels * c;
    const float share = 1 / (float)pixels;

    (void)who;
    for (size_t i = 0; i < pixels; i++)
        for (size_t o = 0; o < c; o++)
            to[i * c + o] = from[o] * share;
}

void reap_tail_head_backward(struct reap_tail *t)
{
    float *g = t->vector[REAP_TAIL_GRADIENT], *dz = t->dz[0];
    struct head_pass p = { .t = t };

    from_loss(t, dz);
    for (size_t i = t->a.n_dense; i--;) {
        const struct reap_dense *d = &t->dense[i];
        struct reap_tail_product w = { .dy = dz,
                                       .x = i ? t->z[i - 1] : t->pooled,
                                       .ldy = d->out,
                                       .ldx = d->in,
                                       .n = d->out,
                                       .k = d->in,
                                       .pixels = 1,
                                       .to = g + t->at_dense[i],
                                       .ldt = d->in };

        reap_tail_weigh(t, &w);
        dense_bias(t, dz, d->out, w.to + (d->in * d->out + 15) / 16 * 16);
        p.layer = i;
        p.in = dz;
        reap_loop_run(t->a.crew, t->now.parts, dense_input, &p);
        if (!i)
            break;
        dz = t->dz[dz != t->dz[1]];
        through(t, i - 1, dz);
    }
    reap_loop_run(t->a.crew, t->now.to - t->now.from, unpool, &p);
}
