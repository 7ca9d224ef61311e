/* Node after node over one image, each by a function of the level; what a probe
 * wants of a node is copied out as soon as it is there. Where tensors lie is
 * nhwc_place.c's. */
#include <string.h>

#include "engine/base/mem.h"
#include "engine/nhwc/nhwc.h"

struct reap_nhwc {
    const struct reap_net *net;
    const struct reap_nhwc_level *level;
    struct reap_norm norm;
    float table[3][256];
    size_t n;       /* nodes to run: up to the last that is probed */
    size_t *offset; /* of each node's output in the arena */
    struct reap_conv_task *task; /* of each node, used by convolutions */
    float *weights;
    size_t n_probes;
    struct reap_probe *probe;
    size_t scratch, arena; /* where scratch begins; bytes in all */
};

static void shape_task(struct reap_conv_task *t, const struct reap_net *net,
                       const struct reap_node *n,
                       const struct reap_nhwc_level *level, const void *own)
{
    const struct reap_node *in = &net->node[n->in];
    const size_t merge = level->merge(n, in->c / n->groups);

    t->node = n;
    t->in_h = in->h;
    t->in_w = in->w;
    t->in_c = in->c;
    t->groups = n->groups / merge;
    t->cin = in->c / t->groups;
    t->cout = n->c / t->groups;
    t->level = own;
}

static size_t weight_count(const struct reap_conv_task *t)
{
    return t->groups * t->node->kh * t->node->kw * t->cin * t->cout;
}

/* (c, kh, kw, cin of a group) becomes (groups, kh * kw * cin, cout); between
 * groups that were merged stays the zero that is there. */
static void pack(const struct reap_conv_task *t, float *to)
{
    const struct reap_node *n = t->node;
    const size_t cin = t->in_c / n->groups, cout = n->c / n->groups;
    const float *from = n->weight;

    for (size_t o = 0; o < n->c; o++) {
        const size_t group = o / t->cout, small = o / cout;
        float *column = to + group * n->kh * n->kw * t->cin * t->cout;

        column += o % t->cout + small * cin % t->cin * t->cout;
        for (size_t tap = 0; tap < n->kh * n->kw; tap++)
            for (size_t i = 0; i < cin; i++)
                column[(tap * t->cin + i) * t->cout] = *from++;
    }
}

static int nhwc_prepare(struct reap_nhwc *p, const void *own,
                        struct reap_err *err)
{
    size_t all = 0, most = 0;
    float *to;
    int rc = reap_net_fold(p->net, err);

    if (rc)
        return rc;
    for (size_t i = 0; i < p->n; i++) {
        if (p->net->node[i].op != REAP_OP_CONV)
            continue;
        shape_task(&p->task[i], p->net, &p->net->node[i], p->level, own);
        all += weight_count(&p->task[i]);
        if (p->level->scratch(&p->task[i]) > most)
            most = p->level->scratch(&p->task[i]);
    }
    p->scratch = reap_nhwc_place(p->net, p->n, p->offset);
    p->arena = p->scratch + most;
    to = p->weights = reap_aligned(all * sizeof(float));
    if (!to)
        return reap_fail(err, REAP_ENOMEM, "no memory for packed weights");
    memset(to, 0, all * sizeof(float));
    for (size_t i = 0; i < p->n; i++) {
        if (p->net->node[i].op != REAP_OP_CONV)
            continue;
        pack(&p->task[i], to);
        p->task[i].weight = to;
        to += weight_count(&p->task[i]);
    }
    return REAP_OK;
}

int reap_nhwc_new(struct reap_nhwc **out, const struct reap_plan_args *a,
                  const struct reap_nhwc_level *level, const void *own,
                  struct reap_err *err)
{
    struct reap_nhwc *p = reap_calloc(1, sizeof(*p));
    int rc = REAP_ENOMEM;

