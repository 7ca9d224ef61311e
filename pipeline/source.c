/* Leases become records under one lock; a thread that has to wait for a lease
 * does so without it, one at a time. A shard stays until its last row is set
 * and its block sent. */
#define _GNU_SOURCE
#include <pthread.h>
#include <string.h>

#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "pipeline/source.h"
#include "pipeline/trace.h"

struct reap_source {
    struct reap_cursor *cursor;
    struct reap_feed feed;
    struct reap_schema schema;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool fetching; /* one thread is inside feed.next() */
    bool drained, stopped, ended;
    struct reap_shard *all;   /* in hand, newest first */
    struct reap_shard *shard; /* records are handed out of this one */
    uint32_t next;            /* its next record */
    int rc;
    struct reap_err err;
};

int reap_source_open(struct reap_source **out, struct reap_dataset *ds,
                     const struct reap_feed *feed,
                     const struct reap_schema *schema, struct reap_err *err)
{
    struct reap_source *s = reap_calloc(1, sizeof(*s));
    int rc;

    *out = NULL;
    if (!s)
        return reap_fail(err, REAP_ENOMEM, "no memory for a flow");
    rc = reap_cursor_open(&s->cursor, ds, err);
    if (rc) {
        reap_free(s);
        return rc;
    }
    s->feed = *feed;
    s->schema = *schema;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    *out = s;
    return REAP_OK;
}

static void shard_free(struct reap_shard *sh)
{
    if (sh)
        reap_block_free(&sh->block);
    reap_free(sh);
}

/* Make a shard of a lease. Called without the lock. */
static int shard_new(struct reap_source *s, const struct reap_lease *lease,
                     struct reap_shard **out, struct reap_err *err)
{
    struct reap_shard *sh = reap_calloc(1, sizeof(*sh));
    int rc;

    *out = NULL;
    if (!sh)
        return reap_fail(err, REAP_ENOMEM, "no memory for a shard");
    sh->lease = *lease;
    sh->since = reap_clock();
    atomic_init(&sh->missing, lease->count);
    rc = reap_block_new(&sh->block, &s->schema, lease->count, err);
    if (rc) {
        shard_free(sh);
        return rc;
    }
    *out = sh;
    return REAP_OK;
}

static void link_shard(struct reap_source *s, struct reap_shard *sh)
{
    sh->after = s->all;
    if (s->all)
        s->all->before = sh;
    s->all = sh;
}

void reap_source_release(struct reap_source *s, struct reap_shard *sh)
{
    pthread_mutex_lock(&s->lock);
    if (sh->before)
        sh->before->after = sh->after;
    else
        s->all = sh->after;
    if (sh->after)
        sh->after->before = sh->before;
    pthread_mutex_unlock(&s->lock);
    shard_free(sh);
}

/* Get a lease, with the lock given up meanwhile. */
static enum reap_fed fetch(struct reap_source *s, bool wait)
{
    struct reap_lease lease;
    struct reap_shard *sh = NULL;
    struct reap_err err = { 0 };
    enum reap_fed fed;
    int rc = REAP_OK;

    s->fetching = true;
    pthread_mutex_unlock(&s->lock);
    fed = s->feed.next(s->feed.ctx, wait, &lease);
    if (fed == REAP_FED)
        reap_trace_lease(&lease);
    if (fed == REAP_FED && lease.count)
        rc = shard_new(s, &lease, &sh, &err);
    pthread_mutex_lock(&s->lock);
    s->fetching = false;
    if (rc) {
        s->rc = rc;
        s->err = err;
    }
    if (rc || fed == REAP_FED_END)
        s->ended = true;
    if (sh)
        link_shard(s, sh);
    s->shard = sh;
    s->next = 0;
    pthread_cond_broadcast(&s->changed);
    return s->ended ? REAP_FED_END : fed;
}

static bool source_same(struct reap_bytes a, const uint8_t *b, size_t n)
{
    return a.len == n && !memcmp(a.data, b, n);
}

/* Hand out the shard's next record. The lock is held. */
static enum reap_fed source_take(struct reap_source *s, struct reap_item *out)
{
    struct reap_shard *sh = s->shard;
    const struct reap_lease *l = &sh->lease;
    struct reap_bytes key = { l->key, l->key_len };
    int rc = s->next ? reap_cursor_next(s->cursor, &out->rec, &s->err)
                     : reap_cursor_seek(s->cursor, key, &out->rec, &s->err);

    if (rc == REAP_ENOTFOUND ||
        (!rc && !s->next && !source_same(out->rec.key, l->key, l->key_len)))
        rc = reap_fail(&s->err, REAP_EMISFIT,
                       "the dataset here lacks keys that the coordinator's "
                       "has, at '%.*s'",
                       (int)l->key_len, (const char *)l->key);
    if (rc) {
        s->rc = rc;
        s->ended = true;
        s->shard = NULL; /* other threads may hold rows of it */
        return REAP_FED_END;
    }
    out->shard = sh;
    out->index = s->next++;
    if (s->next == l->count)
        s->shard = NULL; /* its last row frees it */
    return REAP_FED;
}

enum reap_fed reap_source_next(struct reap_source *s, bool wait,
                               struct reap_item *out)
{
    enum reap_fed fed = REAP_FED_LATER;

    pthread_mutex_lock(&s->lock);
    for (;;) {
        if (s->stopped || (s->ended && !s->shard) ||
            (s->drained && !s->shard)) {
            fed = REAP_FED_END;
            break;
        }
        if (s->shard) {
            fed = source_take(s, out);
            break;
        }
        if (s->fetching) {
            if (!wait)
                break;
            pthread_cond_wait(&s->changed, &s->lock);
            continue;
        }
        if (fetch(s, wait) == REAP_FED_LATER && !wait)
            break;
    }
    pthread_mutex_unlock(&s->lock);
    return fed;
}

void reap_source_drain(struct reap_source *s)
{
    pthread_mutex_lock(&s->lock);
    s->drained = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

void reap_source_stop(struct reap_source *s)
{
    pthread_mutex_lock(&s->lock);
    s->stopped = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

int reap_source_close(struct reap_source **s, struct reap_err *err)
{
    struct reap_source *old = *s;
    int rc;

    if (!old)
        return REAP_OK;
    rc = old->rc;
    if (rc)
        reap_fail(err, rc, "%s", old->err.msg);
    while (old->all) {
        struct reap_shard *sh = old->all;

        old->all = sh->after;
        shard_free(sh);
    }
    reap_cursor_close(&old->cursor);
    pthread_cond_destroy(&old->changed);
    pthread_mutex_destroy(&old->lock);
    reap_free(old);
    *s = NULL;
    return rc;
}
