/*
 * io/file/npy_read.h - read vectors from NumPy's .npy files
 *
 * One array of one or two dimensions in C order, of half, single or double
 * precision, little-endian: what numpy.save() writes for embeddings. Nothing in
 * a file is executed. Source of the format: NumPy, NEP 1.
 */
#ifndef REAP_IO_FILE_NPY_READ_H
#define REAP_IO_FILE_NPY_READ_H

#include <stddef.h>

#include "engine/base/err.h"

/*
 * Read 'path': '*n' vectors of '*width' numbers, a single one if the array has
 * one dimension, as float32 in '*out', owned: reap_free(). Returns REAP_OK,
 * REAP_ENOTFOUND, REAP_EACCESS, REAP_EFORMAT (another kind of file or array:
 * says what is needed; or shorter than its header says), REAP_EIO or
 * REAP_ENOMEM.
 */
int reap_npy_read(const char *path, float **out, size_t *n, size_t *width,
                  struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_IO_FILE_NPY_READ_H */
