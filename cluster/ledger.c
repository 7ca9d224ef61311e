/*
 * A list of shards that are out or wait to go out, oldest first. A lease is
 * sized by the rate of the worker that asks (some seconds of its work, less
 * near the end); a shard comes back when its worker dies, and the more workers
 * died with it the more carefully it goes out again (see burden()); when
 * nothing is left to give, the oldest lease goes to a second worker and the
 * first result counts. Where keys come from is todo.c's, when anything happens
 * the caller's.
 */
#include <string.h>

#include "cluster/ledger.h"
#include "engine/base/mem.h"

enum { FIRST = 16, MOST = 4096, ALONE_DEATHS = 2 };
/* Rows wait in memory until their lease is done, then for their commit: so few
 * bytes of them that peaks stay flat, but batches enough for all threads. */
enum { ENOUGH_BYTES = 1 << 20, FEW_BATCHES = 8, RESULT_BYTES = 64 << 20 };
static const double LEASE_SECONDS = 1, LATE = 1.5, LATE_AT_LEAST = 2;
/* after so many deaths of a shard its records are replayed one at a time */
enum { NARROW_DEATHS = 2 };

/* A shard that is out or has to go out again. Its keys are one run. */
struct shard {
    struct reap_lease lease; /* attempt: the next one to give */
    uint32_t deaths;
    uint32_t alone_deaths;
    bool narrow; /* killed twice: its records go out one at a time */
    bool alone;  /* one record, replayed by a worker that holds nothing else */
    bool queued; /* waits for a worker */
    struct out {
        bool on, arrived; /* arrived: its result waits to be committed */
        uint32_t attempt;
        size_t worker;
        double since;
    } out[2]; /* the second: a late one given to somebody else too */
    struct shard *next;
};

struct worker {
    double rate;   /* rows per second, 0: not known */
    uint32_t open; /* leases out */
    bool holds_alone;
};

struct reap_ledger {
    struct reap_ledger_args a;
    struct shard *first; /* oldest first */
    struct shard **end;
    struct worker *worker;
    size_t n_open;
    uint64_t next_shard, granted, redone;
    bool dry; /* the todo source has no more */
    bool drained;
    bool
        scanning; /* the todo source had nothing yet, and has more to look at */
};

int reap_ledger_new(struct reap_ledger **out, const struct reap_ledger_args *a,
                    struct reap_err *err)
{
    struct reap_ledger *l = reap_calloc(1, sizeof(*l));

    *out = NULL;
    if (l)
        l->worker = reap_calloc(a->workers, sizeof(*l->worker));
    if (!l || !l->worker) {
        reap_free(l);
        return reap_fail(err, REAP_ENOMEM, "no memory for a ledger");
    }
    l->a = *a;
    l->end = &l->first;
    l->next_shard = 1;
    *out = l;
    return REAP_OK;
}

static struct shard *ledger_append(struct reap_ledger *l,
                                   const struct reap_lease *lease)
{
    struct shard *s = reap_calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->lease = *lease;
    s->lease.shard = l->next_shard++;
    s->lease.attempt = 1;
    s->lease.flags = 0;
    *l->end = s;
    l->end = &s->next;
    return s;
}

static void unlink_shard(struct reap_ledger *l, struct shard *s)
{
    struct shard **p = &l->first;

    while (*p != s)
        p = &(*p)->next;
    *p = s->next;
    if (l->end == &s->next)
        l->end = p;
    reap_free(s);
}

/* What earlier deaths mean for a shard. */
static void burden(struct shard *s, uint32_t deaths)
{
    s->deaths = deaths;
    s->narrow = s->lease.count > 1 && deaths >= NARROW_DEATHS;
    s->alone = s->lease.count == 1 && deaths >= NARROW_DEATHS;
    s->alone_deaths = s->alone ? deaths - NARROW_DEATHS : 0;
    if (s->alone_deaths >= ALONE_DEATHS)
        s->lease.flags |= REAP_LEASE_CONDEMNED;
}

/* Rows of a lease at most. */
static size_t most_rows(const struct reap_ledger *l, size_t batch)
{
    const size_t row = l->a.row_bytes;
    size_t most;

    if (!row)
        return MOST;
    most = ENOUGH_BYTES / row;
    if (most < FEW_BATCHES * batch)
        most = FEW_BATCHES * batch;
    return most < RESULT_BYTES / row ? most : RESULT_BYTES / row;
}

/* Rows for worker 'w': some seconds of its work, less near the end, never more
 * than fits a result; whole batches. */
