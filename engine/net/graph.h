/*
 * engine/net/graph.h - the nodes of a network, and where their numbers come
 * from
 *
 * Built from a row of engine/net/models.def for one input size; holds no
 * weights. engine/net/net.c fills the nodes, engine/summary/summary.c and tests
 * only look. Inside engine/; the finished net is engine/net/net.h.
 */
#ifndef REAP_ENGINE_NET_GRAPH_H
#define REAP_ENGINE_NET_GRAPH_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/net/model.h"
#include "engine/net/net.h"

enum { REAP_GRAPH_NODES = 256, REAP_NAME = 40 };

/* What a convolution is for; random weights are scaled by it. */
enum reap_role {
    REAP_ROLE_STEM,
    REAP_ROLE_PLAIN,
    REAP_ROLE_LAST, /* its result is added to the shortcut */
    REAP_ROLE_SKIP  /* it projects the shortcut */
};

/* The layers whose numbers a node holds; "" where there is none. */
struct reap_graph_source {
    char conv[REAP_NAME], norm[REAP_NAME];
    bool bias; /* the convolution has one of its own */
    enum reap_role role;
};

struct reap_graph {
    const struct reap_model *model;
    size_t n;
    struct reap_node node[REAP_GRAPH_NODES];
    struct reap_graph_source source[REAP_GRAPH_NODES];
};

/* The trunk of 'm' for an input of h x w x 3, both at least 32. Owned:
 * reap_free(). NULL if there is no memory. */
struct reap_graph *reap_graph_new(const struct reap_model *m, size_t h,
                                  size_t w);

/* A convolution to add; names are 'prefix' followed by a suffix. */
struct reap_graph_conv {
    int in, in2; /* in2: what is added, -1: nothing */
    size_t k, stride, groups, c;
    bool relu, bias;
    enum reap_role role;
    const char *prefix, *conv, *norm, *out; /* norm, out: NULL if none */
};

/* For graph_*.c: add a node after those there are, return its index. */
int reap_graph_conv(struct reap_graph *g, struct reap_graph_conv c);
int reap_graph_maxpool(struct reap_graph *g, int in, bool pad_zero,
                       const char *name);
int reap_graph_affine(struct reap_graph *g, int in, const char *prefix,
                      const char *norm, const char *out);
int reap_graph_subsample(struct reap_graph *g, int in, size_t stride,
                         const char *name);

/* The families; 'in' is the input node. */
void reap_graph_keras_v1(struct reap_graph *g, int in);
void reap_graph_keras_v2(struct reap_graph *g, int in);
void reap_graph_torchvision(struct reap_graph *g, int in);

/* The tensors whose numbers a node holds. */
enum reap_tensor {
    REAP_T_KERNEL,
    REAP_T_BIAS,
    REAP_T_GAMMA,
    REAP_T_BETA,
    REAP_T_MEAN,
    REAP_T_VARIANCE,
    REAP_T_KINDS
};

struct reap_tensor_spec {
    char name[REAP_NAME + 20]; /* the framework's */
    size_t rank, dim[4];       /* in the framework's order */
};

/* Name and shape of tensor 'kind' of node i; false if it has none such. */
bool reap_graph_tensor(const struct reap_graph *g, size_t i,
                       enum reap_tensor kind, struct reap_tensor_spec *out);

/* All numbers of the tensors above, and those of them that training does not
 * change (means and variances). The head is not counted. */
size_t reap_graph_params(const struct reap_graph *g, size_t *fixed);

#endif /* REAP_ENGINE_NET_GRAPH_H */
