/*
 * io/codec/tiff_mode.h - what the samples of a TIFF are, and how they are RGB
 *
 * A file's tags choose a row of tiff_modes.def, which is the list of what
 * Pillow reads. Its samples become one to four bands of 8 bits a pixel, and
 * those RGB, by the rules of Pillow's unpackers and of convert("RGB").
 */
#ifndef REAP_IO_CODEC_TIFF_MODE_H
#define REAP_IO_CODEC_TIFF_MODE_H

#include "io/codec/tiff_dir.h"

enum reap_tiff_kind {
    REAP_TIFF_GREY,
    REAP_TIFF_PALETTE,
    REAP_TIFF_RGB,
    REAP_TIFF_CMYK,
    REAP_TIFF_YCBCR
};

struct reap_tiff_mode {
    enum reap_tiff_kind kind;
    unsigned bits;    /* of a sample */
    unsigned samples; /* of a pixel in the file */
    unsigned bands;   /* of those, how many are kept */
    bool invert, reverse, has_sign, is_float;
    bool alpha, premultiplied; /* the last band */
    bool big;                  /* byte order of wide samples */
    bool separate;             /* planes, one after the other */
    bool odd_step; /* more samples than the photometric kind and the extra
                    * samples say: Pillow counts on without them */
    bool scale;    /* wide grey: the high byte, not clipped */
    uint8_t palette[256][3];
};

/* Numbers of the tags that decide; 'compression' as in the file. */
struct reap_tiff_tags {
    uint64_t w, h, compression, photometric, planar, fill;
};

/* Read the tags; NULL, or what is wrong in words. */
const char *reap_tiff_look(const struct reap_tiff *t,
                           struct reap_tiff_tags *tags,
                           struct reap_tiff_mode *mode);

/* 'n' pixels of all samples to 'bands' bytes each. */
void reap_tiff_unpack(const struct reap_tiff_mode *m, const uint8_t *in,
                      size_t n, uint8_t *out);

/* 'n' samples of one plane to band 'band' of 'out'. */
void reap_tiff_unpack_plane(const struct reap_tiff_mode *m, unsigned band,
                            const uint8_t *in, size_t n, uint8_t *out);

/* Associated alpha is divided out. */
void reap_tiff_divide(const struct reap_tiff_mode *m, size_t n, uint8_t *bands);

/* 'n' pixels of bands to RGB; 'white': alpha blends on it. */
void reap_tiff_rgb(const struct reap_tiff_mode *m, const uint8_t *bands,
                   size_t n, bool white, uint8_t *out);

#endif /* REAP_IO_CODEC_TIFF_MODE_H */
