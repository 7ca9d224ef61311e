/*
 * io/cache/fetch.h - a file from the web, whole and checked, or not at all
 *
 * HTTP and HTTPS by libcurl, which heeds the usual proxy variables. Any
 * thread, once one fetch has run.
 */
#ifndef REAP_IO_CACHE_FETCH_H
#define REAP_IO_CACHE_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/err.h"

/* Told now and then: bytes so far, and in all (0: not known). */
typedef void reap_fetch_fn(void *ctx, uint64_t done, uint64_t total);

/*
 * Fetch 'url' into 'path', by way of a temporary file next to it. 'hash' is the
 * sha256 in hex, or its beginning, or an md5 (32 digits), or NULL. 'told' may
 * be NULL. A server has 5 s to answer at all. Returns REAP_OK, REAP_ENOTFOUND
 * (no way there, or no such file), REAP_EFORMAT (another hash), REAP_ECREATE
 * (no place to write), REAP_EIO (writing failed) or REAP_ENOMEM.
 */
int reap_fetch(const char *url, const char *path, const char *hash,
               reap_fetch_fn *told, void *ctx,
               struct reap_err *err) REAP_MUST_CHECK;

/*
 * The same without a hash, as who has the right to: 'token' is sent to that
 * server alone, NULL: none. '*status' receives the server's answer (404, ...),
 * 0 if there was none.
 */
int reap_fetch_as(const char *url, const char *path, const char *token,
                  long *status, struct reap_err *err) REAP_MUST_CHECK;

/* Does the file have that hash? False also if it cannot be read. */
bool reap_fetch_matches(const char *path, const char *hash);

#endif /* REAP_IO_CACHE_FETCH_H */
