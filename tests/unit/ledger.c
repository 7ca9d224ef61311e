/* The ledger: leases, fencing, deaths, tail; and a simulation in which workers
 * die, stall and come back, and jobs are started again. REAP_SEED repeats one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/ledger.h"
#include "tests/tap.h"

enum { KEYS = 1500, WORKERS = 5, HELD = 8 };

/* A dataset of numbers, and which of them have a row. */
struct world {
    uint32_t n, at;
    bool row[KEYS], poison[KEYS], condemned[KEYS];
    uint32_t deaths[KEYS];
    uint64_t commits, refused_late;
    bool lies; /* a late result was taken, or a wanted one refused */
};

static void put_key(struct reap_lease *l, uint32_t key)
{
    l->key_len = (uint32_t)snprintf((char *)l->key, 16, "%08u", key);
}

static uint32_t get_key(const struct reap_lease *l)
{
    char text[9] = "";

    memcpy(text, l->key, 8);
    return (uint32_t)strtoul(text, NULL, 10);
}

static int next(void *ctx, uint32_t max, struct reap_lease *out,
                uint32_t *deaths, struct reap_err *err)
{
    struct world *w = ctx;

    (void)err;
    memset(out, 0, sizeof(*out));
    while (w->at < w->n && w->row[w->at])
        w->at++;
    if (w->at == w->n)
        return REAP_ENOTFOUND;
    put_key(out, w->at);
    *deaths = w->deaths[w->at];
    while (w->at < w->n && !w->row[w->at] && w->deaths[w->at] == *deaths &&
           out->count < max) {
        w->at++;
        out->count++;
    }
    return REAP_OK;
}

static int after(void *ctx, struct reap_lease *run, struct reap_err *err)
{
    (void)ctx;
    (void)err;
    put_key(run, get_key(run) + 1);
    return REAP_OK;
}

static struct reap_ledger *ledger_of(struct world *w, size_t workers,
                                     size_t row_bytes)
{
    struct reap_ledger_args a = { .todo = { w, next, after },
                                  .total = w->n,
                                  .row_bytes = row_bytes,
                                  .batch = 4,
                                  .workers = workers };
    struct reap_ledger *l = NULL;

    w->at = 0;
    if (reap_ledger_new(&l, &a, NULL))
        abort();
    return l;
}

static struct reap_ledger *ledger(struct world *w, size_t workers)
{
    return ledger_of(w, workers, 1 << 14);
}

static enum reap_grant grant(struct reap_ledger *l, size_t w, double t,
                             struct reap_lease *out)
{
    int rc;
    enum reap_grant g = reap_ledger_grant(l, w, t, out, &rc, NULL);

    if (rc)
        abort();
    return g;
}

static void test_sizes(void)
{
    struct world w = { .n = 1000 };
    struct reap_ledger *l = ledger(&w, 2);
    struct reap_lease a, b;

    ok(grant(l, 0, 0, &a) == REAP_GRANT && a.count == 16 && !get_key(&a),
       "the first lease is small: %u keys", a.count);
    ok(reap_ledger_done(l, a.shard, a.attempt, 1), "its result counts");
    ok(!reap_ledger_done(l, a.shard, a.attempt, 1), "once");
    ok(grant(l, 0, 1, &b) == REAP_GRANT && b.count == 16 && get_key(&b) == 16,
       "at 16 rows a second the next is one second: %u keys", b.count);
    reap_ledger_done(l, b.shard, b.attempt, 1.1);
    grant(l, 0, 2, &a);
    ok(a.count == 64, "and never more than 1 MiB of rows: %u keys", a.count);
    for (int i = 0; i < 100; i++) {
        reap_ledger_done(l, a.shard, a.attempt, 3 + i * 0.01);
        if (grant(l, 0, 3 + i * 0.01, &a) != REAP_GRANT)
            break;
        b = a;
    }
    ok(b.count <= 4, "the last ones are small: %u keys", b.count);
    ok(reap_ledger_complete(l) && !reap_ledger_open(l), "all is done");
    ok(!reap_ledger_redone(l), "nothing was done twice");
    reap_ledger_free(&l);
    ok(!l, "free sets NULL");
}

/* The largest lease of a worker that does any in 10 ms. */
static uint32_t largest(size_t row_bytes)
{
    struct world w = { .n = 1000 };
    struct reap_ledger *l = ledger_of(&w, 1, row_bytes);
    struct reap_lease a;
    uint32_t most = 0;

    for (int i = 0; grant(l, 0, i, &a) == REAP_GRANT; i++) {
        most = a.count > most ? a.count : most;
        reap_ledger_done(l, a.shard, a.attempt, i + 0.01);
    }
    reap_ledger_free(&l);
    return most;
}

