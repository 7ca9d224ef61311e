/* jobs/submit/follow.h - a submitted job until it ends (reap submit --wait) */
#ifndef REAP_JOBS_SUBMIT_FOLLOW_H
#define REAP_JOBS_SUBMIT_FOLLOW_H

#include "jobs/cli/options.h"
#include "jobs/submit/job_record.h"

/*
 * Show how far the job's store is until the scheduler knows the job no more.
 * Returns what the job ended with: REAP_OK, REAP_EBADRECS, REAP_ESTOPPED, ...
 * and REAP_ESTOPPED on SIGINT or SIGTERM, which leave the job alone.
 */
int reap_follow(const struct reap_job_record *r, const struct reap_options *o,
                struct reap_err *err) REAP_MUST_CHECK;

/* The exit status that the script noted when it ended; -1 if it did not. */
int reap_follow_status(const struct reap_job_record *r);

#endif /* REAP_JOBS_SUBMIT_FOLLOW_H */
