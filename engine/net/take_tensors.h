/*
 * engine/net/take_tensors.h - take tensors out of params, each once, and check
 * them
 *
 * Inside engine/: what engine/net/net.c builds a net with. All errors here are
 * REAP_EMISFIT and name the tensor and what was expected of it.
 */
#ifndef REAP_ENGINE_NET_TAKE_TENSORS_H
#define REAP_ENGINE_NET_TAKE_TENSORS_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/err.h"
#include "engine/net/graph.h"
#include "engine/net/params.h"

struct reap_tensors_taken {
    const struct reap_model *model; /* for messages */
    const struct reap_params *params;
    bool *taken; /* one for each param */
    bool shapes; /* look at names and shapes alone, take no numbers */
};

/* The numbers of the tensor that 'want' describes, finite each of them;
 * variances, told by 'variance', are not negative either. Borrowed; NULL if
 * only shapes are looked at. */
int reap_take_tensor(struct reap_tensors_taken *in,
                     const struct reap_tensor_spec *want, bool variance,
                     const float **data, struct reap_err *err) REAP_MUST_CHECK;

/* Nothing may be left but what no network uses (num_batches_tracked). */
int reap_take_tensors_done(const struct reap_tensors_taken *in,
                           struct reap_err *err) REAP_MUST_CHECK;

/* "(64, 3, 7, 7)" in 'to', which is returned. */
char *reap_shape_text(char *to, size_t size, size_t rank, const size_t *dim);

#endif /* REAP_ENGINE_NET_TAKE_TENSORS_H */
