/*
 * io/store/embeddings.h - a column of a store as vectors, read in any order
 *
 * The vectors stay in the store's map: what is kept of each is where it lies.
 * Opening looks at every byte once, so that a damaged block or a vector with
 * NaN is found before anything is computed from it. Constant once it is open:
 * any thread may load.
 */
#ifndef REAP_IO_STORE_EMBEDDINGS_H
#define REAP_IO_STORE_EMBEDDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/store/store.h"

struct reap_embeddings;

/* Is row 'row' to be vector 'i'? Called in key order for rows that are ok and
 * whose numbers are finite. 'row' is lent for the call. */
typedef bool reap_embeddings_take_fn(void *ctx, size_t i,
                                     const struct reap_row *row);

struct reap_embeddings_args {
    struct reap_store *store; /* open to read; borrowed until close */
    const char *column;       /* NULL: the only one with floats, or "avg" */
    reap_embeddings_take_fn *take; /* NULL: all */
    void *ctx;
    /* Called now and then with the rows done, for progress; or NULL. */
    void (*progress)(void *ctx, uint64_t done);
};

/*
 * Returns REAP_OK, REAP_EINVAL (no such column, or several and none is called
 * avg: the message lists them), REAP_EMISFIT (a column of labels only),
 * REAP_EFORMAT, REAP_EIO or REAP_ENOMEM.
 */
int reap_embeddings_open(struct reap_embeddings **out,
                         const struct reap_embeddings_args *a,
                         struct reap_err *err) REAP_MUST_CHECK;

/* Vectors; floats in each; the column's name, lent until close. */
size_t reap_embeddings_count(const struct reap_embeddings *e);
size_t reap_embeddings_width(const struct reap_embeddings *e);
const char *reap_embeddings_column(const struct reap_embeddings *e);

/* Rows whose status is not ok, and rows left out for NaN or infinity; the
 * first of these by its key as text, "" if there is none. */
uint64_t reap_embeddings_failed(const struct reap_embeddings *e);
uint64_t reap_embeddings_odd(const struct reap_embeddings *e);
const char *reap_embeddings_first_odd(const struct reap_embeddings *e);

/* Copy vector i < count to 'to', 'width' floats. Any thread. */
void reap_embeddings_load(const struct reap_embeddings *e, size_t i, float *to);

/* Close '*e', which becomes NULL; NULL does nothing. */
void reap_embeddings_close(struct reap_embeddings **e);

#endif /* REAP_IO_STORE_EMBEDDINGS_H */
