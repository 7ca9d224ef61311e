/* A block while rows are set into it, and the values of rows of either kind.
 * Its bytes are block_code.c's. */
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/half.h"
#include "io/file/le.h"
#include "io/file/limits.h"
#include "io/file/status.h"
#include "io/store/block_impl.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "values are copied as they lie in memory");
_Static_assert(sizeof(float) == 4, "values have 4 bytes");

enum { ROW_MAX = 1 << 28 };

size_t reap_column_count(const struct reap_column *c)
{
    size_t n = (size_t)c->h * c->w * c->c;

    return c->kind == REAP_COLUMN_TOP ? 2 * n : n;
}

size_t reap_block_width(const struct reap_column *c)
{
    return reap_column_count(c) * (c->kind == REAP_COLUMN_F16 ? 2 : 4);
}

bool reap_schema_equal(const struct reap_schema *a, const struct reap_schema *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        const struct reap_column *p = &a->column[i], *q = &b->column[i];

        if (strcmp(p->name, q->name) != 0 || p->kind != q->kind ||
            p->h != q->h || p->w != q->w || p->c != q->c)
            return false;
    }
    return true;
}

int reap_block_check(const struct reap_schema *s, struct reap_err *err)
{
    uint64_t row = 0;

    if (s->n > REAP_MAX_COLUMNS)
        return reap_fail(err, REAP_EINVAL, "%u columns, at most %d fit", s->n,
                         REAP_MAX_COLUMNS);
    for (size_t i = 0; i < s->n; i++) {
        const struct reap_column *c = &s->column[i];
        uint64_t n = (uint64_t)c->h * c->w;

        if (!memchr(c->name, '\0', sizeof(c->name)) || !c->name[0] ||
            c->kind > REAP_COLUMN_TOP)
            return reap_fail(err, REAP_EINVAL, "column %zu: no such kind", i);
        if (!n || !c->c || n > ROW_MAX || n * c->c > ROW_MAX)
            return reap_fail(err, REAP_EINVAL,
                             "column %s: %u x %u x %u values a row", c->name,
                             c->h, c->w, c->c);
        row += n * c->c * (c->kind == REAP_COLUMN_TOP ? 2 : 1);
    }
    if (row > ROW_MAX)
        return reap_fail(err, REAP_EINVAL, "%llu values a row are too many",
                         (unsigned long long)row);
    return REAP_OK;
}

int reap_block_new(struct reap_block **out, const struct reap_schema *schema,
                   size_t rows, struct reap_err *err)
{
    struct reap_block *b = NULL;
    int rc = reap_block_check(schema, err);

    *out = NULL;
    if (rc)
        return rc;
    if (rows > ROW_MAX)
        return reap_fail(err, REAP_EINVAL, "a block of %zu rows", rows);
    b = reap_calloc(1, sizeof(*b));
    if (b)
        b->built = reap_calloc(rows ? rows : 1, sizeof(*b->built));
    if (!b || !b->built) {
        reap_block_free(&b);
        return reap_fail(err, REAP_ENOMEM, "no memory for %zu rows", rows);
    }
    b->schema = *schema;
    b->n_rows = rows;
    *out = b;
    return REAP_OK;
}

/* Copy the values of a row as they are stored; returns what follows. */
static uint8_t *copy_values(const struct reap_schema *s, uint8_t *to,
                            const void *const *values)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct reap_column *c = &s->column[i];
        const float *from = values[i];

        if (c->kind == REAP_COLUMN_F16)
            for (size_t k = 0; k < reap_column_count(c); k++)
                reap_le_put16(to + 2 * k, reap_half_from_float(from[k]));
        else
            memcpy(to, from, reap_block_width(c));
        to += reap_block_width(c);
    }
    return to;
}

static size_t block_cut(const char *text, size_t max)
{
    return text ? strnlen(text, max) : 0;
}

static size_t row_width(const struct reap_schema *s)
{
    size_t width = 0;

    for (size_t i = 0; i < s->n; i++)
        width += reap_block_width(&s->column[i]);
    return width;
}

