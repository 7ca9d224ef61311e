/*
 * io/file/string_set.h - a set of texts with numbers
 *
 * Each text gets the next number when it is first seen. Not thread safe while
 * it grows.
 */
#ifndef REAP_IO_FILE_STRING_SET_H
#define REAP_IO_FILE_STRING_SET_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

struct reap_string_set;

/* An empty set. Returns REAP_OK or REAP_ENOMEM. */
int reap_string_set_new(struct reap_string_set **out,
                        struct reap_err *err) REAP_MUST_CHECK;

/* The number of 'text' in '*number', new ones are copied. REAP_ENOMEM. */
int reap_string_set_add(struct reap_string_set *n, const char *text,
                        uint32_t *number, struct reap_err *err) REAP_MUST_CHECK;

/* Its number, or UINT32_MAX if it is not there. */
uint32_t reap_string_set_find(const struct reap_string_set *n,
                              const char *text);

/* How many texts there are; their numbers are 0 to count - 1. */
size_t reap_string_set_count(const struct reap_string_set *n);

/* Text i < count. Borrowed. */
const char *reap_string_set_text(const struct reap_string_set *n, size_t i);

/*
 * Sort: by value if all are whole numbers, else as bytes. to[i] receives the
 * new number of what had number i; 'to' may be NULL. REAP_ENOMEM.
 */
int reap_string_set_sort(struct reap_string_set *n, uint32_t *to,
                         struct reap_err *err) REAP_MUST_CHECK;

/* Free '*n', which becomes NULL; NULL does nothing. */
void reap_string_set_free(struct reap_string_set **n);

#endif /* REAP_IO_FILE_STRING_SET_H */