static uint32_t lease_size(const struct reap_ledger *l, size_t w)
{
    double n =
        l->worker[w].rate > 0 ? l->worker[w].rate * LEASE_SECONDS : FIRST;
    double left =
        l->a.total > l->granted ? (double)(l->a.total - l->granted) : FIRST;
    uint32_t size, batch = l->a.batch ? l->a.batch : 1;
    const size_t most = most_rows(l, batch);

    if (n > left / (2 * (double)l->a.workers))
        n = left / (2 * (double)l->a.workers);
    size = n > MOST ? MOST : (uint32_t)n;
    size = (size + batch - 1) / batch * batch;
    if (size > most)
        size = (uint32_t)most;
    return size ? size : 1;
}

static enum reap_grant ledger_give(struct reap_ledger *l, struct shard *s,
                                   size_t w, double now, struct reap_lease *out)
{
    struct out *o = s->out[0].on ? &s->out[1] : &s->out[0];

    if (s->lease.attempt > 1 || s->deaths)
        l->redone += s->lease.count;
    *o = (struct out){ true, false, s->lease.attempt, w, now };
    *out = s->lease;
    s->lease.attempt++;
    s->queued = false;
    l->worker[w].open++;
    l->worker[w].holds_alone |= s->alone;
    l->n_open++;
    return REAP_GRANT;
}

/* The first shard that waits and that this worker may take. */
static struct shard *waiting(struct reap_ledger *l, size_t w)
{
    for (struct shard *s = l->first; s; s = s->next)
        if (s->queued && (!(s->alone || s->narrow) || !l->worker[w].open))
            return s;
    return NULL;
}

/* Take the first record off a shard that goes out one by one. */
static int peel(struct reap_ledger *l, struct shard *s, struct shard **one,
                struct reap_err *err)
{
    struct reap_lease next = s->lease;
    int rc = l->a.todo.after(l->a.todo.ctx, &next, err);

    if (rc)
        return rc;
    *one = ledger_append(l, &s->lease);
    if (!*one)
        return reap_fail(err, REAP_ENOMEM, "no memory for a ledger");
    (*one)->lease.count = 1;
    burden(*one, s->deaths);
    next.shard = s->lease.shard;
    next.attempt = s->lease.attempt;
    s->lease = next;
    s->lease.count--;
    burden(s, s->deaths);
    return REAP_OK;
}

/* The lease that has been out longest, if it is late. */
static struct shard *late(struct reap_ledger *l, size_t w, double now)
{
    struct shard *oldest = NULL;
    double age = 0, limit;

    for (struct shard *s = l->first; s; s = s->next)
        if (s->out[0].on && !s->out[0].arrived && !s->out[1].on && !s->alone &&
            !s->narrow && s->out[0].worker != w &&
            now - s->out[0].since > age) {
            oldest = s;
            age = now - s->out[0].since;
        }
    if (!oldest)
        return NULL;
    limit = l->worker[w].rate > 0
                ? LATE * oldest->lease.count / l->worker[w].rate
                : LATE_AT_LEAST;
    if (limit < LATE_AT_LEAST)
        limit = LATE_AT_LEAST;
    return age > limit ? oldest : NULL;
}

/* A new shard of the keys that come next, to wait for a worker. */
static int ledger_cut(struct reap_ledger *l, uint32_t max, struct reap_err *err)
{
    struct reap_lease run;
    struct shard *s;
    uint32_t deaths;
    int rc = l->a.todo.next(l->a.todo.ctx, max, &run, &deaths, err);

    if (rc == REAP_ENOTFOUND) {
        l->dry = true;
        return REAP_OK;
    }
    l->scanning = !rc && !run.count;
    if (rc || !run.count)
        return rc;
    s = ledger_append(l, &run);
    if (!s)
        return reap_fail(err, REAP_ENOMEM, "no memory for a ledger");
    s->queued = true;
    l->granted += run.count;
    burden(s, deaths);
    return REAP_OK;
}

enum reap_grant reap_ledger_grant(struct reap_ledger *l, size_t w, double now,
                                  struct reap_lease *out, int *rc,
                                  struct reap_err *err)
{
    struct shard *s;

    *rc = REAP_OK;
    if (l->drained)
        return REAP_GRANT_NONE;
    if (l->worker[w].holds_alone)
        return REAP_GRANT_LATER;
    s = waiting(l, w);
    l->scanning = false;
    while (!s && !l->dry && !l->scanning && !*rc) {
        *rc = ledger_cut(l, lease_size(l, w), err);
        s = waiting(l, w);
    }
    if (!*rc && s && s->narrow)
        *rc = peel(l, s, &s, err);
    if (*rc)
        return REAP_GRANT_LATER;
    if (!s)
        s = late(l, w, now);
    if (s)
        return ledger_give(l, s, w, now, out);
    return l->first || l->scanning ? REAP_GRANT_LATER : REAP_GRANT_NONE;
}

bool reap_ledger_scanning(const struct reap_ledger *l)
{
    return l->scanning;
}

