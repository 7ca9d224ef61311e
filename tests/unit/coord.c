/* The coordinator: leases to threads, rows once in the store, marker, drain,
 * what a next run is told. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cluster/coord.h"
#include "engine/base/mem.h"
#include "tests/dataset_help.h"
#include "tests/store_help.h"
#include "tests/tap.h"

enum { KEYS = 700, WORKERS = 4 };

static const char *key(int i, char *buf, int size)
{
    snprintf(buf, (size_t)size, "k%05d", i);
    return buf;
}

static struct reap_dataset *dataset(void)
{
    struct dataset_maker how = dataset_plain;
    struct reap_dataset *ds = NULL;
    struct reap_err err;

    how.key = key;
    if (dataset_make(scratch("set"), &how, KEYS) ||
        reap_dataset_open(&ds, scratch("set"), &err))
        printf("Bail out! no dataset: %s\n", err.msg);
    return ds;
}

/* A store of its own for each test, and its coordinator. */
struct bench {
    struct reap_store *store;
    struct reap_coord *coord;
};

static void open_bench(struct bench *b, struct reap_dataset *ds,
                       const char *name)
{
    struct reap_coord_args a = { .dataset = ds,
                                 .schema = sample_meta.schema,
                                 .batch = 4,
                                 .workers = WORKERS };
    struct reap_err err = { 0 };
    int rc = reap_store_open(&b->store, scratch(name), REAP_STORE_WRITE,
                             &sample_meta, &err);

    a.store = b->store;
    if (rc || reap_coord_open(&b->coord, &a, &err))
        printf("Bail out! %s\n", err.msg);
}

static int number(const struct reap_lease *l)
{
    char text[16] = "";

    memcpy(text, l->key, l->key_len < 15 ? l->key_len : 15);
    return atoi(text + 1);
}

/* Do what a lease asks for. */
static int deliver(struct reap_coord *c, const struct reap_lease *l)
{
    int from = number(l), to = from + (int)l->count, rc;
    struct reap_bytes b = sample_block(from, to, 0);

    rc = reap_coord_take(c, l->shard, l->attempt, (uint8_t *)b.data, b.len,
                         false, NULL);
    if (rc)
        reap_free((uint8_t *)b.data);
    return rc;
}

struct hand {
    struct reap_coord *coord;
    size_t id;
    int rc;
};

static void *work(void *arg)
{
    struct hand *h = arg;
    struct reap_lease l;
    enum reap_grant g = REAP_GRANT;

    while (!h->rc && g != REAP_GRANT_NONE) {
        g = reap_coord_grant(h->coord, h->id, true, &l);
        if (g == REAP_GRANT)
            h->rc = deliver(h->coord, &l);
    }
    return NULL;
}

static void test_all(struct reap_dataset *ds)
{
    struct bench b;
    struct hand hand[WORKERS];
    pthread_t thread[WORKERS];
    struct reap_run_status status = { 0 };
    struct reap_err err = { 0 };
    int rc = 0;

    open_bench(&b, ds, "all");
    ok(!reap_coord_ended(b.coord), "it begins with work to do");
    for (size_t i = 0; i < WORKERS; i++) {
        hand[i] = (struct hand){ b.coord, i, 0 };
        if (pthread_create(&thread[i], NULL, work, &hand[i]))
            abort();
    }
    for (size_t i = 0; i < WORKERS; i++) {
        pthread_join(thread[i], NULL);
        rc = rc ? rc : hand[i].rc;
    }
    ok(!rc && reap_coord_ended(b.coord), "four threads end it");
    rc = reap_coord_close(&b.coord, &status, &err);
    ok(!rc && status.done == KEYS && status.total == KEYS,
       "all %llu keys are done", (unsigned long long)status.done);
    ok(status.bad == KEYS / 7, "of which %llu are bad",
       (unsigned long long)status.bad);
    ok(sample_check(b.store, 0) == KEYS, "each has its row, once");
    ok(reap_store_meta(b.store, "complete") != NULL, "and the marker says so");
    reap_store_close(&b.store);
}

static void test_fence(struct reap_dataset *ds)
{
    struct bench b;
    struct reap_run_status status = { 0 };
    struct reap_lease a, c;
    struct reap_err err = { 0 };
    int rc;

    open_bench(&b, ds, "fence");
    reap_coord_grant(b.coord, 1, true, &a);
    reap_coord_died(b.coord, 1);
    ok(!deliver(b.coord, &a), "a late result is taken in silence");
    ok(reap_coord_grant(b.coord, 2, true, &c) == REAP_GRANT &&
           c.shard == a.shard && c.attempt != a.attempt,
       "its keys are with another by then");
    rc = deliver(b.coord, &c);
    reap_coord_drain(b.coord);
    ok(!rc && reap_coord_grant(b.coord, 3, true, &c) == REAP_GRANT_NONE,
       "drained: no more leases");
    rc = reap_coord_close(&b.coord, &status, &err);
    ok(rc == REAP_ESTOPPED && status.done == a.count,
       "stopped early with the %llu rows that were sent in time",
       (unsigned long long)status.done);
    ok(sample_check(b.store, 0) == (long)a.count, "which are in the store");
    ok(!reap_store_meta(b.store, "complete"), "without a marker");
    reap_store_close(&b.store);
}

