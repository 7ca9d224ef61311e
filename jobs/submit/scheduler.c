/* Handing jobs in, asking after them, taking them back: by the programs that
 * schedulers.def names, or by this machine itself. */
#define _GNU_SOURCE
#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/out/create.h"
#include "jobs/submit/background.h"
#include "jobs/submit/outside.h"
#include "jobs/submit/scheduler.h"

static const struct reap_scheduler schedulers[] = {
#define SCHEDULER(name, title, script, one, time, submit, state, stop, drain, \
                  first)                                                      \
    { #name,  title, script, one,   REAP_TIME_##time,                         \
      submit, state, stop,   drain, first },
#include "jobs/submit/schedulers.def"
#undef SCHEDULER
};

enum { N_SCHEDULERS = sizeof(schedulers) / sizeof(schedulers[0]) };
static const double PATIENCE = 60, GLANCE = 10; /* seconds */

const struct reap_scheduler *reap_scheduler_find(const char *name,
                                                 struct reap_err *err)
{
    char list[200] = "";
    int rc;

    for (size_t i = 0; i < N_SCHEDULERS; i++) {
        if (!strcmp(schedulers[i].name, name))
            return &schedulers[i];
        snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
                 i ? ", " : "", schedulers[i].name);
    }
    rc = reap_fail(err, REAP_EINVAL,
                   "no scheduler '%s': jobs can be handed to %s", name, list);
    (void)rc;
    return NULL;
}

static bool is_local(const struct reap_scheduler *s)
{
    return !strcmp(s->name, "local");
}

int reap_scheduler_check(const struct reap_scheduler *s, struct reap_err *err)
{
    if (is_local(s))
        return REAP_OK;
    if (!*s->submit)
        return reap_fail(err, REAP_EINVAL,
                         "for %s reap only writes the script: add --dry-run "
                         "and hand it in by hand, as its first lines say",
                         s->title);
    if (!reap_outside_has(s->submit))
        return reap_fail(err, REAP_ENOTFOUND,
                         "there is no %.*s here, so this machine hands no jobs "
                         "to %s; --dry-run shows the script",
                         (int)strcspn(s->submit, " "), s->submit, s->title);
    return REAP_OK;
}

/* What a program said, its first line, fit for one of ours. */
static const char *words_of(struct reap_outside *o)
{
    char *text = o->err[0] ? o->err : o->out;

    text[strcspn(text, "\n")] = '\0';
    return *text ? text : "it gives no reason";
}

static int scheduler_run(const char *line, const char *script, const char *id,
                         struct reap_outside *o, struct reap_err *err)
{
    int rc = reap_outside_run(line, script, id, PATIENCE, o, err);

    if (!rc && o->status)
        rc = reap_fail(err, REAP_EINVAL, "%.*s: %s", (int)strcspn(line, " "),
                       line, words_of(o));
    return rc;
}

int reap_scheduler_submit(const struct reap_scheduler *s, const char *script,
                          const char *log, char *id, unsigned size,
                          struct reap_err *err)
{
    struct reap_outside o;
    char *end;
    int rc;

    if (is_local(s))
        return reap_background_submit(script, log, id, size, err);
    rc = scheduler_run(s->submit, script, "", &o, err);
    if (rc)
        return rc;
    /* The last word of the last line: sbatch adds ";CLUSTER". */
    for (end = o.out + strlen(o.out); end > o.out && isspace(end[-1] & 0xff);)
        *--end = '\0';
    while (end > o.out && !isspace(end[-1] & 0xff))
        end--;
    end[strcspn(end, ";")] = '\0';
    if (!*end)
        return reap_fail(err, REAP_EINVAL, "%.*s names no job",
                         (int)strcspn(s->submit, " "), s->submit);
    snprintf(id, size, "%s", end);
    return REAP_OK;
}

/* What the words of schedulers mean. */
static enum reap_job_state meaning(const char *text)
{
    static const struct {
        const char *word;
        enum reap_job_state state;
    } known[] = {
        { "PENDING", REAP_JOB_WAITING },
        { "REQUEUE", REAP_JOB_WAITING },
        { "CONFIGURING", REAP_JOB_WAITING },
        { "SUSPENDED", REAP_JOB_WAITING },
        { "RUNNING", REAP_JOB_RUNNING },
        { "COMPLETING", REAP_JOB_RUNNING },
        { "job_state = Q", REAP_JOB_WAITING },
        { "job_state = H", REAP_JOB_WAITING },
        { "job_state = W", REAP_JOB_WAITING },
        { "job_state = R", REAP_JOB_RUNNING },
        { "job_state = E", REAP_JOB_RUNNING },
        { "job_state = C", REAP_JOB_ENDED },
        { "job_state = F", REAP_JOB_ENDED },
        { "Succeeded", REAP_JOB_ENDED },
        { "Complete", REAP_JOB_ENDED },
        { "Failed", REAP_JOB_ENDED },
        { "Running", REAP_JOB_RUNNING },
        { "Created", REAP_JOB_WAITING },
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strstr(text, known[i].word))
            return known[i].state;
    return REAP_JOB_ENDED;
}

enum reap_job_state reap_scheduler_state(const struct reap_scheduler *s,
                                         const char *script, const char *id)
{
    struct reap_outside o;

    if (is_local(s))
        return reap_background_runs(id) ? REAP_JOB_RUNNING : REAP_JOB_ENDED;
    if (!*s->state || !reap_outside_has(s->state) ||
        reap_outside_run(s->state, script, id, GLANCE, &o, NULL) ||
        o.status < 0 || o.status == 127)
        return REAP_JOB_UNKNOWN;
    if (o.status) /* it knows no such job, or cannot be reached */
        return strcasestr(o.err, "invalid job id") ||
                       strcasestr(o.err, "unknown job") ||
                       strcasestr(o.err, "not found") ||
                       strcasestr(o.err, "finished")
                   ? REAP_JOB_ENDED
                   : REAP_JOB_UNKNOWN;
    return meaning(o.out);
}

/* A script that would come back by itself looks for this file. */
static void leave_word(const char *script)
{
    char path[4096];
    int fd = -1;

    if (snprintf(path, sizeof(path), "%s.cancelled", script) < 4096)
        fd = reap_create_own(path, O_WRONLY | O_CREAT | O_EXCL);
    if (fd >= 0)
        close(fd);
}

int reap_scheduler_cancel(const struct reap_scheduler *s, const char *script,
                          const char *id, bool waiting, struct reap_err *err)
{
    struct reap_outside o;
    int rc = REAP_OK;

    leave_word(script);
    if (is_local(s))
        return reap_background_signal(id, SIGUSR1, err);
    if (*s->first)
        rc = scheduler_run(s->first, script, id, &o, err);
    if (rc)
        return rc;
    if (!waiting && reap_outside_has(s->drain))
        return scheduler_run(s->drain, script, id, &o, err);
    return scheduler_run(s->stop, script, id, &o, err);
}

const char *reap_job_state_name(enum reap_job_state state)
{
    static const char *const name[] = { "waiting", "running", "ended",
                                        "unknown" };

    return name[state];
}
