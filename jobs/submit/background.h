/* jobs/submit/background.h - jobs of this machine: a script in the background
 */
#ifndef REAP_JOBS_SUBMIT_BACKGROUND_H
#define REAP_JOBS_SUBMIT_BACKGROUND_H

#include <stdbool.h>

#include "engine/base/err.h"

/* Start the script in a session of its own, its words going to 'log'. 'id' is
 * "PID.TIME", the time being when it started: numbers come again. */
int reap_background_submit(const char *script, const char *log, char *id,
                           unsigned size, struct reap_err *err) REAP_MUST_CHECK;

/* Does it still run? */
bool reap_background_runs(const char *id);

/* Send it a signal; REAP_ENOTFOUND if it has ended. */
int reap_background_signal(const char *id, int number,
                           struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_SUBMIT_BACKGROUND_H */
