/*
 * jobs/judge/metrics.h - accuracy and calibration of labels
 *
 * Pure arithmetic on arrays; any thread. The words mean what they mean in
 * scikit-learn: a quotient whose denominator is 0 is 0, averages run over the
 * classes that are the truth or the guess of some row.
 */
#ifndef REAP_JOBS_JUDGE_METRICS_H
#define REAP_JOBS_JUDGE_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

/* A row whose true class is known. */
struct reap_judged {
    uint64_t hash;        /* of its key: chance, the same each time */
    int32_t truth, guess; /* classes */
    float prob;           /* of the guess */
    uint16_t place; /* of the truth among the best, from 1; 0: not there */
    bool held;      /* held out of fitting */
};

struct reap_class_score {
    size_t truth, guess, right; /* rows */
    double precision, recall, f1;
};

struct reap_average {
    double precision, recall, f1;
};

struct reap_score {
    size_t rows, right, within5;
    size_t present; /* classes that are the truth or the guess of a row */
    double accuracy, top5;
    struct reap_average macro, weighted; /* by rows of the true class */
};

/* 'of' has room for the classes, all of which are written. */
void reap_metrics(const struct reap_judged *row, size_t n, size_t classes,
                  struct reap_class_score *of, struct reap_score *out);

/* Rows of one true class with one guess, in the order of both. '*out' is
 * owned: reap_free(). REAP_ENOMEM. */
struct reap_confusion {
    int32_t truth, guess;
    size_t rows;
};
int reap_confusions(const struct reap_judged *row, size_t n,
                    struct reap_confusion **out, size_t *n_out,
                    struct reap_err *err) REAP_MUST_CHECK;

/* Reliability: bin b holds the probabilities above b / BINS and up to
 * (b + 1) / BINS. Source: Guo et al., On Calibration of Modern Neural
 * Networks (2017). */
enum { REAP_BINS = 15 };
struct reap_reliability {
    size_t rows[REAP_BINS], right[REAP_BINS];
    double sum[REAP_BINS]; /* of probabilities */
    /* of all rows whose probabilities are known in full */
    size_t full;
    double nll, brier; /* sums; to be divided by 'full' */
};

/* Count a row: the probability of its guess, and whether that is right. */
void reap_reliability_add(struct reap_reliability *r, double prob, bool right);

/* The same row's probabilities (classes) and true class. */
void reap_reliability_full(struct reap_reliability *r, const float *prob,
                           size_t classes, int32_t truth);
/* The expected calibration error: |accuracy - mean probability|, weighted by
 * rows; '*most' is the largest of them. */
double reap_reliability_error(const struct reap_reliability *r, double *most);

/*
 * Hold out the share 'share' of the rows of each class, chosen by hash: at
 * least one of a class that has two; the only row of a class is held out if its
 * hash says so. Sets 'held'. The order of rows stays. REAP_ENOMEM.
 */
int reap_hold_out(struct reap_judged *row, size_t n, double share,
                  struct reap_err *err) REAP_MUST_CHECK;

/*
 * The lowest threshold at which the rows with that or a larger probability,
 * held ones or the others, are right in a share of at least 'precision';
 * '*found' is false, and it infinite, if there is none. REAP_ENOMEM.
 */
int reap_threshold(const struct reap_judged *row, size_t n, bool held,
                   double precision, bool *found, float *threshold,
                   struct reap_err *err) REAP_MUST_CHECK;

/* Rows at or above a threshold, held ones or the others, or all. */
enum reap_part { REAP_PART_ALL, REAP_PART_FITTED, REAP_PART_HELD };
struct reap_coverage {
    size_t rows, of, right;
};
struct reap_coverage reap_coverage(const struct reap_judged *row, size_t n,
                                   enum reap_part part, float threshold);

/* A number from a seed and a key. */
uint64_t reap_hash(uint64_t seed, const void *data, size_t len);

#endif /* REAP_JOBS_JUDGE_METRICS_H */
