/*
 * The one writer of a dataset: opening it, and what it knows of earlier
 * imports. Values are committed before the index, so that a
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
#include "io/import/import_write.h"

MDB_val reap_write_val(struct reap_bytes b)
{
    return (MDB_val){ b.len, (void *)(uintptr_t)b.data };
}

/* Zero "source" number: the key of a source. */
enum { SOURCE_KEY = 7 };
static const char source_key[] = "\0source";

MDB_val reap_write_source_key(uint8_t *buf, uint32_t number)
{
    memcpy(buf, source_key, SOURCE_KEY);
    for (int i = 3; i >= 0; i--, number >>= 8)
        buf[SOURCE_KEY + i] = (uint8_t)number;
    return (MDB_val){ REAP_SOURCE_KEY_LEN, buf };
}

int reap_write_begin(struct reap_import_writer *w, struct reap_batch *b,
                     struct reap_err *err)
{
    int mrc = mdb_txn_begin(w->data.env, NULL, 0, &b->data);

    b->w = w;
    if (mrc)
        return reap_dataset_fail(w->data.file, mrc, "write", err);
    mrc = mdb_txn_begin(w->index.env, NULL, 0, &b->index);
    if (!mrc)
        return REAP_OK;
    mdb_txn_abort(b->data);
    b->data = NULL;
    return reap_dataset_fail(w->index.file, mrc, "write", err);
}

void reap_write_abort(struct reap_batch *b)
{
    if (b->data)
        mdb_txn_abort(b->data);
    if (b->index)
        mdb_txn_abort(b->index);
    b->data = b->index = NULL;
}

int reap_write_commit(struct reap_batch *b, const char **file)
{
    int mrc = mdb_txn_commit(b->data);

    b->data = NULL;
    *file = b->w->data.file;
    if (mrc)
        return mrc;
    mrc = mdb_txn_commit(b->index);
    b->index = NULL;
    *file = b->w->index.file;
    return mrc;
}

int reap_write_grow(struct reap_import_writer *w, size_t bytes,
                    struct reap_err *err)
{
    int rc = reap_import_env_grow(&w->data, bytes, err);

    return rc ? rc : reap_import_env_grow(&w->index, 0, err);
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

/* A source of an earlier import: where it really is, zero, kind, prefix. */
static int load_source(struct reap_sources *to, const MDB_val *v,
                       struct reap_err *err)
{
    const char *path = v->mv_data, *end = memchr(path, '\0', v->mv_size);
    char *text = reap_calloc(v->mv_size + 4, 1);
    enum reap_source_kind kind = REAP_SOURCE_OLD;
    const char *prefix = "";
    uint32_t number;
    int rc;

    if (!text)
        return reap_fail(err, REAP_ENOMEM, "no memory for sources");
    memcpy(text, path, v->mv_size);
    if (end && end + 1 < path + v->mv_size) {
        kind = (enum reap_source_kind)end[1];
        prefix = text + (end + 2 - path);
    }
    rc = reap_sources_add(to, kind, text, prefix, false, &number, err);
    reap_free(text);
    return rc;
}

static int load_sources(struct reap_import_writer *w, MDB_txn *txn,
                        struct reap_err *err)
{
    uint8_t buf[REAP_SOURCE_KEY_LEN];
    int mrc = 0, rc = REAP_OK;

    for (w->n_sources = 0; !rc; w->n_sources++) {
        MDB_val key = reap_write_source_key(buf, (uint32_t)w->n_sources), v;

        mrc = mdb_get(txn, w->index.dbi, &key, &v);
        if (mrc)
            break;
        rc = load_source(w->sources, &v, err);
        if (!rc && reap_sources_count(w->sources) != w->n_sources + 1)
            rc = reap_fail(err, REAP_EFORMAT,
                           "%s is damaged: a source is in it twice",
                           w->index.file);
    }
    return rc || mrc == MDB_NOTFOUND
               ? rc
               : reap_dataset_fail(w->index.file, mrc, "read", err);
}

/* Sign in, load what earlier imports knew, drop what a stopped one left. */
static int start_once(struct reap_import_writer *w, bool *full,
                      struct reap_err *err)
{
    MDB_txn *txn;
    int rc = REAP_OK, mrc = mdb_txn_begin(w->index.env, NULL, 0, &txn);

    *full = false;
    if (mrc)
        return reap_dataset_fail(w->index.file, mrc, "write", err);
    mrc = sign_in(w, txn);
    if (!mrc)
        mrc = reap_write_pending_clear(w, txn);
    if (!mrc && !reap_sources_count(w->sources))
        rc = load_sources(w, txn, err);
    if (mrc || rc)
        mdb_txn_abort(txn);
    else
        mrc = mdb_txn_commit(txn);
    *full = mrc == MDB_MAP_FULL;
    return mrc ? reap_dataset_fail(w->index.file, mrc, "write", err) : rc;
}

static int start(struct reap_import_writer *w, struct reap_err *err)
{
    bool full;
    int rc;

    while ((rc = start_once(w, &full, err)) && full) {
        rc = reap_import_env_grow(&w->index, 0, err);
        if (rc)
            return rc;
    }
    return rc;
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
                            struct reap_sources *sources, struct reap_err *err)
{
    struct reap_import_writer *w = reap_calloc(1, sizeof(*w));
    int rc;

    *out = NULL;
    if (!w)
        return reap_fail(err, REAP_ENOMEM, "%s: no memory to write it", path);
    pthread_mutex_init(&w->mutex, NULL);
    w->sources = sources;
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
    if (!rc)
        rc = start(w, err);
    if (rc)
        reap_import_writer_close(&w, false);
    *out = w;
    return rc;
}

static bool look_up(struct reap_import_writer *w, struct reap_bytes key,
                    struct reap_index_entry *e)
{
    MDB_val k = reap_write_val(key), v;
    bool found = false;
    MDB_txn *txn;

    if (w->fresh)
        return false;
    pthread_mutex_lock(&w->mutex);
    if (!mdb_txn_begin(w->index.env, NULL, MDB_RDONLY, &txn)) {
        found =
            !mdb_get(txn, w->index.dbi, &k, &v) &&
            reap_index_decode((struct reap_bytes){ v.mv_data, v.mv_size }, e);
        mdb_txn_abort(txn);
    }
    pthread_mutex_unlock(&w->mutex);
    return found;
}

bool reap_import_writer_knows(struct reap_import_writer *w,
                              struct reap_bytes key, uint32_t source,
                              uint64_t size, int64_t mtime)
{
    struct reap_index_entry e;

    return look_up(w, key, &e) && e.source == source && e.size == size &&
           e.mtime == mtime && e.run != w->run;
}

bool reap_import_writer_has(void *w, const char *path, uint32_t source)
{
    uint8_t key[REAP_KEY_MAX];
    struct reap_index_entry e;

    return look_up(w, (struct reap_bytes){ key, reap_import_key(path, key) },
                   &e) &&
           e.source == source;
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
