/* tests/dataset_help.h - LMDB datasets to try things with */
#ifndef REAP_TESTS_DATASET_HELP_H
#define REAP_TESTS_DATASET_HELP_H

#include "engine/base/bytes.h"

/* Put records into the dataset at 'path', a directory that is made if need be;
 * 'key' and 'value' are called for 0 .. n - 1. 0, or LMDB's code. */
struct dataset_maker {
    const char *(*key)(int i, char *buf, int size);
    struct reap_bytes (*value)(int i, uint8_t *buf, int size);
};
int dataset_make(const char *path, const struct dataset_maker *how, int n);

/* Put one record. */
int dataset_put(const char *path, const char *key, struct reap_bytes value);

/* Key %05d; a value that begins as JPEG, i % 7 * 3000 + 20 bytes. */
extern const struct dataset_maker dataset_plain;

#endif /* REAP_TESTS_DATASET_HELP_H */
