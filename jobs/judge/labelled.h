/*
 * jobs/judge/labelled.h - a store of labels together with the true ones
 *
 * What evaluating and reviewing have in common: a store, names of its classes,
 * true labels, groups, and which class a label means.
 */
#ifndef REAP_JOBS_JUDGE_LABELLED_H
#define REAP_JOBS_JUDGE_LABELLED_H

#include "io/labels/groups.h"
#include "io/labels/truth.h"
#include "jobs/cli/progress.h"
#include "jobs/judge/classes.h"
#include "jobs/judge/scores.h"
#include "jobs/setup/store_view.h"

struct reap_labelled_args {
    const char *store, *truth, *groups, *labels; /* as the options are */
    long offset; /* added to the class that a true label means */
    const struct reap_options *o; /* for progress */
};

struct reap_labelled {
    struct reap_store_view view;
    struct reap_groups *groups; /* NULL: none */
    struct reap_truth *truth;
    struct reap_classes *classes;
    struct reap_scores *scores;
    size_t n_classes; /* of the store, or groups */
    long offset;
    const struct reap_options *o;
    struct reap_progress line;
    uint64_t done; /* rows of the walk at hand */
};

/* Codes are those of what is opened. To be closed after a failure, too. */
int reap_labelled_open(struct reap_labelled *l,
                       const struct reap_labelled_args *a,
                       struct reap_err *err) REAP_MUST_CHECK;

/* The name of a class or group, else its WordNet id, else its index, as one
 * line of UTF-8 in 'buf', which is returned. */
enum { REAP_CLASS_NAME = 400 }; /* room for it */
const char *reap_labelled_name(const struct reap_labelled *l, size_t class,
                               char *buf, size_t size);

/* The class of a row's true label; below 0 as in classes.h. */
long reap_labelled_truth(const struct reap_labelled *l,
                         const struct reap_row *row);

/* As reap_scores_next() and reap_scores_rewind(), with a line of progress. */
int reap_labelled_next(struct reap_labelled *l, struct reap_scored *out,
                       struct reap_err *err) REAP_MUST_CHECK;
void reap_labelled_rewind(struct reap_labelled *l);

/* Remarks on the files of true labels and groups, unless --quiet. */
void reap_labelled_remark(const struct reap_labelled *l,
                          const struct reap_labelled_args *a,
                          const struct reap_options *o);

/* Close all of it; a cleared struct stays so. */
void reap_labelled_close(struct reap_labelled *l);

#endif /* REAP_JOBS_JUDGE_LABELLED_H */
