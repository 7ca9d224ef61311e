/*
 * The thread that owns MPI asks for leases ahead of need and sends finished
 * blocks in pieces; the flow's threads take and put through two short queues
 * under one lock. A rank whose first rank is gone ends by itself. What a worker
 * computes is pipeline/'s.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cluster/local.h"
#include "cluster/peer.h"
#include "cluster/worker.h"
#include "engine/base/clock.h"
#include "engine/base/err.h"
#include "engine/base/mem.h"
#include "io/file/limits.h"

/* Seconds. */
static const double ALIVE = 2, SILENT = 60, CHECK = 0.5;
static const long FEED_NS = 250000000; /* longest wait for a lease */

enum {
    AHEAD = 1, /* leases at hand besides the one in work */
    LEASES = 8,
    RESULTS = 8 /* finished blocks that wait for the wire */
};

struct result {
    struct reap_lease lease;
    uint8_t *bytes;
    size_t len, sent;
};

/* Shared by the flow's threads and the thread that owns MPI. */
struct ends {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct reap_lease lease[LEASES];
    size_t n_leases;
    struct result result[RESULTS];
    size_t n_results;
    bool none; /* no lease will come */
    bool over; /* nobody takes results any more */
};

struct remote {
    const struct reap_run_args *a;
    struct reap_peer *boss;
    struct ends ends;
    struct reap_flow *flow;
    size_t asked; /* leases asked for and not come */
    bool welcome, refused, finished, end, lost;
    struct reap_watch watch; /* of the launcher alone */
    double checked;
    enum reap_asked heeded;
    char why[200];
    int rc;
    struct reap_err err;
};

static enum reap_fed feed_next(void *ctx, bool wait, struct reap_lease *out)
{
    struct ends *e = ctx;
    enum reap_fed fed = REAP_FED_LATER;
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += FEED_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&e->lock);
    if (wait && !e->n_leases && !e->none)
        pthread_cond_timedwait(&e->changed, &e->lock, &until);
    if (e->n_leases) {
        *out = e->lease[0];
        memmove(e->lease, e->lease + 1, --e->n_leases * sizeof(*out));
        fed = REAP_FED;
    } else if (e->none) {
        fed = REAP_FED_END;
    }
    pthread_mutex_unlock(&e->lock);
    return fed;
}

static int sink_put(void *ctx, const struct reap_lease *lease, uint8_t *bytes,
                    size_t len, struct reap_err *err)
{
    struct ends *e = ctx;
    int rc = REAP_OK;

    pthread_mutex_lock(&e->lock);
    while (e->n_results == RESULTS && !e->over)
        pthread_cond_wait(&e->changed, &e->lock);
    if (e->over)
        rc = reap_fail(err, REAP_ESTOPPED, "the first rank takes no results");
    else
        e->result[e->n_results++] = (struct result){ *lease, bytes, len, 0 };
    pthread_mutex_unlock(&e->lock);
    return rc;
}

static void send(struct remote *r, const struct reap_message *m)
{
    int rc = reap_peer_send(r->boss, m, &r->err);

    if (rc && !r->rc)
        r->rc = rc;
}

static void no_more(struct remote *r)
{
    pthread_mutex_lock(&r->ends.lock);
    r->ends.none = true;
    pthread_cond_broadcast(&r->ends.changed);
    pthread_mutex_unlock(&r->ends.lock);
}

static void give_up_results(struct remote *r)
{
    pthread_mutex_lock(&r->ends.lock);
    r->ends.none = r->ends.over = true;
    pthread_cond_broadcast(&r->ends.changed);
    pthread_mutex_unlock(&r->ends.lock);
}

static int start_flow(struct remote *r)
{
    struct reap_flow_args fa = r->a->flow;

    fa.feed = (struct reap_feed){ &r->ends, feed_next };
    fa.sink = (struct reap_sink){ &r->ends, sink_put };
    return reap_flow_start(&r->flow, &fa, &r->err);
}

