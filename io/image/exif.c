#define _GNU_SOURCE
#include <string.h>

#include "engine/base/mem.h"
#include "io/codec/exif_tag.h"
#include "io/codec/jpeg_walk.h"
#include "io/codec/png_walk.h"
#include "io/image/exif.h"

/* What a file says of itself: EXIF and XMP, as bytes in the file or made. */
struct found {
    struct reap_bytes exif, xmp;
    uint8_t *made[2]; /* to be freed */
};

static bool begins(struct reap_bytes b, const char *with, size_t n)
{
    return b.len >= n && !memcmp(b.data, with, n);
}

static struct reap_bytes exif_skip(struct reap_bytes b, size_t n)
{
    return (struct reap_bytes){ b.data + n, b.len - n };
}

/* A second segment goes on where the first ended. */
static void join(struct found *f, struct reap_bytes more)
{
    uint8_t *all = reap_calloc(1, f->exif.len + more.len + 1);

    if (!all)
        return;
    memcpy(all, f->exif.data, f->exif.len);
    memcpy(all + f->exif.len, more.data, more.len);
    f->exif = (struct reap_bytes){ all, f->exif.len + more.len };
    reap_free(f->made[0]);
    f->made[0] = all;
}

static void from_jpeg(struct found *f, struct reap_bytes file)
{
    static const char xap[] = "http://ns.adobe.com/xap/1.0/";
    enum { APP1 = 0xe1 };
    struct reap_jpeg_walk w;

    reap_jpeg_walk(&w, file);
    while (reap_jpeg_walk_next(&w)) {
        if (w.marker != APP1)
            continue;
        if (begins(w.body, "Exif\0\0", 6) && f->exif.data)
            join(f, exif_skip(w.body, 6));
        else if (begins(w.body, "Exif\0\0", 6))
            f->exif = w.body;
        else if (begins(w.body, xap, sizeof(xap)))
            f->xmp = exif_skip(w.body, sizeof(xap));
    }
}

/* The text of a chunk after its key, unpacked if need be; false if there is
 * none. 'made' owns what had to be unpacked. */
static bool text_of(const struct reap_png_walk *w, size_t key,
                    struct reap_bytes *out, uint8_t **made)
{
    struct reap_bytes b = exif_skip(w->body, key + 1);
    bool packed = !strcmp(w->name, "zTXt");
    size_t n;

    if (!strcmp(w->name, "iTXt")) {
        packed = b.len && b.data[0];
        for (int i = 0; i < 2; i++) { /* language, key in it */
            size_t skip = i ? 0 : 2;
            const uint8_t *p =
                b.len > skip ? memchr(b.data + skip, 0, b.len - skip) : NULL;

            if (!p)
                return false;
            b = exif_skip(b, (size_t)(p - b.data) + 1);
        }
    } else if (packed) {
        b = exif_skip(b, b.len ? 1 : 0);
    }
    *out = b;
    if (!packed)
        return true;
    reap_free(*made);
    *made = reap_aligned(REAP_PNG_TEXT_MAX);
    n = *made ? reap_png_unpack(b, *made) : 0;
    *out = (struct reap_bytes){ *made, n == SIZE_MAX ? 0 : n };
    return true;
}

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9'                 ? c - '0'
           : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                : -1;
}

/* ImageMagick's way to keep EXIF: three lines, then hexadecimal digits. They
 * are made bytes in place, in a copy. */
static void from_raw(struct found *f, struct reap_bytes text)
{
    uint8_t *to = reap_calloc(1, text.len + 1);
    size_t at = 0, n = 0;
    int high = -1;

    for (int i = 0; i < 3 && at < text.len; at++)
        i += text.data[at] == '\n';
    for (; to && at < text.len; at++) {
        int v = hex_digit(text.data[at]);

        if (v < 0)
            continue; /* blanks; else Pillow fails */
        if (high >= 0)
            to[n++] = (uint8_t)(high << 4 | v);
        high = high >= 0 ? -1 : v;
    }
    reap_free(f->made[0]);
    f->made[0] = to;
    f->exif = (struct reap_bytes){ to, to ? n : 0 };
}

