/* jobs/tune/tune_plan.h - what reap tune is asked to do */
#ifndef REAP_JOBS_TUNE_PLAN_H
#define REAP_JOBS_TUNE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"
#include "jobs/cli/options.h"

enum { REAP_TUNE_BATCH_MAX = 4096 };

struct reap_tune_plan {
    const char *unfreeze;
    double lr, dropout, split;
    uint64_t epochs, batch, seed;
    bool flip, crop; /* augmentation */
};

/* From the options; REAP_EINVAL names the one that cannot work. */
int reap_tune_plan(struct reap_tune_plan *p, const struct reap_options *o,
                   struct reap_err *err) REAP_MUST_CHECK;

/* All of it as "name=value" lines. */
void reap_tune_plan_print(const struct reap_tune_plan *p, char *buf,
                          size_t size);

#endif /* REAP_JOBS_TUNE_PLAN_H */
