/*
 * One lock around a ledger, a queue of results and what is told to callers, and
 * one thread that takes all that is queued and commits it in one transaction,
 * outside the lock. The order is what makes rows exact: a result is checked
 * against the ledger when it arrives, committed, and only then reported done.
 * Which keys are to do is todo.c's, who gets them ledger.c's, how they travel
 * serve.c's.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "cluster/coord.h"
#include "cluster/todo.h"
#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "io/file/status.h"
#include "pipeline/trace.h"

enum { QUEUE = 64, QUEUE_BYTES = 256 << 20, SUSPECTS = 4096 };
static const double POLL = 0.25; /* for late leases: nobody signals those */

struct result {
    uint64_t shard;
    uint32_t attempt;
    uint8_t *bytes;
    size_t len;
};

struct reap_coord {
    struct reap_coord_args a;
    struct reap_todo *todo;
    struct reap_ledger *ledger;
    pthread_mutex_t lock;
    pthread_cond_t work; /* for the writer: results or an end */
    pthread_cond_t news; /* for callers that wait: room, or leases again */
    pthread_t writer;
    struct result queue[QUEUE];
    size_t n_queued, bytes_queued, n_writing;
    char (*host)[64]; /* all seen; the first 'n_told' are in the store */
    size_t n_hosts, n_told;
    bool leases_changed, closing, drained;
    uint64_t before, done, bad, all_rows;
    double begin, commit;
    int rc;
    struct reap_err err;
};

/* Remember the first failure and end the run. The lock is held. */
static void coord_fail(struct reap_coord *c, int rc, const struct reap_err *err)
{
    if (!c->rc) {
        c->rc = rc;
        c->err = *err;
    }
    c->drained = true;
    reap_ledger_drain(c->ledger);
    pthread_cond_broadcast(&c->news);
}

/* Rows of a committed block that are not ok. */
static uint64_t count_bad(const struct reap_block *b, uint64_t *rows)
{
    struct reap_row row;
    uint64_t bad = 0;

    *rows = reap_block_rows(b);
    for (size_t i = 0; i < *rows; i++) {
        reap_block_row(b, i, &row);
        bad += row.status != REAP_STATUS_ok;
        reap_trace_row(row.key);
    }
    return bad;
}

/* One transaction for all that was queued. Without the lock. */
static int commit(struct reap_coord *c, const struct result *r, size_t n,
                  struct reap_err *err)
{
    struct reap_bytes block[QUEUE];

    for (size_t i = 0; i < n; i++)
        block[i] = (struct reap_bytes){ r[i].bytes, r[i].len };
    return reap_store_put(c->a.store, block, n, false, err);
}

/* What is committed is done: tell the ledger, count the rows. */
static void coord_settle(struct reap_coord *c, struct result *r, size_t n)
{
    struct reap_block *b;
    uint64_t rows;

    for (size_t i = 0; i < n; i++) {
        bool wanted =
            reap_ledger_done(c->ledger, r[i].shard, r[i].attempt, reap_clock());

        if (wanted &&
            !reap_block_open(&b, (struct reap_bytes){ r[i].bytes, r[i].len },
                             NULL)) {
            c->bad += count_bad(b, &rows);
            c->done += rows;
            reap_block_free(&b);
        }
        reap_free(r[i].bytes);
    }
}

/* What a run after this one has to know: suspects of this run, and those of
 * an earlier one that it has not come to. The lock is held. */
static size_t suspects_now(const struct reap_coord *c, struct reap_suspect *out)
{
    size_t n = reap_ledger_suspects(c->ledger, out, SUSPECTS);

    return n + reap_todo_suspects(c->todo, out + n, SUSPECTS - n);
}

/* Which leases are out, for a run after this one. Without the lock. */
static int save_leases(struct reap_coord *c, const struct reap_suspect *s,
                       size_t n, struct reap_err *err)
{
    return reap_store_leases_put(c->a.store, s, n, err);
}

