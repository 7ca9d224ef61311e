/* Opening a dataset and what is known of it then. */
#define _GNU_SOURCE
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/mem.h"
#include "io/dataset/dataset_impl.h"
#include "io/file/le.h"
#include "io/file/text.h"
#include "io/store/store.h"

enum { PATH_SIZE = 4096, N_LAYOUT = 16, N_DIGEST = 64, DIGEST_PART = 65536 };

static const char *const reserved[] = {
#define RESERVED(key) key,
#include "io/dataset/reserved.def"
#undef RESERVED
};

enum { N_RESERVED = sizeof(reserved) / sizeof(reserved[0]) };
_Static_assert(sizeof(reserved) / sizeof(reserved[0]) <= REAP_N_RESERVED_MAX,
               "room for all that are there");

bool reap_dataset_is_reserved(struct reap_bytes key)
{
    for (size_t i = 0; i < N_RESERVED; i++)
        if (key.len == strlen(reserved[i]) &&
            !memcmp(key.data, reserved[i], key.len))
            return true;
    return false;
}

static int dataset_count(struct reap_dataset *ds, struct reap_err *err)
{
    MDB_stat stat_ = { 0 };
    MDB_txn *txn;
    MDB_val key, value;
    size_t n = 0;
    int mrc, rc = reap_dataset_begin(ds->path, ds->env, &txn, err);

    if (rc)
        return rc;
    ds->moment = mdb_txn_id(txn);
    mrc = mdb_stat(txn, ds->dbi, &stat_);
    for (size_t i = 0; i < N_RESERVED && !mrc; i++) {
        key = (MDB_val){ strlen(reserved[i]), (void *)(uintptr_t)reserved[i] };
        mrc = mdb_get(txn, ds->dbi, &key, &value);
        if (!mrc)
            ds->reserved[n++] = reserved[i];
        if (mrc == MDB_NOTFOUND)
            mrc = 0;
    }
    mdb_txn_abort(txn);
    if (ds->index &&
        !(rc = reap_dataset_begin(ds->path, ds->index, &txn, err))) {
        ds->index_moment = mdb_txn_id(txn);
        mdb_txn_abort(txn);
    }
    if (rc)
        return rc;
    if (!ds->name)
        n += ds->names.n;
    ds->count = stat_.ms_entries - (stat_.ms_entries < n ? 0 : n);
    return mrc ? reap_dataset_fail(ds->path, mrc, "read", err) : REAP_OK;
}

/* Notes of import's index: text under a key that begins with a zero byte. */
static int read_uuid(struct reap_dataset *ds, struct reap_err *err)
{
    static const char name[] = "\0uuid";
    MDB_val key = { sizeof(name) - 1, (void *)(uintptr_t)name }, value;
    MDB_stat stat_ = { 0 };
    MDB_txn *txn;
    MDB_cursor *c = NULL;
    int mrc, rc = reap_dataset_begin(ds->path, ds->index, &txn, err);

    if (rc)
        return rc;
    mrc = mdb_get(txn, ds->index_dbi, &key, &value);
    if (!mrc && value.mv_size < sizeof(ds->id) - 5)
        snprintf(ds->id, sizeof(ds->id), "uuid:%.*s", (int)value.mv_size,
                 (const char *)value.mv_data);
    else
        rc = reap_fail(err, REAP_EFORMAT,
                       "%s: its " REAP_INDEX_FILE
                       " was not made by reap import; "
                       "remove it to read the dataset without an index",
                       ds->path);
    if (!rc)
        mrc = mdb_stat(txn, ds->index_dbi, &stat_);
    if (!rc && !mrc)
        mrc = mdb_cursor_open(txn, ds->index_dbi, &c);
    ds->indexed = stat_.ms_entries;
    for (MDB_cursor_op op = MDB_FIRST; !rc && !mrc && ds->indexed;
         op = MDB_NEXT) {
        mrc = mdb_cursor_get(c, &key, &value, op);
        if (mrc || !key.mv_size || *(const char *)key.mv_data)
            break;
        ds->indexed--;
    }
    if (c)
        mdb_cursor_close(c);
    mdb_txn_abort(txn);
    if (!rc && mrc && mrc != MDB_NOTFOUND)
        rc = reap_dataset_fail(ds->path, mrc, "read the index", err);
    return rc;
}

