/*
 * The one writer of a dataset. Values are committed before the index, so that a
 * stop in between leaves records without an entry, which are put again, and
 * never an entry without its record.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/dataset/dataset_impl.h"
#include "io/file/le.h"
#include "io/import/import_env.h"
#include "io/import/import_impl.h"
#include "io/import/import_place.h"

struct reap_import_writer {
    struct reap_import_env data, index;
    struct reap_import_place *place;
    uint32_t run;
    bool fresh; /* nothing was there at the start */
    /* No reader is inside while the map moves or pages are committed. */
    pthread_mutex_t mutex;
};

/* Both transactions of a batch, and what they did. */
struct batch {
    MDB_txn *data, *index;
    struct reap_import_sum did;
};

static int import_write_begin(struct reap_import_writer *w, struct batch *b,
                              struct reap_err *err)
{
    int mrc = mdb_txn_begin(w->data.env, NULL, 0, &b->data);

    if (mrc)
        return reap_dataset_fail(w->data.file, mrc, "write", err);
    mrc = mdb_txn_begin(w->index.env, NULL, 0, &b->index);
    if (!mrc)
        return REAP_OK;
    mdb_txn_abort(b->data);
    return reap_dataset_fail(w->index.file, mrc, "write", err);
}

static void abort_both(struct batch *b)
{
    if (b->data)
        mdb_txn_abort(b->data);
    if (b->index)
        mdb_txn_abort(b->index);
    b->data = b->index = NULL;
}

static MDB_val val(struct reap_bytes b)
{
    return (MDB_val){ b.len, (void *)(uintptr_t)b.data };
}

/* Zero "source" number: the key of a source's path. */
enum { SOURCE_KEY = 7, SOURCE_KEY_LEN = SOURCE_KEY + 4 };
static const char source_key[] = "\0source";

static MDB_val key_of_source(uint8_t *buf, uint32_t number)
{
    memcpy(buf, source_key, SOURCE_KEY);
    for (int i = 3; i >= 0; i--, number >>= 8)
        buf[SOURCE_KEY + i] = (uint8_t)number;
    return (MDB_val){ SOURCE_KEY_LEN, buf };
}

static int twice(struct reap_import_writer *w, MDB_txn *txn,
                 const struct reap_import_item *item, uint32_t other,
                 struct reap_err *err)
{
    uint8_t buf[2][SOURCE_KEY_LEN];
    MDB_val key[2] = { key_of_source(buf[0], other),
                       key_of_source(buf[1], item->source) };
    MDB_val path[2] = { { 0 } };

    for (size_t i = 0; i < 2; i++)
        if (mdb_get(txn, w->index.dbi, &key[i], &path[i]))
            path[i] = (MDB_val){ 1, (void *)(uintptr_t) "?" };
    if (other == item->source)
        return reap_fail(err, REAP_EINVAL,
                         "%.*s holds two different files with the key '%.*s'; "
                         "remove one of them",
                         (int)path[0].mv_size, (const char *)path[0].mv_data,
                         (int)item->key.len, (const char *)item->key.data);
    return reap_fail(err, REAP_EINVAL,
                     "two files have the key '%.*s': one of %.*s, another of "
                     "%.*s; import them from the folder above both",
                     (int)item->key.len, (const char *)item->key.data,
                     (int)path[0].mv_size, (const char *)path[0].mv_data,
                     (int)path[1].mv_size, (const char *)path[1].mv_data);
}

enum verdict { PUT, KEEP, TWICE };

static enum verdict import_write_judge(const struct reap_import_writer *w,
                                       const struct reap_import_item *item,
                                       const struct reap_index_entry *old)
{
    const bool equal = old->size == item->value.len && old->crc == item->crc;

    if (old->run == w->run && old->source != item->source)
        return TWICE;
    if (equal)
        return KEEP;
    return old->run == w->run || old->source != item->source ? TWICE : PUT;
}