/* One round of the writer; the lock is held on entry and on return. */
static void write_round(struct reap_coord *c, struct reap_suspect *suspects)
{
    struct result r[QUEUE];
    char host[64];
    bool new_host = c->n_told < c->n_hosts;
    size_t n = c->n_queued, n_suspects;
    bool leases = c->leases_changed;
    struct reap_err err = { 0 };
    double since = reap_clock();
    int rc = REAP_OK;

    memcpy(r, c->queue, n * sizeof(*r));
    if (new_host)
        memcpy(host, c->host[c->n_told++], sizeof(host));
    c->n_queued = c->bytes_queued = 0;
    c->n_writing = n;
    c->leases_changed = false;
    n_suspects = suspects_now(c, suspects);
    pthread_cond_broadcast(&c->news);
    pthread_mutex_unlock(&c->lock);
    if (new_host)
        rc = reap_store_add_host(c->a.store, host, &err);
    if (!rc && n)
        rc = commit(c, r, n, &err);
    if (!rc && leases)
        rc = save_leases(c, suspects, n_suspects, &err);
    pthread_mutex_lock(&c->lock);
    c->commit += reap_clock() - since;
    c->n_writing = 0;
    if (rc)
        coord_fail(c, rc, &err);
    if (rc)
        for (size_t i = 0; i < n; i++)
            reap_free(r[i].bytes);
    else
        coord_settle(c, r, n);
    pthread_cond_broadcast(&c->news);
}

static void *writer(void *arg)
{
    struct reap_coord *c = arg;
    struct reap_suspect *suspects = reap_calloc(SUSPECTS, sizeof(*suspects));

    pthread_mutex_lock(&c->lock);
    if (!suspects) {
        struct reap_err err = { 0 };

        coord_fail(c, reap_fail(&err, REAP_ENOMEM, "no memory for the store"),
                   &err);
    }
    while (suspects && !(c->closing && !c->n_queued)) {
        if (c->n_queued || c->leases_changed || c->n_told < c->n_hosts)
            write_round(c, suspects);
        else
            pthread_cond_wait(&c->work, &c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    reap_free(suspects);
    return NULL;
}

static int open_ledger(struct reap_coord *c, struct reap_err *err)
{
    const struct reap_coord_args *a = &c->a;
    struct reap_suspect *suspect = NULL;
    struct reap_ledger_args l = { .batch = a->batch, .workers = a->workers };
    uint64_t counts[REAP_N_STATUS], keys = reap_dataset_count(a->dataset);
    size_t n = 0;
    int rc = reap_store_leases_get(a->store, &suspect, &n, err);

    if (!rc)
        rc = reap_store_counts(a->store, counts, err);
    if (!rc)
        rc = reap_todo_open(&c->todo, a->dataset, a->store, a->limit, suspect,
                            n, err);
    if (rc) {
        reap_free(suspect);
        return rc;
    }
    for (int i = 0; i < REAP_N_STATUS; i++)
        c->before += counts[i];
    if (a->limit && a->limit < keys)
        keys = a->limit;
    if (c->before > keys)
        c->before = keys;
    c->all_rows = keys;
    for (size_t i = 0; i < a->schema.n; i++)
        l.row_bytes += 4 * reap_column_count(&a->schema.column[i]);
    l.total = keys - c->before;
    l.todo.ctx = c->todo;
    l.todo.next = reap_todo_next;
    l.todo.after = reap_todo_after;
    return reap_ledger_new(&c->ledger, &l, err);
}

/* Has each key of the dataset a row, also those after --limit? */
static int look_beyond(struct reap_coord *c, bool *all, struct reap_err *err)
{
    uint64_t counts[REAP_N_STATUS], rows = 0;
    struct reap_todo *t = NULL;
    struct reap_lease run = { 0 };
    uint32_t deaths;
    int rc = reap_store_counts(c->a.store, counts, err);

    *all = false;
    for (int i = 0; i < REAP_N_STATUS && !rc; i++)
        rows += counts[i];
    if (rc || rows < reap_dataset_count(c->a.dataset))
        return rc;
    rc = reap_todo_open(&t, c->a.dataset, c->a.store, 0, NULL, 0, err);
    while (!rc && !run.count)
        rc = reap_todo_next(t, 1, &run, &deaths, err);
    *all = rc == REAP_ENOTFOUND;
    reap_todo_close(&t);
    return *all ? REAP_OK : rc;
}

/* The marker of all keys where it can be had: a run over the first of them
 * must not take it from a store that has more. */
static int coord_mark(struct reap_coord *c, struct reap_err *err)
{
    bool all = false;
    int rc = c->a.limit ? look_beyond(c, &all, err) : REAP_OK;

    if (rc)
        return rc;
    return reap_store_mark_complete(
        c->a.store, all ? 0 : c->a.limit,
        all ? reap_dataset_count(c->a.dataset) : reap_todo_seen(c->todo), err);
}

static void destroy(struct reap_coord *c)
{
    reap_ledger_free(&c->ledger);
    reap_todo_close(&c->todo);
    reap_free(c->host);
    pthread_cond_destroy(&c->news);
    pthread_cond_destroy(&c->work);
    pthread_mutex_destroy(&c->lock);
    reap_free(c);
}

int reap_coord_open(struct reap_coord **out, const struct reap_coord_args *a,
                    struct reap_err *err)
{
    struct reap_coord *c = reap_calloc(1, sizeof(*c));
    pthread_condattr_t clock;
    int rc;

    *out = NULL;
    if (!c)
        return reap_fail(err, REAP_ENOMEM, "no memory for a coordinator");
    c->a = *a;
    c->begin = reap_clock();
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&c->work, &clock);
    pthread_cond_init(&c->news, &clock);
    pthread_condattr_destroy(&clock);
    rc = reap_store_unmark(a->store, err);
    if (!rc)
        rc = open_ledger(c, err);
    if (!rc && pthread_create(&c->writer, NULL, writer, c))
        rc = reap_fail(err, REAP_ENOMEM, "cannot start the store's thread");
    if (rc) {
        destroy(c);
        return rc;
    }
    *out = c;
    return REAP_OK;
}

static void wait_a_moment(struct reap_coord *c)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(POLL * 1e9);
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&c->news, &c->lock, &until);
}

