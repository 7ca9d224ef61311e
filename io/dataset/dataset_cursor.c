/* Cursors: a read transaction each, records in key order, samples. */
#include <string.h>

#include "engine/base/mem.h"
#include "io/dataset/dataset_impl.h"
#include "io/file/crc.h"
#include "io/file/limits.h"
#include "io/file/status.h"
#include "io/file/text.h"

int reap_cursor_open(struct reap_cursor **out, struct reap_dataset *ds,
                     struct reap_err *err)
{
    struct reap_cursor *c = reap_calloc(1, sizeof(*c));
    int mrc, rc;

    *out = NULL;
    if (!c)
        return reap_fail(err, REAP_ENOMEM, "%s: no memory for a cursor",
                         ds->path);
    c->ds = ds;
    rc = reap_dataset_begin(ds->path, ds->env, &c->txn, err);
    if (!rc && ds->index)
        rc = reap_dataset_begin(ds->path, ds->index, &c->index_txn, err);
    /* Runs of keys are counted with one cursor and read with another. */
    if (!rc && (mdb_txn_id(c->txn) != ds->moment ||
                (ds->index && mdb_txn_id(c->index_txn) != ds->index_moment)))
        rc = reap_fail(err, REAP_EIO,
                       "%s is being written; try again when the writer is done",
                       ds->path);
    if (!rc) {
        mrc = mdb_cursor_open(c->txn, ds->dbi, &c->cursor);
        if (mrc)
            rc = reap_dataset_fail(ds->path, mrc, "read", err);
    }
    if (rc)
        reap_cursor_close(&c);
    *out = c;
    return rc;
}

void reap_cursor_close(struct reap_cursor **c)
{
    struct reap_cursor *old = *c;

    if (!old)
        return;
    *c = NULL;
    if (old->cursor)
        mdb_cursor_close(old->cursor);
    if (old->txn)
        mdb_txn_abort(old->txn);
    if (old->index_txn)
        mdb_txn_abort(old->index_txn);
    reap_layout_scratch_clear(&old->scratch);
    reap_free(old);
}

static void remember(struct reap_cursor *c, struct reap_bytes key)
{
    memcpy(c->last, key.data, key.len);
    c->last_len = key.len;
}

/* LMDB promises it, unless its pages are damaged: a page that stands twice in
 * the tree would give records twice, and others never. */
static bool ascends(const struct reap_cursor *c, struct reap_bytes key)
{
    return reap_bytes_compare((struct reap_bytes){ c->last, c->last_len },
                              key) < 0;
}

static int out_of_order(const struct reap_cursor *c, struct reap_bytes key,
                        struct reap_err *err)
{
    char before[REAP_TEXT_ROOM(60)], after[REAP_TEXT_ROOM(60)];
    const size_t a = c->last_len < 60 ? c->last_len : 60;
    const size_t b = key.len < 60 ? key.len : 60;

    return reap_fail(err, REAP_EFORMAT,
                     "%s is damaged: key %s comes after %s; make the dataset "
                     "again (what was "
                     "read before this place is kept)",
                     c->ds->path,
                     reap_text_escape(after, sizeof(after),
                                      (struct reap_bytes){ key.data, b }),
                     reap_text_escape(before, sizeof(before),
                                      (struct reap_bytes){ c->last, a }));
}

/* Do 'op', then step in the direction of 'step' over reserved keys. */
static int move(struct reap_cursor *c, MDB_cursor_op op, MDB_cursor_op step,
                struct reap_bytes at, struct reap_record *out,
                struct reap_err *err)
{
    MDB_val key = { at.len, (void *)(uintptr_t)at.data }, value;

    for (;; op = step) {
        int mrc = mdb_cursor_get(c->cursor, &key, &value, op);

        if (mrc == MDB_NOTFOUND)
            return reap_fail(err, REAP_ENOTFOUND, "%s: no more records",
                             c->ds->path);
        if (mrc)
            return reap_dataset_fail(c->ds->path, mrc, "read", err);
        if (key.mv_size > REAP_KEY_MAX)
            return reap_fail(err, REAP_EIO, "%s is damaged: a key of %zu bytes",
                             c->ds->path, key.mv_size);
        out->key = (struct reap_bytes){ key.mv_data, key.mv_size };
        out->value = (struct reap_bytes){ value.mv_data, value.mv_size };
        if (op == MDB_NEXT && !ascends(c, out->key))
            return out_of_order(c, out->key, err);
        remember(c, out->key);
        if (!reap_dataset_is_side(c->ds, out))
            return REAP_OK;
    }
}

int reap_cursor_seek(struct reap_cursor *c, struct reap_bytes key,
                     struct reap_record *out, struct reap_err *err)
{
    return move(c, key.len ? MDB_SET_RANGE : MDB_FIRST, MDB_NEXT, key, out,
                err);
}

