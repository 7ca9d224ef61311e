/*
 * io/codec/tiff_dir.h - the entries of a TIFF's directory
 *
 * TIFF and BigTIFF, in EXIF blocks as well as in files. Of two entries for one
 * tag the first counts, entries of unknown types are none, and what lies
 * outside the bytes ends the directory: so Pillow has it. Never reads past the
 * bytes.
 */
#ifndef REAP_IO_CODEC_TIFF_DIR_H
#define REAP_IO_CODEC_TIFF_DIR_H

#include <stdbool.h>

#include "engine/base/bytes.h"

struct reap_tiff {
    struct reap_bytes b;
    bool big, large; /* byte order; BigTIFF */
    uint64_t first;  /* where its directory is */
};

struct reap_tiff_entry {
    unsigned type; /* 3: short, 4: long, ... */
    uint64_t count;
    const uint8_t *value; /* 'count' of them */
};

/* Look at a file's first bytes; false if they are not those of a TIFF. */
bool reap_tiff_begin(struct reap_tiff *t, struct reap_bytes b);

/* Find a tag in the first directory; false if it is not there. */
bool reap_tiff_find(const struct reap_tiff *t, unsigned tag,
                    struct reap_tiff_entry *out);

/* Is a value of this type a whole number? */
bool reap_tiff_is_whole(unsigned type);

/* Value 'i' of an entry of whole numbers; negative ones are huge. */
uint64_t reap_tiff_value(const struct reap_tiff *t,
                         const struct reap_tiff_entry *e, uint64_t i);

/* 'n' bytes as a number. */
uint64_t reap_tiff_number(const struct reap_tiff *t, const uint8_t *p,
                          size_t n);

#endif /* REAP_IO_CODEC_TIFF_DIR_H */
