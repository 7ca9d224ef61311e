/*
 * engine/net/net_trunk.h - the weights of a net's nodes, folded when needed
 *
 * Inside engine/. Names and shapes are looked at when the net is made; numbers
 * are taken by reap_net_fold() (engine/net/net.h).
 */
#ifndef REAP_ENGINE_NET_NET_TRUNK_H
#define REAP_ENGINE_NET_NET_TRUNK_H

#include "engine/net/graph.h"
#include "engine/net/net.h"
#include "engine/net/take_tensors.h"

struct reap_trunk {
    struct reap_graph *graph;
    const struct reap_params *params; /* NULL once folded */
    struct reap_params *made;         /* random ones, owned */
    float *own;                       /* what the nodes' pointers point into */
};

/* Give the net its trunk and the nodes of its model. On failure the trunk, if
 * there is one, is freed with the net. */
int reap_trunk_new(struct reap_net *net, const struct reap_params *params,
                   struct reap_err *err) REAP_MUST_CHECK;

/* Check names and shapes of all tensors of the trunk. REAP_EMISFIT names the
 * one that does not fit. */
int reap_trunk_check(const struct reap_net *net, struct reap_tensors_taken *in,
                     struct reap_err *err) REAP_MUST_CHECK;

/* Free the trunk; a net without one stays as it is. */
void reap_trunk_free(struct reap_net *net);

#endif /* REAP_ENGINE_NET_NET_TRUNK_H */
