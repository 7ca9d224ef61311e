/*
 * io/weights/unzip.h - members of a zip archive in memory, as PyTorch and Keras
 * write
 *
 * Inside io/. Members are stored, never compressed: a member is then no larger
 * than the archive, and others are refused.
 */
#ifndef REAP_IO_WEIGHTS_UNZIP_H
#define REAP_IO_WEIGHTS_UNZIP_H

#include <stdbool.h>

#include "engine/base/bytes.h"
#include "engine/base/err.h"

struct reap_unzip;

/* The bytes are borrowed. REAP_OK, REAP_EFORMAT or REAP_ENOMEM. */
int reap_unzip_open(struct reap_unzip **out, struct reap_bytes bytes,
                    struct reap_err *err) REAP_MUST_CHECK;

/* Name of member i, NULL after the last. Borrowed. */
const char *reap_unzip_name(const struct reap_unzip *z, size_t i);

/* Is there a member of that name? */
bool reap_unzip_has(const struct reap_unzip *z, const char *name);

/* The bytes of a member, checked by its CRC-32. Owned: reap_free(). Returns
 * REAP_OK, REAP_EFORMAT or REAP_ENOMEM. */
int reap_unzip_read(struct reap_unzip *z, const char *name, uint8_t **data,
                    size_t *len, struct reap_err *err) REAP_MUST_CHECK;

/* Close '*z', which becomes NULL; NULL does nothing. */
void reap_unzip_close(struct reap_unzip **z);

#endif /* REAP_IO_WEIGHTS_UNZIP_H */
