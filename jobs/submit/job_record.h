/*
 * jobs/submit/job_record.h - the jobs that this user has submitted
 *
 * A JSON file each, in $XDG_STATE_HOME/reap/jobs/ (~/.local/state/reap/jobs/),
 * written once when the job is handed in. reap jobs and reap cancel read them;
 * the cluster knows nothing of them.
 */
#ifndef REAP_JOBS_SUBMIT_JOB_RECORD_H
#define REAP_JOBS_SUBMIT_JOB_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"
#include "jobs/submit/scheduler.h"

struct reap_job_record {
    const struct reap_scheduler *scheduler;
    char id[64], name[64];
    char script[4096], log[4096], store[4096]; /* absolute; store "" if none */
    char dataset[4096];                        /* of the store, "" if none */
    char command[1024];
    int64_t submitted; /* seconds since 1970 */
    uint64_t rows;     /* in the store when it was handed in */
};

/* Write the record. REAP_ECREATE, REAP_EIO: the message names the folder. */
int reap_job_record_put(const struct reap_job_record *r,
                        struct reap_err *err) REAP_MUST_CHECK;

/* All records, the newest first; those that cannot be read are left out.
 * '*out' is owned: reap_free(). */
int reap_job_record_list(struct reap_job_record **out, size_t *n,
                         struct reap_err *err) REAP_MUST_CHECK;

/* The newest record whose name or id is 'text'. REAP_ENOTFOUND. */
int reap_job_record_find(struct reap_job_record *out, const char *text,
                         struct reap_err *err) REAP_MUST_CHECK;

/* How far its store is: rows, and the keys of its dataset (0: not known). A job
 * without a store has neither. */
void reap_job_record_progress(const struct reap_job_record *r, uint64_t *rows,
                              uint64_t *total, bool *complete);

#endif /* REAP_JOBS_SUBMIT_JOB_RECORD_H */