/* An eXIf chunk counts before a raw profile; of each, the last. */
static void from_png(struct found *f, struct reap_bytes file)
{
    static const char raw[] = "Raw profile type exif",
                      xmp[] = "XML:com.adobe.xmp";
    struct reap_png_walk w;
    struct reap_bytes text, profile = { 0 };
    uint8_t *unpacked = NULL;

    reap_png_walk(&w, file);
    while (reap_png_walk_next(&w)) {
        if (!strcmp(w.name, "eXIf"))
            f->exif = w.body;
        else if (strcmp(w.name + 1, "TXt") != 0 && strcmp(w.name, "tEXt") != 0)
            continue;
        else if (begins(w.body, xmp, sizeof(xmp)) &&
                 text_of(&w, sizeof(xmp) - 1, &text, &f->made[1]))
            f->xmp = text;
        else if (begins(w.body, raw, sizeof(raw)) &&
                 text_of(&w, sizeof(raw) - 1, &text, &unpacked))
            profile = text;
    }
    if (!f->exif.data && profile.data)
        from_raw(f, profile);
    reap_free(unpacked);
}

/* The chunks count where the file's header says that they are there. */
static void from_webp(struct found *f, struct reap_bytes file)
{
    enum { EXTENDED = 12, FLAGS = 20, HAS_EXIF = 8, HAS_XMP = 4 };
    size_t at = EXTENDED;
    unsigned flags;

    if (file.len < FLAGS + 1 || memcmp(file.data + EXTENDED, "VP8X", 4) != 0)
        return;
    flags = file.data[FLAGS];
    while (file.len > at && file.len - at >= 8) {
        const uint8_t *p = file.data + at;
        size_t n =
            (size_t)p[7] << 24 | (size_t)p[6] << 16 | (size_t)p[5] << 8 | p[4];
        struct reap_bytes body = { p + 8, n };

        if (n > file.len - at - 8)
            break;
        if (!memcmp(p, "EXIF", 4) && flags & HAS_EXIF && !f->exif.data)
            f->exif = body;
        if (!memcmp(p, "XMP ", 4) && flags & HAS_XMP && !f->xmp.data)
            f->xmp = body;
        at += 8 + n + n % 2;
    }
}

int reap_exif_orientation(enum reap_format format, struct reap_bytes file)
{
    struct found f = { 0 };
    int o = REAP_EXIF_NONE;

    if (format == REAP_FORMAT_jpeg)
        from_jpeg(&f, file);
    else if (format == REAP_FORMAT_png)
        from_png(&f, file);
    else if (format == REAP_FORMAT_webp)
        from_webp(&f, file);
    if (f.exif.len)
        o = reap_exif_tag(f.exif);
    if (o == REAP_EXIF_NONE)
        o = reap_exif_xmp(f.xmp);
    reap_free(f.made[0]);
    reap_free(f.made[1]);
    return o >= 1 && o <= 8 ? o : 1;
}

void reap_exif_turn(int orientation, size_t h, size_t w, const uint8_t *src,
                    size_t stride, uint8_t *dst)
{
    int o = orientation - 1; /* as Pillow's transpose() of that name */
    bool swap = o >= 4;      /* rows become columns */
    bool from_right = o == 1 || o == 2 || o == 6 || o == 7;
    bool from_below = o == 2 || o == 3 || o == 5 || o == 6;
    size_t out_h = swap ? w : h, out_w = swap ? h : w;

    for (size_t y = 0; y < out_h; y++)
        for (size_t x = 0; x < out_w; x++, dst += 3) {
            size_t row = swap ? x : y, col = swap ? y : x;

            if (from_below)
                row = h - 1 - row;
            if (from_right)
                col = w - 1 - col;
            memcpy(dst, src + row * stride + 3 * col, 3);
        }
}
