/*
 * Rows in key order. They are copied out a handful at a time. A store opened
 * to read keeps one transaction, so that a walk sees one moment; one that is
 * written by this process is let go between handfuls, so that neither pages
 * nor the map are held up, and a walk sees what was committed meanwhile.
 */
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/limits.h"
#include "io/store/store_impl.h"

enum { HANDFUL = 64, OPEN = 4 };

struct entry {
    struct reap_place place;
    size_t key_len;
    uint8_t key[REAP_KEY_MAX];
    char label[256], reason[REAP_REASON_MAX];
};

/* A block in use. Rows that were done again lie in another block than their
 * neighbours, so that a walk goes back and forth between a few. */
struct opened {
    uint64_t id;
    struct reap_block *block;
    uint8_t *bytes; /* its bytes, if they had to be copied */
};

struct reap_rows {
    struct reap_store *s;
    MDB_txn *txn; /* NULL, reset between calls, or alive to the end */
    bool alive;
    struct entry *entry; /* HANDFUL */
    size_t n, at;        /* entries filled, the next one to lend */
    bool end;            /* no rows after these */
    const struct entry *lent;
    struct opened opened[OPEN]; /* the one used last comes first */
};

int reap_rows_open(struct reap_rows **out, struct reap_store *s,
                   struct reap_err *err)
{
    struct reap_rows *r = reap_calloc(1, sizeof(*r));

    *out = NULL;
    if (r)
        r->entry = reap_calloc(HANDFUL, sizeof(*r->entry));
    if (!r || !r->entry) {
        reap_free(r);
        return reap_fail(err, REAP_ENOMEM, "no memory to read rows");
    }
    r->s = s;
    *out = r;
    return REAP_OK;
}

static int enter(struct reap_rows *r, struct reap_err *err)
{
    int mrc = MDB_SUCCESS;

    if (r->alive)
        return REAP_OK;
    if (!r->txn)
        mrc = mdb_txn_begin(r->s->env, NULL, MDB_RDONLY, &r->txn);
    else
        mrc = mdb_txn_renew(r->txn);
    r->alive = !mrc;
    return mrc ? reap_store_fail(r->s, mrc, "read rows", err) : REAP_OK;
}

static void leave(struct reap_rows *r)
{
    if (!r->s->write || !r->alive)
        return;
    mdb_txn_reset(r->txn);
    r->alive = false;
}

static int get_reason(struct reap_rows *r, MDB_val *key, struct entry *e,
                      struct reap_err *err)
{
    MDB_val v;
    int mrc = mdb_get(r->txn, r->s->db[REAP_DB_ERRORS], key, &v);

    e->reason[0] = '\0';
    if (mrc && mrc != MDB_NOTFOUND)
        return reap_store_fail(r->s, mrc, "read a reason", err);
    if (!mrc && v.mv_size > 1 && v.mv_size - 1 < sizeof(e->reason)) {
        memcpy(e->reason, (const char *)v.mv_data + 1, v.mv_size - 1);
        e->reason[v.mv_size - 1] = '\0';
    }
    return REAP_OK;
}

static int copy_entry(struct reap_rows *r, MDB_val *key, MDB_val v,
                      struct entry *e, struct reap_err *err)
{
    int rc = key->mv_size <= REAP_KEY_MAX
                 ? reap_store_place(v, &e->place, err)
                 : reap_fail(err, REAP_EFORMAT, "a key is too long");

    if (rc)
        return reap_wrap(err, rc, "%s", r->s->path);
    e->key_len = key->mv_size;
    memcpy(e->key, key->mv_data, key->mv_size);
    memcpy(e->label, e->place.label, e->place.label_len);
    e->label[e->place.label_len] = '\0';
    e->place.label = e->label;
    e->reason[0] = '\0';
    return e->place.status == REAP_STATUS_ok ? REAP_OK
                                             : get_reason(r, key, e, err);
}

