/*
 * A loop over all workers that never blocks: take what they sent, give leases,
 * look for the silent ones. A result travels in pieces and goes to coord.c
 * whole. After a failure nothing collective is called; the farewell has a time
 * limit too. What a lease or a death means is ledger.c's.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cluster/local.h"
#include "cluster/peer.h"
#include "cluster/pulse.h"
#include "cluster/rank_marks.h"
#include "cluster/serve.h"
#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "io/store/fingerprint.h"

/* Seconds. A worker says something every 2 (worker.c). LINGER: from the end of
 * all work until workers must have said that they have finished. */
static const double SILENT = 30, PULSE = 2, CHECK = 0.5, FAREWELL = 5,
                    LINGER = 30;
/* Until a rank says hello: it may be compiling a large network meanwhile. */
static const double LATE_HELLO = 120;

enum { RESULT_MAX = 1 << 30 };

enum state {
    NEW, /* has not said hello */
    AT_WORK,
    FINISHED, /* sends no more results */
    AWAY,     /* sent away: it only waits for the end */
    DEAD
};

struct worker {
    struct reap_peer *peer;
    enum state state;
    uint64_t wants; /* leases asked for and not given */
    /* The result that is coming in, and whether it waits for room. */
    uint64_t shard, attempt, len, got;
    uint8_t *bytes;
    bool whole;
    bool dropped; /* no memory for the one that is coming in */
    bool told_none;
};

struct serve {
    const struct reap_run_args *a;
    struct reap_coord *coord;
    struct worker *worker; /* [rank], [0] unused */
    int ranks;
    bool lost, met; /* all have said hello */
    bool returned;  /* this rank's own leases, as its flow has ended */
    double checked;
    double ended; /* when there was nothing more to do; 0: not yet */
    char refused[200];
    int rc; /* of our own, such as no memory */
    struct reap_err err;
    struct reap_run_status *status; /* the caller's, filled at the end */
};

static void send(struct serve *s, struct worker *w,
                 const struct reap_message *m)
{
    if (!s->rc)
        s->rc = reap_peer_send(w->peer, m, &s->err);
}

static void serve_say(struct serve *s, struct worker *w,
                      enum reap_message_type type, uint64_t number)
{
    struct reap_message m = { .type = type, .number = { number } };

    send(s, w, &m);
}

static void bury(struct serve *s, int rank)
{
    struct worker *w = &s->worker[rank];

    if (w->state == DEAD)
        return;
    w->state = DEAD;
    w->wants = 0;
    reap_free(w->bytes);
    w->bytes = NULL;
    w->whole = false;
    reap_peer_lose(w->peer);
    s->lost = true;
    reap_coord_died(s->coord, (size_t)rank);
}

static struct reap_bytes text(const char *s)
{
    return (struct reap_bytes){ (const uint8_t *)s, strlen(s) };
}

/* The line at 'at' of 'text' in the words of options, in 'buf'. */
static const char *line_words(struct reap_bytes text, size_t at, char *buf,
                              size_t size)
{
    char line[96];
    size_t n = 0;

    while (at + n < text.len && n < sizeof(line) - 1 && text.data[at + n] &&
           text.data[at + n] != '\n') {
        line[n] = (char)text.data[at + n];
        n++;
    }
    line[n] = '\0';
    return *line ? reap_fingerprint_line(line, buf, size) : "nothing more";
}

/* The first line in which a rank's fingerprint is not ours, in words. */
static void explain(struct serve *s, int rank, const char *host,
                    struct reap_bytes theirs)
{
    const struct reap_bytes ours = text(s->a->fingerprint);
    char a[80], b[80];
    size_t line = 0;

    for (size_t at = 0;
         at < ours.len && at < theirs.len && ours.data[at] == theirs.data[at];
         at++)
        if (ours.data[at] == '\n')
            line = at + 1;
    snprintf(s->refused, sizeof(s->refused),
             "rank %d on %s was sent away: it has %.36s, the first rank %.36s",
             rank, host, line_words(theirs, line, a, sizeof(a)),
             line_words(ours, line, b, sizeof(b)));
}

