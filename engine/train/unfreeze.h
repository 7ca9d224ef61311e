/*
 * engine/train/unfreeze.h - which part of a network is trained
 *
 * A stage or a block, and all after it: "conv5", "conv5_block3" as Keras calls
 * them, "layer4", "layer4.2" as torchvision does.
 */
#ifndef REAP_ENGINE_TRAIN_UNFREEZE_H
#define REAP_ENGINE_TRAIN_UNFREEZE_H

#include "engine/net/graph.h"

struct reap_unfreeze {
    size_t first;  /* the first node that is trained */
    size_t border; /* the node whose output it reads, the last frozen one */
};

/* Find it. REAP_EINVAL lists the names there are. */
int reap_unfreeze_find(const struct reap_graph *g, const char *name,
                       struct reap_unfreeze *out,
                       struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_ENGINE_TRAIN_UNFREEZE_H */
