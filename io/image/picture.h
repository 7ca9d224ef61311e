/* io/image/picture.h - write pixels as a PNG, atomically */
#ifndef REAP_IO_IMAGE_PICTURE_H
#define REAP_IO_IMAGE_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

/* Write (h, w, 3) RGB bytes to 'path'. Returns REAP_OK, REAP_EINVAL (too
 * large), REAP_ENOMEM or the codes of reap_outfile_open() and commit(). A
 * decoder of io/image/decode.h must have been made before in this process. One
 * thread at a time. */
int reap_picture_write(const char *path, const uint8_t *pixels, size_t h,
                       size_t w, struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_IO_IMAGE_PICTURE_H */