static void on_hello(struct serve *s, int rank, const struct reap_message *m)
{
    struct worker *w = &s->worker[rank];
    struct reap_message reply = { .type = REAP_MESSAGE_welcome };
    char host[64] = "", theirs[64];
    struct reap_bytes print = text(s->a->fingerprint);

    reap_peer_identify(w->peer, m->number[0], m->number[1],
                       reap_wire_text(m, 0, theirs, sizeof(theirs)));
    gethostname(host, sizeof(host) - 1);
    if (m->text[2].len != print.len ||
        memcmp(m->text[2].data, print.data, print.len) != 0) {
        explain(s, rank, theirs, m->text[2]);
        reply.type = REAP_MESSAGE_refused;
        reply.text[0] = text(s->refused);
        w->state = AWAY;
    } else {
        reply.number[0] = (uint64_t)getpid();
        reply.number[1] = reap_peer_start_time((uint64_t)getpid());
        reply.text[0] = text(host);
        w->state = AT_WORK;
        reap_coord_add_host(s->coord, theirs);
    }
    send(s, w, &reply);
}

/* A piece of a result: pieces come in order. False: nonsense. */
/* A part of a result. False if it breaks the protocol; without memory here,
 * which is no fault of the worker's, the run ends. */
static bool on_result(struct serve *s, struct worker *w,
                      const struct reap_message *m)
{
    uint64_t len = m->number[2], at = m->number[3];

    if (w->dropped && at)
        return true;
    w->dropped = false;
    if (!at) {
        if (w->bytes || !len || len > RESULT_MAX)
            return false;
        w->bytes = reap_calloc(1, len);
        w->shard = m->number[0];
        w->attempt = m->number[1];
        w->len = len;
        w->got = 0;
        w->dropped = !w->bytes;
        if (w->dropped && !s->rc)
            s->rc =
                reap_fail(&s->err, REAP_ENOMEM,
                          "no memory for a result of %" PRIu64 " bytes", len);
        if (w->dropped)
            return true;
    }
    if (!w->bytes || at != w->got || len != w->len ||
        m->text[0].len > w->len - w->got)
        return false;
    memcpy(w->bytes + at, m->text[0].data, m->text[0].len);
    w->got += m->text[0].len;
    w->whole = w->got == w->len;
    return true;
}

static void on_finished(struct serve *s, int rank, const struct reap_message *m)
{
    struct worker *w = &s->worker[rank];

    w->state = FINISHED;
    w->wants = 0;
    reap_coord_returned(s->coord, (size_t)rank);
    if ((int)(int64_t)m->number[0] != REAP_OK && !s->rc) {
        char words[300];

        s->rc = reap_fail(&s->err, (int)(int64_t)m->number[0], "rank %d: %s",
                          rank, reap_wire_text(m, 0, words, sizeof(words)));
    }
}

static void handle(struct serve *s, int rank, const struct reap_message *m)
{
    struct worker *w = &s->worker[rank];
    bool good = true;

    switch (m->type) {
    case REAP_MESSAGE_hello:
        on_hello(s, rank, m);
        break;
    case REAP_MESSAGE_want:
        w->wants += m->number[0];
        break;
    case REAP_MESSAGE_result:
        good = on_result(s, w, m);
        break;
    case REAP_MESSAGE_finished:
        on_finished(s, rank, m);
        break;
    case REAP_MESSAGE_alive:
    case REAP_MESSAGE_offer: /* one that came too late to have a say */
        break;
    default:
        good = false;
    }
    if (!good)
        bury(s, rank); /* it broke the protocol */
}

/* Hand a whole result on; false while there is no room for it. */
static bool deliver(struct serve *s, struct worker *w)
{
    int rc;

    if (!w->whole)
        return true;
    rc = reap_coord_take(s->coord, w->shard, (uint32_t)w->attempt, w->bytes,
                         w->len, true, NULL);
    if (rc == REAP_ESTOPPED)
        return false;
    if (rc)
        reap_free(w->bytes); /* the coordinator keeps the failure */
    w->bytes = NULL;
    w->whole = false;
    return true;
}

