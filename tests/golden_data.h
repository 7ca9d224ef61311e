/*
 * tests/golden_data.h - reference numbers, made ready for a C program
 *
 * tests/golden/shared/prepare.py reads the references in $REAP_SHARED/golden and
 * writes, into a directory of our own: weights.safetensors, pixels.u8 (the
 * crops, one after the other) and expected.f32 (arrays of floats by name).
 */
#ifndef REAP_TESTS_GOLDEN_DATA_H
#define REAP_TESTS_GOLDEN_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "engine/net/params.h"

struct golden {
    char dir[64];                 /* ends with a slash */
    struct reap_params *expected; /* by name; NULL before golden_make() */
    uint8_t *pixels;
    size_t n_pixels; /* bytes */
};

/* A new directory; NULL, or why there are no references here. */
const char *golden_open(struct golden *g);

/* Run prepare.py with 'args' (trusted words) and read what it made. Returns 0
 * if that went well. */
int golden_make(struct golden *g, const char *args);

/* The array of that name, NULL if there is none. */
const struct reap_param *golden_find(const struct golden *g, const char *name);

/* Path of a file in the directory, in 'to', which is returned. */
char *golden_path(const struct golden *g, char *to, size_t size,
                  const char *file);

/* Largest |got - want| of each row of c, over the largest |want| of the row;
 * the worst of n rows. NaN counts as infinite. */
double golden_error(size_t n, size_t c, const float *got, const float *want);

/* Delete everything. */
void golden_close(struct golden *g);

#endif /* REAP_TESTS_GOLDEN_DATA_H */
