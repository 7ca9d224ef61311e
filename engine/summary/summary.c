/* Rows made from the nodes of a graph, with the layers that frameworks count as
 * their own (padding, activation, addition) put back, and sorted as Keras sorts
 * them. */
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/net/graph.h"
#include "engine/summary/summary.h"

enum { ROWS_OF_NODE = 5, SIDE = 224 };

/* What each framework calls a kind of layer. */
enum kind { INPUT, PAD, CONV, NORM, RELU, POOL, ADD, AVG, MAX, DENSE };
static const char *const kinds[2][DENSE + 1] = {
    { "Input", "ZeroPad2d", "Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d", "add",
      "AdaptiveAvgPool2d", "AdaptiveMaxPool2d", "Linear" },
    { "InputLayer", "ZeroPadding2D", "Conv2D", "BatchNormalization",
      "Activation", "MaxPooling2D", "Add", "GlobalAveragePooling2D",
      "GlobalMaxPooling2D", "Dense" },
};

struct maker {
    const struct reap_graph *g;
    struct reap_summary *s;
    bool keras;
    int made[REAP_GRAPH_NODES]; /* the last row of each node */
};

/* A row with the shape of node n, grown by 'border' on each side. */
static int summary_add(struct maker *m, enum kind kind, const char *name,
                       const struct reap_node *n, size_t border, int in)
{
    struct reap_summary_layer *l = &m->s->layer[m->s->n++];

    snprintf(l->name, sizeof(l->name), "%s", name);
    snprintf(l->kind, sizeof(l->kind), "%s", kinds[m->keras][kind]);
    l->h = n->h + 2 * border;
    l->w = n->w + 2 * border;
    l->c = n->c;
    l->in[0] = in;
    l->in[1] = -1;
    return (int)m->s->n - 1;
}

/* 'name' with its last word, 'from', replaced by 'to'. */
static void reword(char *out, size_t size, const char *name, const char *from,
                   const char *to)
{
    const size_t n = strlen(name), k = strlen(from);
    const bool ends = n >= k && !strcmp(name + n - k, from);

    snprintf(out, size, "%.*s%s", (int)(ends ? n - k : n), name, to);
}

/* Keras pads in a layer of its own, but for the 3x3 of V1. */
static int add_pad(struct maker *m, const struct reap_node *n, int in)
{
    const bool wide = n->kh == 7 || m->g->model->family == REAP_KERAS_V2;
    char name[64];

    if (!m->keras || !n->pad || (n->op == REAP_OP_CONV && !wide))
        return in;
    reword(name, sizeof(name), n->layer,
           n->op == REAP_OP_CONV ? "conv" : "pool", "pad");
    return summary_add(m, PAD, name, &m->g->node[n->in], n->pad, in);
}

/* Parameters of the tensors 'from' to 'to' of node i; batch norm's statistics
 * count in Keras and are buffers in PyTorch. */
static size_t params(struct maker *m, size_t i, int from, int to)
{
    struct reap_tensor_spec t;
    size_t all = 0;

    for (int kind = from; kind <= to; kind++) {
        size_t count = 1;

        if (!reap_graph_tensor(m->g, i, kind, &t))
            continue;
        for (size_t d = 0; d < t.rank; d++)
            count *= t.dim[d];
        if (kind >= REAP_T_MEAN && !m->keras)
            continue;
        all += count;
        if (kind >= REAP_T_MEAN)
            m->s->fixed += count;
        else
            m->s->trained += count;
    }
    return all;
}

static int add_norm(struct maker *m, size_t i, int in)
{
    if (!*m->g->source[i].norm)
        return in;
    in = summary_add(m, NORM, m->g->source[i].norm, &m->g->node[i], 0, in);
    m->s->layer[in].params = params(m, i, REAP_T_GAMMA, REAP_T_VARIANCE);
    return in;
}

static int add_conv(struct maker *m, size_t i, int in)
{
    const struct reap_node *n = &m->g->node[i];
    char name[64];

    in = add_pad(m, n, in);
    in = summary_add(m, CONV, m->g->source[i].conv, n, 0, in);
    m->s->layer[in].params = params(m, i, REAP_T_KERNEL, REAP_T_BIAS);
    in = add_norm(m, i, in);
    if (n->in2 >= 0) {
        reword(name, sizeof(name), n->name, m->keras && n->relu ? "out" : "",
               m->keras ? (n->relu ? "add" : "") : ".add");
        in = summary_add(m, ADD, name, n, 0, in);
        m->s->layer[in].in[1] = m->s->layer[in].in[0];
        m->s->layer[in].in[0] = m->made[n->in2];
    }
    return n->relu ? summary_add(m, RELU, n->name, n, 0, in) : in;
}

