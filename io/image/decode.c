/* What all formats share: telling them apart by their first bytes, limits on
 * sizes, the buffer of pixels, turning upright. A codec for each kind of file
 * (decode_<codec>.c) does the rest; resizing is left to resample.c. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "engine/base/mem.h"
#include "io/image/decode_impl.h"
#include "io/image/exif.h"

/* Buffers above this are given back after the image that needed them. */
enum { KEEP = 24 << 20, TINY = 32 };

static const struct {
    const char *name, *words;
    bool on, exact;
    const struct reap_codec *codec;
} format[] = {
#define FORMAT(name, on, exact, words, codec) \
    { #name, words, on, exact, &reap_codec_##codec },
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

unsigned reap_formats_exact(void)
{
    unsigned set = 0;

    for (unsigned i = 0; i < REAP_N_FORMATS; i++)
        set |= (unsigned)format[i].exact << i;
    return set;
}

int reap_formats_parse(const char *text, unsigned *out, struct reap_err *err)
{
    *out = 0;
    if (!text)
        return REAP_OK;
    if (!strcmp(text, "all")) {
        *out = reap_formats_exact();
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
                             "webp, gif, bmp, tiff, ppm, avif, heic, jxl is "
                             "needed",
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

/* Kinds of ISO base media files by their brands: an image of a sequence says
 * in its list what it is. */
static enum reap_format brand(struct reap_bytes b)
{
    size_t n = b.len >= 16 ? (size_t)b.data[2] << 8 | b.data[3] : 0;
    enum reap_format found = REAP_N_FORMATS;

    if (n > b.len)
        n = b.len;
    for (size_t at = 8; at + 4 <= n; at += at == 8 ? 8 : 4) {
        const char *p = (const char *)b.data + at;

        if (!memcmp(p, "avif", 4) || !memcmp(p, "avis", 4))
            return REAP_FORMAT_avif;
        if (!memcmp(p, "hei", 3) || !memcmp(p, "hev", 3) ||
            !memcmp(p, "mif1", 4) || !memcmp(p, "msf1", 4))
            found = REAP_FORMAT_heic;
    }
    return found;
}

static enum reap_format signature(struct reap_bytes b)
{
    static const struct {
        const char *bytes;
        size_t at, n;
        enum reap_format format;
    } sign[] = {
        { "\xff\xd8\xff", 0, 3, REAP_FORMAT_jpeg },
        { "\x89PNG\r\n\x1a\n", 0, 8, REAP_FORMAT_png },
        { "GIF87a", 0, 6, REAP_FORMAT_gif },
        { "GIF89a", 0, 6, REAP_FORMAT_gif },
        { "BM", 0, 2, REAP_FORMAT_bmp },
        { "II*\0", 0, 4, REAP_FORMAT_tiff },
        { "MM\0*", 0, 4, REAP_FORMAT_tiff },
        { "II\0*", 0, 4, REAP_FORMAT_tiff },
        { "MM*\0", 0, 4, REAP_FORMAT_tiff },
        { "II+\0", 0, 4, REAP_FORMAT_tiff }, /* BigTIFF */
        { "MM\0+", 0, 4, REAP_FORMAT_tiff },
        { "\xff\x0a", 0, 2, REAP_FORMAT_jxl },
        { "\0\0\0\x0cJXL \r\n\x87\n", 0, 12, REAP_FORMAT_jxl },
    };

    if (decode_starts(b, "RIFF", 4) && b.len >= 12 &&
        !memcmp(b.data + 8, "WEBP", 4))
        return REAP_FORMAT_webp;
    if (b.len >= 3 && b.data[0] == 'P' && b.data[1] >= '1' &&
        b.data[1] <= '6' && memchr(" \t\r\n\v\f#", b.data[2], 7))
        return REAP_FORMAT_ppm;
    for (size_t i = 0; i < sizeof(sign) / sizeof(sign[0]); i++)
        if (decode_starts(b, sign[i].bytes, sign[i].n))
            return sign[i].format;
    if (b.len >= 16 && !memcmp(b.data + 4, "ftyp", 4))
        return brand(b);
    return REAP_N_FORMATS;
}

/* Is it text that begins with an element of 'name', whatever the case? */
static bool has_tag(struct reap_bytes b, const char *name)
{
    const size_t n = strlen(name), most = b.len < 1024 ? b.len : 1024;
    size_t at = 0;

    while (at < most && (b.data[at] <= ' ' || b.data[at] >= 0x80))
        at++; /* blanks and a byte order mark */
    if (at >= most || b.data[at] != '<')
        return false;
    for (; at + n <= most; at++)
        if (!strncasecmp((const char *)b.data + at, name, n))
            return true;
    return false;
}

/* What a file of no image format is, as far as it can be told. */
static const char *wrong_file(struct reap_bytes b)
{
    static const struct {
        size_t at, n;
        const char *bytes, *words;
    } wrong[] = {
#define WRONG(at, bytes, words) { at, sizeof(bytes) - 1, bytes, words },
#include "io/image/wrong_files.def"
#undef WRONG
    };
    size_t zeros = 0;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (b.len >= wrong[i].at + wrong[i].n &&
            !memcmp(b.data + wrong[i].at, wrong[i].bytes, wrong[i].n))
            return wrong[i].words;
    if (has_tag(b, "<svg"))
        return "SVG";
    if (has_tag(b, "<html") || has_tag(b, "<!doctype html"))
        return "a web page (HTML)";
    if (has_tag(b, "<?xml"))
        return "XML";
    while (zeros < b.len && !b.data[zeros])
        zeros++;
    return zeros == b.len ? "nothing but zero bytes" : NULL;
}

/* No format that is read, or none that is accepted. */
static void not_taken(struct reap_bytes b, struct reap_decoded *out)
{
    const char *wrong = NULL;

    if (out->format == REAP_N_FORMATS)
        wrong = wrong_file(b);
    if (wrong)
        reap_decode_fail(out, REAP_STATUS_unsupported,
                         "this is %s, which is not read", wrong);
    else if (out->format == REAP_N_FORMATS)
        reap_decode_fail(out, REAP_STATUS_unsupported,
                         "no image format that is known");
    else if (format[out->format].on)
        reap_decode_fail(out, REAP_STATUS_unsupported,
                         "%s is not among the accepted formats (--formats)",
                         format[out->format].words);
    else
        reap_decode_fail(out, REAP_STATUS_unsupported,
                         "%s, not read by default: "
                         "--formats jpeg,png,webp,%s reads it%s",
                         format[out->format].words, format[out->format].name,
                         format[out->format].exact ? ""
                                                   : ", but not bit-exact");
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
    if (out->format == REAP_N_FORMATS ||
        !(d->limits.formats & (1u << out->format))) {
        not_taken(bytes, out);
        return;
    }
    if (!format[out->format].exact)
        out->flags |= REAP_FLAG_inexact;
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
