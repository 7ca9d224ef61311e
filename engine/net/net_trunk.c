/* One block of memory for the numbers of all nodes, folded (fold.c) when an
 * engine first needs them. */
#include <string.h>

#include "engine/base/mem.h"
#include "engine/net/fold.h"
#include "engine/net/net_trunk.h"

int reap_trunk_new(struct reap_net *net, const struct reap_params *params,
                   struct reap_err *err)
{
    struct reap_trunk *t = reap_calloc(1, sizeof(*t));
    const struct reap_graph *g;

    net->trunk = t;
    if (t)
        t->graph = reap_graph_new(net->model, net->in_h, net->in_w);
    if (t && t->graph)
        net->node = reap_calloc(t->graph->n, sizeof(*net->node));
    if (!net->node)
        return reap_fail(err, REAP_ENOMEM, "%s: no memory", net->model->name);
    t->params = params;
    g = t->graph;
    memcpy(net->node, g->node, g->n * sizeof(*net->node));
    net->n_nodes = g->n;
    net->features = g->node[g->n - 1].c;
    return REAP_OK;
}

int reap_trunk_check(const struct reap_net *net, struct reap_tensors_taken *in,
                     struct reap_err *err)
{
    int rc = REAP_OK;

    in->shapes = true;
    for (size_t i = 0; i < net->n_nodes && !rc; i++)
        rc = reap_fold_node(net->trunk->graph, i, in, NULL, NULL, NULL, err);
    in->shapes = false;
    return rc;
}

/* One block for the numbers of all nodes, each run at a multiple of 64 bytes.
 */
static size_t round16(size_t floats)
{
    return (floats + 15) / 16 * 16;
}

/* Floats of all nodes, and the most channels that one has. */
static size_t net_trunk_measure(const struct reap_graph *g, size_t *channels)
{
    size_t all = 0, weights, biases;

    *channels = 0;
    for (size_t i = 0; i < g->n; i++) {
        reap_fold_size(g, i, &weights, &biases);
        all += round16(weights) + round16(biases);
        *channels = g->node[i].c > *channels ? g->node[i].c : *channels;
    }
    return all;
}

static int fold_all(const struct reap_net *net, struct reap_tensors_taken *in,
                    double *scale, struct reap_err *err)
{
    const struct reap_graph *g = net->trunk->graph;
    float *to = net->trunk->own;
    size_t weights, biases;
    int rc = REAP_OK;

    for (size_t i = 0; i < g->n && !rc; i++) {
        reap_fold_size(g, i, &weights, &biases);
        if (!weights)
            continue;
        rc = reap_fold_node(g, i, in, scale, to, to + round16(weights), err);
        net->node[i].weight = to;
        net->node[i].bias = to + round16(weights);
        to += round16(weights) + round16(biases);
    }
    return rc;
}

int reap_net_fold(const struct reap_net *net, struct reap_err *err)
{
    struct reap_trunk *t = net->trunk;
    struct reap_tensors_taken in = { .model = net->model };
    size_t channels, all;
    double *scale;
    int rc;

    if (!t || !t->params)
        return REAP_OK;
    all = net_trunk_measure(t->graph, &channels);
    in.params = t->params;
    in.taken = reap_calloc(reap_params_count(in.params) + 1, sizeof(*in.taken));
    scale = reap_calloc(channels, sizeof(*scale));
    if (!t->own)
        t->own = reap_aligned(all * sizeof(*t->own));
    if (in.taken && scale && t->own)
        rc = fold_all(net, &in, scale, err);
    else
        rc = reap_fail(err, REAP_ENOMEM, "%s: no memory for its weights",
                       net->model->name);
    reap_free(in.taken);
    reap_free(scale);
    if (rc)
        return rc;
    t->params = NULL;
    reap_params_free(&t->made);
    reap_free(t->graph);
    t->graph = NULL;
    return REAP_OK;
}

void reap_trunk_free(struct reap_net *net)
{
    struct reap_trunk *t = net->trunk;

    reap_free(net->node);
    if (!t)
        return;
    reap_params_free(&t->made);
    reap_free(t->graph);
    reap_free(t->own);
    reap_free(t);
}
