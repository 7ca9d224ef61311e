/* Windows and OS/2 bitmaps by code of our own: libvips has no reader of them,
 * and hands them to ImageMagick, which is not used for strangers' bytes. */
#include <string.h>

#include "engine/base/mem.h"
#include "io/image/decode_impl.h"

enum {
    FILE_HEADER = 14,
    OS2_HEADER = 12,
    INFO_HEADER = 40,
    RGB = 0,
    RLE8 = 1,
    RLE4 = 2,
    BITFIELDS = 3
};

struct bmp {
    struct reap_bytes file;
    uint64_t w, h, data;         /* size; where its pixels begin */
    uint64_t palette, colours;   /* where, and how many */
    size_t header, entry;        /* lengths: header, a colour of the palette */
    unsigned bits, how;          /* of a pixel as stored; compression */
    bool down, grey;             /* first row first; the palette is a ramp */
    unsigned unpack;             /* bits of a pixel as Pillow takes them */
    const unsigned char *places; /* of R, G, B and alpha among 4 bytes */
    bool green6;                 /* 5, 6, 5 bits, not 5, 5, 5 */
};

static uint32_t u32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 |
           p[0];
}

static unsigned u16(const uint8_t *p)
{
    return (unsigned)p[1] << 8 | p[0];
}

enum { NO_ALPHA = 4 };

/* The layouts of 32 bits that Pillow reads. */
static const struct {
    uint32_t mask[4];
    unsigned char place[4];
} layout[] = {
    { { 0xff0000, 0xff00, 0xff, 0 }, { 2, 1, 0, NO_ALPHA } },
    { { 0xff000000, 0xff0000, 0xff00, 0 }, { 3, 2, 1, NO_ALPHA } },
    { { 0xff000000, 0xff00, 0xff, 0 }, { 3, 1, 0, NO_ALPHA } },
    { { 0xff000000, 0xff0000, 0xff00, 0xff }, { 3, 2, 1, 0 } },
    { { 0xff, 0xff00, 0xff0000, 0xff000000 }, { 0, 1, 2, 3 } },
    { { 0xff0000, 0xff00, 0xff, 0xff000000 }, { 2, 1, 0, 3 } },
    { { 0xff000000, 0xff00, 0xff, 0xff0000 }, { 3, 1, 0, 2 } },
    { { 0, 0, 0, 0 }, { 2, 1, 0, 3 } },
};

/* Masks lie behind the first 40 bytes, the fourth only in a long header. */
static bool decode_bmp_masks(struct bmp *b)
{
    const uint8_t *p = b->file.data + FILE_HEADER + INFO_HEADER;
    uint32_t m[4];

    if (b->file.len < FILE_HEADER + INFO_HEADER + 12 ||
        (b->header >= 56 && b->file.len < FILE_HEADER + INFO_HEADER + 16))
        return false;
    for (size_t i = 0; i < 4; i++)
        m[i] = i < 3 || b->header >= 56 ? u32(p + 4 * i) : 0;
    if (b->bits == 16) {
        b->green6 = m[1] == 0x7e0;
        return (m[0] == 0xf800 && m[1] == 0x7e0 && m[2] == 0x1f) ||
               (m[0] == 0x7c00 && m[1] == 0x3e0 && m[2] == 0x1f);
    }
    if (b->bits == 24)
        return m[0] == 0xff0000 && m[1] == 0xff00 && m[2] == 0xff;
    for (size_t i = 0; i < sizeof(layout) / sizeof(layout[0]); i++)
        if (b->bits == 32 && !memcmp(m, layout[i].mask, sizeof(m))) {
            b->places = layout[i].place;
            return true;
        }
    return false;
}

