/* The two meta pages, the file's length and the list of free pages, looked at
 * in a private mapping; the trees are followed by mdb_walk.c. Nothing here
 * calls LMDB but for its version. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <lmdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/file/le.h"
#include "io/lmdb/mdb_walk.h"

/* Offsets in a meta page, after the page's flags. */
enum {
    PAGE_FLAGS = 10,
    META_MAGIC = 16,
    META_VERSION = 20,
    META_MAP_SIZE = 32,
    META_FREE = 40, /* the database of free pages; begins with the page size */
    META_MAIN = 88, /* the default database */
    META_LAST_PAGE = 136,
    META_TXN = 144,
    META_END = 152
};
enum { KIND_META = 8, INTEGER_KEYS = 8, MIN_PAGE = 512, MAX_PAGE = 32768 };
enum { SHOWN = 40 }; /* of a key */

static const uint32_t magic = 0xbeefc0de, version = 1;

/* How far to look. */
enum depth { HEAD, RECORDS, NAMED, DATABASE };

/* ---- meta pages ---- */

static bool is_meta(const uint8_t *page)
{
    return reap_le_get16(page + PAGE_FLAGS) == KIND_META &&
           reap_le_get32(page + META_MAGIC) == magic;
}

/* The pages are LMDB 0.9's: so must be the library that will read them. */
static int check_library(struct reap_err *err)
{
    int major, minor;
    const char *name = mdb_version(&major, &minor, NULL);

    if (major == 0 && minor == 9)
        return REAP_OK;
    return reap_fail(err, REAP_EINVAL,
                     "reap reads LMDB files with liblmdb 0.9, and found %s: "
                     "install liblmdb 0.9",
                     name);
}

static int check_first(struct reap_mdb_walk *w, struct reap_err *err)
{
    uint32_t size;

    if (check_library(err))
        return REAP_EINVAL;
    if (w->size < META_END || !is_meta(w->map))
        return reap_fail(err, REAP_EFORMAT, "%s is not an LMDB file", w->path);
    if (reap_le_get32(w->map + META_VERSION) != version)
        return reap_fail(err, REAP_EFORMAT,
                         "%s: LMDB format %u, only %u is known", w->path,
                         reap_le_get32(w->map + META_VERSION), version);
    size = reap_le_get32(w->map + META_FREE);
    if (size < MIN_PAGE || size > MAX_PAGE || (size & (size - 1)))
        return reap_mdb_walk_bad(w, 0, "impossible page size", err);
    w->head.page_size = size;
    w->pages = w->size / size;
    if (w->pages < 2)
        return reap_fail(err, REAP_EFORMAT, "%s is cut: %" PRIu64 " bytes",
                         w->path, w->size);
    return REAP_OK;
}

/* The newer meta page; LMDB keeps transaction n in meta page n % 2. */
static int read_head(struct reap_mdb_walk *w, struct reap_err *err)
{
    struct reap_mdb_head *h = &w->head;
    const uint8_t *second = w->map + h->page_size, *m;
    uint64_t txn[2];
    int rc;

    if (!is_meta(second) || reap_le_get32(second + META_VERSION) != version ||
        reap_le_get32(second + META_FREE) != h->page_size)
        return reap_mdb_walk_bad(w, 1, "not a meta page like the first", err);
    txn[0] = reap_le_get64(w->map + META_TXN);
    txn[1] = reap_le_get64(second + META_TXN);
    m = txn[1] > txn[0] ? second : w->map;
    h->txn = txn[m == second];
    if ((h->txn & 1) != (m == second))
        return reap_mdb_walk_bad(w, m == second,
                                 "transaction in the wrong place", err);
    h->map_size = reap_le_get64(m + META_MAP_SIZE);
    h->last_page = reap_le_get64(m + META_LAST_PAGE);
    rc = reap_mdb_walk_root(w, h->txn & 1, m + META_FREE, &h->free, err);
    if (!rc)
        rc = reap_mdb_walk_root(w, h->txn & 1, m + META_MAIN, &h->main, err);
    if (!rc && h->main.flags)
        rc = reap_fail(err, REAP_EFORMAT,
                       "%s: its keys have duplicates or another order; "
                       "a dataset has plain keys",
                       w->path);
    return rc;
}

