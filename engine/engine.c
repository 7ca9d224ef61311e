/* From names of outputs to probes and head, and from a precision and this CPU
 * to a backend. Running is session.c's. */
#include <stdio.h>
#include <string.h>

#include "engine/base/cpu.h"
#include "engine/base/mem.h"
#include "engine/engine_impl.h"
#include "engine/net/model.h"

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

/* The kinds of arithmetic, a row each. */
static const struct {
    enum reap_precision precision;
    const char *backend, *name, *exact;
} classes[] = {
#define ARITH(precision, backend, name, exact) \
    { REAP_##precision, #backend, name, exact },
#include "engine/plan/arithmetic.def"
#undef ARITH
};

/* The arithmetic in which a backend computes; NULL if it cannot. */
static const char *engine_arith_of(const struct reap_backend *b,
                                   enum reap_precision precision, bool exact,
                                   unsigned cpu)
{
    if ((cpu & b->needs) != b->needs || !(b->precisions & precision))
        return NULL;
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        if (classes[i].precision == precision &&
            !strcmp(classes[i].backend, b->name))
            return exact ? classes[i].exact : classes[i].name;
    return NULL;
}

static bool engine_has(const char *const *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(list[i], name))
            return true;
    return false;
}

size_t reap_engine_ariths(enum reap_precision precision, bool exact,
                          const char **out, size_t room)
{
    size_t n = 0, b = 0;
    unsigned cpu;

    if (reap_cpu_detect(&cpu, NULL))
        return 0;
    while (reap_backends[b])
        b++;
    while (b-- && n < room) {
        const char *name =
            engine_arith_of(reap_backends[b], precision, exact, cpu);

        if (name && !engine_has(out, n, name) &&
            (reap_backends[b]->needs || !n))
            out[n++] = name;
    }
    return n;
}

static int pick_backend(struct reap_engine *e, const struct reap_engine_args *a,
                        unsigned *cpu, struct reap_err *err)
{
    const char *want = a->arithmetic, *name;
    const size_t len = want ? strcspn(want, " ") : 0;
    char list[100];
    int rc = reap_cpu_detect(cpu, err);

    if (rc)
        return rc;
    for (size_t b = 0; reap_backends[b]; b++) {
        name = engine_arith_of(reap_backends[b], a->precision, a->exact, *cpu);
        if (name &&
            (!want || (strlen(name) == len && !strncmp(name, want, len))))
            e->backend = reap_backends[b];
    }
    /* Tiles are another arithmetic: their kernels must not replace others. */
    if (e->backend && !(e->backend->needs & REAP_CPU_AMX))
        *cpu &= ~(unsigned)REAP_CPU_AMX;
    if (e->backend)
        return REAP_OK;
    if (want)
        return reap_fail(err, REAP_EINVAL,
                         "this CPU does not compute in %.60s, or REAP_CPU "
                         "forbids it",
                         want);
    list_precisions(*cpu, list, sizeof(list));
    return reap_fail(
        err, REAP_EINVAL,
        "--precision %s: this CPU does not compute it, or REAP_CPU "
        "forbids it; choose one of %s",
        precision_name(a->precision), list);
}

/* The probe that gives 'kind' of 'node': one that is there already, or new. */
static size_t probe_for(struct reap_engine *e, int node,
                        enum reap_probe_kind kind)
{
    size_t t = 0;

    while (t < e->n_probes &&
           (e->probe[t].node != node || e->probe[t].kind != kind))
        t++;
    if (t == e->n_probes)
        e->probe[e->n_probes++] = (struct reap_probe){ node, kind };
    return t;
}

static int want_probe(struct reap_engine *e, size_t i, int node,
                      enum reap_probe_kind kind)
{
    const struct reap_node *n = &e->net->node[node];
    struct reap_output *o = &e->output[i];

    /* Always a new probe: each writes to an output of its own. */
    e->probe[e->n_probes] = (struct reap_probe){ node, kind };
    e->wanted[i] = (struct reap_wanted){ REAP_FROM_PROBE, e->n_probes++ };
    o->h = kind == REAP_PROBE_MAP ? n->h : 1;
    o->w = kind == REAP_PROBE_MAP ? n->w : 1;
    o->c = n->c;
    return REAP_OK;
}

static int want_head(struct reap_engine *e, size_t i, enum reap_source_of from,
                     size_t layer, size_t c)
{
    e->head = true;
    e->wanted[i] = (struct reap_wanted){ from, layer };
    e->output[i].topk = from == REAP_FROM_TOP;
    e->output[i].h = e->output[i].w = 1;
    e->output[i].c = c;
    return REAP_OK;
}

/* Names of what pooling gives: ours, Keras's and torchvision's. */
static const struct {
    const char *name;
    enum reap_probe_kind kind;
} pool_names[] = {
    { "avg", REAP_PROBE_AVG },     { "max", REAP_PROBE_MAX },
    { "none", REAP_PROBE_MAP },    { "avg_pool", REAP_PROBE_AVG },
    { "avgpool", REAP_PROBE_AVG }, { "max_pool", REAP_PROBE_MAX },
};

static int no_output(const struct reap_net *net, const char *name,
                     struct reap_err *err)
{
    const struct reap_node *n = net->node;

    for (; n < net->node + net->n_nodes; n++)
        if (*name && !strcmp(n->layer, name) && *n->name)
            return reap_fail(err, REAP_EINVAL,
                             "no output '%s': what follows it is computed in "
                             "one go; take %s",
                             name, n->name);
    return reap_fail(err, REAP_EINVAL,
                     "no output '%.40s' in %s: try avg, max, none%s or a layer "
                     "such as %s",
                     name, net->model->name,
                     net->n_dense ? ", logits, probs, top" : "", n[-1].name);
}

