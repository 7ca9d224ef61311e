/*
 * engine/fit/full_batch.h - loss and gradient of a linear head over all
 * examples
 *
 * What L-BFGS asks for. Examples are cut into at most 64 runs, by their number
 * alone; a run belongs to one thread of one rank, and the runs' gradients add
 * up in order, in double: neither threads nor ranks change a bit. Each
 * embedding is read once for loss and gradient.
 *
 * One thread calls it; all ranks of a team make the same calls.
 */
#ifndef REAP_ENGINE_FIT_FULL_BATCH_H
#define REAP_ENGINE_FIT_FULL_BATCH_H

#include "engine/fit/fit.h"

struct reap_full_batch_args {
    size_t in, classes;
    bool multi;
    double l2;                 /* as in struct reap_fit_args */
    const float *class_weight; /* likewise */
    size_t threads;
    struct reap_team team;
};

struct reap_full_batch;

/* REAP_OK, REAP_EINVAL (too large) or REAP_ENOMEM. */
int reap_full_batch_new(struct reap_full_batch **out,
                        const struct reap_full_batch_args *a,
                        struct reap_err *err) REAP_MUST_CHECK;

/* Numbers of a head: kernel (in, classes), then biases (classes). */
size_t reap_full_batch_numbers(const struct reap_full_batch *f);

/*
 * The mean loss over the rows of 'rows', with the penalty, at the head 'w', and
 * its gradient in 'g', each of reap_full_batch_numbers(). 'score', which may be
 * NULL, receives the sums without the penalty. Returns REAP_OK or what share()
 * does.
 */
int reap_full_batch_value(struct reap_full_batch *f,
                          const struct reap_fit_batch *rows, const double *w,
                          double *value, double *g,
                          struct reap_fit_score *score,
                          struct reap_err *err) REAP_MUST_CHECK;

/* Put the numbers into a head of one layer. */
void reap_full_batch_to_head(const struct reap_full_batch *f, const double *w,
                             struct reap_head *h);

/* Free '*f', which becomes NULL; NULL does nothing. */
void reap_full_batch_free(struct reap_full_batch **f);

#endif /* REAP_ENGINE_FIT_FULL_BATCH_H */
