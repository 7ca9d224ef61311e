/*
 * jobs/learn/fit_save.h - an unfinished fit, to resume after any stop
 *
 * A safetensors file next to the head: weights, both moments and the best
 * weights so far, and in its metadata where the fit stood and which it is.
 */
#ifndef REAP_JOBS_LEARN_FIT_SAVE_H
#define REAP_JOBS_LEARN_FIT_SAVE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/fit/fit.h"

/* Where a fit stands. */
struct reap_fit_state {
    uint64_t epoch;             /* whole ones that are done */
    uint64_t done;              /* examples of this one */
    struct reap_fit_score sum;  /* of these */
    uint64_t steps;             /* reap_fit_steps() */
    double best;                /* the least loss of an epoch */
    uint64_t best_epoch, worse; /* 1 is the first; epochs since */
    uint64_t drops;             /* of the rate, on plateaus */
    uint64_t dull;              /* epochs since the last of these */
};

enum { REAP_FIT_BEST = REAP_FIT_SECOND + 1, REAP_FIT_SAVED };

/* Write it whole or not at all; 'plan' says which fit this is. */
int reap_fit_save(const char *path, const char *plan,
                  const struct reap_fit_state *s,
                  struct reap_head *const part[REAP_FIT_SAVED],
                  struct reap_err *err) REAP_MUST_CHECK;

/*
 * Read it into '*s' and the heads. '*found' is false, and '*why' says so, if
 * there is none ("") or it is of another fit or damaged. REAP_OK, or
 * REAP_ENOMEM.
 */
int reap_fit_load(const char *path, const char *plan, struct reap_fit_state *s,
                  struct reap_head *const part[REAP_FIT_SAVED], bool *found,
                  const char **why, struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_LEARN_FIT_SAVE_H */