enum reap_grant reap_coord_grant(struct reap_coord *c, size_t w, bool wait,
                                 struct reap_lease *out)
{
    struct reap_err err = { 0 };
    enum reap_grant g;
    bool waited = false;
    int rc;

    pthread_mutex_lock(&c->lock);
    for (;;) {
        g = reap_ledger_grant(c->ledger, w, reap_clock(), out, &rc, &err);
        if (rc)
            coord_fail(c, rc, &err);
        if (g != REAP_GRANT_LATER || !wait)
            break;
        if (reap_ledger_scanning(c->ledger)) {
            pthread_mutex_unlock(&c->lock); /* others have their turn */
            pthread_mutex_lock(&c->lock);
        } else if (!rc) {
            if (waited)
                break;
            wait_a_moment(c);
            waited = true;
        }
    }
    if (g == REAP_GRANT && !w) { /* see reap_ledger_suspects() */
        c->leases_changed = true;
        pthread_cond_signal(&c->work);
    }
    pthread_mutex_unlock(&c->lock);
    return g;
}

/* The lock is held. */
static bool has_room(const struct reap_coord *c)
{
    return c->n_queued < QUEUE && c->bytes_queued < QUEUE_BYTES;
}

bool reap_coord_has_room(struct reap_coord *c)
{
    bool yes;

    pthread_mutex_lock(&c->lock);
    yes = has_room(c) || c->rc;
    pthread_mutex_unlock(&c->lock);
    return yes;
}

int reap_coord_take(struct reap_coord *c, uint64_t shard, uint32_t attempt,
                    uint8_t *bytes, size_t len, bool at_once,
                    struct reap_err *err)
{
    int rc = REAP_OK;

    pthread_mutex_lock(&c->lock);
    while (!c->rc && !has_room(c) && !at_once)
        wait_a_moment(c);
    if (c->rc)
        rc = reap_fail(err, c->rc, "%s", c->err.msg);
    else if (!has_room(c))
        rc = REAP_ESTOPPED;
    else if (!reap_ledger_wants(c->ledger, shard, attempt))
        reap_free(bytes); /* too late: somebody else has done it */
    else {
        reap_ledger_arrived(c->ledger, shard, attempt);
        c->queue[c->n_queued++] = (struct result){ shard, attempt, bytes, len };
        c->bytes_queued += len;
        pthread_cond_signal(&c->work);
    }
    pthread_mutex_unlock(&c->lock);
    return rc;
}

void reap_coord_died(struct reap_coord *c, size_t w)
{
    pthread_mutex_lock(&c->lock);
    if (reap_ledger_died(c->ledger, w)) {
        c->leases_changed = true;
        pthread_cond_signal(&c->work);
    }
    pthread_cond_broadcast(&c->news);
    pthread_mutex_unlock(&c->lock);
}

