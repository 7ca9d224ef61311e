/* PNG, WebP, AVIF, HEIC and JPEG XL through libvips, which only unpacks them:
 * colours are made RGB here, by Pillow's rules. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <vips/vips.h>

#include "engine/base/mem.h"
#include "io/image/decode_impl.h"
#include "io/codec/png_walk.h"
#include "io/image/truncation.h"

enum { STRIP = 16 /* rows pulled at a time */ };

/* Of one row: 'n' pixels of 'bands' samples to RGB. */
struct kind {
    size_t bands;     /* samples a pixel */
    bool wide;        /* 16 bits a sample */
    bool clip;        /* wide grey: saturate, not the high byte */
    bool cmyk, white; /* inks; blend on white */
};

struct reap_vips {
    VipsImage *image; /* at hand, or NULL */
    struct kind kind;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void no_log(const gchar *domain, GLogLevelFlags level,
                   const gchar *words, gpointer data)
{
    (void)domain, (void)level, (void)words, (void)data;
}

/* No operation may read a file but the loaders that are named here. */
static void decode_vips_start(void)
{
    static const char *const allowed[] = { "VipsForeignLoadPng",
                                           "VipsForeignLoadWebp",
                                           "VipsForeignLoadHeif",
                                           "VipsForeignLoadJxl" };

    if (VIPS_INIT("reap"))
        return;
    g_log_set_handler("VIPS", G_LOG_LEVEL_MASK, no_log, NULL);
    vips_concurrency_set(1);
    vips_cache_set_max(0);
    vips_cache_set_max_mem(0);
    vips_cache_set_max_files(0);
    vips_block_untrusted_set(TRUE);
    vips_operation_block_set("VipsForeignLoad", TRUE);
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
        vips_operation_block_set(allowed[i], FALSE);
}

bool reap_vips_new(struct reap_vips **v)
{
    pthread_once(&once, decode_vips_start);
    *v = vips_version(0) ? reap_calloc(1, sizeof(**v)) : NULL;
    return *v != NULL;
}

void reap_vips_close(struct reap_vips *v)
{
    if (v && v->image)
        g_object_unref(v->image);
    if (v)
        v->image = NULL;
}

void reap_vips_free(struct reap_vips **v)
{
    if (!*v)
        return;
    reap_vips_close(*v);
    reap_free(*v);
    *v = NULL;
}

/* libvips has one buffer of complaints for all threads: who reads it gets those
 * of others, so it is only emptied. */
static void decode_vips_fail(struct reap_decode *d, struct reap_decoded *out)
{
    bool cut = reap_truncated(out->format, d->bytes);

    vips_error_clear();
    reap_decode_fail(out, cut ? REAP_STATUS_truncated : REAP_STATUS_corrupt,
                     "%s %s", reap_format_words(out->format),
                     cut ? "ends early" : "is damaged");
}

const char *reap_decode_version(void)
{
    return vips_version_string();
}

static int decode_vips_load(enum reap_format format, struct reap_bytes b,
                            VipsFailOn fail_on, VipsImage **im)
{
    void *data = (void *)(uintptr_t)b.data; /* is read only */

    switch (format) {
    case REAP_FORMAT_png:
        return vips_pngload_buffer(data, b.len, im, "access",
                                   VIPS_ACCESS_SEQUENTIAL, "fail_on", fail_on,
                                   NULL);
    case REAP_FORMAT_webp:
        return vips_webpload_buffer(data, b.len, im, "access",
                                    VIPS_ACCESS_SEQUENTIAL, "fail_on", fail_on,
                                    NULL);
    case REAP_FORMAT_avif:
    case REAP_FORMAT_heic:
        return vips_heifload_buffer(data, b.len, im, "fail_on", fail_on, NULL);
    case REAP_FORMAT_jxl:
        return vips_jxlload_buffer(data, b.len, im, "fail_on", fail_on, NULL);
    default:
        return -1;
    }
}

/* Some builds of libvips lack a reader. */
static bool has_reader(enum reap_format format)
{
    const char *name = format == REAP_FORMAT_jxl    ? "jxlload_buffer"
                       : format == REAP_FORMAT_avif ? "heifload_buffer"
                       : format == REAP_FORMAT_heic ? "heifload_buffer"
                                                    : NULL;

    return !name || vips_type_find("VipsOperation", name);
}

/* What the samples are; false for kinds that are no photograph. */
static bool decode_vips_look(struct reap_decode *d, struct reap_decoded *out)
{
    VipsImage *im = d->vips->image;
    struct kind *k = &d->vips->kind;
    enum { PNG_COLOUR = 25, PNG_GREY = 0 };
    bool grey16;

    memset(k, 0, sizeof(*k));
    k->bands = (size_t)im->Bands;
    k->wide = im->BandFmt == VIPS_FORMAT_USHORT;
    k->cmyk = im->Type == VIPS_INTERPRETATION_CMYK;
    k->white = d->limits.alpha == REAP_ALPHA_WHITE;
    if (k->bands < 1 || k->bands > 4 || (k->cmyk && k->bands != 4) ||
        (!k->wide && im->BandFmt != VIPS_FORMAT_UCHAR)) {
        reap_decode_fail(out, REAP_STATUS_unsupported,
                         "%d bands of %s are no picture", im->Bands,
                         vips_enum_nick(VIPS_TYPE_BAND_FORMAT, im->BandFmt));
        return false;
    }
    /* Pillow reads 16-bit grey whole and clips it when it converts; of grey
     * with an alpha channel it reads the high bytes. */
    grey16 = k->wide && k->bands < 3 && out->format == REAP_FORMAT_png &&
             d->bytes.data[PNG_COLOUR] == PNG_GREY;
    k->clip = grey16 && !d->limits.depth16_scale;
    out->flags |= (k->bands < 3 ? REAP_FLAG_grey : 0) |
                  (k->bands % 2 == 0 && !k->cmyk ? REAP_FLAG_alpha : 0) |
                  (k->wide ? REAP_FLAG_depth16 : 0) |
                  (k->cmyk ? REAP_FLAG_cmyk : 0);
    return true;
}

/* What Pillow asks of the chunks; libpng may be content with less, and a text
 * that unpacks without an end would keep it busy. */
static bool png_fits(struct reap_decode *d, struct reap_decoded *out)
{
    bool cut;
    const char *fault = reap_png_fault(d->bytes, &cut);

    if (fault)
        reap_decode_fail(out, REAP_STATUS_corrupt, "PNG with %s", fault);
    return !fault;
}

static void vips_open(struct reap_decode *d, struct reap_decoded *out)
{
    VipsFailOn fail_on =
        d->limits.keep_truncated ? VIPS_FAIL_ON_NONE : VIPS_FAIL_ON_TRUNCATED;
    VipsImage *im = NULL;

    if (out->format == REAP_FORMAT_png && !png_fits(d, out))
        return;
    if (!has_reader(out->format)) {
        reap_decode_fail(out, REAP_STATUS_unsupported,
                         "%s: this machine's libvips has no reader of it",
                         reap_format_words(out->format));
        return;
    }
    if (decode_vips_load(out->format, d->bytes, fail_on, &im)) {
        decode_vips_fail(d, out);
        return;
    }
    d->vips->image = im;
    if (reap_decode_size(d, (uint64_t)im->Ysize, (uint64_t)im->Xsize, out))
        (void)decode_vips_look(d, out);
}

static unsigned muldiv255(unsigned a, unsigned b)
{
    unsigned t = a * b + 128;

    return ((t >> 8) + t) >> 8;
}

static unsigned sample(const struct kind *k, const void *row, size_t i)
{
    unsigned v;

    if (!k->wide)
        return ((const uint8_t *)row)[i];
    v = ((const uint16_t *)row)[i];
    return !k->clip ? v >> 8 : v > 255 ? 255 : v;
}

static void convert(const struct kind *k, const void *row, size_t n,
                    uint8_t *out)
{
    bool colour = k->bands > 2, alpha = k->bands % 2 == 0;
    struct kind high = *k;

    high.clip = false; /* alpha is never clipped */
    for (size_t x = 0; x < n; x++)
        for (size_t c = 0; c < 3; c++) {
            size_t at = x * k->bands, last = at + k->bands - 1;
            unsigned v = sample(k, row, at + (colour ? c : 0));

            if (k->cmyk) {
                unsigned nk = 255 - sample(k, row, last);

                v = nk - muldiv255(v, nk);
            } else if (alpha && k->white) {
                unsigned a = sample(&high, row, last);

                v = muldiv255(v, a) + 255 - a;
            }
            *out++ = (uint8_t)v;
        }
}

/* Whole rows are pulled through in order, so that no thread is needed. */
static bool pull(struct reap_decode *d, VipsRegion *region,
                 const struct reap_window *want, const struct reap_decoded *out)
{
    for (size_t y = 0; y < out->h; y += STRIP) {
        size_t n = out->h - y < STRIP ? out->h - y : STRIP;
        VipsRect rect = { 0, (int)y, (int)out->w, (int)n };

        if (vips_region_prepare(region, &rect))
            return false;
        for (size_t i = y; i < y + n; i++)
            if (i >= want->row0 && i < want->row1)
                convert(&d->vips->kind, VIPS_REGION_ADDR(region, 0, (int)i),
                        out->w, d->pix + (i - want->row0) * 3 * out->w);
    }
    return true;
}

static void vips_read(struct reap_decode *d, const struct reap_window *want,
                      struct reap_decoded *out, struct reap_pixels *pixels)
{
    VipsRegion *region;

    if (!reap_decode_room(d, want->row1 - want->row0, out->w, out))
        return;
    region = vips_region_new(d->vips->image);
    if (!region || !pull(d, region, want, out))
        decode_vips_fail(d, out);
    if (region)
        g_object_unref(region);
    reap_vips_close(d->vips);
    reap_decode_rows(d, want, out, pixels);
}

const struct reap_codec reap_codec_vips = { vips_open, vips_read };
