/* jobs/tune/tune_split.h - which images are trained, and which check it */
#ifndef REAP_JOBS_TUNE_SPLIT_H
#define REAP_JOBS_TUNE_SPLIT_H

#include "jobs/tune/tune_data.h"
#include "jobs/tune/tune_views.h"

struct reap_tune_split {
    size_t *train, *check; /* numbers of images, in key order */
    size_t n_train, n_check;
    size_t bad; /* in neither: they cannot be decoded */
};

/*
 * Of each class keep the share 'part' for checking, at least one and never
 * all; of 0, none. Which ones is drawn by 'seed'. An image of several classes
 * counts for its first. Returns REAP_OK, REAP_ENOTFOUND (no good image) or
 * REAP_ENOMEM.
 */
int reap_tune_split(struct reap_tune_split *s, const struct reap_tune_data *d,
                    const struct reap_views *v, double part, uint64_t seed,
                    struct reap_err *err) REAP_MUST_CHECK;

/* Free the lists; '*s' is empty again. */
void reap_tune_split_clear(struct reap_tune_split *s);

#endif /* REAP_JOBS_TUNE_SPLIT_H */
