/*
 * io/image/exif.h - which way up an image is
 *
 * Reads the orientation out of the EXIF block of a file, and nothing else of
 * it; turns pixels upright as Pillow's ImageOps.exif_transpose() does.
 */
#ifndef REAP_IO_IMAGE_EXIF_H
#define REAP_IO_IMAGE_EXIF_H

#include "engine/base/bytes.h"
#include "io/image/decode.h"

/* The orientation, 1 to 8, that the file says; 1 where it says nothing that
 * can be understood. Never fails. */
int reap_exif_orientation(enum reap_format format, struct reap_bytes file);

/*
 * Copy src (h, w, 3), rows 'stride' bytes apart, to dst upright: (h, w, 3),
 * or (w, h, 3) for orientations 5 to 8, without padding.
 */
void reap_exif_turn(int orientation, size_t h, size_t w, const uint8_t *src,
                    size_t stride, uint8_t *dst);

#endif /* REAP_IO_IMAGE_EXIF_H */
