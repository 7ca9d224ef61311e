/*
 * io/store/block_impl.h - how a block lies in memory; for block.c and
 * block_code.c
 *
 *   header    HEADER bytes: magic, version, sizes, origin
 *   columns   COLUMN bytes each: name, kind, h, w, c
 *   rows      ROW bytes each
 *   strings   per row: key, label and NUL, reason and NUL; padded to 8
 *   values    per column: those of the ok rows in order; padded to 8
 *   end       4 zero bytes, CRC-32C of all before it
 *
 * Lengths are a multiple of 8, numbers little-endian.
 */
#ifndef REAP_IO_STORE_BLOCK_IMPL_H
#define REAP_IO_STORE_BLOCK_IMPL_H

#include "io/store/block.h"

enum {
    REAP_BLOCK_HEADER = 136,
    REAP_BLOCK_COLUMN = 64,
    REAP_BLOCK_ROW = 24,
    REAP_BLOCK_END = 8,
    REAP_BLOCK_NO_SLOT = 0x7fffffff /* in rows without values */
};

/* A row while the block is being built: values as stored, then strings. */
struct reap_block_built {
    uint8_t *memory; /* owned; NULL until the row is set */
    struct reap_row row;
};

struct reap_block {
    struct reap_schema schema;
    struct reap_origin origin;
    size_t n_rows;
    struct reap_block_built *built; /* n_rows; NULL in an opened block */
    /* of an opened block, borrowed: */
    const uint8_t *rows, *strings, *column[REAP_MAX_COLUMNS];
};

/* Bytes of one row in a column, as stored. */
size_t reap_block_width(const struct reap_column *c);

/* Refuse columns that no block can have; REAP_EINVAL names the column. */
int reap_block_check(const struct reap_schema *s,
                     struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_IO_STORE_BLOCK_IMPL_H */
