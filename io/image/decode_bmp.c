/* Uncompressed Windows bitmaps of 1, 4, 8, 24 or 32 bits a pixel. */
#include <string.h>

#include "io/image/decode_impl.h"

enum { FILE_HEADER = 14, INFO_HEADER = 40, RGB = 0, BITFIELDS = 3 };

static uint32_t u32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 |
           p[0];
}

struct bmp {
    uint32_t data, header, colours; /* offset, length, palette's entries */
    unsigned bits;
    bool top_down;
    size_t stride;
};

static bool masks_are_plain(struct reap_bytes f)
{
    const uint8_t *p = f.data + FILE_HEADER + INFO_HEADER;

    return f.len >= FILE_HEADER + INFO_HEADER + 12 && u32(p) == 0xff0000 &&
           u32(p + 4) == 0xff00 && u32(p + 8) == 0xff;
}

/* False if this is not a bitmap that we read; reason set. */
static bool decode_bmp_header(struct reap_bytes f, struct bmp *b, int32_t *w,
                              int32_t *h, struct reap_decoded *out)
{
    const uint8_t *p = f.data;
    uint32_t how;

    if (f.len < FILE_HEADER + INFO_HEADER) {
        reap_decode_fail(out, REAP_STATUS_truncated, "BMP ends in its header");
        return false;
    }
    b->data = u32(p + 10);
    b->header = u32(p + 14);
    *w = (int32_t)u32(p + 18);
    *h = (int32_t)u32(p + 22);
    b->bits = (unsigned)p[28] | (unsigned)p[29] << 8;
    how = u32(p + 30);
    b->colours = u32(p + 46);
    if (b->header < INFO_HEADER ||
        !(how == RGB ||
          (how == BITFIELDS && b->bits == 32 && masks_are_plain(f))) ||
        !(b->bits == 1 || b->bits == 4 || b->bits == 8 || b->bits == 24 ||
          b->bits == 32)) {
        reap_decode_fail(out, REAP_STATUS_unsupported,
                         "BMP of %u bits, compression %u", b->bits, how);
        return false;
    }
    if (!b->colours && b->bits <= 8)
        b->colours = 1u << b->bits;
    if (*w <= 0 || *h == 0 || *h == INT32_MIN || b->colours > 256) {
        reap_decode_fail(out, REAP_STATUS_corrupt, "BMP of %d x %d, %u colours",
                         *w, *h, b->colours);
        return false;
    }
    b->top_down = *h < 0;
    *h = b->top_down ? -*h : *h;
    b->stride = ((size_t)*w * b->bits + 31) / 32 * 4;
    return true;
}

static void bmp_open(struct reap_decode *d, struct reap_decoded *out)
{
    struct bmp b = { 0 };
    int32_t w, h;

    if (decode_bmp_header(d->bytes, &b, &w, &h, out))
        (void)reap_decode_size(d, (uint64_t)h, (uint64_t)w, out);
}

static void bmp_row(const struct bmp *b, const uint8_t *in,
                    const uint8_t *palette, size_t w, uint8_t *out)
{
    for (size_t x = 0; x < w; x++, out += 3) {
        const uint8_t *p;

        if (b->bits >= 24) {
            p = in + x * (b->bits / 8);
        } else {
            unsigned per = 8 / b->bits;
            unsigned shift = (unsigned)(per - 1 - x % per) * b->bits;
            unsigned i = in[x / per] >> shift & ((1u << b->bits) - 1);

            p = palette + 4 * i;
        }
        out[0] = p[2];
        out[1] = p[1];
        out[2] = p[0];
    }
}

static void bmp_read(struct reap_decode *d, const struct reap_window *want,
                     struct reap_decoded *out, struct reap_pixels *pixels)
{
    uint8_t palette[4 * 256] = { 0 };
    struct bmp b = { 0 };
    size_t at, n;
    int32_t w, h;

    if (!decode_bmp_header(d->bytes, &b, &w, &h, out) ||
        !reap_decode_room(d, want->row1 - want->row0, out->w, out))
        return;
    at = FILE_HEADER + (size_t)b.header;
    n = 4 * (size_t)b.colours;
    if (b.data > d->bytes.len || at > d->bytes.len || n > d->bytes.len - at ||
        b.stride > (d->bytes.len - b.data) / out->h) {
        reap_decode_fail(out, REAP_STATUS_truncated, "BMP ends early");
        return;
    }
    memcpy(palette, d->bytes.data + at, b.bits <= 8 ? n : 0);
    for (size_t y = want->row0; y < want->row1; y++) {
        size_t row = b.top_down ? y : out->h - 1 - y;

        bmp_row(&b, d->bytes.data + b.data + row * b.stride, palette, out->w,
                d->pix + (y - want->row0) * 3 * out->w);
    }
    reap_decode_rows(d, want, out, pixels);
}

const struct reap_codec reap_codec_bmp = { bmp_open, bmp_read };
