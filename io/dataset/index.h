/*
 * io/dataset/index.h - what import knows of a dataset's records
 *
 * DATASET/index.mdb, next to data.mdb, which other programs read without
 * knowing of it: the dataset's UUID and, for each key, size and CRC-32C of the
 * value as they were imported, its label, where it came from. One process
 * writes (import); many read. Not every key needs an entry.
 *
 * All in the default database. A key that begins with a zero byte, which no
 * path does, is not a record's: zero "uuid" -> text; zero "run" -> how often
 * import has run (32); zero "source" and a number (32, big-endian) -> path of a
 * SRC. Records: key -> size (64), mtime in ns (64), crc (32), source (32), run
 * (32), length of the label (16), label, the full path if it is not the key;
 * numbers little-endian.
 */
#ifndef REAP_IO_DATASET_INDEX_H
#define REAP_IO_DATASET_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/bytes.h"
#include "engine/base/err.h"

#define REAP_INDEX_FILE "index.mdb"

struct reap_index_entry {
    uint64_t size;
    int64_t mtime; /* of the file, or of the tar that held it; ns */
    uint32_t crc, source, run;
    bool said, twice;              /* the run said a label; and another one */
    struct reap_bytes label, path; /* lent; path: empty if it is the key */
};

/* What precedes label and path in an entry, and an entry's largest size. */
enum { REAP_INDEX_HEAD = 30, REAP_INDEX_MAX = REAP_INDEX_HEAD + 255 + 4096 };

/* Encode into 'to' (REAP_INDEX_MAX bytes); label and path are cut to 255 and
 * 4096 bytes. Returns the length. */
size_t reap_index_encode(uint8_t *to, const struct reap_index_entry *e);

/* False if the bytes are no entry. Lends label and path of 'from'. */
bool reap_index_decode(struct reap_bytes from, struct reap_index_entry *out);

#endif /* REAP_IO_DATASET_INDEX_H */
