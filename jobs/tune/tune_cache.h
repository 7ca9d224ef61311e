/*
 * jobs/tune/tune_cache.h - features of images in a file
 *
 * A page of text that says what they are, then a state and a CRC-32C for each
 * image, then the features. What a crash left half written has another CRC and
 * is computed again.
 */
#ifndef REAP_JOBS_TUNE_CACHE_H
#define REAP_JOBS_TUNE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

struct reap_tune_cache;

enum reap_tune_state {
    REAP_TUNE_MISSING, /* not yet, or damaged */
    REAP_TUNE_GOOD,
    REAP_TUNE_BAD /* the image cannot be decoded */
};

/*
 * Open the file at 'path' for n images of 'size' bytes each, computed as
 * 'fingerprint_text' says. With 'create' a missing one, or one of something
 * else
 * ('*found' false), is made with all its blocks. Returns REAP_OK,
 * REAP_ENOTFOUND (without 'create'), REAP_ECREATE, REAP_EACCESS, REAP_EIO (no
 * room on the disk: the message says how much is needed) or REAP_ENOMEM.
 */
int reap_tune_cache_open(struct reap_tune_cache **out, const char *path,
                         const char *fingerprint_text, size_t n, size_t size,
                         bool create, bool *found,
                         struct reap_err *err) REAP_MUST_CHECK;

/* Bytes of the whole file. */
uint64_t reap_tune_cache_bytes(size_t n, size_t size);

/* What is known of image i; GOOD if its bytes have their CRC, which go to
 * 'to' (size bytes). REAP_EIO. */
int reap_tune_cache_read(struct reap_tune_cache *c, size_t i, void *to,
                         enum reap_tune_state *state,
                         struct reap_err *err) REAP_MUST_CHECK;

/* Any thread, each image by one. 'data' NULL: it is bad. REAP_EIO. */
int reap_tune_cache_write(struct reap_tune_cache *c, size_t i, const void *data,
                          struct reap_err *err) REAP_MUST_CHECK;

/* Make what was written durable. REAP_EIO. */
int reap_tune_cache_sync(struct reap_tune_cache *c,
                         struct reap_err *err) REAP_MUST_CHECK;

/* Close '*c', which becomes NULL; NULL does nothing. */
void reap_tune_cache_close(struct reap_tune_cache **c);

#endif /* REAP_JOBS_TUNE_CACHE_H */