static void digest_bytes(EVP_MD_CTX *sha, struct reap_bytes b)
{
    uint8_t len[8];

    reap_le_put64(len, b.len);
    EVP_DigestUpdate(sha, len, sizeof(len));
    EVP_DigestUpdate(sha, b.data, b.len < DIGEST_PART ? b.len : DIGEST_PART);
}

static int digest(struct reap_dataset *ds, struct reap_cursor *c,
                  struct reap_err *err)
{
    struct reap_record rec[N_DIGEST];
    uint8_t out[EVP_MAX_MD_SIZE], number[8];
    size_t n;
    EVP_MD_CTX *sha;
    int at, rc = reap_cursor_sample(c, rec, N_DIGEST, &n, err);

    if (rc)
        return rc;
    sha = EVP_MD_CTX_new();
    if (!sha || !EVP_DigestInit_ex(sha, EVP_sha256(), NULL)) {
        EVP_MD_CTX_free(sha);
        return reap_fail(err, REAP_ENOMEM, "%s: no memory for a digest",
                         ds->path);
    }
    reap_le_put64(number, ds->count);
    EVP_DigestUpdate(sha, number, sizeof(number));
    for (size_t i = 0; i < n; i++) {
        digest_bytes(sha, rec[i].key);
        digest_bytes(sha, rec[i].value);
    }
    EVP_DigestFinal_ex(sha, out, NULL);
    EVP_MD_CTX_free(sha);
    at = snprintf(ds->id, sizeof(ds->id), "digest:");
    for (size_t i = 0; i < 32; i++)
        at +=
            snprintf(ds->id + at, sizeof(ds->id) - (size_t)at, "%02x", out[i]);
    return REAP_OK;
}

static int find_layout(struct reap_dataset *ds, struct reap_cursor *c,
                       struct reap_err *err)
{
    struct reap_record rec[N_LAYOUT];
    const char *what;
    size_t n;
    int rc;

    /* Import stores files as they are, whatever they hold. */
    if (ds->index || !ds->count) {
        ds->layout = ds->count ? reap_layout_at(0) : NULL;
        return REAP_OK;
    }
    rc = reap_cursor_sample(c, rec, N_LAYOUT, &n, err);
    if (!rc)
        rc = reap_layout_find(&ds->layout, rec, n, err);
    if (rc)
        return reap_wrap(err, rc, "%s", ds->path);
    if (ds->layout)
        return REAP_OK;
    what = reap_layout_magic(rec[0].value);
    return reap_fail(err, REAP_EFORMAT,
                     "%s: no images of a known format; the record '%.*s' "
                     "holds %s",
                     ds->path, (int)rec[0].key.len,
                     (const char *)rec[0].key.data,
                     what ? what : "something else");
}

const char *reap_dataset_where(const char *path, char *buf, size_t size)
{
    const char *colon = strrchr(path, ':');
    struct stat st;

    if (!colon || colon == path || !colon[1] || !stat(path, &st) ||
        (size_t)(colon - path) >= size)
        return path;
    memcpy(buf, path, (size_t)(colon - path));
    buf[colon - path] = '\0';
    return stat(buf, &st) ? path : buf;
}

/* PATH:NAME is a database in PATH, unless there is a file of that name. */
static void split_path(struct reap_dataset *ds)
{
    char buf[PATH_SIZE];
    const char *where = reap_dataset_where(ds->path, buf, sizeof(buf));

    if (where == ds->path)
        return;
    ds->where[strlen(where)] = '\0';
    ds->name = ds->where + strlen(where) + 1;
}

