/*
 * engine/head/head_layers.h - a head on its own: from stored embeddings to
 * classes
 *
 * The dense layers after pooled features, independent of any net: made by
 * fitting or read from a file, run on embeddings without touching an image, or
 * put on a net in place of its own (engine/net/net.h). Constant while it is
 * run: any thread.
 */
#ifndef REAP_ENGINE_HEAD_HEAD_LAYERS_H
#define REAP_ENGINE_HEAD_HEAD_LAYERS_H

#include <stddef.h>

#include "engine/base/err.h"
#include "engine/kern/kernels.h"
#include "engine/net/net.h"

enum { REAP_HEAD_LAYERS = 8 }; /* the most */

struct reap_head {
    size_t n; /* layers, 1 to REAP_HEAD_LAYERS */
    struct reap_dense dense[REAP_HEAD_LAYERS];
    /* Logits are divided by it before the last activation; 1: as they are. */
    float temperature;
    float *own;            /* what the layers point into */
    reap_dense_fn *kernel; /* for this CPU */
};

/*
 * A head of n layers with all numbers zero: layer i takes width[i] and gives
 * width[i + 1]. Layers are named as Keras would ("dense", "dense_1", ...) and
 * have ReLU between them; 'last', after the last one, is REAP_SOFTMAX (one
 * class each) or REAP_SIGMOID (several at once). Temperature 1. Returns
 * REAP_OK, REAP_EINVAL (no or too many layers, a width of 0, REAP_CPU names no
 * level) or REAP_ENOMEM.
 */
int reap_head_new(struct reap_head **out, size_t n, const size_t *width,
                  enum reap_activation last,
                  struct reap_err *err) REAP_MUST_CHECK;

/* Numbers of all layers: 'own' holds so many, the weights of a layer (out, in)
 * and its biases, layer by layer. */
size_t reap_head_numbers(const struct reap_head *h);

/* Numbers of an embedding; classes. */
size_t reap_head_in(const struct reap_head *h);
size_t reap_head_classes(const struct reap_head *h);

/* The numbers of layer i, to be set while the head is made: weights
 * (out, in) and biases (out). */
float *reap_head_weight(struct reap_head *h, size_t i);
float *reap_head_bias(struct reap_head *h, size_t i);

/*
 * A layer's weights as Keras keeps kernels, (in, out): read from 'kernel' or
 * written to it.
 */
void reap_head_set_kernel(struct reap_head *h, size_t i, const float *kernel);
void reap_head_get_kernel(const struct reap_head *h, size_t i, float *kernel);

/* Floats of scratch that reap_head_run() needs for n rows. */
size_t reap_head_scratch(const struct reap_head *h, size_t n);

/*
 * Run n embeddings.
 *
 *   x        (n, in)
 *   logits   (n, classes), divided by the temperature; or NULL
 *   probs    (n, classes), after the last activation; or NULL
 *   scratch  reap_head_scratch() floats
 *
 * A row's bytes depend on the row and the head alone: sums have the same order
 * on any CPU, and in a net that the head was put on.
 */
void reap_head_run(const struct reap_head *h, size_t n, const float *x,
                   float *logits, float *probs, float *scratch);

/* Divide n logits by the head's temperature, in place. */
void reap_head_cool(float temperature, size_t n, float *logits);

/* Free '*h', which becomes NULL; NULL does nothing. */
void reap_head_free(struct reap_head **h);

#endif /* REAP_ENGINE_HEAD_HEAD_LAYERS_H */
