/*
 * tests/sample.h - the golden data that live in the tree
 *
 * tests/golden/sample holds made images, and what Pillow, torchvision, Keras
 * and TensorFlow made of them (its README.md). Weights follow from a seed by a
 * rule that tests/golden/sample/made_weights.py and this file both keep. Tests
 * start at the root of the tree. What is not there ends the program.
 */
#ifndef REAP_TESTS_SAMPLE_H
#define REAP_TESTS_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/bytes.h"
#include "engine/net/params.h"

/* A file of the sample. The bytes are the caller's to free(); a zero follows
 * the last. */
struct reap_bytes sample_read(const char *name);

/* SHA-256 of n bytes in hexadecimal digits. */
void sample_sum(const void *data, size_t n, char out[65]);

/* The same words joined by '+', in any order? */
bool sample_same_words(const char *a, const char *b);

/* Arrays by name: "name rank dims..." in a line, then little-endian float32. */
struct reap_params *sample_arrays(const char *name);

/* The array of that name and rank, which must be there. */
const struct reap_param *sample_array(const struct reap_params *all,
                                      const char *name, size_t rank);

/* Numbers of a stream of their own, uniform from lo to hi. */
void sample_fill(float *to, size_t n, uint64_t seed, const char *name,
                 double lo, double hi);

/* Weights of a model of engine/net/models.def, with a head of that many
 * classes; none if 0. */
struct reap_params *sample_weights(const char *model, size_t classes,
                                   uint64_t seed);

#endif /* REAP_TESTS_SAMPLE_H */
