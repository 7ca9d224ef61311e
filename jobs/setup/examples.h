/*
 * jobs/setup/examples.h - the examples of a store: embeddings with their
 * classes
 *
 * A row with a vector and a label is an example; rows that lack one are
 * counted. Classes are the labels there are, sorted: as numbers if all are,
 * else as bytes. Constant once it is open.
 */
#ifndef REAP_JOBS_SETUP_EXAMPLES_H
#define REAP_JOBS_SETUP_EXAMPLES_H

#include "engine/fit/fit.h"
#include "io/file/string_set.h"
#include "io/labels/truth.h"
#include "io/store/embeddings.h"
#include "jobs/cli/options.h"

struct reap_examples {
    struct reap_store *store;
    struct reap_embeddings *embeddings;
    struct reap_truth *truth;
    struct reap_string_set *classes;
    size_t n;   /* examples */
    size_t *at; /* as struct reap_fit_source has them */
    uint32_t *label;
    size_t room, n_labels, room_labels;
    uint64_t no_label; /* rows with a vector, but without a label */
    uint64_t spoken;   /* keys of the files of --truth that are rows here */
    uint64_t unknown;  /* labels of classes that are not known */
    char first_unknown[256];
    bool multi, fixed; /* several classes at once; classes stand */
    int rc;            /* of the walk over the rows */
    struct reap_err *err;
};

/*
 * Open the store at 'path', with the labels that 'truth' (--truth, may be
 * NULL) means, of column 'feature' (NULL: its own choice). 'multi': all labels
 * of a key count, and a key with an empty one has none of the classes; else
 * the first. 'known': other data whose classes stand; NULL to find them.
 * Returns REAP_OK, REAP_ENOTFOUND (no label at all) or what the store, the
 * embeddings and the truth return.
 */
int reap_examples_open(struct reap_examples *d, const char *path,
                       const char *truth, const char *feature, bool multi,
                       const struct reap_examples *known,
                       struct reap_err *err) REAP_MUST_CHECK;

/* Remarks about what was left out. */
void reap_examples_remarks(const struct reap_examples *d, const char *path,
                           const struct reap_options *o);

/* The examples for engine/fit; borrows from 'd'. */
struct reap_fit_source reap_examples_source(const struct reap_examples *d);

/* How many examples each class has, (n_classes), of rows 'row', n of them. */
void reap_examples_count(const struct reap_examples *d, const size_t *row,
                         size_t n, size_t *count);

/* A number that is the same for the same examples in the same order. */
uint64_t reap_examples_digest(const struct reap_examples *d);

/* Close all of it; a cleared struct stays so. */
void reap_examples_close(struct reap_examples *d);

#endif /* REAP_JOBS_SETUP_EXAMPLES_H */
