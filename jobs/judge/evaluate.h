/*
 * jobs/judge/evaluate.h - a store's labels compared with the true ones
 *
 * Three walks over the rows: what is predicted and what is true; logits of a
 * part of them, for the temperature; what it does to the others. Memory grows
 * by some 30 bytes a row. One thread at a time.
 */
#ifndef REAP_JOBS_JUDGE_EVALUATE_H
#define REAP_JOBS_JUDGE_EVALUATE_H

#include <stdbool.h>
#include <stddef.h>

#include "jobs/judge/labelled.h"
#include "jobs/judge/metrics.h"

struct reap_evaluate_args {
    struct reap_labelled_args of;
    double share;    /* of each class that is held out of fitting */
    uint64_t seed;   /* which ones are held out */
    double abstain;  /* precision to reach, 0: none */
    float threshold; /* of probability, 0: all are labelled */
};

struct reap_evaluation {
    struct reap_labelled of;

    /* rows of the store, each counted once */
    size_t rows, bad, wrong; /* all; without result; not numbers */
    size_t unlabelled, unknown, ambiguous; /* no label, no such class, two */
    size_t unmet;                          /* labels whose keys have no row */
    char unknown_label[200];               /* the first of the unknown ones */

    uint64_t seed;
    struct reap_judged *judged; /* the others, in key order */
    size_t n, room;
    struct reap_class_score *of_class; /* n_classes */
    struct reap_score score;
    struct reap_confusion *confusion;
    size_t n_confusions;
    size_t beyond; /* of the unknown: labelled one class too high to exist */
    size_t above, below, later, earlier; /* right if the label's class were one
                                            more, less, the next row's, ... */

    /* held out rows; all of them if nothing was fitted */
    struct reap_reliability before, after;
    double temperature; /* 0: none was fitted */
    bool at_bound;
    size_t n_fitted;
    float threshold; /* given or found; 0: none */
    bool threshold_found;
};

/* Returns REAP_ENOTFOUND if no row has a result and a true class; other codes
 * are those of what is opened. To be closed after a failure, too. */
int reap_evaluation_open(struct reap_evaluation *e,
                         const struct reap_evaluate_args *a,
                         struct reap_err *err) REAP_MUST_CHECK;

/*
 * What is strange about the labels as a sentence, "" if nothing is: they fit
 * clearly better if all are moved by one class, or by one row.
 */
const char *reap_evaluation_doubt(const struct reap_evaluation *e, char *buf,
                                  size_t size);

/* Free all of it; a cleared struct stays so. */
void reap_evaluation_close(struct reap_evaluation *e);

#endif /* REAP_JOBS_JUDGE_EVALUATE_H */
