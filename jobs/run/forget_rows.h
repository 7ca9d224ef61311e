/*
 * jobs/run/forget_rows.h - which rows of a store are to be computed again
 *
 * A run computes the keys that have no row. These calls delete rows, so that
 * the run computes them: failed ones, ones whose record has changed; and rows
 * whose keys have left the dataset. On rank 0, before the run. They return
 * REAP_OK or the codes of reading the store and the dataset.
 */
#ifndef REAP_JOBS_RUN_FORGET_ROWS_H
#define REAP_JOBS_RUN_FORGET_ROWS_H

#include "io/dataset/dataset.h"
#include "io/store/store.h"
#include "jobs/cli/options.h"

struct reap_rows_forgotten {
    uint64_t failed, changed, pruned; /* rows forgotten, by reason */
};

/* --retry-failed, --changed and --prune, in one walk over rows and dataset. */
int reap_forget_rows(struct reap_store *store, struct reap_dataset *ds,
                     const struct reap_options *o,
                     struct reap_rows_forgotten *out,
                     struct reap_err *err) REAP_MUST_CHECK;

/*
 * Is this the dataset of the rows? Compares some 64 rows with their records,
 * before anything is forgotten. REAP_EMISFIT if the id is another one and most
 * of these rows have no record; or if a record's CRC differs, unless 'changed'
 * says that such are to be done again: the message names --changed.
 */
int reap_forget_rows_check(struct reap_store *store, struct reap_dataset *ds,
                           bool changed, struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_RUN_FORGET_ROWS_H */