static void add_node(struct maker *m, size_t i)
{
    const struct reap_node *n = &m->g->node[i];
    int row = n->in < 0 ? -1 : m->made[n->in];

    switch (n->op) {
    case REAP_OP_INPUT:
        row = summary_add(m, INPUT, m->keras ? "input_layer" : "input", n, 0,
                          row);
        break;
    case REAP_OP_CONV:
        row = add_conv(m, i, row);
        break;
    case REAP_OP_AFFINE:
        row = summary_add(m, RELU, n->name, n, 0, add_norm(m, i, row));
        break;
    case REAP_OP_MAXPOOL:
    case REAP_OP_SUBSAMPLE:
        row = add_pad(m, n, row);
        row = summary_add(m, POOL, n->name, n, 0, row);
        break;
    }
    m->made[i] = row;
}

/* Rows for the pooling and the dense layers. */
static void add_head(struct maker *m, const struct reap_summary_args *a)
{
    const struct reap_node *last = &m->g->node[m->g->n - 1];
    const bool max = !a->n_dense && a->pooling && !strcmp(a->pooling, "max");
    int row = m->made[m->g->n - 1];

    if (!a->n_dense && !a->pooling)
        return;
    row = summary_add(m, max ? MAX : AVG,
                      m->keras ? (max ? "max_pool" : "avg_pool")
                               : (max ? "maxpool" : "avgpool"),
                      last, 0, row);
    m->s->layer[row].h = m->s->layer[row].w = 0;
    for (size_t d = 0; d < a->n_dense; d++) {
        const struct reap_dense *dense = &a->dense[d];
        const size_t in = dense->in ? dense->in : last->c;
        const size_t params_of = (in + 1) * dense->out;

        row = summary_add(m, DENSE, dense->name, last, 0, row);
        m->s->layer[row].h = m->s->layer[row].w = 0;
        m->s->layer[row].c = dense->out;
        m->s->layer[row].params = params_of;
        m->s->trained += params_of;
    }
}

/* Keras lists layers by how far they are from the end, those alike as they
 * were made. */
static int sort(struct reap_summary *s)
{
    struct reap_summary_layer *to = reap_calloc(s->n, sizeof(*to));
    int *far = reap_calloc(s->n, sizeof(*far));
    int *place = reap_calloc(s->n, sizeof(*place)), at = 0;

    for (size_t i = s->n; to && far && place && i-- > 0;)
        for (int k = 0; k < 2; k++) {
            const int in = s->layer[i].in[k];

            if (in >= 0 && far[in] <= far[i])
                far[in] = far[i] + 1;
        }
    for (int d = to && far && place ? far[0] : -1; d >= 0; d--)
        for (size_t i = 0; i < s->n; i++)
            if (far[i] == d) {
                place[i] = at;
                to[at++] = s->layer[i];
            }
    for (int i = 0; i < at; i++)
        for (int k = 0; k < 2; k++)
            if (to[i].in[k] >= 0)
                to[i].in[k] = place[to[i].in[k]];
    reap_free(far);
    reap_free(place);
    if (!at) {
        reap_free(to);
        return REAP_ENOMEM;
    }
    reap_free(s->layer);
    s->layer = to;
    return REAP_OK;
}

int reap_summary_new(struct reap_summary **out,
                     const struct reap_summary_args *a, struct reap_err *err)
{
    struct maker m = { .keras = reap_model_keras(a->model) };
    struct reap_graph *g = reap_graph_new(a->model, a->in_h ? a->in_h : SIDE,
                                          a->in_w ? a->in_w : SIDE);
    struct reap_summary *s = reap_calloc(1, sizeof(*s));
    int rc = REAP_ENOMEM;

    *out = NULL;
    if (g && s)
        s->layer = reap_calloc(g->n * ROWS_OF_NODE + a->n_dense + 1,
                               sizeof(*s->layer));
    if (g && s && s->layer) {
        m.g = g;
        m.s = s;
        for (size_t i = 0; i < g->n; i++)
            add_node(&m, i);
        add_head(&m, a);
        rc = sort(s);
    }
    reap_free(g);
    if (rc) {
        reap_summary_free(&s);
        return reap_fail(err, rc, "no memory for a summary");
    }
    *out = s;
    return REAP_OK;
}

void reap_summary_free(struct reap_summary **s)
{
    if (!*s)
        return;
    reap_free((*s)->layer);
    reap_free(*s);
    *s = NULL;
}
