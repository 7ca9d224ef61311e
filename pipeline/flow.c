/* Threads that fill a batch and run it, and their orderly end. A thread waits
 * for a record only with an empty batch. What a batch does is batch.c's. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "pipeline/batch.h"
#include "pipeline/flow.h"
#include "pipeline/source.h"
#include "pipeline/trace.h"

struct worker {
    struct reap_flow *flow;
    struct reap_batch *batch;
    pthread_t thread;
    bool started;
};

struct reap_flow {
    struct reap_flow_args a;
    struct reap_source *source;
    struct worker *worker;
    atomic_size_t running;
    pthread_mutex_t lock; /* of what follows */
    struct reap_flow_times times;
    int rc;
    struct reap_err err;
};

/* Fill the batch as far as records are at hand; wait only for the first. */
static int flow_fill(struct worker *w, bool *more, struct reap_err *err)
{
    struct reap_item item;
    int rc = REAP_OK;

    while (!rc && !reap_batch_full(w->batch)) {
        bool wait = !reap_batch_filled(w->batch);
        double since = reap_clock();
        enum reap_fed fed = reap_source_next(w->flow->source, wait, &item);

        if (wait)
            reap_batch_waited(w->batch, reap_clock() - since);
        *more = fed != REAP_FED_END;
        if (fed != REAP_FED)
            break;
        rc = reap_batch_add(w->batch, &item, err);
    }
    return rc;
}

static void flow_fail(struct reap_flow *f, int rc, const struct reap_err *err)
{
    pthread_mutex_lock(&f->lock);
    if (!f->rc) {
        f->rc = rc;
        f->err = *err;
    }
    pthread_mutex_unlock(&f->lock);
    reap_source_stop(f->source);
}

static void *flow_work(void *arg)
{
    struct worker *w = arg;
    struct reap_flow *f = w->flow;
    struct reap_err err = { 0 };
    bool more = true;
    int rc = REAP_OK;

    while (more && !rc) {
        rc = flow_fill(w, &more, &err);
        if (!rc)
            rc = reap_batch_run(w->batch, &err);
        pthread_mutex_lock(&f->lock);
        reap_batch_times(w->batch, &f->times);
        pthread_mutex_unlock(&f->lock);
    }
    if (rc)
        flow_fail(f, rc, &err);
    atomic_fetch_sub(&f->running, 1);
    return NULL;
}

static int start_threads(struct reap_flow *f, struct reap_err *err)
{
    for (size_t i = 0; i < f->a.threads; i++) {
        struct worker *w = &f->worker[i];
        int rc;

        w->flow = f;
        rc = reap_batch_new(&w->batch, &f->a, f->source, err);
        if (rc)
            return rc;
    }
    for (size_t i = 0; i < f->a.threads; i++) {
        atomic_fetch_add(&f->running, 1);
        if (pthread_create(&f->worker[i].thread, NULL, flow_work,
                           &f->worker[i])) {
            atomic_fetch_sub(&f->running, 1);
            return reap_fail(err, REAP_ENOMEM, "cannot start thread %zu", i);
        }
        f->worker[i].started = true;
    }
    return REAP_OK;
}

int reap_flow_start(struct reap_flow **out, const struct reap_flow_args *a,
                    struct reap_err *err)
{
    struct reap_flow *f = reap_calloc(1, sizeof(*f));
    int rc;

    *out = NULL;
    if (!f)
        return reap_fail(err, REAP_ENOMEM, "no memory for a flow");
    f->a = *a;
    pthread_mutex_init(&f->lock, NULL);
    f->worker = reap_calloc(a->threads, sizeof(*f->worker));
    rc = f->worker ? REAP_OK
                   : reap_fail(err, REAP_ENOMEM, "no memory for threads");
    if (!rc)
        rc =
            reap_source_open(&f->source, a->dataset, &a->feed, &a->schema, err);
    if (!rc)
        rc = start_threads(f, err);
    if (rc) {
        struct reap_err ignored;

        if (f->source)
            reap_source_stop(f->source);
        if (reap_flow_join(&f, &ignored))
            return rc; /* the first failure is the one to tell */
        return rc;
    }
    *out = f;
    return REAP_OK;
}

void reap_flow_drain(struct reap_flow *f)
{
    reap_source_drain(f->source);
}

void reap_flow_stop(struct reap_flow *f)
{
    reap_source_stop(f->source);
}

bool reap_flow_done(struct reap_flow *f)
{
    return !atomic_load(&f->running);
}

void reap_flow_times(struct reap_flow *f, struct reap_flow_times *out)
{
    pthread_mutex_lock(&f->lock);
    *out = f->times;
    pthread_mutex_unlock(&f->lock);
}

int reap_flow_join(struct reap_flow **flow, struct reap_err *err)
{
    struct reap_flow *f = *flow;
    int rc, source_rc;

    if (!f)
        return REAP_OK;
    for (size_t i = 0; f->worker && i < f->a.threads; i++) {
        if (f->worker[i].started)
            pthread_join(f->worker[i].thread, NULL);
        reap_batch_free(&f->worker[i].batch);
    }
    rc = f->rc;
    if (rc)
        reap_fail(err, rc, "%s", f->err.msg);
    source_rc = reap_source_close(&f->source, rc ? NULL : err);
    reap_trace_end();
    pthread_mutex_destroy(&f->lock);
    reap_free(f->worker);
    reap_free(f);
    *flow = NULL;
    return rc ? rc : source_rc;
}
