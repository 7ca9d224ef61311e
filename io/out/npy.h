/*
 * io/out/npy.h - write NumPy's .npy files (format 1.0), atomically
 *
 * One array in C order. The number of rows may be unknown until commit, so a
 * writer can stream. It does not read .npy files. Source of the format: NumPy,
 * NEP 1, "A simple file format for NumPy arrays".
 */
#ifndef REAP_IO_OUT_NPY_H
#define REAP_IO_OUT_NPY_H

#include <stddef.h>

#include "engine/base/err.h"

enum { REAP_NPY_DIMS = 8 };

struct reap_npy;

/*
 * Begin an array of 'dims' dimensions (1 to REAP_NPY_DIMS) at 'path'. 'descr'
 * is NumPy's name of the element type: "|u1", "<f4", "<i8". shape[0] is
 * settled by commit(). Returns REAP_EINVAL for an array that cannot be, or the
 * codes of reap_outfile_open().
 */
int reap_npy_open(struct reap_npy **out, const char *path, const char *descr,
                  size_t dims, const size_t *shape,
                  struct reap_err *err) REAP_MUST_CHECK;

/* Append 'len' bytes of elements, little-endian. REAP_EIO. */
int reap_npy_write(struct reap_npy *n, const void *data, size_t len,
                   struct reap_err *err) REAP_MUST_CHECK;

/*
 * Write the header with shape[0] = rows, sync and rename; frees the handle in
 * every case. REAP_EBUG if the bytes written are not those of the shape.
 */
int reap_npy_commit(struct reap_npy **n, size_t rows,
                    struct reap_err *err) REAP_MUST_CHECK;

/* Give up; the target is as it was. NULL does nothing. */
void reap_npy_abort(struct reap_npy **n);

#endif /* REAP_IO_OUT_NPY_H */
