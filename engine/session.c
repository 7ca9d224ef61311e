/* One thread's use of an engine: its arena, and the head after the net. */
#include <string.h>

#include "engine/base/mem.h"
#include "engine/engine_impl.h"
#include "engine/head/head.h"
#include "engine/head/l2.h"
#include "engine/kern/ops.h"

struct reap_session {
    const struct reap_engine *e;
    struct reap_crew *crew; /* of latency mode, or NULL */
    void *arena;
    float *pooled; /* (max_batch, features), if the engine says so */
    float *logits; /* (max_batch, classes), before the last activation */
    float *probs;  /* likewise, after it */
    float **dense; /* of each layer: (max_batch, out), after its activation */
    float *unit;   /* (max_batch, features) of length 1, for a classifier */
    float *scratch;
    float *grouped; /* (max_batch, groups), if there are any */
    float *own;     /* what those point into */
};

static int session_no_memory(struct reap_err *err)
{
    return reap_fail(err, REAP_ENOMEM, "no memory for the head");
}

/* Room for pooled features and for what each dense layer gives. */
static int room_for_head(struct reap_session *s, struct reap_err *err)
{
    const struct reap_net *net = s->e->net;
    size_t row = net->features + net->classes;
    float *at;

    for (size_t d = 0; d < net->n_dense; d++)
        row += net->dense[d].out;
    s->dense = reap_calloc(net->n_dense, sizeof(*s->dense));
    if (row <= (size_t)-1 / sizeof(float) / s->e->max_batch)
        s->own = reap_aligned(row * s->e->max_batch * sizeof(float));
    if (!s->dense || !s->own)
        return session_no_memory(err);
    s->pooled = s->own;
    s->logits = s->pooled + net->features * s->e->max_batch;
    at = s->logits + net->classes * s->e->max_batch;
    for (size_t d = 0; d < net->n_dense; d++) {
        s->dense[d] = s->probs = at;
        at += net->dense[d].out * s->e->max_batch;
    }
    return REAP_OK;
}

/* Room for what a classifier takes and gives. */
static int room_for_classifier(struct reap_session *s, struct reap_err *err)
{
    const struct reap_classifier *c = s->e->classifier;
    const size_t n = s->e->max_batch, in = n * c->in, out = n * c->classes;

    s->own = reap_aligned((2 * in + 2 * out + c->scratch(c->ctx, n)) *
                          sizeof(float));
    if (!s->own)
        return session_no_memory(err);
    s->pooled = s->own;
    s->unit = s->pooled + in;
    s->logits = s->unit + in;
    s->probs = s->logits + out;
    s->scratch = s->probs + out;
    return REAP_OK;
}

int reap_session_new(struct reap_session **out, const struct reap_engine *e,
                     struct reap_err *err)
{
    struct reap_session *s = reap_calloc(1, sizeof(*s));
    int rc = REAP_OK;

    *out = NULL;
    if (!s)
        return reap_fail(err, REAP_ENOMEM, "no memory for a session");
    s->e = e;
    s->arena = reap_aligned(e->backend->arena(e->prog));
    if (!s->arena)
        rc = reap_fail(err, REAP_ENOMEM, "no memory for an arena of %zu bytes",
                       e->backend->arena(e->prog));
    if (!rc && e->threads > 1)
        rc = reap_crew_new(&s->crew, e->threads, err);
    if (!rc && e->head)
        rc =
            e->classifier ? room_for_classifier(s, err) : room_for_head(s, err);
    if (!rc && e->group) {
        s->grouped =
            reap_aligned(e->n_groups * e->max_batch * sizeof(*s->grouped));
        rc = s->grouped ? REAP_OK : session_no_memory(err);
    }
    if (rc)
        reap_session_free(&s);
    *out = s;
    return rc;
}

/* A dense layer at work: each thread has some of its outputs. */
struct dense_task {
    reap_dense_fn *fn;
    const struct reap_dense *layer;
    size_t n, threads;
    const float *in;
    float *out;
};