static bool on_lease(struct remote *r, const struct reap_message *m)
{
    struct reap_lease l = { .shard = m->number[0],
                            .attempt = (uint32_t)m->number[1],
                            .count = (uint32_t)m->number[2],
                            .flags = (uint8_t)m->number[3],
                            .key_len = (uint32_t)m->text[0].len };
    bool room;

    if (l.key_len > REAP_KEY_MAX || !l.count)
        return false;
    memcpy(l.key, m->text[0].data, l.key_len);
    pthread_mutex_lock(&r->ends.lock);
    room = r->ends.n_leases < LEASES;
    if (room)
        r->ends.lease[r->ends.n_leases++] = l;
    pthread_cond_broadcast(&r->ends.changed);
    pthread_mutex_unlock(&r->ends.lock);
    if (r->asked)
        r->asked--;
    return room;
}

static void handle(struct remote *r, const struct reap_message *m)
{
    char host[64];

    switch (m->type) {
    case REAP_MESSAGE_welcome:
        reap_peer_identify(r->boss, m->number[0], m->number[1],
                           reap_wire_text(m, 0, host, sizeof(host)));
        r->welcome = true;
        if (!r->rc)
            r->rc = start_flow(r);
        break;
    case REAP_MESSAGE_refused:
        r->refused = true;
        reap_wire_text(m, 0, r->why, sizeof(r->why));
        break;
    case REAP_MESSAGE_lease:
        if (!on_lease(r, m))
            reap_peer_lose(r->boss);
        break;
    case REAP_MESSAGE_none:
        r->asked = 0;
        no_more(r);
        break;
    case REAP_MESSAGE_end:
        r->end = true;
        r->lost = m->number[0] != 0;
        break;
    default:
        break;
    }
}

/* Put the next piece of the oldest result on the wire. True if it did. */
static bool push_result(struct remote *r)
{
    struct ends *e = &r->ends;
    struct reap_message m = { .type = REAP_MESSAGE_result };
    struct result *first = &e->result[0];
    size_t piece;

    /* One piece in flight, one after it. */
    if (!e->n_results || reap_peer_unsent(r->boss) > 1)
        return false;
    piece = first->len - first->sent;
    if (piece > REAP_WIRE_CHUNK)
        piece = REAP_WIRE_CHUNK;
    m.number[0] = first->lease.shard;
    m.number[1] = first->lease.attempt;
    m.number[2] = first->len;
    m.number[3] = first->sent;
    m.text[0] = (struct reap_bytes){ first->bytes + first->sent, piece };
    send(r, &m);
    first->sent += piece;
    if (first->sent < first->len)
        return true;
    reap_free(first->bytes);
    memmove(first, first + 1, --e->n_results * sizeof(*first));
    pthread_cond_broadcast(&e->changed);
    return true;
}

static bool push_results(struct remote *r)
{
    bool did;

    pthread_mutex_lock(&r->ends.lock);
    did = push_result(r);
    pthread_mutex_unlock(&r->ends.lock);
    return did;
}

/* Ask early enough that no thread has to wait. */
static void ask(struct remote *r)
{
    struct reap_message m = { .type = REAP_MESSAGE_want };
    size_t have;
    bool none;

    pthread_mutex_lock(&r->ends.lock);
    have = r->ends.n_leases;
    none = r->ends.none;
    pthread_mutex_unlock(&r->ends.lock);
    if (none || !r->flow || have + r->asked >= AHEAD)
        return;
    m.number[0] = AHEAD - have - r->asked;
    r->asked += m.number[0];
    send(r, &m);
}

/* What signals ask for: this rank takes no more leases, or drops its own. */
static void heed(struct remote *r)
{
    enum reap_asked asked = reap_signals_asked();

    if (asked <= r->heeded)
        return;
    r->heeded = asked;
    no_more(r);
    if (r->flow && asked == REAP_ASKED_STOP)
        reap_flow_stop(r->flow);
}

