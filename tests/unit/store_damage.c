/* A store whose file was cut or spoilt is refused or read, and ends nobody. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/lmdb/mdb_check.h"
#include "io/store/store.h"
#include "tests/store_help.h"
#include "tests/tap.h"

enum { PAGE = 4096, META = 152, ROWS = 6000, ROUNDS = 600 };

static struct reap_err err;
static uint64_t state = 20260102;
static char dir[1024], file[1100];

static uint64_t next(void)
{
    state = state * 6364136223846793005 + 1442695040888963407;
    return state >> 33;
}

static void quiet(void *ctx, const char *line)
{
    (void)ctx;
    (void)line;
}

/* Read all rows and values and look at all blocks: how many rows, 0 where
 * something is wrong with them, -1 if the store is refused. */
static long read_all(void)
{
    struct reap_store_checked found;
    struct reap_store *s = NULL;
    struct reap_rows *r = NULL;
    struct reap_stored row;
    float values[8];
    long n = -1;

    if (!reap_store_open(&s, dir, REAP_STORE_READ, NULL, &err)) {
        n = 0;
        if (!reap_rows_open(&r, s, &err))
            for (; n < 2 * ROWS && !reap_rows_next(r, &row, &err); n++)
                if (reap_rows_values(r, 0, values, &err))
                    values[0] = 0;
        reap_rows_close(&r);
        if (reap_store_check(s, quiet, NULL, &found, &err) || found.problems)
            n = 0;
    }
    reap_store_close(&s);
    return n;
}

/* As a run that goes on with it: a few rows more. */
static bool write_more(void)
{
    struct reap_store *s = NULL;
    bool open = !reap_store_open(&s, dir, REAP_STORE_WRITE, &sample_meta, &err);

    if (open && sample_put(s, ROWS, ROWS + 200, 0, false, &err))
        open = false;
    reap_store_close(&s);
    return open;
}

static uint8_t *load(size_t *size)
{
    const int fd = open(file, O_RDONLY);
    struct stat st;
    uint8_t *all;

    if (fd < 0 || fstat(fd, &st))
        exit(1);
    *size = (size_t)st.st_size;
    all = malloc(*size);
    if (!all || read(fd, all, *size) != st.st_size)
        exit(1);
    close(fd);
    return all;
}

static void save(const uint8_t *all, size_t size)
{
    const int fd = open(file, O_WRONLY | O_TRUNC);

    if (fd < 0 || write(fd, all, size) != (ssize_t)size)
        exit(1);
    close(fd);
}

/* Small transactions, as a run makes them. */
static void make(void)
{
    struct reap_store *s = NULL;
    int rc = reap_store_open(&s, dir, REAP_STORE_WRITE, &sample_meta, &err);

    for (int i = 0; i < ROWS && !rc; i += 120)
        rc = sample_put(s, i, i + 120, 0, false, &err);
    reap_store_close(&s);
    ok(!rc && read_all() == ROWS, "a store");
}

/* Each of the last pages may be missing, and parts of them. */
static void check_cut(void)
{
    size_t size, refused = 0, whole = 0, n = 0, kept = 0;
    uint8_t *all = load(&size);

    for (size_t cut = PAGE / 2; cut < 140 * PAGE && cut < size;
         cut += PAGE / 2, n++) {
        long rows;

        save(all, size - cut);
        rows = read_all();
        refused += rows < 0;
        whole += rows == ROWS;
        save(all, size - cut);
        kept += write_more();
    }
    ok(n > 100 && refused + whole == n && refused > n / 2,
       "cut by up to %zu pages: %zu times refused, %zu whole", n / 2, refused,
       whole);
    ok(kept == whole, "and as often written to: %zu", kept);
    save(all, size);
    free(all);
}

static void spoil(uint8_t *at)
{
    static const uint64_t odd[] = { 0, 1, 0xffff, 0x7fffffff, UINT64_MAX };
    const uint64_t v = next() % 2 ? odd[next() % 5] : next();

    switch (next() % 3) {
    case 0:
        *at ^= (uint8_t)(1 << next() % 8);
        break;
    case 1:
        memcpy(at, &v, 2);
        break;
    default:
        memcpy(at, &v, 8);
    }
}

