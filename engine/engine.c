#include <stdio.h>
#include <string.h>

#include "engine/base/cpu.h"
#include "engine/base/mem.h"
#include "engine/engine.h"
#include "engine/head.h"
#include "engine/kern/ops.h"
#include "engine/model.h"

/* Where an output's numbers come from. */
enum source { FROM_TAP, FROM_LOGITS, FROM_DENSE, FROM_TOP };

struct wanted {
    enum source from;
    size_t index; /* of the tap, or of the dense layer */
};

struct reap_engine {
    const struct reap_net *net;
    const struct reap_backend *backend;
    void *prog;
    size_t max_batch, n;
    struct reap_output output[REAP_MAX_OUTPUTS];
    struct wanted wanted[REAP_MAX_OUTPUTS];
    size_t n_taps;
    struct reap_tap tap[REAP_MAX_OUTPUTS + 1];
    bool head;      /* is the head to be run? */
    size_t pooled;  /* the tap that the head reads */
    bool free_pool; /* it is no output: the session holds it */
};

struct reap_session {
    const struct reap_engine *e;
    void *arena;
    float *pooled; /* (max_batch, features), if the engine says so */
    float *logits; /* (max_batch, classes), before the last activation */
    float **dense; /* of each layer: (max_batch, out), behind its activation */
    float *own;    /* what those point into */
};

static const struct {
    const char *name;
    enum reap_precision is;
} precisions[] = {
    { "fp32", REAP_FP32 },
    { "bf16", REAP_BF16 },
    { "int8", REAP_INT8 },
    { "bf16x3", REAP_BF16X3 },
};

enum { N_PRECISIONS = sizeof(precisions) / sizeof(precisions[0]) };

static const char *precision_name(enum reap_precision p)
{
    for (size_t i = 0; i < N_PRECISIONS; i++)
        if (precisions[i].is == p)
            return precisions[i].name;
    return "unknown";
}

/* "fp32 (avx512)": each precision that the CPU can do. */
static void list_precisions(unsigned cpu, char *to, size_t size)
{
    size_t at = 0;

    *to = '\0';
    for (size_t i = 0; i < N_PRECISIONS && at < size; i++) {
        const struct reap_backend *best = NULL;

        for (size_t b = 0; reap_backends[b]; b++)
            if ((cpu & reap_backends[b]->needs) == reap_backends[b]->needs &&
                (reap_backends[b]->precisions & precisions[i].is))
                best = reap_backends[b];
        if (best)
            at += (size_t)snprintf(to + at, size - at, "%s%s (%s)",
                                   at ? ", " : "", precisions[i].name,
                                   best->name);
    }
}

static int pick_backend(struct reap_engine *e, enum reap_precision precision,
                        unsigned *cpu, struct reap_err *err)
{
    char list[100];
    int rc = reap_cpu_detect(cpu, err);

    if (rc)
        return rc;
    for (size_t b = 0; reap_backends[b]; b++)
        if ((*cpu & reap_backends[b]->needs) == reap_backends[b]->needs &&
            (reap_backends[b]->precisions & precision))
            e->backend = reap_backends[b];
    if (e->backend)
        return REAP_OK;
    list_precisions(*cpu, list, sizeof(list));
    return reap_fail(err, REAP_EINVAL,
                     "--precision %s: no level that this CPU has (or REAP_CPU "
                     "allows) computes it; there is %s",
                     precision_name(precision), list);
}

/* The tap that gives 'kind' of 'node': one that is there already, or new. */
static size_t tap_for(struct reap_engine *e, int node, enum reap_tap_kind kind)
{
    size_t t = 0;

    while (t < e->n_taps && (e->tap[t].node != node || e->tap[t].kind != kind))
        t++;
    if (t == e->n_taps)
        e->tap[e->n_taps++] = (struct reap_tap){ node, kind };
    return t;
}

static int want_tap(struct reap_engine *e, size_t i, int node,
                    enum reap_tap_kind kind)
{
    const struct reap_node *n = &e->net->node[node];
    struct reap_output *o = &e->output[i];