/* The flow has ended and its results are sent: say so, once. */
static void worker_finish(struct remote *r)
{
    struct reap_message m = { .type = REAP_MESSAGE_finished };
    bool idle;

    pthread_mutex_lock(&r->ends.lock);
    idle = !r->ends.n_results;
    pthread_mutex_unlock(&r->ends.lock);
    if (r->finished || !r->welcome || !idle ||
        (r->flow && !reap_flow_done(r->flow)))
        return;
    if (r->flow) {
        int rc = reap_flow_join(&r->flow, &r->err);

        r->rc = r->rc ? r->rc : rc;
    }
    m.number[0] = (uint64_t)(int64_t)r->rc;
    if (r->rc)
        m.text[0] = (struct reap_bytes){ (const uint8_t *)r->err.msg,
                                         strlen(r->err.msg) };
    send(r, &m);
    r->finished = true;
}

/* Is the first rank there? If not, the work here can reach nobody. */
static void worker_check(struct remote *r)
{
    double t = reap_clock();

    if (t - r->checked < CHECK)
        return;
    r->checked = t;
    if (reap_peer_lost(r->boss) || reap_peer_gone(r->boss) ||
        reap_watch_orphaned(&r->watch) || reap_peer_quiet(r->boss) > SILENT)
        _exit(reap_exit_status(REAP_ESTOPPED));
    if (t - reap_peer_spoke(r->boss) > ALIVE && !reap_peer_unsent(r->boss)) {
        struct reap_message m = { .type = REAP_MESSAGE_alive };

        send(r, &m);
    }
}

static void loop(struct remote *r)
{
    double slept = 0;

    while (!r->end) {
        struct reap_message m;
        bool busy = false;

        while (!r->end && reap_peer_poll(r->boss, &m)) {
            handle(r, &m);
            reap_peer_next(r->boss);
            busy = true;
        }
        heed(r);
        ask(r);
        busy |= push_results(r);
        worker_finish(r);
        worker_check(r);
        if (!r->end)
            reap_nap_longer(busy, &slept);
    }
}

static void say_hello(struct remote *r)
{
    struct reap_message m = { .type = REAP_MESSAGE_hello };
    const struct reap_engine *e = r->a->flow.engine;
    const char *level = e ? reap_engine_level(e) : "none";
    char host[64] = "";

    gethostname(host, sizeof(host) - 1);
    m.number[0] = (uint64_t)getpid();
    m.number[1] = reap_peer_start_time((uint64_t)getpid());
    m.text[0] = (struct reap_bytes){ (const uint8_t *)host, strlen(host) };
    m.text[1] = (struct reap_bytes){ (const uint8_t *)level, strlen(level) };
    m.text[2] = (struct reap_bytes){ (const uint8_t *)r->a->fingerprint,
                                     strlen(r->a->fingerprint) };
    send(r, &m);
}

int reap_worker_run(const struct reap_run_args *a,
                    struct reap_run_status *status, bool *lost,
                    struct reap_err *err)
{
    struct remote r = { .a = a };
    int rc = reap_peer_open(&r.boss, 0, err), end;

    *lost = false;
    if (rc)
        return rc;
    pthread_mutex_init(&r.ends.lock, NULL);
    pthread_cond_init(&r.ends.changed, NULL);
    say_hello(&r);
    loop(&r);
    give_up_results(&r);
    if (r.flow) {
        reap_flow_stop(r.flow);
        reap_flow_times(r.flow, &status->times);
        end = reap_flow_join(&r.flow, NULL);
        (void)end; /* dropped on purpose: the run is over */
    }
    for (size_t i = 0; i < r.ends.n_results; i++)
        reap_free(r.ends.result[i].bytes);
    *lost = r.lost || reap_peer_lost(r.boss);
    snprintf(status->refused, sizeof(status->refused), "%s", r.why);
    reap_peer_close(&r.boss);
    pthread_cond_destroy(&r.ends.changed);
    pthread_mutex_destroy(&r.ends.lock);
    return r.rc ? reap_fail(err, r.rc, "%s", r.err.msg) : REAP_OK;
}
