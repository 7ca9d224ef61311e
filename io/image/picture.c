/* Pixels to a PNG file through libvips and io/out/outfile.h. */
#include <limits.h>

#include <vips/vips.h>

#include "io/out/outfile.h"
#include "io/image/picture.h"

int reap_picture_write(const char *path, const uint8_t *pixels, size_t h,
                       size_t w, struct reap_err *err)
{
    struct reap_outfile *f = NULL;
    VipsImage *im;
    void *png = NULL;
    size_t len = 0;
    int rc;

    if (h > INT_MAX || w > INT_MAX)
        return reap_fail(err, REAP_EINVAL, "%s: %zu x %zu is too large", path,
                         w, h);
    im = vips_image_new_from_memory(pixels, h * w * 3, (int)w, (int)h, 3,
                                    VIPS_FORMAT_UCHAR);
    if (!im || vips_pngsave_buffer(im, &png, &len, "strip", TRUE, NULL)) {
        rc = reap_fail(err, REAP_ENOMEM, "%s: libvips: %.200s", path,
                       vips_error_buffer());
        vips_error_clear();
        goto out;
    }
    rc = reap_outfile_open(&f, path, err);
    if (!rc)
        rc = reap_outfile_write(f, png, len, err);
    if (!rc)
        rc = reap_outfile_commit(&f, err);
out:
    reap_outfile_abort(&f);
    g_free(png);
    if (im)
        g_object_unref(im);
    return rc;
}