/* Give what was asked for, as far as there is something. */
static bool grant(struct serve *s, int rank)
{
    struct worker *w = &s->worker[rank];
    struct reap_lease lease;
    bool gave = false;

    while (w->wants && w->state == AT_WORK && !w->told_none) {
        struct reap_message m = { .type = REAP_MESSAGE_lease };
        enum reap_grant g =
            reap_coord_grant(s->coord, (size_t)rank, false, &lease);

        if (g == REAP_GRANT_LATER)
            break;
        gave = true;
        w->wants--;
        if (g == REAP_GRANT_NONE) {
            w->told_none = true;
            serve_say(s, w, REAP_MESSAGE_none, 0);
            break;
        }
        m.number[0] = lease.shard;
        m.number[1] = lease.attempt;
        m.number[2] = lease.count;
        m.number[3] = lease.flags;
        m.text[0] = (struct reap_bytes){ lease.key, lease.key_len };
        send(s, w, &m);
    }
    return gave;
}

/* All that one worker needs now. True if something happened. */
static bool serve_one(struct serve *s, int rank)
{
    struct worker *w = &s->worker[rank];
    struct reap_message m;
    bool busy = false;

    if (w->state == DEAD || !deliver(s, w))
        return false;
    while (reap_peer_poll(w->peer, &m)) {
        busy = true;
        handle(s, rank, &m);
        if (w->state == DEAD)
            return true;
        reap_peer_next(w->peer);
        if (!deliver(s, w))
            break;
    }
    if (reap_peer_lost(w->peer)) {
        bury(s, rank);
        return true;
    }
    if (reap_clock() - reap_peer_spoke(w->peer) > PULSE &&
        !reap_peer_unsent(w->peer))
        serve_say(s, w, REAP_MESSAGE_pulse, 0);
    return grant(s, rank) || busy;
}

/* Which workers have not been heard of, or have ended on this host? */
static void serve_check(struct serve *s)
{
    double t = reap_clock();

    if (t - s->checked < CHECK)
        return;
    s->checked = t;
    for (int r = 1; r < s->ranks; r++) {
        struct worker *w = &s->worker[r];

        /* While its result waits for room nobody listens to it. */
        double quiet = reap_peer_quiet(w->peer);
        bool silent = (w->state == AT_WORK && !w->whole && quiet > SILENT) ||
                      (w->state == NEW && quiet > LATE_HELLO);

        if (w->state != DEAD && (silent || reap_peer_gone(w->peer)))
            bury(s, r);
    }
}

static bool round_of_all(struct serve *s)
{
    bool busy = false;

    for (int r = 1; r < s->ranks; r++)
        busy |= serve_one(s, r);
    serve_check(s);
    return busy;
}

static size_t serve_count(const struct serve *s, enum state state)
{
    size_t n = 0;

    for (int r = 1; r < s->ranks; r++)
        n += s->worker[r].state == state;
    return n;
}

/* Nothing is left to do and to commit: have the others finished? One may hang
 * in a late lease that somebody else has done; it is not waited for long. */
static bool is_over(struct serve *s)
{
    if (!reap_coord_ended(s->coord))
        return false;
    if (!(s->ended > 0))
        s->ended = reap_clock();
    if (!serve_count(s, AT_WORK) || s->rc)
        return true;
    if (reap_clock() - s->ended < LINGER)
        return false;
    for (int r = 1; r < s->ranks; r++)
        if (s->worker[r].state == AT_WORK)
            bury(s, r);
    return true;
}

/* Until all is done: leases to workers, results to the coordinator. */
static void loop(struct serve *s, struct reap_flow *flow,
                 struct reap_run_status *status)
{
    struct reap_watch watch = { .begin = reap_clock() };
    double slept = 0;

    for (;;) {
        bool busy = round_of_all(s), mine = flow && !reap_flow_done(flow);

        if (!s->met && !serve_count(s, NEW)) {
            s->met = true;
            reap_rank_mark("hello");
        }
        status->workers = serve_count(s, AT_WORK) + mine;
        reap_watch_look(&watch, s->a, s->coord, flow, status->workers);
        if (s->rc || reap_watch_orphaned(&watch))
            reap_coord_drain(s->coord);
        if (!mine && !s->returned) { /* what it has not done, others do */
            s->returned = true;
            reap_coord_returned(s->coord, 0);
        }
        if (!mine && is_over(s))
            return;
        /* Nobody is left to work: what remains is for another run. */
        if (!mine && !serve_count(s, AT_WORK) && !serve_count(s, NEW))
            return;
        reap_nap_longer(busy, &slept);
    }
}

