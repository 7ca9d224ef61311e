/* Is a store what it should be? One pass over its blocks. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/le.h"
#include "io/file/limits.h"
#include "io/file/text.h"
#include "io/store/store_impl.h"

enum { SHOWN = 20 };

struct check {
    struct reap_store *s;
    MDB_txn *txn;
    void (*say)(void *ctx, const char *line);
    void *ctx;
    struct reap_store_checked *out;
    struct reap_counts found; /* what the blocks hold */
};

static void problem(struct check *c, const char *fmt, ...) REAP_PRINTF(2, 3);
static void problem(struct check *c, const char *fmt, ...)
{
    char line[512 + REAP_TEXT_ROOM(REAP_KEY_MAX)];
    va_list ap;

    if (c->out->problems++ >= SHOWN)
        return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    c->say(c->ctx, line);
}

static const char *key_text(MDB_val key, char *buf, size_t size)
{
    return reap_text_escape(buf, size,
                            (struct reap_bytes){ key.mv_data, key.mv_size });
}

/* True if 'rows' says that this key is at this place. */
static bool check_row(struct check *c, uint64_t id, size_t i,
                      const struct reap_row *row)
{
    MDB_val key = reap_store_val(row->key.data, row->key.len), v;
    char text[REAP_TEXT_ROOM(REAP_KEY_MAX)];
    struct reap_place p;

    if (mdb_get(c->txn, c->s->db[REAP_DB_ROWS], &key, &v) ||
        reap_store_place(v, &p, NULL) || p.block != id || p.index != i)
        return false; /* forgotten, or done again: another block has it */
    if (p.status != row->status || p.crc != row->crc || p.flags != row->flags)
        problem(c, "key %s: row and block %" PRIu64 " do not agree",
                key_text(key, text, sizeof(text)), id);
    c->found.by_status[p.status]++;
    return true;
}

static void check_block(struct check *c, uint64_t id, MDB_val v)
{
    uint8_t name[8];
    MDB_val key = reap_store_val(name, sizeof(name)), count;
    struct reap_block *b = NULL;
    struct reap_err err = { 0 };
    uint32_t used = 0;

    c->found.blocks++;
    c->out->bytes += v.mv_size;
    if (reap_block_open(&b, (struct reap_bytes){ v.mv_data, v.mv_size },
                        &err)) {
        problem(c, "block %" PRIu64 ": %s", id, err.msg);
        return;
    }
    if (!reap_schema_equal(reap_block_schema(b), &c->s->schema))
        problem(c, "block %" PRIu64 " has other columns", id);
    for (size_t i = 0; i < reap_block_rows(b); i++) {
        struct reap_row row;

        reap_block_row(b, i, &row);
        used += check_row(c, id, i, &row);
    }
    reap_block_free(&b);
    c->out->rows += used;
    reap_store_id(name, id);
    if (mdb_get(c->txn, c->s->db[REAP_DB_USED], &key, &count) ||
        count.mv_size != 4 || reap_le_get32(count.mv_data) != used)
        problem(c, "block %" PRIu64 ": its count of rows is not %u", id, used);
}

static uint64_t id_of(const uint8_t *p)
{
    uint64_t id = 0;

    for (size_t i = 0; i < 8; i++)
        id = id << 8 | p[i];
    return id;
}

static int check_blocks(struct check *c, struct reap_err *err)
{
    MDB_cursor *cursor = NULL;
    MDB_val key, v;
    int mrc = mdb_cursor_open(c->txn, c->s->db[REAP_DB_BLOCKS], &cursor);

    if (mrc)
        return reap_store_fail(c->s, mrc, "read blocks", err);
    while (!(mrc = mdb_cursor_get(cursor, &key, &v, MDB_NEXT)))
        if (key.mv_size == 8)
            check_block(c, id_of(key.mv_data), v);
        else
            problem(c, "a block with a name of %zu bytes", key.mv_size);
    mdb_cursor_close(cursor);
    c->out->blocks = c->found.blocks;
    return mrc == MDB_NOTFOUND ? REAP_OK
                               : reap_store_fail(c->s, mrc, "read blocks", err);
}

/* Name the rows that no block has; asked for when their number tells. */
static int find_lost(struct check *c, struct reap_err *err)
{
    struct reap_rows *r = NULL;
    struct reap_stored row;
    float *v = NULL;
    size_t most = 1;
    int rc = reap_rows_open(&r, c->s, err);

    for (size_t i = 0; i < c->s->schema.n; i++)
        most += reap_column_count(&c->s->schema.column[i]);
    v = reap_calloc(most, sizeof(*v));
    if (!v && !rc)
        rc = reap_fail(err, REAP_ENOMEM, "no memory for a row");
    while (!rc && !(rc = reap_rows_next(r, &row, err))) {
        struct reap_err why;
        MDB_val key = reap_store_val(row.row.key.data, row.row.key.len);
        char text[REAP_TEXT_ROOM(REAP_KEY_MAX)];

        if (reap_rows_values(r, 0, v, &why) == REAP_EFORMAT)
            problem(c, "key %s: %s", key_text(key, text, sizeof(text)),
                    why.msg);
    }
    reap_free(v);
    reap_rows_close(&r);
    return rc == REAP_ENOTFOUND ? REAP_OK : rc;
}

static int check_counts(struct check *c, struct reap_err *err)
{
    struct reap_counts told;
    MDB_stat rows, errors;
    uint64_t bad = 0;
    int mrc = mdb_stat(c->txn, c->s->db[REAP_DB_ROWS], &rows);
    int rc = REAP_OK;

    if (!mrc)
        mrc = mdb_stat(c->txn, c->s->db[REAP_DB_ERRORS], &errors);
    if (mrc)
        return reap_store_fail(c->s, mrc, "count", err);
    if (rows.ms_entries != c->out->rows) {
        problem(c, "%zu rows, but blocks hold %" PRIu64 " of them",
                rows.ms_entries, c->out->rows);
        rc = find_lost(c, err);
    }
    if (reap_store_counts_get(c->s, c->txn, &told, err)) {
        problem(c, "%s", err->msg);
        return rc;
    }
    if (told.blocks != c->found.blocks)
        problem(c, "%" PRIu64 " blocks are counted, %" PRIu64 " are there",
                told.blocks, c->found.blocks);
    for (unsigned i = 0; i < REAP_N_STATUS; i++) {
        bad += i == REAP_STATUS_ok ? 0 : told.by_status[i];
        if (told.by_status[i] != c->found.by_status[i])
            problem(c, "%" PRIu64 " rows are counted as %s, %" PRIu64 " are",
                    told.by_status[i], reap_status_name(i),
                    c->found.by_status[i]);
    }
    if (errors.ms_entries != bad)
        problem(c, "%zu reasons for %" PRIu64 " failed rows", errors.ms_entries,
                bad);
    return rc;
}

int reap_store_check(struct reap_store *s,
                     void (*say)(void *ctx, const char *line), void *ctx,
                     struct reap_store_checked *out, struct reap_err *err)
{
    struct check c = { .s = s, .say = say, .ctx = ctx, .out = out };
    struct reap_err local;
    int rc;

    memset(out, 0, sizeof(*out));
    err = err ? err : &local;
    rc = reap_store_begin(s, &c.txn, err);
    if (rc)
        return rc;
    rc = check_blocks(&c, err);
    if (!rc)
        rc = check_counts(&c, err);
    mdb_txn_abort(c.txn);
    return rc;
}