int reap_cursor_next(struct reap_cursor *c, struct reap_record *out,
                     struct reap_err *err)
{
    return move(c, MDB_NEXT, MDB_NEXT, (struct reap_bytes){ 0 }, out, err);
}

/* The eight bytes of a key from 'at' on, as a number. */
static uint64_t eight(struct reap_bytes key, size_t at)
{
    uint64_t x = 0;

    for (size_t i = at; i < at + 8; i++)
        x = x << 8 | (i < key.len ? key.data[i] : 0);
    return x;
}

/* Between the first and the last key, part i of n of the way as numbers. */
static struct reap_bytes dataset_cursor_between(struct reap_bytes a,
                                                struct reap_bytes b, size_t i,
                                                size_t n, uint8_t *buf)
{
    size_t same = 0;
    uint64_t x, y;

    while (same < a.len && same < b.len && a.data[same] == b.data[same])
        same++;
    x = eight(a, same);
    y = eight(b, same);
    if (y > x)
        x += (y - x) / n * i;
    memcpy(buf, a.data, same);
    for (size_t k = 0; k < 8; k++)
        buf[same + k] = (uint8_t)(x >> (56 - 8 * k));
    return (struct reap_bytes){ buf, same + 8 };
}

int reap_cursor_sample(struct reap_cursor *c, struct reap_record *out, size_t n,
                       size_t *found, struct reap_err *err)
{
    const bool all = c->ds->count <= n;
    struct reap_record last;
    uint8_t buf[REAP_KEY_MAX + 8];
    int rc = REAP_OK;

    *found = 0;
    if (!c->ds->count || !n)
        return REAP_OK;
    rc = move(c, MDB_LAST, MDB_PREV, (struct reap_bytes){ 0 }, &last, err);
    for (size_t i = 0; i < n && !rc; i++) {
        struct reap_bytes key = { 0 };

        if (i && !all && i + 1 == n)
            key = last.key;
        else if (i && !all)
            key = dataset_cursor_between(out[0].key, last.key, i, n - 1, buf);
        /* Those that lie closer than the steps are taken one by one. */
        if (i && (all || reap_bytes_compare(key, out[i - 1].key) <= 0))
            rc = reap_cursor_seek(c, out[i - 1].key, &out[i], err);
        if (i && !rc && (all || reap_bytes_compare(key, out[i - 1].key) <= 0))
            rc = reap_cursor_next(c, &out[i], err);
        else if (!rc)
            rc = reap_cursor_seek(c, key, &out[i], err);
        *found += !rc;
    }
    return rc == REAP_ENOTFOUND ? REAP_OK : rc;
}

bool reap_dataset_entry(const struct reap_cursor *c, struct reap_bytes key,
                        struct reap_index_entry *out)
{
    MDB_val k = { key.len, (void *)(uintptr_t)key.data }, v;

    return c->index_txn && key.len &&
           !mdb_get(c->index_txn, c->ds->index_dbi, &k, &v) &&
           reap_index_decode((struct reap_bytes){ v.mv_data, v.mv_size }, out);
}

static void set_label(struct reap_image *out, struct reap_bytes from)
{
    const size_t n = from.len < REAP_LABEL_MAX ? from.len : REAP_LABEL_MAX;

    if (n)
        memcpy(out->label, from.data, n);
    out->label[n] = '\0';
}

/* The key up to its first 'end'; nothing if it has none. */
static struct reap_bytes up_to(struct reap_bytes key, char end)
{
    const uint8_t *p = memchr(key.data, end, key.len);

    return (struct reap_bytes){ key.data, p ? (size_t)(p - key.data) : 0 };
}

unsigned reap_dataset_image(struct reap_dataset *ds, struct reap_cursor *c,
                            const struct reap_record *rec,
                            enum reap_label_from from, struct reap_image *out,
                            uint32_t *crc)
{
    const bool own_label = from == REAP_LABEL_DATUM;
    struct reap_index_entry e;
    unsigned status;

    memset(out, 0, sizeof(*out));
    *crc = reap_crc_32c(rec->value.data, rec->value.len);
    status = ds->layout ? ds->layout->image(rec->value, &c->scratch, out)
                        : REAP_STATUS_corrupt;
    if (own_label && (ds->side || ds->label_database))
        reap_dataset_side_label(c, rec->key, out->label);
    if (!own_label)
        out->label[0] = '\0';
    if (from == REAP_LABEL_PREFIX)
        set_label(out, up_to(rec->key, '_'));
    if (from == REAP_LABEL_FOLDER)
        set_label(out, up_to(rec->key, '/'));
    if (!reap_dataset_entry(c, rec->key, &e))
        return status;
    if (own_label && e.label.len)
        set_label(out, e.label);
    return e.size != rec->value.len || e.crc != *crc ? REAP_STATUS_checksum
                                                     : status;
}