void reap_coord_returned(struct reap_coord *c, size_t w)
{
    pthread_mutex_lock(&c->lock);
    reap_ledger_returned(c->ledger, w);
    c->leases_changed = true;
    pthread_cond_signal(&c->work);
    pthread_cond_broadcast(&c->news);
    pthread_mutex_unlock(&c->lock);
}

void reap_coord_add_host(struct reap_coord *c, const char *host)
{
    char(*more)[64];
    bool known = false;

    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->n_hosts && !known; i++)
        known = !strcmp(c->host[i], host);
    more =
        known ? NULL : reap_realloc(c->host, (c->n_hosts + 1) * sizeof(*more));
    if (more) { /* without memory the store lacks a name, no more */
        size_t n = strnlen(host, sizeof(*more) - 1);

        c->host = more;
        memcpy(more[c->n_hosts], host, n);
        more[c->n_hosts++][n] = '\0';
        pthread_cond_signal(&c->work);
    }
    pthread_mutex_unlock(&c->lock);
}

void reap_coord_drain(struct reap_coord *c)
{
    pthread_mutex_lock(&c->lock);
    c->drained = true;
    reap_ledger_drain(c->ledger);
    pthread_cond_broadcast(&c->news);
    pthread_mutex_unlock(&c->lock);
}

bool reap_coord_ended(struct reap_coord *c)
{
    bool yes;

    pthread_mutex_lock(&c->lock);
    yes = !c->n_queued && !c->n_writing &&
          (c->rc || reap_ledger_complete(c->ledger) ||
           (c->drained && !reap_ledger_open(c->ledger)));
    pthread_mutex_unlock(&c->lock);
    return yes;
}

int reap_coord_failure(struct reap_coord *c, struct reap_err *err)
{
    int rc;

    pthread_mutex_lock(&c->lock);
    rc = c->rc ? reap_fail(err, c->rc, "%s", c->err.msg) : REAP_OK;
    pthread_mutex_unlock(&c->lock);
    return rc;
}

void reap_coord_status(struct reap_coord *c, struct reap_run_status *out)
{
    pthread_mutex_lock(&c->lock);
    out->total = c->all_rows;
    out->before = c->before;
    out->done = c->done;
    out->bad = c->bad;
    out->redone = reap_ledger_redone(c->ledger);
    out->seconds = reap_clock() - c->begin;
    out->draining = c->drained;
    out->commit = c->commit;
    pthread_mutex_unlock(&c->lock);
}

static enum reap_fed feed_next(void *ctx, bool wait, struct reap_lease *out)
{
    switch (reap_coord_grant(ctx, 0, wait, out)) {
    case REAP_GRANT:
        return REAP_FED;
    case REAP_GRANT_LATER:
        return REAP_FED_LATER;
    case REAP_GRANT_NONE:
        break;
    }
    return REAP_FED_END;
}

static int sink_put(void *ctx, const struct reap_lease *lease, uint8_t *bytes,
                    size_t len, struct reap_err *err)
{
    return reap_coord_take(ctx, lease->shard, lease->attempt, bytes, len, false,
                           err);
}

void reap_coord_ends(struct reap_coord *c, struct reap_feed *feed,
                     struct reap_sink *sink)
{
    *feed = (struct reap_feed){ c, feed_next };
    *sink = (struct reap_sink){ c, sink_put };
}

int reap_coord_close(struct reap_coord **coord, struct reap_run_status *status,
                     struct reap_err *err)
{
    struct reap_coord *c = *coord;
    struct reap_suspect *left;
    size_t n = 0;
    int rc, end;

    if (!c)
        return REAP_OK;
    pthread_mutex_lock(&c->lock);
    c->closing = true;
    pthread_cond_signal(&c->work);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->writer, NULL);
    reap_coord_status(c, status);
    rc = c->rc ? reap_fail(err, c->rc, "%s", c->err.msg) : REAP_OK;
    left = reap_calloc(SUSPECTS, sizeof(*left));
    if (left)
        n = suspects_now(c, left);
    /* After a failure too, if it can be: nobody died with what was in hand. */
    end = reap_store_leases_put(c->a.store, left, n, rc ? NULL : err);
    rc = rc ? rc : end;
    reap_free(left);
    if (!rc)
        reap_ledger_look(c->ledger);
    if (!rc && reap_ledger_complete(c->ledger))
        rc = coord_mark(c, err);
    else if (!rc)
        rc = reap_fail(err, REAP_ESTOPPED, "stopped early");
    destroy(c);
    *coord = NULL;
    return rc;
}
