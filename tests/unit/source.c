/* Leases become records in their order, each once, for any number of threads;
 * what a lease names has to be in the dataset, key for key. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "pipeline/source.h"
#include "tests/dataset_help.h"
#include "tests/store_help.h"
#include "tests/tap.h"

enum { KEYS = 20, THREADS = 4 };

static const struct reap_schema schema = { .n = 0 };

/* Leases to give, one after the other. */
struct leases {
    struct {
        const char *key;
        uint32_t count;
    } lease[8];
    size_t n, given;
    bool late; /* says once that there is none at hand */
    size_t asked;
};

static enum reap_fed next(void *ctx, bool wait, struct reap_lease *out)
{
    struct leases *l = ctx;

    (void)wait;
    l->asked++;
    if (l->late) {
        l->late = false;
        return REAP_FED_LATER;
    }
    if (l->given == l->n)
        return REAP_FED_END;
    memset(out, 0, sizeof(*out));
    out->shard = l->given;
    out->count = l->lease[l->given].count;
    out->key_len = (uint32_t)strlen(l->lease[l->given].key);
    memcpy(out->key, l->lease[l->given].key, out->key_len);
    l->given++;
    return REAP_FED;
}

static struct reap_dataset *ds;

static struct reap_source *start(struct leases *l)
{
    const struct reap_feed feed = { l, next };
    struct reap_source *s;

    if (reap_source_open(&s, ds, &feed, &schema, NULL))
        abort();
    return s;
}

/* Take all there is; keys as numbers to 'got'. How many. */
static size_t take_all(struct reap_source *s, bool wait, int *got)
{
    struct reap_item item;
    size_t n = 0;

    while (n < 2 * KEYS && reap_source_next(s, wait, &item) == REAP_FED) {
        char key[10] = "";

        memcpy(key, item.rec.key.data, item.rec.key.len);
        got[n++] = atoi(key);
        if (item.index + 1 == item.shard->lease.count)
            reap_source_release(s, item.shard);
    }
    return n;
}

static void in_order(void)
{
    struct leases l = {
        .lease = { { "00003", 4 }, { "00015", 5 }, { "00000", 1 } }, .n = 3
    };
    static const int want[] = { 3, 4, 5, 6, 15, 16, 17, 18, 19, 0 };
    struct reap_source *s = start(&l);
    struct reap_err err = { 0 };
    int got[2 * KEYS];
    const size_t n = take_all(s, true, got);

    ok(n == 10 && !memcmp(got, want, sizeof(want)),
       "three leases give their records, in order");
    ok(reap_source_close(&s, &err) == REAP_OK && !s, "and no failure: %s",
       err.msg);
}

static void later(void)
{
    struct leases l = { .lease = { { "00003", 1 } }, .n = 1, .late = true };
    struct reap_source *s = start(&l);
    struct reap_item item;

    ok(reap_source_next(s, false, &item) == REAP_FED_LATER,
       "none at hand is told to who does not wait");
    ok(reap_source_next(s, false, &item) == REAP_FED && item.index == 0 &&
           item.shard->lease.count == 1 &&
           atomic_load(&item.shard->missing) == 1,
       "later there is one, with one row to come");
    l.late = true;
    ok(reap_source_next(s, true, &item) == REAP_FED_END && l.asked == 4,
       "who waits asks again");
    reap_source_close(&s, NULL);
}

/* A lease that the dataset does not have. */
static void lacks(const char *key, uint32_t count, size_t before,
                  const char *what)
{
    struct leases l = {
        .lease = { { "00001", 2 }, { NULL, 0 }, { "00005", 1 } }, .n = 3
    };
    struct reap_source *s;
    struct reap_err err = { 0 };
    struct reap_item item;
    int got[2 * KEYS], rc;
    size_t n;

    l.lease[1].key = key;
    l.lease[1].count = count;
    s = start(&l);
    n = take_all(s, true, got);
    ok(n == 2 + before, "%s: %zu records come before it", what, n);
    ok(reap_source_next(s, true, &item) == REAP_FED_END && l.given == 2,
       "%s: ends the source for all", what);
    rc = reap_source_close(&s, &err);
    ok(rc == REAP_EMISFIT && strstr(err.msg, key) && strstr(err.msg, "lacks"),
       "%s: is told when it is closed: %s", what, err.msg);
}

