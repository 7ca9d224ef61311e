/* tests/store_help.h - stores to try things with */
#ifndef REAP_TESTS_STORE_HELP_H
#define REAP_TESTS_STORE_HELP_H

#include "io/store/store.h"

/* A directory that does not exist before, in TMPDIR; for the whole program. */
const char *scratch_new(void);
/* A path in it, in one of a few buffers that are used in turn. */
const char *scratch(const char *name);
/* Delete it and all in it. */
void scratch_delete(void);

/* Columns "avg" f32 (4) and "top" (2), made of two lines. */
extern const struct reap_run_meta sample_meta;

/*
 * An encoded block with the rows number 'from' to 'to' - 1, keys k00000,
 * k00001, ... Each seventh is corrupt, "no end"; labels are every third's.
 * Values: avg[j] = number + j + shift; top: (number % 3, 0.75), (3, 0.25).
 * Owned: reap_free().
 */
struct reap_bytes sample_block(int from, int to, float shift);

/* Put such a block, and free it. */
int sample_put(struct reap_store *s, int from, int to, float shift,
               bool replace, struct reap_err *err);

/* Rows that are as sample_block() made them with 'shift', all of them in
 * order; -1 if one is not. */
long sample_check(struct reap_store *s, float shift);

#endif /* REAP_TESTS_STORE_HELP_H */
