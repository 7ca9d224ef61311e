/*
 * io/codec/tiff_unpack.h - the strips or tiles of a TIFF to bands of 8 bits
 */
#ifndef REAP_IO_CODEC_TIFF_UNPACK_H
#define REAP_IO_CODEC_TIFF_UNPACK_H

#include "io/codec/tiff_mode.h"

enum reap_tiff_end {
    REAP_TIFF_FINE,
    REAP_TIFF_ENDS,    /* the bytes end early */
    REAP_TIFF_DAMAGED, /* libtiff gives up */
    REAP_TIFF_ODD,     /* a layout that Pillow refuses or takes wrongly */
    REAP_TIFF_NO_MEMORY
};

/* Is its compression one that Pillow reads, together with such samples? */
bool reap_tiff_unpacks(const struct reap_tiff_tags *tags,
                       const struct reap_tiff_mode *mode);

/*
 * Make '*bands' (h, w, mode->bands), owned. 'mode' is changed where libtiff
 * makes RGB of something else. 'keep': what lacks stays 0.
 */
enum reap_tiff_end reap_tiff_bands(const struct reap_tiff *t,
                                   const struct reap_tiff_tags *tags,
                                   struct reap_tiff_mode *mode, bool keep,
                                   uint8_t **bands);

#endif /* REAP_IO_CODEC_TIFF_UNPACK_H */
