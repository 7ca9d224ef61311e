/* Everything that changes rows, one transaction each. */
#define _GNU_SOURCE
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/base/mem.h"
#include "io/file/le.h"
#include "io/file/limits.h"
#include "io/store/store_impl.h"

/* A block being stored. */
struct putting {
    MDB_txn *txn;
    struct reap_counts *counts;
    uint64_t id;
    uint32_t kept; /* rows that point to it */
    bool replace;
};

int reap_store_place(MDB_val v, struct reap_place *out, struct reap_err *err)
{
    const uint8_t *p = v.mv_data;

    if (v.mv_size < REAP_PLACE_SIZE ||
        v.mv_size != REAP_PLACE_SIZE + (size_t)p[19] || p[18] >= REAP_N_STATUS)
        return reap_fail(err, REAP_EFORMAT, "a row of %zu bytes is damaged",
                         v.mv_size);
    out->block = reap_le_get64(p);
    out->index = reap_le_get32(p + 8);
    out->crc = reap_le_get32(p + 12);
    out->flags = reap_le_get16(p + 16);
    out->status = p[18];
    out->label_len = p[19];
    out->label = (const char *)p + REAP_PLACE_SIZE;
    return REAP_OK;
}

static size_t put_place(uint8_t *p, uint64_t block, size_t index,
                        const struct reap_row *r)
{
    size_t label = strlen(r->label); /* at most 255: io/store/block.h */

    reap_le_put64(p, block);
    reap_le_put32(p + 8, (uint32_t)index);
    reap_le_put32(p + 12, r->crc);
    reap_le_put16(p + 16, r->flags);
    p[18] = r->status;
    p[19] = (uint8_t)label;
    memcpy(p + REAP_PLACE_SIZE, r->label, label);
    return REAP_PLACE_SIZE + label;
}

/* One row fewer points to the block: count it, and delete what nobody needs. */
static int release_block(struct reap_store *s, MDB_txn *txn, uint64_t id,
                         struct reap_counts *counts, struct reap_err *err)
{
    uint8_t name[8], left[4];
    MDB_val key = reap_store_val(name, sizeof(name)), v;
    int mrc;

    reap_store_id(name, id);
    mrc = mdb_get(txn, s->db[REAP_DB_USED], &key, &v);
    if (!mrc && v.mv_size == sizeof(left) && reap_le_get32(v.mv_data) > 1) {
        reap_le_put32(left, reap_le_get32(v.mv_data) - 1);
        v = reap_store_val(left, sizeof(left));
        mrc = mdb_put(txn, s->db[REAP_DB_USED], &key, &v, 0);
        return mrc ? reap_store_fail(s, mrc, "count a block", err) : REAP_OK;
    }
    if (!mrc)
        mrc = mdb_del(txn, s->db[REAP_DB_USED], &key, NULL);
    if (!mrc)
        mrc = mdb_del(txn, s->db[REAP_DB_BLOCKS], &key, NULL);
    if (!mrc)
        counts->blocks--;
    return mrc && mrc != MDB_NOTFOUND
               ? reap_store_fail(s, mrc, "delete a block", err)
               : REAP_OK;
}

/* Undo what a row stands for elsewhere, before it is replaced or deleted. */
static int drop_row(struct reap_store *s, MDB_txn *txn, MDB_val *key,
                    const struct reap_place *old, struct reap_counts *counts,
                    struct reap_err *err)
{
    int mrc = MDB_SUCCESS;

    counts->by_status[old->status]--;
    if (old->status != REAP_STATUS_ok)
        mrc = mdb_del(txn, s->db[REAP_DB_ERRORS], key, NULL);
    if (mrc && mrc != MDB_NOTFOUND)
        return reap_store_fail(s, mrc, "delete an error", err);
    return release_block(s, txn, old->block, counts, err);
}

static int put_error(struct reap_store *s, struct putting *p, MDB_val *key,
                     const struct reap_row *r, struct reap_err *err)
{
    uint8_t bytes[1 + REAP_REASON_MAX];
    size_t n = strlen(r->reason); /* under REAP_REASON_MAX: io/store/block.h */
    MDB_val v = reap_store_val(bytes, 1 + n);
    int mrc;

    bytes[0] = r->status;
    memcpy(bytes + 1, r->reason, n);
    mrc = mdb_put(p->txn, s->db[REAP_DB_ERRORS], key, &v, 0);
    return mrc ? reap_store_fail(s, mrc, "put an error", err) : REAP_OK;
}

static int put_row(struct reap_store *s, struct putting *p, size_t i,
                   const struct reap_row *r, struct reap_err *err)
{
    uint8_t bytes[REAP_PLACE_SIZE + 256];
    MDB_val key = reap_store_val(r->key.data, r->key.len);
    MDB_val v = reap_store_val(bytes, put_place(bytes, p->id, i, r));
    struct reap_place old;
    int rc,
        mrc = mdb_put(p->txn, s->db[REAP_DB_ROWS], &key, &v, MDB_NOOVERWRITE);

    if (mrc == MDB_KEYEXIST && !p->replace)
        return REAP_OK; /* the first one counts */
    if (mrc == MDB_KEYEXIST) {
        rc = reap_store_place(v, &old, err); /* v: what is there */
        if (!rc && old.block == p->id) {     /* twice in one block */
            p->kept--;
            p->counts->by_status[old.status]--;
        } else if (!rc) {
            rc = drop_row(s, p->txn, &key, &old, p->counts, err);
        }
        if (rc)
            return rc;
        v = reap_store_val(bytes, REAP_PLACE_SIZE + strlen(r->label));
        mrc = mdb_put(p->txn, s->db[REAP_DB_ROWS], &key, &v, 0);
    }
    if (mrc)
        return reap_store_fail(s, mrc, "put a row", err);
    p->kept++;
    p->counts->by_status[r->status]++;
    return r->status == REAP_STATUS_ok ? REAP_OK
                                       : put_error(s, p, &key, r, err);
}

