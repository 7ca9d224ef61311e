/*
 * jobs/submit/scheduler.h - what a job can be handed to, rows of schedulers.def
 *
 * Programs of the scheduler are started without a shell and given ten seconds
 * to a minute; what they print on failure is shown as it is.
 */
#ifndef REAP_JOBS_SUBMIT_SCHEDULER_H
#define REAP_JOBS_SUBMIT_SCHEDULER_H

#include <stdbool.h>

#include "engine/base/err.h"

enum reap_time_style {
    REAP_TIME_DAYS,    /* 1-02:03:04 */
    REAP_TIME_HOURS,   /* 26:03:04 */
    REAP_TIME_MINUTES, /* 1563 */
    REAP_TIME_SECONDS
};

struct reap_scheduler {
    const char *name, *title;
    const char *script, *script_one; /* templates: of many nodes, of one */
    enum reap_time_style time;
    const char *submit, *state, *stop, *drain, *first;
};

enum reap_job_state {
    REAP_JOB_WAITING,
    REAP_JOB_RUNNING,
    REAP_JOB_ENDED,
    REAP_JOB_UNKNOWN /* the scheduler does not answer */
};

/* By name; NULL and REAP_EINVAL with the names there are. */
const struct reap_scheduler *reap_scheduler_find(const char *name,
                                                 struct reap_err *err);

/* Can jobs be handed to it from here? REAP_ENOTFOUND names the program that is
 * missing, REAP_EINVAL a scheduler for which only scripts are written. */
int reap_scheduler_check(const struct reap_scheduler *s,
                         struct reap_err *err) REAP_MUST_CHECK;

/* Hand the script in; 'id' (size bytes) receives the job's number. 'log' is
 * where a job of this machine writes to. Returns REAP_OK, REAP_ENOTFOUND,
 * REAP_EINVAL (the scheduler refuses: its own words) or REAP_ENOMEM. */
int reap_scheduler_submit(const struct reap_scheduler *s, const char *script,
                          const char *log, char *id, unsigned size,
                          struct reap_err *err) REAP_MUST_CHECK;

/* Where the job is; never fails, REAP_JOB_UNKNOWN says so. */
enum reap_job_state reap_scheduler_state(const struct reap_scheduler *s,
                                         const char *script, const char *id);

/* Take a waiting job away, or let a running one drain and not come back. */
int reap_scheduler_cancel(const struct reap_scheduler *s, const char *script,
                          const char *id, bool waiting,
                          struct reap_err *err) REAP_MUST_CHECK;

const char *reap_job_state_name(enum reap_job_state state);

#endif /* REAP_JOBS_SUBMIT_SCHEDULER_H */
