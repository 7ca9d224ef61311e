/* Opening, closing and the two ways into a store: to read and to write. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/out/create.h"
#include "io/file/netfs.h"
#include "io/lmdb/mdb_check.h"
#include "io/store/store_impl.h"

static const char *const db_name[REAP_N_DBS] = { "meta",  "rows",   "blocks",
                                                 "used",  "ledger", "errors",
                                                 "leases" };

/*
 * The map is address space, not memory, and the file grows by what is written.
 * A reader's must not be too small for what a writer adds meanwhile.
 */
static const size_t map_write = (size_t)1 << 30, map_read = (size_t)1 << 40;

/* LMDB reports a write that was cut short as EIO; was it for want of room? */
static bool is_full(const char *path)
{
    enum { ROOM = 1 << 20 };
    struct statvfs fs;

    return !statvfs(path, &fs) && (uint64_t)fs.f_bavail * fs.f_frsize < ROOM;
}

int reap_store_fail(struct reap_store *s, int mrc, const char *what,
                    struct reap_err *err)
{
    static const struct {
        int mrc, code;
        const char *advice;
    } row[] = {
        { ENOSPC, REAP_EIO, "; make room and run the same command again" },
        { EDQUOT, REAP_EIO, "; make room and run the same command again" },
        { EFBIG, REAP_EIO, "; allow larger files, run the same command again" },
        { EIO, REAP_EIO,
          "; if the disk or the largest file allowed is full, make room and "
          "run the same command again" },
        { ENOMEM, REAP_ENOMEM, "" },
        { EACCES, REAP_EACCESS, "" },
        { EPERM, REAP_EACCESS, "" },
        { EROFS, REAP_ECREATE, "" },
        { ENOENT, REAP_ENOTFOUND, "" },
        { MDB_INVALID, REAP_EFORMAT, "" },
        { MDB_CORRUPTED, REAP_EFORMAT, "; reap verify tells more" },
        { MDB_PAGE_NOTFOUND, REAP_EFORMAT, "; reap verify tells more" },
        { MDB_VERSION_MISMATCH, REAP_EFORMAT, "" },
    };
    int code = REAP_EIO;
    const char *advice = "";

    s->full = mrc == MDB_MAP_FULL;
    if (mrc == EIO && is_full(s->path))
        mrc = ENOSPC;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        if (row[i].mrc == mrc) {
            code = row[i].code;
            advice = row[i].advice;
        }
    return reap_fail(err, code, "%s: %s: %s%s", s->path, what,
                     mdb_strerror(mrc), advice);
}

void reap_store_id(uint8_t *to, uint64_t id)
{
    for (int i = 7; i >= 0; i--, id >>= 8)
        to[i] = (uint8_t)id;
}

int reap_store_begin(struct reap_store *s, MDB_txn **txn, struct reap_err *err)
{
    int mrc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, txn);

    return mrc ? reap_store_fail(s, mrc, "read", err) : REAP_OK;
}

static int store_grow(struct reap_store *s, struct reap_err *err)
{
    MDB_envinfo info;
    int mrc;

    mdb_env_info(s->env, &info);
    pthread_mutex_lock(&s->mutex);
    mrc = mdb_env_set_mapsize(s->env, 2 * info.me_mapsize);
    pthread_mutex_unlock(&s->mutex);
    return mrc ? reap_store_fail(s, mrc, "grow the map", err) : REAP_OK;
}

static int write_once(struct reap_store *s, reap_store_work_fn work, void *ctx,
                      struct reap_err *err)
{
    MDB_txn *txn;
    int mrc, dead, rc = reap_store_lock_check(s->lock, err);

    if (rc)
        return rc;
    if (!s->alone) /* a killed reader would keep old pages from being reused */
        mdb_reader_check(s->env, &dead);
    mrc = mdb_txn_begin(s->env, NULL, 0, &txn);
    if (mrc)
        return reap_store_fail(s, mrc, "write", err);
    rc = work(s, txn, ctx, err);
    if (rc) {
        mdb_txn_abort(txn);
        return rc;
    }
    mrc = mdb_txn_commit(txn);
    return mrc ? reap_store_fail(s, mrc, "write", err) : REAP_OK;
}

/* A file that was removed or replaced takes rows all the same, and nobody would
 * ever see them. */
