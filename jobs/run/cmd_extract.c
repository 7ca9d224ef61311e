/* reap extract: see task.c. */
#include "jobs/cli/cmd.h"
#include "jobs/run/task.h"

int reap_cmd_extract(const struct reap_options *o, struct reap_err *err)
{
    return reap_task_run(o, false, err);
}
