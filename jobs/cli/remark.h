/* jobs/cli/remark.h - a line for the user that is neither result nor error */
#ifndef REAP_JOBS_CLI_REMARK_H
#define REAP_JOBS_CLI_REMARK_H

#include "engine/base/err.h"
#include "jobs/cli/options.h"

/* Print "reap: ..." on stderr, unless --quiet, with control bytes escaped. Any
 * thread. */
void reap_remark(const struct reap_options *o, const char *fmt, ...)
    REAP_PRINTF(2, 3);

#endif /* REAP_JOBS_CLI_REMARK_H */
