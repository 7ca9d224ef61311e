/*
 * engine/net/net.h - a network with its weights: a list of nodes, ready to plan
 *
 * Built from a row of engine/net/models.def and a set of params: batch norm is
 * folded into the convolutions in double precision, every tensor's name and
 * shape is checked, every weight is used once. A net is constant after it was
 * built; backends (engine/plan/backend.h) compile it for one level and shape.
 */
#ifndef REAP_ENGINE_NET_NET_H
#define REAP_ENGINE_NET_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"
#include "engine/net/params.h"

enum reap_activation { REAP_LINEAR, REAP_RELU, REAP_SOFTMAX, REAP_SIGMOID };

/* What the user asked for; zero and NULL mean the model's own. */
struct reap_net_args {
    const char *model;  /* "resnet50", "torchvision/resnet50", ...; NULL: told
                           from the names and shapes of the params */
    bool no_top;        /* leave the classifier out even if it is there */
    size_t in_h, in_w;  /* input size, 0: 224 */
    size_t classes;     /* 0: as the weights say, else 1000 */
    int top_activation; /* enum reap_activation of the last dense layer, or -1:
                           as the file's config told, else softmax */
    uint64_t seed;      /* for params == NULL: seeded random weights */
    /* Activations of the dense layers after a base, in order, as the file's
     * config told; n_head 0: relu for hidden layers, softmax for the last. */
    const enum reap_activation *head;
    size_t n_head;
    /* Leave the numbers of the trunk where they are until reap_net_fold() asks
     * for them: until then, or the net's end, the params are borrowed. */
    bool later;
};

enum reap_op {
    REAP_OP_INPUT, /* the normalised image (h, w, 3) */
    REAP_OP_CONV,  /* + bias, + node in2 if any, then ReLU if set */
    REAP_OP_MAXPOOL,
    REAP_OP_AFFINE,   /* per channel scale * x + bias, then ReLU if set (V2) */
    REAP_OP_SUBSAMPLE /* every stride-th pixel from (0, 0) (V2 shortcut) */
};

/*
 * One step. 'in' and 'in2' are indices of earlier nodes, -1 for none. Output
 * is (h, w, c). CONV: out[y][x][o] = bias[o] + sum over (ky, kx, i) of
 * weight[o][ky][kx][i] * in[y * stride + ky - pad][x * stride + kx - pad][i],
 * pixels outside counting as zero. Groups split i and o alike. MAXPOOL:
 * 'pad_zero' says whether a pixel outside counts as 0 or not at all.
 */
struct reap_node {
    enum reap_op op;
    char name[40]; /* the framework's name of what comes out, "" if none */
    int in, in2;
    size_t h, w, c; /* of the output */
    size_t kh, kw, stride, pad, groups;
    bool relu, pad_zero;
    /* CONV: (c, kh, kw, cin / groups); AFFINE: (c); NULL before the net was
     * folded, as is the bias, (c). */
    const float *weight, *bias;
    /* For int8, 0 and NULL if the weights were not quantised: what 1 of the
     * output's bytes stands for, and what to add to the bias, (c). */
    float scale;
    const float *shift;
    char layer[40]; /* the convolution's own name, for reports and errors */
};

struct reap_dense {
    char name[40];
    size_t in, out;
    enum reap_activation act;
    const float *weight; /* (out, in) */
    const float *bias;   /* (out) */
};

struct reap_net {
    const struct reap_model *model; /* its row */
    size_t in_h, in_w;
    size_t n_nodes;
    struct reap_node *node; /* node[0] is the input, the last the features */
    size_t features;        /* channels of the last node */
    size_t n_dense;         /* layers of the head, 0 without a top */
    struct reap_dense *dense;
    size_t classes;           /* out of the last dense layer, 0 without */
    struct reap_trunk *trunk; /* where the nodes' numbers come from */
    float *quantized;         /* scale of each node, then the shifts; or NULL */
};

/*
 * Build the net. 'params' may be NULL for seeded random weights; it may be
 * freed afterwards. Returns REAP_OK, REAP_EINVAL (no such model, impossible
 * size: sides are 32 to 8192), REAP_EMISFIT (a tensor is missing, left over or
 * has another shape; the message names it and what was expected), or
 * REAP_ENOMEM.
 */
int reap_net_new(struct reap_net **out, const struct reap_net_args *args,
                 const struct reap_params *params,
                 struct reap_err *err) REAP_MUST_CHECK;

/*
 * See that the nodes have their weights: what is about to read them calls
 * this. Does nothing if they have. Before threads share the net, or one thread
 * at a time. Returns REAP_OK, REAP_EMISFIT (a number is not finite, or a
 * variance negative), REAP_ENOMEM, or what reading the numbers returns.
 */
int reap_net_fold(const struct reap_net *net,
                  struct reap_err *err) REAP_MUST_CHECK;

/* The tensors of a weights file that int8 needs, (n_nodes) and
 * (reap_net_shifts()), see reap_net_quantized(). */
#define REAP_INT8_SCALE "reap.int8.scale"
#define REAP_INT8_SHIFT "reap.int8.shift"

/* Channels of all convolutions with a ReLU. */
size_t reap_net_shifts(const struct reap_net *net);

/*
 * Give the net what int8 needs: 'scale' of each node, 0 for those without, and
 * the shifts of all convolutions with a ReLU, one after the other, 'shift'.
 * Copies both. REAP_ENOMEM leaves the net as it was.
 */
int reap_net_quantized(struct reap_net *net, const float *scale,
                       const float *shift,
                       struct reap_err *err) REAP_MUST_CHECK;

/* Index of the node that carries that name, or -1. A torchvision stage
 * ("layer3") is its last block. */
int reap_net_find(const struct reap_net *net, const char *name);

/* Multiply-adds (MACs) that one image costs, head included. */
double reap_net_macs(const struct reap_net *net);

/* Free '*net', which becomes NULL; NULL does nothing. */
void reap_net_free(struct reap_net **net);

#endif /* REAP_ENGINE_NET_NET_H */
