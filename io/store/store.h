/*
 * io/store/store.h - results by key, written once however often a shard is
 * retried
 *
 * One directory with one LMDB environment (docs/design.md, section 8), sync on.
 * One process writes; calls that write must come from one thread. 'rows' is the
 * truth: what is not in it is still to do.
 */
#ifndef REAP_IO_STORE_STORE_H
#define REAP_IO_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/bytes.h"
#include "engine/base/err.h"
#include "io/store/block.h"

/*
 * What decides a row's bytes, as "name=value" lines in a fixed order; the
 * fingerprint is the sha256 of the text. The caller makes the text.
 */
struct reap_run_meta {
    const char *fingerprint_text; /* lines; hashed into the fingerprint */
    const char *dataset_id;       /* reap_dataset_id() */
    const char *dataset_path;
    const char *command; /* command line, for the reader */
    const char *job;     /* options as job-file lines */
    const char *preset;  /* the whole preset as text */
    const char *versions;
    const char *labels; /* classes, "wnid TAB name" a line each; or NULL */
    struct reap_schema schema;
};

enum reap_store_mode {
    REAP_STORE_READ, /* must exist; readers may look at any time */
    REAP_STORE_WRITE /* made if missing; exclusive: waits up to 15 s */
};

struct reap_store;

/*
 * Open or make a store. For REAP_STORE_WRITE, 'meta' is compared with what is
 * there: another fingerprint or dataset is REAP_EMISFIT, and the message says
 * what differs (io/store/fingerprint.h). Digests of datasets without a UUID
 * change with every key that is added: two of them are for the caller to tell
 * apart. Held by another live run after 15 s: REAP_ECREATE, names the holder
 * (host, pid). 'meta' may be NULL for READ. Also REAP_ENOTFOUND, REAP_EFORMAT,
 * REAP_EACCESS, REAP_EIO, REAP_ENOMEM.
 */
int reap_store_open(struct reap_store **out, const char *path,
                    enum reap_store_mode mode, const struct reap_run_meta *meta,
                    struct reap_err *err) REAP_MUST_CHECK;

/* Does the directory bear the mark of a store? Opens nothing. */
bool reap_store_is(const char *path);

/* True on a network file system: without LMDB's locks, which deserves a remark,
 * as nobody may look while a run writes. */
bool reap_store_without_locks(const struct reap_store *s);

/* Its columns. Lent until close. */
const struct reap_schema *reap_store_schema(const struct reap_store *s);

/* A text of the store's meta database by name ("made_of", "fingerprint",
 * "dataset_id", "dataset_path", "command", "job", "preset", "versions",
 * "labels", "created", "hosts", "complete"), lent until close; NULL if it is
 * not there.
 */
const char *reap_store_meta(struct reap_store *s, const char *name);

/*
 * Commit n encoded blocks with their rows, errors and ledger lines in one
 * durable transaction. A row that is there already is left as it is, unless
 * 'replace'. Returns REAP_OK, REAP_EIO (also for a full disk: the transaction
 * is undone, the store stays whole), REAP_EFORMAT (a block is damaged).
 * Grows the map by itself.
 */
int reap_store_put(struct reap_store *s, const struct reap_bytes *block,
                   size_t n, bool replace,
                   struct reap_err *err) REAP_MUST_CHECK;

/*
 * Rows in key order. In a store that is open to read, all rows are those of the
 * moment of the first call; in one that this process writes, rows that are
 * committed meanwhile appear. One thread at a time per struct reap_rows; close
 * it before the store. The calls that return int return REAP_OK, REAP_EIO,
 * REAP_EFORMAT (damaged: the message names the key or the block) or REAP_ENOMEM
 * besides what they say.
 */
struct reap_rows;
struct reap_stored {
    struct reap_row row; /* lent until the next call */
    uint64_t block;
    uint32_t index;
};
int reap_rows_open(struct reap_rows **out, struct reap_store *s,
                   struct reap_err *err) REAP_MUST_CHECK;
/* First row with a key >= 'key'; REAP_ENOTFOUND after the last. */
int reap_rows_seek(struct reap_rows *r, struct reap_bytes key,
                   struct reap_stored *out,
                   struct reap_err *err) REAP_MUST_CHECK;
