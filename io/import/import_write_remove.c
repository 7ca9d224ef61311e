/*
 * Records taken out of a dataset: by key, or because their sources no longer
 * hold them. LMDB leaves the bytes of what was removed in pages that it will
 * use again some day; people who ask that a photo be forgotten mean those too,
 * so they are overwritten.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/dataset/dataset_impl.h"
#include "io/file/string_set.h"
#include "io/file/text.h"
#include "io/import/import_write.h"
#include "io/lmdb/mdb_scrub.h"

/* Keys to remove, one after another: length (2 bytes), key. */
struct keys {
    uint8_t *bytes;
    size_t len, room, n;
};

static bool add_key(struct keys *k, struct reap_bytes key)
{
    if (k->len + key.len + 2 > k->room) {
        const size_t room = 2 * k->room + 65536;
        uint8_t *p = reap_realloc(k->bytes, room);

        if (!p)
            return false;
        k->bytes = p;
        k->room = room;
    }
    k->bytes[k->len] = (uint8_t)key.len;
    k->bytes[k->len + 1] = (uint8_t)(key.len >> 8);
    memcpy(k->bytes + k->len + 2, key.data, key.len);
    k->len += key.len + 2;
    k->n++;
    return true;
}

static int remove_once(struct reap_import_writer *w, const struct keys *keys,
                       bool *full, struct reap_err *err)
{
    struct reap_batch b = { .w = w };
    const char *file = w->data.file;
    int mrc = 0, rc = reap_write_begin(w, &b, err);

    *full = false;
    if (rc)
        return rc;
    for (size_t at = 0; at < keys->len && !mrc;) {
        const size_t n = keys->bytes[at] | (size_t)keys->bytes[at + 1] << 8;
        MDB_val key = { n, keys->bytes + at + 2 };

        mrc = mdb_del(b.data, w->data.dbi, &key, NULL);
        if (!mrc || mrc == MDB_NOTFOUND)
            mrc = mdb_del(b.index, w->index.dbi, &key, NULL);
        if (mrc == MDB_NOTFOUND)
            mrc = 0;
        at += n + 2;
    }
    if (!mrc)
        mrc = reap_write_commit(&b, &file);
    reap_write_abort(&b);
    *full = mrc == MDB_MAP_FULL;
    return mrc ? reap_dataset_fail(file, mrc, "remove records", err) : REAP_OK;
}

static int remove_keys(struct reap_import_writer *w, const struct keys *keys,
                       struct reap_err *err)
{
    bool full;
    int rc;

    while ((rc = remove_once(w, keys, &full, err)) && full) {
        rc = reap_write_grow(w, 0, err);
        if (rc)
            break;
    }
    return rc;
}

/* ---- by key ---- */

/* Is there a record of this key? Sources and other notes are none. */
static bool has_record(struct reap_import_writer *w, MDB_txn *txn,
                       struct reap_bytes key)
{
    MDB_val k = reap_write_val(key), v;

    return key.len && key.len <= REAP_KEY_MAX &&
           !mdb_get(txn, w->data.dbi, &k, &v);
}

static int find_keys(struct reap_import_writer *w, const char *const *key,
                     size_t n, struct keys *to, struct reap_err *err)
{
    unsigned char raw[4 * REAP_KEY_MAX + 1];
    MDB_txn *txn;
    int rc = REAP_OK, mrc = mdb_txn_begin(w->data.env, NULL, MDB_RDONLY, &txn);

    if (mrc)
        return reap_dataset_fail(w->data.file, mrc, "read", err);
    for (size_t i = 0; i < n && !rc; i++) {
        struct reap_bytes k = { (const uint8_t *)key[i], strlen(key[i]) };

        if (!has_record(w, txn, k) && k.len < sizeof(raw)) {
            k.len = reap_text_unescape(key[i], raw);
            k.data = raw;
        }
        if (!has_record(w, txn, k))
            rc = reap_fail(err, REAP_ENOTFOUND,
                           "no record has the key '%s'; nothing was removed",
                           key[i]);
        else if (!add_key(to, k))
            rc = reap_fail(err, REAP_ENOMEM, "no memory for %zu keys", n);
    }
    mdb_txn_abort(txn);
    return rc;
}

