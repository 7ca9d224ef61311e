/* The keys that have no row: in order, within the limit, suspects last. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/todo.h"
#include "engine/base/mem.h"
#include "tests/dataset_help.h"
#include "tests/store_help.h"
#include "tests/tap.h"

enum { KEYS = 100 };

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

static struct reap_store *store(void)
{
    struct reap_store *s = NULL;
    struct reap_err err;

    if (reap_store_open(&s, scratch("store"), REAP_STORE_WRITE, &sample_meta,
                        &err) ||
        sample_put(s, 10, 20, 0, false, &err) ||
        sample_put(s, 50, 90, 0, false, &err))
        printf("Bail out! no store: %s\n", err.msg);
    return s;
}

static int number(const struct reap_lease *l)
{
    char text[16] = "";

    memcpy(text, l->key, l->key_len < 15 ? l->key_len : 15);
    return atoi(text + 1);
}

/* All runs as "first+count/deaths " in 'out'. */
static const char *runs(struct reap_todo *t, uint32_t max, char *out,
                        size_t size)
{
    struct reap_lease l;
    struct reap_err err;
    uint32_t deaths;
    size_t at = 0;
    int rc;

    out[0] = '\0';
    while (!(rc = reap_todo_next(t, max, &l, &deaths, &err)) && at < size)
        at += (size_t)snprintf(out + at, size - at, "%d+%u/%u ", number(&l),
                               l.count, deaths);
    if (rc != REAP_ENOTFOUND)
        snprintf(out, size, "failed: %s", err.msg);
    return out;
}

static struct reap_todo *todo(struct reap_dataset *ds, struct reap_store *s,
                              uint64_t limit, const struct reap_suspect *from,
                              size_t n)
{
    struct reap_suspect *copy = n ? reap_calloc(n, sizeof(*copy)) : NULL;
    struct reap_todo *t = NULL;
    struct reap_err err;

    if (n)
        memcpy(copy, from, n * sizeof(*copy));
    if (reap_todo_open(&t, ds, s, limit, copy, n, &err))
        printf("Bail out! %s\n", err.msg);
    return t;
}

static void test_merge(struct reap_dataset *ds, struct reap_store *s)
{
    struct reap_todo *t = todo(ds, s, 0, NULL, 0);
    char got[512];

    ok(!strcmp(runs(t, 1000, got, sizeof(got)), "0+10/0 20+30/0 90+10/0 "),
       "runs are what lies between the rows: %s", got);
    ok(reap_todo_seen(t) == KEYS, "all keys were looked at");
    reap_todo_close(&t);
    t = todo(ds, s, 0, NULL, 0);
    ok(!strcmp(runs(t, 8, got, sizeof(got)),
               "0+8/0 8+2/0 20+8/0 28+8/0 36+8/0 44+6/0 90+8/0 98+2/0 "),
       "cut at eight keys: %s", got);
    reap_todo_close(&t);
    ok(!t, "close sets NULL");
}

static void test_limit(struct reap_dataset *ds, struct reap_store *s)
{
    struct reap_todo *t = todo(ds, s, 25, NULL, 0);
    char got[512];

    ok(!strcmp(runs(t, 1000, got, sizeof(got)), "0+10/0 20+5/0 "),
       "the first 25 keys: %s", got);
    ok(reap_todo_seen(t) == 25, "and no key more");
    reap_todo_close(&t);
    t = todo(ds, s, 15, NULL, 0);
    ok(!strcmp(runs(t, 1000, got, sizeof(got)), "0+10/0 "),
       "a limit among the rows: %s", got);
    reap_todo_close(&t);
}

static void test_suspects(struct reap_dataset *ds, struct reap_store *s)
{
    static const struct reap_suspect left[] = {
        { "k00095", 6, 1, 3 },  { "k00024", 6, 2, 2 },
        { "k00020", 6, 4, 1 },  { "k00055", 6, 1, 4 }, /* has a row by now */
        { "k00060x", 7, 3, 4 },                        /* is gone */
        { "k00048", 6, 4, 2 },                         /* half of it has rows */
        { "k00002", 6, 1, 3 },
    };
    struct reap_todo *t = todo(ds, s, 0, left, 7);
    char got[512];

    ok(!strcmp(runs(t, 1000, got, sizeof(got)),
               "0+2/0 3+7/0 20+4/1 26+22/0 90+5/0 96+4/0 24+2/2 48+2/2 2+1/3 "
               "95+1/3 "),
       "deaths stay with their keys, most of them come last: %s", got);
    reap_todo_close(&t);
    t = todo(ds, s, 25, left, 7);
    ok(!strcmp(runs(t, 1000, got, sizeof(got)),
               "0+2/0 3+7/0 20+4/1 24+1/2 2+1/3 "),
       "suspects behind the limit are not touched: %s", got);
    reap_todo_close(&t);
}