/* Fill from the first row with a key >= 'from', or > 'from' if 'after'. */
static int store_rows_fill(struct reap_rows *r, struct reap_bytes from,
                           bool after, struct reap_err *err)
{
    uint8_t copy[REAP_KEY_MAX + 1]; /* 'from' may lie in an entry */
    MDB_val key = reap_store_val(copy, from.len), v;
    MDB_cursor *c = NULL;
    int rc = REAP_OK, mrc;

    r->n = r->at = 0;
    r->end = from.len > REAP_KEY_MAX;
    if (r->end)
        return REAP_OK;
    if (from.len)
        memcpy(copy, from.data, from.len);
    mrc = mdb_cursor_open(r->txn, r->s->db[REAP_DB_ROWS], &c);
    if (!mrc)
        mrc = mdb_cursor_get(c, &key, &v, from.len ? MDB_SET_RANGE : MDB_FIRST);
    if (!mrc && after && key.mv_size == from.len &&
        !memcmp(key.mv_data, copy, from.len))
        mrc = mdb_cursor_get(c, &key, &v, MDB_NEXT);
    while (!mrc && !rc && r->n < HANDFUL) {
        rc = copy_entry(r, &key, v, &r->entry[r->n], err);
        r->n += !rc;
        if (r->n < HANDFUL)
            mrc = mdb_cursor_get(c, &key, &v, MDB_NEXT);
    }
    r->end = mrc == MDB_NOTFOUND;
    if (c)
        mdb_cursor_close(c);
    if (!rc && mrc && mrc != MDB_NOTFOUND)
        rc = reap_store_fail(r->s, mrc, "read rows", err);
    return rc;
}

static int refill(struct reap_rows *r, struct reap_bytes from, bool after,
                  struct reap_err *err)
{
    int rc;

    pthread_mutex_lock(&r->s->mutex);
    rc = enter(r, err);
    if (!rc)
        rc = store_rows_fill(r, from, after, err);
    leave(r);
    pthread_mutex_unlock(&r->s->mutex);
    return rc;
}

static int lend(struct reap_rows *r, struct reap_stored *out,
                struct reap_err *err)
{
    const struct entry *e = &r->entry[r->at];

    r->lent = NULL;
    if (r->at == r->n)
        return reap_fail(err, REAP_ENOTFOUND, "%s: no more rows", r->s->path);
    r->lent = e;
    r->at++;
    out->row.key = (struct reap_bytes){ e->key, e->key_len };
    out->row.status = e->place.status;
    out->row.flags = e->place.flags;
    out->row.crc = e->place.crc;
    out->row.label = e->label;
    out->row.reason = e->reason;
    out->block = e->place.block;
    out->index = e->place.index;
    return REAP_OK;
}

int reap_rows_seek(struct reap_rows *r, struct reap_bytes key,
                   struct reap_stored *out, struct reap_err *err)
{
    int rc = refill(r, key, false, err);

    return rc ? rc : lend(r, out, err);
}

/* Fill with the last row alone. */
static int fill_last(struct reap_rows *r, struct reap_err *err)
{
    MDB_val key, v;
    MDB_cursor *c = NULL;
    int rc = REAP_OK, mrc;

    r->n = r->at = 0;
    r->end = true;
    mrc = mdb_cursor_open(r->txn, r->s->db[REAP_DB_ROWS], &c);
    if (!mrc)
        mrc = mdb_cursor_get(c, &key, &v, MDB_LAST);
    if (!mrc) {
        rc = copy_entry(r, &key, v, &r->entry[0], err);
        r->n = !rc;
    }
    if (c)
        mdb_cursor_close(c);
    if (mrc && mrc != MDB_NOTFOUND)
        rc = reap_store_fail(r->s, mrc, "read rows", err);
    return rc;
}

int reap_rows_last(struct reap_rows *r, struct reap_stored *out,
                   struct reap_err *err)
{
    int rc;

    pthread_mutex_lock(&r->s->mutex);
    rc = enter(r, err);
    if (!rc)
        rc = fill_last(r, err);
    leave(r);
    pthread_mutex_unlock(&r->s->mutex);
    return rc ? rc : lend(r, out, err);
}

int reap_rows_next(struct reap_rows *r, struct reap_stored *out,
                   struct reap_err *err)
{
    struct reap_bytes last = { NULL, 0 };
    int rc = REAP_OK;

    if (r->at == r->n && !r->end) {
        if (r->n)
            last = (struct reap_bytes){ r->entry[r->n - 1].key,
                                        r->entry[r->n - 1].key_len };
        rc = refill(r, last, true, err);
    }
    return rc ? rc : lend(r, out, err);
}

static void drop_block(struct opened *o)
{
    reap_block_free(&o->block);
    reap_free(o->bytes);
    o->bytes = NULL;
}

static int load_block(struct reap_rows *r, struct opened *o, uint64_t id,
                      struct reap_err *err)
{
    uint8_t name[8];
    MDB_val key = reap_store_val(name, sizeof(name)), v;
    struct reap_bytes bytes;
    int mrc;

