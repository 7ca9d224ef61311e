/*
 * io/dataset/dataset.h - read the records of an LMDB dataset, in key order
 *
 * A dataset is a read-only LMDB environment, keys in the order of unsigned
 * bytes. Open it once per process, after any fork(). Any number of cursors may
 * be open, each used by one thread at a time; the bytes they lend stay valid
 * until the cursor is closed. A record's value is looked into by the layout
 * (io/dataset/layout.h) that was found when the dataset was opened; pixels are
 * the work of io/image/decode.h. Reserved keys (__len__, __keys__, num-samples,
 * length) and what else datasets of others keep beside their images
 * (io/dataset/sides.def) are never records; labels among it are their images'.
 */
#ifndef REAP_IO_DATASET_DATASET_H
#define REAP_IO_DATASET_DATASET_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/bytes.h"
#include "engine/base/err.h"
#include "io/file/limits.h"

enum reap_label_from {
    REAP_LABEL_DATUM, /* as the record or the import says; default */
    REAP_LABEL_NONE,
    REAP_LABEL_PREFIX, /* the key up to its first '_' */
    REAP_LABEL_FOLDER  /* the key up to its first '/' */
};

struct reap_dataset;
struct reap_cursor;

/* A record, its bytes lent by the map. */
struct reap_record {
    struct reap_bytes key, value;
};

/* What is inside a value. */
struct reap_image {
    struct reap_bytes bytes; /* an image file, or raw samples if raw */
    bool raw;                /* height x width x channels as said below */
    size_t height, width, channels;
    bool planar, bgr;
    char label[REAP_LABEL_MAX + 1]; /* "" if none */
};

/*
 * Open the dataset at 'path', a directory (or a single LMDB file), or PATH:NAME
 * for a named database in it. Without
 * locks by itself where locks cannot be had: read-only or network file system.
 * Returns REAP_OK, REAP_ENOTFOUND (no such path), REAP_EFORMAT (not LMDB's,
 * shorter than its pages, records of two layouts: names two keys),
 * REAP_EACCESS, REAP_EIO or REAP_ENOMEM. A hostile data.mdb is refused before
 * LMDB maps it, see io/lmdb/mdb_check.h for how far that looks. A store of reap
 * is REAP_EFORMAT.
 */
int reap_dataset_open(struct reap_dataset **out, const char *path,
                      struct reap_err *err) REAP_MUST_CHECK;

/* The path alone of PATH:NAME, a named database in it, to 'buf'; other paths
 * are returned as they are. */
const char *reap_dataset_where(const char *path, char *buf, size_t size);

/* The path that it was opened by. Borrowed. */
const char *reap_dataset_path(const struct reap_dataset *ds);

/* Records: exact, and free once it is open. Where labels stand beside images,
 * opening counts them key by key. */
size_t reap_dataset_count(const struct reap_dataset *ds);

/* The layout's name, "encoded", "datum", ...; "none" for an empty dataset. */
const char *reap_dataset_layout(const struct reap_dataset *ds);

/* Identity: "uuid:..." of import's index, else "digest:..." over 64 spread
 * keys and values and the count. Borrowed. */
const char *reap_dataset_id(const struct reap_dataset *ds);

/* Open a cursor. Returns REAP_OK, REAP_ENOMEM, or REAP_EIO, also if the dataset
 * was written since it was opened: all cursors see the same records. */
int reap_cursor_open(struct reap_cursor **out, struct reap_dataset *ds,
                     struct reap_err *err) REAP_MUST_CHECK;

/* Move to the first record with a key >= 'key' (an empty key: the first) and
 * lend it. Returns REAP_OK, REAP_ENOTFOUND after the last, or REAP_EIO. */
int reap_cursor_seek(struct reap_cursor *c, struct reap_bytes key,
                     struct reap_record *out,
                     struct reap_err *err) REAP_MUST_CHECK;

/* The next record. Returns REAP_OK, REAP_ENOTFOUND after the last, REAP_EIO.
 * Touches no page of the value until the caller reads it. */
int reap_cursor_next(struct reap_cursor *c, struct reap_record *out,
                     struct reap_err *err) REAP_MUST_CHECK;

/*
 * Records spread over the keys, in order, the first and the last among them,
 * the same ones each time: at most 'n' of them to 'out', '*found' in all. Lent
 * as by seek; moves the cursor. Returns REAP_OK, REAP_EIO.
 */
int reap_cursor_sample(struct reap_cursor *c, struct reap_record *out, size_t n,
                       size_t *found, struct reap_err *err) REAP_MUST_CHECK;

/* Close '*c', which becomes NULL; NULL does nothing. */
void reap_cursor_close(struct reap_cursor **c);

/*
 * Look into a record. Also compares the value with the size and CRC-32C that
 * the import wrote, if any. Returns an enum reap_status: ok, empty, corrupt
 * (the layout does not parse), checksum or, where memory lacks, io_error; 'crc'
 * receives the value's CRC-32C in every case. 'c' is any cursor of the calling
 * thread; the image is lent until the next call with it.
 */
unsigned reap_dataset_image(struct reap_dataset *ds, struct reap_cursor *c,
                            const struct reap_record *rec,
                            enum reap_label_from from, struct reap_image *out,
                            uint32_t *crc);

/* Keys that import has an entry for; 0 if import did not make the dataset. */
size_t reap_dataset_indexed(const struct reap_dataset *ds);

/* Reserved keys that are there: row i, NULL after the last. */
const char *reap_dataset_reserved(const struct reap_dataset *ds, size_t i);

/* Is it read with LMDB's locks? */
bool reap_dataset_locked(const struct reap_dataset *ds);

/* Close '*ds', which becomes NULL; NULL does nothing. */
/* Is the dataset that is open still the one at its path? REAP_ENOTFOUND says
 * that it was removed or replaced; what was read of it stays right. */
int reap_dataset_here(const struct reap_dataset *ds,
                      struct reap_err *err) REAP_MUST_CHECK;

void reap_dataset_close(struct reap_dataset **ds);

#endif /* REAP_IO_DATASET_DATASET_H */
