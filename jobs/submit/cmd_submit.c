/* reap submit SCHEDULER -- COMMAND...: a script, and the job that runs it */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/file/text.h"
#include "io/out/outfile.h"
#include "jobs/cli/cmd.h"
#include "jobs/cli/quote.h"
#include "jobs/cli/remark.h"
#include "jobs/submit/follow.h"
#include "jobs/submit/job_record.h"
#include "jobs/submit/submit_plan.h"

/* The path from the root, as the job sees it; false if it is too long. */
static bool absolute(const struct reap_submit_plan *p, const char *path,
                     char *to, size_t size)
{
    char real[PATH_MAX];
    const char *dir = *path == '/' ? "" : p->workdir;
    int n;

    if (realpath(path, real))
        n = snprintf(to, size, "%s", real);
    else
        n = snprintf(to, size, "%s%s%s", dir, *dir ? "/" : "", path);
    while (strlen(to) > 1 && to[strlen(to) - 1] == '/')
        to[strlen(to) - 1] = '\0';
    return n >= 0 && (size_t)n < size;
}

static int fill_record(const struct reap_submit_plan *p,
                       struct reap_job_record *r, struct reap_err *err)
{
    uint64_t total;
    bool complete;

    memset(r, 0, sizeof(*r));
    r->scheduler = p->scheduler;
    snprintf(r->name, sizeof(r->name), "%s", p->name);
    snprintf(r->script, sizeof(r->script), "%s", p->script);
    snprintf(r->log, sizeof(r->log), "%s", p->log);
    snprintf(r->command, sizeof(r->command), "%s", p->value[0].value);
    r->submitted = time(NULL);
    if (!p->stores)
        return REAP_OK;
    if (!absolute(p, p->job.output, r->store, sizeof(r->store)) ||
        (p->job.n_args &&
         !absolute(p, p->job.args[0], r->dataset, sizeof(r->dataset))))
        return reap_fail(err, REAP_EINVAL, "-o %s: the path is too long",
                         p->job.output);
    reap_job_record_progress(r, &r->rows, &total, &complete);
    return REAP_OK;
}

/* One job at a time writes a store: another that waits or runs is named. */
static int refuse_second(const struct reap_job_record *r, struct reap_err *err)
{
    struct reap_job_record *all;
    size_t n;
    int rc = reap_job_record_list(&all, &n, err);

    for (size_t i = 0; !rc && i < n; i++) {
        enum reap_job_state state;

        if ((!*r->store || strcmp(all[i].store, r->store) != 0) &&
            strcmp(all[i].script, r->script) != 0)
            continue;
        state =
            reap_scheduler_state(all[i].scheduler, all[i].script, all[i].id);
        if (state == REAP_JOB_WAITING || state == REAP_JOB_RUNNING)
            rc = reap_fail(err, REAP_ECREATE,
                           "job %s (%s) is %s and writes %s; let it end, or "
                           "type: reap cancel %s",
                           all[i].id, all[i].name, reap_job_state_name(state),
                           *r->store ? r->store : r->script, all[i].id);
    }
    reap_free(all);
    return rc;
}

static int write_script(const struct reap_submit_plan *p, const char *text,
                        struct reap_err *err)
{
    char word[sizeof(p->script) + 16];
    struct reap_outfile *f = NULL;
    int rc = reap_outfile_open(&f, p->script, err);

    if (!rc)
        rc = reap_outfile_write(f, text, strlen(text), err);
    if (!rc)
        rc = reap_outfile_commit(&f, err);
    reap_outfile_abort(&f);
    /* words of an earlier job */
    snprintf(word, sizeof(word), "%s.cancelled", p->script);
    if (!rc)
        unlink(word);
    snprintf(word, sizeof(word), "%s.status", p->script);
    if (!rc)
        unlink(word);
    return rc;
}

static void tell(const struct reap_submit_plan *p,
                 const struct reap_job_record *r)
{
    char word[REAP_TEXT_QUOTED(sizeof(r->name))];

    if (p->o->json) {
        printf("{\"id\":\"%s\",\"name\":\"%s\",\"scheduler\":\"%s\"}\n", r->id,
               r->name, r->scheduler->name);
        return;
    }
    printf("Submitted job %s (%s) to %s.\n", r->id, r->name,
           r->scheduler->title);
    printf("  script   %s\n  log      %s\n", r->script, r->log);
    printf("  follow   reap jobs\n  stop     reap cancel %s\n",
           reap_text_quote(word, sizeof(word), r->name));
    fflush(stdout);
}

static int hand_in(const struct reap_submit_plan *p, const char *text,
                   struct reap_err *err)
{
    struct reap_job_record r;
    int rc;

    rc = fill_record(p, &r, err);
    if (!rc)
        rc = reap_scheduler_check(p->scheduler, err);
    if (!rc)
        rc = refuse_second(&r, err);
    if (!rc)
        rc = write_script(p, text, err);
    if (!rc)
        rc = reap_scheduler_submit(p->scheduler, p->script, p->log, r.id,
                                   sizeof(r.id), err);
    if (rc)
        return rc;
    rc = reap_job_record_put(&r, err);
    if (rc)
        return reap_wrap(err, rc,
                         "job %s was submitted, but not noted for reap "
                         "jobs",
                         r.id);
    tell(p, &r);
    return p->o->wait ? reap_follow(&r, p->o, err) : REAP_OK;
}

int reap_cmd_submit(const struct reap_options *o, struct reap_err *err)
{
    struct reap_submit_plan p;
    char *text = NULL, *from = NULL;
    int rc = reap_submit_plan(&p, o, err);

    if (!rc)
        rc = reap_script_fill(reap_submit_template(&p), p.value, p.n, &text,
                              &from, err);
    if (!rc && from)
        reap_remark(o, "the script follows %s", from);
    if (!rc && !o->time && *p.scheduler->submit)
        reap_remark(o, "without --time the job gets what the cluster gives, "
                       "which may be short");
    if (!rc && o->dry_run)
        fputs(text, stdout);
    else if (!rc)
        rc = hand_in(&p, text, err);
    reap_free(text);
    reap_free(from);
    reap_submit_plan_clear(&p);
    return rc;
}
