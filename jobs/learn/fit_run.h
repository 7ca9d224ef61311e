/*
 * jobs/learn/fit_run.h - the epochs of a fit, on all ranks of a team
 *
 * Order, dropout and first weights are drawn by the seed alone; where it stands
 * is saved now and then, so that a fit that was stopped resumes and ends with
 * the same bytes.
 */
#ifndef REAP_JOBS_LEARN_FIT_RUN_H
#define REAP_JOBS_LEARN_FIT_RUN_H

#include "jobs/learn/fit_plan.h"
#include "jobs/learn/fit_save.h"

struct reap_fit_rows {
    struct reap_fit_source from;
    const size_t *row;
    size_t n;
};

/* One epoch's end. */
struct reap_fit_epoch {
    uint64_t number, of; /* from 1; of 0: no epoch, but the end */
    double loss, right;  /* means, while it was fitted */
    bool checked;
    double check_loss, check_right;
    double rate, seconds;
};

struct reap_fit_run {
    const struct reap_fit_plan *plan;
    const char *plan_text; /* which fit this is */
    struct reap_team team;
    struct reap_fit_rows train, check; /* check.n 0: none */
    size_t in, classes, threads;
    const float *class_weight;
    const char *save;  /* path of what is saved */
    double time_limit; /* seconds, 0: none */
    void *ctx;         /* on the first rank alone: */
    void (*progress)(void *ctx, uint64_t done, uint64_t total);
    void (*epoch)(void *ctx, const struct reap_fit_epoch *e);
    void (*resumed)(void *ctx, const struct reap_fit_state *s, const char *why);
};

/*
 * Fit. '*head' is owned by the caller, '*end' says where it ended. Returns
 * REAP_OK, REAP_EINVAL (the loss is not finite: which step, and that
 * the rate is too high), REAP_ESTOPPED (drained, after saving), what engine/fit
 * and the team return, or why it could not be saved.
 */
int reap_fit_run(const struct reap_fit_run *r, struct reap_head **head,
                 struct reap_fit_state *end,
                 struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_LEARN_FIT_RUN_H */
