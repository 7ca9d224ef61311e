/* reap import SRC... -o DATASET; reap import --delete KEY... -o DATASET */
#define _GNU_SOURCE
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
    reap_progress_show(&w->line,
                       sum->records + sum->same + sum->skipped + sum->doubles +
                           sum->not_images + sum->not_taken,
                       sum->listed ? sum->seen : 0, extra);
    if (sigtimedwait(&w->signals, NULL, &now) < 0)
        return true;
    pthread_sigmask(SIG_UNBLOCK, &w->signals, NULL);
    return false;
}

static void remark(void *ctx, const char *text)
{
    struct watch *w = ctx;

    if (w->remarks < REMARKS)
        reap_remark(w->o, "%s", text);
    if (w->remarks++ == REMARKS)
        reap_remark(w->o, "more like these are in %s/" REAP_IMPORT_LOG,
                    w->o->output);
}

/* ---- results ---- */

/* Lines of the log of one kind, as {"what": ..., "why": ...}. */
static json_t *logged(FILE *log, const char *kind)
{
    json_t *all = json_array();
    char *line = NULL, *save;
    size_t size = 0;

    if (log)
        rewind(log);
    while (log && getline(&line, &size, log) > 0) {
        const char *is = strtok_r(line, "\t", &save),
                   *what = strtok_r(NULL, "\t", &save),
                   *why = strtok_r(NULL, "\n", &save);

        if (is && what && why && !strcmp(is, kind))
            json_array_append_new(
                all, json_pack("{s:s,s:s}", "what", what, "why", why));
    }
    free(line); /* getline()'s own */
    return all;
}

static int cmd_import_print_json(const struct reap_import_sum *s,
                                 const char *out, double seconds,
                                 struct reap_err *err)
{
    const struct {
        const char *name;
        uint64_t n;
    } row[] = { { "seen", s->seen },
                { "records", s->records },
                { "changed", s->changed },
                { "same", s->same },
                { "skipped", s->skipped },
                { "doubles", s->doubles },
                { "not_images", s->not_images },
                { "not_taken", s->not_taken },
                { "labels_changed", s->relabelled },
                { "labels_lost", s->labels_lost },
                { "labels_without_image", s->labels_idle },
                { "archives", s->archives },
                { "removed", s->removed },
                { "bytes", s->bytes },
                { "total", s->total } };
    char path[4096];
    FILE *log;
    json_t *all = json_pack("{ss}", "dataset", out);

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        json_object_set_new(all, row[i].name,
                            json_integer((json_int_t)row[i].n));
    snprintf(path, sizeof(path), "%s/" REAP_IMPORT_LOG, out);
    log = s->not_taken + s->labels_lost ? fopen(path, "re") : NULL;
    json_object_set_new(all, "not_taken_list", logged(log, "not_taken"));
    json_object_set_new(all, "labels_lost_list", logged(log, "label"));
    json_object_set_new(all, "seconds", json_real(seconds));
    if (log)
        fclose(log);
    if (!all)
        return reap_fail(err, REAP_ENOMEM, "no memory for JSON");
    json_dumpf(all, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(all);
    return REAP_OK;
}

/* Counts that are not zero, in one line. */
static void print_counts(const struct reap_import_sum *s)
{
    const struct {
        uint64_t n;
        const char *one, *many;
    } row[] = {
        { s->same, "was there already", "were there already" },
        { s->changed, "replaced other bytes", "replaced other bytes" },
        { s->relabelled, "label changed", "labels changed" },
        { s->doubles, "was reached twice", "were reached twice" },
        { s->not_images, "is not an image by its name",
          "are not images by their names" },
        { s->skipped, "was skipped (hidden, or left behind by a program)",
          "were skipped (hidden, or left behind by programs)" },
        { s->archives, "archive was opened", "archives were opened" },
        { s->elsewhere,
          "was found from the current folder, not beside its list",
          "were found from the current folder, not beside their list" },
        { s->labels_idle, "label has no image", "labels have no image" },
        { s->removed, "record was removed", "records were removed" },
        { s->not_taken, "file was not taken", "files were not taken" },
        { s->labels_lost, "label was lost", "labels were lost" },
    };

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        if (row[i].n)
            printf("  %" PRIu64 " %s\n", row[i].n,
                   row[i].n == 1 ? row[i].one : row[i].many);
}

static void cmd_import_print(const struct reap_import_sum *s, const char *out,
                             double seconds)
{
    char time[32];

    printf("%s: %" PRIu64 " record%s written (%.1f MB) in %s, %" PRIu64
           " in all\n",
           out, s->records, s->records == 1 ? "" : "s", 1e-6 * (double)s->bytes,
           reap_duration(seconds, time, sizeof(time)), s->total);
    print_counts(s);
    if (s->not_taken + s->labels_lost)
        printf("  %s/" REAP_IMPORT_LOG " names them\n", out);
}

/* ---- commands ---- */

static int delete_keys(const struct reap_options *o, struct reap_err *err)
{
    struct reap_import_sum sum;
    int rc;

    if (!o->n_args || !o->output)
        return reap_fail(err, REAP_EINVAL,
                         "--delete needs keys and a dataset: reap import "
                         "--delete KEY... -o DATASET");
    rc = reap_import_delete(o->output, (const char *const *)o->args,
                            (size_t)o->n_args, &sum, err);
    if (rc)
        return rc;
    if (o->json)
        printf("{\"removed\":%" PRIu64 ",\"total\":%" PRIu64 "}\n", sum.removed,
               sum.total);
    else
        printf("%s: %" PRIu64 " record%s removed, %" PRIu64
               " in all; a store keeps rows of what was removed until extract "
               "--prune\n",
               o->output, sum.removed, sum.removed == 1 ? "" : "s", sum.total);
    return REAP_OK;
}

static int import_args(const struct reap_options *o, struct watch *w,
                       struct reap_import_args *a, struct reap_err *err)
{
    const char *form = o->label_file;
    int rc;

