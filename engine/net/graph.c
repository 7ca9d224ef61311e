/* Nodes with shapes and names, added one after the other by graph_keras.c and
 * graph_torchvision.c; and how each framework spells the tensors of a node. */
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/net/graph.h"

/* Longest: conv4_block36_preact_relu; every row of models.def fits. */
static void graph_put_name(char to[REAP_NAME], const char *prefix,
                           const char *suffix)
{
    size_t n = 0;

    for (; *prefix && n + 1 < REAP_NAME; prefix++)
        to[n++] = *prefix;
    for (; *suffix && n + 1 < REAP_NAME; suffix++)
        to[n++] = *suffix;
    to[n] = '\0';
}

/* A new node with the shape of 'in'. */
static struct reap_node *graph_add(struct reap_graph *g, enum reap_op op,
                                   int in)
{
    struct reap_node *n = &g->node[g->n++];

    if (in >= 0) {
        n->h = g->node[in].h;
        n->w = g->node[in].w;
        n->c = g->node[in].c;
    }
    n->op = op;
    n->in = in;
    n->in2 = -1;
    n->kh = n->kw = n->stride = n->groups = 1;
    return n;
}

static void shrink(struct reap_node *n)
{
    n->h = (n->h + 2 * n->pad - n->kh) / n->stride + 1;
    n->w = (n->w + 2 * n->pad - n->kw) / n->stride + 1;
}

int reap_graph_conv(struct reap_graph *g, struct reap_graph_conv c)
{
    struct reap_graph_source *s = &g->source[g->n];
    struct reap_node *n = graph_add(g, REAP_OP_CONV, c.in);

    n->in2 = c.in2;
    n->kh = n->kw = c.k;
    n->pad = c.k / 2;
    n->stride = c.stride;
    n->groups = c.groups;
    n->c = c.c;
    n->relu = c.relu;
    shrink(n);
    graph_put_name(n->layer, c.prefix, c.conv);
    if (c.out)
        graph_put_name(n->name, c.prefix, c.out);
    graph_put_name(s->conv, c.prefix, c.conv);
    if (c.norm)
        graph_put_name(s->norm, c.prefix, c.norm);
    s->bias = c.bias;
    s->role = c.role;
    return (int)g->n - 1;
}

int reap_graph_maxpool(struct reap_graph *g, int in, bool pad_zero,
                       const char *name)
{
    struct reap_node *n = graph_add(g, REAP_OP_MAXPOOL, in);

    n->kh = n->kw = 3;
    n->stride = 2;
    n->pad = 1;
    n->pad_zero = pad_zero;
    shrink(n);
    graph_put_name(n->name, name, "");
    graph_put_name(n->layer, name, "");
    return (int)g->n - 1;
}

int reap_graph_affine(struct reap_graph *g, int in, const char *prefix,
                      const char *norm, const char *out)
{
    struct reap_graph_source *s = &g->source[g->n];
    struct reap_node *n = graph_add(g, REAP_OP_AFFINE, in);

    n->relu = true;
    graph_put_name(n->name, prefix, out);
    graph_put_name(n->layer, prefix, norm);
    graph_put_name(s->norm, prefix, norm);
    return (int)g->n - 1;
}

int reap_graph_subsample(struct reap_graph *g, int in, size_t stride,
                         const char *name)
{
    struct reap_node *n = graph_add(g, REAP_OP_SUBSAMPLE, in);

    n->stride = stride;
    shrink(n);
    graph_put_name(n->name, name, "");
    graph_put_name(n->layer, name, "");
    return (int)g->n - 1;
}

struct reap_graph *reap_graph_new(const struct reap_model *m, size_t h,
                                  size_t w)
{
    static void (*const build[])(struct reap_graph *, int) = {
        [REAP_KERAS_V1] = reap_graph_keras_v1,
        [REAP_KERAS_V2] = reap_graph_keras_v2,
        [REAP_TV_BASIC] = reap_graph_torchvision,
        [REAP_TV_BOTTLENECK] = reap_graph_torchvision,
    };
    struct reap_graph *g = reap_calloc(1, sizeof(*g));
    struct reap_node *n;

    if (!g)
        return NULL;
    g->model = m;
    n = graph_add(g, REAP_OP_INPUT, -1);
    n->h = h;
    n->w = w;
    n->c = 3;
    graph_put_name(n->name, "input", "");
    build[m->family](g, 0);
    return g;
}

/* How each framework spells the tensors, in the order of enum reap_tensor. */
static const char *const spelling[2][REAP_T_KINDS] = {
    { ".weight", ".bias", ".weight", ".bias", ".running_mean", ".running_var" },
    { "/kernel", "/bias", "/gamma", "/beta", "/moving_mean",
      "/moving_variance" },
};

static void kernel_shape(const struct reap_node *n, size_t cin, bool keras,
                         size_t dim[4])
{
    const size_t torch_order[4] = { n->c, cin, n->kh, n->kw };
    const size_t keras_order[4] = { n->kh, n->kw, cin, n->c };

    memcpy(dim, keras ? keras_order : torch_order, 4 * sizeof(*dim));
}

bool reap_graph_tensor(const struct reap_graph *g, size_t i,
                       enum reap_tensor kind, struct reap_tensor_spec *out)
{
    const struct reap_node *n = &g->node[i];
    const struct reap_graph_source *s = &g->source[i];
    const bool keras = reap_model_keras(g->model);
    const char *layer = kind <= REAP_T_BIAS ? s->conv : s->norm;

    if (!*layer || (kind == REAP_T_BIAS && !s->bias))
        return false;
    snprintf(out->name, sizeof(out->name), "%s%s", layer,
             spelling[keras][kind]);
    out->rank = kind == REAP_T_KERNEL ? 4 : 1;
    out->dim[0] = n->c;
    if (kind == REAP_T_KERNEL)
        kernel_shape(n, g->node[n->in].c / n->groups, keras, out->dim);
    return true;
}

size_t reap_graph_params(const struct reap_graph *g, size_t *fixed)
{
    struct reap_tensor_spec t;
    size_t all = 0;

    *fixed = 0;
    for (size_t i = 0; i < g->n; i++)
        for (int kind = 0; kind < REAP_T_KINDS; kind++) {
            size_t count = 1;

            if (!reap_graph_tensor(g, i, kind, &t))
                continue;
            for (size_t d = 0; d < t.rank; d++)
                count *= t.dim[d];
            if (kind < REAP_T_MEAN)
                all += count;
            else
                *fixed += count;
        }
    all += *fixed;
    return all;
}
