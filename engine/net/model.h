/*
 * engine/net/model.h - the networks we know, one row each
 *
 * The rows live in engine/net/models.def and are constant. A row says what
 * differs between networks; what a family shares is code (engine/graph_*.c).
 * Names without a prefix are Keras's applications, "torchvision/" marks
 * torchvision's. Sources: keras/src/applications/resnet.py, resnet_v2.py
 * (3.15); torchvision/models/resnet.py (0.29).
 */
#ifndef REAP_ENGINE_NET_MODEL_H
#define REAP_ENGINE_NET_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/err.h"

enum reap_family {
    REAP_KERAS_V1,     /* stride in the first 1x1, convolutions with bias */
    REAP_KERAS_V2,     /* batch norm and ReLU in front of the convolutions */
    REAP_TV_BASIC,     /* two 3x3 */
    REAP_TV_BOTTLENECK /* 1x1, 3x3 with the stride, 1x1 ("v1.5") */
};

enum { REAP_STAGES = 4 };

struct reap_model {
    const char *name;
    const char *title; /* as papers and their authors write it */
    enum reap_family family;
    size_t blocks[REAP_STAGES];
    size_t groups, width; /* of the 3x3: groups, channels of one in stage 1 */
    size_t params, fixed; /* published, 1000 classes: all; not trainable */
};

/* The row of that name ("keras/resnet50" is "resnet50"), borrowed for good;
 * NULL after REAP_EINVAL's message, which lists the names there are. */
const struct reap_model *reap_model_find(const char *name,
                                         struct reap_err *err);

/* Row i, NULL after the last. */
const struct reap_model *reap_model_at(size_t i);

/* Are names and axis orders Keras's (else torchvision's)? */
bool reap_model_keras(const struct reap_model *m);

/* What is added to a variance before its root is taken. */
double reap_model_epsilon(const struct reap_model *m);

#endif /* REAP_ENGINE_NET_MODEL_H */
