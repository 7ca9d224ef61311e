/*
 * jobs/setup/store_view.h - a store as info, show, verify and export look at it
 *
 * Open to read, with the names of its classes and, where it can be read, the
 * dataset it was made from. One thread at a time.
 */
#ifndef REAP_JOBS_SETUP_STORE_VIEW_H
#define REAP_JOBS_SETUP_STORE_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "io/dataset/dataset.h"
#include "io/file/status.h"
#include "io/labels/labels.h"
#include "io/store/store.h"
#include "jobs/cli/options.h"

struct reap_store_view {
    const char *path;
    struct reap_store *store;
    struct reap_labels *labels; /* NULL: those of the store, or none */
    char *names;                /* the store's own: wnid, NUL, name, NUL */
    const char **own;           /* n_own times its wnid */
    size_t n_own;
    struct reap_dataset *dataset; /* NULL: cannot be read, as 'why' says */
    struct reap_cursor *cursor;
    bool begun; /* the cursor stands on a record */
    char why[400];
    uint64_t by_status[REAP_N_STATUS], rows, bad;
    bool complete; /* the marker is there, for: */
    uint64_t limit, keys;
};

/* Open the store at 'path' (borrowed) to read, and its counts and marker. The
 * codes of reap_store_open(); nothing has to be closed after a failure. */
int reap_store_view_open(struct reap_store_view *v, const char *path,
                         struct reap_err *err) REAP_MUST_CHECK;

/* Was it made by classify? */
bool reap_store_view_has_top(const struct reap_store_view *v);

/* Names of classes: those of 'file', else the store's own, else ImageNet's if
 * there are 1000. A store without labels needs none. REAP_OK, REAP_EFORMAT (the
 * store's names are damaged) or the codes of reap_labels_open(). */
int reap_store_view_labels(struct reap_store_view *v, const char *file,
                           struct reap_err *err) REAP_MUST_CHECK;

/* Name and WordNet id of class i, "" where there is none. Lent until close. */
const char *reap_store_view_name(const struct reap_store_view *v, size_t i);
const char *reap_store_view_wnid(const struct reap_store_view *v, size_t i);

/* 1 if class 0 is the background that some heads put before ImageNet's 1000
 * classes, else 0. */
size_t reap_store_view_background(const struct reap_store_view *v);

/* Open the dataset the rows were made from, at 'path' or where it was. If it
 * cannot be read, or is another one by now, 'dataset' stays NULL and 'why' says
 * so. */
void reap_store_view_dataset(struct reap_store_view *v, const char *path);

/* Its next key, the first at first; REAP_ENOTFOUND after the last. 'view' is
 * the struct reap_store_view. */
int reap_store_view_next_key(void *view, struct reap_bytes *key,
                             struct reap_err *err) REAP_MUST_CHECK;

/* The value of a line "name=value" or "name value" of a text of the store's
 * meta, in 'buf'; false and "" if there is none. */
bool reap_store_view_line(const struct reap_store_view *v, const char *text,
                          const char *name, char *buf, size_t size);

/* "f32 (2048)", "f16 (7, 7, 2048)", "5 best classes". */
const char *reap_store_view_column(const struct reap_column *c, char *buf,
                                   size_t size);

/* Keys of the dataset compared with rows of the store. */
struct reap_store_view_compared {
    uint64_t keys, missing, gone; /* keys; keys without row, rows without */
    char first[2100];             /* the first missing key, as text */
};

/* Compare the first 'limit' keys (0: all) with the rows, in one walk. The view
 * has its dataset. REAP_OK, REAP_EIO, REAP_EFORMAT or REAP_ENOMEM. */
int reap_store_view_compare(struct reap_store_view *v, uint64_t limit,
                            struct reap_store_view_compared *out,
                            struct reap_err *err) REAP_MUST_CHECK;

/* Close all of it; a cleared struct stays so. */
void reap_store_view_close(struct reap_store_view *v);

#endif /* REAP_JOBS_SETUP_STORE_VIEW_H */
