/* An image file for show_image.c. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <stdio.h>
#include <sys/stat.h>

#include "engine/base/mem.h"
#include "jobs/inspect/show_image.h"

static const long long MAX_FILE = 1LL << 31;

int reap_show_photo(const char *path, const struct reap_options *o,
                    struct reap_err *err)
{
    struct reap_image image = { .raw = false };
    uint8_t *bytes = NULL;
    struct stat st;
    FILE *f = fopen(path, "rb");
    int rc;

    if (!f || fstat(fileno(f), &st)) {
        rc = reap_fail(err, errno == EACCES ? REAP_EACCESS : REAP_ENOTFOUND,
                       "%s: %s", path, strerror(errno));
        goto out;
    }
    if (!S_ISREG(st.st_mode) || st.st_size > MAX_FILE) {
        rc = reap_fail(
            err, REAP_EFORMAT,
            "%s is not an image file; for a dataset or a store, give the "
            "key as well",
            path);
        goto out;
    }
    image.bytes.len = (size_t)st.st_size;
    bytes = reap_calloc(image.bytes.len + 1, 1);
    image.bytes.data = bytes;
    if (!bytes)
        rc = reap_fail(err, REAP_ENOMEM, "%s: no memory", path);
    else if (fread(bytes, 1, image.bytes.len, f) != image.bytes.len)
        rc = reap_fail(err, REAP_EIO, "%s cannot be read", path);
    else
        rc = reap_show_image(path, &image, o, err);
out:
    reap_free(bytes);
    if (f)
        fclose(f);
    return rc;
}
