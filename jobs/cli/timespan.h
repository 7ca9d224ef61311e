/* jobs/cli/timespan.h - --time-limit */
#ifndef REAP_JOBS_CLI_TIMESPAN_H
#define REAP_JOBS_CLI_TIMESPAN_H

#include "engine/base/err.h"

/* "90", "1:30" (m:s) or "4:00:00" in seconds; NULL is 0. REAP_EINVAL for
 * anything else. */
int reap_timespan(const char *text, double *seconds,
                  struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_CLI_TIMESPAN_H */
