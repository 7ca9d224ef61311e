/* jobs/run/task.h - extract and classify: one run over a dataset into a store
 */
#ifndef REAP_JOBS_RUN_TASK_H
#define REAP_JOBS_RUN_TASK_H

#include <stdbool.h>

#include "jobs/cli/options.h"

/* Run either command; 'classify' adds labels. Returns REAP_OK (complete),
 * REAP_EBADRECS (complete, too many bad records), REAP_ESTOPPED (run it again)
 * or the code of what could not be opened, computed or stored: main() turns it
 * into the exit status. */
int reap_task_run(const struct reap_options *o, bool classify,
                  struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_RUN_TASK_H */
