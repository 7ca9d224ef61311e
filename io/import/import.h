/*
 * io/import/import.h - image files into an LMDB dataset
 *
 * Sources are folders, archives (tar, also of WebDataset, compressed or not;
 * zip), lists of files and single image files. Files are read by several
 * threads and written by one, in transactions of bounded size; what is written
 * stays written, so that the same call resumes after any stop. An import that
 * was complete adds what is new and puts what changed.
 *
 *   key    the path within the source; of several sources: the source's name,
 *          '/', path. Over 511 bytes: the first 440, '~', 32 hex digits of its
 *          sha256, the whole path in the index (io/dataset/index.h). A reserved
 *          key (io/dataset/reserved.def) gets "./" before it.
 *   value  the file's bytes, untouched
 *   label  in a list: what follows a tab; in an archive: the member of the same
 *          stem that ends in .cls
 */
#ifndef REAP_IO_IMPORT_IMPORT_H
#define REAP_IO_IMPORT_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

struct reap_import_sum {
    uint64_t found;   /* files and members looked at */
    uint64_t records; /* written: new ones and changed ones */
    uint64_t changed; /* of them, in place of other bytes */
    uint64_t same;    /* were there already */
    uint64_t bytes;   /* written */
    uint64_t skipped; /* no image's ending */
    uint64_t unreadable;
    char first[400]; /* unreadable one, with the reason; "" if none */
    bool listed;     /* 'found' is the total */
    uint64_t total;  /* records in the dataset */
};

struct reap_import_args {
    const char *const *src;
    size_t n_src;
    const char *out; /* a directory: made, or made by an import before */
    bool all;        /* files of any ending */
    size_t threads;  /* that read; 0: as many as cores, at least 4 */
    void *ctx;
    /* Called by the calling thread several times a second; may be NULL. False
     * stops: what was read so far is kept, and REAP_ESTOPPED returned. */
    bool (*report)(void *ctx, const struct reap_import_sum *sum);
    /* A remark about one file, such as "F: Permission denied"; any thread, one
     * at a time; may be NULL. */
    void (*remark)(void *ctx, const char *text);
};

/*
 * Import; '*sum' is filled in any case. Returns REAP_OK (all of it durable),
 * REAP_ENOTFOUND (a source is missing, or nothing to import in any),
 * REAP_EFORMAT (a source of no known kind; or sources that could not be read:
 * the rest is imported), REAP_ECREATE ('out' is something else or another
 * import writes it), REAP_EINVAL (two sources have the same key: names both),
 * REAP_EIO (disk full), REAP_EACCESS, REAP_ESTOPPED, REAP_ENOMEM.
 */
int reap_import_run(const struct reap_import_args *a,
                    struct reap_import_sum *sum,
                    struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_IO_IMPORT_IMPORT_H */
