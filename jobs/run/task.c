/*
 * One run over a dataset: everything is opened in the order in which mistakes
 * are cheapest to find, the ranks agree on one arithmetic, cluster/ runs, and
 * the rows are judged. Single photos take the short way (photos.c). Rows and
 * threads are pipeline/'s and cluster/'s.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cluster/agree_arithmetic.h"
#include "cluster/pulse.h"
#include "cluster/rank_marks.h"
#include "cluster/run.h"
#include "cluster/signals.h"
#include "cluster/supervise.h"
#include "engine/base/mem.h"
#include "engine/base/version.h"
#include "io/dataset/dataset.h"
#include "io/file/text.h"
#include "io/store/store.h"
#include "jobs/cli/cmd.h"
#include "jobs/cli/remark.h"
#include "jobs/cli/threads.h"
#include "jobs/cli/timespan.h"
#include "jobs/cli/words.h"
#include "jobs/run/forget_rows.h"
#include "jobs/run/photos.h"
#include "jobs/run/report.h"
#include "jobs/run/task.h"
#include "jobs/setup/setup.h"
#include "jobs/setup/store_view.h"

/* All that one run has open. */
struct run {
    const struct reap_options *o;
    struct reap_setup setup;
    struct reap_dataset *ds;
    struct reap_store *store; /* on the first rank */
    char *fingerprint_text, *job, *command, *labels, *where;
    char *same; /* what all ranks must have in common */
    size_t threads;
    enum reap_label_from label_from;
    double time_limit;
    bool agreed; /* with the other ranks, who wait for more */
    bool lost;   /* a rank was: MPI is up for good */
};

/* What can be judged before anything is opened. */
static int task_parse(struct run *r, struct reap_err *err)
{
    static const char *const from[] = { "datum", "none", "prefix", "folder",
                                        NULL };
    const struct reap_options *o = r->o;
    unsigned which;
    size_t idle;
    bool yes;
    int rc = reap_max_bad(o->max_bad, 0, 1, &yes, err);

    if (!rc)
        rc = reap_parse_word("label-from", o->label_from, from, &which, err);
    if (!rc)
        rc = reap_timespan(o->time_limit, &r->time_limit, err);
    if (rc)
        return rc;
    r->label_from = (enum reap_label_from)which;
    rc = reap_threads(o, &r->threads, &idle, err);
    if (!rc && !o->threads_given && idle && reap_run_is_first())
        reap_remark(o,
                    "%zu cores of this node are idle; mpirun --bind-to "
                    "none, or fewer ranks, would use them",
                    idle);
    return rc;
}

/* Which rows are computed anew, or are gone. */
static void tell_forgotten(const struct reap_options *o,
                           const struct reap_rows_forgotten *f)
{
    if (f->failed)
        reap_remark(o, "redoing %llu failed %s", (unsigned long long)f->failed,
                    reap_plural(f->failed, "row", "rows"));
    if (f->changed)
        reap_remark(o, "redoing %llu %s of changed images",
                    (unsigned long long)f->changed,
                    reap_plural(f->changed, "row", "rows"));
    if (f->pruned)
        reap_remark(o, "deleted %llu %s of removed images",
                    (unsigned long long)f->pruned,
                    reap_plural(f->pruned, "row", "rows"));
}

static int open_store(void *ctx, struct reap_err *err)
{
    struct run *r = ctx;
    struct reap_run_meta meta = { .fingerprint_text = r->fingerprint_text,
                                  .dataset_id = reap_dataset_id(r->ds),
                                  .dataset_path = reap_dataset_path(r->ds),
                                  .schema = r->setup.schema,
                                  .versions = "reap " REAP_VERSION };
    struct reap_rows_forgotten revised;
    char preset[512];
    int rc;

    reap_preset_print(&r->setup.preset, preset, sizeof(preset));
    meta.preset = preset;
    if (r->setup.labels)
        meta.labels = r->labels = reap_labels_text(r->setup.labels);
    /* The store may be read from another folder later. */
    r->where = realpath(meta.dataset_path, NULL);
    if (r->where)
        meta.dataset_path = r->where;
    meta.command = r->command = reap_options_command(r->o);
    meta.job = r->job = reap_options_text(r->o);
    if (!r->command || !r->job)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    rc = reap_store_open(&r->store, r->o->output, REAP_STORE_WRITE, &meta, err);
    if (!rc && reap_store_without_locks(r->store))
        reap_remark(r->o,
                    "%s is on a network file system: no other program may "
                    "open it during this run",
                    r->o->output);
    if (!rc)
        rc = reap_forget_rows_check(r->store, r->ds, r->o->changed, err);
    if (!rc)
        rc = reap_forget_rows(r->store, r->ds, r->o, &revised, err);
    if (rc)
        return rc;
    tell_forgotten(r->o, &revised);
    return REAP_OK;
}

/* What decides a row, and the dataset: a lease is a run of keys, which a rank
 * with other keys would fill with other rows. */