/* What the next job has to be told, at each moment. */
static void test_handing_on(struct reap_dataset *ds, struct reap_store *s)
{
    static const struct reap_suspect left[] = { { "k00020", 6, 4, 1 },
                                                { "k00024", 6, 2, 2 },
                                                { "k00095", 6, 1, 3 } };
    struct reap_todo *t = todo(ds, s, 0, left, 3);
    struct reap_suspect got[4];
    struct reap_lease run;
    struct reap_err err;
    char text[512];
    uint32_t deaths;
    size_t n = reap_todo_suspects(t, got, 4);
    int rc = reap_todo_next(t, 100, &run, &deaths, &err);

    ok(!rc && n == 3 && reap_todo_suspects(t, got, 4) == 3,
       "all of them as long as none is given out");
    rc = reap_todo_next(t, 3, &run, &deaths, &err);
    n = reap_todo_suspects(t, got, 4);
    ok(!rc && number(&run) == 20 && n == 3 && got[0].count == 1 &&
           got[0].deaths == 1 && !memcmp(got[0].key, "k00023", 6),
       "of the one in work the keys that remain: %u", got[0].count);
    rc = reap_todo_next(t, 3, &run, &deaths, &err);
    n = reap_todo_suspects(t, got, 4);
    ok(!rc && n == 2 && got[0].count == 2 && got[0].deaths == 2 &&
           !memcmp(got[0].key, "k00024", 6),
       "one that is left for the end is whole: %u", got[0].count);
    runs(t, 1000, text, sizeof(text));
    ok(!reap_todo_suspects(t, got, 4), "none in the end");
    reap_todo_close(&t);
    t = todo(ds, s, 25, left, 3);
    runs(t, 1000, text, sizeof(text));
    ok(reap_todo_suspects(t, got, 4) == 1 && got[0].deaths == 3,
       "but what lies behind the limit");
    reap_todo_close(&t);
}

/* In the second walk, whose order is another than that of keys. */
static void test_handing_on_late(struct reap_dataset *ds, struct reap_store *s)
{
    static const struct reap_suspect left[] = { { "k00002", 6, 1, 3 },
                                                { "k00024", 6, 2, 2 },
                                                { "k00095", 6, 1, 2 } };
    struct reap_todo *t = todo(ds, s, 0, left, 3);
    struct reap_suspect got[4];
    struct reap_lease run;
    struct reap_err err;
    uint32_t deaths;
    size_t n = 0;
    int rc;

    do
        rc = reap_todo_next(t, 1000, &run, &deaths, &err);
    while (!rc && deaths < 2);
    n = reap_todo_suspects(t, got, 4);
    ok(!rc && number(&run) == 24 && run.count == 2 && n == 2,
       "the first that is left for the end is out, two remain: %zu", n);
    ok(!memcmp(got[0].key, "k00095", 6) && got[0].deaths == 2 &&
           !memcmp(got[1].key, "k00002", 6) && got[1].deaths == 3 &&
           got[0].count == 1 && got[1].count == 1,
       "the one that died more often behind the other");
    rc = reap_todo_next(t, 1000, &run, &deaths, &err);
    n = reap_todo_suspects(t, got, 4);
    ok(!rc && number(&run) == 95 && n == 1 && got[0].deaths == 3,
       "and alone in the end");
    reap_todo_close(&t);
}

static void test_after(struct reap_dataset *ds, struct reap_store *s)
{
    struct reap_todo *t = todo(ds, s, 0, NULL, 0);
    struct reap_lease first, run;
    struct reap_err err;
    uint32_t deaths;
    int rc = reap_todo_next(t, 4, &first, &deaths, &err);

    run = first;
    rc = rc ? rc : reap_todo_after(t, &run, &err);
    ok(!rc && number(&run) == 1, "the key behind the first of a run");
    rc = reap_todo_next(t, 4, &run, &deaths, &err);
    ok(!rc && number(&run) == 4 && run.count == 4,
       "and the walk goes on where it was: %d", number(&run));
    reap_todo_close(&t);
}

/* Rows that are committed meanwhile, behind and before the walk. */
static void test_growing(struct reap_dataset *ds, struct reap_store *s)
{
    struct reap_todo *t = todo(ds, s, 0, NULL, 0);
    struct reap_lease run;
    struct reap_err err;
    uint32_t deaths;
    char got[512];
    int rc = reap_todo_next(t, 8, &run, &deaths, &err);

    rc = rc ? rc : sample_put(s, 0, 8, 0, false, &err);
    rc = rc ? rc : sample_put(s, 30, 40, 0, false, &err);
    ok(!rc && !strcmp(runs(t, 1000, got, sizeof(got)),
                      "8+2/0 20+10/0 40+10/0 90+10/0 "),
       "rows that come meanwhile are seen: %s", got);
    reap_todo_close(&t);
}

int main(void)
{
    struct reap_dataset *ds;
    struct reap_store *s;

    scratch_new();
    ds = dataset();
    s = store();
    test_merge(ds, s);
    test_limit(ds, s);
    test_suspects(ds, s);
    test_handing_on(ds, s);
    test_handing_on_late(ds, s);
    test_after(ds, s);
    test_growing(ds, s);
    reap_store_close(&s);
    reap_dataset_close(&ds);
    scratch_delete();
    return done();
}
