/* reap import SRC... -o DATASET */
#define _GNU_SOURCE
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "engine/base/clock.h"
#include "io/import/import.h"
#include "jobs/cli/cmd.h"
#include "jobs/cli/progress.h"
#include "jobs/cli/remark.h"
#include "jobs/cli/words.h"

enum { REMARKS = 20 };

struct watch {
    const struct reap_options *o;
    struct reap_progress line;
    sigset_t signals;
    unsigned remarks;
};

/* Signals that stop are held back and asked for here: what is being written
 * comes to its end. A second one ends the process. */
static bool show(void *ctx, const struct reap_import_sum *sum)
{
    const struct timespec now = { 0, 0 };
    struct watch *w = ctx;
    char extra[64];

    snprintf(extra, sizeof(extra), "%.1f GB written",
             1e-9 * (double)sum->bytes);
    reap_progress_show(&w->line, sum->records + sum->same + sum->skipped,
                       sum->listed ? sum->found : 0, extra);
    if (sigtimedwait(&w->signals, NULL, &now) < 0)
        return true;
    pthread_sigmask(SIG_UNBLOCK, &w->signals, NULL);
    return false;
}

static void remark(void *ctx, const char *text)
{
    struct watch *w = ctx;

    if (w->remarks < REMARKS)
        reap_remark(w->o, "not read: %s", text);
    if (w->remarks++ == REMARKS)
        reap_remark(
            w->o, "more could not be read; the summary at the end counts them");
}

static int cmd_import_print_json(const struct reap_import_sum *s,
                                 const char *out, double seconds,
                                 struct reap_err *err)
{
    json_t *all = json_pack(
        "{ss,sI,sI,sI,sI,sI,sI,sI,sf}", "dataset", out, "records",
        (json_int_t)s->records, "changed", (json_int_t)s->changed, "same",
        (json_int_t)s->same, "bytes", (json_int_t)s->bytes, "skipped",
        (json_int_t)s->skipped, "unreadable", (json_int_t)s->unreadable,
        "total", (json_int_t)s->total, "seconds", seconds);

    if (!all)
        return reap_fail(err, REAP_ENOMEM, "no memory for JSON");
    json_dumpf(all, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(all);
    return REAP_OK;
}

static void cmd_import_print(const struct reap_import_sum *s, const char *out,
                             double seconds)
{
    char time[32];

    printf("%s: %llu %s written (%.1f MB) in %s, %llu in all\n", out,
           (unsigned long long)s->records,
           reap_plural(s->records, "record", "records"),
           1e-6 * (double)s->bytes, reap_duration(seconds, time, sizeof(time)),
           (unsigned long long)s->total);
    if (s->same || s->skipped)
        printf("%llu %s there already, %llu %s skipped\n",
               (unsigned long long)s->same, reap_plural(s->same, "was", "were"),
               (unsigned long long)s->skipped,
               reap_plural(s->skipped, "was", "were"));
    if (s->changed)
        printf("%llu %s changed and %s replaced\n",
               (unsigned long long)s->changed,
               reap_plural(s->changed, "image had", "images had"),
               reap_plural(s->changed, "was", "were"));
}

int reap_cmd_import(const struct reap_options *o, struct reap_err *err)
{
    struct watch w = { .o = o };
    struct reap_import_sum sum = { 0 };
    struct reap_import_args a = {
        .src = (const char *const *)o->args,
        .n_src = (size_t)o->n_args,
        .out = o->output,
        .all = o->all,
        .threads = (size_t)o->threads,
        .ctx = &w,
        .report = show,
        .remark = remark,
    };
    double seconds;
    int rc;

    if (!o->n_args)
        return reap_fail(err, REAP_EINVAL,
                         "SRC is needed: folders, archives, lists or images");
    if (!o->output)
        return reap_fail(err, REAP_EINVAL,
                         "-o DATASET is needed: where the records go");
    sigemptyset(&w.signals);
    sigaddset(&w.signals, SIGINT);
    sigaddset(&w.signals, SIGTERM);
    sigaddset(&w.signals, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &w.signals, NULL);
    seconds = reap_clock();
    reap_progress_start(&w.line, o, "files", 0);
    rc = reap_import_run(&a, &sum, err);
    reap_progress_stop(&w.line);
    pthread_sigmask(SIG_UNBLOCK, &w.signals, NULL);
    seconds = reap_clock() - seconds;
    if (!sum.total)
        return rc;
    if (!o->json)
        cmd_import_print(&sum, o->output, seconds);
    else if (cmd_import_print_json(&sum, o->output, seconds, rc ? NULL : err))
        rc = rc ? rc : REAP_ENOMEM;
    return rc;
}
