/*
 * io/preset/geometry.h - the sizes that a preset gives an image
 *
 * From the size of the image alone: what it is resized to, and where the crop
 * lies. Looks at no pixels. Rules: docs/design.md, section 6 (torchvision's, or
 * with the corner rounded down Hugging Face's).
 */
#ifndef REAP_IO_PRESET_GEOMETRY_H
#define REAP_IO_PRESET_GEOMETRY_H

#include <stdbool.h>
#include <stddef.h>

#include "io/preset/preset.h"

struct reap_geometry {
    size_t src_h, src_w;
    size_t h, w;         /* resized to */
    ptrdiff_t top, left; /* corner of the crop; outside it is zero */
    size_t out_h, out_w; /* size of the crop */
    enum reap_filter filter;
    bool rows_first; /* Pillow 13's order of the two passes */
};

/* False if a side of the resized image would not fit 31 bits. The image has
 * pixels: src_h and src_w are not 0. */
bool reap_geometry_find(const struct reap_preset *p, size_t src_h, size_t src_w,
                        struct reap_geometry *out);

#endif /* REAP_IO_PRESET_GEOMETRY_H */
