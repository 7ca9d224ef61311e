/*
 * io/file/outfile.h - write a file whole, or leave what was there
 *
 * Bytes go to a temporary file beside the target; commit() makes them durable
 * and renames. Until then, and after any failure, the target is untouched. What
 * a killed writer left beside it is removed by the next one. One thread at a
 * time per handle.
 */
#ifndef REAP_IO_FILE_OUTFILE_H
#define REAP_IO_FILE_OUTFILE_H

#include <stddef.h>
#include <stdio.h>

#include "engine/base/err.h"

struct reap_outfile;

/*
 * Begin to write 'path'. Returns REAP_OK, REAP_EACCESS, REAP_ECREATE (no such
 * folder, read-only, is a folder), REAP_EIO (disk full) or REAP_ENOMEM.
 */
int reap_outfile_open(struct reap_outfile **out, const char *path,
                      struct reap_err *err) REAP_MUST_CHECK;

/* Append 'len' bytes. REAP_EIO; after a failure only abort() is allowed. */
int reap_outfile_write(struct reap_outfile *f, const void *data, size_t len,
                       struct reap_err *err) REAP_MUST_CHECK;

/* The stream, for fprintf(); its errors are found by commit(). Borrowed. */
FILE *reap_outfile_stream(struct reap_outfile *f);

/* Flush, fsync, rename, fsync the folder; frees the handle in every case.
 * Returns REAP_OK, REAP_EIO (the target is as it was) or the codes of
 * reap_outfile_open(). */
int reap_outfile_commit(struct reap_outfile **f,
                        struct reap_err *err) REAP_MUST_CHECK;

/* Remove the temporary file and free the handle. NULL does nothing. */
void reap_outfile_abort(struct reap_outfile **f);

#endif /* REAP_IO_FILE_OUTFILE_H */
