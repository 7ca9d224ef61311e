/* jobs/cli/cmd.h - the form of a command: what main() calls, one row each */
#ifndef REAP_JOBS_CLI_CMD_H
#define REAP_JOBS_CLI_CMD_H

#include "engine/base/err.h"
#include "jobs/cli/options.h"

/* Run a command; 'o' holds its options and arguments. Results go to stdout,
 * and a failure is returned: main() prints it and ends with its status. */
typedef int reap_cmd_fn(const struct reap_options *o, struct reap_err *err);

/* Let main() end by _exit(): a rank was lost, and MPI's own handlers of a
 * normal exit would wait for it. */
void reap_cmd_leave_at_once(void);

#define COMMAND(name, args, about) reap_cmd_fn reap_cmd_##name;
#include "jobs/cli/commands.def"
#undef COMMAND

#endif /* REAP_JOBS_CLI_CMD_H */
