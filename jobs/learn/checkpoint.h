/*
 * jobs/learn/checkpoint.h - unfinished training, to resume after any stop
 *
 * A safetensors file: parts of equal size (weights, moments), and in its
 * metadata where the training stood and which one it is.
 */
#ifndef REAP_JOBS_LEARN_CHECKPOINT_H
#define REAP_JOBS_LEARN_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/err.h"

struct reap_checkpoint {
    const char *kind;  /* what is trained, "reap.fit" */
    const char *plan;  /* which training it is */
    const char *other; /* what a file of another one is: "is of another fit" */
    size_t parts, count;
    const char *const *name; /* (parts) */
    float *const *data;      /* (parts) of 'count' numbers */
};

/* Write it whole or not at all; 'state' says where it stands. Returns
 * REAP_ENOMEM and the codes of reap_weights_write(). */
int reap_checkpoint_write(const struct reap_checkpoint *s, const char *state,
                          const char *path,
                          struct reap_err *err) REAP_MUST_CHECK;

/*
 * Read it into the parts, and where it stood by scan(to, text), which says
 * whether it could. '*found' is false, and '*why' says so, if there is no file
 * (""), or it is damaged or of another training; the parts are as they were
 * then. REAP_OK, REAP_ECREATE (somebody else's file) or REAP_ENOMEM.
 */
typedef bool reap_checkpoint_scan(void *to, const char *text);
int reap_checkpoint_read(const struct reap_checkpoint *s,
                         reap_checkpoint_scan *scan, void *to, const char *path,
                         bool *found, const char **why,
                         struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_LEARN_CHECKPOINT_H */
