/* reap cancel JOB: a job that runs drains and does not come back; one that
 * waits is taken off the queue. What is stored stays. */
#include <stdio.h>

#include "jobs/cli/cmd.h"
#include "jobs/cli/remark.h"
#include "jobs/submit/job_record.h"

int reap_cmd_cancel(const struct reap_options *o, struct reap_err *err)
{
    struct reap_job_record r;
    enum reap_job_state state;
    int rc;

    if (o->n_args != 1)
        return reap_fail(err, REAP_EINVAL,
                         "the name or number of one job is needed; reap jobs "
                         "lists them");
    rc = reap_job_record_find(&r, o->args[0], err);
    if (rc)
        return rc;
    state = reap_scheduler_state(r.scheduler, r.script, r.id);
    if (state == REAP_JOB_ENDED)
        return reap_fail(err, REAP_ENOTFOUND, "job %s (%s) has ended", r.id,
                         r.name);
    rc = reap_scheduler_cancel(r.scheduler, r.script, r.id,
                               state == REAP_JOB_WAITING, err);
    if (!rc)
        reap_remark(o, "job %s (%s) %s", r.id, r.name,
                    state == REAP_JOB_WAITING
                        ? "is off the queue"
                        : "finishes what it has begun, and ends");
    return rc;
}