static void ends(void)
{
    struct leases l = { .lease = { { "00000", 3 }, { "00005", 3 } }, .n = 2 };
    struct reap_source *s = start(&l);
    struct reap_item item;
    int got[2 * KEYS];

    ok(reap_source_next(s, true, &item) == REAP_FED, "one of three");
    reap_source_drain(s);
    ok(take_all(s, true, got) == 2 && got[1] == 2 && l.given == 1,
       "drained: the lease in hand is finished, no other is taken");
    reap_source_close(&s, NULL);
    l.given = 0;
    s = start(&l);
    ok(reap_source_next(s, true, &item) == REAP_FED, "one of three");
    reap_source_stop(s);
    ok(reap_source_next(s, true, &item) == REAP_FED_END, "stopped: at once");
    ok(reap_source_close(&s, NULL) == REAP_OK,
       "what was not finished is dropped");
}

/* Shards may be released in any order. */
static void releases(void)
{
    static const int order[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
                                    { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };

    for (size_t i = 0; i < 6; i++) {
        struct leases l = {
            .lease = { { "00000", 1 }, { "00001", 1 }, { "00002", 1 } }, .n = 3
        };
        struct reap_source *s = start(&l);
        struct reap_item item[3];
        bool good = true;

        for (size_t k = 0; k < 3; k++)
            good = good && reap_source_next(s, true, &item[k]) == REAP_FED;
        for (size_t k = 0; k < 2; k++)
            reap_source_release(s, item[order[i][k]].shard);
        good = good && item[order[i][2]].shard->lease.count == 1;
        ok(good && reap_source_close(&s, NULL) == REAP_OK,
           "released %d, %d; %d is left to close()", order[i][0], order[i][1],
           order[i][2]);
    }
}

struct thread {
    pthread_t id;
    struct reap_source *s;
    size_t seen[KEYS];
};

static void *work(void *own)
{
    struct thread *t = own;
    struct reap_item item;

    while (reap_source_next(t->s, true, &item) == REAP_FED) {
        char key[10] = "";

        memcpy(key, item.rec.key.data, item.rec.key.len);
        t->seen[atoi(key)]++;
        if (atomic_fetch_sub(&item.shard->missing, 1) == 1)
            reap_source_release(t->s, item.shard);
    }
    return NULL;
}

static void threads(void)
{
    struct leases l = {
        .lease = { { "00000", 7 }, { "00007", 7 }, { "00014", 6 } }, .n = 3
    };
    struct thread t[THREADS] = { 0 };
    struct reap_source *s = start(&l);
    size_t wrong = 0;

    for (size_t i = 0; i < THREADS; i++) {
        t[i].s = s;
        pthread_create(&t[i].id, NULL, work, &t[i]);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(t[i].id, NULL);
    for (size_t k = 0; k < KEYS; k++) {
        size_t n = 0;

        for (size_t i = 0; i < THREADS; i++)
            n += t[i].seen[k];
        wrong += n != 1;
    }
    ok(!wrong, "four threads see each record once");
    reap_source_close(&s, NULL);
}

static void memory(void)
{
    struct reap_source *s = NULL;
    struct reap_err err = { 0 };
    struct reap_item item;
    size_t failed = 0;
    int rc = REAP_ENOMEM;

    for (long i = 1; rc == REAP_ENOMEM && i < 30; i++) {
        struct leases l = { .lease = { { "00002", 2 } }, .n = 1 };
        const struct reap_feed feed = { &l, next };

        reap_mem_fail_at(i);
        rc = reap_source_open(&s, ds, &feed, &schema, &err);
        if (!rc && reap_source_next(s, true, &item) == REAP_FED)
            rc = atoi((const char *)item.rec.key.data) == 2 ? REAP_OK
                                                            : REAP_EBUG;
        if (s) {
            const int end = reap_source_close(&s, &err);

            rc = rc ? rc : end;
        }
        failed += rc == REAP_ENOMEM;
    }
    reap_mem_fail_at(0);
    ok(rc == REAP_OK && failed >= 3,
       "%zu allocations fail, one after the other: each is told", failed);
}

int main(void)
{
    if (!scratch_new() || dataset_make(scratch("set"), &dataset_plain, KEYS) ||
        reap_dataset_open(&ds, scratch("set"), NULL))
        return 1;
    in_order();
    later();
    lacks("00004a", 2, 0, "a key between two");
    lacks("00004", 40, 16, "a run over the end");
    lacks("0000", 1, 0, "a key that another begins with");
    lacks("00020", 1, 0, "a key behind the last");
    lacks("zzzzz", 1, 0, "a key behind all");
    ends();
    releases();
    threads();
    memory();
    reap_dataset_close(&ds);
    scratch_delete();
    return done();
}
