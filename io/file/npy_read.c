#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/mem.h"
#include "io/file/half.h"
#include "io/file/le.h"
#include "io/file/npy_read.h"

enum { HEADER_MOST = 65536, MAGIC = 8, AT_ONCE = 4096 };

struct npy_head {
    size_t size; /* bytes of a number: 2, 4, 8 */
    size_t n, width;
    size_t at; /* where the numbers begin */
};

/* What stands after 'name' and a colon in the dictionary of the header; NULL
 * if it is not there. */
static const char *npy_entry(const char *head, const char *name)
{
    const char *at = strstr(head, name);

    if (!at)
        return NULL;
    at += strlen(name);
    at += strspn(at, " ");
    if (*at != ':')
        return NULL;
    return at + 1 + strspn(at + 1, " ");
}

/* "(5, 2048)" or "(2048,)": rows and numbers of each. */
static bool npy_shape(const char *text, struct npy_head *h)
{
    size_t dim[2] = { 0, 0 }, dims = 0;
    char *end;

    if (*text++ != '(')
        return false;
    for (; dims < 2 && *text >= '0' && *text <= '9'; dims++) {
        errno = 0;
        dim[dims] = strtoul(text, &end, 10);
        if (errno)
            return false;
        text = end + strspn(end, ", ");
    }
    if (*text != ')' || !dims)
        return false;
    h->n = dims == 1 ? 1 : dim[0];
    h->width = dim[dims - 1];
    return true;
}

static bool npy_kind(const char *head, struct npy_head *h)
{
    static const struct {
        const char *descr;
        size_t size;
    } kind[] = { { "'<f2'", 2 }, { "'<f4'", 4 }, { "'<f8'", 8 } };
    const char *descr = npy_entry(head, "'descr'");
    const char *order = npy_entry(head, "'fortran_order'");
    const char *shape = npy_entry(head, "'shape'");

    for (size_t i = 0; descr && i < 3; i++)
        if (!strncmp(descr, kind[i].descr, 5))
            h->size = kind[i].size;
    return h->size && order && !strncmp(order, "False", 5) && shape &&
           npy_shape(shape, h);
}

static int npy_head_read(FILE *f, const char *path, struct npy_head *h,
                         struct reap_err *err)
{
    uint8_t first[MAGIC + 4];
    char *head = NULL;
    size_t len;
    bool good = fread(first, 1, MAGIC + 2, f) == MAGIC + 2 &&
                !memcmp(first, "\x93NUMPY", 6) && first[6] >= 1 &&
                first[6] <= 3;

    memset(h, 0, sizeof(*h));
    if (!good)
        return reap_fail(err, REAP_EFORMAT, "%s: not a .npy file", path);
    len = reap_le_get16(first + MAGIC);
    h->at = MAGIC + 2;
    if (first[6] > 1) {
        good = fread(first + MAGIC + 2, 1, 2, f) == 2;
        len = reap_le_get32(first + MAGIC);
        h->at += 2;
    }
    h->at += len;
    if (good && len <= HEADER_MOST)
        head = reap_calloc(len + 1, 1);
    good = head && fread(head, 1, len, f) == len && npy_kind(head, h);
    reap_free(head);
    return good ? REAP_OK
                : reap_fail(err, REAP_EFORMAT,
                            "%s: an array of vectors is needed: float32 (or "
                            "float16, float64), (n, d) or (d,), in C order",
                            path);
}

static void npy_convert(const uint8_t *from, size_t size, size_t n, float *to)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t bits = size == 4 ? reap_le_get32(from + 4 * i) : 0;
        const uint64_t wide = size == 8 ? reap_le_get64(from + 8 * i) : 0;
        double x;

        if (size == 4) {
            memcpy(&to[i], &bits, sizeof(bits));
        } else if (size == 8) {
            memcpy(&x, &wide, sizeof(x));
            to[i] = (float)x;
        } else {
            to[i] = reap_half_to_float(reap_le_get16(from + 2 * i));
        }
    }
}

static int npy_numbers(FILE *f, const char *path, const struct npy_head *h,
                       float **out, struct reap_err *err)
{
    const size_t all = h->n * h->width;
    uint8_t some[AT_ONCE * 8];

    *out = reap_calloc(all, sizeof(**out));
    if (!*out)
        return reap_fail(err, REAP_ENOMEM, "%s: no memory for %zu vectors",
                         path, h->n);
    for (size_t i = 0, n; i < all; i += n) {
        n = all - i < AT_ONCE ? all - i : AT_ONCE;
        if (fread(some, h->size, n, f) != n)
            return reap_fail(err, REAP_EIO, "%s: cannot be read", path);
        npy_convert(some, h->size, n, *out + i);
    }
    return REAP_OK;
}

/* Before memory is taken: are so many numbers in the file? */
static int npy_size(FILE *f, const char *path, const struct npy_head *h,
                    struct reap_err *err)
{
    struct stat st;

    if (!h->n || !h->width)
        return reap_fail(err, REAP_EFORMAT, "%s: there is no vector in it",
                         path);
    if (h->n > SIZE_MAX / 8 / h->width || fstat(fileno(f), &st) ||
        (uint64_t)st.st_size < h->at + h->n * h->width * h->size)
        return reap_fail(err, REAP_EFORMAT,
                         "%s: it is cut short: %zu vectors of %zu numbers "
                         "should be in it",
                         path, h->n, h->width);
    return REAP_OK;
}

int reap_npy_read(const char *path, float **out, size_t *n, size_t *width,
                  struct reap_err *err)
{
    FILE *f = fopen(path, "rb");
    struct npy_head h;
    int rc;

    *out = NULL;
    *n = *width = 0;
    if (!f)
        return reap_fail(err, errno == EACCES ? REAP_EACCESS : REAP_ENOTFOUND,
                         "%s: %s", path, strerror(errno));
    rc = npy_head_read(f, path, &h, err);
    if (!rc)
        rc = npy_size(f, path, &h, err);
    if (!rc)
        rc = npy_numbers(f, path, &h, out, err);
    fclose(f);
    if (rc) {
        reap_free(*out);
        *out = NULL;
        return rc;
    }
    *n = h.n;
    *width = h.width;
    return REAP_OK;
}
