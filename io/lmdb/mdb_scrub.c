/* Free pages as LMDB lists them in its own first database, by the transaction
 * that freed them. Those that a reader of another process may still see are
 * left. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/lmdb/mdb_scrub.h"
#include "io/out/create.h"

enum { FREE_DBI = 0, CHUNK = 65536 };

/* A line "process thread transaction" of LMDB's list of readers. */
static int oldest(const char *line, void *ctx)
{
    size_t *least = ctx;
    const char *last = strrchr(line, ' ');
    char *end;
    const unsigned long long txn = last ? strtoull(last + 1, &end, 10) : 0;

    if (txn && txn < *least)
        *least = (size_t)txn;
    return 0;
}

/* Zeros over a part of a file. 0, or errno. */
static int zero(int fd, off_t at, off_t len, off_t size)
{
    static const char zeros[CHUNK];

    if (at >= size)
        return 0;
    len = len < size - at ? len : size - at;
    if (!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, len))
        return 0;
    while (len > 0) {
        const ssize_t n =
            pwrite(fd, zeros, (size_t)(len < CHUNK ? len : CHUNK), at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? errno : EIO;
        at += n;
        len -= n;
    }
    return 0;
}

/* The pages of one list: how many, then their numbers, falling. */
static int zero_list(int fd, const MDB_val *v, size_t page, off_t size)
{
    size_t n, p[2];
    const char *at = v->mv_data;
    int code = 0;

    if (v->mv_size < sizeof(n))
        return 0;
    memcpy(&n, at, sizeof(n));
    if (n > v->mv_size / sizeof(n) - 1)
        return 0;
    for (size_t i = 1; i <= n && !code;) {
        size_t run = 1;

        memcpy(&p[0], at + i * sizeof(n), sizeof(n));
        for (; i + run <= n; run++) {
            memcpy(&p[1], at + (i + run) * sizeof(n), sizeof(n));
            if (p[1] != p[0] - run)
                break;
        }
        if (p[0] >= run + 1) /* pages 0 and 1 say where all others are */
            code = zero(fd, (off_t)((p[0] - run + 1) * page),
                        (off_t)(run * page), size);
        i += run;
    }
    return code;
}

static int zero_free(int fd, MDB_txn *txn, size_t least, size_t page,
                     off_t size, bool *left)
{
    MDB_val key, v;
    MDB_cursor *c;
    int code = mdb_cursor_open(txn, FREE_DBI, &c);

    if (code)
        return code;
    for (MDB_cursor_op op = MDB_FIRST;
         !code && !(code = mdb_cursor_get(c, &key, &v, op)); op = MDB_NEXT) {
        size_t freed = 0;

        if (key.mv_size == sizeof(freed))
            memcpy(&freed, key.mv_data, sizeof(freed));
        if (freed > least)
            *left = true;
        else
            code = zero_list(fd, &v, page, size);
    }
    mdb_cursor_close(c);
    return code == MDB_NOTFOUND ? 0 : code;
}

int reap_mdb_scrub(const char *file, MDB_env *env, struct reap_err *err)
{
    const int fd = reap_create_own(file, O_RDWR);
    size_t least = (size_t)-1;
    MDB_txn *txn = NULL;
    bool left = false;
    struct stat st;
    MDB_stat s;
    int code = fd < 0 || fstat(fd, &st) ? errno : 0;

    if (!code)
        code = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    if (!code)
        code = mdb_env_stat(env, &s);
    if (!code) {
        (void)mdb_reader_list(env, oldest, &least);
        code = zero_free(fd, txn, least, s.ms_psize, st.st_size, &left);
    }
    if (txn)
        mdb_txn_abort(txn);
    if (!code && fdatasync(fd))
        code = errno;
    if (fd >= 0)
        close(fd);
    if (code)
        return reap_fail(err, REAP_EIO,
                         "%s: the records are removed, but their bytes could "
                         "not be overwritten: %s; run the same command again",
                         file, mdb_strerror(code));
    return left ? reap_fail(err, REAP_EIO,
                            "%s: the records are removed; their bytes can be "
                            "overwritten when no other process reads it: run "
                            "the same command again then",
                            file)
                : REAP_OK;
}
