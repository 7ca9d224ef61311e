/*
 * io/image/resample.h - exact resize and crop of RGB pixels
 *
 * What Pillow 13 makes of an image, bit for bit: two passes of whole-number
 * weights, each rounded to bytes, in Pillow's order, or its NEAREST; or
 * tf.image.resize (bilinear, no antialias) in float32. Only the pixels that
 * the crop needs are computed. One handle per thread; scratch memory is kept
 * between calls unless it was large. Sources: Pillow's Resample.c and
 * Geometry.c; docs/design.md, section 6.
 */
#ifndef REAP_IO_IMAGE_RESAMPLE_H
#define REAP_IO_IMAGE_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"
#include "engine/kern/resample_ops.h" /* REAP_RESAMPLE_SLACK */
#include "io/preset/geometry.h"

/* A part of an image: source rows row0 to row1 and columns col0 to col1, the
 * last of each not included. */
struct reap_window {
    size_t row0, row1, col0, col1;
};

/* What of the source the crop is made from. */
void reap_resample_window(const struct reap_geometry *g,
                          struct reap_window *out);

struct reap_resample;

/* Returns REAP_OK, REAP_ENOMEM, or REAP_EINVAL for a bad REAP_CPU. */
int reap_resample_new(struct reap_resample **out,
                      struct reap_err *err) REAP_MUST_CHECK;

/*
 * Make the crop.
 *
 *   src  pixel (have->row0, have->col0); rows 'stride' bytes apart, RGB.
 *        'have' contains the window; REAP_RESAMPLE_SLACK bytes after the
 *        last row may be read, but are not used
 *   dst  (out_h, out_w, 3) bytes, or float32 for REAP_TF_BILINEAR; no slack
 *
 * Returns REAP_OK or REAP_ENOMEM.
 */
int reap_resample_run(struct reap_resample *r, const struct reap_geometry *g,
                      const struct reap_window *have, const uint8_t *src,
                      size_t stride, void *dst,
                      struct reap_err *err) REAP_MUST_CHECK;

/* Free '*r', which becomes NULL; NULL does nothing. */
void reap_resample_free(struct reap_resample **r);

#endif /* REAP_IO_IMAGE_RESAMPLE_H */