static char *in_common(const struct run *r)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    if (!f)
        return NULL;
    fprintf(f, "%sdataset=%s, %zu records\n", r->fingerprint_text,
            reap_dataset_id(r->ds), reap_dataset_count(r->ds));
    return fclose(f) ? NULL : text;
}

/* The arithmetic of a store that is there already: a resume keeps it. Whatever
 * else is wrong with the store is told when it is opened to write. */
static const char *arith_of_store(const struct run *r)
{
    const char *found = NULL;
    struct reap_store_view v;
    char text[REAP_ARITHMETIC_MAX];

    if (reap_store_view_open(&v, r->o->output, NULL))
        return NULL;
    if (reap_store_view_line(&v, "made_of", "class", text, sizeof(text)))
        found = reap_setup_arith(&r->setup, text);
    reap_store_view_close(&v);
    return found;
}

/* The kinds of arithmetic that this rank may compute in, a line each. */
static void offer(const struct run *r, char *text, size_t size)
{
    const char *kept = reap_run_is_first() ? arith_of_store(r) : NULL;
    size_t at = 0;

    text[0] = '\0';
    if (kept)
        snprintf(text, size, "%s\n", kept);
    for (size_t i = 0; i < r->setup.n_ariths && !kept && at < size; i++)
        at += (size_t)snprintf(text + at, size - at, "%s\n",
                               r->setup.ariths[i].name);
}

/* The engine in the arithmetic that all ranks have. A rank that lacks it goes
 * on without one, or with its own, and the first rank sends it away. */
static int open_engine(struct run *r, struct reap_err *err)
{
    char mine[REAP_SETUP_ARITHS * REAP_ARITHMETIC_MAX],
        agreed[REAP_ARITHMETIC_MAX];
    const bool first = reap_run_is_first();
    int rc;

    offer(r, mine, sizeof(mine));
    rc = reap_agree_arithmetic(mine, agreed, err);
    if (rc)
        return rc;
    r->agreed = true;
    if (!first && !r->setup.n_ariths)
        return REAP_OK;
    return reap_setup_finish(&r->setup, r->o,
                             reap_setup_arith(&r->setup, agreed), err);
}

static int task_open_all(struct run *r, bool classify, struct reap_err *err)
{
    int rc = reap_setup_begin(&r->setup, r->o, classify, NULL, err);

    if (rc)
        return rc;
    rc = reap_dataset_open(&r->ds, r->o->args[0], err);
    if (!rc && !reap_dataset_count(r->ds))
        rc = reap_fail(err, REAP_ENOTFOUND, "%s: the dataset holds no records",
                       r->o->args[0]);
    if (!rc)
        rc = open_engine(r, err);
    if (rc)
        return rc;
    r->fingerprint_text = reap_setup_fingerprint_text(&r->setup, r->o);
    if (!r->fingerprint_text || !(r->same = in_common(r)))
        return reap_fail(err, REAP_ENOMEM, "no memory");
    /* It may take its time: rows that changed are looked for. */
    return reap_run_is_first() ? reap_pulse_while(open_store, r, err) : REAP_OK;
}

/* All keys have a row: are they good enough? */
static int task_judge(struct run *r, const struct reap_report *report,
                      const struct reap_run_status *status,
                      struct reap_err *err)
{
    uint64_t counts[REAP_N_STATUS], bad = 0, total = 0;
    bool yes;
    int rc = reap_store_counts(r->store, counts, err);

    for (int i = 0; i < REAP_N_STATUS && !rc; i++) {
        total += counts[i];
        bad += i == REAP_STATUS_ok ? 0 : counts[i];
    }
    if (!rc)
        rc = reap_max_bad(r->o->max_bad, bad, total, &yes, err);
    if (!rc)
        rc = reap_store_here(r->store, err);
    if (!rc)
        rc = reap_dataset_here(r->ds, err);
    if (rc)
        return rc;
    reap_report_end(report, &r->setup, status, counts, true);
    if (yes)
        return REAP_OK;
    if (bad == total)
        return reap_fail(err, REAP_EBADRECS,
                         "all %llu records are bad; reap export lists them in "
                         "its .failed.tsv",
                         (unsigned long long)bad);
    return reap_fail(err, REAP_EBADRECS,
                     "%llu of %llu records are bad, more than --max-bad %s; "
                     "reap export lists them in its .failed.tsv",
                     (unsigned long long)bad, (unsigned long long)total,
                     r->o->max_bad ? r->o->max_bad : "5%");
}