/* What remains in the store when a run ends with leases out. */
static size_t left(struct reap_store *s, unsigned *deaths)
{
    struct reap_suspect *list = NULL;
    size_t n = 0;

    *deaths = 0;
    if (reap_store_leases_get(s, &list, &n, NULL))
        return 99;
    for (size_t i = 0; i < n; i++)
        *deaths += list[i].deaths;
    reap_free(list);
    return n;
}

static void test_next_run(struct reap_dataset *ds)
{
    struct reap_run_status status;
    struct reap_lease l;
    struct bench b;
    unsigned deaths;
    size_t n;
    int rc;

    open_bench(&b, ds, "next");
    reap_coord_grant(b.coord, 0, true, &l);
    reap_coord_grant(b.coord, 1, true, &l);
    reap_coord_returned(b.coord, 0);
    reap_coord_returned(b.coord, 1);
    rc = reap_coord_close(&b.coord, &status, NULL);
    n = left(b.store, &deaths);
    ok(rc == REAP_ESTOPPED && !n, "an end in order leaves no suspects");
    reap_store_close(&b.store);

    open_bench(&b, ds, "next");
    reap_coord_grant(b.coord, 0, true, &l);
    reap_coord_grant(b.coord, 1, true, &l);
    reap_coord_died(b.coord, 1);
    rc = reap_coord_close(&b.coord, &status, NULL);
    n = left(b.store, &deaths);
    ok(rc == REAP_ESTOPPED && n == 2 && deaths == 2,
       "what was in hand and what a dead worker had: %zu, %u deaths", n,
       deaths);
    reap_store_close(&b.store);

    open_bench(&b, ds, "next");
    for (size_t i = 0; i < 2; i++) {
        struct hand h = { b.coord, i, 0 };

        work(&h);
    }
    rc = reap_coord_close(&b.coord, &status, NULL);
    n = left(b.store, &deaths);
    ok(!rc && !n && sample_check(b.store, 0) == KEYS,
       "the next run does them, and forgets");
    reap_store_close(&b.store);
}

/* A drain that comes when all is leased does not keep a run from its end. */
static void test_drain(struct reap_dataset *ds)
{
    struct reap_run_status status;
    struct reap_err err = { 0 };
    struct reap_lease l;
    struct bench b;
    int rc = 0;

    open_bench(&b, ds, "drain");
    while (!rc && reap_coord_grant(b.coord, 1, false, &l) == REAP_GRANT &&
           number(&l) + (int)l.count < KEYS)
        rc = deliver(b.coord, &l);
    reap_coord_drain(b.coord);
    rc = rc ? rc : deliver(b.coord, &l);
    reap_coord_returned(b.coord, 1); /* its result is still on its way */
    rc = rc ? rc : reap_coord_close(&b.coord, &status, &err);
    ok(!rc && status.done == KEYS,
       "drained with the last lease out: complete, %llu rows %s",
       (unsigned long long)status.done, err.msg);
    reap_store_close(&b.store);
}

/* A block that is damaged on its way ends the run, and is not stored. */
static void test_damage(struct reap_dataset *ds)
{
    struct reap_run_status status;
    struct reap_err err = { 0 };
    struct reap_lease l;
    struct reap_bytes block;
    struct bench b;
    int rc;

    open_bench(&b, ds, "damage");
    reap_coord_grant(b.coord, 1, true, &l);
    block = sample_block(0, (int)l.count, 0);
    ((uint8_t *)block.data)[block.len / 2] ^= 1;
    rc = reap_coord_take(b.coord, l.shard, l.attempt, (uint8_t *)block.data,
                         block.len, false, NULL);
    for (int i = 0; i < 1000 && !reap_coord_ended(b.coord); i++) {
        struct timespec t = { 0, 1000000 };

        nanosleep(&t, NULL);
    }
    ok(!rc && reap_coord_failure(b.coord, &err) == REAP_EFORMAT,
       "damage is noticed: %s", err.msg);
    rc = reap_coord_close(&b.coord, &status, &err);
    ok(rc == REAP_EFORMAT && !sample_check(b.store, 0), "nothing was stored");
    reap_store_close(&b.store);
}

int main(void)
{
    struct reap_dataset *ds;

    scratch_new();
    ds = dataset();
    test_all(ds);
    test_fence(ds);
    test_next_run(ds);
    test_drain(ds);
    test_damage(ds);
    reap_dataset_close(&ds);
    scratch_delete();
    return done();
}