static int is_cut(const struct reap_mdb_walk *w, struct reap_err *err)
{
    return reap_fail(err, REAP_EFORMAT,
                     "%s is cut: %" PRIu64 " bytes, %" PRIu64 " are needed; %s",
                     w->path, w->size,
                     (w->head.last_page + 1) * w->head.page_size, w->advice);
}

static int check_length(struct reap_mdb_walk *w, struct reap_err *err)
{
    const struct reap_mdb_head *h = &w->head;

    if (h->last_page < 1 || h->last_page >= UINT64_MAX / MAX_PAGE)
        return reap_mdb_walk_bad(w, h->txn & 1, "impossible last page", err);
    if (w->pages + REAP_MDB_SPARE <= h->last_page)
        return is_cut(w, err);
    if (w->pages > h->last_page + 1)
        w->pages = h->last_page + 1;
    return REAP_OK;
}

/* ---- what values may be ---- */

static int record(struct reap_mdb_walk *w, uint64_t page,
                  const struct reap_mdb_value *v, struct reap_err *err)
{
    (void)page;
    if (!v->db)
        return REAP_OK;
    return reap_fail(err, REAP_EFORMAT,
                     "%s holds named databases (such as '%.*s'): it is no "
                     "dataset of records",
                     w->path, (int)(v->key_len < SHOWN ? v->key_len : SHOWN),
                     (const char *)v->key);
}

/* In the default database of a dataset: records, and databases by name. */
static int record_or_name(struct reap_mdb_walk *w, uint64_t page,
                          const struct reap_mdb_value *v, struct reap_err *err)
{
    struct reap_mdb_names *names = w->names;
    struct reap_mdb_tree *t = &names->tree[names->n];
    int rc;

    w->plain += !v->db;
    if (!v->db)
        return REAP_OK;
    if (names->n == REAP_MDB_NAMED_MAX || v->key_len > REAP_MDB_NAME_MAX)
        return reap_fail(err, REAP_EFORMAT, "%s holds too many named databases",
                         w->path);
    if (v->len != REAP_MDB_DB_SIZE)
        return reap_mdb_walk_bad(w, page, "a database of no known kind", err);
    rc = reap_mdb_walk_root(w, page, v->data, t, err);
    if (rc)
        return rc;
    memcpy(names->name[names->n], v->key, v->key_len);
    names->name[names->n][v->key_len] = '\0';
    names->n++;
    return REAP_OK;
}

/* In the default database of a store: its databases by name. */
static int name(struct reap_mdb_walk *w, uint64_t page,
                const struct reap_mdb_value *v, struct reap_err *err)
{
    struct reap_mdb_tree *t = &w->named[w->n_named];
    int rc;

    if (!v->db)
        return REAP_OK;
    if (w->n_named == REAP_MDB_NAMED_MAX)
        return reap_fail(err, REAP_EFORMAT,
                         "%s is not a store: too many databases", w->path);
    if (v->len != REAP_MDB_DB_SIZE)
        return reap_mdb_walk_bad(w, page, "a database of no known kind", err);
    rc = reap_mdb_walk_root(w, page, v->data, t, err);
    if (!rc && t->flags)
        rc = reap_fail(err, REAP_EFORMAT,
                       "%s is not a store: '%.*s' has keys of another kind",
                       w->path, (int)(v->key_len < SHOWN ? v->key_len : SHOWN),
                       (const char *)v->key);
    w->n_named += !rc;
    return rc;
}

/* Free pages: how many, and their numbers. Those past the file's end may be
 * missing from it. */
