/* Blocks to bytes and back; block_impl.h shows their layout. */
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/crc.h"
#include "io/file/le.h"
#include "io/file/limits.h"
#include "io/file/status.h"
#include "io/store/block_impl.h"

enum {
    VERSION = 1,
    /* LMDB wants values under 2 GiB, and one message has to carry it. */
    BLOCK_MAX = 1 << 30
};
static const uint8_t magic[4] = { 'R', 'B', 'L', 'K' };

/* The numbers that decide where everything lies. */
struct sizes {
    uint64_t rows, ok, strings;
};

static uint64_t padded(uint64_t n)
{
    return (n + 7) / 8 * 8;
}

static uint64_t values_at(const struct reap_schema *s, const struct sizes *z)
{
    return REAP_BLOCK_HEADER + s->n * (uint64_t)REAP_BLOCK_COLUMN +
           padded(z->rows * REAP_BLOCK_ROW + z->strings);
}

/* No overflow: a row has at most 2^28 values, and counts have 32 bits. */
static uint64_t total(const struct reap_schema *s, const struct sizes *z)
{
    uint64_t n = values_at(s, z);

    for (size_t i = 0; i < s->n; i++)
        n += padded(z->ok * reap_block_width(&s->column[i]));
    return n + REAP_BLOCK_END;
}

static void put_text(uint8_t *to, const char *text, size_t size)
{
    memcpy(to, text, strnlen(text, size - 1));
}

static void put_header(uint8_t *p, const struct reap_block *b,
                       const struct sizes *z, uint64_t len,
                       const struct reap_origin *o)
{
    uint64_t seconds;

    memcpy(&seconds, &o->seconds, sizeof(seconds));
    memcpy(p, magic, sizeof(magic));
    reap_le_put16(p + 4, VERSION);
    reap_le_put16(p + 6, (uint16_t)b->schema.n);
    reap_le_put64(p + 8, len);
    reap_le_put32(p + 16, (uint32_t)z->rows);
    reap_le_put32(p + 20, (uint32_t)z->ok);
    reap_le_put32(p + 24, (uint32_t)z->strings);
    reap_le_put64(p + 32, o->shard);
    reap_le_put32(p + 40, o->attempt);
    reap_le_put32(p + 44, o->rank);
    reap_le_put64(p + 48, seconds);
    put_text(p + 56, o->host, sizeof(o->host));
    put_text(p + 120, o->level, sizeof(o->level));
}

static void put_columns(uint8_t *p, const struct reap_schema *s)
{
    for (size_t i = 0; i < s->n; i++, p += REAP_BLOCK_COLUMN) {
        const struct reap_column *c = &s->column[i];

        put_text(p, c->name, sizeof(c->name));
        reap_le_put32(p + 48, c->kind);
        reap_le_put32(p + 52, c->h);
        reap_le_put32(p + 56, c->w);
        reap_le_put32(p + 60, c->c);
    }
}

static void put_rows(uint8_t *p, const struct reap_block *b)
{
    uint8_t *strings = p + b->n_rows * REAP_BLOCK_ROW;
    size_t at = 0, slot = 0;

    for (size_t i = 0; i < b->n_rows; i++, p += REAP_BLOCK_ROW) {
        const struct reap_row *r = &b->built[i].row;
        size_t label = strlen(r->label), reason = strlen(r->reason);
        bool ok = r->status == REAP_STATUS_ok;

        reap_le_put32(p, ok ? (uint32_t)slot++ : REAP_BLOCK_NO_SLOT);
        reap_le_put32(p + 4, (uint32_t)at);
        reap_le_put32(p + 8, r->crc);
        reap_le_put16(p + 12, r->flags);
        reap_le_put16(p + 14, (uint16_t)r->key.len);
        reap_le_put16(p + 16, (uint16_t)label);
        reap_le_put16(p + 18, (uint16_t)reason);
        p[20] = r->status;
        memcpy(strings + at, r->key.data, r->key.len);
        at += r->key.len;
        memcpy(strings + at, r->label, label + 1);
        at += label + 1;
        memcpy(strings + at, r->reason, reason + 1);
        at += reason + 1;
    }
}

