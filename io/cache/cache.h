/*
 * io/cache/cache.h - the folder of what can be fetched or made again
 *
 * $REAP_CACHE, else reap's folder in $XDG_CACHE_HOME or ~/.cache: published
 * weights (io/weights/weights.h), packed weights (io/cache/blob_cache.h),
 * hashes of weights files (io/cache/hash_memo.h). Any thread.
 */
#ifndef REAP_IO_CACHE_CACHE_H
#define REAP_IO_CACHE_CACHE_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/err.h"

enum { REAP_CACHE_PATH = 4096 };

/* The path of 'name' in the folder, at most 'size' bytes; "" is the folder
 * itself. Returns REAP_OK, or REAP_EINVAL: no folder is known, or its path is
 * too long. */
int reap_cache_path(char *to, size_t size, const char *name,
                    struct reap_err *err) REAP_MUST_CHECK;

/* Make the folder 'dir' and those above it; REAP_ECREATE. */
int reap_cache_make_dir(const char *dir, struct reap_err *err) REAP_MUST_CHECK;

/* Open a file that this program wrote there; -1 if it is not there, or if
 * others than this user and root could have written it. */
int reap_cache_open(const char *path);

struct reap_cache_part {
    const void *data;
    size_t len;
};

/* Write the file 'path' from 'n' parts whole, or not at all; what exists is
 * replaced. It is not made durable: its readers check it. Returns false if
 * that is not possible, for any reason. */
bool reap_cache_write(const char *path, size_t n,
                      const struct reap_cache_part *part);

#endif /* REAP_IO_CACHE_CACHE_H */
