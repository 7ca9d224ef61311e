/*
 * jobs/tune/tune_run.h - the epochs of a fine-tuning, on all ranks of a team
 *
 * Order, views and dropout are drawn by the seed alone; where it stands is
 * saved after each epoch, every two minutes, and before it stops.
 */
#ifndef REAP_JOBS_TUNE_RUN_H
#define REAP_JOBS_TUNE_RUN_H

#include "jobs/tune/tune_plan.h"
#include "jobs/tune/tune_save.h"
#include "jobs/tune/tune_views.h"

struct reap_tune_rows {
    const size_t *item; /* numbers of images of the data */
    size_t n;
};

struct reap_tune_epoch {
    uint64_t number, of; /* from 1 */
    double loss, right;  /* means, while it was trained */
    bool checked;
    double check_loss, check_right;
    double seconds, step_seconds; /* of a step of training, the median */
};

struct reap_tune_run {
    const struct reap_tune_plan *plan;
    const char *plan_text; /* which tuning this is */
    struct reap_team team;
    const struct reap_tune_data *data;
    struct reap_views *views;
    struct reap_tail *tail;
    struct reap_tune_rows train, check; /* check.n 0: none */
    const char *save;                   /* path of what is saved */
    double time_limit;                  /* seconds, 0: none */
    void *ctx;                          /* on the first rank alone: */
    void (*progress)(void *ctx, uint64_t done, uint64_t total);
    void (*epoch)(void *ctx, const struct reap_tune_epoch *e);
    void (*resumed)(void *ctx, const struct reap_tune_state *s,
                    const char *why);
};

/*
 * Train r->tail. Returns REAP_OK, REAP_EINVAL (the loss is not finite: which
 * step, and that the rate is too high), REAP_ESTOPPED (drained, after
 * saving), what the views and the team return, or why it could not be saved.
 */
int reap_tune_run(const struct reap_tune_run *r,
                  struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_TUNE_RUN_H */
