#include <stdio.h>
#include <string.h>

#include "cluster/signals.h"
#include "engine/base/clock.h"
#include "jobs/cli/progress.h"
#include "jobs/submit/follow.h"

enum { LOST = 5 }; /* looks without an answer before that counts as the end */
static const double LOOK = 2; /* seconds between two looks */

int reap_follow_status(const struct reap_job_record *r)
{
    char path[sizeof(r->script) + 16];
    int status = -1;
    FILE *f;

    snprintf(path, sizeof(path), "%s.status", r->script);
    f = fopen(path, "r");
    if (f && fscanf(f, "%d", &status) != 1)
        status = -1;
    if (f)
        fclose(f);
    return status;
}

/* What an exit status of reap is as a code. */
static int follow_code(int status)
{
    if (!status)
        return REAP_OK;
#define CODE(name, value, exit_status, about) \
    if (status == (exit_status))              \
        return REAP_##name;
#include "engine/base/codes.def"
#undef CODE
    return REAP_EIO;
}

static int ended(const struct reap_job_record *r, bool complete,
                 struct reap_err *err)
{
    int status = reap_follow_status(r);

    if (complete && (status <= 0 || status == 65))
        return status == 65 ? reap_fail(err, REAP_EBADRECS,
                                        "%s is complete, with too many bad "
                                        "records",
                                        r->store)
                            : REAP_OK;
    if (!status)
        return REAP_OK;
    if (status > 0)
        return reap_fail(err, follow_code(status),
                         "the job ended with %d; its words are in %s", status,
                         r->log);
    return reap_fail(err, REAP_ESTOPPED,
                     "the job is gone and has not said how it ended; its words "
                     "are in %s",
                     r->log);
}

static bool nap_or_asked(void)
{
    for (double end = reap_clock() + LOOK; reap_clock() < end;) {
        if (reap_signals_asked() != REAP_ASKED_NOTHING)
            return true;
        reap_nap(0.1);
    }
    return reap_signals_asked() != REAP_ASKED_NOTHING;
}

int reap_follow(const struct reap_job_record *r, const struct reap_options *o,
                struct reap_err *err)
{
    enum reap_job_state state = REAP_JOB_WAITING;
    struct reap_progress line;
    uint64_t rows, total;
    bool complete = false, asked = false;
    int silent = 0;

    reap_signals_install();
    reap_job_record_progress(r, &rows, &total, &complete);
    reap_progress_start(&line, o, *r->store ? "images" : "steps", rows);
    while (state != REAP_JOB_ENDED && silent < LOST && !asked) {
        asked = nap_or_asked();
        state = reap_scheduler_state(r->scheduler, r->script, r->id);
        silent = state == REAP_JOB_UNKNOWN ? silent + 1 : 0;
        reap_job_record_progress(r, &rows, &total, &complete);
        reap_progress_show(&line, rows, total, reap_job_state_name(state));
    }
    reap_progress_stop(&line);
    if (asked)
        return reap_fail(err, REAP_ESTOPPED,
                         "no longer followed; job %s goes on (reap jobs, reap "
                         "cancel %s)",
                         r->id, r->name);
    if (state == REAP_JOB_UNKNOWN)
        return reap_fail(err, REAP_EIO, "%s does not answer; job %s may go on",
                         r->scheduler->title, r->id);
    return ended(r, complete, err);
}
