/* jobs/learn/label_store.h - labels from stored embeddings, into another store
 */
#ifndef REAP_JOBS_LEARN_LABEL_STORE_H
#define REAP_JOBS_LEARN_LABEL_STORE_H

#include "jobs/cli/options.h"

/*
 * The work of reap predict: a row of labels for each row of the store of
 * embeddings, in key order. Rows that are there already, of the same bytes of
 * the same record, stay. Returns REAP_OK, REAP_ESTOPPED (drained; what was
 * done is kept) or what stores and the head return.
 */
int reap_label_store(const struct reap_options *o,
                     struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_LEARN_LABEL_STORE_H */
