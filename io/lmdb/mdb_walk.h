/*
 * io/lmdb/mdb_walk.h - the inside of io/lmdb/mdb_check.h: a mapped data.mdb,
 * its trees
 *
 * All numbers come from the file and are bounded before they are followed.
 */
#ifndef REAP_IO_LMDB_MDB_WALK_H
#define REAP_IO_LMDB_MDB_WALK_H

#include <stdbool.h>
#include <stddef.h>

#include "io/lmdb/mdb_check.h"

enum {
    REAP_MDB_PAGE_HEAD = 16,
    REAP_MDB_DB_SIZE = 48, /* a struct MDB_db */
    REAP_MDB_DEPTH_MAX = 31,
    /* LMDB itself may leave a few last pages unwritten that nobody uses. */
    REAP_MDB_SPARE = 64
};

/* The value of a leaf's node, which lies within the file. */
struct reap_mdb_value {
    const uint8_t *key, *data;
    size_t key_len;
    uint64_t len;
    bool db; /* it is a named database's struct MDB_db */
};

struct reap_mdb_walk {
    const char *path, *advice; /* what helps where it is damaged */
    const uint8_t *map;
    uint64_t size, pages; /* of the file: bytes, whole pages that are used */
    struct reap_mdb_head head;
    uint8_t *seen;    /* a bit per page */
    bool sampled;     /* a tree was too large to be walked whole */
    uint64_t entries; /* of the tree at hand */
    /* What to think of a value of the tree at hand. */
    int (*value)(struct reap_mdb_walk *w, uint64_t page,
                 const struct reap_mdb_value *v, struct reap_err *err);
    struct reap_mdb_tree named[REAP_MDB_NAMED_MAX];
    size_t n_named;
    struct reap_mdb_names *names; /* of databases that a dataset holds */
    uint64_t plain;               /* records that are no database */
    uint64_t tail; /* bit i: page 'pages' + i is free, and may be missing */
};

/* REAP_EFORMAT: 'what' is wrong with a page. */
int reap_mdb_walk_bad(const struct reap_mdb_walk *w, uint64_t page,
                      const char *what, struct reap_err *err) REAP_MUST_CHECK;

/* Take a struct MDB_db apart; REAP_EFORMAT if no tree is like that. 'page' is
 * where it stands. */
int reap_mdb_walk_root(const struct reap_mdb_walk *w, uint64_t page,
                       const uint8_t *db, struct reap_mdb_tree *out,
                       struct reap_err *err) REAP_MUST_CHECK;

/* Walk a tree: whole if it is small or 'whole', else some paths. Each value
 * that is come to is shown to w->value. */
int reap_mdb_walk_tree(struct reap_mdb_walk *w, const struct reap_mdb_tree *t,
                       bool whole, struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_IO_LMDB_MDB_WALK_H */