/* Size, depth and compression; false if the header is of no known kind. */
static bool decode_bmp_sizes(struct bmp *b)
{
    const uint8_t *p = b->file.data + FILE_HEADER;
    const size_t known[] = { OS2_HEADER, INFO_HEADER, 52, 56, 64, 108, 124 };
    size_t i = 0;

    while (i < 7 && known[i] != b->header)
        i++;
    if (i == 7)
        return false;
    if (b->header == OS2_HEADER) {
        b->w = u16(p + 4);
        b->h = u16(p + 6);
        b->bits = u16(p + 10);
        b->entry = 3;
    } else {
        b->down = p[11] == 0xff; /* Pillow looks at no more than that */
        b->w = u32(p + 4);
        b->h = b->down ? ((uint64_t)1 << 32) - u32(p + 8) : u32(p + 8);
        b->bits = u16(p + 14);
        b->how = u32(p + 16);
        b->colours = u32(p + 32);
        b->entry = 4;
    }
    return true;
}

/* Is the palette a ramp of greys, or black and white? Pillow then takes the
 * pixels for grey of 8 bits, or of 1, whatever their depth. */
static bool is_ramp(const struct bmp *b)
{
    for (uint64_t i = 0; i < b->colours; i++) {
        uint64_t at = b->palette + i * b->entry;
        uint8_t v = (uint8_t)(b->colours == 2 && i ? 255 : i);

        if (at + 3 > b->file.len || b->file.data[at] != v ||
            b->file.data[at + 1] != v || b->file.data[at + 2] != v)
            return false;
    }
    return true;
}

static bool palette_fits(struct bmp *b)
{
    if (b->colours < 1 || b->colours > 65536)
        return false;
    b->grey = is_ramp(b);
    if (b->grey)
        b->unpack = b->colours <= 2 ? 1 : 8;
    return b->grey || b->colours <= 256;
}

/* Which kinds are read; false: this is none. */
static bool decode_bmp_kind(struct bmp *b)
{
    const bool rle = b->how == RLE8 || b->how == RLE4;

    if (b->bits != 1 && b->bits != 4 && b->bits != 8 && b->bits != 16 &&
        b->bits != 24 && b->bits != 32)
        return false;
    b->unpack = b->bits;
    b->places = layout[0].place;
    if (b->how == BITFIELDS)
        return decode_bmp_masks(b);
    if (!rle && b->how != RGB)
        return false;
    if (b->bits > 8)
        return !rle;
    return palette_fits(b) && !(rle && b->unpack == 1 && b->grey);
}

static uint64_t stride(const struct bmp *b)
{
    return ((b->w * b->bits + 31) >> 3) & ~(uint64_t)3;
}

static uint64_t row_bytes(const struct bmp *b)
{
    bool rle = b->how == RLE8 || b->how == RLE4;

    return rle ? 0 : (b->w * b->unpack + 7) / 8;
}

/* False if this is no bitmap that is read; reason set. */
static bool decode_bmp_header(struct reap_bytes f, struct bmp *b,
                              struct reap_decoded *out)
{
    uint64_t first;

    memset(b, 0, sizeof(*b));
    b->file = f;
    b->header = f.len >= FILE_HEADER + 4 ? u32(f.data + FILE_HEADER) : 0;
    first = FILE_HEADER + (uint64_t)b->header;
    if (f.len < FILE_HEADER + 4 || first > f.len) {
        reap_decode_fail(out, REAP_STATUS_truncated, "BMP ends in its header");
        return false;
    }
    if (!decode_bmp_sizes(b)) {
        reap_decode_fail(out, REAP_STATUS_unsupported,
                         "BMP with a header of %zu bytes", b->header);
        return false;
    }
    if (!b->colours && b->bits <= 8)
        b->colours = (uint64_t)1 << b->bits;
    b->palette = first;
    if (!decode_bmp_kind(b) || row_bytes(b) > stride(b)) {
        reap_decode_fail(out, REAP_STATUS_unsupported,
                         "BMP of %u bits, compression %u, %llu colours",
                         b->bits, b->how, (unsigned long long)b->colours);
        return false;
    }
    b->data = u32(f.data + 10);
    if (b->data == first && b->bits <= 8)
        b->data += b->entry * b->colours;
    if (!b->data) {
        b->data = first + (b->bits <= 8 ? b->entry * b->colours : 0) +
                  (b->how == BITFIELDS && b->header == INFO_HEADER ? 12 : 0);
        if (b->data > f.len)
            b->data = f.len;
    }
    return true;
}