/* The bytes of a block that some row needs, and how many rows do. */
static int put_bytes(struct reap_store *s, struct putting *p,
                     struct reap_bytes bytes, struct reap_err *err)
{
    uint8_t name[8], used[4];
    MDB_val key = reap_store_val(name, sizeof(name));
    MDB_val v = reap_store_val(bytes.data, bytes.len);
    int mrc;

    reap_store_id(name, p->id);
    mrc = mdb_put(p->txn, s->db[REAP_DB_BLOCKS], &key, &v, MDB_APPEND);
    reap_le_put32(used, p->kept);
    v = reap_store_val(used, sizeof(used));
    if (!mrc)
        mrc = mdb_put(p->txn, s->db[REAP_DB_USED], &key, &v, MDB_APPEND);
    if (mrc)
        return reap_store_fail(s, mrc, "put a block", err);
    p->counts->blocks++;
    return REAP_OK;
}

static void clean(char *text)
{
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && !strchr("._-", *text))
            *text = '?';
}

static int put_ledger(struct reap_store *s, struct putting *p,
                      const struct reap_block *b, struct reap_err *err)
{
    struct reap_origin o = *reap_block_origin(b);
    char text[512], when[32];
    uint8_t name[16];
    MDB_val key = reap_store_val(name, sizeof(name)), v;
    time_t now = time(NULL);
    struct tm tm;
    int mrc;

    clean(o.host);
    clean(o.level);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
    snprintf(text, sizeof(text),
             "attempt=%u\nrank=%u\nhost=%s\nlevel=%s\nseconds=%.3f\nrows=%zu\n"
             "kept=%u\nwhen=%s\n",
             o.attempt, o.rank, o.host, o.level, o.seconds, reap_block_rows(b),
             p->kept, when);
    reap_store_id(name, o.shard);
    reap_store_id(name + 8, p->id);
    v = reap_store_val(text, strlen(text));
    mrc = mdb_put(p->txn, s->db[REAP_DB_LEDGER], &key, &v, 0);
    return mrc ? reap_store_fail(s, mrc, "put a ledger line", err) : REAP_OK;
}

static int put_block(struct reap_store *s, struct putting *p,
                     struct reap_bytes bytes, struct reap_err *err)
{
    struct reap_block *b = NULL;
    int rc = reap_block_open(&b, bytes, err);

    if (rc)
        return rc;
    if (!reap_schema_equal(reap_block_schema(b), &s->schema))
        rc = reap_fail(err, REAP_EFORMAT, "a block of other columns from %s",
                       reap_block_origin(b)->host);
    p->id = p->counts->next_block++;
    p->kept = 0;
    for (size_t i = 0; i < reap_block_rows(b) && !rc; i++) {
        struct reap_row row;

        reap_block_row(b, i, &row);
        rc = put_row(s, p, i, &row, err);
    }
    if (!rc && p->kept)
        rc = put_bytes(s, p, bytes, err);
    if (!rc)
        rc = put_ledger(s, p, b, err);
    reap_block_free(&b);
    return rc;
}

struct blocks {
    const struct reap_bytes *block;
    size_t n;
    bool replace;
};

static int put_blocks(struct reap_store *s, MDB_txn *txn, void *ctx,
                      struct reap_err *err)
{
    const struct blocks *all = ctx;
    struct reap_counts counts;
    struct putting p = { .txn = txn,
                         .counts = &counts,
                         .replace = all->replace };
    int rc = reap_store_counts_get(s, txn, &counts, err);

    for (size_t i = 0; i < all->n && !rc; i++)
        rc = put_block(s, &p, all->block[i], err);
    return rc ? rc : reap_store_counts_put(s, txn, &counts, err);
}

int reap_store_put(struct reap_store *s, const struct reap_bytes *block,
                   size_t n, bool replace, struct reap_err *err)
{
    struct blocks all = { block, n, replace };

    return reap_store_write(s, put_blocks, &all, err);
}

struct keys {
    const struct reap_bytes *key;
    size_t n;
};

static int forget_keys(struct reap_store *s, MDB_txn *txn, void *ctx,
                       struct reap_err *err)
{
    const struct keys *all = ctx;
    struct reap_counts counts;
    int rc = reap_store_counts_get(s, txn, &counts, err);

    for (size_t i = 0; i < all->n && !rc; i++) {
        MDB_val key = reap_store_val(all->key[i].data, all->key[i].len), v;
        int mrc = mdb_get(txn, s->db[REAP_DB_ROWS], &key, &v);
        struct reap_place old;

        if (mrc == MDB_NOTFOUND)
            continue;
        if (mrc)
            return reap_store_fail(s, mrc, "find a row", err);
        rc = reap_store_place(v, &old, err);
        if (!rc)
            rc = drop_row(s, txn, &key, &old, &counts, err);
        mrc = rc ? 0 : mdb_del(txn, s->db[REAP_DB_ROWS], &key, NULL);
        if (mrc)
            return reap_store_fail(s, mrc, "forget a row", err);
    }
    if (!rc) /* the marker would promise rows that are gone */
        rc = reap_store_text_put(s, txn, "complete", NULL, err);
    return rc ? rc : reap_store_counts_put(s, txn, &counts, err);
}

int reap_store_forget(struct reap_store *s, const struct reap_bytes *key,
                      size_t n, struct reap_err *err)
{
    struct keys all = { key, n };

    return reap_store_write(s, forget_keys, &all, err);
}
