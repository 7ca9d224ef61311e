/* The threads of an import, and the batches of its writer. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "io/import/import_impl.h"

enum { JOBS = 4096, BATCH = 4096, THREADS_MAX = 64, TICK_MS = 250 };
static const size_t batch_bytes = (size_t)32 << 20,
                    queue_bytes = (size_t)64 << 20;
static const double batch_seconds = 5;

/* ---- what all threads count and keep ---- */

void reap_import_add(struct reap_import *im, uint64_t *counter, uint64_t n)
{
    pthread_mutex_lock(&im->mutex);
    *counter += n;
    pthread_mutex_unlock(&im->mutex);
}

/* Under the mutex. */
static void import_tell(struct reap_import *im, const char *kind,
                        const char *name, const char *why, bool first)
{
    char text[sizeof(im->sum.first)];
    const size_t n = strlen(name);

    /* Some reasons begin with what they are of. */
    if (!strncmp(why, name, n))
        snprintf(text, sizeof(text), "%s", why);
    else
        snprintf(text, sizeof(text), "%s: %s", name, why);
    if (first && !im->sum.first[0])
        memcpy(im->sum.first, text, sizeof(text));
    if (im->log)
        reap_import_log_put(im->log, kind, name, why);
    if (im->args->remark)
        im->args->remark(im->args->ctx, text);
}

void reap_import_not_taken(struct reap_import *im, const char *name,
                           const char *why)
{
    pthread_mutex_lock(&im->mutex);
    im->sum.not_taken++;
    import_tell(im, "not_taken", name, why, true);
    pthread_mutex_unlock(&im->mutex);
}

void reap_import_label_lost(struct reap_import *im, const char *name,
                            const char *why)
{
    pthread_mutex_lock(&im->mutex);
    im->sum.labels_lost++;
    import_tell(im, "label", name, why, true);
    pthread_mutex_unlock(&im->mutex);
}

void reap_import_say(struct reap_import *im, const char *name, const char *what)
{
    pthread_mutex_lock(&im->mutex);
    import_tell(im, "remark", name, what, false);
    pthread_mutex_unlock(&im->mutex);
}

bool reap_import_no_memory(struct reap_import *im, const char *what)
{
    struct reap_err err;

    reap_import_fail(im, reap_fail(&err, REAP_ENOMEM, "no memory for %s", what),
                     &err);
    return false;
}

void reap_import_fail(struct reap_import *im, int rc,
                      const struct reap_err *err)
{
    pthread_mutex_lock(&im->mutex);
    if (!im->rc) {
        im->rc = rc;
        im->err = *err;
    }
    pthread_mutex_unlock(&im->mutex);
    reap_queue_stop(im->jobs);
    reap_queue_stop(im->items);
}

bool reap_import_pass(struct reap_import *im, struct reap_queue *q, void *p,
                      size_t weight)
{
    struct reap_err err;

    if (reap_queue_put(q, p, weight))
        return true;
    reap_free(p);
    /* If it was stopped, the failure that did it is kept already. */
    reap_import_fail(im, reap_fail(&err, REAP_ENOMEM, "no memory for a queue"),
                     &err);
    return false;
}

bool reap_import_stopped(struct reap_import *im)
{
    bool stopped;

    pthread_mutex_lock(&im->mutex);
    stopped = im->rc != REAP_OK;
    pthread_mutex_unlock(&im->mutex);
    return stopped;
}

/* ---- the writer's side ---- */

struct batch {
    struct reap_import_item *item[BATCH];
    size_t n, bytes;
    double since;
};

static bool report(struct reap_import *im)
{
    struct reap_import_sum sum;

    if (!im->args->report)
        return true;
    pthread_mutex_lock(&im->mutex);
    sum = im->sum;
    pthread_mutex_unlock(&im->mutex);
    return im->args->report(im->args->ctx, &sum);
}

static int flush(struct reap_import *im, struct batch *b, struct reap_err *err)
{
    int rc = b->n ? reap_import_writer_put(im, b->item, b->n, err) : REAP_OK;

    for (size_t i = 0; i < b->n; i++)
        reap_free(b->item[i]);
    b->n = b->bytes = 0;
    b->since = reap_clock();
    return rc;
}

/* Until the items end. What was read before a stop is written. */
static int write_all(struct reap_import *im, struct batch *b,
                     struct reap_err *err)
{
    bool late, going = true;
    double told = reap_clock();
    int rc = REAP_OK;

    b->since = told;
    while (!rc && going) {
        struct reap_import_item *item =
            reap_queue_get(im->items, TICK_MS, &late);

        if (!item && !late)
            break;
        if (item) {
            b->item[b->n++] = item;
            b->bytes += item->value.len;
        }
        if (b->n == BATCH || b->bytes >= batch_bytes ||
            reap_clock() - b->since > batch_seconds)
            rc = flush(im, b, err);
        if (late || reap_clock() - told > 1e-3 * TICK_MS) {
            told = reap_clock();
            going = report(im);
        }
    }
    if (!rc && !going)
        rc = flush(im, b, err);
    if (!rc && !going)
        return reap_fail(err, REAP_ESTOPPED,
                         "stopped; run the same command again to resume");
    return rc ? rc : flush(im, b, err);
}

/* ---- the whole ---- */

static size_t default_threads(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof(set), &set) ? 4 : CPU_COUNT(&set);

    return n < 4 ? 4 : (size_t)n;
}

static int run_threads(struct reap_import *im,
                       struct reap_import_lister *lister, struct batch *b,
                       struct reap_err *err)
{
    const size_t want =
        im->args->threads ? im->args->threads : default_threads();
    pthread_t list, reader[THREADS_MAX];
    size_t n = 0;
    int rc;