static void dense_share(void *ctx, size_t thread)
{
    const struct dense_task *t = ctx;
    size_t from,
        end = reap_crew_share(t->layer->out, thread, t->threads, &from);

    reap_dense_part(t->fn, t->layer, from, end, t->n, t->in, t->out);
}

static void run_dense(struct reap_session *s, struct dense_task *t)
{
    t->threads = s->crew ? reap_crew_size(s->crew) : 1;
    if (s->crew)
        reap_crew_run(s->crew, dense_share, t);
    else
        dense_share(t, 0);
}

static void run_head(struct reap_session *s, size_t n, const float *pooled)
{
    const struct reap_net *net = s->e->net;
    const float *in = pooled;

    for (size_t d = 0; d < net->n_dense; d++) {
        const struct reap_dense *layer = &net->dense[d];
        float *to = d + 1 < net->n_dense ? s->dense[d] : s->logits;

        run_dense(s, &(struct dense_task){ s->e->dense, layer, n, 0, in, to });
        reap_head_activate(layer->act, n, layer->out, to, s->dense[d]);
        in = s->dense[d];
    }
}

static void run_classifier(struct reap_session *s, size_t n, const float *x)
{
    const struct reap_classifier *c = s->e->classifier;

    if (c->l2) {
        memcpy(s->unit, x, n * c->in * sizeof(*x));
        for (size_t i = 0; i < n; i++)
            reap_l2(s->unit + i * c->in, c->in);
        x = s->unit;
    }
    c->run(c->ctx, n, x, s->logits, s->probs, s->scratch);
}

static void run_groups(struct reap_session *s, size_t n)
{
    const struct reap_engine *e = s->e;

    for (size_t b = 0; b < n && e->group; b++)
        reap_head_group(e->group, e->classes, s->probs + b * e->classes,
                        e->n_groups, s->grouped + b * e->n_groups);
}

/* Hand output i, which the head made, to the caller. */
static void session_give(const struct reap_session *s, size_t i, size_t n,
                         void *out)
{
    const size_t classes = s->e->group ? s->e->n_groups : s->e->classes;
    const float *probs = s->e->group ? s->grouped : s->probs;
    const struct reap_output *o = &s->e->output[i];
    const struct reap_wanted *w = &s->e->wanted[i];
    struct reap_top *top = out;

    if (w->from == REAP_FROM_LOGITS)
        memcpy(out, s->logits, n * o->c * sizeof(float));
    if (w->from == REAP_FROM_PROBS)
        memcpy(out, probs, n * o->c * sizeof(float));
    if (w->from == REAP_FROM_DENSE)
        memcpy(out, s->dense[w->index], n * o->c * sizeof(float));
    for (size_t b = 0; b < n && w->from == REAP_FROM_TOP; b++)
        reap_head_top(classes, probs + b * classes, o->c, top + b * o->c);
}

void reap_session_run(struct reap_session *s, size_t n,
                      const void *const *images, void *const *out)
{
    const struct reap_engine *e = s->e;
    float *to[REAP_MAX_OUTPUTS + 1] = { NULL };

    for (size_t i = 0; i < e->n; i++)
        if (e->wanted[i].from == REAP_FROM_PROBE)
            to[e->wanted[i].index] = out[i];
    if (e->head && e->free_pool)
        to[e->pooled] = s->pooled;
    e->backend->run(e->prog, s->arena, s->crew, n, images, to);
    if (!e->head)
        return;
    if (e->classifier)
        run_classifier(s, n, to[e->pooled]);
    else
        run_head(s, n, to[e->pooled]);
    run_groups(s, n);
    for (size_t i = 0; i < e->n; i++)
        if (e->wanted[i].from != REAP_FROM_PROBE)
            session_give(s, i, n, out[i]);
}

void reap_session_free(struct reap_session **s)
{
    if (!*s)
        return;
    reap_crew_free(&(*s)->crew);
    reap_free((*s)->arena);
    reap_free((*s)->dense);
    reap_free((*s)->grouped);
    reap_free((*s)->own);
    reap_free(*s);
    *s = NULL;
}