    /* Always a new tap: each writes to an output of its own. */
    e->tap[e->n_taps] = (struct reap_tap){ node, kind };
    e->wanted[i] = (struct wanted){ FROM_TAP, e->n_taps++ };
    o->h = kind == REAP_TAP_MAP ? n->h : 1;
    o->w = kind == REAP_TAP_MAP ? n->w : 1;
    o->c = n->c;
    return REAP_OK;
}

static int want_head(struct reap_engine *e, size_t i, enum source from,
                     size_t layer, size_t c)
{
    e->head = true;
    e->wanted[i] = (struct wanted){ from, layer };
    e->output[i].topk = from == FROM_TOP;
    e->output[i].h = e->output[i].w = 1;
    e->output[i].c = c;
    return REAP_OK;
}

static int no_output(const struct reap_net *net, const char *name,
                     struct reap_err *err)
{
    const struct reap_node *last = &net->node[net->n_nodes - 1];

    return reap_fail(err, REAP_EINVAL,
                     "no output '%.40s' in %s: try avg, max, none%s or a layer "
                     "such as %s",
                     name, net->model->name,
                     net->n_dense ? ", logits, probs, top" : "", last->name);
}

static int want(struct reap_engine *e, size_t i, const char *name, size_t k,
                struct reap_err *err)
{
    static const char *const of_head[] = { "logits", "probs", "top" };
    const struct reap_net *net = e->net;
    const int last = (int)net->n_nodes - 1, node = reap_net_find(net, name);

    snprintf(e->output[i].name, sizeof(e->output[i].name), "%s", name);
    if (!strcmp(name, "avg"))
        return want_tap(e, i, last, REAP_TAP_AVG);
    if (!strcmp(name, "max"))
        return want_tap(e, i, last, REAP_TAP_MAX);
    if (!strcmp(name, "none"))
        return want_tap(e, i, last, REAP_TAP_MAP);
    if (node >= 0)
        return want_tap(e, i, node, REAP_TAP_MAP);
    for (size_t d = 0; d < net->n_dense; d++)
        if (!strcmp(name, net->dense[d].name))
            return want_head(e, i, FROM_DENSE, d, net->dense[d].out);
    for (size_t h = 0; h < 3 && !net->n_dense; h++)
        if (!strcmp(name, of_head[h]))
            return reap_fail(err, REAP_EINVAL,
                             "'%s' needs a classifier, and this %s has none",
                             name, net->model->name);
    if (!strcmp(name, "logits"))
        return want_head(e, i, FROM_LOGITS, 0, net->classes);
    if (!strcmp(name, "probs"))
        return want_head(e, i, FROM_DENSE, net->n_dense - 1, net->classes);
    if (!strcmp(name, "top") && k)
        return want_head(e, i, FROM_TOP, 0,
                         k < net->classes ? k : net->classes);
    return no_output(net, name, err);
}

static int plan_outputs(struct reap_engine *e, const struct reap_engine_args *a,
                        struct reap_err *err)
{
    int rc = REAP_OK;

    if (!a->n_outputs || a->n_outputs > REAP_MAX_OUTPUTS || !a->max_batch)
        return reap_fail(err, REAP_EINVAL,
                         "1 to %d outputs and a batch of at least 1 are needed",
                         REAP_MAX_OUTPUTS);
    e->n = a->n_outputs;
    for (size_t i = 0; i < e->n && !rc; i++)
        rc = want(e, i, a->outputs[i], a->k, err);
    if (!rc && e->head) {
        const size_t before = e->n_taps;

        e->pooled = tap_for(e, (int)e->net->n_nodes - 1, REAP_TAP_AVG);
        e->free_pool = e->pooled == before;
    }
    return rc;
}

int reap_engine_new(struct reap_engine **out, const struct reap_engine_args *a,
                    struct reap_err *err)
{
    struct reap_engine *e = reap_calloc(1, sizeof(*e));
    struct reap_plan_args plan = { .net = a->net,
                                   .norm = a->norm,
                                   .precision = a->precision,
                                   .exact = a->exact,
                                   .max_batch = a->max_batch };
    int rc;