    drop_block(o);
    reap_store_id(name, id);
    mrc = mdb_get(r->txn, r->s->db[REAP_DB_BLOCKS], &key, &v);
    if (mrc == MDB_NOTFOUND)
        return reap_fail(err, REAP_EFORMAT, "it is missing");
    if (mrc)
        return reap_store_fail(r->s, mrc, "read a block", err);
    bytes = (struct reap_bytes){ v.mv_data, v.mv_size };
    if (r->s->write) { /* its pages may be reused when we leave */
        o->bytes = reap_calloc(1, v.mv_size);
        if (!o->bytes)
            return reap_fail(err, REAP_ENOMEM, "no memory for %zu bytes",
                             v.mv_size);
        bytes.data = memcpy(o->bytes, v.mv_data, v.mv_size);
    }
    o->id = id;
    return reap_block_open(&o->block, bytes, err);
}

/* Put the block in front, loading it in place of the one used longest ago. In
 * a store that is written each costs memory, and there is but one. */
static int use_block(struct reap_rows *r, uint64_t id, struct reap_err *err)
{
    size_t n = r->s->write ? 1 : OPEN, i = 0;
    struct opened found;
    int rc = REAP_OK;

    while (i < n - 1 && !(r->opened[i].block && r->opened[i].id == id))
        i++;
    found = r->opened[i];
    memmove(&r->opened[1], &r->opened[0], i * sizeof(found));
    r->opened[0] = found;
    if (found.block && found.id == id)
        return REAP_OK;
    pthread_mutex_lock(&r->s->mutex);
    rc = enter(r, err);
    if (!rc)
        rc = load_block(r, &r->opened[0], id, err);
    leave(r);
    pthread_mutex_unlock(&r->s->mutex);
    return rc;
}

static int check_place(const struct reap_rows *r, const struct reap_block *b,
                       const struct entry *e, struct reap_err *err)
{
    struct reap_row row;

    if (e->place.index >= reap_block_rows(b) ||
        !reap_schema_equal(reap_block_schema(b), &r->s->schema))
        return reap_fail(err, REAP_EFORMAT, "it is not what its rows need");
    reap_block_row(b, e->place.index, &row);
    if (row.key.len != e->key_len ||
        memcmp(row.key.data, e->key, e->key_len) != 0)
        return reap_fail(err, REAP_EFORMAT, "row %u has another key",
                         e->place.index);
    return REAP_OK;
}

/* The block of the row last lent, in front. */
static int block_of(struct reap_rows *r, size_t col, struct reap_err *err)
{
    const struct entry *e = r->lent;
    int rc;

    if (!e || col >= r->s->schema.n)
        return reap_fail(err, REAP_EBUG, "values of no row");
    rc = use_block(r, e->place.block, err);
    if (!rc)
        rc = check_place(r, r->opened[0].block, e, err);
    return rc ? reap_wrap(err, rc, "%s: block %llu", r->s->path,
                          (unsigned long long)e->place.block)
              : REAP_OK;
}

static int no_values(struct reap_err *err)
{
    return reap_fail(err, REAP_ENOTFOUND, "a row without values");
}

int reap_rows_values(struct reap_rows *r, size_t col, void *out,
                     struct reap_err *err)
{
    int rc = block_of(r, col, err);

    if (rc)
        return rc;
    return reap_block_values(r->opened[0].block, r->lent->place.index, col, out)
               ? REAP_OK
               : no_values(err);
}

int reap_rows_lend(struct reap_rows *r, size_t col, const uint8_t **out,
                   struct reap_err *err)
{
    int rc = block_of(r, col, err);

    *out = NULL;
    if (rc)
        return rc;
    if (r->s->write)
        return reap_fail(err, REAP_EBUG, "values lent by a store that changes");
    *out = reap_block_stored(r->opened[0].block, r->lent->place.index, col);
    return *out ? REAP_OK : no_values(err);
}

void reap_rows_close(struct reap_rows **rows)
{
    struct reap_rows *r = *rows;

    if (!r)
        return;
    for (size_t i = 0; i < OPEN; i++)
        drop_block(&r->opened[i]);
    pthread_mutex_lock(&r->s->mutex);
    if (r->txn)
        mdb_txn_abort(r->txn);
    pthread_mutex_unlock(&r->s->mutex);
    reap_free(r->entry);
    reap_free(r);
    *rows = NULL;
}
