/*
 * The header has a fixed size, so that the elements can be written first and
 * the number of rows filled in at the end. The bytes go through
 * io/out/outfile.h; whether elements are little-endian and of the type named
 * is the caller's to see to.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/out/npy.h"
#include "io/out/outfile.h"

/* Room for magic, version, length and the longest dictionary: any shape fits,
 * and the data start at a multiple of 64. */
enum { HEADER = 256, MAGIC = 10 };

struct reap_npy {
    struct reap_outfile *file;
    char descr[8];
    size_t dims, shape[REAP_NPY_DIMS];
    uint64_t bytes; /* of data, written so far */
};

static void make_header(const struct reap_npy *n, char *out)
{
    int used;

    memset(out, ' ', HEADER);
    memcpy(out, "\x93NUMPY\1\0", 8);
    out[8] = (char)((HEADER - MAGIC) & 255);
    out[9] = (char)((HEADER - MAGIC) >> 8);
    used = MAGIC + snprintf(out + MAGIC, HEADER - MAGIC,
                            "{'descr': '%s', 'fortran_order': False, "
                            "'shape': (",
                            n->descr);
    for (size_t i = 0; i < n->dims; i++)
        used += snprintf(out + used, (size_t)(HEADER - used), "%s%zu%s",
                         i ? " " : "", n->shape[i],
                         i + 1 < n->dims || n->dims == 1 ? "," : "");
    used += snprintf(out + used, (size_t)(HEADER - used), "), }");
    out[used] = ' '; /* in place of the final NUL */
    out[HEADER - 1] = '\n';
}

int reap_npy_open(struct reap_npy **out, const char *path, const char *descr,
                  size_t dims, const size_t *shape, struct reap_err *err)
{
    struct reap_npy *n;
    char header[HEADER];
    int rc;

    *out = NULL;
    n = reap_calloc(1, sizeof(*n));
    if (!n)
        return reap_fail(err, REAP_ENOMEM, "%s: no memory", path);
    if (!dims || dims > REAP_NPY_DIMS || strlen(descr) != 3) {
        rc = reap_fail(err, REAP_EINVAL, "%s: no .npy of %zu dimensions of %s",
                       path, dims, descr);
        goto out;
    }
    if (reap_outfile_is_stdout(path)) {
        rc = reap_fail(err, REAP_EINVAL,
                       "a NumPy array cannot go to standard output: its number "
                       "of rows stands first and is known last; name a file");
        goto out;
    }
    memcpy(n->descr, descr, 4);
    n->dims = dims;
    memcpy(n->shape, shape, dims * sizeof(*shape));
    rc = reap_outfile_open(&n->file, path, err);
    if (rc)
        goto out;
    make_header(n, header);
    rc = reap_outfile_write(n->file, header, HEADER, err);
    if (rc)
        goto out;
    *out = n;
    n = NULL;
out:
    reap_npy_abort(&n);
    return rc;
}

int reap_npy_write(struct reap_npy *n, const void *data, size_t len,
                   struct reap_err *err)
{
    n->bytes += len;
    return reap_outfile_write(n->file, data, len, err);
}

static bool npy_fits(const struct reap_npy *n)
{
    uint64_t bytes = (uint64_t)(n->descr[2] - '0');

    for (size_t i = 0; i < n->dims; i++)
        if (__builtin_mul_overflow(bytes, (uint64_t)n->shape[i], &bytes))
            return false;
    return bytes == n->bytes;
}

static void name_shape(struct reap_npy *n)
{
    uint64_t dim[REAP_NPY_DIMS];
    char type[12];

    for (size_t i = 0; i < n->dims; i++)
        dim[i] = n->shape[i];
    snprintf(type, sizeof(type), "%s%d",
             n->descr[1] == 'f'   ? "float"
             : n->descr[1] == 'u' ? "uint"
                                  : "int",
             8 * (n->descr[2] - '0'));
    reap_outfile_shape(n->file, type, n->dims, dim);
}

int reap_npy_commit(struct reap_npy **np, size_t rows, struct reap_err *err)
{
    struct reap_npy *n = *np;
    FILE *f = reap_outfile_stream(n->file);
    char header[HEADER];
    int rc;

    n->shape[0] = rows;
    make_header(n, header);
    if (!npy_fits(n))
        rc = reap_fail(err, REAP_EBUG,
                       "array: %llu bytes do not make %zu rows of its shape",
                       (unsigned long long)n->bytes, rows);
    else if (fseeko(f, 0, SEEK_SET))
        rc = reap_fail(err, REAP_EIO, "array: %s", strerror(errno));
    else
        rc = reap_outfile_write(n->file, header, HEADER, err);
    if (!rc) {
        name_shape(n);
        rc = reap_outfile_commit(&n->file, err);
    }
    reap_npy_abort(np);
    return rc;
}

void reap_npy_abort(struct reap_npy **np)
{
    struct reap_npy *n = *np;

    if (!n)
        return;
    reap_outfile_abort(&n->file);
    reap_free(n);
    *np = NULL;
}
