/*
 * engine/net/net_head.h - the dense layers after the pooled features
 *
 * Inside engine/: part of engine/net/net.c's work. torchvision has one, 'fc',
 * or those of a torch.nn.Sequential in its place ('fc.0', 'fc.3').
 * Keras files have 'predictions' or, trained further, any chain of dense
 * layers, whatever their names: shapes tell which follows which.
 */
#ifndef REAP_ENGINE_NET_NET_HEAD_H
#define REAP_ENGINE_NET_NET_HEAD_H

#include "engine/net/net.h"
#include "engine/net/take_tensors.h"

/* Fill net->dense, n_dense and classes, or pass the head over (args->no_top).
 * net->features and net->model are set already. REAP_OK, REAP_EMISFIT (names
 * the layer) or REAP_ENOMEM. */
int reap_net_head(struct reap_net *net, const struct reap_net_args *args,
                  struct reap_tensors_taken *in,
                  struct reap_err *err) REAP_MUST_CHECK;

/* Free the head; a net without one stays as it is. */
void reap_net_head_free(struct reap_net *net);

#endif /* REAP_ENGINE_NET_NET_HEAD_H */
