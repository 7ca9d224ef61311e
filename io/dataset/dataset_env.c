/* Opening LMDB environments of others, read-only. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/dataset/dataset_impl.h"
#include "io/out/create.h"
#include "io/file/netfs.h"
#include "io/lmdb/mdb_check.h"

enum { PATH_SIZE = 4096, MAX_READERS = 4096 };

int reap_dataset_fail(const char *path, int mrc, const char *what,
                      struct reap_err *err)
{
    static const struct {
        int mrc, code;
        const char *advice;
    } row[] = {
        { ENOMEM, REAP_ENOMEM, "" },
        { EACCES, REAP_EACCESS, "" },
        { EPERM, REAP_EACCESS, "" },
        { ENOENT, REAP_ENOTFOUND, "" },
        { EINVAL, REAP_EFORMAT, "" },
        { MDB_INVALID, REAP_EFORMAT, "" },
        { MDB_CORRUPTED, REAP_EFORMAT, "; make it again" },
        { MDB_PAGE_NOTFOUND, REAP_EFORMAT, "; make it again" },
        { MDB_VERSION_MISMATCH, REAP_EFORMAT, "" },
        { MDB_MAP_RESIZED, REAP_EIO, "; it is being written, try again" },
        { MDB_READERS_FULL, REAP_EIO, "; stop some of its other readers" },
        { EIO, REAP_EIO, "; is the disk or the allowed file size full?" },
        { ENOSPC, REAP_EIO, "; make room and run the same command again" },
        { EDQUOT, REAP_EIO, "; make room and run the same command again" },
        { EFBIG, REAP_EIO, "; allow larger files, run the same command again" },
        { EROFS, REAP_ECREATE, "" },
    };
    int code = REAP_EIO;
    const char *advice = "";

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        if (row[i].mrc == mrc) {
            code = row[i].code;
            advice = row[i].advice;
        }
    return reap_fail(err, code, "%s: %s: %s%s", path, what, mdb_strerror(mrc),
                     advice);
}

bool reap_dataset_lock_file(const char *file, bool single)
{
    /* A reader's slot has 64 bytes; the head fits into a page. */
    enum { SIZE = 64 * MAX_READERS + 4096 };
    char path[PATH_SIZE + 16];
    const char *slash = strrchr(file, '/');
    struct stat st;
    int fd, code = 0;

    if (single)
        snprintf(path, sizeof(path), "%s-lock", file);
    else
        snprintf(path, sizeof(path), "%.*slock.mdb",
                 slash ? (int)(slash - file + 1) : 0, file);
    fd = reap_create_own(path, O_RDWR | O_CREAT);
    if (fd < 0)
        return false;
    /* One that is there may be mapped by others, who know it by its size. */
    if (!fstat(fd, &st))
        code = posix_fallocate(fd, 0, st.st_size ? st.st_size : SIZE);
    close(fd);
    return !code || code == EOPNOTSUPP || code == EINVAL;
}

int reap_dataset_begin(const char *path, MDB_env *env, MDB_txn **out,
                       struct reap_err *err)
{
    int dead, mrc = mdb_txn_begin(env, NULL, MDB_RDONLY, out);

    if (mrc == MDB_READERS_FULL) {
        mdb_reader_check(env, &dead);
        mrc = mdb_txn_begin(env, NULL, MDB_RDONLY, out);
    }
    return mrc ? reap_dataset_fail(path, mrc, "read", err) : REAP_OK;
}

static int open_env(MDB_env **env, const char *path, bool single, bool locked,
                    const struct reap_mdb_head *h)
{
    /* A map is address space; what a hostile head asks for may be too much. */
    static const uint64_t most = (uint64_t)1 << 44;
    const unsigned flags = MDB_RDONLY | MDB_NOTLS |
                           (single ? MDB_NOSUBDIR : 0) |
                           (locked ? 0 : MDB_NOLOCK);
    int mrc = mdb_env_create(env);

    if (!mrc && h->map_size > most)
        mrc = mdb_env_set_mapsize(*env, (h->last_page + 1) * h->page_size);
    if (!mrc)
        mrc = mdb_env_set_maxreaders(*env, MAX_READERS);
    if (!mrc)
        mrc = mdb_env_set_maxdbs(*env, 2);
    if (!mrc)
        mrc = mdb_env_open(*env, path, flags, 0666);
    if (mrc && *env) {
        mdb_env_close(*env);
        *env = NULL;
    }
    return mrc;
}

static int open_database(MDB_env *env, MDB_dbi *dbi, const char *path,
                         const char *name, struct reap_err *err)
{
    MDB_txn *txn;
    int mrc, rc = reap_dataset_begin(path, env, &txn, err);

    if (rc)
        return rc;
    mrc = mdb_dbi_open(txn, name, 0, dbi);
    if (!mrc)
        mrc = mdb_txn_commit(txn);
    else
        mdb_txn_abort(txn);
    return mrc ? reap_dataset_fail(path, mrc, "open", err) : REAP_OK;
}

int reap_dataset_env(MDB_env **out, MDB_dbi *dbi, const char *path,
                     const char *file, const char *name,
                     struct reap_mdb_names *names, bool *locked,
                     struct reap_err *err)
{
    const bool single = !strcmp(path, file);
    struct reap_mdb_head head;
    MDB_env *env = NULL;
    int mrc, rc = names ? reap_mdb_check_database(file, name, &head, names, err)
                        : reap_mdb_check(file, &head, err);

    *out = NULL;
    if (rc)
        return rc;
    *locked = !reap_netfs_name(file) && reap_dataset_lock_file(file, single);
    mrc = open_env(&env, path, single, *locked, &head);
    if (*locked && (mrc == EACCES || mrc == EROFS || mrc == EPERM)) {
        *locked = false;
        mrc = open_env(&env, path, single, *locked, &head);
    }
    if (mrc)
        return reap_dataset_fail(path, mrc, "open", err);
    rc = open_database(env, dbi, path, name, err);
    if (rc)
        mdb_env_close(env);
    else
        *out = env;
    return rc;
}