/* LMDB's code, or MDB_KEYEXIST if two files have the key: see 'err'. */
static int put_one(struct reap_import_writer *w, struct batch *b,
                   const struct reap_import_item *item, struct reap_err *err)
{
    struct reap_index_entry old, entry = {
        .size = item->value.len,
        .mtime = item->mtime,
        .crc = item->crc,
        .source = item->source,
        .run = w->run,
        .label = { (const uint8_t *)item->label, strlen(item->label) },
        .path = item->path,
    };
    uint8_t bytes[REAP_INDEX_MAX];
    MDB_val key = val(item->key), value = val(item->value), there;
    enum verdict verdict = PUT;
    int mrc = mdb_get(b->index, w->index.dbi, &key, &there);

    if (!mrc &&
        reap_index_decode((struct reap_bytes){ there.mv_data, there.mv_size },
                          &old)) {
        verdict = import_write_judge(w, item, &old);
        b->did.changed += verdict == PUT;
    }
    if (verdict == TWICE) {
        (void)twice(w, b->index, item, old.source, err);
        return MDB_KEYEXIST;
    }
    if (mrc && mrc != MDB_NOTFOUND)
        return mrc;
    mrc = verdict == PUT ? mdb_put(b->data, w->data.dbi, &key, &value, 0) : 0;
    if (mrc)
        return mrc;
    b->did.records += verdict == PUT;
    b->did.bytes += verdict == PUT ? item->value.len : 0;
    b->did.same += verdict == KEEP;
    there = (MDB_val){ reap_index_encode(bytes, &entry), bytes };
    return mdb_put(b->index, w->index.dbi, &key, &there, 0);
}

/* One try. '*full': a map was too small, which of the two does not matter. */
static int put_all(struct reap_import_writer *w,
                   struct reap_import_item *const *item, size_t n,
                   struct batch *b, bool *full, struct reap_err *err)
{
    struct reap_import_env *at = &w->data;
    int mrc = 0, rc;

    *b = (struct batch){ 0 };
    *full = false;
    rc = import_write_begin(w, b, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < n && !mrc; i++)
        mrc = put_one(w, b, item[i], err);
    if (mrc == MDB_KEYEXIST) {
        abort_both(b);
        return REAP_EINVAL;
    }
    if (!mrc) {
        mrc = mdb_txn_commit(b->data);
        b->data = NULL;
    }
    if (!mrc) {
        at = &w->index;
        mrc = mdb_txn_commit(b->index);
        b->index = NULL;
    }
    abort_both(b);
    *full = mrc == MDB_MAP_FULL;
    return mrc ? reap_dataset_fail(at->file, mrc, "write", err) : REAP_OK;
}

int reap_import_writer_put(struct reap_import_writer *w,
                           struct reap_import_item *const *item, size_t n,
                           struct reap_import_sum *sum, struct reap_err *err)
{
    struct batch b;
    bool full;
    size_t bytes = 0;
    int rc;

    for (size_t i = 0; i < n; i++)
        bytes += item[i]->value.len;
    pthread_mutex_lock(&w->mutex);
    while ((rc = put_all(w, item, n, &b, &full, err)) && full) {
        rc = reap_import_env_grow(&w->data, 2 * bytes, err);
        if (!rc)
            rc = reap_import_env_grow(&w->index, 0, err);
        if (rc)
            break;
    }
    pthread_mutex_unlock(&w->mutex);
    if (rc)
        return rc;
    sum->records += b.did.records;
    sum->changed += b.did.changed;
    sum->bytes += b.did.bytes;
    sum->same += b.did.same;
    return REAP_OK;
}

/* ---- opening ---- */

static const char uuid_key[] = "\0uuid", run_key[] = "\0run";
enum { UUID_TEXT = 36 };

static void make_uuid(char *text)
{
    uint8_t b[16];

    if (RAND_bytes(b, sizeof(b)) != 1)
        memset(b, 0, sizeof(b));
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    for (size_t i = 0; i < sizeof(b); i++)
        text +=
            snprintf(text, 4, "%s%02x",
                     i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]);
}

/* A new dataset gets its UUID; each import its number. */
static int sign_in(struct reap_import_writer *w, MDB_txn *txn)
{
    char uuid[UUID_TEXT + 4];
    uint8_t number[4];
    MDB_val key = { sizeof(uuid_key) - 1, (void *)(uintptr_t)uuid_key }, v;
    int mrc = mdb_get(txn, w->index.dbi, &key, &v);

    if (mrc == MDB_NOTFOUND) {
        make_uuid(uuid);
        v = (MDB_val){ UUID_TEXT, uuid };
        mrc = mdb_put(txn, w->index.dbi, &key, &v, 0);
    }
    if (mrc)
        return mrc;
    key = (MDB_val){ sizeof(run_key) - 1, (void *)(uintptr_t)run_key };
    mrc = mdb_get(txn, w->index.dbi, &key, &v);
    if (mrc && mrc != MDB_NOTFOUND)
        return mrc;
    w->run = 1;
    if (!mrc && v.mv_size == sizeof(number))
        w->run = reap_le_get32(v.mv_data) + 1;
    reap_le_put32(number, w->run);
    v = (MDB_val){ sizeof(number), number };
    return mdb_put(txn, w->index.dbi, &key, &v, 0);
}

