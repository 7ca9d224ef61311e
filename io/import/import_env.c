/* One LMDB file of an import, data.mdb or index.mdb: what is there is checked
 * before LMDB maps it, and the map grows when it is full. Which records go in
 * is left to import_write.c. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/dataset/dataset_impl.h"
#include "io/out/create.h"
#include "io/file/netfs.h"
#include "io/import/import_env.h"
#include "io/lmdb/mdb_check.h"

static const size_t map_first = (size_t)8 << 20;
enum { MAX_READERS = 4096, TWO_PAGES = 8192 };

/* What was stopped at its very start has no two pages: nothing is in it. */
static int check_old(const char *file, struct reap_err *err)
{
    struct stat st;

    if (!reap_create_may(file))
        return reap_fail(err, REAP_ECREATE, "%s: %s", file,
                         reap_create_why(errno));
    if (stat(file, &st))
        return errno == ENOENT
                   ? REAP_OK
                   : reap_fail(err, REAP_EIO, "%s: %s", file, strerror(errno));
    if (st.st_size < TWO_PAGES)
        return truncate(file, 0)
                   ? reap_fail(err, REAP_EIO, "%s: %s", file, strerror(errno))
                   : REAP_OK;
    return reap_mdb_check(file, NULL, err);
}

static int open_dbi(struct reap_import_env *e)
{
    MDB_txn *txn;
    int mrc = mdb_txn_begin(e->env, NULL, 0, &txn);

    if (mrc)
        return mrc;
    mrc = mdb_dbi_open(txn, NULL, 0, &e->dbi);
    if (!mrc)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return mrc;
}

int reap_import_env_open(struct reap_import_env *e, const char *dir,
                         const char *name, bool single, struct reap_err *err)
{
    const char *path = single ? e->file : dir;
    unsigned flags = MDB_NOTLS | (single ? MDB_NOSUBDIR : 0);
    int mrc, rc;

    snprintf(e->file, sizeof(e->file), "%s/%s", dir, name);
    rc = check_old(e->file, err);
    if (rc)
        return rc;
    /* LMDB's locks are for readers; our own lock keeps it to one writer. */
    if (reap_netfs_name(dir))
        flags |= MDB_NOLOCK;
    else if (!reap_dataset_lock_file(e->file, single))
        return reap_fail(err, errno == EACCES ? REAP_EACCESS : REAP_EIO,
                         "%s: no lock file can be made: %s", e->file,
                         reap_create_why(errno));
    mrc = mdb_env_create(&e->env);
    if (!mrc)
        mrc = mdb_env_set_maxreaders(e->env, MAX_READERS);
    if (!mrc)
        mrc = mdb_env_open(e->env, path, flags, 0666);
    if (!mrc)
        mrc = mdb_env_set_mapsize(e->env, map_first);
    if (!mrc)
        mrc = open_dbi(e);
    if (mrc) {
        rc = reap_dataset_fail(e->file, mrc, "open to write", err);
        reap_import_env_close(e);
    }
    return rc;
}

int reap_import_env_grow(struct reap_import_env *e, size_t more,
                         struct reap_err *err)
{
    MDB_envinfo info;
    int mrc, dead;

    mdb_env_info(e->env, &info);
    mdb_reader_check(e->env, &dead);
    mrc = mdb_env_set_mapsize(e->env,
                              2 * info.me_mapsize + (more & ~(size_t)0xffff));
    return mrc ? reap_dataset_fail(e->file, mrc, "grow the map", err) : REAP_OK;
}

size_t reap_import_env_entries(const struct reap_import_env *e)
{
    MDB_stat s = { 0 };

    mdb_env_stat(e->env, &s);
    return s.ms_entries;
}

void reap_import_env_close(struct reap_import_env *e)
{
    if (e->env)
        mdb_env_close(e->env);
    e->env = NULL;
}
