/*
 * io/import/import.h - image files into an LMDB dataset
 *
 * Sources are folders, archives (tar, also of WebDataset, compressed or not;
 * zip), folders of archives, lists of files and single image files. Files are
 * read by several threads and written by one, in transactions of bounded size;
 * what is written stays written, so that the same call resumes after any stop.
 * An import that was complete adds what is new and puts what changed.
 *
 *   key    the path within the source; of several sources: the source's name,
 *          '/', path. A source keeps what its keys begin with from its first
 *          import on, and a file that two sources reach is one record: of the
 *          source that was first. Over 511 bytes: the first 440, '~', 32 hex
 *          digits of its sha256, the whole path in the index
 *          (io/dataset/index.h). A reserved key (io/dataset/reserved.def) gets
 *          "./" before it.
 *   value  the file's bytes, untouched
 *   label  as a list says; in an archive: the member of the same stem that ends
 *          in .cls, or .json or .txt where asked for
 *
 * What is seen is counted once: taken (records + same), skipped by rule
 * (io/import/names.def), a double, not an image, or not taken. The latter are
 * named, in DATASET/import.log all of them.
 */
#ifndef REAP_IO_IMPORT_IMPORT_H
#define REAP_IO_IMPORT_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

/* In the dataset's folder: a line for each file that was not taken and each
 * label that was lost, "not_taken" or "label", what, why; between tabs. */
#define REAP_IMPORT_LOG "import.log"

struct reap_import_sum {
    uint64_t seen;       /* files and members looked at, lines of lists */
    uint64_t records;    /* written: new ones and changed ones */
    uint64_t changed;    /* of them, in place of other bytes */
    uint64_t same;       /* were there already */
    uint64_t skipped;    /* by rule */
    uint64_t doubles;    /* the same file again */
    uint64_t not_images; /* no image's ending */
    uint64_t not_taken;
    uint64_t conflicts;   /* of them, other files with the key of a record */
    uint64_t relabelled;  /* records that had another label before */
    uint64_t labels_lost; /* two for one file, unreadable, too long */
    uint64_t labels_idle; /* in archives, without an image */
    uint64_t elsewhere;   /* lines found from the current folder alone */
    uint64_t archives;    /* opened within folders */
    uint64_t removed;
    uint64_t bytes;  /* written */
    char first[400]; /* not taken or lost one, with the reason; "" if none */
    bool listed;     /* 'seen' is the total */
    uint64_t total;  /* records in the dataset */
};

struct reap_import_args {
    const char *const *src;
    size_t n_src;
    const char *out;        /* a directory: made, or made by an import before */
    bool all;               /* files of any ending */
    bool follow_links;      /* also those that lead out of a folder */
    bool sync;              /* remove records that their sources lost */
    const char *label_file; /* NULL or "cls", "txt", "json:KEY" */
    const char *columns;    /* of lists: "PATH,LABEL"; NULL: as they look */
    uint64_t max_archive;   /* bytes that may come of one; 0: by ratio */
    uint64_t max_bad;       /* tolerated: not taken and labels lost, */
    double max_bad_share;   /* or this share of what is seen */
    size_t threads;         /* that read; 0: as many as cores, at least 4 */
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
 * REAP_ENOTFOUND (no source is there, or nothing to import in any),
 * REAP_EFORMAT (no source is of a known kind; or something was not taken or a
 * label lost: the rest is imported), REAP_ECREATE ('out' is something else or
 * another import writes it), REAP_EINVAL (two files have the same key: names
 * both, the rest is imported; or the arguments are wrong), REAP_EIO (disk
 * full), REAP_EACCESS, REAP_ESTOPPED, REAP_ENOMEM.
 */
int reap_import_run(const struct reap_import_args *a,
                    struct reap_import_sum *sum,
                    struct reap_err *err) REAP_MUST_CHECK;

/*
 * Remove 'n' records from the dataset at 'out' by key, as it is or as exports
 * write it, and overwrite what their bytes leave behind in its files. All of
 * them or none: REAP_ENOTFOUND names a key that is not there. Else the codes
 * of reap_import_run().
 */
int reap_import_delete(const char *out, const char *const *key, size_t n,
                       struct reap_import_sum *sum,
                       struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_IO_IMPORT_IMPORT_H */
