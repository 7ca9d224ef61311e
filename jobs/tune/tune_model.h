/*
 * jobs/tune/tune_model.h - the tuned network as a weights file
 *
 * The tensors of the network, those that were trained in their place, and the
 * head under the names that its framework would use: NAME/kernel for Keras; fc,
 * or fc.0, fc.3, ... as of torch.nn.Sequential with ReLU and Dropout between.
 * --weights reads it, with its head, labels and preset.
 */
#ifndef REAP_JOBS_TUNE_MODEL_H
#define REAP_JOBS_TUNE_MODEL_H

#include "engine/head/head_layers.h"
#include "engine/train/tail.h"
#include "io/weights/weights.h"

struct reap_tune_model {
    const struct reap_graph *graph;
    const char *weights;          /* path of the file that was tuned */
    const struct reap_head *head; /* shapes, names and activations */
    char *const *labels;          /* of its classes */
    const char *preset;
    const char *
        fingerprint_text; /* how it was tuned, lines; its hash is written too */
};

/* Write it whole or not at all. Returns what reading and writing weights
 * return. */
int reap_tune_model_write(const struct reap_tune_model *m, struct reap_tail *t,
                          const char *path,
                          struct reap_err *err) REAP_MUST_CHECK;

/* Is the file at 'path' the model of that tuning? */
bool reap_tune_model_is(const char *path, const char *fingerprint_text);

#endif /* REAP_JOBS_TUNE_MODEL_H */
