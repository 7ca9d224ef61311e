/*
 * io/export/export.h - a store's rows as files that others read
 *
 * Rows go out in key order, one pass, memory flat. Formats are rows of
 * exporters.def. Each file appears whole or not at all; the one that was asked
 * for comes last, when its companions are there: F.keys.txt (a key a line)
 * and F.failed.tsv (key, status, reason) with the formats of numbers, and
 * F.meta.json, how the rows were computed.
 */
#ifndef REAP_IO_EXPORT_EXPORT_H
#define REAP_IO_EXPORT_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/err.h"
#include "io/file/status.h"
#include "io/store/store.h"

/* Names of classes; either function may be NULL, or return NULL. */
struct reap_export_names {
    const void *ctx;
    const char *(*wnid)(const void *ctx, size_t index);
    const char *(*name)(const void *ctx, size_t index);
};

/* The dataset's keys in order; REAP_ENOTFOUND after the last. */
struct reap_export_keys {
    void *ctx;
    int (*next)(void *ctx, struct reap_bytes *key, struct reap_err *err);
};

struct reap_export_args {
    struct reap_store *store; /* open to read */
    const char *path;         /* of the file asked for */
    const char *to;           /* a format's name; NULL: by the ending */
    bool all;                 /* numbers: failed keys too, as NaN */
    uint64_t limit;           /* the first keys only; 0: all */
    bool vectors;             /* text: the numbers as well */
    bool csv_safe;            /* CSV: quote what a spreadsheet would run */
    size_t top;               /* classes a row; 0: as many as there are */
    struct reap_export_names names;
    struct reap_export_keys keys; /* next NULL: not known */
};

struct reap_exported {
    uint64_t by_status[REAP_N_STATUS]; /* keys taken */
    uint64_t gone;                     /* rows left out: no longer a key */
    uint64_t missing;                  /* keys that have no row yet */
    bool no_vectors; /* the format leaves numbers out that there are */
};

/*
 * Write the files. Returns REAP_EINVAL (no such format, or a store of labels
 * alone asked for numbers), REAP_ECREATE, REAP_EACCESS, REAP_EIO (also a full
 * disk), REAP_EFORMAT (the store is damaged, names the block) or REAP_ENOMEM.
 */
int reap_export_run(const struct reap_export_args *a, struct reap_exported *out,
                    struct reap_err *err) REAP_MUST_CHECK;

/* Row i of exporters.def: its name, ending and about; false after the last. */
bool reap_export_format(size_t i, const char **name, const char **ending,
                        const char **about);

#endif /* REAP_IO_EXPORT_EXPORT_H */
