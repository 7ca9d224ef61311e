/*
 * io/out/outfile.h - write a file whole, or leave what was there
 *
 * Bytes go to a temporary file beside the target; commit() makes them durable
 * and renames. Until then, and after any failure, the target is untouched. What
 * a killed writer left beside it is removed by the next one. A file that a
 * command writes obeys the rule of io/out/outfile_rule.h, and is noted in a
 * sidecar (io/out/outfile_sidecar.h). "-" and /dev/stdout are standard output,
 * where nothing can be taken back. One thread at a time per handle.
 */
#ifndef REAP_IO_OUT_OUTFILE_H
#define REAP_IO_OUT_OUTFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "engine/base/err.h"

struct reap_outfile;

/*
 * Begin to write 'path'. Returns REAP_OK, REAP_EACCESS, REAP_ECREATE (no such
 * folder, read-only, is a folder, is somebody else's), REAP_EINVAL (the command
 * reads it), REAP_EIO (disk full) or REAP_ENOMEM.
 */
int reap_outfile_open(struct reap_outfile **out, const char *path,
                      struct reap_err *err) REAP_MUST_CHECK;

/* The same for a file that reap keeps for itself and that the caller has seen
 * to be its own: no rule, no sidecar; never standard output. */
int reap_outfile_open_own(struct reap_outfile **out, const char *path,
                          struct reap_err *err) REAP_MUST_CHECK;

/* Append 'len' bytes. REAP_EIO; after a failure only abort() is allowed. */
int reap_outfile_write(struct reap_outfile *f, const void *data, size_t len,
                       struct reap_err *err) REAP_MUST_CHECK;

/* The stream, for fprintf(); its errors are found by commit(). Borrowed. */
FILE *reap_outfile_stream(struct reap_outfile *f);

/* What it holds, for the list of what was written: 'dims' sizes of elements of
 * 'type' ("float32"), or one number of "lines", "images", ... */
void reap_outfile_shape(struct reap_outfile *f, const char *type, size_t dims,
                        const uint64_t *dim);
void reap_outfile_count(struct reap_outfile *f, const char *of, uint64_t n);

/* Flush, fsync, rename, fsync the folder, and see that the path leads to what
 * was written; frees the handle in every case. Returns REAP_OK, REAP_EIO (the
 * target is as it was, or its folder went) or the codes of open(). */
int reap_outfile_commit(struct reap_outfile **f,
                        struct reap_err *err) REAP_MUST_CHECK;

/* Remove the temporary file and free the handle. NULL does nothing. */
void reap_outfile_abort(struct reap_outfile **f);

/* Does 'path' mean standard output? */
bool reap_outfile_is_stdout(const char *path);

/* Keep standard output for a file that goes there: what is printed from now on
 * goes to standard error. Once, before threads. REAP_EIO. */
int reap_outfile_claim_stdout(struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_IO_OUT_OUTFILE_H */