    *a = (struct reap_import_args){
        .src = (const char *const *)o->args,
        .n_src = (size_t)o->n_args,
        .out = o->output,
        .all = o->all,
        .follow_links = o->follow_links,
        .sync = o->sync,
        .label_file = form,
        .columns = o->columns,
        .threads = (size_t)o->threads,
        .ctx = w,
        .report = show,
        .remark = remark,
    };
    if (!o->n_args)
        return reap_fail(err, REAP_EINVAL,
                         "SRC is needed: folders, archives, lists or images");
    if (!o->output)
        return reap_fail(err, REAP_EINVAL,
                         "-o DATASET is needed: where the records go");
    if (form && strcmp(form, "cls") != 0 && strcmp(form, "txt") != 0 &&
        (strncmp(form, "json:", 5) != 0 || !form[5]))
        return reap_fail(err, REAP_EINVAL,
                         "--label-file %s: cls, txt or json:KEY is needed, "
                         "such as json:label",
                         form);
    if (o->columns && !*o->columns)
        return reap_fail(err, REAP_EINVAL,
                         "--columns: names or numbers are needed, such as "
                         "path,label or 1,2");
    rc = reap_parse_bad(o->max_bad, &a->max_bad, &a->max_bad_share, err);
    return rc ? rc
              : reap_parse_bytes("max-archive", o->max_archive, &a->max_archive,
                                 err);
}

int reap_cmd_import(const struct reap_options *o, struct reap_err *err)
{
    struct watch w = { .o = o };
    struct reap_import_sum sum = { 0 };
    struct reap_import_args a;
    double seconds;
    int rc;

    if (o->delete)
        return delete_keys(o, err);
    rc = import_args(o, &w, &a, err);
    if (rc)
        return rc;
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
    if (!sum.total && !(o->json && sum.seen))
        return rc;
    if (!o->json)
        cmd_import_print(&sum, o->output, seconds);
    else if (cmd_import_print_json(&sum, o->output, seconds, rc ? NULL : err))
        rc = rc ? rc : REAP_ENOMEM;
    return rc;
}