static int free_list(struct reap_mdb_walk *w, uint64_t page,
                     const struct reap_mdb_value *v, struct reap_err *err)
{
    uint64_t n = v->len >= 8 ? reap_le_get64(v->data) : 0;

    if (v->db || v->key_len != 8 || v->len < 8 || n > v->len / 8 - 1)
        return reap_mdb_walk_bad(w, page, "no list of free pages", err);
    for (uint64_t i = 1; i <= n; i++) {
        uint64_t p = reap_le_get64(v->data + 8 * i);

        if (p < 2 || p > w->head.last_page)
            return reap_mdb_walk_bad(w, page, "an impossible free page", err);
        if (p >= w->pages) /* check_length(): SPARE of them at most */
            w->tail |= (uint64_t)1 << (p - w->pages);
    }
    return REAP_OK;
}

/* ---- the whole ---- */

static int check_named(struct reap_mdb_walk *w, struct reap_err *err)
{
    int rc;

    w->value = name;
    rc = reap_mdb_walk_tree(w, &w->head.main, true, err);
    w->value = record;
    for (size_t i = 0; i < w->n_named && !rc; i++)
        rc = reap_mdb_walk_tree(w, &w->named[i], false, err);
    return rc;
}

/*
 * Pages that the file lacks must be free. Where each page in use was come to,
 * that is known; else the list of free pages tells. Who will write follows
 * that list, so it is looked at in any case.
 */
static int check_tail(struct reap_mdb_walk *w, bool list, struct reap_err *err)
{
    uint64_t missing = w->head.last_page + 1 - w->pages;
    int rc;

    if (!list && (!missing || !w->sampled))
        return REAP_OK;
    if (w->head.free.flags != INTEGER_KEYS && w->head.free.depth)
        return reap_mdb_walk_bad(w, w->head.txn & 1, "no list of free pages",
                                 err);
    w->value = free_list;
    rc = reap_mdb_walk_tree(w, &w->head.free, missing && w->sampled, err);
    for (uint64_t i = 0; i < missing && w->sampled && !rc; i++)
        if (!(w->tail >> i & 1))
            rc = is_cut(w, err);
    return rc;
}

/* "images (5 records), labels (5 records)" */
static void list_names(const struct reap_mdb_names *names, char *to,
                       size_t size)
{
    size_t at = 0;

    *to = '\0';
    for (size_t i = 0; i < names->n && at < size; i++)
        at += (size_t)snprintf(to + at, size - at,
                               "%s%s (%" PRIu64 " record%s)", i ? ", " : "",
                               names->name[i], names->tree[i].entries,
                               names->tree[i].entries == 1 ? "" : "s");
}

/* The default database, then the one that 'w->wanted' names. */
static int check_database(struct reap_mdb_walk *w, const char *wanted,
                          struct reap_err *err)
{
    const struct reap_mdb_names *names = w->names;
    char list[250];
    size_t i = 0;
    int rc;

    w->names->n = 0;
    w->value = record_or_name;
    rc = reap_mdb_walk_tree(w, &w->head.main, false, err);
    if (rc)
        return rc;
    list_names(names, list, sizeof(list));
    while (wanted && i < names->n && strcmp(names->name[i], wanted) != 0)
        i++;
    if (wanted && i == names->n)
        return reap_fail(err, REAP_ENOTFOUND,
                         "%s has no database '%s'; it has %s", w->path, wanted,
                         names->n ? list : "the unnamed one alone");
    if (!wanted)
        return w->plain || !names->n
                   ? REAP_OK
                   : reap_fail(err, REAP_EFORMAT,
                               "%s holds its records in named databases: %s; "
                               "choose one by its name after the path: PATH:%s",
                               w->path, list, names->name[0]);
    if (names->tree[i].flags)
        return reap_fail(err, REAP_EFORMAT,
                         "%s: the keys of '%s' have duplicates or another "
                         "order; a dataset has plain keys",
                         w->path, wanted);
    /* The others may hold its labels. */
    w->value = record;
    for (i = 0; i < names->n && !rc; i++)
        if (!names->tree[i].flags)
            rc = reap_mdb_walk_tree(w, &names->tree[i], false, err);
    return rc;
}

