/* jobs/inspect/verify_sample.h - compute some rows of a store again and compare
 */
#ifndef REAP_JOBS_INSPECT_VERIFY_SAMPLE_H
#define REAP_JOBS_INSPECT_VERIFY_SAMPLE_H

#include "jobs/setup/store_view.h"

/*
 * Compute 'n' rows again, spread over the keys, from the view's dataset, by
 * the store's own job ('o' may name other weights), and compare them bit by
 * bit. '*differ' counts those that are not the same; the first are named on
 * stderr. Rows that depend on more than their image (crashed, timeout,
 * io_error) are skipped. Returns REAP_EMISFIT if this machine or these weights
 * cannot compute such rows, saying what differs, or the codes of opening and
 * computing.
 */
int reap_verify_sample(struct reap_store_view *v, const struct reap_options *o,
                       uint64_t n, uint64_t *done, uint64_t *differ,
                       struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_INSPECT_VERIFY_SAMPLE_H */
