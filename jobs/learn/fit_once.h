/*
 * jobs/learn/fit_once.h - a linear head fitted to all examples at once
 *
 * L-BFGS from zero: the loss has one minimum. Nothing is saved half way; the
 * same command does the same again.
 */
#ifndef REAP_JOBS_LEARN_FIT_ONCE_H
#define REAP_JOBS_LEARN_FIT_ONCE_H

#include "jobs/learn/fit_run.h"

/* As reap_fit_run(), each step of the search being an epoch. */
int reap_fit_once(const struct reap_fit_run *r, struct reap_head **head,
                  struct reap_fit_state *end,
                  struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_LEARN_FIT_ONCE_H */
