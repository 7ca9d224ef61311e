/* reap jobs: what was submitted, where it is, how far, how long still */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "io/file/text.h"
#include "jobs/cli/cmd.h"
#include "jobs/cli/progress.h"
#include "jobs/submit/follow.h"
#include "jobs/submit/job_record.h"

enum { SHOWN = 50 };
static const double SAMPLE = 2; /* seconds between two looks at a store */

struct seen {
    enum reap_job_state state;
    uint64_t rows, total;
    bool complete;
    int status;   /* that it ended with, -1: not known */
    double per_s; /* rows a second just now */
};

static void look(const struct reap_job_record *r, struct seen *s)
{
    s->state = reap_scheduler_state(r->scheduler, r->script, r->id);
    reap_job_record_progress(r, &s->rows, &s->total, &s->complete);
    s->status = s->state == REAP_JOB_ENDED ? reap_follow_status(r) : -1;
}

/* Rates of those that run: rows that came while we looked away. */
static void measure(const struct reap_job_record *r, struct seen *s, size_t n)
{
    double before = reap_clock();
    bool any = false;

    for (size_t i = 0; i < n; i++)
        any = any ||
              (s[i].state == REAP_JOB_RUNNING && *r[i].store && !s[i].complete);
    if (!any)
        return;
    reap_nap(SAMPLE);
    for (size_t i = 0; i < n; i++) {
        uint64_t rows = s[i].rows;

        if (s[i].state != REAP_JOB_RUNNING || !*r[i].store || s[i].complete)
            continue;
        reap_job_record_progress(&r[i], &s[i].rows, &s[i].total,
                                 &s[i].complete);
        if (s[i].rows > rows)
            s[i].per_s = (double)(s[i].rows - rows) / (reap_clock() - before);
    }
}

static const char *state_text(const struct seen *s, char *buf, size_t size)
{
    if (s->state != REAP_JOB_ENDED)
        snprintf(buf, size, "%s", reap_job_state_name(s->state));
    else if (s->status > 0)
        snprintf(buf, size, "ended (%d)", s->status);
    else if (s->complete || !s->status)
        snprintf(buf, size, "complete");
    else
        snprintf(buf, size, "ended");
    return buf;
}

static const char *done_text(const struct reap_job_record *r,
                             const struct seen *s, char *buf, size_t size)
{
    if (!*r->store)
        snprintf(buf, size, "-");
    else if (s->total)
        snprintf(buf, size, "%" PRIu64 " of %" PRIu64, s->rows, s->total);
    else
        snprintf(buf, size, "%" PRIu64, s->rows);
    return buf;
}

static double seconds_left(const struct seen *s)
{
    return s->per_s > 0 && s->total > s->rows
               ? (double)(s->total - s->rows) / s->per_s
               : 0;
}

static void cmd_jobs_print(const struct reap_job_record *r,
                           const struct seen *s, size_t n)
{
    char state[32], done[48], left[32], name[REAP_TEXT_ROOM(64)];

    printf("%-12s %-7s %-20s %-11s %-17s %s\n", "ID", "ON", "NAME", "STATE",
           "IMAGES", "LEFT");
    for (size_t i = 0; i < n; i++) {
        const double more = seconds_left(&s[i]);

        reap_text_escape(name, sizeof(name),
                         (struct reap_bytes){ (const uint8_t *)r[i].name,
                                              strlen(r[i].name) });
        printf("%-12.12s %-7s %-20.20s %-11s %-17s %s\n", r[i].id,
               r[i].scheduler->name, name, state_text(&s[i], state, 32),
               done_text(&r[i], &s[i], done, 48),
               more > 0 ? reap_duration(more, left, 32) : "");
    }
}

static void cmd_jobs_print_json(const struct reap_job_record *r,
                                const struct seen *s, size_t n)
{
    json_t *all = json_array();

    for (size_t i = 0; i < n; i++) {
        json_t *one = json_pack(
            "{ss ss ss ss ss ss ss ss sb sI}", "id", r[i].id, "scheduler",
            r[i].scheduler->name, "name", r[i].name, "state",
            reap_job_state_name(s[i].state), "store", r[i].store, "script",
            r[i].script, "log", r[i].log, "command", r[i].command, "complete",
            s[i].complete, "submitted", (json_int_t)r[i].submitted);

        if (!one)
            continue;
        if (*r[i].store)
            json_object_set_new(one, "rows",
                                json_integer((json_int_t)s[i].rows));
        if (s[i].total)
            json_object_set_new(one, "total",
                                json_integer((json_int_t)s[i].total));
        if (seconds_left(&s[i]) > 0)
            json_object_set_new(one, "seconds_left",
                                json_real(seconds_left(&s[i])));
        if (s[i].status >= 0)
            json_object_set_new(one, "status", json_integer(s[i].status));
        json_array_append_new(all, one);
    }
    json_dumpf(all, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(all);
}

int reap_cmd_jobs(const struct reap_options *o, struct reap_err *err)
{
    struct reap_job_record *r;
    struct seen s[SHOWN] = { { 0 } };
    size_t n;
    int rc = reap_job_record_list(&r, &n, err);

    if (rc)
        return rc;
    if (n > SHOWN)
        n = SHOWN; /* the newest */
    for (size_t i = 0; i < n; i++)
        look(&r[i], &s[i]);
    measure(r, s, n);
    if (o->json)
        cmd_jobs_print_json(r, s, n);
    else if (n)
        cmd_jobs_print(r, s, n);
    else
        puts("No jobs were submitted from here (reap help submit).");
    reap_free(r);
    return REAP_OK;
}
