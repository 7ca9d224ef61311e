/* export, info and verify as a person runs them. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/store/store_impl.h"
#include "tests/dataset_help.h"
#include "tests/store_help.h"
#include "tests/tap.h"

static char out[1 << 16]; /* what the last run printed, both streams */

/* Run reap in the scratch directory; returns the exit status. */
static int run(const char *before, const char *command)
{
    const char *program = getenv("REAP");
    char line[4096];
    FILE *f;
    size_t n;
    int status;

    snprintf(line, sizeof(line), "cd '%s' && %s '%s' %s 2>&1", scratch("."),
             before, program ? program : "build/reap", command);
    f = popen(line, "r");
    n = f ? fread(out, 1, sizeof(out) - 1, f) : 0;
    out[n] = '\0';
    status = f ? pclose(f) : -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int reap(const char *command, const char *options, const char *path)
{
    char line[2048];

    snprintf(line, sizeof(line), "%s %s%s", command, path, options);
    return run("", line);
}

/* The same where no file may grow beyond 32 KiB. */
static int small(const char *command)
{
    return run("ulimit -f 32;", command);
}

/* The first line of it. */
static const char *first(void)
{
    out[strcspn(out, "\n")] = '\0';
    return out;
}

static void make(const char *name, int rows, bool complete)
{
    struct reap_store *s = NULL;
    struct reap_err err = { 0 };
    int rc = reap_store_open(&s, scratch(name), REAP_STORE_WRITE, &sample_meta,
                             &err);

    if (!rc)
        rc = sample_put(s, 0, rows, 0, false, &err);
    if (!rc && complete)
        rc = reap_store_mark_complete(s, 0, (uint64_t)rows, &err);
    reap_store_close(&s);
    if (rc)
        printf("Bail out! %s\n", err.msg);
}

static void check_info(void)
{
    ok(reap("info", "", "whole") == 0 && strstr(out, "20 rows") == NULL &&
           strstr(out, "rows:          6, 6 ok") &&
           strstr(out, "top, 2 best classes") && strstr(out, "--weights aaaa"),
       "info tells about a store");
    ok(reap("info", " --json", "whole") == 0 &&
           strstr(out, "\"complete\": true") && strstr(out, "\"ok\": 6"),
       "and in JSON");
    ok(reap("info", " --complete", "whole") == 0 && !*out,
       "--complete: complete");
    ok(reap("info", " --complete", "part") == 75 &&
           strstr(out, "run the same command again"),
       "--complete: 75 if not: %s", first());
    ok(reap("info", " --complete", "bad") == 65, "--complete: 65 if bad: %s",
       first());
    ok(reap("info", "", "nothing") == 66, "no such path: %s", first());
}

static void check_export(void)
{
    ok(reap("export", " -o whole.csv", "whole") == 0 &&
           strstr(out, "whole.csv: 6 keys, 6 ok"),
       "export says what it wrote");
    ok(reap("export", " -o part.npy --json", "part") == 0 &&
           strstr(out, "part is incomplete") &&
           strstr(out, "\"status\":{\"ok\":9,\"corrupt\":1}"),
       "an unfinished store is exported as it is, and said so");
    ok(reap("export", " -o part.npy -q", "part") == 0 && !*out, "or not");
    ok(reap("export", "", "part") == 64, "64 without -o: %s", first());
    ok(reap("export", " -o part.xyz", "part") == 64, "64: %s", first());
    ok(reap("export", " -o no/part.npy", "part") == 73, "73: %s", first());
    mkfifo(scratch("pipe"), 0666);
    ok(reap("export", " -o pipe --to csv", "part") == 73, "73: %s", first());
    ok(reap("export", " -o full.npy", "large") == 0 &&
           small("export large -o full.npy") == 74,
       "74 where no file may grow: %s", first());
    ok(reap("export", " -o full.npy", "large") == 0, "and with room it goes");
    ok(reap("export", " -o x.npy", "nothing") == 66, "66: %s", first());
}

/* Change one byte of the middle block's values in the file itself. */
static bool flip(const char *name)
{
    static const float mark[4] = { 100, 101, 102, 103 };
    struct reap_bytes all = { NULL, 0 };
    char path[1024];
    uint8_t *bytes;
    FILE *f;
    bool found = false;

    snprintf(path, sizeof(path), "%s/data.mdb", scratch(name));
    f = fopen(path, "r+b");
    bytes = calloc(1, 1 << 20);
    all.len = fread(bytes, 1, 1 << 20, f);
    for (size_t i = 0; i + sizeof(mark) < all.len && !found; i++)
        if (!memcmp(bytes + i, mark, sizeof(mark))) {
            found = true;
            fseek(f, (long)i + 1, SEEK_SET);
            fputc(bytes[i + 1] ^ 4, f);
        }
    fclose(f);
    free(bytes);
    return found;
}

static int drop_row(struct reap_store *s, MDB_txn *txn, void *ctx,
                    struct reap_err *err)
{
    MDB_val key = reap_store_val("k00003", 6);

    (void)ctx;
    return mdb_del(txn, s->db[REAP_DB_ROWS], &key, NULL)
               ? reap_fail(err, REAP_EIO, "no row")
               : REAP_OK;
}

static int move_row(struct reap_store *s, MDB_txn *txn, void *ctx,
                    struct reap_err *err)
{
    uint8_t place[REAP_PLACE_SIZE] = { 77 };
    MDB_val key = reap_store_val("k00004", 6);
    MDB_val v = reap_store_val(place, sizeof(place));

    (void)ctx;
    return mdb_put(txn, s->db[REAP_DB_ROWS], &key, &v, 0)
               ? reap_fail(err, REAP_EIO, "no row")
               : REAP_OK;
}

static void damage(const char *name, reap_store_work_fn how)
{
    struct reap_store *s = NULL;
    struct reap_err err = { 0 };

    if (reap_store_open(&s, scratch(name), REAP_STORE_WRITE, &sample_meta,
                        &err) ||
        reap_store_write(s, how, NULL, &err))
        printf("Bail out! %s\n", err.msg);
    reap_store_close(&s);
}

static void check_verify(void)
{
    ok(reap("verify", "", "whole") == 0 && strstr(out, "are right"),
       "verify: %s", first());
    ok(reap("verify", "", "part") == 75, "verify of a part: %s", first());
    make("flip", 150, true);
    ok(flip("flip") && reap("verify", "", "flip") == 74 &&
           strstr(out, "block 0: block: its checksum is wrong"),
       "a flipped bit is found: %s", first());
    ok(reap("export", " -o flip.npy", "flip") == 66 && strstr(out, "block 0") &&
           access(scratch("flip.npy"), F_OK) != 0,
       "and never exported: %s", first());
    make("drop", 10, true);
    damage("drop", drop_row);
    ok(reap("verify", "", "drop") == 74 &&
           strstr(out, "block 0: its count of rows is not 9") &&
           strstr(out, "10 rows are counted as ok") == NULL,
       "a row that is gone is missed: %s", first());
    make("move", 10, true);
    damage("move", move_row);
    ok(reap("verify", "", "move") == 74 && strstr(out, "key k00004") &&
           strstr(out, "block 77: it is missing"),
       "a row without its block is named: %s", first());
}

/* Write nonsense over page after page: verify tells, and survives. */
static void check_pages(void)
{
    unsigned char junk[64];
    int told = 0, pages;
    char path[1024];

    memset(junk, 0xa5, sizeof(junk));
    for (pages = 2; pages < 20; pages += 3) {
        FILE *f;
        long size;
        int rc;

        snprintf(path, sizeof(path), "page%d", pages);
        make(path, 600, true);
        snprintf(path, sizeof(path), "%s/page%d/data.mdb", scratch("."), pages);
        f = fopen(path, "r+b");
        fseek(f, 0, SEEK_END);
        size = ftell(f);
        if (size > 4096L * pages) {
            fseek(f, 4096L * pages, SEEK_SET);
            fwrite(junk, 1, sizeof(junk), f);
        }
        fclose(f);
        snprintf(path, sizeof(path), "page%d", pages);
        rc = reap("verify", "", path);
        if (rc < 0 || rc > 78)
            printf("# page %d: %d %s\n", pages, rc, first());
        else
            told += rc == 74 || rc == 66;
        if (rc < 0 || rc > 78)
            told = -100;
    }
    ok(told > 3, "%d of 6 pages of nonsense are told, and none is fatal", told);
}

static const char *key_from_2(int i, char *buf, int size)
{
    snprintf(buf, (size_t)size, "k%05d", i + 2);
    return buf;
}

/* A dataset with sample_meta's UUID, and keys k00002 to k00011. */
static int make_dataset(const char *path)
{
    const struct dataset_maker how = { key_from_2, dataset_plain.value };
    MDB_val uuid = reap_store_val("\0uuid", 5), id = reap_store_val("1234", 4);
    MDB_val format = reap_store_val("\0format", 7);
    MDB_val one = reap_store_val("reap-index 1", 12);
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi dbi;
    char index[1024];
    int mrc = dataset_make(path, &how, 10);

    snprintf(index, sizeof(index), "%s/index.mdb", path);
    if (!mrc)
        mrc = mdb_env_create(&env);
    if (!mrc)
        mrc = mdb_env_open(env, index, MDB_NOSUBDIR, 0666);
    if (!mrc)
        mrc = mdb_txn_begin(env, NULL, 0, &txn);
    if (!mrc)
        mrc = mdb_dbi_open(txn, NULL, 0, &dbi);
    if (!mrc)
        mrc = mdb_put(txn, dbi, &uuid, &id, 0);
    if (!mrc)
        mrc = mdb_put(txn, dbi, &format, &one, 0);
    if (!mrc)
        mrc = mdb_txn_commit(txn);
    if (env)
        mdb_env_close(env);
    return mrc;
}

static void check_dataset(void)
{
    ok(!make_dataset(scratch("set")), "a dataset whose keys have moved on");
    ok(reap("export", " --dataset set -o moved.npy", "part") == 0 &&
           strstr(out, "part is incomplete: 2 keys have no row yet") &&
           strstr(out, "2 rows were left out") &&
           strstr(out, "8 keys, 7 ok, 1 corrupt"),
       "export leaves out what has left: %s", first());
    ok(reap("verify", " --dataset set", "whole") == 75 &&
           strstr(out, "6 of 10 keys have no row, the first is k00006"),
       "verify names the first key without a row: %s", first());
    ok(reap("info", " --dataset set", "part") == 0 &&
           strstr(out, "complete:      no"),
       "info: %s", first());
    ok(reap("export", " -o b.csv", "part") == 0 &&
           strstr(out, "removed images cannot be left out"),
       "a dataset that is gone is not asked: %s", first());
}

/* Pages that the file lacks at its end stop each command in order. */
static void check_cut(void)
{
    static const char *const command[][2] = {
        { "info", "" },
        { "info", " --complete" },
        { "export", " -o x.npy" },
        { "show", " k00001" },
        { "verify", "" },
    };
    struct stat st;

    make("cut", 5000, true);
    ok(!stat(scratch("cut/data.mdb"), &st) &&
           !truncate(scratch("cut/data.mdb"), st.st_size - 4096),
       "a store that was cut by a page");
    for (size_t i = 0; i < sizeof(command) / sizeof(command[0]); i++)
        ok(reap(command[i][0], command[i][1], "cut") == 66 &&
               strstr(out, "copy it again"),
           "%s%s: 66: %s", command[i][0], command[i][1], first());
}

int main(void)
{
    char program[4096];

    if (!getenv("REAP") && realpath("build/reap", program))
        setenv("REAP", program, 1);
    scratch_new();
    make("whole", 6, true);
    make("part", 10, false);
    make("bad", 10, true);
    make("large", 5000, true);
    check_info();
    check_export();
    check_verify();
    check_pages();
    check_dataset();
    check_cut();
    scratch_delete();
    return done();
}
