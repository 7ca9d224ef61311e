/* jobs/run/task.h - extract and classify: one run over a dataset into a store
 */
#ifndef REAP_JOBS_RUN_TASK_H
#define REAP_JOBS_RUN_TASK_H

#include <stdbool.h>

#include "jobs/cli/options.h"

/* What both commands do; 'classify' adds labels. Returns what the exit status
 * is made of: REAP_OK, REAP_EBADRECS, REAP_ESTOPPED, ... */
int reap_task_run(const struct reap_options *o, bool classify,
                  struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_RUN_TASK_H */
