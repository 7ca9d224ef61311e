/* What all formats share: telling them apart by their first bytes, limits on
 * sizes, the buffer of pixels, turning upright. A codec for each kind of file
 * (decode_<codec>.c) does the rest; resizing is left to resample.c. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/image/decode_impl.h"
#include "io/image/exif.h"

/* Buffers above this are given back after the image that needed them. */
enum { KEEP = 24 << 20, TINY = 32 };

static const struct {
    const char *name, *words;
    bool on;
    const struct reap_codec *codec;
} format[] = {
#define FORMAT(name, on, words, codec) \
    { #name, words, on, &reap_codec_##codec },
#include "io/image/formats.def"
#undef FORMAT
};

const char *reap_format_name(enum reap_format f)
{
    return f < REAP_N_FORMATS ? format[f].name : "unknown";
}

const char *reap_format_words(enum reap_format f)
{
    return f < REAP_N_FORMATS ? format[f].words : "image";
}

int reap_formats_parse(const char *text, unsigned *out, struct reap_err *err)
{
    *out = 0;
    if (!text)
        return REAP_OK;
    if (!strcmp(text, "all")) {
        *out = (1u << REAP_N_FORMATS) - 1;
        return REAP_OK;
    }
    for (const char *at = text;; at++) {
        size_t n = strcspn(at, ","), i = 0;

        while (i < REAP_N_FORMATS && (strlen(format[i].name) != n ||
                                      memcmp(format[i].name, at, n) != 0))
            i++;
        if (i == REAP_N_FORMATS)
            return reap_fail(err, REAP_EINVAL,
                             "--formats %s: all, or a list of jpeg, png, "
                             "webp, gif, bmp, tiff, ppm is needed",
                             text);
        *out |= 1u << i;
        at += n;
        if (!*at)
            return REAP_OK;
    }
}

void reap_decode_fail(struct reap_decoded *out, unsigned status,
                      const char *fmt, ...)
{
    va_list ap;

    out->status = status;
    va_start(ap, fmt);
    vsnprintf(out->reason, sizeof(out->reason), fmt, ap);
    va_end(ap);
}

static bool decode_grow(uint8_t **p, size_t *room, size_t size)
{
    if (size <= *room)
        return true;
    reap_free(*p);
    *p = reap_aligned(size);
    *room = *p ? size : 0;
    return *p != NULL;
}

static void shrink(uint8_t **p, size_t *room)
{
    if (*room <= KEEP)
        return;
    reap_free(*p);
    *p = NULL;
    *room = 0;
}

bool reap_decode_room(struct reap_decode *d, size_t rows, size_t cols,
                      struct reap_decoded *out)
{
    if (decode_grow(&d->pix, &d->pix_room,
                    3 * rows * cols + REAP_RESAMPLE_SLACK))
        return true;
    reap_decode_fail(out, REAP_STATUS_too_large,
                     "%zu x %zu pixels do not fit into memory", cols, rows);
    return false;
}

bool reap_decode_size(struct reap_decode *d, uint64_t h, uint64_t w,
                      struct reap_decoded *out)
{
    if (!h || !w) {
        reap_decode_fail(out, REAP_STATUS_corrupt, "the image has no pixels");
        return false;
    }
    if (h > UINT32_MAX || w > UINT32_MAX || h * w > d->limits.max_pixels) {
        reap_decode_fail(out, REAP_STATUS_too_large,
                         "%llu x %llu pixels, --max-pixels is %llu",
                         (unsigned long long)w, (unsigned long long)h,
                         (unsigned long long)d->limits.max_pixels);
        return false;
    }
    out->h = (size_t)h;
    out->w = (size_t)w;
    return true;
}

void reap_decode_rows(struct reap_decode *d, const struct reap_window *want,
                      const struct reap_decoded *out,
                      struct reap_pixels *pixels)
{
    pixels->data = d->pix;
    pixels->stride = 3 * out->w;
    pixels->have = (struct reap_window){ want->row0, want->row1, 0, out->w };
}

static bool decode_starts(struct reap_bytes b, const char *with, size_t n)
{
    return b.len >= n && !memcmp(b.data, with, n);
}

static enum reap_format signature(struct reap_bytes b)
{
    if (decode_starts(b, "\xff\xd8\xff", 3))
        return REAP_FORMAT_jpeg;
    if (decode_starts(b, "\x89PNG\r\n\x1a\n", 8))
        return REAP_FORMAT_png;
    if (decode_starts(b, "RIFF", 4) && b.len >= 12 &&
        !memcmp(b.data + 8, "WEBP", 4))
        return REAP_FORMAT_webp;
    if (decode_starts(b, "GIF87a", 6) || decode_starts(b, "GIF89a", 6))
        return REAP_FORMAT_gif;
    if (decode_starts(b, "BM", 2))
        return REAP_FORMAT_bmp;
    if (decode_starts(b, "II*\0", 4) || decode_starts(b, "MM\0*", 4) ||
        decode_starts(b, "II\0*", 4) || decode_starts(b, "MM*\0", 4) ||
        decode_starts(b, "II+\0", 4) || decode_starts(b, "MM\0+", 4))
        return REAP_FORMAT_tiff;
    if (b.len >= 3 && b.data[0] == 'P' && b.data[1] >= '1' &&
        b.data[1] <= '6' && memchr(" \t\r\n#", b.data[2], 5))
        return REAP_FORMAT_ppm;
    return REAP_N_FORMATS;
}

int reap_decode_new(struct reap_decode **out, const struct reap_limits *limits,
                    bool fast_dct, struct reap_err *err)
{
    struct reap_decode *d = reap_calloc(1, sizeof(*d));

    *out = NULL;
    if (!d)
        return reap_fail(err, REAP_ENOMEM, "no memory for a decoder");
    d->limits = *limits;
    d->fast_dct = fast_dct;
    if (!d->limits.max_pixels)
        d->limits.max_pixels = REAP_MAX_PIXELS;
    if (!d->limits.formats)
        for (unsigned i = 0; i < REAP_N_FORMATS; i++)
            d->limits.formats |= (unsigned)format[i].on << i;
    if (!reap_vips_new(&d->vips)) {
        reap_decode_free(&d);
        return reap_fail(err, REAP_EBUG, "libvips does not start");
    }
    *out = d;
    return REAP_OK;
}

static void turn_size(const struct reap_decode *d, struct reap_decoded *out)
{
    size_t h = out->h;

    if (d->orientation < 5)
        return;
    out->h = out->w;
    out->w = h;
}

void reap_decode_open(struct reap_decode *d, struct reap_bytes bytes,
                      struct reap_decoded *out)
{
    bool apply;

    reap_decode_done(d);
    memset(out, 0, sizeof(*out));
    out->format = REAP_N_FORMATS;
    d->orientation = 1;
    if (!bytes.len) {
        reap_decode_fail(out, REAP_STATUS_empty, "no bytes");
        return;
    }
    out->format = signature(bytes);
    if (out->format == REAP_N_FORMATS) {
        reap_decode_fail(out, REAP_STATUS_unsupported,
                         "no image format that is known");
        return;
    }
    if (!(d->limits.formats & (1u << out->format))) {
        reap_decode_fail(out, REAP_STATUS_unsupported,
                         "%s is not among the accepted formats (--formats)",
                         format[out->format].words);
        return;
    }
    d->bytes = bytes;
    format[out->format].codec->open(d, out);
    if (out->status)
        return;
    /* a codec may know it already: TIFF's */
    if (d->orientation == 1)
        d->orientation = reap_exif_orientation(out->format, bytes);
    if (d->orientation != 1)
        out->flags |= REAP_FLAG_oriented;
    if (out->h < TINY || out->w < TINY)
        out->flags |= REAP_FLAG_tiny;
    /* Pillow turns TIFF by itself, and no other format. */
    apply = d->limits.orient || out->format == REAP_FORMAT_tiff;
    d->orientation = apply ? d->orientation : 1;
    turn_size(d, out);
}

/* Pixels as stored to upright ones. */
static void decode_turn(struct reap_decode *d, struct reap_decoded *out,
                        struct reap_pixels *pixels)
{
    size_t h = pixels->have.row1, w = pixels->have.col1;

    if (!decode_grow(&d->turned, &d->turned_room,
                     3 * h * w + REAP_RESAMPLE_SLACK)) {
        reap_decode_fail(out, REAP_STATUS_too_large,
                         "%zu x %zu pixels do not fit into memory", w, h);
        return;
    }
    reap_exif_turn(d->orientation, h, w, pixels->data, pixels->stride,
                   d->turned);
    pixels->data = d->turned;
    pixels->stride = 3 * out->w;
    pixels->have = (struct reap_window){ 0, out->h, 0, out->w };
}

void reap_decode_read(struct reap_decode *d, const struct reap_window *want,
                      struct reap_decoded *out, struct reap_pixels *pixels)
{
    struct reap_window all;

    memset(pixels, 0, sizeof(*pixels));
    turn_size(d, out); /* as stored */
    all = (struct reap_window){ 0, out->h, 0, out->w };
    format[out->format].codec->read(d, d->orientation > 1 ? &all : want, out,
                                    pixels);
    turn_size(d, out);
    if (!out->status && d->orientation > 1)
        decode_turn(d, out, pixels);
}

void reap_decode_done(struct reap_decode *d)
{
    reap_vips_close(d->vips);
    shrink(&d->pix, &d->pix_room);
    shrink(&d->turned, &d->turned_room);
    d->bytes = (struct reap_bytes){ 0 };
}

void reap_decode_free(struct reap_decode **dp)
{
    struct reap_decode *d = *dp;

    if (!d)
        return;
    reap_jpeg_free(&d->jpeg);
    reap_vips_free(&d->vips);
    reap_free(d->pix);
    reap_free(d->turned);
    reap_free(d);
    *dp = NULL;
}
