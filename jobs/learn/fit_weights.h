/* jobs/learn/fit_weights.h - weights of the classes: --class-weight */
#ifndef REAP_JOBS_LEARN_FIT_WEIGHTS_H
#define REAP_JOBS_LEARN_FIT_WEIGHTS_H

#include "jobs/setup/examples.h"

/*
 * 'text' is NULL (all 1), "balanced", or a file of lines "class, tab, number".
 * Balanced is, for one class each, examples / (classes * examples of the
 * class); for several at once, examples without the class / examples with it.
 * 'row' are the n examples to be fitted. '*out' is owned, (classes), NULL for
 * all 1. Returns REAP_OK, REAP_EINVAL (not a number above 0), REAP_EFORMAT (a
 * class that is not there, or two columns are missing), what io/file/table.h
 * returns or REAP_ENOMEM.
 */
int reap_fit_class_weights(float **out, const char *text,
                           const struct reap_examples *d, const size_t *row,
                           size_t n, struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_LEARN_FIT_WEIGHTS_H */