    im->readers = want < THREADS_MAX ? want : THREADS_MAX;
    if (pthread_create(&list, NULL, reap_import_list, lister))
        return reap_fail(err, REAP_ENOMEM, "no thread can be started");
    for (const size_t all = im->readers; n < all; n++)
        if (pthread_create(&reader[n], NULL, reap_import_read, im)) {
            reap_import_fail(
                im, reap_fail(err, REAP_ENOMEM, "no thread can be started"),
                err);
            break;
        }
    rc = write_all(im, b, err);
    if (rc)
        reap_import_fail(im, rc, err);
    pthread_join(list, NULL);
    while (n)
        pthread_join(reader[--n], NULL);
    if (im->rc)
        *err = im->err;
    return im->rc;
}

/* Is so much of what was seen missing that it has to be said by the code? */
static int judge(const struct reap_import *im, struct reap_err *err)
{
    const struct reap_import_sum *s = &im->sum;
    const uint64_t bad = s->not_taken + s->labels_lost;
    const double share = im->args->max_bad_share * (double)s->seen;

    if (!s->seen)
        return reap_fail(err, REAP_ENOTFOUND, "nothing to import: no files");
    if (s->conflicts && bad > im->args->max_bad && (double)bad > share)
        return reap_fail(err, REAP_EINVAL, "%s", im->conflict);
    if (bad && bad > im->args->max_bad && (double)bad > share)
        return reap_fail(
            err, REAP_EFORMAT, "%llu %s, the first: %s; the rest is imported",
            (unsigned long long)bad,
            !s->labels_lost
                ? bad == 1 ? "file was not taken" : "files were not taken"
            : !s->not_taken ? bad == 1 ? "label was lost" : "labels were lost"
                            : "files or labels were lost",
            s->first);
    if (s->records + s->same + s->doubles)
        return REAP_OK;
    return s->not_taken
               ? reap_fail(err, REAP_EFORMAT, "nothing was imported; %s",
                           s->first)
               : reap_fail(
                     err, REAP_ENOTFOUND,
                     "nothing to import: no file name has an image's ending "
                     "(--all imports files of any name)");
}

static int run_queues(struct reap_import *im, struct reap_import_lister *lister,
                      struct reap_err *err)
{
    struct batch *b = reap_calloc(1, sizeof(*b));
    int rc = b ? REAP_OK : reap_fail(err, REAP_ENOMEM, "no memory to import");

    if (!rc)
        rc = reap_queue_new(&im->jobs, JOBS, err);
    if (!rc)
        rc = reap_queue_new(&im->items, queue_bytes, err);
    if (!rc)
        rc = run_threads(im, lister, b, err);
    reap_queue_free(&im->jobs);
    reap_queue_free(&im->items);
    reap_lists_free(&im->lists);
    reap_free(b);
    return rc;
}

/* Remove what sources lost, unless something of them could not be read. */
static int sync_sources(struct reap_import *im, struct reap_err *err)
{
    if (!im->args->sync)
        return REAP_OK;
    if (!im->sum.not_taken)
        return reap_import_writer_sync(im->writer, &im->sum.removed, err);
    reap_import_say(im, "--sync",
                    "no record is removed, since something was not taken");
    return REAP_OK;
}

static int import_to(struct reap_import *im, struct reap_err *err)
{
    struct reap_import_lister lister = { .im = im };
    const struct reap_import_args *a = im->args;
    struct stat st;
    int rc = reap_sources_new(&im->sources, err);

    if (!rc)
        rc = reap_import_writer_open(&im->writer, a->out, im->sources, err);
    if (rc)
        return rc;
    reap_sources_ask(im->sources, reap_import_writer_has, im->writer);
    if (!stat(a->out, &st)) {
        lister.dev = st.st_dev;
        lister.ino = st.st_ino;
    }
    im->log = reap_import_log_new(a->out);
    rc = run_queues(im, &lister, err);
    if (!rc)
        rc = sync_sources(im, err);
    if (!rc)
        rc = judge(im, err);
    im->sum.total = reap_import_writer_total(im->writer);
    if (!reap_import_log_close(&im->log) && !rc)
        rc = reap_fail(err, REAP_EIO,
                       "%s/" REAP_IMPORT_LOG " could not be written", a->out);
    reap_import_writer_close(&im->writer, !im->sum.total);
    return rc;
}

int reap_import_run(const struct reap_import_args *a,
                    struct reap_import_sum *sum, struct reap_err *err)
{
    struct reap_import im = { .args = a, .mutex = PTHREAD_MUTEX_INITIALIZER };
    struct reap_err unread;
    int rc;

    err = err ? err : &unread;
    rc = reap_import_look(a, err);
    if (!rc)
        rc = import_to(&im, err);
    reap_sources_free(&im.sources);
    *sum = im.sum;
    return rc;
}

int reap_import_delete(const char *out, const char *const *key, size_t n,
                       struct reap_import_sum *sum, struct reap_err *err)
{
    struct reap_import_writer *w = NULL;
    struct reap_sources *sources = NULL;
    struct stat st;
    char index[4200];
    int rc;

    snprintf(index, sizeof(index), "%.4096s/" REAP_INDEX_FILE, out);
    rc = stat(index, &st)
             ? reap_fail(err, REAP_ENOTFOUND,
                         "%s is not a dataset that reap import made: %s", out,
                         strerror(errno))
             : reap_sources_new(&sources, err);
    *sum = (struct reap_import_sum){ 0 };
    if (!rc)
        rc = reap_import_writer_open(&w, out, sources, err);
    if (!rc)
        rc = reap_import_writer_delete(w, key, n, err);
    if (!rc)
        sum->removed = n;
    if (w)
        sum->total = reap_import_writer_total(w);
    reap_import_writer_close(&w, false);
    reap_sources_free(&sources);
    return rc;
}
