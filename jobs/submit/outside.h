/* jobs/submit/outside.h - run a program of the scheduler and hear what it says
 */
#ifndef REAP_JOBS_SUBMIT_OUTSIDE_H
#define REAP_JOBS_SUBMIT_OUTSIDE_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/err.h"

struct reap_outside {
    int status;     /* exit status; -1: it did not start, or took too long */
    char out[4096]; /* what it printed, the first bytes */
    char err[1024]; /* and said on stderr */
};

/*
 * Run 'line', words with a space between, in which @script@ and @id@ stand for
 * 'script' and 'id'. No shell. Ends the program after 'seconds'. Returns
 * REAP_OK also where it failed ('status' says so), REAP_EINVAL (too many
 * words) or REAP_ENOMEM.
 */
int reap_outside_run(const char *line, const char *script, const char *id,
                     double seconds, struct reap_outside *out,
                     struct reap_err *err) REAP_MUST_CHECK;

/* Is there a program of the name of the first word of 'line' on the PATH? */
bool reap_outside_has(const char *line);

#endif /* REAP_JOBS_SUBMIT_OUTSIDE_H */