static void put_values(uint8_t *p, const struct reap_block *b,
                       const struct sizes *z)
{
    size_t at = 0; /* of the column in a row's memory */

    for (size_t k = 0; k < b->schema.n; k++) {
        size_t width = reap_block_width(&b->schema.column[k]), slot = 0;

        for (size_t i = 0; i < b->n_rows; i++)
            if (b->built[i].row.status == REAP_STATUS_ok)
                memcpy(p + slot++ * width, b->built[i].memory + at, width);
        p += padded(z->ok * width);
        at += width;
    }
}

int reap_block_encode(const struct reap_block *b,
                      const struct reap_origin *origin, uint8_t **out,
                      size_t *len, struct reap_err *err)
{
    struct sizes z = { .rows = b->n_rows };
    uint64_t n;
    uint8_t *p;

    *out = NULL;
    if (!b->built)
        return reap_fail(err, REAP_EBUG, "an opened block is encoded");
    for (size_t i = 0; i < b->n_rows; i++) {
        const struct reap_row *r = &b->built[i].row;

        if (!b->built[i].memory)
            return reap_fail(err, REAP_EBUG, "row %zu was never set", i);
        z.ok += r->status == REAP_STATUS_ok;
        z.strings += r->key.len + strlen(r->label) + strlen(r->reason) + 2;
    }
    n = total(&b->schema, &z);
    if (n > BLOCK_MAX)
        return reap_fail(err, REAP_EINVAL,
                         "%zu rows make a block of %llu bytes, at most %d "
                         "fit: use shorter shards",
                         b->n_rows, (unsigned long long)n, BLOCK_MAX);
    p = reap_calloc(1, n);
    if (!p)
        return reap_fail(err, REAP_ENOMEM, "no memory for a block");
    put_header(p, b, &z, n, origin);
    put_columns(p + REAP_BLOCK_HEADER, &b->schema);
    put_rows(p + REAP_BLOCK_HEADER + b->schema.n * REAP_BLOCK_COLUMN, b);
    put_values(p + values_at(&b->schema, &z), b, &z);
    reap_le_put32(p + n - 4, reap_crc_32c(p, n - 4));
    *out = p;
    *len = n;
    return REAP_OK;
}

static void block_code_get_text(char *to, const uint8_t *from, size_t size)
{
    memcpy(to, from, size);
    to[size - 1] = '\0';
}

static void get_origin(struct reap_origin *o, const uint8_t *p)
{
    uint64_t seconds = reap_le_get64(p + 48);

    o->shard = reap_le_get64(p + 32);
    o->attempt = reap_le_get32(p + 40);
    o->rank = reap_le_get32(p + 44);
    memcpy(&o->seconds, &seconds, sizeof(seconds));
    block_code_get_text(o->host, p + 56, sizeof(o->host));
    block_code_get_text(o->level, p + 120, sizeof(o->level));
}

static void get_columns(struct reap_schema *s, const uint8_t *p)
{
    for (size_t i = 0; i < s->n; i++, p += REAP_BLOCK_COLUMN) {
        struct reap_column *c = &s->column[i];

        block_code_get_text(c->name, p, sizeof(c->name));
        c->kind = reap_le_get32(p + 48);
        c->h = reap_le_get32(p + 52);
        c->w = reap_le_get32(p + 56);
        c->c = reap_le_get32(p + 60);
    }
}

/* Each row's strings follow those of the row before it, and end in NULs. */
static int check_rows(const struct reap_block *b, const struct sizes *z,
                      struct reap_err *err)
{
    const uint8_t *p = b->rows;
    uint64_t at = 0, slot = 0;