int reap_store_here(const struct reap_store *s, struct reap_err *err)
{
    char path[4096];
    struct stat st, open;
    mdb_filehandle_t fd;

    snprintf(path, sizeof(path), "%s/data.mdb", s->path);
    if (mdb_env_get_fd(s->env, &fd) || fstat(fd, &open))
        return reap_fail(err, REAP_EIO, "%s: %s", path, strerror(errno));
    if (!stat(path, &st) && st.st_ino == open.st_ino &&
        st.st_dev == open.st_dev)
        return REAP_OK;
    return reap_fail(err, REAP_EIO,
                     "%s was removed, moved or replaced while it was written: "
                     "what was computed is not there; run the same command "
                     "again",
                     s->path);
}

int reap_store_write(struct reap_store *s, reap_store_work_fn work, void *ctx,
                     struct reap_err *err)
{
    int rc;

    if (!s->write)
        return reap_fail(err, REAP_EBUG, "%s is open to read", s->path);
    for (;;) {
        s->full = false;
        if (s->alone)
            pthread_mutex_lock(&s->mutex);
        rc = write_once(s, work, ctx, err);
        if (s->alone)
            pthread_mutex_unlock(&s->mutex);
        if (!rc)
            return reap_store_here(s, err);
        if (!s->full)
            return rc;
        rc = store_grow(s, err);
        if (rc)
            return rc;
    }
}

static bool store_has(const char *dir, const char *name, struct stat *st)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return !stat(path, st);
}

bool reap_store_is(const char *path)
{
    struct stat st;

    /* It is there before data.mdb, and nothing else has it. */
    return store_has(path, "reap.lock", &st) ||
           store_has(path, "reap.held", &st);
}

/* A file in 'dir' that no store has, for the message; "" if there is none. */
static void find_stranger(const char *dir, char *name, size_t size)
{
    static const char *const ours[] = { ".",        "..",        "data.mdb",
                                        "lock.mdb", "reap.lock", "reap.held" };
    DIR *d = opendir(dir);
    const struct dirent *e;

    name[0] = '\0';
    while (d && !name[0] && (e = readdir(d))) {
        bool known = false;

        for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
            known = known || !strcmp(e->d_name, ours[i]);
        if (!known)
            snprintf(name, size, "%s", e->d_name);
    }
    if (d)
        closedir(d);
}

/* Make the directory, or see that it can be or become a store. */
static int prepare_dir(const char *path, struct reap_err *err)
{
    struct stat st;
    char name[256];

    if (!mkdir(path, 0777))
        return REAP_OK;
    if (errno != EEXIST)
        return reap_fail(err, errno == EACCES ? REAP_EACCESS : REAP_ECREATE,
                         "cannot make %s: %s", path, strerror(errno));
    if (stat(path, &st) || !S_ISDIR(st.st_mode))
        return reap_fail(err, REAP_ECREATE,
                         "%s exists and is not a store; choose another -o",
                         path);
    if (reap_store_is(path))
        return REAP_OK;
    find_stranger(path, name, sizeof(name));
    if (!name[0] && !store_has(path, "data.mdb", &st))
        return REAP_OK;
    if (!store_has(path, "data.mdb", &st))
        return reap_fail(err, REAP_ECREATE,
                         "%s holds other files (%s); choose another -o", path,
                         name);
    return REAP_ENOTFOUND; /* an LMDB environment: look inside */
}

/* What stopped at the very start left less than two pages: nothing is in it. */
static void clear_stub(const char *dir)
{
    struct stat st;
    char path[4096];

    snprintf(path, sizeof(path), "%s/data.mdb", dir);
    if (!lstat(path, &st) && S_ISREG(st.st_mode) && st.st_size > 0 &&
        st.st_size < 8192)
        (void)!truncate(path, 0);
}

/* LMDB writes its lock file through a map: on a full disk a hole in it would
 * end the process, so its pages are had beforehand. */
static int fill_lock_file(struct reap_store *s, struct reap_err *err)
{
    enum { SIZE = 8192 };
    struct stat st;
    char path[4096];
    int fd, code = 0;

    snprintf(path, sizeof(path), "%s/lock.mdb", s->path);
    fd = reap_create_own(path, O_RDWR | O_CREAT);
    if (fd < 0 && errno == ELOOP)
        return reap_fail(err, REAP_ECREATE, "%s: %s", path,
                         reap_create_why(errno));
    if (fd < 0)
        return reap_store_fail(s, errno, "lock.mdb", err);
    if (!fstat(fd, &st) && st.st_size < SIZE)
        code = posix_fallocate(fd, 0, SIZE);
    close(fd);
    return code && code != EOPNOTSUPP && code != EINVAL
               ? reap_store_fail(s, code, "lock.mdb", err)
               : REAP_OK;
}