static int check(struct reap_mdb_walk *w, enum depth depth, const char *wanted,
                 struct reap_err *err)
{
    int rc = check_first(w, err);

    if (!rc)
        rc = read_head(w, err);
    if (!rc)
        rc = check_length(w, err);
    if (rc || depth == HEAD)
        return rc;
    w->value = record;
    rc = depth == NAMED      ? check_named(w, err)
         : depth == DATABASE ? check_database(w, wanted, err)
                             : reap_mdb_walk_tree(w, &w->head.main, false, err);
    return rc ? rc : check_tail(w, depth == NAMED, err);
}

static int map_file(struct reap_mdb_walk *w, int fd, struct reap_err *err)
{
    struct stat st;
    void *map;

    if (fstat(fd, &st))
        return reap_fail(err, REAP_EIO, "%s: %s", w->path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return reap_fail(err, REAP_EFORMAT, "%s is not a file", w->path);
    if (!st.st_size)
        return reap_fail(err, REAP_ENOTFOUND, "%s is empty", w->path);
    map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return reap_fail(err, errno == ENOMEM ? REAP_ENOMEM : REAP_EIO,
                         "%s: cannot be mapped: %s", w->path, strerror(errno));
    w->map = map;
    w->size = (uint64_t)st.st_size;
    return REAP_OK;
}

/* Which database of a dataset is meant, and those that there are. */
struct database {
    const char *wanted;
    struct reap_mdb_names *names;
};

/* Once over the file; 'txn' receives the transaction that was looked at. */
static int check_once(const char *path, enum depth depth,
                      const struct database *db, struct reap_mdb_head *out,
                      uint64_t *txn, struct reap_err *err)
{
    struct reap_mdb_walk w = { .path = path,
                               .names = db ? db->names : NULL,
                               .advice = depth == RECORDS || depth == DATABASE
                                             ? "copy it again, or make it again"
                                             : "copy it again, or name another "
                                               "output" };
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    union {
        const void *in;
        void *out;
    } map;
    int rc;

    if (fd < 0)
        return reap_fail(err,
                         errno == ENOENT || errno == ENOTDIR ? REAP_ENOTFOUND
                         : errno == EACCES                   ? REAP_EACCESS
                                                             : REAP_EIO,
                         "%s: %s", path, strerror(errno));
    rc = map_file(&w, fd, err);
    close(fd);
    if (!rc)
        rc = check(&w, depth, db ? db->wanted : NULL, err);
    *txn = w.head.txn;
    if (!rc && out)
        *out = w.head;
    map.in = w.map;
    if (map.out)
        munmap(map.out, (size_t)w.size);
    reap_free(w.seen);
    return rc;
}

/* Pages may be used anew while they are looked at, if a writer commits
 * meanwhile: then the transaction is another one the next time. */
static int check_file(const char *path, enum depth depth,
                      const struct database *db, struct reap_mdb_head *out,
                      struct reap_err *err)
{
    enum { TRIES = 8 };
    uint64_t txn, before;
    int rc = check_once(path, depth, db, out, &txn, err);

    for (int i = 1; i < TRIES && rc == REAP_EFORMAT; i++) {
        before = txn;
        rc = check_once(path, depth, db, out, &txn, err);
        if (txn == before)
            break;
    }
    return rc;
}

int reap_mdb_check(const char *path, struct reap_mdb_head *out,
                   struct reap_err *err)
{
    return check_file(path, RECORDS, NULL, out, err);
}

int reap_mdb_check_head(const char *path, struct reap_mdb_head *out,
                        struct reap_err *err)
{
    return check_file(path, HEAD, NULL, out, err);
}

int reap_mdb_check_named(const char *path, struct reap_mdb_head *out,
                         struct reap_err *err)
{
    return check_file(path, NAMED, NULL, out, err);
}

int reap_mdb_check_database(const char *path, const char *name,
                            struct reap_mdb_head *out,
                            struct reap_mdb_names *names, struct reap_err *err)
{
    const struct database db = { name, names };

    return check_file(path, DATABASE, &db, out, err);
}