static int open_files(struct reap_dataset *ds, struct reap_err *err)
{
    char file[PATH_SIZE + 16], word[400];
    struct stat st;
    bool locked;
    int rc;

    if (stat(ds->where, &st))
        return reap_fail(err,
                         errno == EACCES   ? REAP_EACCESS
                         : errno == ENOENT ? REAP_ENOTFOUND
                                           : REAP_EIO,
                         "%s: %s", ds->path, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return reap_dataset_env(&ds->env, &ds->dbi, ds->where, ds->where,
                                ds->name, &ds->names, &ds->locked, err);
    if (reap_store_is(ds->where))
        return reap_fail(err, REAP_EFORMAT,
                         "%s is a store, not a dataset; name the dataset it "
                         "was made from",
                         ds->path);
    snprintf(file, sizeof(file), "%s/data.mdb", ds->where);
    if (stat(file, &st) && errno == ENOENT)
        return reap_fail(err, REAP_ENOTFOUND,
                         "%s is a folder, not a dataset; if it holds images, "
                         "run: reap import %s -o DATASET",
                         ds->path,
                         reap_text_quote(word, sizeof(word), ds->path));
    rc = reap_dataset_env(&ds->env, &ds->dbi, ds->where, file, ds->name,
                          &ds->names, &ds->locked, err);
    snprintf(file, sizeof(file), "%s/" REAP_INDEX_FILE, ds->where);
    if (rc || ds->name || stat(file, &st))
        return rc;
    return reap_dataset_env(&ds->index, &ds->index_dbi, file, file, NULL, NULL,
                            &locked, err);
}

int reap_dataset_open(struct reap_dataset **out, const char *path,
                      struct reap_err *err)
{
    struct reap_dataset *ds = reap_calloc(1, sizeof(*ds));
    struct reap_cursor *c = NULL;
    int rc = REAP_ENOMEM;

    *out = NULL;
    if (ds)
        ds->path = reap_strdup(path);
    if (ds && ds->path)
        ds->where = reap_strdup(path);
    if (!ds || !ds->where) {
        reap_dataset_close(&ds);
        return reap_fail(err, rc, "%s: no memory to open it", path);
    }
    split_path(ds);
    rc = strlen(path) < PATH_SIZE
             ? open_files(ds, err)
             : reap_fail(err, REAP_ENOTFOUND, "the dataset's path is too long");
    if (!rc)
        rc = dataset_count(ds, err);
    if (!rc)
        rc = reap_cursor_open(&c, ds, err);
    if (!rc)
        rc = find_layout(ds, c, err);
    if (!rc)
        rc = reap_dataset_label_database(ds, err);
    if (!rc)
        rc = reap_dataset_sides(ds, c, err);
    if (!rc)
        rc = ds->index ? read_uuid(ds, err) : digest(ds, c, err);
    reap_cursor_close(&c);
    if (rc)
        reap_dataset_close(&ds);
    *out = ds;
    return rc;
}

int reap_dataset_here(const struct reap_dataset *ds, struct reap_err *err)
{
    char file[PATH_SIZE + 16];
    struct stat st, open;
    mdb_filehandle_t fd;
    bool is = !mdb_env_get_fd(ds->env, &fd) && !fstat(fd, &open) &&
              !stat(ds->where, &st);

    if (is && S_ISDIR(st.st_mode)) {
        snprintf(file, sizeof(file), "%s/data.mdb", ds->where);
        is = !stat(file, &st);
    }
    if (is && st.st_ino == open.st_ino && st.st_dev == open.st_dev)
        return REAP_OK;
    return reap_fail(err, REAP_ENOTFOUND,
                     "the dataset %s was removed, moved or replaced during the "
                     "run: all rows belong to the one that was there at the "
                     "start",
                     ds->path);
}

void reap_dataset_close(struct reap_dataset **ds)
{
    struct reap_dataset *old = *ds;

    if (!old)
        return;
    *ds = NULL;
    if (old->env)
        mdb_env_close(old->env);
    if (old->index)
        mdb_env_close(old->index);
    reap_free(old->path);
    reap_free(old->where);
    reap_free(old);
}

const char *reap_dataset_path(const struct reap_dataset *ds)
{
    return ds->path;
}

size_t reap_dataset_count(const struct reap_dataset *ds)
{
    return ds->count;
}

const char *reap_dataset_layout(const struct reap_dataset *ds)
{
    return ds->layout ? ds->layout->name : "none";
}

const char *reap_dataset_id(const struct reap_dataset *ds)
{
    return ds->id;
}

size_t reap_dataset_indexed(const struct reap_dataset *ds)
{
    return ds->indexed;
}

const char *reap_dataset_reserved(const struct reap_dataset *ds, size_t i)
{
    return i < REAP_N_RESERVED_MAX ? ds->reserved[i] : NULL;
}

bool reap_dataset_locked(const struct reap_dataset *ds)
{
    return ds->locked;
}
