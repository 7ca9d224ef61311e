/*
 * io/cache/blob_cache.h - packed weights as files that processes map and share
 *
 * Implements engine/plan/blobs.h: a file for each key in the folder "packed" of
 * io/cache/cache.h, written whole and renamed, mapped read-only by all that
 * want it. The key holds this program's own file, too (its size and time): what
 * another build has packed is not taken. A file counts if its header and the
 * checksum of all its bytes are right and nobody but this user and root could
 * have written it; one that is damaged is removed. While one process packs,
 * others that want the same wait for it. The folder keeps to a size: what was
 * not used for longest goes. One thread at a time.
 *
 * As with any map, a file cut short while it is in use ends the process: these
 * files are never written to once they have their names.
 */
#ifndef REAP_IO_CACHE_BLOB_CACHE_H
#define REAP_IO_CACHE_BLOB_CACHE_H

#include "engine/base/err.h"
#include "engine/plan/blobs.h"

/* Bytes of all files together, beyond which the oldest go. */
#define REAP_BLOB_CACHE_MOST ((size_t)4 << 30)

struct reap_blob_cache;

/* Returns REAP_OK or REAP_ENOMEM; '*out' is NULL where no folder is known. */
int reap_blob_cache_new(struct reap_blob_cache **out, size_t most,
                        struct reap_err *err) REAP_MUST_CHECK;

/* The calls, for an engine. Borrowed; NULL for NULL. */
const struct reap_blobs *reap_blob_cache_blobs(const struct reap_blob_cache *c);

/* After the engines that use it. NULL does nothing. */
void reap_blob_cache_free(struct reap_blob_cache **c);

#endif /* REAP_IO_CACHE_BLOB_CACHE_H */
