/*
 * jobs/tune/tune_data.h - the images of a dataset that have a class
 *
 * Classes are those of the head. An image without a label, or with one that the
 * head does not know, is counted and left out. Constant once it is open.
 */
#ifndef REAP_JOBS_TUNE_DATA_H
#define REAP_JOBS_TUNE_DATA_H

#include "io/dataset/dataset.h"
#include "io/file/limits.h"
#include "io/labels/truth.h"
#include "jobs/cli/options.h"

struct reap_tune_item {
    size_t key, key_len; /* where its key is in 'keys' */
    uint32_t label;      /* the first; more follow for a head of several */
    uint32_t labels;     /* how many: (label ... ) in 'more' */
};

struct reap_tune_data {
    struct reap_dataset *ds;
    enum reap_label_from from;
    char *const *classes; /* borrowed */
    size_t n_classes;
    bool multi; /* several classes at once */
    size_t n, room;
    struct reap_tune_item *item; /* in key order */
    uint8_t *keys;
    size_t n_keys, room_keys;
    uint32_t *more; /* classes of all items, one after the other */
    size_t n_more, room_more;
    uint64_t records, no_label, unknown;
    char first_unknown[REAP_LABEL_MAX + 1];
};

/*
 * Open the dataset at 'path' and find what has a class. 'limit': the first
 * records only, 0 for all. Returns REAP_OK, REAP_ENOTFOUND (no image has a
 * label that the head knows: the message says why), REAP_EFORMAT (all have the
 * same one), or what dataset and truth return.
 */
int reap_tune_data_open(struct reap_tune_data *d, const char *path,
                        const char *truth, enum reap_label_from from,
                        char *const *classes, size_t n_classes, bool multi,
                        uint64_t limit, struct reap_err *err) REAP_MUST_CHECK;

/* Remarks about what was left out. */
void reap_tune_data_remarks(const struct reap_tune_data *d,
                            const struct reap_options *o);

/* The key of item i. Lent until close. */
struct reap_bytes reap_tune_data_key(const struct reap_tune_data *d, size_t i);

/* The row of targets of item i, (n_classes): 1 for its classes, else 0. */
void reap_tune_data_target(const struct reap_tune_data *d, size_t i, float *to);

/* A number that is the same for the same keys and classes. */
uint64_t reap_tune_data_digest(const struct reap_tune_data *d);

/* Close all of it; a cleared struct stays so. */
void reap_tune_data_close(struct reap_tune_data *d);

#endif /* REAP_JOBS_TUNE_DATA_H */
