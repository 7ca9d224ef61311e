/* jobs/learn/fit_split.h - which examples are fitted, and which check the fit
 */
#ifndef REAP_JOBS_LEARN_FIT_SPLIT_H
#define REAP_JOBS_LEARN_FIT_SPLIT_H

#include "jobs/setup/examples.h"

struct reap_fit_split {
    size_t *train, *check; /* rows, in key order */
    size_t n_train, n_check;
    size_t alone; /* classes of one example, which is fitted */
};

/*
 * Keep the share 'part' of each class's examples for checking, at least one of
 * them and never all; of 0, none. Which ones is drawn by 'seed'. Examples of
 * several classes count for their first, those of none for a class of their
 * own. REAP_ENOMEM.
 */
int reap_fit_split(struct reap_fit_split *s, const struct reap_examples *d,
                   double part, uint64_t seed,
                   struct reap_err *err) REAP_MUST_CHECK;

/* Free the lists; '*s' is empty again. */
void reap_fit_split_clear(struct reap_fit_split *s);

#endif /* REAP_JOBS_LEARN_FIT_SPLIT_H */