/* One of the names that only a classifier has. */
static int want_class(struct reap_engine *e, size_t i, const char *name,
                      size_t k, struct reap_err *err)
{
    const struct reap_net *net = e->net;
    const bool logits = !strcmp(name, "logits"), top = !strcmp(name, "top");
    const size_t all = e->classes, shown = e->group ? e->n_groups : all;

    if (!logits && !top && strcmp(name, "probs"))
        return no_output(net, name, err);
    if (!e->classifier && !net->n_dense)
        return reap_fail(err, REAP_EINVAL,
                         "'%s' needs a classifier, and this %s has none", name,
                         net->model->name);
    if (logits)
        return want_head(e, i, REAP_FROM_LOGITS, 0, all);
    if (!top)
        return want_head(e, i, REAP_FROM_PROBS, 0, shown);
    if (!k)
        return reap_fail(err, REAP_EINVAL, "--top must be 1 or more");
    return want_head(e, i, REAP_FROM_TOP, 0, k < shown ? k : shown);
}

/* The node and the kind of probe that a name means; -1 if it is none. */
static int probe_named(const struct reap_net *net, const char *name,
                       enum reap_probe_kind *kind)
{
    *kind = REAP_PROBE_MAP;
    for (size_t p = 0; p < sizeof(pool_names) / sizeof(pool_names[0]); p++)
        if (!strcmp(name, pool_names[p].name)) {
            *kind = pool_names[p].kind;
            return (int)net->n_nodes - 1;
        }
    return reap_net_find(net, name);
}

bool reap_engine_feature(const struct reap_net *net, const char *name,
                         size_t shape[3])
{
    enum reap_probe_kind kind;
    const int node = probe_named(net, name, &kind);

    if (node < 0)
        return false;
    shape[0] = kind == REAP_PROBE_MAP ? net->node[node].h : 1;
    shape[1] = kind == REAP_PROBE_MAP ? net->node[node].w : 1;
    shape[2] = net->node[node].c;
    return true;
}

static int want(struct reap_engine *e, size_t i, const char *name, size_t k,
                struct reap_err *err)
{
    const struct reap_net *net = e->net;
    enum reap_probe_kind kind;
    const int node = probe_named(net, name, &kind);

    snprintf(e->output[i].name, sizeof(e->output[i].name), "%s", name);
    if (node >= 0)
        return want_probe(e, i, node, kind);
    for (size_t d = 0; d < net->n_dense && !e->classifier; d++)
        if (!strcmp(name, net->dense[d].name))
            return want_head(e, i, REAP_FROM_DENSE, d, net->dense[d].out);
    return want_class(e, i, name, k, err);
}

/* What the head reads: the probe of an output, or one of its own. */
static int plan_head(struct reap_engine *e, struct reap_err *err)
{
    const struct reap_classifier *c = e->classifier;
    const char *feature = c ? c->feature : "avg";
    const size_t before = e->n_probes;
    enum reap_probe_kind kind;
    const int node = probe_named(e->net, feature, &kind);
    size_t shape[3];

    if (!reap_engine_feature(e->net, feature, shape))
        return no_output(e->net, feature, err);
    e->features = shape[0] * shape[1] * shape[2];
    if (c && c->in != e->features)
        return reap_fail(err, REAP_EMISFIT,
                         "the head takes %zu values, '%s' of %s has %zu", c->in,
                         c->feature, e->net->model->name, e->features);
    e->pooled = probe_for(e, node, kind);
    e->free_pool = e->pooled == before;
    return REAP_OK;
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
    e->classifier = a->classifier;
    e->group = a->group;
    e->n_groups = a->group ? a->n_groups : 0;
    e->classes = a->classifier ? a->classifier->classes : e->net->classes;
    for (size_t i = 0; i < e->n && !rc; i++)
        rc = want(e, i, a->outputs[i], a->k, err);
    if (!rc && e->head)
        rc = plan_head(e, err);
    return rc;
}

int reap_engine_check(const struct reap_engine_args *a, struct reap_err *err)
{
    struct reap_engine *e = reap_calloc(1, sizeof(*e));
    int rc;

    if (!e)
        return reap_fail(err, REAP_ENOMEM, "no memory for an engine");
    e->net = a->net;
    rc = plan_outputs(e, a, err);
    reap_engine_free(&e);
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
                                   .max_batch = a->max_batch,
                                   .blobs = a->id ? a->blobs : NULL,
                                   .id = a->id };
    struct reap_kernels kernels;
    int rc;

    *out = NULL;
    if (!e)
        return reap_fail(err, REAP_ENOMEM, "no memory for an engine");
    e->net = a->net;
    e->max_batch = a->max_batch;
    rc = plan_outputs(e, a, err);
    if (!rc)
        rc = pick_backend(e, a, &plan.cpu, err);
    reap_kernels_init(&kernels, plan.cpu);
    e->dense = kernels.dense_f32.fn;
    e->threads = !rc && e->backend->crews && a->threads ? a->threads : 1;
    plan.threads = e->threads;
    plan.n_probes = e->n_probes;
    plan.probes = e->probe;
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

const char *reap_engine_arith(const struct reap_engine *e)
{
    return e->backend->arith(e->prog);
}

const char *reap_engine_level(const struct reap_engine *e)
{
    return e->backend->name;
}

size_t reap_engine_threads(const struct reap_engine *e)
{
    return e->threads;
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