static void test_bytes(void)
{
    uint32_t n;

    n = largest(1 << 12);
    ok(n == 256, "rows of 4 KiB: 1 MiB of them, %u", n);
    n = largest(1 << 19);
    ok(n == 32, "rows of 512 KiB: 8 batches of 4, %u", n);
    n = largest(1 << 22);
    ok(n == 16, "rows of 4 MiB: 64 MiB of them, %u", n);
    n = largest(1 << 27);
    ok(n == 1, "rows of 128 MiB: one, %u", n);
    n = largest(0);
    ok(n == 492, "rows of nothing: half of what is left behind 16, %u", n);
}

static void test_fence(void)
{
    struct world w = { .n = 8 };
    struct reap_ledger *l = ledger(&w, 3);
    struct reap_lease a, b, c;

    grant(l, 1, 0, &a);
    grant(l, 2, 0, &b);
    ok(reap_ledger_died(l, 1) == 1, "a dead worker held one lease");
    ok(!reap_ledger_wants(l, a.shard, a.attempt) &&
           !reap_ledger_done(l, a.shard, a.attempt, 1),
       "what it sends later is refused");
    ok(grant(l, 2, 1, &c) == REAP_GRANT && c.shard == a.shard &&
           c.attempt == a.attempt + 1 && get_key(&c) == get_key(&a),
       "the same keys go to another, with another number");
    ok(reap_ledger_done(l, c.shard, c.attempt, 2), "whose result counts");
    reap_ledger_returned(l, 2);
    ok(grant(l, 0, 3, &a) == REAP_GRANT && a.shard == b.shard,
       "a lease that was given back goes out again");
    reap_ledger_done(l, a.shard, a.attempt, 4);
    reap_ledger_drain(l);
    ok(grant(l, 0, 5, &a) == REAP_GRANT_NONE, "a drained ledger gives none");
    reap_ledger_free(&l);
}

/* Its worker has done its part: what becomes of it changes nothing. */
static void test_arrived(void)
{
    struct world w = { .n = 8 };
    struct reap_ledger *l = ledger(&w, 2);
    struct reap_suspect s[4];
    struct reap_lease a, b;

    grant(l, 1, 0, &a);
    reap_ledger_arrived(l, a.shard, a.attempt);
    reap_ledger_returned(l, 1);
    ok(reap_ledger_wants(l, a.shard, a.attempt),
       "a result that is here outlasts the return of its worker");
    ok(!reap_ledger_died(l, 1) && !reap_ledger_suspects(l, s, 4),
       "and its death");
    while (grant(l, 0, 60, &b) == REAP_GRANT && b.shard != a.shard)
        reap_ledger_done(l, b.shard, b.attempt, 61);
    ok(b.shard != a.shard, "nobody is asked to do it again");
    ok(reap_ledger_done(l, a.shard, a.attempt, 62) && reap_ledger_complete(l),
       "its commit counts");
    reap_ledger_free(&l);
    l = ledger(&w, 2);
    grant(l, 0, 0, &a);
    ok(reap_ledger_suspects(l, s, 4) == 1, "the first rank is busy with it");
    reap_ledger_arrived(l, a.shard, a.attempt);
    ok(!reap_ledger_suspects(l, s, 4), "and then it is not");
    reap_ledger_free(&l);
}

/* A late shard is with two workers: one dies, and then the first rank. */
static void test_cap(void)
{
    struct world w = { .n = 16 };
    struct reap_ledger *l;
    struct reap_suspect s[4];
    struct reap_lease a, b = { 0 };
    size_t n;

    for (uint32_t i = 0; i < w.n; i++)
        w.deaths[i] = 1;
    l = ledger(&w, 2);
    grant(l, 1, 0, &a);
    while (grant(l, 0, 60, &b) == REAP_GRANT && b.shard != a.shard)
        reap_ledger_done(l, b.shard, b.attempt, 60);
    reap_ledger_died(l, 1);
    n = reap_ledger_suspects(l, s, 4);
    ok(a.count > 1 && b.shard == a.shard && n == 1 && s[0].deaths == 2,
       "of %u records none is blamed for a third death: %u", a.count,
       s[0].deaths);
    reap_ledger_free(&l);
}

