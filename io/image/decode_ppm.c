/*
 * PBM, PGM and PPM, plain (P1 to P3) and binary (P4 to P6), by code of our own:
 * libvips leaves values as they are where 255 is not the largest, takes what is
 * too large, and reads numbers and comments by other rules than Pillow.
 */
#define _GNU_SOURCE
#include <math.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/image/decode_impl.h"

enum { LONGEST = 10 /* characters of a number */, BLOCK = 1 << 20 };

struct ppm {
    struct reap_bytes file;
    size_t at, bands; /* next byte; samples of a pixel */
    uint64_t w, h, top;
    bool plain, bits; /* in words; one bit a sample */
};

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A number of the header, which a comment may interrupt. */
static bool decode_ppm_number(struct ppm *p, uint64_t *out)
{
    size_t n = 0;

    *out = 0;
    for (; p->at < p->file.len; p->at++) {
        uint8_t c = p->file.data[p->at];

        if (is_space(c)) {
            if (!n)
                continue;
            break;
        }
        if (c == '#') {
            while (p->at < p->file.len && p->file.data[p->at] != '\n' &&
                   p->file.data[p->at] != '\r')
                p->at++;
            continue;
        }
        if (c < '0' || c > '9' || ++n > LONGEST)
            return false;
        *out = *out * 10 + (uint64_t)(c - '0');
    }
    p->at++; /* what ended it */
    return n > 0;
}

static bool decode_ppm_header(struct reap_bytes f, struct ppm *p,
                              struct reap_decoded *out)
{
    const char kind = (char)f.data[1];

    *p = (struct ppm){ .file = f, .at = 3 };
    p->plain = kind <= '3';
    p->bits = kind == '1' || kind == '4';
    p->bands = kind == '3' || kind == '6' ? 3 : 1;
    p->top = 1;
    if (!is_space(f.data[2]) || !decode_ppm_number(p, &p->w) ||
        !decode_ppm_number(p, &p->h) ||
        (!p->bits && !decode_ppm_number(p, &p->top))) {
        reap_decode_fail(out, REAP_STATUS_corrupt, "PPM with a bad header");
        return false;
    }
    if (p->at > f.len)
        p->at = f.len;
    if (p->top < 1 || p->top > 65535) {
        reap_decode_fail(out, REAP_STATUS_corrupt,
                         "PPM with values up to %llu; 65535 is the most",
                         (unsigned long long)p->top);
        return false;
    }
    return true;
}

static void ppm_open(struct reap_decode *d, struct reap_decoded *out)
{
    struct ppm p;

    if (!decode_ppm_header(d->bytes, &p, out) ||
        !reap_decode_size(d, p.h, p.w, out))
        return;
    out->flags |= (p.bands == 1 ? REAP_FLAG_grey : 0) |
                  (p.top > 255 ? REAP_FLAG_depth16 : 0);
}

/* A value as 8 bits. Grey of 16 bits is scaled to 65535 and then clipped, as
 * Pillow's convert() does, unless the high byte is asked for. */
static uint8_t scaled(const struct ppm *p, bool high, uint64_t v)
{
    const bool wide = p->top > 255 && p->bands == 1;
    const double most = wide ? 65535 : 255;
    double s = fmin(most, rint((double)v / (double)p->top * most));

    if (wide && high)
        return (uint8_t)((unsigned)s >> 8);
    return (uint8_t)fmin(255, s);
}

/* Samples of a binary file from 'first' on; false if they are not there. */
static bool binary(const struct ppm *p, bool high, size_t first, size_t n,
                   uint8_t *out)
{
    const size_t size = p->top > 255 ? 2 : 1;
    const uint8_t *in = p->file.data + p->at + first * size;

    if (first + n > (p->file.len - p->at) / size)
        return false;
    for (size_t i = 0; i < n; i++, in += size)
        out[i] =
            scaled(p, high, size == 2 ? (uint64_t)in[0] << 8 | in[1] : in[0]);
    return true;
}

static bool packed_bits(const struct ppm *p, size_t row, uint8_t *out)
{
    const size_t line = ((size_t)p->w + 7) / 8;
    const uint8_t *in = p->file.data + p->at + row * line;

    if ((row + 1) * line > p->file.len - p->at)
        return false;
    for (size_t x = 0; x < p->w; x++)
        out[x] = in[x / 8] >> (7 - x % 8) & 1 ? 0 : 255;
    return true;
}

static void skip_comment(struct ppm *p)
{
    while (p->at < p->file.len && p->file.data[p->at] != '\n' &&
           p->file.data[p->at] != '\r')
        p->at++;
    p->at++;
}