int reap_block_set(struct reap_block *b, size_t i, const struct reap_row *row,
                   const void *const *values, struct reap_err *err)
{
    size_t label = block_cut(row->label, REAP_LABEL_MAX);
    size_t reason = block_cut(row->reason, REAP_REASON_MAX - 1);
    bool ok = row->status == REAP_STATUS_ok;
    struct reap_block_built *to;
    uint8_t *p;

    if (i >= b->n_rows || !b->built || b->built[i].memory)
        return reap_fail(err, REAP_EBUG, "row %zu of a block is set twice", i);
    if (row->status >= REAP_N_STATUS || (ok && b->schema.n && !values))
        return reap_fail(err, REAP_EBUG, "row %zu has no values", i);
    if (!row->key.len || row->key.len > REAP_KEY_MAX)
        return reap_fail(err, REAP_EINVAL, "a key of %zu bytes; 1 to %d fit",
                         row->key.len, REAP_KEY_MAX);
    to = &b->built[i];
    p = reap_calloc(1, (ok ? row_width(&b->schema) : 0) + row->key.len + label +
                           reason + 2);
    if (!p)
        return reap_fail(err, REAP_ENOMEM, "no memory for a row");
    to->memory = p;
    to->row = *row;
    if (ok)
        p = copy_values(&b->schema, p, values);
    to->row.key.data = memcpy(p, row->key.data, row->key.len);
    p += row->key.len;
    /* calloc() has put the NULs. */
    to->row.label = (char *)p;
    if (label)
        memcpy(p, row->label, label);
    p += label + 1;
    to->row.reason = (char *)p;
    if (reason)
        memcpy(p, row->reason, reason);
    return REAP_OK;
}

size_t reap_block_rows(const struct reap_block *b)
{
    return b->n_rows;
}

const struct reap_schema *reap_block_schema(const struct reap_block *b)
{
    return &b->schema;
}

const struct reap_origin *reap_block_origin(const struct reap_block *b)
{
    return &b->origin;
}

void reap_block_row(const struct reap_block *b, size_t i, struct reap_row *row)
{
    const uint8_t *p, *s;

    if (b->built) {
        *row = b->built[i].row;
        return;
    }
    p = b->rows + i * REAP_BLOCK_ROW;
    s = b->strings + reap_le_get32(p + 4);
    row->key.data = s;
    row->key.len = reap_le_get16(p + 14);
    row->label = (const char *)s + row->key.len;
    row->reason = row->label + reap_le_get16(p + 16) + 1;
    row->crc = reap_le_get32(p + 8);
    row->flags = reap_le_get16(p + 12);
    row->status = p[20];
}

const uint8_t *reap_block_stored(const struct reap_block *b, size_t i,
                                 size_t col)
{
    const uint8_t *p;
    size_t slot;

    if (b->built) {
        p = b->built[i].memory;
        if (!p || b->built[i].row.status != REAP_STATUS_ok)
            return NULL;
        for (size_t k = 0; k < col; k++)
            p += reap_block_width(&b->schema.column[k]);
        return p;
    }
    slot = reap_le_get32(b->rows + i * REAP_BLOCK_ROW);
    if (slot == REAP_BLOCK_NO_SLOT)
        return NULL;
    return b->column[col] + slot * reap_block_width(&b->schema.column[col]);
}

bool reap_block_values(const struct reap_block *b, size_t i, size_t col,
                       void *out)
{
    const struct reap_column *c = &b->schema.column[col];
    const uint8_t *from = reap_block_stored(b, i, col);
    float *to = out;

    if (!from)
        return false;
    if (c->kind != REAP_COLUMN_F16)
        memcpy(out, from, reap_block_width(c));
    else
        for (size_t k = 0; k < reap_column_count(c); k++)
            to[k] = reap_half_to_float(reap_le_get16(from + 2 * k));
    return true;
}

void reap_block_free(struct reap_block **b)
{
    if (!*b)
        return;
    for (size_t i = 0; (*b)->built && i < (*b)->n_rows; i++)
        reap_free((*b)->built[i].memory);
    reap_free((*b)->built);
    reap_free(*b);
    *b = NULL;
}
