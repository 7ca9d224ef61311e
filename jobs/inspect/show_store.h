/* jobs/inspect/show_store.h - "reap show STORE KEY": one row */
#ifndef REAP_JOBS_INSPECT_SHOW_STORE_H
#define REAP_JOBS_INSPECT_SHOW_STORE_H

#include "jobs/cli/options.h"

/* Print the row of 'key', given as it is or as exports write it. Without
 * --json the first values of each output. REAP_ENOTFOUND if it has no row. */
int reap_show_store(const char *path, const char *key,
                    const struct reap_options *o,
                    struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_INSPECT_SHOW_STORE_H */