static void test_late(void)
{
    struct world w = { .n = 8 };
    struct reap_ledger *l = ledger(&w, 2);
    struct reap_lease a, b, c;

    grant(l, 0, 0, &a);
    grant(l, 1, 0, &b);
    reap_ledger_done(l, b.shard, b.attempt, 1);
    ok(grant(l, 1, 1.5, &c) == REAP_GRANT_LATER, "not late yet");
    ok(grant(l, 1, 60, &c) == REAP_GRANT && c.shard == a.shard &&
           c.attempt != a.attempt,
       "the oldest lease goes to a second worker once it is late");
    ok(reap_ledger_redone(l) == a.count, "which is counted");
    ok(reap_ledger_wants(l, a.shard, a.attempt) &&
           reap_ledger_wants(l, c.shard, c.attempt),
       "both results are welcome");
    ok(reap_ledger_done(l, a.shard, a.attempt, 61), "the first one counts");
    ok(!reap_ledger_done(l, c.shard, c.attempt, 62), "the second does not");
    ok(reap_ledger_complete(l), "all is done");
    reap_ledger_free(&l);
}

static void test_suspects(void)
{
    struct world w = { .n = 4 };
    struct reap_ledger *l = ledger(&w, 2);
    struct reap_suspect s[4];
    struct reap_lease a, b;

    grant(l, 1, 0, &a);
    ok(reap_ledger_suspects(l, s, 4) == 0,
       "what a worker holds is not suspect");
    grant(l, 0, 0, &b);
    ok(reap_ledger_suspects(l, s, 4) == (w.at > a.count) &&
           (w.at == a.count || s[0].deaths == 1),
       "what the first rank holds is, should it end now");
    reap_ledger_died(l, 1);
    ok(reap_ledger_suspects(l, s, 4) >= 1 && s[0].deaths == 1 &&
           s[0].count == a.count && s[0].key_len == 8,
       "nor is what a dead worker held forgotten");
    reap_ledger_free(&l);
}

/* One record kills each worker that touches it. */
static void test_poison(void)
{
    struct world w = { .n = 4 };
    struct reap_ledger *l = ledger(&w, 2);
    struct reap_lease a;
    unsigned deaths = 0, single = 0;
    bool condemned = false;

    for (int i = 0; i < 50 && grant(l, 1, i, &a) == REAP_GRANT; i++) {
        uint32_t key = get_key(&a);

        single += a.count == 1;
        if (a.flags & REAP_LEASE_CONDEMNED)
            condemned = a.count == 1 && key == 2;
        else if (key <= 2 && key + a.count > 2) {
            deaths++;
            reap_ledger_died(l, 1);
            continue;
        }
        reap_ledger_done(l, a.shard, a.attempt, i + 0.5);
    }
    ok(deaths == 4, "two deaths in company, two alone: %u", deaths);
    ok(condemned, "then its row is made without touching it");
    ok(single >= 4, "all keys of its shard were replayed alone");
    ok(reap_ledger_complete(l), "and the rest is done");
    reap_ledger_free(&l);
}

/* The simulation. */
struct held {
    struct reap_lease lease;
    bool valid; /* as this test sees it */
};
struct sim {
    struct world *w;
    struct reap_ledger *l;
    struct held held[WORKERS][HELD], late[64];
    size_t n[WORKERS], n_late;
    double t;
    bool alone_rule; /* a replayed record never had company */
};

static unsigned dice(unsigned n)
{
    return (unsigned)(rand() / 7) % n;
}

/* All leases of a shard but what this test keeps apart are void now. */
static void void_shard(struct sim *s, uint64_t shard)
{
    for (size_t w = 0; w < WORKERS; w++)
        for (size_t i = 0; i < s->n[w]; i++)
            if (s->held[w][i].lease.shard == shard)
                s->held[w][i].valid = false;
}

static void deliver(struct sim *s, const struct held *h)
{
    const struct reap_lease *l = &h->lease;
    uint32_t key = get_key(l);

    if (reap_ledger_wants(s->l, l->shard, l->attempt) != h->valid)
        s->w->lies = true;
    if (!h->valid)
        s->w->refused_late++;
    if (reap_ledger_done(s->l, l->shard, l->attempt, s->t) != h->valid)
        s->w->lies = true;
    if (!h->valid)
        return;
    for (uint32_t k = key; k < key + l->count; k++) {
        s->w->commits += !s->w->row[k];
        s->w->row[k] = true;
        s->w->condemned[k] |= (l->flags & REAP_LEASE_CONDEMNED) != 0;
    }
}

