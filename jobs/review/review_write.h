/*
 * jobs/review/review_write.h - a list for review as files that others read
 *
 * Forms are rows of reviews.def. Corrected labels come back through
 * io/labels/truth.h: the CSV as it is, Label Studio's through its own export as
 * CSV.
 */
#ifndef REAP_JOBS_REVIEW_REVIEW_WRITE_H
#define REAP_JOBS_REVIEW_REVIEW_WRITE_H

#include "jobs/review/review.h"

struct reap_review_file {
    const char *path;
    const char *to;               /* name of the form; NULL: by the ending */
    const struct reap_options *o; /* for remarks, --csv-safe */
    const char *url; /* put before a key to make the address of its image */
};

/* Returns REAP_EINVAL (no such form, or one that needs probabilities that are
 * not there), and the codes of reap_outfile_open(). */
int reap_review_write(struct reap_review *r, const struct reap_review_file *f,
                      struct reap_err *err) REAP_MUST_CHECK;

/* For review_*.c: one form each. */
typedef int reap_review_fn(struct reap_review *r,
                           const struct reap_review_file *f,
                           struct reap_err *err);
#define REVIEW(name, ending, about) extern reap_review_fn reap_review_##name;
#include "jobs/review/reviews.def"
#undef REVIEW

#endif /* REAP_JOBS_REVIEW_REVIEW_WRITE_H */
