/*
 * io/lmdb/mdb_check.h - is this file what liblmdb 0.9 can read without harm?
 *
 * liblmdb trusts its files: a page number past the end, a node that leaves
 * its page or a file shorter than its pages ends the process. These checks
 * read the file with bounds of their own before liblmdb maps it. The layout is
 * that of LMDB 0.9 on 64-bit little-endian machines (mdb.c, "Page structures").
 * What is checked is a snapshot: nothing guards against a file that is changed
 * afterwards.
 */
#ifndef REAP_IO_LMDB_MDB_CHECK_H
#define REAP_IO_LMDB_MDB_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

/* A database: where its tree begins, and how large it is. */
struct reap_mdb_tree {
    uint64_t entries, branch_pages, leaf_pages, root;
    unsigned depth, flags;
};

/* What the newer of the two meta pages says. */
struct reap_mdb_head {
    uint32_t page_size;
    uint64_t last_page, map_size, txn;
    struct reap_mdb_tree free, main; /* free pages; the default database */
};

enum {
    /* Trees of up to so many pages (about a million images), and files of no
     * more pages (64 MiB), are walked whole. */
    REAP_MDB_WALK_PAGES = 16384,
    /* Of larger ones so many paths from the root to a leaf. */
    REAP_MDB_WALK_PATHS = 256
};

/*
 * Check 'path', the file data.mdb itself: both meta pages, the file's length
 * against the last page, and then the tree of the default database: page
 * kinds, depth, nodes within their pages, values within the file, no page
 * twice, as many records as the meta page counts. Values are not touched.
 * Returns REAP_OK, REAP_ENOTFOUND (no file, or nothing in it), REAP_EFORMAT
 * (also for databases within the file and for sorted duplicates), REAP_EACCESS,
 * REAP_EIO or REAP_ENOMEM. 'out' may be NULL.
 */
int reap_mdb_check(const char *path, struct reap_mdb_head *out,
                   struct reap_err *err) REAP_MUST_CHECK;

enum { REAP_MDB_NAMED_MAX = 16, REAP_MDB_NAME_MAX = 64 };

/* Named databases within a file. */
struct reap_mdb_names {
    size_t n;
    char name[REAP_MDB_NAMED_MAX][REAP_MDB_NAME_MAX + 1];
    struct reap_mdb_tree tree[REAP_MDB_NAMED_MAX];
};

/*
 * The same for a file whose records may be in the named database 'name' (NULL:
 * in the default one, beside names of others). 'names' receives what databases
 * there are. REAP_ENOTFOUND: there is no such database; REAP_EFORMAT also where
 * the default one holds nothing but names; both messages list them.
 */
int reap_mdb_check_database(const char *path, const char *name,
                            struct reap_mdb_head *out,
                            struct reap_mdb_names *names,
                            struct reap_err *err) REAP_MUST_CHECK;

/* The meta pages and the length alone, whatever the databases are. Same
 * codes. */
int reap_mdb_check_head(const char *path, struct reap_mdb_head *out,
                        struct reap_err *err) REAP_MUST_CHECK;

/*
 * The same for an environment of named databases with plain keys, such as a
 * store: the tree of each, and the list of free pages, which a writer follows.
 * Where a writer may be at work the caller holds a reader open, which keeps
 * the pages in use as they are. Same codes.
 */
int reap_mdb_check_named(const char *path, struct reap_mdb_head *out,
                         struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_IO_LMDB_MDB_CHECK_H */