/* Tell everyone that it is over, and wait until the messages have left. */
static void farewell(struct serve *s)
{
    double until = reap_clock() + FAREWELL;
    size_t unsent = 1;
    double slept = 0;

    for (int r = 1; r < s->ranks; r++)
        if (s->worker[r].state != DEAD)
            serve_say(s, &s->worker[r], REAP_MESSAGE_end, s->lost);
    /* A rank that has not said hello yet may still be on its way. */
    while ((unsent || serve_count(s, NEW)) && reap_clock() < until) {
        struct reap_message m;

        unsent = 0;
        for (int r = 1; r < s->ranks; r++) {
            struct worker *w = &s->worker[r];

            if (w->state == DEAD)
                continue;
            if (reap_peer_poll(w->peer, &m)) {
                if (w->state == NEW)
                    w->state = FINISHED;
                reap_peer_next(w->peer);
            }
            if (!reap_peer_lost(w->peer))
                unsent += reap_peer_unsent(w->peer);
            else
                s->lost = true;
        }
        reap_nap_longer(false, &slept);
    }
    s->lost |= unsent || serve_count(s, NEW);
}

static int open_peers(struct serve *s, struct reap_err *err)
{
    int rc = REAP_OK;

    s->worker = reap_calloc((size_t)s->ranks, sizeof(*s->worker));
    if (!s->worker)
        return reap_fail(err, REAP_ENOMEM, "no memory for %d ranks", s->ranks);
    for (int r = 1; r < s->ranks && !rc; r++)
        rc = reap_peer_open(&s->worker[r].peer, r, err);
    return rc;
}

static int open_coord(void *ctx, struct reap_err *err)
{
    struct serve *s = ctx;
    struct reap_coord_args ca = { .dataset = s->a->flow.dataset,
                                  .store = s->a->store,
                                  .schema = s->a->flow.schema,
                                  .limit = s->a->limit,
                                  .batch = (uint32_t)s->a->flow.batch,
                                  .workers = (size_t)s->ranks };
    char host[64] = "";
    int rc = reap_coord_open(&s->coord, &ca, err);

    gethostname(host, sizeof(host) - 1);
    if (!rc)
        reap_coord_add_host(s->coord, host);
    return rc;
}

static int close_coord(void *ctx, struct reap_err *err)
{
    struct serve *s = ctx;

    return reap_coord_close(&s->coord, s->status, err);
}

static void serve_close_all(struct serve *s)
{
    for (int r = 1; s->worker && r < s->ranks; r++) {
        reap_free(s->worker[r].bytes);
        reap_peer_close(&s->worker[r].peer);
    }
    reap_free(s->worker);
}

int reap_serve_run(const struct reap_run_args *a, int ranks,
                   struct reap_run_status *status, bool *lost,
                   struct reap_err *err)
{
    struct serve s = { .a = a, .ranks = ranks };
    struct reap_flow_args fa = a->flow;
    struct reap_flow *flow = NULL;
    struct reap_err closing;
    int rc = open_peers(&s, err), end;

    if (!rc)
        rc = reap_pulse_while(open_coord, &s, err);
    if (!rc && (!a->dedicated || ranks == 1)) {
        reap_coord_ends(s.coord, &fa.feed, &fa.sink);
        rc = reap_flow_start(&flow, &fa, err);
    }
    if (!rc)
        loop(&s, flow, status);
    if (flow) {
        reap_flow_times(flow, &status->times);
        end = reap_flow_join(&flow, rc ? NULL : err);
        rc = rc ? rc : end;
    }
    if (!rc && s.rc)
        rc = reap_fail(err, s.rc, "%s", s.err.msg);
    if (s.coord) {
        reap_coord_returned(s.coord, 0);
        s.status = status;
        end = reap_pulse_while(close_coord, &s, &closing);
        if (!rc && end)
            rc = reap_fail(err, end, "%s", closing.msg);
    }
    s.rc = REAP_OK; /* told; the farewell needs the wire */
    if (s.worker)
        farewell(&s);
    *lost = s.lost;
    snprintf(status->refused, sizeof(status->refused), "%s", s.refused);
    serve_close_all(&s);
    return rc;
}
