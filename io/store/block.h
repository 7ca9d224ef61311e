/*
 * io/store/block.h - the rows of one shard, in memory and as bytes
 *
 * A block is built by the rank that computed it, row by row in key order, sent
 * as bytes (the same on the wire and in the store, little-endian, checksummed)
 * and opened by whoever stores or reads it. Rows whose status is not ok have
 * no values; the values of the others lie column by column.
 *
 *   columns  F32 (h, w, c), stored as f32 or f16; TOP (k) of index and prob
 */
#ifndef REAP_IO_STORE_BLOCK_H
#define REAP_IO_STORE_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/bytes.h"
#include "engine/base/err.h"

enum { REAP_MAX_COLUMNS = 16 };

enum reap_column_kind {
    REAP_COLUMN_F32 = 0,
    REAP_COLUMN_F16 = 1, /* f32 in memory, rounded to nearest even */
    REAP_COLUMN_TOP = 2  /* c pairs of int32 index, f32 probability */
};

struct reap_column {
    char name[48];
    uint32_t kind;
    uint32_t h, w, c; /* c is k for TOP */
};

struct reap_schema {
    uint32_t n;
    struct reap_column column[REAP_MAX_COLUMNS];
};

/* Values of a column of one row, in floats (TOP: 2 per pair). */
size_t reap_column_count(const struct reap_column *c);

/* Have both the same columns, by name, kind and size, in the same order? */
bool reap_schema_equal(const struct reap_schema *a,
                       const struct reap_schema *b);

struct reap_row {
    struct reap_bytes key; /* <= 511 bytes */
    uint8_t status;        /* enum reap_status */
    uint16_t flags;        /* enum reap_flag */
    uint32_t crc;          /* CRC-32C of the record's value */
    const char *label;     /* true label as text, "" if none */
    const char *reason;    /* for a status that is not ok, else "" */
};

/* Where a block comes from; travels with it, ends in the store's ledger. */
struct reap_origin {
    uint64_t shard;
    uint32_t attempt;
    uint32_t rank;
    char host[64], level[16];
    double seconds; /* from lease to done */
};

struct reap_block;

/* An empty block for 'rows' rows. The schema is copied. Returns REAP_OK,
 * REAP_EINVAL (columns or rows that no block can have) or REAP_ENOMEM. */
int reap_block_new(struct reap_block **out, const struct reap_schema *schema,
                   size_t rows, struct reap_err *err) REAP_MUST_CHECK;

/*
 * Set row i, i < rows; rows may come in any order, each once. The strings are
 * copied. For an ok row 'values' holds one pointer per column, each to
 * reap_column_count() 4-byte values, which are copied; NULL otherwise.
 * Different rows may be set by different threads at the same time. Returns
 * REAP_OK, REAP_EINVAL (the key is empty or too long), REAP_ENOMEM, or
 * REAP_EBUG for a row that is set twice or an ok row without values.
 */
int reap_block_set(struct reap_block *b, size_t i, const struct reap_row *row,
                   const void *const *values,
                   struct reap_err *err) REAP_MUST_CHECK;

/* Encode a block whose rows are all set. '*out' is owned: reap_free(). Returns
 * REAP_OK, REAP_EINVAL (more bytes than a message carries), REAP_ENOMEM, or
 * REAP_EBUG if a row is not set. */
int reap_block_encode(const struct reap_block *b,
                      const struct reap_origin *origin, uint8_t **out,
                      size_t *len, struct reap_err *err) REAP_MUST_CHECK;

/*
 * Open encoded bytes, which stay borrowed until the block is freed. Checks the
 * lengths and the checksum: REAP_EFORMAT names what is wrong. Nothing in
 * 'bytes' is trusted. Also REAP_ENOMEM.
 */
int reap_block_open(struct reap_block **out, struct reap_bytes bytes,
                    struct reap_err *err) REAP_MUST_CHECK;

/* How many rows; their columns; where it comes from (of an opened block). The
 * pointers are lent by the block. */
size_t reap_block_rows(const struct reap_block *b);
const struct reap_schema *reap_block_schema(const struct reap_block *b);
const struct reap_origin *reap_block_origin(const struct reap_block *b);

/* Row i; strings are lent by the block. */
void reap_block_row(const struct reap_block *b, size_t i, struct reap_row *row);

/* Values of column 'col' of row i as f32 (or TOP pairs) in 'out', which holds
 * reap_column_count() 4-byte values. False if the row is not ok. */
bool reap_block_values(const struct reap_block *b, size_t i, size_t col,
                       void *out);

/* Those values as they are stored, little-endian f32, f16 or pairs, in an
 * opened block: borrowed with its bytes. NULL if the row is not ok. */
const uint8_t *reap_block_stored(const struct reap_block *b, size_t i,
                                 size_t col);

/* Free '*b', which becomes NULL; NULL does nothing. */
void reap_block_free(struct reap_block **b);

#endif /* REAP_IO_STORE_BLOCK_H */