static struct shard *ledger_find(const struct reap_ledger *l, uint64_t shard,
                                 uint32_t attempt, struct out **out)
{
    for (struct shard *s = l->first; s; s = s->next)
        for (int i = 0; s->lease.shard == shard && i < 2; i++)
            if (s->out[i].on && s->out[i].attempt == attempt) {
                *out = &s->out[i];
                return s;
            }
    return NULL;
}

bool reap_ledger_wants(const struct reap_ledger *l, uint64_t shard,
                       uint32_t attempt)
{
    struct out *o;

    return ledger_find(l, shard, attempt, &o) != NULL;
}

void reap_ledger_arrived(struct reap_ledger *l, uint64_t shard,
                         uint32_t attempt)
{
    struct out *o;

    if (ledger_find(l, shard, attempt, &o))
        o->arrived = true;
}

/* A lease is out no more. */
static void take_back(struct reap_ledger *l, struct shard *s, struct out *o)
{
    struct worker *w = &l->worker[o->worker];

    o->on = false;
    w->open--;
    if (s->alone)
        w->holds_alone = false;
    l->n_open--;
}

bool reap_ledger_done(struct reap_ledger *l, uint64_t shard, uint32_t attempt,
                      double now)
{
    struct out *o;
    struct shard *s = ledger_find(l, shard, attempt, &o);
    struct worker *w;
    double seconds;

    if (!s)
        return false;
    w = &l->worker[o->worker];
    seconds = now - o->since;
    /* Several leases may be out at once: this is a floor of the rate. */
    if (seconds > 1e-3) {
        double rate = s->lease.count / seconds * (w->open ? w->open : 1);

        w->rate = w->rate > 0 ? 0.5 * w->rate + 0.5 * rate : rate;
    }
    for (int i = 0; i < 2; i++)
        if (s->out[i].on)
            take_back(l, s, &s->out[i]);
    unlink_shard(l, s);
    return true;
}

/* Deaths once a worker has died with it. Those beyond the second count for a
 * record that was alone: of several, nobody knows which one it was. */
static uint32_t one_more(const struct shard *s)
{
    uint32_t deaths = s->deaths + 1;

    return !s->alone && deaths > NARROW_DEATHS ? NARROW_DEATHS : deaths;
}

/* Does this worker still have it in hand? */
static bool holds(const struct out *o, size_t w)
{
    return o->on && !o->arrived && o->worker == w;
}

size_t reap_ledger_died(struct reap_ledger *l, size_t w)
{
    size_t n = 0;

    for (struct shard *s = l->first; s; s = s->next)
        for (int i = 0; i < 2; i++)
            if (holds(&s->out[i], w)) {
                take_back(l, s, &s->out[i]);
                burden(s, one_more(s));
                s->queued = !s->out[0].on && !s->out[1].on;
                n++;
            }
    l->worker[w].rate = 0;
    return n;
}

void reap_ledger_returned(struct reap_ledger *l, size_t w)
{
    for (struct shard *s = l->first; s; s = s->next)
        for (int i = 0; i < 2; i++)
            if (holds(&s->out[i], w)) {
                take_back(l, s, &s->out[i]);
                s->queued = !s->out[0].on && !s->out[1].on;
            }
}

void reap_ledger_drain(struct reap_ledger *l)
{
    l->drained = true;
}

void reap_ledger_look(struct reap_ledger *l)
{
    struct reap_lease run;
    uint32_t deaths;

    if (!l->first && !l->dry)
        l->dry = l->a.todo.next(l->a.todo.ctx, 1, &run, &deaths, NULL) ==
                 REAP_ENOTFOUND;
}

size_t reap_ledger_open(const struct reap_ledger *l)
{
    return l->n_open;
}

bool reap_ledger_complete(const struct reap_ledger *l)
{
    return l->dry && !l->first;
}

uint64_t reap_ledger_redone(const struct reap_ledger *l)
{
    return l->redone;
}

size_t reap_ledger_suspects(const struct reap_ledger *l,
                            struct reap_suspect *out, size_t room)
{
    size_t n = 0;

    for (struct shard *s = l->first; s && n < room; s = s->next) {
        bool in_hand = holds(&s->out[0], 0) || holds(&s->out[1], 0);

        if (!in_hand && !s->deaths)
            continue;
        out[n].key_len = s->lease.key_len;
        memcpy(out[n].key, s->lease.key, s->lease.key_len);
        out[n].count = s->lease.count;
        out[n++].deaths = in_hand ? one_more(s) : s->deaths;
    }
    return n;
}

void reap_ledger_free(struct reap_ledger **l)
{
    if (!*l)
        return;
    while ((*l)->first)
        unlink_shard(*l, (*l)->first);
    reap_free((*l)->worker);
    reap_free(*l);
    *l = NULL;
}
