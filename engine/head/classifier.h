/*
 * engine/head/classifier.h - what may stand in place of a net's own head
 *
 * A head that was fitted (engine/head/head_layers.h), or another way to tell
 * classes from an embedding. Constant while it is used: any thread.
 */
#ifndef REAP_ENGINE_HEAD_CLASSIFIER_H
#define REAP_ENGINE_HEAD_CLASSIFIER_H

#include <stdbool.h>
#include <stddef.h>

struct reap_classifier {
    const char *feature; /* the output that it takes: avg, max, a layer */
    bool l2;             /* scaled to length 1 */
    size_t in, classes;
    const void *ctx;
    /* Floats of scratch to run n embeddings. */
    size_t (*scratch)(const void *ctx, size_t n);
    /* x is (n, in); logits (or NULL) and probs are (n, classes). A row's bytes
     * depend on the row alone. */
    void (*run)(const void *ctx, size_t n, const float *x, float *logits,
                float *probs, float *scratch);
};

#endif /* REAP_ENGINE_HEAD_CLASSIFIER_H */
