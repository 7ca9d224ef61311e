/* A walk through the containers of JPEG, PNG, WebP and TIFF to the one tag that
 * is wanted, with every offset checked; and the eight ways to turn pixels. */
#include <string.h>

#include "io/image/exif.h"

enum { ORIENTATION = 0x0112, SHORT = 3 };

static uint32_t u16(const uint8_t *p, bool big)
{
    return big ? (uint32_t)p[0] << 8 | p[1] : (uint32_t)p[1] << 8 | p[0];
}

static uint32_t u32(const uint8_t *p, bool big)
{
    return big ? u16(p, big) << 16 | u16(p + 2, big)
               : u16(p + 2, big) << 16 | u16(p, big);
}

/* The tag in the first directory of a TIFF structure. */
static int from_tiff(struct reap_bytes t)
{
    bool big;
    size_t at, n;

    if (t.len < 8 ||
        (memcmp(t.data, "II*\0", 4) != 0 && memcmp(t.data, "MM\0*", 4) != 0))
        return 1;
    big = t.data[0] == 'M';
    at = u32(t.data + 4, big);
    if (at > t.len - 2)
        return 1;
    n = u16(t.data + at, big);
    at += 2;
    for (size_t i = 0; i < n && t.len - at >= 12; i++, at += 12) {
        const uint8_t *p = t.data + at;
        uint32_t v = u16(p + 8, big);

        if (u16(p, big) == ORIENTATION)
            return u16(p + 2, big) == SHORT && v >= 1 && v <= 8 ? (int)v : 1;
    }
    return 1;
}

static struct reap_bytes skip(struct reap_bytes b, size_t n)
{
    return (struct reap_bytes){ b.data + n, b.len - n };
}

/* "Exif", two zeros, then a TIFF structure. */
static int from_app1(struct reap_bytes b)
{
    return b.len > 6 && !memcmp(b.data, "Exif\0\0", 6) ? from_tiff(skip(b, 6))
                                                       : 1;
}

static int from_jpeg(struct reap_bytes f)
{
    size_t at = 2;

    while (f.len - at >= 4 && f.data[at] == 0xff) {
        unsigned marker = f.data[at + 1];
        size_t len = u16(f.data + at + 2, true);
        int found;

        if (marker == 0xff) { /* fill */
            at++;
            continue;
        }
        if (marker == 0xda || marker == 0xd9 || len < 2 || len > f.len - at - 2)
            break;
        found = marker == 0xe1
                    ? from_app1((struct reap_bytes){ f.data + at + 4, len - 2 })
                    : 1;
        if (found > 1)
            return found;
        at += 2 + len;
    }
    return 1;
}

/* A PNG's chunk or a WebP's, whose length comes before or behind its name. */
static int from_chunks(struct reap_bytes f, bool png)
{
    size_t at = png ? 8 : 12;

    while (f.len > at && f.len - at >= 8) {
        const uint8_t *p = f.data + at;
        size_t len = png ? u32(p, true) : u32(p + 4, false), rest;
        struct reap_bytes body = { p + 8, len };

        rest = f.len - at - 8;
        if (len > rest)
            break;
        if (!memcmp(png ? p + 4 : p, png ? "eXIf" : "EXIF", 4))
            return len > 6 && !memcmp(body.data, "Exif\0\0", 6)
                       ? from_app1(body)
                       : from_tiff(body);
        len = png ? len + 4 : len + len % 2;
        if (len > rest)
            break;
        at += 8 + len;
    }
    return 1;
}

int reap_exif_orientation(enum reap_format format, struct reap_bytes file)
{
    if (file.len < 12)
        return 1;
    switch (format) {
    case REAP_FORMAT_jpeg:
        return from_jpeg(file);
    case REAP_FORMAT_png:
        return from_chunks(file, true);
    case REAP_FORMAT_webp:
        return from_chunks(file, false);
    case REAP_FORMAT_tiff:
        return from_tiff(file);
    default:
        return 1;
    }
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
