/*
 * engine/net/random.h - made-up weights: the same for a seed, everywhere
 *
 * Inside engine/. He-scaled, so that activations neither vanish nor explode;
 * the last convolution of a block is kept small, as sums add up. They mean
 * nothing: a program that uses them has to say so.
 */
#ifndef REAP_ENGINE_NET_RANDOM_H
#define REAP_ENGINE_NET_RANDOM_H

#include <stdint.h>

#include "engine/net/graph.h"
#include "engine/net/params.h"

/* All tensors of the graph and, unless 'classes' is 0, of a head. */
int reap_random_params(struct reap_params **out, const struct reap_graph *g,
                       size_t classes, uint64_t seed,
                       struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_ENGINE_NET_RANDOM_H */