    *out = NULL;
    if (!p)
        return reap_fail(err, rc, "no memory for the plan");
    p->net = a->net;
    p->level = level;
    p->norm = a->norm;
    reap_norm_table_ref(&a->norm, p->table);
    p->n_probes = a->n_probes;
    for (size_t t = 0; t < a->n_probes; t++)
        if ((size_t)a->probes[t].node >= p->n)
            p->n = (size_t)a->probes[t].node + 1;
    p->offset = reap_calloc(p->n + 1, sizeof(*p->offset));
    p->task = reap_calloc(p->n + 1, sizeof(*p->task));
    p->probe = reap_calloc(a->n_probes + 1, sizeof(*p->probe));
    if (p->offset && p->task && p->probe) {
        memcpy(p->probe, a->probes, a->n_probes * sizeof(*p->probe));
        rc = nhwc_prepare(p, own, err);
    } else {
        reap_fail(err, rc, "no memory for the plan");
    }
    if (rc)
        reap_nhwc_free(&p);
    *out = p;
    return rc;
}

size_t reap_nhwc_arena(const struct reap_nhwc *p)
{
    return p->arena;
}

static float *nhwc_tensor(const struct reap_nhwc *p, char *arena, int node)
{
    return node < 0 ? NULL : (float *)(void *)(arena + p->offset[node]);
}

static void run_node(const struct reap_nhwc *p, char *arena, size_t i,
                     const void *image)
{
    const struct reap_node *n = &p->net->node[i];
    const struct reap_node *from = n->in < 0 ? n : &p->net->node[n->in];
    const float *in = nhwc_tensor(p, arena, n->in);
    float *out = nhwc_tensor(p, arena, (int)i);

    switch (n->op) {
    case REAP_OP_INPUT:
        reap_norm_f32_ref(&p->norm, p->table, n->h * n->w, image, out);
        break;
    case REAP_OP_CONV:
        p->level->conv(&p->task[i], in, nhwc_tensor(p, arena, n->in2), out,
                       arena + p->scratch);
        break;
    case REAP_OP_MAXPOOL:
        reap_maxpool_f32_ref(n, from->h, from->w, in, out);
        break;
    case REAP_OP_AFFINE:
        reap_affine_f32_ref(n, in, out);
        break;
    case REAP_OP_SUBSAMPLE:
        reap_subsample_f32_ref(n, from->w, in, out);
        break;
    }
}

/* Hand over what is wanted of node i, for image 'at' of the batch. */
static void run_probes(const struct reap_nhwc *p, const float *in, size_t i,
                       size_t at, float *const *out)
{
    const struct reap_node *n = &p->net->node[i];
    const size_t pixels = n->h * n->w;

    for (size_t t = 0; t < p->n_probes; t++) {
        if (p->probe[t].node != (int)i)
            continue;
        if (p->probe[t].kind == REAP_PROBE_AVG)
            reap_avg_f32_ref(pixels, n->c, in, out[t] + at * n->c);
        else if (p->probe[t].kind == REAP_PROBE_MAX)
            reap_max_f32_ref(pixels, n->c, in, out[t] + at * n->c);
        else
            memcpy(out[t] + at * pixels * n->c, in,
                   pixels * n->c * sizeof(*in));
    }
}

void reap_nhwc_run(const struct reap_nhwc *p, void *arena, size_t n,
                   const void *const *images, float *const *out)
{
    for (size_t at = 0; at < n; at++)
        for (size_t i = 0; i < p->n; i++) {
            run_node(p, arena, i, images[at]);
            run_probes(p, nhwc_tensor(p, arena, (int)i), i, at, out);
        }
}

void reap_nhwc_free(struct reap_nhwc **p)
{
    if (!*p)
        return;
    reap_free((*p)->offset);
    reap_free((*p)->task);
    reap_free((*p)->probe);
    reap_free((*p)->weights);
    reap_free(*p);
    *p = NULL;
}
