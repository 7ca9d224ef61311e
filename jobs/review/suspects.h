/*
 * jobs/review/suspects.h - labels that are probably wrong
 *
 * Confident learning: a row counts for the class whose probability is at least
 * the mean of the rows that bear its label; how often rows of one label count
 * for another class says how many of them are suspected, and those with the
 * largest margins are. Source: Northcutt, Jiang, Chuang, Confident Learning
 * (JAIR 70, 2021); the same choice as cleanlab's find_label_issues() by noise
 * rate, but that rows of equal margin are taken in their order.
 */
#ifndef REAP_JOBS_REVIEW_SUSPECTS_H
#define REAP_JOBS_REVIEW_SUSPECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

/*
 * Which of n rows have a wrong label, in 'is' (n).
 *
 *   prob   (n, classes), of a model that was not fitted on the row
 *   label  (n), below classes
 *
 * Takes memory of classes squared. REAP_ENOMEM. Any thread.
 */
int reap_suspects(const float *prob, const int32_t *label, size_t n,
                  size_t classes, bool *is,
                  struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_REVIEW_SUSPECTS_H */