    for (size_t i = 0; i < b->n_rows; i++, p += REAP_BLOCK_ROW) {
        size_t key = reap_le_get16(p + 14), label = reap_le_get16(p + 16);
        size_t reason = reap_le_get16(p + 18);
        bool ok = p[20] == REAP_STATUS_ok;
        uint32_t want = ok ? (uint32_t)slot++ : REAP_BLOCK_NO_SLOT;

        if (reap_le_get32(p) != want || reap_le_get32(p + 4) != at ||
            p[20] >= REAP_N_STATUS || !key || key > REAP_KEY_MAX ||
            label > REAP_LABEL_MAX || reason >= REAP_REASON_MAX ||
            at + key + label + reason + 2 > z->strings)
            return reap_fail(err, REAP_EFORMAT, "block: row %zu is damaged", i);
        at += key + label + reason + 2;
        if (b->strings[at - 1] || b->strings[at - reason - 2])
            return reap_fail(err, REAP_EFORMAT,
                             "block: texts of row %zu do not end", i);
    }
    if (at != z->strings || slot != z->ok)
        return reap_fail(err, REAP_EFORMAT, "block: its counts are damaged");
    return REAP_OK;
}

static int get_block(struct reap_block *b, struct reap_bytes bytes,
                     struct reap_err *err)
{
    const uint8_t *p = bytes.data;
    struct sizes z;

    if (bytes.len < REAP_BLOCK_HEADER + REAP_BLOCK_END ||
        memcmp(p, magic, sizeof(magic)) != 0)
        return reap_fail(err, REAP_EFORMAT, "not a block of rows");
    if (reap_le_get16(p + 4) != VERSION)
        return reap_fail(err, REAP_EFORMAT, "a block of version %u",
                         reap_le_get16(p + 4));
    if (reap_le_get64(p + 8) != bytes.len)
        return reap_fail(err, REAP_EFORMAT, "a block of %llu bytes has %zu",
                         (unsigned long long)reap_le_get64(p + 8), bytes.len);
    if (reap_le_get32(p + bytes.len - 4) != reap_crc_32c(p, bytes.len - 4))
        return reap_fail(err, REAP_EFORMAT, "block: its checksum is wrong");
    b->schema.n = reap_le_get16(p + 6);
    z.rows = reap_le_get32(p + 16);
    z.ok = reap_le_get32(p + 20);
    z.strings = reap_le_get32(p + 24);
    if (b->schema.n > REAP_MAX_COLUMNS || z.ok > z.rows ||
        bytes.len < REAP_BLOCK_HEADER + b->schema.n * REAP_BLOCK_COLUMN)
        return reap_fail(err, REAP_EFORMAT, "block: its header is damaged");
    get_origin(&b->origin, p);
    get_columns(&b->schema, p + REAP_BLOCK_HEADER);
    if (reap_block_check(&b->schema, err))
        return reap_wrap(err, REAP_EFORMAT, "block");
    if (total(&b->schema, &z) != bytes.len)
        return reap_fail(err, REAP_EFORMAT, "block: its sizes do not add up");
    b->n_rows = z.rows;
    b->rows = p + REAP_BLOCK_HEADER + b->schema.n * REAP_BLOCK_COLUMN;
    b->strings = b->rows + z.rows * REAP_BLOCK_ROW;
    p += values_at(&b->schema, &z);
    for (size_t i = 0; i < b->schema.n; i++) {
        b->column[i] = p;
        p += padded(z.ok * reap_block_width(&b->schema.column[i]));
    }
    return check_rows(b, &z, err);
}

int reap_block_open(struct reap_block **out, struct reap_bytes bytes,
                    struct reap_err *err)
{
    struct reap_block *b = reap_calloc(1, sizeof(*b));
    int rc;

    *out = NULL;
    if (!b)
        return reap_fail(err, REAP_ENOMEM, "no memory for a block");
    rc = get_block(b, bytes, err);
    if (rc)
        reap_block_free(&b);
    *out = b;
    return rc;
}
