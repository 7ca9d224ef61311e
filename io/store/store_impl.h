/*
 * io/store/store_impl.h - the inside of a store; for store*.c and their tests
 *
 * The named databases, keys and values little-endian unless said:
 *
 *   meta    name -> text; "counts" -> struct reap_counts as 64-bit numbers
 *   rows    key -> block (64), index (32), crc (32), flags (16), status (8),
 *           length of label (8), label
 *   blocks  id (64, big-endian) -> an encoded block, io/store/block.h
 *   used    id (64, big-endian) -> rows of that block still in 'rows' (32)
 *   ledger  shard, block id (64, big-endian) -> text, for people
 *   errors  key -> status (8), reason
 *   leases  number (32, big-endian) -> count, deaths (32), first key
 *
 * A block whose last row is replaced or forgotten is deleted in the same
 * transaction; LMDB reuses its pages.
 */
#ifndef REAP_IO_STORE_STORE_IMPL_H
#define REAP_IO_STORE_STORE_IMPL_H

#include <lmdb.h>
#include <pthread.h>

#include "io/file/status.h"
#include "io/store/store.h"
#include "io/store/store_lock.h"

enum reap_store_db {
    REAP_DB_META,
    REAP_DB_ROWS,
    REAP_DB_BLOCKS,
    REAP_DB_USED,
    REAP_DB_LEDGER,
    REAP_DB_ERRORS,
    REAP_DB_LEASES,
    REAP_N_DBS
};

/* Kept in step with 'rows' by each transaction. */
struct reap_counts {
    uint64_t next_block, blocks;
    uint64_t by_status[REAP_N_STATUS];
};

/* A value of 'meta' that was asked for; lent until the store is closed. */
struct reap_store_text {
    struct reap_store_text *next;
    bool old; /* has been written since */
    char *text;
    char name[32];
};

struct reap_store {
    char *path;
    bool write, alone; /* alone: without LMDB's locks */
    bool full;         /* the last failure was a full map */
    MDB_env *env;
    MDB_dbi db[REAP_N_DBS];
    struct reap_store_lock *lock;
    struct reap_schema schema;
    struct reap_store_text *texts;
    pthread_mutex_t texts_mutex;
    /* Held while this process reads in a store it writes: no reader may be
     * inside while the map moves or, without locks, while pages are freed. */
    pthread_mutex_t mutex;
};

/* A row as it lies in 'rows'. */
struct reap_place {
    uint64_t block;
    uint32_t index, crc;
    uint16_t flags;
    uint8_t status, label_len;
    const char *label; /* not terminated */
};
enum { REAP_PLACE_SIZE = 20 };

/* Our code for LMDB's or errno's 'mrc', with LMDB's words. */
int reap_store_fail(struct reap_store *s, int mrc, const char *what,
                    struct reap_err *err);

static inline MDB_val reap_store_val(const void *data, size_t len)
{
    /* LMDB only reads keys and values that are put. */
    union {
        const void *in;
        void *out;
    } p = { data };

    return (MDB_val){ len, p.out };
}

/* 64 bits as a key that sorts by value. */
void reap_store_id(uint8_t *to, uint64_t id);

/* Take a value of 'rows' apart. REAP_EFORMAT if it is damaged. */
int reap_store_place(MDB_val v, struct reap_place *out,
                     struct reap_err *err) REAP_MUST_CHECK;

/* Read-only transaction; REAP_ENOMEM, REAP_EIO. */
int reap_store_begin(struct reap_store *s, MDB_txn **txn,
                     struct reap_err *err) REAP_MUST_CHECK;

/*
 * Run 'work' in a write transaction and commit it. When the map is full the
 * transaction is undone, the map grown and 'work' run again, so it must not
 * change anything but the store.
 */
typedef int (*reap_store_work_fn)(struct reap_store *s, MDB_txn *txn, void *ctx,
                                  struct reap_err *err);
int reap_store_write(struct reap_store *s, reap_store_work_fn work, void *ctx,
                     struct reap_err *err) REAP_MUST_CHECK;

/* The counts, zero in a new store: read in a transaction, written in one. */
int reap_store_counts_get(struct reap_store *s, MDB_txn *txn,
                          struct reap_counts *out,
                          struct reap_err *err) REAP_MUST_CHECK;
int reap_store_counts_put(struct reap_store *s, MDB_txn *txn,
                          const struct reap_counts *c,
                          struct reap_err *err) REAP_MUST_CHECK;

/* A text of 'meta': put, or delete with a NULL 'text'. */
int reap_store_text_put(struct reap_store *s, MDB_txn *txn, const char *name,
                        const char *text, struct reap_err *err) REAP_MUST_CHECK;

/* Write 'meta' into a new store, or compare it with what is there. */
int reap_store_meta_init(struct reap_store *s, MDB_txn *txn,
                         const struct reap_run_meta *meta,
                         struct reap_err *err) REAP_MUST_CHECK;

/* Read format and columns. REAP_EFORMAT if this is no store. */
int reap_store_meta_load(struct reap_store *s, MDB_txn *txn,
                         struct reap_err *err) REAP_MUST_CHECK;
/* Free the texts and columns that were read. */
void reap_store_meta_free(struct reap_store *s);

#endif /* REAP_IO_STORE_STORE_IMPL_H */
