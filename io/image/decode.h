/*
 * io/image/decode.h - the bytes of an image file to RGB pixels
 *
 * The format is told by content. Pixels are those of Pillow's convert("RGB"):
 * grey repeats, alpha is dropped, palettes are looked up, CMYK by Pillow's
 * integer formula; ICC profiles and gamma are ignored. In two steps, so that a
 * caller who knows the size from open() can ask read() for the rows and
 * columns it needs. Limits are checked on the header before pixels are
 * allocated. One handle per thread. Make the first handle of a process after
 * any fork().
 */
#ifndef REAP_IO_IMAGE_DECODE_H
#define REAP_IO_IMAGE_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/bytes.h"
#include "engine/base/err.h"
#include "io/file/limits.h"
#include "io/file/status.h"
#include "io/image/resample.h"

enum reap_format {
#define FORMAT(name, on, exact, words, codec) REAP_FORMAT_##name,
#include "io/image/formats.def"
#undef FORMAT
    REAP_N_FORMATS
};

#define REAP_MAX_PIXELS 178956970 /* Pillow's error limit */

enum reap_alpha { REAP_ALPHA_DROP, REAP_ALPHA_WHITE };

/* What decides a status; part of the fingerprint. */
struct reap_limits {
    uint64_t max_pixels; /* 0: REAP_MAX_PIXELS */
    bool keep_truncated; /* --on-truncated keep */
    bool orient;         /* --orient apply */
    bool depth16_scale;  /* --depth16 scale */
    enum reap_alpha alpha;
    unsigned formats; /* set of 1 << enum reap_format, 0: default */
};

/* What was found. 'status' is an enum reap_status; unless it is ok there are
 * no pixels, and 'reason' says why. */
struct reap_decoded {
    unsigned status, flags; /* enum reap_flag */
    char reason[REAP_REASON_MAX];
    enum reap_format format; /* REAP_N_FORMATS: none that is known */
    size_t h, w;             /* as the pixels will be; 0 if unknown */
};

/* Pixels, lent until the next call. */
struct reap_pixels {
    const uint8_t *data; /* pixel (have.row0, have.col0); RGB */
    size_t stride;       /* bytes from row to row */
    struct reap_window have;
};

struct reap_decode;

/* 'fast_dct': decode JPEG as TensorFlow does by default. Returns REAP_OK,
 * REAP_ENOMEM, or REAP_EBUG if libvips cannot start. */
int reap_decode_new(struct reap_decode **out, const struct reap_limits *limits,
                    bool fast_dct, struct reap_err *err) REAP_MUST_CHECK;

/* Look at the header of 'bytes', which are borrowed until read() returns. */
void reap_decode_open(struct reap_decode *d, struct reap_bytes bytes,
                      struct reap_decoded *out);

/*
 * Decode at least the pixels of 'want', after an open() that said ok. The
 * whole file is read even where few rows are wanted, so that what ends early
 * is noticed. Sets status, flags and reason in 'out'.
 */
void reap_decode_read(struct reap_decode *d, const struct reap_window *want,
                      struct reap_decoded *out, struct reap_pixels *pixels);

/* Memory of a large image is given back; called by the next open(), too. */
void reap_decode_done(struct reap_decode *d);

/* Free '*d', which becomes NULL; NULL does nothing. */
void reap_decode_free(struct reap_decode **d);

/* "libvips 8.14.1": who decodes the formats that are not exact. */
const char *reap_decode_version(void);

/* "jpeg", ...; "unknown" for REAP_N_FORMATS. */
const char *reap_format_name(enum reap_format format);

/* The set of formats whose pixels are Pillow's: what "all" stands for. */
unsigned reap_formats_exact(void);

/* Parse --formats: names joined by commas, "all", or NULL, which is 0, the
 * default set. REAP_EINVAL. */
int reap_formats_parse(const char *text, unsigned *out,
                       struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_IO_IMAGE_DECODE_H */
