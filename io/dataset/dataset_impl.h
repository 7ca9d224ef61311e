/* io/dataset/dataset_impl.h - the inside of a dataset; for dataset*.c and
 * import */
#ifndef REAP_IO_DATASET_DATASET_IMPL_H
#define REAP_IO_DATASET_DATASET_IMPL_H

#include <lmdb.h>

#include "io/dataset/dataset.h"
#include "io/dataset/index.h"
#include "io/dataset/layout.h"
#include "io/lmdb/mdb_check.h"
#include "io/file/limits.h"

enum { REAP_N_RESERVED_MAX = 40 };

struct reap_side; /* a row of sides.def */

struct reap_dataset {
    char *path, *where; /* as it was given; without a database's name */
    const char *name;   /* of the database; NULL: the default one */
    struct reap_mdb_names names;
    const struct reap_side *side; /* how labels stand beside images */
    MDB_env *env, *index;         /* index NULL if import did not make it */
    MDB_dbi dbi, index_dbi, label_dbi;
    bool label_database; /* labels stand in a database of their own */
    bool locked;
    const struct reap_layout *layout; /* NULL if nothing is in it */
    size_t count, indexed;
    size_t moment, index_moment; /* LMDB's transactions that are seen */
    const char *reserved[REAP_N_RESERVED_MAX + 1];
    char id[80];
};

struct reap_cursor {
    struct reap_dataset *ds;
    MDB_txn *txn, *index_txn;
    MDB_cursor *cursor;
    struct reap_layout_scratch scratch;
    uint8_t last[REAP_KEY_MAX]; /* the key it stands on */
    size_t last_len;
};

/* Is it one of reserved.def? */
bool reap_dataset_is_reserved(struct reap_bytes key);

/* LMDB's failure as ours, with its words. */
int reap_dataset_fail(const char *path, int mrc, const char *what,
                      struct reap_err *err);

/*
 * Check and open an environment read-only: 'file' is data.mdb itself, 'path'
 * what LMDB is given, 'name' the database in it (NULL: the default one).
 * 'names' receives the databases that there are; NULL: there may be none.
 * '*locked' says whether with locks.
 */
int reap_dataset_env(MDB_env **out, MDB_dbi *dbi, const char *path,
                     const char *file, const char *name,
                     struct reap_mdb_names *names, bool *locked,
                     struct reap_err *err) REAP_MUST_CHECK;

/*
 * Side records: what datasets of others keep beside their images, such as
 * label-000000001 beside image-000000001. Find out whether there are any, and
 * count records. Codes of reap_cursor_sample().
 */
int reap_dataset_sides(struct reap_dataset *ds, struct reap_cursor *c,
                       struct reap_err *err) REAP_MUST_CHECK;
/* Is it no record: reserved, a label, a note, the name of a database? */
bool reap_dataset_is_side(const struct reap_dataset *ds,
                          const struct reap_record *rec);
/* Open the database of labels beside the one that was chosen, if any. */
int reap_dataset_label_database(struct reap_dataset *ds,
                                struct reap_err *err) REAP_MUST_CHECK;
/* The label that stands beside a record, to 'to' (REAP_LABEL_MAX + 1 bytes);
 * "" if there is none. */
void reap_dataset_side_label(const struct reap_cursor *c, struct reap_bytes key,
                             char *to);

/* A read transaction; stale readers are cleared away if there are too many.
 * Codes of reap_dataset_fail(). */
int reap_dataset_begin(const char *path, MDB_env *env, MDB_txn **out,
                       struct reap_err *err) REAP_MUST_CHECK;

/*
 * Make room in LMDB's lock file beforehand: it is written through a map, and on
 * a full disk a hole in it would end the process. False if there can be no
 * lock file.
 */
bool reap_dataset_lock_file(const char *file, bool single);

/* An entry of the index by key; false if it has none. */
bool reap_dataset_entry(const struct reap_cursor *c, struct reap_bytes key,
                        struct reap_index_entry *out);

#endif /* REAP_IO_DATASET_DATASET_IMPL_H */