/* The next digit of a plain bitmap, or -1. */
static int plain_bit(struct ppm *p)
{
    for (; p->at < p->file.len; p->at++) {
        uint8_t c = p->file.data[p->at];

        if (c == '#') {
            skip_comment(p);
            p->at--;
        } else if (!is_space(c)) {
            p->at++;
            return c == '0' || c == '1' ? c - '0' : -2;
        }
    }
    return -1;
}

/* The next number of a plain file: -1 at the end, -2 if it is none. Comments
 * are taken out, and do not end a number. */
static int64_t plain_number(struct ppm *p)
{
    int64_t v = 0;
    size_t n = 0;
    bool sign = false;

    for (; p->at < p->file.len; p->at++) {
        uint8_t c = p->file.data[p->at];

        if (c == '#') {
            skip_comment(p);
            p->at--;
            continue;
        }
        if (is_space(c)) {
            if (n)
                break;
            continue;
        }
        if (c == '+' && !n)
            sign = true;
        else if (c < '0' || c > '9')
            return -2;
        else
            v = v * 10 + (c - '0');
        if (++n > LONGEST)
            return -2;
    }
    return !n ? -1 : n == 1 && sign ? -2 : v;
}

/* All samples of a plain file into 'out'; the status. */
static unsigned plain(struct ppm *p, bool high, size_t n, uint8_t *out)
{
    const size_t from = p->at;
    size_t end;
    int extra = 0;

    for (size_t i = 0; i < n; i++) {
        int64_t v = p->bits ? plain_bit(p) : plain_number(p);

        if (v == -1)
            return REAP_STATUS_truncated;
        if (v < 0 || v > (int64_t)p->top)
            return REAP_STATUS_corrupt;
        out[i] = p->bits ? (v ? 0 : 255) : scaled(p, high, (uint64_t)v);
    }
    /* Pillow looks at bits by the megabyte, whether or not it needs them */
    end = from + (p->at - from + BLOCK - 1) / BLOCK * BLOCK;
    p->file.len = end < p->file.len ? end : p->file.len;
    while (p->bits && (extra = plain_bit(p)) >= 0)
        ;
    return extra == -2 ? REAP_STATUS_corrupt : REAP_STATUS_ok;
}

static unsigned ppm_samples(struct ppm *p, const struct reap_window *rows,
                            bool high, uint8_t *out)
{
    const size_t line = (size_t)p->w * p->bands;
    bool there = true;

    if (p->plain)
        return plain(p, high, (size_t)p->h * line, out);
    for (size_t y = rows->row0; y < rows->row1 && there; y++) {
        uint8_t *to = out + (y - rows->row0) * line;

        there = p->bits ? packed_bits(p, y, to)
                        : binary(p, high, y * line, line, to);
    }
    return there ? REAP_STATUS_ok : REAP_STATUS_truncated;
}

/* Is the last row of a binary file there? */
static bool is_whole(const struct ppm *p)
{
    const uint64_t line =
        p->bits ? (p->w + 7) / 8 : p->w * p->bands * (p->top > 255 ? 2 : 1);

    return p->plain || p->h * line <= p->file.len - p->at;
}

static void ppm_read(struct reap_decode *d, const struct reap_window *want,
                     struct reap_decoded *out, struct reap_pixels *pixels)
{
    const struct reap_window all = { 0, out->h, 0, out->w };
    const struct reap_window *have;
    uint8_t *samples;
    unsigned status;
    struct ppm p;
    size_t n;

    if (!decode_ppm_header(d->bytes, &p, out))
        return;
    have = p.plain ? &all : want;
    n = (have->row1 - have->row0) * out->w;
    if (!reap_decode_room(d, have->row1 - have->row0, out->w, out))
        return;
    samples = reap_aligned(n * p.bands);
    status = !samples ? REAP_STATUS_too_large
             : !is_whole(&p)
                 ? REAP_STATUS_truncated
                 : ppm_samples(&p, have, d->limits.depth16_scale, samples);
    for (size_t i = 0; i < 3 * n && !status; i++)
        d->pix[i] = samples[p.bands == 3 ? i : i / 3];
    if (status)
        reap_decode_fail(out, status, "PPM %s",
                         status == REAP_STATUS_truncated ? "ends early"
                         : status == REAP_STATUS_corrupt ? "with a bad number"
                                                         : "without memory");
    reap_free(samples);
    reap_decode_rows(d, have, out, pixels);
}

const struct reap_codec reap_codec_ppm = { ppm_open, ppm_read };
