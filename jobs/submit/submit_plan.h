/*
 * jobs/submit/submit_plan.h - what reap submit is asked for, checked before
 * anything is written or handed in
 */
#ifndef REAP_JOBS_SUBMIT_SUBMIT_PLAN_H
#define REAP_JOBS_SUBMIT_SUBMIT_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "jobs/cli/options.h"
#include "jobs/submit/scheduler.h"
#include "jobs/submit/script.h"

enum { REAP_SUBMIT_VALUES = 32, REAP_SUBMIT_NAME = 64 };

struct reap_submit_plan {
    const struct reap_options *o;
    const struct reap_scheduler *scheduler;
    struct reap_options job; /* options of the command in the job */
    int argc;
    char **argv;   /* its command line: reap COMMAND ... */
    char **sorted; /* the same, as its options were parsed */
    char name[REAP_SUBMIT_NAME];
    uint64_t nodes, grace, restarts;
    uint64_t seconds; /* of --time, 0 without */
    char workdir[4096], self[4096];
    char script[4096]; /* where the script goes, absolute */
    char log[4096];    /* and the job's words */
    bool stores;       /* -o is a store that tells how far the job is */
    size_t n;
    struct reap_value value[REAP_SUBMIT_VALUES];
    char *text[REAP_SUBMIT_VALUES]; /* owned values */
};

/* Options and the command behind "--" to a plan. REAP_EINVAL, REAP_ENOTFOUND
 * (the dataset of the command) or REAP_ENOMEM. */
int reap_submit_plan(struct reap_submit_plan *p, const struct reap_options *o,
                     struct reap_err *err) REAP_MUST_CHECK;

/* The template for the plan's nodes. */
const char *reap_submit_template(const struct reap_submit_plan *p);

void reap_submit_plan_clear(struct reap_submit_plan *p);

#endif /* REAP_JOBS_SUBMIT_SUBMIT_PLAN_H */