/* The last row of all; reap_rows_next() then finds none. */
int reap_rows_last(struct reap_rows *r, struct reap_stored *out,
                   struct reap_err *err) REAP_MUST_CHECK;
/* The next row, the first one at first; REAP_ENOTFOUND after the last. */
int reap_rows_next(struct reap_rows *r, struct reap_stored *out,
                   struct reap_err *err) REAP_MUST_CHECK;
/* The values of column 'col' of the row last lent, as reap_block_values();
 * REAP_EBUG if the row is not ok. */
int reap_rows_values(struct reap_rows *r, size_t col, void *out,
                     struct reap_err *err) REAP_MUST_CHECK;
/* The same as they are stored (reap_block_stored()), in a store that is open to
 * read: lent until the rows are closed, and any thread may look at them. */
int reap_rows_lend(struct reap_rows *r, size_t col, const uint8_t **out,
                   struct reap_err *err) REAP_MUST_CHECK;
void reap_rows_close(struct reap_rows **r);

/* Counts of rows by status (enum reap_status), REAP_N_STATUS of them. REAP_OK,
 * REAP_EIO, REAP_EFORMAT or REAP_ENOMEM. */
int reap_store_counts(struct reap_store *s, uint64_t *by_status,
                      struct reap_err *err) REAP_MUST_CHECK;

/*
 * What follows writes to a store that is open to write: a durable transaction
 * each, with the codes of reap_store_put(); and reads it back, with those of
 * reap_store_counts().
 */

/* Leases that were open when the last run ended (deaths: how often a rank
 * died with this shard in hand). Written by the coordinator. */
struct reap_suspect {
    char key[512]; /* first key, 'key_len' bytes */
    uint32_t key_len, count, deaths;
};
/* Replace them all by these 'n'. */
int reap_store_leases_put(struct reap_store *s, const struct reap_suspect *l,
                          size_t n, struct reap_err *err) REAP_MUST_CHECK;
/* '*out' is owned: reap_free(). */
int reap_store_leases_get(struct reap_store *s, struct reap_suspect **out,
                          size_t *n, struct reap_err *err) REAP_MUST_CHECK;

/* Write the completion marker: the first 'limit' keys (0: all), 'keys' of
 * them counted, each have a row. It also tells first and last key in rows. */
int reap_store_mark_complete(struct reap_store *s, uint64_t limit,
                             uint64_t keys,
                             struct reap_err *err) REAP_MUST_CHECK;
/* What the marker says; false if there is none. */
bool reap_store_marker(struct reap_store *s, uint64_t *limit, uint64_t *keys);
/* Delete the marker; more is to come. */
int reap_store_unmark(struct reap_store *s,
                      struct reap_err *err) REAP_MUST_CHECK;

/* Remember a host that took part, once each. */
int reap_store_add_host(struct reap_store *s, const char *host,
                        struct reap_err *err) REAP_MUST_CHECK;

/* Forget the rows of these keys (retry, changed, prune), and the marker. */
int reap_store_forget(struct reap_store *s, const struct reap_bytes *key,
                      size_t n, struct reap_err *err) REAP_MUST_CHECK;

struct reap_store_checked {
    uint64_t blocks, bytes, rows, problems;
};

/*
 * Look at all of a store that is open to read: checksums of its blocks, that
 * each row is where it says, and that counts agree. 'say' gets a line for each
 * problem, the first 20 of them. Returns REAP_OK, with the number of problems
 * in 'out', or REAP_EIO or REAP_ENOMEM if it could not be done.
 */
int reap_store_check(struct reap_store *s,
                     void (*say)(void *ctx, const char *line), void *ctx,
                     struct reap_store_checked *out,
                     struct reap_err *err) REAP_MUST_CHECK;

/* Bytes of its file on disk; 0 if they cannot be told. */
uint64_t reap_store_size(const struct reap_store *s);

/* Close '*s', which becomes NULL; NULL does nothing. */
/* Is the store that is open still the one at its path? Asked after each
 * transaction; REAP_EIO says that it is not. */
int reap_store_here(const struct reap_store *s,
                    struct reap_err *err) REAP_MUST_CHECK;

void reap_store_close(struct reap_store **s);

#endif /* REAP_IO_STORE_STORE_H */