    *out = NULL;
    if (!e)
        return reap_fail(err, REAP_ENOMEM, "no memory for an engine");
    e->net = a->net;
    e->max_batch = a->max_batch;
    rc = plan_outputs(e, a, err);
    if (!rc)
        rc = pick_backend(e, a->precision, &plan.cpu, err);
    plan.n_taps = e->n_taps;
    plan.taps = e->tap;
    if (!rc)
        rc = e->backend->compile(&e->prog, &plan, err);
    if (rc)
        reap_engine_free(&e);
    *out = e;
    return rc;
}

size_t reap_engine_outputs(const struct reap_engine *e)
{
    return e->n;
}

const struct reap_output *reap_engine_output(const struct reap_engine *e,
                                             size_t i)
{
    return &e->output[i];
}

const char *reap_engine_class(const struct reap_engine *e)
{
    return e->backend->class_name(e->prog);
}

const char *reap_engine_level(const struct reap_engine *e)
{
    return e->backend->name;
}

void reap_engine_free(struct reap_engine **e)
{
    if (!*e)
        return;
    if ((*e)->prog)
        (*e)->backend->free(&(*e)->prog);
    reap_free(*e);
    *e = NULL;
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
        return reap_fail(err, REAP_ENOMEM, "no memory for the head");
    s->pooled = s->own;
    s->logits = s->pooled + net->features * s->e->max_batch;
    at = s->logits + net->classes * s->e->max_batch;
    for (size_t d = 0; d < net->n_dense; d++) {
        s->dense[d] = at;
        at += net->dense[d].out * s->e->max_batch;
    }
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
    if (!rc && e->head)
        rc = room_for_head(s, err);
    if (rc)
        reap_session_free(&s);
    *out = s;
    return rc;
}

static void run_head(struct reap_session *s, size_t n, const float *pooled)
{
    const struct reap_net *net = s->e->net;
    const float *in = pooled;

    for (size_t d = 0; d < net->n_dense; d++) {
        const struct reap_dense *layer = &net->dense[d];
        float *to = d + 1 < net->n_dense ? s->dense[d] : s->logits;

        reap_dense_f32_ref(layer, n, in, to);
        reap_head_activate(layer->act, n, layer->out, to, s->dense[d]);
        in = s->dense[d];
    }
}

/* Hand output i, which the head made, to the caller. */
static void give(const struct reap_session *s, size_t i, size_t n, void *out)
{
    const struct reap_net *net = s->e->net;
    const struct reap_output *o = &s->e->output[i];
    const struct wanted *w = &s->e->wanted[i];
    const float *probs = s->dense[net->n_dense - 1];
    struct reap_top *top = out;

    if (w->from == FROM_LOGITS)
        memcpy(out, s->logits, n * o->c * sizeof(float));
    if (w->from == FROM_DENSE)
        memcpy(out, s->dense[w->index], n * o->c * sizeof(float));
    for (size_t b = 0; b < n && w->from == FROM_TOP; b++)
        reap_head_top(net->classes, probs + b * net->classes, o->c,
                      top + b * o->c);
}

void reap_session_run(struct reap_session *s, size_t n,
                      const void *const *images, void *const *out)
{
    const struct reap_engine *e = s->e;
    float *to[REAP_MAX_OUTPUTS + 1] = { NULL };

    for (size_t i = 0; i < e->n; i++)
        if (e->wanted[i].from == FROM_TAP)
            to[e->wanted[i].index] = out[i];
    if (e->head && e->free_pool)
        to[e->pooled] = s->pooled;
    e->backend->run(e->prog, s->arena, n, images, to);
    if (!e->head)
        return;
    run_head(s, n, to[e->pooled]);
    for (size_t i = 0; i < e->n; i++)
        if (e->wanted[i].from != FROM_TAP)
            give(s, i, n, out[i]);
}

void reap_session_free(struct reap_session **s)
{
    if (!*s)
        return;
    reap_free((*s)->arena);
    reap_free((*s)->dense);
    reap_free((*s)->own);
    reap_free(*s);
    *s = NULL;
}
