/* jobs/inspect/precision_report.h - how far the results of one arithmetic are
 * from another's */
#ifndef REAP_JOBS_INSPECT_PRECISION_REPORT_H
#define REAP_JOBS_INSPECT_PRECISION_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/err.h"

/* One image under two arithmetics. */
struct reap_like {
    char *key;
    double cosine, error; /* of embeddings; error: |a - b| / |a| */
    double top1, top5;    /* share of the best 1, 5 classes that agree */
};

struct reap_precision_report {
    struct reap_like *row;
    size_t n, room;
};

/* 1st and 5th percentile (of an error: 99th and 95th), median and mean. */
struct reap_spread {
    double p1, p5, p50, mean;
};

/* Add an image: embeddings 'a' (the reference) and 'b' of 'n' numbers, logits
 * 'la' and 'lb' of 'classes' (0: none). Copies the key. REAP_ENOMEM. */
int reap_precision_report_add(struct reap_precision_report *l, const char *key,
                              size_t n, const float *a, const float *b,
                              size_t classes, const float *la, const float *lb,
                              struct reap_err *err) REAP_MUST_CHECK;

/* Sort by cosine, the worst first, then by key. */
void reap_precision_report_sort(struct reap_precision_report *l);

/* Of the cosines or, if 'error', the errors of at least one row; errors are
 * sorted in a copy: REAP_ENOMEM. */
int reap_precision_report_spread(const struct reap_precision_report *l,
                                 bool error, struct reap_spread *out,
                                 struct reap_err *err) REAP_MUST_CHECK;

/* Mean agreement of the top-1 class, and of the top-5 classes, 0 to 1. */
double reap_precision_report_top1(const struct reap_precision_report *l);
double reap_precision_report_top5(const struct reap_precision_report *l);

/* Free the rows; '*l' is empty again. */
void reap_precision_report_clear(struct reap_precision_report *l);

#endif /* REAP_JOBS_INSPECT_PRECISION_REPORT_H */
