/* The threads of an import, and the batches of its writer. */
#define _GNU_SOURCE
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
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

void reap_import_count(struct reap_import *im, uint64_t found, uint64_t skipped,
                       uint64_t same)
{
    pthread_mutex_lock(&im->mutex);
    im->sum.found += found;
    im->sum.skipped += skipped;
    im->sum.same += same;
    pthread_mutex_unlock(&im->mutex);
}

void reap_import_unreadable(struct reap_import *im, const char *path,
                            const char *why)
{
    char text[sizeof(im->sum.first)];

    snprintf(text, sizeof(text), "%s: %s", path, why ? why : "damaged");
    pthread_mutex_lock(&im->mutex);
    if (!im->sum.unreadable++)
        memcpy(im->sum.first, text, sizeof(text));
    if (im->args->remark)
        im->args->remark(im->args->ctx, text);
    pthread_mutex_unlock(&im->mutex);
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
    struct reap_import_sum did = { 0 };
    int rc = b->n ? reap_import_writer_put(im->writer, b->item, b->n, &did, err)
                  : REAP_OK;

    pthread_mutex_lock(&im->mutex);
    im->sum.records += did.records;
    im->sum.changed += did.changed;
    im->sum.bytes += did.bytes;
    im->sum.same += did.same;
    pthread_mutex_unlock(&im->mutex);
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

static int import_run(struct reap_import *im, struct reap_import_lister *lister,
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
    reap_free(b);
    im->sum.total = reap_import_writer_total(im->writer);
    if (rc)
        return rc;
    if (im->sum.unreadable)
        return reap_fail(err, REAP_EFORMAT,
                         "%llu source%s could not be read, the first: %s; the "
                         "rest is imported",
                         (unsigned long long)im->sum.unreadable,
                         im->sum.unreadable == 1 ? "" : "s", im->sum.first);
    if (!im->sum.found)
        return reap_fail(err, REAP_ENOTFOUND, "nothing to import: no files");
    if (!im->sum.records && !im->sum.same)
        return reap_fail(
            err, REAP_ENOTFOUND,
            "nothing to import: no file name has an image's ending "
            "(--all imports files of any name)");
    return REAP_OK;
}

/* Sources are remembered by where they really are. */
static int name_sources(const struct reap_import_args *a, char **path,
                        struct reap_err *err)
{
    char real[PATH_MAX];

    for (size_t i = 0; i < a->n_src; i++) {
        path[i] = reap_strdup(realpath(a->src[i], real) ? real : a->src[i]);
        if (!path[i])
            return reap_fail(err, REAP_ENOMEM, "no memory for %zu sources",
                             a->n_src);
    }
    return REAP_OK;
}

static int import_to(struct reap_import *im, char **path, uint32_t *number,
                     struct reap_err *err)
{
    struct reap_import_lister lister = { .im = im, .number = number };
    const struct reap_import_args *a = im->args;
    struct stat st;
    int rc = name_sources(a, path, err);

    if (!rc)
        rc = reap_import_writer_open(&im->writer, a->out, err);
    if (!rc)
        rc = reap_import_writer_sources(im->writer, (const char *const *)path,
                                        a->n_src, number, err);
    if (!rc && !stat(a->out, &st)) {
        lister.dev = st.st_dev;
        lister.ino = st.st_ino;
    }
    if (!rc)
        rc = import_run(im, &lister, err);
    reap_import_writer_close(&im->writer, !im->sum.total);
    return rc;
}

int reap_import_run(const struct reap_import_args *a,
                    struct reap_import_sum *sum, struct reap_err *err)
{
    struct reap_import im = { .args = a, .mutex = PTHREAD_MUTEX_INITIALIZER };
    char **path = NULL;
    uint32_t *number = NULL;
    struct reap_err unread;
    int rc;

    err = err ? err : &unread;
    rc = reap_import_look(a, err);

    if (!rc) {
        path = reap_calloc(a->n_src, sizeof(*path));
        number = reap_calloc(a->n_src, sizeof(*number));
        rc = path && number ? import_to(&im, path, number, err)
                            : reap_fail(err, REAP_ENOMEM,
                                        "no memory for %zu sources", a->n_src);
    }
    for (size_t i = 0; path && i < a->n_src; i++)
        reap_free(path[i]);
    reap_free(path);
    reap_free(number);
    *sum = im.sum;
    return rc;
}