static void bmp_open(struct reap_decode *d, struct reap_decoded *out)
{
    struct bmp b;

    if (!decode_bmp_header(d->bytes, &b, out) ||
        !reap_decode_size(d, b.h, b.w, out))
        return;
    if (b.bits == 32 && b.places[3] != NO_ALPHA)
        out->flags |= REAP_FLAG_alpha;
}

/* Colour 'i' of the palette; those that it lacks are black. */
static void decode_bmp_colour(const struct bmp *b, unsigned i, uint8_t *out)
{
    uint64_t at = b->palette + i * b->entry;
    bool there = i < b->colours && at + 3 <= b->file.len;

    for (size_t c = 0; c < 3; c++)
        out[c] = b->grey ? (uint8_t)i : there ? b->file.data[at + 2 - c] : 0;
}

static void narrow_pixel(const struct bmp *b, const uint8_t *in, size_t x,
                         uint8_t *out)
{
    const unsigned per = 8 / b->unpack;
    const unsigned shift = (unsigned)(per - 1 - x % per) * b->unpack;
    unsigned i = in[x / per] >> shift & ((1u << b->unpack) - 1);

    decode_bmp_colour(b, b->grey && b->unpack == 1 ? i * 255 : i, out);
}

static void wide_pixel(const struct bmp *b, const uint8_t *p, bool white,
                       uint8_t *out)
{
    const unsigned v = b->bits == 16 ? u16(p) : 0;
    const unsigned char *at = b->places;

    if (b->bits == 16 && b->green6) {
        out[0] = (uint8_t)((v >> 11 & 31) * 255 / 31);
        out[1] = (uint8_t)((v >> 5 & 63) * 255 / 63);
        out[2] = (uint8_t)((v & 31) * 255 / 31);
    } else if (b->bits == 16) {
        out[0] = (uint8_t)((v >> 10 & 31) * 255 / 31);
        out[1] = (uint8_t)((v >> 5 & 31) * 255 / 31);
        out[2] = (uint8_t)((v & 31) * 255 / 31);
    } else {
        for (size_t c = 0; c < 3; c++) {
            out[c] = p[at[c]];
            if (white && b->bits == 32 && at[3] != NO_ALPHA)
                out[c] =
                    (uint8_t)((out[c] * p[at[3]] + 127) / 255 + 255 - p[at[3]]);
        }
    }
}

/* Row 'y' from above, of pixels as they are stored. */
static bool raw_row(const struct bmp *b, uint64_t y, bool white, uint8_t *out)
{
    const uint64_t at = b->data + (b->down ? y : b->h - 1 - y) * stride(b);
    const uint8_t *in = b->file.data + at;

    if (at > b->file.len || row_bytes(b) > b->file.len - at)
        return false;
    for (size_t x = 0; x < b->w; x++, out += 3)
        if (b->unpack <= 8)
            narrow_pixel(b, in, x, out);
        else
            wide_pixel(b, in + x * (b->bits / 8), white, out);
    return true;
}

/* Runs: their bytes, the indices that they become, and the column. */
struct runs {
    const struct bmp *b;
    uint64_t at;
    uint8_t *to;
    size_t done, all, x;
};

static void put(struct runs *r, size_t n, uint8_t even, uint8_t odd)
{
    for (size_t i = 0; i < n && r->done < r->all; i++)
        r->to[r->done++] = i % 2 ? odd : even;
}