static int open_env(struct reap_store *s, size_t map, unsigned flags)
{
    int mrc = mdb_env_create(&s->env);

    if (!mrc)
        mrc = mdb_env_set_maxdbs(s->env, REAP_N_DBS);
    if (!mrc && map)
        mrc = mdb_env_set_mapsize(s->env, map);
    /* NOTLS: the reader slot belongs to the transaction, not to a thread. */
    if (!mrc)
        mrc = mdb_env_open(s->env, s->path, flags | MDB_NOTLS, 0666);
    if (mrc && s->env) {
        mdb_env_close(s->env);
        s->env = NULL;
    }
    return mrc;
}

/*
 * LMDB trusts its file: a cut or damaged one would end the process. So it is
 * looked at before: the head before LMDB maps it, then its trees, while a
 * reader or our lock keeps the pages in use as they are. A writer accepts a
 * missing or empty file.
 */
static int check_file(const struct reap_store *s, bool trees,
                      struct reap_err *err)
{
    char path[4096];
    int rc;

    snprintf(path, sizeof(path), "%s/data.mdb", s->path);
    rc = trees ? reap_mdb_check_named(path, NULL, err)
               : reap_mdb_check_head(path, NULL, err);
    return rc == REAP_ENOTFOUND && s->write ? REAP_OK : rc;
}

static int open_dbs(struct reap_store *s, MDB_txn *txn, unsigned flags,
                    struct reap_err *err)
{
    for (size_t i = 0; i < REAP_N_DBS; i++) {
        int mrc = mdb_dbi_open(txn, db_name[i], flags, &s->db[i]);

        if (mrc == MDB_NOTFOUND && i == REAP_DB_META)
            return reap_fail(
                err, REAP_EFORMAT,
                "%s is a dataset; a store is needed (reap extract makes one)",
                s->path);
        if (mrc == MDB_NOTFOUND || mrc == MDB_INCOMPATIBLE)
            return reap_fail(
                err, REAP_EFORMAT,
                "%s is not a whole store: its database '%s' is missing",
                s->path, db_name[i]);
        if (mrc)
            return reap_store_fail(s, mrc, db_name[i], err);
    }
    return REAP_OK;
}

/* LMDB opens its file by name, through a link as well, which would be written
 * to: in a store, or somebody's folder that says it is one. */
static bool may_open(const struct reap_store *s, const char *name)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s", s->path, name);
    return reap_create_may(path);
}

static int open_read(struct reap_store *s, struct reap_err *err)
{
    MDB_txn *txn = NULL;
    struct stat st;
    int mrc, rc;

    if (!stat(s->path, &st) && !S_ISDIR(st.st_mode))
        return reap_fail(err, REAP_EFORMAT,
                         "%s is a file, not a store (reap extract makes one)",
                         s->path);
    if (stat(s->path, &st) ||
        (S_ISDIR(st.st_mode) && !store_has(s->path, "data.mdb", &st)))
        return reap_fail(err, errno == EACCES ? REAP_EACCESS : REAP_ENOTFOUND,
                         "no store at %s: %s", s->path, strerror(errno));
    if (s->alone && (rc = reap_store_lock_look(s->path, true, err)))
        return rc;
    rc = check_file(s, false, err);
    if (rc)
        return rc;
    mrc = !s->alone && !may_open(s, "lock.mdb")
              ? EACCES
              : open_env(s, map_read, MDB_RDONLY | (s->alone ? MDB_NOLOCK : 0));
    if (mrc == ENOMEM) /* little address space is allowed */
        mrc = open_env(s, 0, MDB_RDONLY | (s->alone ? MDB_NOLOCK : 0));
    if (mrc == EACCES && !reap_store_lock_look(s->path, false, NULL)) {
        s->alone = true; /* somebody else's store, at rest */
        mrc = open_env(s, map_read, MDB_RDONLY | MDB_NOLOCK);
    }
    if (mrc)
        return reap_store_fail(s, mrc, "open", err);
    rc = reap_store_begin(s, &txn, err);
    if (!rc)
        rc = check_file(s, true, err);
    if (!rc)
        rc = open_dbs(s, txn, 0, err);
    if (!rc)
        rc = reap_store_meta_load(s, txn, err);
    if (!rc) { /* ends the transaction, keeps the handles */
        mrc = mdb_txn_commit(txn);
        return mrc ? reap_store_fail(s, mrc, "open", err) : REAP_OK;
    }
    mdb_txn_abort(txn);
    return rc;
}

