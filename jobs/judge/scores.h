/*
 * jobs/judge/scores.h - class scores of a store's rows
 *
 * A store of labels has the best classes ("top"), the probabilities of all
 * ("probs"), what they come from ("logits"), or several of these; here they
 * look alike. With groups, all is about groups: their probabilities are sums.
 */
#ifndef REAP_JOBS_JUDGE_SCORES_H
#define REAP_JOBS_JUDGE_SCORES_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/engine.h"
#include "io/labels/groups.h"
#include "io/store/store.h"

struct reap_scores;

/* A row and, if it has any, its scores; lent until the next row. */
struct reap_scored {
    struct reap_row row;
    bool good;  /* it has scores, and they are numbers */
    bool wrong; /* its scores are NaN or infinite */
    /* (classes) each; NULL where the store has but the best classes */
    const float *prob;
    const float *logit;         /* without logits, logarithms of 'prob' */
    const struct reap_top *top; /* the best first */
    size_t n_top;
    double entropy; /* in nats; NAN where it cannot be told */
    double margin;  /* of the best over the second; NAN likewise */
};

/*
 * Open the scores of a store that is open to read. 'classes' are the head's, 0
 * if they are not known; 'groups' may be NULL; both stay borrowed. Returns
 * REAP_EINVAL if the store has no column of scores; REAP_EIO, REAP_ENOMEM. One
 * thread at a time.
 */
int reap_scores_open(struct reap_scores **out, struct reap_store *store,
                     size_t classes, const struct reap_groups *groups,
                     struct reap_err *err) REAP_MUST_CHECK;

/* Classes or groups there are; 0 if only the best are stored and their number
 * is not known. */
size_t reap_scores_classes(const struct reap_scores *s);

/* Are all classes' probabilities there? */
bool reap_scores_full(const struct reap_scores *s);

/* How many best classes a row lists. */
size_t reap_scores_top(const struct reap_scores *s);

/* Back to the first row. A store that a run writes may have others by then. */
void reap_scores_rewind(struct reap_scores *s);

/* The next row in key order; REAP_ENOTFOUND after the last. */
int reap_scores_next(struct reap_scores *s, struct reap_scored *out,
                     struct reap_err *err) REAP_MUST_CHECK;

/* The values of another column of this row, as reap_rows_values(). */
int reap_scores_values(struct reap_scores *s, size_t column, void *out,
                       struct reap_err *err) REAP_MUST_CHECK;

/* Close '*s', which becomes NULL; NULL does nothing. */
void reap_scores_close(struct reap_scores **s);

#endif /* REAP_JOBS_JUDGE_SCORES_H */