/* Pages with nodes and lists begin with a kind; those of values do not. */
static void check_spoilt(void)
{
    size_t size, refused = 0, read = 0, wrote = 0;
    uint8_t *all = load(&size), *copy = malloc(size);
    const size_t pages = size / PAGE;

    for (int round = 0; copy && round < ROUNDS; round++) {
        memcpy(copy, all, size);
        for (uint64_t k = next() % 3 + 1; k; k--) {
            size_t page = next() % 4 ? next() % pages : round & 1;
            size_t room = page < 2 ? META : next() % 2 ? 64 : PAGE - 8;

            spoil(copy + page * PAGE + next() % room);
        }
        save(copy, size);
        *(read_all() < 0 ? &refused : &read) += 1;
        save(copy, size);
        wrote += write_more();
    }
    ok(refused + read == ROUNDS && refused > ROUNDS / 8 && read,
       "%d spoilt stores: %zu refused, %zu read, %zu written to", ROUNDS,
       refused, read, wrote);
    save(all, size);
    free(all);
    free(copy);
}

enum { VALUES = 36000, SIZE = 1900, GONE = 60 };

/* Put n values, or delete them, in a transaction. */
static int change(MDB_env *env, uint32_t from, uint32_t n, bool put)
{
    static uint8_t bytes[SIZE];
    MDB_txn *txn;
    MDB_dbi dbi;
    int rc = mdb_txn_begin(env, NULL, 0, &txn) ||
             mdb_dbi_open(txn, "blocks", MDB_CREATE, &dbi);

    for (uint32_t i = from; i < from + n && !rc; i++) {
        uint8_t key[4] = { (uint8_t)(i >> 24), (uint8_t)(i >> 16),
                           (uint8_t)(i >> 8), (uint8_t)i };
        MDB_val k = { sizeof(key), key }, v = { SIZE, bytes };

        rc = put ? mdb_put(txn, dbi, &k, &v, 0) : mdb_del(txn, dbi, &k, NULL);
    }
    return rc || mdb_txn_commit(txn);
}

/*
 * So many pages that only some paths are walked. A reader keeps the pages that
 * the second transaction frees, so the third puts a leaf at the end, and the
 * pages above it behind; those after it need no more of these, as they have
 * lower ones.
 */
static int make_large(void)
{
    MDB_env *env = NULL;
    MDB_txn *reader = NULL;
    int rc = mkdir(dir, 0777) || mdb_env_create(&env) ||
             mdb_env_set_maxdbs(env, 1) ||
             mdb_env_set_mapsize(env, (size_t)1 << 28) ||
             mdb_env_open(env, dir, MDB_NOSYNC | MDB_NOTLS, 0666) ||
             change(env, 0, VALUES, true) ||
             mdb_txn_begin(env, NULL, MDB_RDONLY, &reader) ||
             change(env, 0, GONE, false) || change(env, VALUES / 2, 1, true);

    if (reader)
        mdb_txn_abort(reader);
    for (int i = 0; i < 20 && !rc; i++)
        rc = change(env, GONE + 1, 1, true);
    if (env)
        mdb_env_close(env);
    return rc;
}

static void check_large(void)
{
    struct reap_mdb_head head;
    struct stat st;
    size_t refused = 0, taken = 0, unseen = 0;
    int rc = make_large();

    ok(!rc && !reap_mdb_check_named(file, &head, &err) && !stat(file, &st) &&
           head.last_page > REAP_MDB_WALK_PAGES,
       "a file of %llu pages", (unsigned long long)head.last_page);
    for (int i = 1; i <= 60; i++) {
        if (truncate(file, st.st_size - (off_t)i * PAGE))
            break;
        *(reap_mdb_check_named(file, NULL, &err) ? &refused : &taken) += 1;
        unseen += strstr(err.msg, " is cut: ") != NULL;
    }
    ok(refused + taken == 60 && taken && taken < 10,
       "cut by up to 60 pages: %zu times only free pages are missing, %zu "
       "times it is refused",
       taken, refused);
    ok(unseen, "%zu times as a page is missing that no walk came to", unseen);
}

static void place(const char *name)
{
    snprintf(dir, sizeof(dir), "%s", scratch(name));
    snprintf(file, sizeof(file), "%s/data.mdb", dir);
}

int main(void)
{
    scratch_new();
    place("store");
    make();
    check_cut();
    check_spoilt();
    ok(read_all() == ROWS, "the good file again");
    place("large");
    check_large();
    scratch_delete();
    return done();
}
