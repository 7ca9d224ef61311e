/* The store: resume, replace, forget, counts, growth, and what it refuses. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/file/status.h"
#include "io/store/store_impl.h"
#include "tests/store_help.h"
#include "tests/tap.h"

static struct reap_bytes key_of(const char *text)
{
    return (struct reap_bytes){ (const uint8_t *)text, strlen(text) };
}

static int open_write(struct reap_store **s, const char *path,
                      struct reap_err *err)
{
    return reap_store_open(s, path, REAP_STORE_WRITE, &sample_meta, err);
}

static int open_read(struct reap_store **s, const char *path,
                     struct reap_err *err)
{
    return reap_store_open(s, path, REAP_STORE_READ, NULL, err);
}

static uint64_t blocks_of(struct reap_store *s)
{
    struct reap_counts c = { 0 };
    MDB_txn *txn;

    if (!reap_store_begin(s, &txn, NULL)) {
        if (reap_store_counts_get(s, txn, &c, NULL))
            c.blocks = 999;
        mdb_txn_abort(txn);
    }
    return c.blocks;
}

static bool counts_are(struct reap_store *s, uint64_t good, uint64_t corrupt)
{
    uint64_t n[REAP_N_STATUS];

    return !reap_store_counts(s, n, NULL) && n[REAP_STATUS_ok] == good &&
           n[REAP_STATUS_corrupt] == corrupt;
}

static void check_rows(void)
{
    const char *path = scratch("rows");
    struct reap_store *s = NULL;
    struct reap_err err = { 0 };

    ok(!open_write(&s, path, &err), "a new store%s", err.msg);
    ok(sample_check(s, 0) == 0 && counts_are(s, 0, 0), "has no rows");
    ok(!sample_put(s, 70, 140, 0, false, &err) &&
           !sample_put(s, 0, 70, 0, false, &err),
       "blocks come in any order%s", err.msg);
    ok(sample_check(s, 0) == 140, "rows are read in key order, with values");
    ok(counts_are(s, 120, 20) && blocks_of(s) == 2, "and counted by status");
    ok(!sample_put(s, 0, 70, 5, false, &err) && sample_check(s, 0) == 140 &&
           blocks_of(s) == 2,
       "what is there stays, and a block nobody needs is not stored");
    ok(!sample_put(s, 60, 150, 5, false, &err) && blocks_of(s) == 3 &&
           counts_are(s, 129, 21),
       "the new rows of an overlapping block are taken");
    ok(!sample_put(s, 0, 150, 2, true, &err) && sample_check(s, 2) == 150 &&
           counts_are(s, 129, 21),
       "with 'replace' the new ones count%s", err.msg);
    ok(blocks_of(s) == 1, "and old blocks are deleted with their last row");
    reap_store_close(&s);
    ok(!open_read(&s, path, &err) && sample_check(s, 2) == 150,
       "a reader sees the same%s", err.msg);
    ok(reap_store_put(s, NULL, 0, false, &err) == REAP_EBUG,
       "and cannot write");
    reap_store_close(&s);
}

static void check_forget(void)
{
    struct reap_bytes keys[] = { key_of("k00006"), key_of("k00001"),
                                 key_of("k00001"), key_of("nobody") };
    struct reap_store *s = NULL;
    struct reap_rows *r = NULL;
    struct reap_stored row;
    struct reap_err err = { 0 };

    ok(!open_write(&s, scratch("forget"), &err) &&
           !sample_put(s, 0, 10, 0, false, &err) &&
           !reap_store_mark_complete(s, 0, 10, &err) &&
           !reap_store_forget(s, keys, 4, &err) && sample_check(s, 0) == 8 &&
           counts_are(s, 8, 0),
       "forgotten rows are gone, each once%s", err.msg);
    ok(!reap_store_meta(s, "complete"), "and so is the marker");
    ok(!reap_rows_open(&r, s, &err) &&
           !reap_rows_seek(r, key_of("k00001"), &row, &err) &&
           !memcmp(row.row.key.data, "k00002", 6) &&
           !reap_rows_next(r, &row, &err) &&
           !memcmp(row.row.key.data, "k00003", 6),
       "a seek finds the next key");
    ok(reap_rows_seek(r, key_of("k1"), &row, &err) == REAP_ENOTFOUND &&
           reap_rows_next(r, &row, &err) == REAP_ENOTFOUND,
       "or says that there is none: %s", err.msg);
    reap_rows_close(&r);
    ok(!sample_put(s, 0, 7, 0, false, &err) && sample_check(s, 0) == 10 &&
           blocks_of(s) == 2,
       "and they can be done again");
    reap_store_close(&s);
}

/* A walk goes on while this process commits and the map moves. */
static void check_growth(void)
{
    struct reap_store *s = NULL;
    struct reap_rows *r = NULL;
    struct reap_stored row;
    struct reap_err err = { 0 };
    MDB_envinfo info;
    int rc = open_write(&s, scratch("growth"), &err), n = 0;

    if (!rc)
        rc = mdb_env_set_mapsize(s->env, 256 << 10);
    if (!rc)
        rc = sample_put(s, 0, 1000, 0, false, &err);
    if (!rc)
        rc = reap_rows_open(&r, s, &err);
    for (int i = 1; i <= 20 && !rc; i++) {
        for (int k = 0; k < 50 && !rc; k++, n++)
            rc = reap_rows_next(r, &row, &err) ||
                 strtol((const char *)row.row.key.data + 1, NULL, 10) != n;
        if (!rc)
            rc = sample_put(s, 1000 * i, 1000 * i + 1000, 0, false, &err);
    }
    ok(!rc && sample_check(s, 0) == 21000,
       "a full map grows under a walk, and nothing is lost%s", err.msg);
    mdb_env_info(s->env, &info);
    ok(info.me_mapsize > 256 << 10, "the map has now %zu bytes",
       info.me_mapsize);
    reap_rows_close(&r);
    reap_store_close(&s);
}