/* 'n' indices as they are; false if that was the end. */
static bool copy_run(struct runs *r, size_t n)
{
    const bool four = r->b->how == RLE4;
    const size_t count = r->all - r->done < n ? r->all - r->done : n;
    const size_t bytes = four ? (count + 1) / 2 : count;
    const uint8_t *p = r->b->file.data + r->at;

    if (bytes > r->b->file.len - r->at)
        return false;
    for (size_t i = 0; i < count; i++)
        put(r, 1, !four ? p[i] : i % 2 ? p[i / 2] & 15 : p[i / 2] >> 4, 0);
    r->at += bytes;
    r->x += n;
    r->at += r->at % 2; /* of the file, not of the pixels */
    return r->done < r->all;
}

/* What follows a zero; false if that was the end. */
static bool escape(struct runs *r, uint8_t what)
{
    const uint8_t *p = r->b->file.data + r->at;
    const size_t w = (size_t)r->b->w;

    if (what == 1)
        return false;
    if (what == 0) {
        put(r, (w - r->done % w) % w, 0, 0);
        r->x = 0;
        return true;
    }
    if (what > 2)
        return copy_run(r, what);
    if (r->b->file.len - r->at < 2)
        return false;
    put(r, p[0] + p[1] * w, 0, 0);
    r->at += 2;
    r->x = r->done % w;
    return true;
}

/* As Pillow unpacks runs: rows are not ended by their width, but by codes. */
static bool unpack_runs(struct runs *r)
{
    const bool four = r->b->how == RLE4;

    while (r->done < r->all && r->at + 2 <= r->b->file.len) {
        const uint8_t n = r->b->file.data[r->at],
                      v = r->b->file.data[r->at + 1];
        size_t left = r->x < r->b->w ? (size_t)r->b->w - r->x : 0;

        r->at += 2;
        if (n) {
            left = left < n ? left : n;
            put(r, left, four ? v >> 4 : v, four ? v & 15 : v);
            r->x += left;
        } else if (!escape(r, v)) {
            break;
        }
    }
    return r->done == r->all;
}

static void bmp_runs(struct reap_decode *d, const struct bmp *b,
                     struct reap_decoded *out)
{
    struct runs r = { .b = b, .at = b->data, .all = out->h * out->w };

    r.to = reap_calloc(1, r.all);
    if (!r.to) {
        reap_decode_fail(out, REAP_STATUS_too_large, "BMP: no memory");
        return;
    }
    if (!unpack_runs(&r) && !d->limits.keep_truncated)
        reap_decode_fail(out, REAP_STATUS_truncated, "BMP ends early");
    for (size_t y = 0; y < out->h; y++) {
        const uint8_t *in = r.to + (b->down ? y : out->h - 1 - y) * out->w;

        for (size_t x = 0; x < out->w; x++)
            decode_bmp_colour(b, in[x], d->pix + 3 * (y * out->w + x));
    }
    reap_free(r.to);
}

static void bmp_read(struct reap_decode *d, const struct reap_window *want,
                     struct reap_decoded *out, struct reap_pixels *pixels)
{
    const struct reap_window all = { 0, out->h, 0, out->w };
    const bool white = d->limits.alpha == REAP_ALPHA_WHITE;
    const struct reap_window *have = want;
    struct bmp b;
    bool whole = true;

    if (!decode_bmp_header(d->bytes, &b, out))
        return;
    if (b.how == RLE8 || b.how == RLE4)
        have = &all;
    if (!reap_decode_room(d, have->row1 - have->row0, out->w, out))
        return;
    if (have == &all)
        bmp_runs(d, &b, out);
    else /* the first and the last row tell whether the file is whole */
        whole = raw_row(&b, 0, white, d->pix) &&
                raw_row(&b, b.h - 1, white, d->pix);
    for (size_t y = have->row0; have == want && whole && y < have->row1; y++)
        whole = raw_row(&b, y, white, d->pix + (y - have->row0) * 3 * out->w);
    if (!whole)
        reap_decode_fail(out, REAP_STATUS_truncated, "BMP ends early");
    reap_decode_rows(d, have, out, pixels);
}

const struct reap_codec reap_codec_bmp = { bmp_open, bmp_read };