static int first_write(struct reap_store *s, MDB_txn *txn, void *ctx,
                       struct reap_err *err)
{
    int rc = open_dbs(s, txn, MDB_CREATE, err);

    return rc ? rc : reap_store_meta_init(s, txn, ctx, err);
}

static size_t map_for(const char *dir)
{
    size_t map = map_write;
    struct stat st;

    while (store_has(dir, "data.mdb", &st) && map / 2 < (uint64_t)st.st_size)
        map *= 2;
    return map;
}

/* Is what lies there a store? Leaves no lock file where it is none. */
static int peek(const char *path, struct reap_err *err)
{
    struct reap_store s = { .path = reap_strdup(path),
                            .alone = true,
                            .mutex = PTHREAD_MUTEX_INITIALIZER,
                            .texts_mutex = PTHREAD_MUTEX_INITIALIZER };
    int rc;

    if (!s.path)
        return reap_fail(err, REAP_ENOMEM, "no memory for a path");
    rc = open_read(&s, err);
    if (s.env)
        mdb_env_close(s.env);
    reap_free(s.path);
    return rc;
}

static int open_write(struct reap_store *s, const struct reap_run_meta *meta,
                      struct reap_err *err)
{
    struct reap_run_meta copy = *meta;
    int mrc, rc = prepare_dir(s->path, err);

    if (rc == REAP_ENOTFOUND && (rc = peek(s->path, err)))
        return reap_wrap(err, REAP_ECREATE, "choose another -o");
    if (rc)
        return rc;
    rc = reap_store_lock_take(&s->lock, s->path, s->alone, err);
    if (rc)
        return rc;
    if (!may_open(s, "data.mdb"))
        return reap_fail(err, REAP_ECREATE, "%s/data.mdb: %s", s->path,
                         reap_create_why(errno));
    clear_stub(s->path);
    rc = check_file(s, true, err);
    if (!rc && !s->alone)
        rc = fill_lock_file(s, err);
    if (rc)
        return rc;
    mrc = open_env(s, map_for(s->path), s->alone ? MDB_NOLOCK : 0);
    if (mrc)
        return reap_store_fail(s, mrc, "open", err);
    return reap_store_write(s, first_write, &copy, err);
}

/* Locks of our own where LMDB's do not work: asked for, or a network. */
static bool alone(const char *path)
{
    const char *how = getenv("REAP_STORE_LOCK");
    char parent[4096];
    char *slash;

    if (how)
        return !strcmp(how, "file");
    if (!access(path, F_OK))
        return reap_netfs_name(path) != NULL;
    snprintf(parent, sizeof(parent), "%s", path);
    slash = strrchr(parent, '/');
    if (slash)
        slash[slash == parent] = '\0';
    return reap_netfs_name(slash ? parent : ".") != NULL;
}

int reap_store_open(struct reap_store **out, const char *path,
                    enum reap_store_mode mode, const struct reap_run_meta *meta,
                    struct reap_err *err)
{
    struct reap_store *s = reap_calloc(1, sizeof(*s));
    int rc;

    *out = NULL;
    if (!s || !(s->path = reap_strdup(path))) {
        reap_free(s);
        return reap_fail(err, REAP_ENOMEM, "no memory for a store");
    }
    for (size_t n = strlen(s->path); n > 1 && s->path[n - 1] == '/'; n--)
        s->path[n - 1] = '\0';
    pthread_mutex_init(&s->mutex, NULL);
    pthread_mutex_init(&s->texts_mutex, NULL);
    s->write = mode == REAP_STORE_WRITE;
    s->alone = alone(s->path);
    rc = s->write ? open_write(s, meta, err) : open_read(s, err);
    if (rc)
        reap_store_close(&s);
    *out = s;
    return rc;
}

const struct reap_schema *reap_store_schema(const struct reap_store *s)
{
    return &s->schema;
}

bool reap_store_without_locks(const struct reap_store *s)
{
    return s->alone;
}

uint64_t reap_store_size(const struct reap_store *s)
{
    struct stat st;

    return store_has(s->path, "data.mdb", &st) ? (uint64_t)st.st_blocks * 512
                                               : 0;
}

void reap_store_close(struct reap_store **store)
{
    struct reap_store *s = *store;

    if (!s)
        return;
    if (s->env)
        mdb_env_close(s->env);
    reap_store_lock_release(&s->lock);
    reap_store_meta_free(s);
    pthread_mutex_destroy(&s->texts_mutex);
    pthread_mutex_destroy(&s->mutex);
    reap_free(s->path);
    reap_free(s);
    *store = NULL;
}