static void check_misfit(void)
{
    const char *path = scratch("misfit");
    struct reap_run_meta other = sample_meta;
    struct reap_store *s = NULL;
    struct reap_err err = { 0 };

    ok(!open_write(&s, path, &err), "a store to come back to");
    reap_store_close(&s);
    other.fingerprint_text = "weights=bbbb\npreset=unit\n";
    ok(reap_store_open(&s, path, REAP_STORE_WRITE, &other, &err) ==
               REAP_EMISFIT &&
           !s &&
           strstr(err.msg, "--weights: the store has aaaa, this run bbbb"),
       "%s", err.msg);
    other.fingerprint_text = "weights=aaaa\npreset=unit\nl2=1\n";
    ok(reap_store_open(&s, path, REAP_STORE_WRITE, &other, &err) ==
               REAP_EMISFIT &&
           strstr(err.msg, "l2: the store has none, this run 1"),
       "%s", err.msg);
    other.fingerprint_text = "weights=aaaa\npreset=unit\npreset=tf\n";
    ok(reap_store_open(&s, path, REAP_STORE_WRITE, &other, &err) ==
               REAP_EMISFIT &&
           strstr(err.msg, "(--preset: the store has none, this run tf)"),
       "%s", err.msg);
    other = sample_meta;
    other.dataset_id = "uuid:999";
    ok(reap_store_open(&s, path, REAP_STORE_WRITE, &other, &err) ==
               REAP_EMISFIT &&
           strstr(err.msg,
                  "dataset: the store has uuid:1234, this run uuid:999"),
       "%s", err.msg);
    other = sample_meta;
    other.job = "top 5\n";
    ok(!reap_store_open(&s, path, REAP_STORE_WRITE, &other, &err) &&
           !strcmp(reap_store_meta(s, "job"), "top 5\n"),
       "another job with the same fingerprint goes on");
    ok(!strcmp(
           reap_store_meta(s, "fingerprint"),
           "13d71bac19702f33f76f954a7c017d40ff01967960de9a0b6d833197f51de7f0"),
       "the fingerprint is the sha256 of what it is made of: %s",
       reap_store_meta(s, "fingerprint"));
    reap_store_close(&s);
}