static int task_run(struct run *r, struct reap_err *err)
{
    struct reap_run_args a = {
        .flow = { .dataset = r->ds,
                  .engine = r->setup.engine,
                  .preset = &r->setup.preset,
                  .limits = r->setup.limits,
                  .label_from = r->label_from,
                  .schema = r->setup.schema,
                  .l2 = r->setup.l2,
                  .threads = r->threads,
                  .batch = r->setup.batch },
        .store = r->store,
        .fingerprint = r->same,
        .limit = r->o->limit,
        .dedicated = r->o->dedicated,
        .time_limit = r->time_limit,
        .progress = reap_report_progress,
    };
    struct reap_run_status status = { 0 };
    uint64_t counts[REAP_N_STATUS];
    struct reap_report report;
    int rc;

    reap_report_begin(&report, r->o, &r->setup, r->threads);
    a.ctx = &report;
    rc = reap_run_all(&a, &status, err);
    reap_report_stop(&report);
    r->lost = status.lost;
    if (status.refused[0])
        reap_remark(r->o, "%s", status.refused);
    if (!reap_run_is_first())
        return rc;
    if (!rc)
        return task_judge(r, &report, &status, err);
    if (rc == REAP_ESTOPPED && !reap_store_counts(r->store, counts, err)) {
        reap_report_end(&report, &r->setup, &status, counts, false);
        return reap_fail(err, REAP_ESTOPPED,
                         "stopped early; run the same command again to resume");
    }
    return rc;
}

/* Is it a folder without a dataset in it, such as one of photos? */
static bool is_plain_folder(const char *path)
{
    char file[4096 + 16];
    struct stat st;

    return !stat(path, &st) && S_ISDIR(st.st_mode) &&
           snprintf(file, sizeof(file), "%s/data.mdb", path) <
               (int)sizeof(file) &&
           access(file, F_OK) && errno == ENOENT;
}

/* Arguments that can never work: the way on for each. */
static int check_args(const struct reap_options *o, struct reap_err *err)
{
    char word[300];

    for (int i = 0; i < o->n_args && !o->output; i++)
        if (access(o->args[i], F_OK)) /* a photo, perhaps */
            return reap_fail(err, REAP_ENOTFOUND, "%s: %s", o->args[i],
                             strerror(errno));
    if (o->n_args != 1)
        return reap_fail(err, REAP_EINVAL,
                         "one DATASET is needed, or image files");
    reap_text_quote(word, sizeof(word), o->args[0]);
    if (is_plain_folder(o->args[0]))
        return reap_fail(err, REAP_ENOTFOUND,
                         "%.120s is a folder, not a dataset; name its images "
                         "(%s/*), or make a dataset of them: reap import %s -o "
                         "DATASET",
                         o->args[0], word, word);
    if (!o->output)
        return reap_fail(err, REAP_EINVAL,
                         "-o STORE is needed: a folder for the results, made "
                         "if it is not there");
    if (o->hostfile && !o->ranks_given && !reap_run_launched())
        return reap_fail(err, REAP_EINVAL,
                         "--hostfile names the hosts for --ranks: add --ranks "
                         "N, the number of processes on all of them");
    return REAP_OK;
}

static int on_dataset(const struct reap_options *o, bool classify,
                      struct reap_err *err)
{
    struct run r = { .o = o };
    int rc = check_args(o, err);

    if (rc)
        return rc;
    reap_signals_install(); /* what is asked early is heeded later */
    if (reap_run_launched() && reap_run_is_first())
        reap_rank_marks_beat();
    rc = task_parse(&r, err);
    if (!rc) {
        rc = task_open_all(&r, classify, err);
        if (rc && r.agreed)
            reap_agree_arithmetic_cancel();
    }
    if (!rc)
        rc = task_run(&r, err);
    reap_store_close(&r.store);
    reap_dataset_close(&r.ds);
    reap_setup_close(&r.setup);
    reap_free(r.fingerprint_text);
    reap_free(r.labels);
    free(r.same);
    free(r.where);
    free(r.job);
    free(r.command);
    if (r.lost)
        reap_cmd_leave_at_once();
    return rc;
}

static int on_photos(const struct reap_options *o, bool classify,
                     struct reap_err *err)
{
    struct reap_setup setup;
    size_t idle, threads;
    int rc = reap_threads(o, &threads, &idle, err);

    if (!rc)
        rc = reap_setup_begin(&setup, o, classify, NULL, err);
    if (rc)
        return rc;
    setup.batch = 1; /* one after the other, each by all threads */
    setup.threads_per_image = threads;
    rc = reap_setup_finish(&setup, o, NULL, err);
    if (!rc)
        reap_setup_remarks(&setup, o);
    if (!rc)
        rc = reap_photos_run(&setup, o, err);
    reap_setup_close(&setup);
    return rc;
}

int reap_task_run(const struct reap_options *o, bool classify,
                  struct reap_err *err)
{
    double limit = 0;
    int rc = reap_supervise_check(o->ranks_given, err);

    if (rc)
        return rc;
    if (reap_photos_given(o))
        return on_photos(o, classify, err);
    /* The ranks that were started find --ranks again if a job file has it. */
    if (!o->ranks_given || reap_run_launched())
        return on_dataset(o, classify, err);
    rc = check_args(o, err);
    if (!rc)
        rc = reap_timespan(o->time_limit, &limit, err);
    if (rc)
        return rc;
    return reap_supervise(o->argc, o->argv, o->ranks, o->hostfile, o->output,
                          limit, err);
}
