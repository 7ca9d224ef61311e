/* Which rows to compute again, in one walk over store and dataset, some hundred
 * keys at a time; and a look at 64 of them that tells another dataset from the
 * same one with new keys. */
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/limits.h"
#include "io/file/status.h"
#include "jobs/run/forget_rows.h"

enum { CHUNK = 1024, SAMPLES = 64 };

/* Keys to forget, copied; a chunk at a time. */
struct chunk {
    size_t n;
    struct reap_bytes key[CHUNK];
    uint8_t bytes[CHUNK][REAP_KEY_MAX];
};

struct walk {
    struct reap_store *store;
    struct reap_dataset *ds;
    const struct reap_options *o;
    struct reap_cursor *cursor;
    struct reap_rows *rows;
    struct chunk *chunk;
    uint8_t last[REAP_KEY_MAX]; /* the row looked at last */
    size_t last_len;
    struct reap_bytes end; /* --limit: the last key covered; lent */
    struct reap_rows_forgotten *out;
};

/* The record under exactly this key: REAP_OK, REAP_ENOTFOUND or a failure. */
static int lookup(struct reap_cursor *cursor, struct reap_bytes key,
                  struct reap_record *rec, struct reap_err *err)
{
    int rc = reap_cursor_seek(cursor, key, rec, err);

    return !rc && reap_bytes_compare(rec->key, key) ? REAP_ENOTFOUND : rc;
}

static uint32_t crc_of(struct reap_dataset *ds, struct reap_cursor *cursor,
                       const struct reap_record *rec, struct reap_image *image)
{
    uint32_t crc = 0;

    reap_dataset_image(ds, cursor, rec, REAP_LABEL_NONE, image, &crc);
    return crc;
}

/* The last of the first 'limit' keys: rows after it would not be done again.
 */
static int find_end(struct walk *w, struct reap_err *err)
{
    struct reap_record rec;
    int rc = REAP_OK;

    for (uint64_t i = 0; i < w->o->limit && !rc; i++) {
        rc = i ? reap_cursor_next(w->cursor, &rec, err)
               : reap_cursor_seek(w->cursor, w->end, &rec, err);
        if (!rc)
            w->end = rec.key;
    }
    return rc == REAP_ENOTFOUND ? REAP_OK : rc;
}

/* Why the row must go: the counter that says so, or NULL. What would not be
 * done again stays, unless it is to be pruned. */
static int forget_rows_judge(struct walk *w, const struct reap_row *row,
                             uint64_t **why, struct reap_err *err)
{
    struct reap_record rec;
    struct reap_image image;
    bool failed = w->o->retry_failed && row->status != REAP_STATUS_ok;
    int rc;

    *why = NULL;
    if (!failed && !w->o->changed && !w->o->prune)
        return REAP_OK;
    rc = lookup(w->cursor, row->key, &rec, err);
    if (rc == REAP_ENOTFOUND) {
        if (w->o->prune)
            *why = &w->out->pruned;
        return REAP_OK;
    }
    if (rc || (w->end.len && reap_bytes_compare(row->key, w->end) > 0))
        return rc;
    if (failed)
        *why = &w->out->failed;
    else if (w->o->changed && !(row->flags & REAP_FLAG_quarantined) &&
             crc_of(w->ds, w->cursor, &rec, &image) != row->crc)
        *why = &w->out->changed;
    return REAP_OK;
}

/* Look at rows from the last one on until a chunk is full. */
static int forget_rows_gather(struct walk *w, bool *more, struct reap_err *err)
{
    struct reap_bytes from = { w->last, w->last_len };
    struct reap_stored row;
    struct chunk *c = w->chunk;
    int rc = reap_rows_open(&w->rows, w->store, err);

    c->n = 0;
    if (!rc)
        rc = reap_rows_seek(w->rows, from, &row, err);
    if (!rc && w->last_len && !reap_bytes_compare(row.row.key, from))
        rc = reap_rows_next(w->rows, &row, err);
    while (!rc && c->n < CHUNK) {
        uint64_t *why;

        w->last_len = row.row.key.len;
        memcpy(w->last, row.row.key.data, w->last_len);
        rc = forget_rows_judge(w, &row.row, &why, err);
        if (!rc && why) {
            memcpy(c->bytes[c->n], w->last, w->last_len);
            c->key[c->n] = (struct reap_bytes){ c->bytes[c->n], w->last_len };
            c->n++;
            ++*why;
        }
        if (!rc)
            rc = reap_rows_next(w->rows, &row, err);
    }
    reap_rows_close(&w->rows);
    *more = rc == REAP_OK;
    return rc == REAP_ENOTFOUND ? REAP_OK : rc;
}

int reap_forget_rows(struct reap_store *store, struct reap_dataset *ds,
                     const struct reap_options *o,
                     struct reap_rows_forgotten *out, struct reap_err *err)
{
    struct walk w = { .store = store,
                      .ds = ds,
                      .o = o,
                      .end = { (const uint8_t *)"", 0 },
                      .out = out };
    bool more = true;
    int rc;

    memset(out, 0, sizeof(*out));
    if (!o->retry_failed && !o->changed && !o->prune)
        return REAP_OK;
    w.chunk = reap_calloc(1, sizeof(*w.chunk));
    if (!w.chunk)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    rc = reap_cursor_open(&w.cursor, ds, err);
    if (!rc)
        rc = find_end(&w, err);
    while (!rc && more) {
        rc = forget_rows_gather(&w, &more, err);
        if (!rc && w.chunk->n)
            rc = reap_store_forget(store, w.chunk->key, w.chunk->n, err);
    }
    reap_cursor_close(&w.cursor);
    reap_free(w.chunk);
    return rc;
}