/* Names may come several times, as outputs do. */
static void check_lines(void)
{
    const char *path = scratch("lines");
    struct reap_run_meta meta = sample_meta;
    struct reap_store *s = NULL;
    struct reap_err err = { 0 };

    meta.fingerprint_text = "output=avg\noutput=top\n";
    ok(!reap_store_open(&s, path, REAP_STORE_WRITE, &meta, &err),
       "a store with two lines of a name");
    reap_store_close(&s);
    ok(!reap_store_open(&s, path, REAP_STORE_WRITE, &meta, &err),
       "can be resumed%s", err.msg);
    reap_store_close(&s);
    meta.fingerprint_text = "output=max\noutput=top\n";
    ok(reap_store_open(&s, path, REAP_STORE_WRITE, &meta, &err) ==
               REAP_EMISFIT &&
           strstr(err.msg,
                  "(outputs (--features): the store has avg, this run max)"),
       "%s", err.msg);
}

static void check_notes(void)
{
    struct reap_suspect l[2] = { { "k1", 2, 10, 1 }, { "k22", 3, 20, 2 } };
    struct reap_suspect *got = NULL;
    struct reap_store *s = NULL;
    struct reap_err err = { 0 };
    size_t n = 0;

    ok(!open_write(&s, scratch("notes"), &err) &&
           !reap_store_meta(s, "complete"),
       "no marker at first");
    ok(!reap_store_mark_complete(s, 5, 4, &err) &&
           !strcmp(reap_store_meta(s, "complete"),
                   "limit=5\nkeys=4\nfirst=\nlast=\n"),
       "a marker");
    ok(!sample_put(s, 2, 5, 0, false, &err) &&
           !reap_store_mark_complete(s, 0, 3, &err) &&
           !strcmp(reap_store_meta(s, "complete"),
                   "limit=0\nkeys=3\nfirst=k00002\nlast=k00004\n"),
       "with the range of keys that have rows");
    ok(!reap_store_unmark(s, &err) && !reap_store_meta(s, "complete") &&
           !reap_store_unmark(s, &err),
       "is taken away, and twice is no harm");
    ok(!reap_store_add_host(s, "a", &err) &&
           !reap_store_add_host(s, "b", &err) &&
           !reap_store_add_host(s, "a", &err) &&
           !strcmp(reap_store_meta(s, "hosts"), "a\nb\n"),
       "hosts are remembered once");
    ok(!reap_store_leases_put(s, l, 2, &err) &&
           !reap_store_leases_put(s, l, 2, &err) &&
           !reap_store_leases_get(s, &got, &n, &err) && n == 2 &&
           got[1].count == 20 && got[1].deaths == 2 && got[1].key_len == 3 &&
           !memcmp(got[1].key, "k22", 3),
       "leases come back");
    reap_free(got);
    ok(!reap_store_leases_put(s, l, 0, &err) &&
           !reap_store_leases_get(s, &got, &n, &err) && n == 0,
       "and are replaced as a whole");
    reap_free(got);
    reap_store_close(&s);
}

static void touch(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    if (f) {
        fputs(text, f);
        fclose(f);
    }
}

static void make_lmdb(const char *path)
{
    MDB_env *env = NULL;

    mkdir(path, 0777);
    if (!mdb_env_create(&env) && mdb_env_open(env, path, 0, 0666))
        printf("# no LMDB\n");
    mdb_env_close(env);
    unlink(scratch("dataset/lock.mdb"));
}

