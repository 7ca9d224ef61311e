/*
 * engine/net/fold.h - a convolution and its batch norm become one convolution
 *
 * Inside engine/. In double precision, rounded once:
 *
 *   s = gamma / sqrt(variance + epsilon)
 *   weight' = weight * s,  bias' = beta + (bias - mean) * s
 */
#ifndef REAP_ENGINE_NET_FOLD_H
#define REAP_ENGINE_NET_FOLD_H

#include "engine/net/graph.h"
#include "engine/net/take_tensors.h"

/* Numbers that node i needs: weights, and biases. 0 and 0 if it has none. */
void reap_fold_size(const struct reap_graph *g, size_t i, size_t *weights,
                    size_t *biases);

/* Fill 'weight' (c, kh, kw, cin / groups) and 'bias' (c) of node i; for an
 * AFFINE node both are (c). 'scale' is scratch for c doubles. If 'in' looks at
 * shapes alone, they are looked at and nothing is filled. */
int reap_fold_node(const struct reap_graph *g, size_t i,
                   struct reap_tensors_taken *in, double *scale, float *weight,
                   float *bias, struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_ENGINE_NET_FOLD_H */
