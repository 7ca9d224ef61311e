/* io/image/decode_impl.h - what decode.c and its codecs share */
#ifndef REAP_IO_IMAGE_DECODE_IMPL_H
#define REAP_IO_IMAGE_DECODE_IMPL_H

#include "io/image/decode.h"

struct reap_jpeg;
struct reap_vips;

struct reap_decode {
    struct reap_limits limits;
    bool fast_dct;
    struct reap_bytes bytes; /* of the image at hand */
    uint8_t *pix, *turned;   /* pixels as stored, and upright */
    size_t pix_room, turned_room;
    int orientation; /* EXIF's, 1 to 8 */
    struct reap_jpeg *jpeg;
    struct reap_vips *vips;
};

/* A format's reader. open() sets h and w as stored, flags, and status and
 * reason if it fails; read() then fills d->pix. Both may be called once. */
struct reap_codec {
    void (*open)(struct reap_decode *d, struct reap_decoded *out);
    void (*read)(struct reap_decode *d, const struct reap_window *want,
                 struct reap_decoded *out, struct reap_pixels *pixels);
};

extern const struct reap_codec reap_codec_jpeg, reap_codec_vips, reap_codec_bmp,
    reap_codec_gif, reap_codec_ppm, reap_codec_tiff;

/* "JPEG", ...: a format as people write it. */
const char *reap_format_words(enum reap_format format);

/* Set status and reason. */
void reap_decode_fail(struct reap_decoded *out, unsigned status,
                      const char *fmt, ...) REAP_PRINTF(3, 4);

/* Room for (rows, cols, 3) pixels and the resampler's slack in d->pix; false
 * and a reason if there is no memory. */
bool reap_decode_room(struct reap_decode *d, size_t rows, size_t cols,
                      struct reap_decoded *out);

/* h x w against the limits; false and a reason if it is too much. */
bool reap_decode_size(struct reap_decode *d, uint64_t h, uint64_t w,
                      struct reap_decoded *out);

/* Fill 'pixels' with the rows of 'want', d->pix being whole rows of them. */
void reap_decode_rows(struct reap_decode *d, const struct reap_window *want,
                      const struct reap_decoded *out,
                      struct reap_pixels *pixels);

/* Both exist from the first use until reap_decode_free(). */
void reap_jpeg_free(struct reap_jpeg **j);
bool reap_vips_new(struct reap_vips **v);  /* false: no memory */
void reap_vips_close(struct reap_vips *v); /* drop the image at hand */
void reap_vips_free(struct reap_vips **v);

#endif /* REAP_IO_IMAGE_DECODE_IMPL_H */