static void kill_worker(struct sim *s, size_t w)
{
    for (size_t i = 0; i < s->n[w]; i++)
        if (s->n_late < 64) { /* a stopped process that comes back */
            s->late[s->n_late] = s->held[w][i];
            s->late[s->n_late++].valid = false;
        }
    s->n[w] = 0;
    reap_ledger_died(s->l, w);
}

static bool holds_single(const struct sim *s, size_t w)
{
    for (size_t i = 0; i < s->n[w]; i++)
        if (s->held[w][i].lease.count == 1)
            return true;
    return false;
}

static void work(struct sim *s, size_t w)
{
    struct held h = s->held[w][0];
    uint32_t key = get_key(&h.lease);

    if (!(h.lease.flags & REAP_LEASE_CONDEMNED))
        for (uint32_t k = key; k < key + h.lease.count; k++)
            if (s->w->poison[k]) {
                kill_worker(s, w);
                return;
            }
    memmove(&s->held[w][0], &s->held[w][1], --s->n[w] * sizeof(h));
    deliver(s, &h);
    if (h.valid)
        void_shard(s, h.lease.shard);
}

/* The job ends; the next one knows what the store would tell it. */
static void restart(struct sim *s, bool hard)
{
    struct reap_suspect left[256];
    size_t n;

    for (size_t w = hard ? 1 : 0; w < WORKERS; w++)
        reap_ledger_returned(s->l, w);
    n = reap_ledger_suspects(s->l, left, 256);
    memset(s->w->deaths, 0, sizeof(s->w->deaths));
    for (size_t i = 0; i < n; i++) {
        struct reap_lease l = { .key_len = left[i].key_len };

        memcpy(l.key, left[i].key, left[i].key_len);
        for (uint32_t k = get_key(&l), e = k + left[i].count; k < e; k++)
            if (s->w->deaths[k] < left[i].deaths)
                s->w->deaths[k] = left[i].deaths;
    }
    reap_ledger_free(&s->l);
    memset(s->n, 0, sizeof(s->n));
    s->n_late = 0;
    s->l = ledger(s->w, WORKERS);
}

static void turn(struct sim *s)
{
    size_t w = dice(WORKERS);
    unsigned what = dice(1000);

    s->t += 0.01 * dice(100);
    if (what < 5 && !holds_single(s, w))
        kill_worker(s, w);
    else if (what < 7)
        restart(s, what == 5 && !holds_single(s, 0));
    else if (what < 100 && s->n_late)
        deliver(s, &s->late[--s->n_late]);
    else if (what < 500 && s->n[w] < HELD - 1) {
        struct held *h = &s->held[w][s->n[w]];

        if (grant(s->l, w, s->t, &h->lease) == REAP_GRANT) {
            h->valid = true;
            s->n[w]++;
        }
    } else if (s->n[w])
        work(s, w);
}

static void simulate(unsigned seed)
{
    struct world *w = calloc(1, sizeof(*w));
    struct sim *s = calloc(1, sizeof(*s));
    unsigned turns = 0, rows = 0, wrong = 0;

    srand(seed);
    w->n = 1 + dice(KEYS);
    for (unsigned i = dice(4); i > 0; i--)
        w->poison[dice(w->n)] = true;
    s->w = w;
    s->l = ledger(w, WORKERS);
    while (!reap_ledger_complete(s->l) && turns++ < 500000) {
        turn(s);
        if (w->at == w->n && !reap_ledger_open(s->l)) {
            struct reap_lease l; /* notices that there are no more */
            if (!s->n[0] && grant(s->l, 0, s->t, &l) == REAP_GRANT)
                s->held[0][s->n[0]++] = (struct held){ l, true };
        }
    }
    for (uint32_t k = 0; k < w->n; k++) {
        rows += w->row[k];
        wrong += w->condemned[k] != w->poison[k];
    }
    ok(rows == w->n && w->commits == w->n && !w->lies && !wrong,
       "seed %u: %u of %u rows, %llu late results refused, %u wrongly "
       "condemned or not%s, %u turns",
       seed, rows, w->n, (unsigned long long)w->refused_late, wrong,
       w->lies ? ", and it lied" : "", turns);
    reap_ledger_free(&s->l);
    free(s);
    free(w);
}

int main(void)
{
    const char *seed = getenv("REAP_SEED");

    test_sizes();
    test_bytes();
    test_fence();
    test_arrived();
    test_cap();
    test_late();
    test_suspects();
    test_poison();
    if (seed)
        simulate((unsigned)strtoul(seed, NULL, 10));
    for (unsigned i = 1; i <= 60 && !seed; i++)
        simulate(i);
    return done();
}
