/*
 * jobs/setup/predictor.h - what turns embeddings into classes: --head
 *
 * A head that reap fit made, or another way to tell classes from an embedding
 * (a row in predictor.c). Constant once it is open: any thread may run it.
 */
#ifndef REAP_JOBS_SETUP_PREDICTOR_H
#define REAP_JOBS_SETUP_PREDICTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/err.h"
#include "engine/head/classifier.h"

struct reap_predictor {
    struct reap_classifier by;
    char *const *labels; /* (by.classes), lent until close */
    const char *preset;  /* name of the preset of its embeddings, or "" */
    char id[100];        /* "head=sha256:...": part of a fingerprint */
    bool multi;          /* several classes at once: they do not add up to 1 */
    void *own;
    /* Is it for embeddings of this text? As reap_head_file_fits()
     * (io/weights/head_file.h). */
    int (*fits)(const void *own, const char *fingerprint_text,
                const char *quantized_from, struct reap_err *err);
    void (*close)(void *own);
};

/* Open what 'text' (--head) names; 'truth' is --truth, the labels of what
 * neighbours are looked for among, or NULL. Returns REAP_OK or what the reader
 * of its kind returns. */
int reap_predictor_open(struct reap_predictor *p, const char *text,
                        const char *truth,
                        struct reap_err *err) REAP_MUST_CHECK;

/* A kind of its own: knn:STORE:K, the votes of the K nearest rows of a store
 * (predictor_knn.c). */
int reap_predictor_knn(struct reap_predictor *p, const char *text,
                       const char *truth, struct reap_err *err) REAP_MUST_CHECK;

/* Free it; a cleared struct stays so. */
void reap_predictor_close(struct reap_predictor *p);

#endif /* REAP_JOBS_SETUP_PREDICTOR_H */