/* A key 'part' of 'parts' of the way from a to b: the eight bytes after what
 * they share are taken as a number. */
static size_t forget_rows_between(struct reap_bytes a, struct reap_bytes b,
                                  unsigned part, unsigned parts, uint8_t *out)
{
    size_t shared = 0, n;
    uint64_t lo = 0, hi = 0, at;

    while (shared < a.len && shared < b.len && a.data[shared] == b.data[shared])
        shared++;
    for (size_t i = 0; i < 8; i++) {
        lo = lo << 8 | (shared + i < a.len ? a.data[shared + i] : 0);
        hi = hi << 8 | (shared + i < b.len ? b.data[shared + i] : 0);
    }
    at = lo + (hi - lo) / parts * part;
    n = shared + 8 < REAP_KEY_MAX ? 8 : REAP_KEY_MAX - shared;
    memcpy(out, a.data, shared);
    for (size_t i = 0; i < n; i++)
        out[shared + i] = (uint8_t)(at >> (56 - 8 * i));
    return shared + n;
}

static int check_one(struct reap_dataset *ds, struct reap_cursor *cursor,
                     const struct reap_row *row, bool changed, unsigned *gone,
                     struct reap_err *err)
{
    struct reap_record rec;
    struct reap_image image;
    int rc = lookup(cursor, row->key, &rec, err);

    *gone += rc == REAP_ENOTFOUND;
    if (rc == REAP_ENOTFOUND || row->flags & REAP_FLAG_quarantined)
        return REAP_OK; /* pruned from the dataset; or never read */
    if (!rc && !changed && crc_of(ds, cursor, &rec, &image) != row->crc)
        rc = reap_fail(err, REAP_EMISFIT,
                       "record '%.*s' has changed since the store got its row "
                       "for; --changed does such records again",
                       (int)row->key.len, (const char *)row->key.data);
    return rc;
}

/* The keys of the first and the last row, copied. */
static int ends(struct reap_rows *rows, struct reap_bytes key[2],
                uint8_t bytes[2][REAP_KEY_MAX], struct reap_err *err)
{
    struct reap_stored row;
    int rc = REAP_OK;

    for (int i = 0; i < 2 && !rc; i++) {
        rc = i ? reap_rows_last(rows, &row, err)
               : reap_rows_seek(rows, (struct reap_bytes){ bytes[0], 0 }, &row,
                                err);
        if (rc)
            break;
        memcpy(bytes[i], row.row.key.data, row.row.key.len);
        key[i] = (struct reap_bytes){ bytes[i], row.row.key.len };
    }
    return rc;
}

/* Row i of the sample: of a store with no more rows each in turn, else one of
 * those that are spread over the keys between the ends. */
static int sample_row(struct reap_rows *rows, const struct reap_bytes end[2],
                      unsigned i, bool all, struct reap_stored *row,
                      struct reap_err *err)
{
    uint8_t bytes[REAP_KEY_MAX];
    struct reap_bytes key = { bytes, 0 };

    if (all && i)
        return reap_rows_next(rows, row, err);
    key.len = forget_rows_between(end[0], end[1], i, SAMPLES, bytes);
    return reap_rows_seek(rows, key, row, err);
}

/* Has the store at most as many rows as a sample? */
static int has_few(struct reap_store *store, bool *few, struct reap_err *err)
{
    uint64_t counts[REAP_N_STATUS], n = 0;
    int rc = reap_store_counts(store, counts, err);

    for (int i = 0; i < REAP_N_STATUS && !rc; i++)
        n += counts[i];
    *few = n <= SAMPLES;
    return rc;
}

int reap_forget_rows_check(struct reap_store *store, struct reap_dataset *ds,
                           bool changed, struct reap_err *err)
{
    struct reap_cursor *cursor = NULL;
    struct reap_rows *rows = NULL;
    struct reap_bytes end[2];
    struct reap_stored row;
    uint8_t bytes[2][REAP_KEY_MAX];
    unsigned looked = 0, gone = 0;
    bool few = false;
    int rc = reap_cursor_open(&cursor, ds, err);

    if (!rc)
        rc = reap_rows_open(&rows, store, err);
    if (!rc)
        rc = ends(rows, end, bytes, err);
    if (!rc)
        rc = has_few(store, &few, err);
    for (unsigned i = 0; !rc && i < SAMPLES; i++) {
        rc = sample_row(rows, end, i, few, &row, err);
        if (!rc)
            rc = check_one(ds, cursor, &row.row, changed, &gone, err);
        looked += !rc;
    }
    reap_rows_close(&rows);
    reap_cursor_close(&cursor);
    if (rc == REAP_ENOTFOUND)
        rc = REAP_OK;
    /* The id is no proof (io/store/store_meta.c): most rows must have a record.
     */
    if (!rc && 2 * gone > looked &&
        strcmp(reap_store_meta(store, "dataset_id"), reap_dataset_id(ds)) != 0)
        rc = reap_fail(err, REAP_EMISFIT,
                       "the store was made from another dataset: %u of %u rows "
                       "checked have no record in %s; choose another -o",
                       gone, looked, reap_dataset_path(ds));
    return rc;
}