/* What the removed records leave in both files. */
static int scrub(struct reap_import_writer *w, struct reap_err *err)
{
    struct reap_import_env *env[] = { &w->data, &w->index };
    int rc = REAP_OK;

    for (size_t i = 0; i < 2 && !rc; i++) {
        int dead;

        mdb_reader_check(env[i]->env, &dead);
        rc = reap_mdb_scrub(env[i]->file, env[i]->env, err);
    }
    return rc;
}

int reap_import_writer_delete(struct reap_import_writer *w,
                              const char *const *key, size_t n,
                              struct reap_err *err)
{
    struct keys keys = { 0 };
    int rc = find_keys(w, key, n, &keys, err);

    if (!rc)
        rc = remove_keys(w, &keys, err);
    reap_free(keys.bytes);
    return rc ? rc : scrub(w, err);
}

/* ---- what sources no longer hold ---- */

/* Is 'path' at or below the folder or archive? */
static bool below(const char *path, const char *folder)
{
    const size_t n = strlen(folder);

    return !strncmp(path, folder, n) && (n == 1 || !path[n] || path[n] == '/');
}

/* Does a source named now cover where the record came from? */
static bool is_covered(struct reap_sources *s, struct reap_bytes key,
                       const struct reap_index_entry *e)
{
    const struct reap_source *of = reap_sources_at(s, e->source);
    const struct reap_bytes path = e->path.len ? e->path : key;
    const size_t skip = of && of->prefix[0] ? strlen(of->prefix) + 1 : 0,
                 n = of ? strlen(of->path) : 0;
    bool covered = false;
    char *real;

    if (!of || path.len < skip)
        return false;
    real = reap_calloc(n + path.len + 2, 1);
    if (!real)
        return false;
    memcpy(real, of->path, n);
    real[n] = '/';
    memcpy(real + n + (n > 1), path.data + skip, path.len - skip);
    for (size_t i = 0; i < reap_sources_count(s) && !covered; i++) {
        const struct reap_source *at = reap_sources_at(s, i);

        covered = at->now &&
                  (at->kind == REAP_SOURCE_FOLDER ||
                   at->kind == REAP_SOURCE_ARCHIVE) &&
                  below(real, at->path);
    }
    reap_free(real);
    return covered;
}

static int find_gone(struct reap_import_writer *w, struct keys *to,
                     struct reap_err *err)
{
    MDB_val key, v;
    MDB_cursor *c = NULL;
    MDB_txn *txn;
    int rc = REAP_OK, mrc = mdb_txn_begin(w->index.env, NULL, MDB_RDONLY, &txn);

    if (mrc)
        return reap_dataset_fail(w->index.file, mrc, "read", err);
    mrc = mdb_cursor_open(txn, w->index.dbi, &c);
    for (MDB_cursor_op op = MDB_FIRST;
         !rc && !mrc && !(mrc = mdb_cursor_get(c, &key, &v, op));
         op = MDB_NEXT) {
        const struct reap_bytes k = { key.mv_data, key.mv_size };
        struct reap_index_entry e;

        if (!k.len || !k.data[0] ||
            !reap_index_decode((struct reap_bytes){ v.mv_data, v.mv_size },
                               &e) ||
            e.run == w->run || !is_covered(w->sources, k, &e))
            continue;
        if (!add_key(to, k))
            rc = reap_fail(err, REAP_ENOMEM, "no memory for removed keys");
    }
    if (c)
        mdb_cursor_close(c);
    mdb_txn_abort(txn);
    return rc || mrc == MDB_NOTFOUND
               ? rc
               : reap_dataset_fail(w->index.file, mrc, "read", err);
}

int reap_import_writer_sync(struct reap_import_writer *w, uint64_t *removed,
                            struct reap_err *err)
{
    struct keys keys = { 0 };
    int rc = find_gone(w, &keys, err);

    if (!rc && keys.n)
        rc = remove_keys(w, &keys, err);
    if (!rc && keys.n)
        rc = scrub(w, err);
    *removed = rc ? 0 : keys.n;
    reap_free(keys.bytes);
    return rc;
}