/* The number of the source 'path'; a new one if it has none. */
static int number_source(struct reap_import_writer *w, MDB_txn *txn,
                         const char *path, uint32_t *number)
{
    uint8_t buf[SOURCE_KEY_LEN];

    for (*number = 0;; ++*number) {
        MDB_val key = key_of_source(buf, *number), v;
        int mrc = mdb_get(txn, w->index.dbi, &key, &v);

        if (!mrc && v.mv_size == strlen(path) &&
            !memcmp(v.mv_data, path, v.mv_size))
            return 0;
        if (mrc == MDB_NOTFOUND) {
            v = (MDB_val){ strlen(path), (void *)(uintptr_t)path };
            return mdb_put(txn, w->index.dbi, &key, &v, 0);
        }
        if (mrc)
            return mrc;
    }
}

static int sources_once(struct reap_import_writer *w, const char *const *path,
                        size_t n, uint32_t *number)
{
    MDB_txn *txn;
    int mrc = mdb_txn_begin(w->index.env, NULL, 0, &txn);

    if (mrc)
        return mrc;
    mrc = sign_in(w, txn);
    for (size_t i = 0; i < n && !mrc; i++)
        mrc = number_source(w, txn, path[i], &number[i]);
    if (!mrc)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return mrc;
}

int reap_import_writer_sources(struct reap_import_writer *w,
                               const char *const *path, size_t n,
                               uint32_t *number, struct reap_err *err)
{
    int mrc;

    while ((mrc = sources_once(w, path, n, number)) == MDB_MAP_FULL) {
        int rc = reap_import_env_grow(&w->index, 0, err);

        if (rc)
            return rc;
    }
    return mrc ? reap_dataset_fail(w->index.file, mrc, "write", err) : REAP_OK;
}

/* Has the index an entry of a record? */
static bool has_records(struct reap_import_writer *w)
{
    MDB_val key, value;
    MDB_cursor *c = NULL;
    MDB_txn *txn;
    bool any = false;

    if (mdb_txn_begin(w->index.env, NULL, MDB_RDONLY, &txn))
        return false;
    if (!mdb_cursor_open(txn, w->index.dbi, &c)) {
        any = !mdb_cursor_get(c, &key, &value, MDB_LAST) && key.mv_size &&
              *(const char *)key.mv_data;
        mdb_cursor_close(c);
    }
    mdb_txn_abort(txn);
    return any;
}

int reap_import_writer_open(struct reap_import_writer **out, const char *path,
                            struct reap_err *err)
{
    struct reap_import_writer *w = reap_calloc(1, sizeof(*w));
    int rc;

    *out = NULL;
    if (!w)
        return reap_fail(err, REAP_ENOMEM, "%s: no memory to write it", path);
    pthread_mutex_init(&w->mutex, NULL);
    rc = reap_import_place_open(&w->place, path, err);
    /* The index first: data.mdb without it would be a stranger's. */
    if (!rc)
        rc = reap_import_env_open(&w->index, path, REAP_INDEX_FILE, true, err);
    if (!rc)
        rc = reap_import_env_open(&w->data, path, "data.mdb", false, err);
    if (!rc)
        w->fresh = !reap_import_env_entries(&w->data);
    if (!rc && w->fresh && has_records(w))
        rc = reap_fail(err, REAP_ECREATE,
                       "%s: its data.mdb is gone; delete the rest and import "
                       "again",
                       path);
    if (rc)
        reap_import_writer_close(&w, false);
    *out = w;
    return rc;
}

bool reap_import_writer_knows(struct reap_import_writer *w,
                              struct reap_bytes key, uint32_t source,
                              uint64_t size, int64_t mtime)
{
    MDB_val k = val(key), v;
    struct reap_index_entry e;
    bool known = false;
    MDB_txn *txn;

    if (w->fresh)
        return false;
    pthread_mutex_lock(&w->mutex);
    if (!mdb_txn_begin(w->index.env, NULL, MDB_RDONLY, &txn)) {
        known = !mdb_get(txn, w->index.dbi, &k, &v) &&
                reap_index_decode((struct reap_bytes){ v.mv_data, v.mv_size },
                                  &e) &&
                e.source == source && e.size == size && e.mtime == mtime &&
                e.run != w->run;
        mdb_txn_abort(txn);
    }
    pthread_mutex_unlock(&w->mutex);
    return known;
}

uint64_t reap_import_writer_total(struct reap_import_writer *w)
{
    return reap_import_env_entries(&w->data);
}

void reap_import_writer_close(struct reap_import_writer **w, bool forget)
{
    struct reap_import_writer *old = *w;

    if (!old)
        return;
    *w = NULL;
    reap_import_env_close(&old->data);
    reap_import_env_close(&old->index);
    reap_import_place_close(&old->place, forget);
    pthread_mutex_destroy(&old->mutex);
    reap_free(old);
}
