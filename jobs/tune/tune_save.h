/*
 * jobs/tune/tune_save.h - unfinished fine-tuning, to resume after any stop
 *
 * A safetensors file next to the model: numbers and both moments as a tail has
 * them, and in its metadata where it stood and which tuning it is.
 */
#ifndef REAP_JOBS_TUNE_SAVE_H
#define REAP_JOBS_TUNE_SAVE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/team.h"
#include "engine/train/tail.h"

/* Where it stands; loss and right are sums over the epoch's images so far. */
struct reap_tune_state {
    uint64_t epoch, done, steps; /* whole epochs; images of this one */
    double loss, right;
};

/* Write it whole or not at all. The first rank alone calls it. */
int reap_tune_save(const char *path, const char *plan,
                   const struct reap_tune_state *s, struct reap_tail *t,
                   struct reap_err *err) REAP_MUST_CHECK;

/*
 * The first rank reads it and all get it. '*found' is false, and '*why' says
 * so on the first rank, if there is none ("") or it is of another tuning or
 * damaged. REAP_OK, or what the team returned.
 */
int reap_tune_load(const char *path, const char *plan,
                   const struct reap_team *team, struct reap_tune_state *s,
                   struct reap_tail *t, bool *found, const char **why,
                   struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_TUNE_SAVE_H */