static void check_refusals(void)
{
    struct reap_store *s = NULL;
    struct reap_err err = { 0 };
    struct stat st;

    touch(scratch("file"), "x");
    ok(open_write(&s, scratch("file"), &err) == REAP_ECREATE, "%s", err.msg);
    ok(open_read(&s, scratch("file"), &err) == REAP_EFORMAT, "%s", err.msg);
    mkdir(scratch("dir"), 0777);
    touch(scratch("dir/thesis.tex"), "x");
    ok(open_write(&s, scratch("dir"), &err) == REAP_ECREATE, "%s", err.msg);
    make_lmdb(scratch("dataset"));
    ok(open_write(&s, scratch("dataset"), &err) == REAP_ECREATE, "%s", err.msg);
    ok(stat(scratch("dataset/reap.lock"), &st) != 0 &&
           stat(scratch("dataset/lock.mdb"), &st) != 0,
       "and nothing is left there");
    ok(open_write(&s, scratch("no/such"), &err) == REAP_ECREATE, "%s", err.msg);
    ok(open_read(&s, scratch("none"), &err) == REAP_ENOTFOUND, "%s", err.msg);
    mkdir(scratch("empty"), 0777);
    ok(!open_write(&s, scratch("empty/"), &err), "an empty directory is taken");
    reap_store_close(&s);
    ok(reap_store_is(scratch("empty")) && !reap_store_is(scratch("dataset")),
       "a store bears a mark");
    truncate(scratch("empty/data.mdb"), 4096);
    ok(!open_write(&s, scratch("empty"), &err), "a stub is begun again");
    ok(!sample_put(s, 0, 20000, 0, false, &err), "and filled");
    reap_store_close(&s);
    truncate(scratch("empty/data.mdb"), 100000);
    ok(open_read(&s, scratch("empty"), &err) == REAP_EFORMAT, "%s", err.msg);
    ok(open_write(&s, scratch("empty"), &err) == REAP_EFORMAT, "%s", err.msg);
    if (geteuid() == 0) {
        skip("root may write anywhere");
    } else {
        mkdir(scratch("closed"), 0555);
        ok(open_write(&s, scratch("closed"), &err) == REAP_EACCESS, "%s",
           err.msg);
    }
}

static void check_damage(void)
{
    struct reap_bytes b = sample_block(0, 10, 0);
    uint8_t *bad = reap_calloc(1, b.len);
    struct reap_bytes wrong = { bad, b.len };
    struct reap_store *s = NULL;
    struct reap_err err = { 0 };

    memcpy(bad, b.data, b.len);
    bad[b.len / 2] ^= 1;
    ok(!open_write(&s, scratch("damage"), &err) &&
           reap_store_put(s, &wrong, 1, false, &err) == REAP_EFORMAT &&
           sample_check(s, 0) == 0 && counts_are(s, 0, 0),
       "a damaged block is not stored: %s", err.msg);
    reap_store_close(&s);
    reap_free(bad);
    reap_free((void *)(uintptr_t)b.data);
}

static void check_memory(void)
{
    int rc = REAP_ENOMEM, whole = 0;
    long i;

    for (i = 1; rc == REAP_ENOMEM && i < 200; i++) {
        struct reap_bytes b = sample_block(0, 10, 0);
        struct reap_store *s = NULL;
        struct reap_rows *r = NULL;
        struct reap_stored row;
        struct reap_err err;
        float avg[4];

        reap_mem_fail_at(i);
        rc = open_write(&s, scratch("memory"), &err);
        if (!rc)
            rc = reap_store_put(s, &b, 1, true, &err);
        if (!rc)
            rc = reap_store_add_host(s, "x", &err);
        if (!rc)
            rc = reap_rows_open(&r, s, &err);
        if (!rc)
            rc = reap_rows_next(r, &row, &err);
        if (!rc)
            rc = reap_rows_values(r, 0, avg, &err);
        reap_mem_fail_at(0);
        reap_rows_close(&r);
        reap_store_close(&s);
        reap_free((void *)(uintptr_t)b.data);
        whole += rc == REAP_ENOMEM || rc == REAP_OK;
    }
    ok(rc == REAP_OK && whole == i - 1 && i > 5,
       "each of %ld allocations may fail", i - 2);
}

int main(void)
{
    scratch_new();
    check_rows();
    check_forget();
    check_growth();
    check_misfit();
    check_lines();
    check_notes();
    check_refusals();
    check_damage();
    check_memory();
    scratch_delete();
    return done();
}
