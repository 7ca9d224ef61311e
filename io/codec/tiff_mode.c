#include <string.h>

#include "io/codec/tiff_mode.h"

enum {
    INVERT = 1,
    REVERSE = 2,
    SIGNED = 4,
    FLOAT = 8,
    ALPHA = 16,
    PREMULTIPLIED = 32,
    MOST = 6
};

enum {
    WIDTH = 256,
    HEIGHT = 257,
    BITS = 258,
    COMPRESSION = 259,
    PHOTOMETRIC = 262,
    FILL = 266,
    SAMPLES = 277,
    PLANAR = 284,
    COLOURS = 320,
    EXTRA = 338,
    FORMAT = 339,
    MEDIA_PHOTO = 0xbc01
};

static const struct {
    char order;
    unsigned photometric, format, fill;
    const char *bits, *extra;
    enum reap_tiff_kind kind;
    unsigned how;
} row[] = {
#define TIFF_MODE(order, photo, format, fill, bits, extra, kind, how) \
    { order, photo, format, fill, bits, extra, REAP_TIFF_##kind, how },
#include "io/codec/tiff_modes.def"
#undef TIFF_MODE
};

/* What tells the kinds apart, in the letters of the table. */
struct key {
    uint64_t photometric, format, fill;
    char bits[MOST + 2], extra[MOST + 2];
};

static bool one(const struct reap_tiff *t, unsigned tag, uint64_t none,
                uint64_t *out)
{
    struct reap_tiff_entry e;

    *out = none;
    if (!reap_tiff_find(t, tag, &e))
        return true;
    if (!reap_tiff_is_whole(e.type))
        return false;
    *out = reap_tiff_value(t, &e, 0);
    return true;
}

static char letter(unsigned tag, uint64_t v)
{
    if (tag == EXTRA)
        return v <= 9 ? (char)('0' + v) : v == 999 ? '?' : '!';
    return v <= 9    ? (char)('0' + v)
           : v == 12 ? 'c'
           : v == 16 ? 'g'
           : v == 32 ? 'w'
                     : '!';
}

/* The values of a tag as letters; false if there are too many of them. */
static bool letters(const struct reap_tiff *t, unsigned tag, const char *none,
                    char out[MOST + 2])
{
    struct reap_tiff_entry e;

    memset(out, 0, MOST + 2);
    if (!reap_tiff_find(t, tag, &e)) {
        strcpy(out, none);
        return true;
    }
    if (!reap_tiff_is_whole(e.type) || e.count > MOST)
        return false;
    for (uint64_t i = 0; i < e.count; i++)
        out[i] = letter(tag, reap_tiff_value(t, &e, i));
    return true;
}

/* All samples have one format. */
static bool one_format(const struct reap_tiff *t, uint64_t *out)
{
    struct reap_tiff_entry e;

    *out = 1;
    if (!reap_tiff_find(t, FORMAT, &e))
        return true;
    if (!reap_tiff_is_whole(e.type))
        return false;
    *out = reap_tiff_value(t, &e, 0);
    for (uint64_t i = 1; i < e.count; i++)
        if (reap_tiff_value(t, &e, i) != *out)
            return false;
    return true;
}

/* As many letters as there are samples: too many are cut, one stands for all.
 * Extra samples at the end that mean nothing and lie apart are not read. */
static bool fit_samples(const struct reap_tiff_tags *g, uint64_t samples,
                        struct key *k)
{
    size_t n = strlen(k->bits), extra = strlen(k->extra);

    if (g->planar == 2 && extra && strspn(k->extra, "0") == extra) {
        if (extra > samples)
            return false;
        n = n > extra ? n - extra : 0;
        k->bits[n] = k->extra[0] = '\0';
        samples -= extra;
    }
    if (!samples || samples > MOST)
        return false;
    if (samples < n)
        k->bits[samples] = '\0';
    else if (n == 1)
        memset(k->bits, k->bits[0], samples);
    return strlen(k->bits) == samples;
}

static bool find_row(bool big, const struct key *k, struct reap_tiff_mode *m)
{
    const char order = big ? 'M' : 'I';

    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        unsigned how = row[i].how;

        if ((row[i].order != '*' && row[i].order != order) ||
            row[i].photometric != k->photometric || row[i].fill != k->fill ||
            row[i].format != k->format || strcmp(row[i].bits, k->bits) != 0 ||
            strcmp(row[i].extra, k->extra) != 0)
            continue;
        m->kind = row[i].kind;
        m->samples = (unsigned)strlen(k->bits);
        m->bits = k->bits[0] == 'c'   ? 12
                  : k->bits[0] == 'g' ? 16
                  : k->bits[0] == 'w' ? 32
                                      : (unsigned)(k->bits[0] - '0');
        m->invert = how & INVERT;
        m->reverse = how & REVERSE;
        m->has_sign = how & SIGNED;
        m->is_float = how & FLOAT;
        m->alpha = how & ALPHA;
        m->premultiplied = how & PREMULTIPLIED;
        m->bands = m->kind == REAP_TIFF_CMYK ? 4
                   : m->kind == REAP_TIFF_RGB || m->kind == REAP_TIFF_YCBCR
                       ? 3 + m->alpha
                       : 1 + m->alpha;
        m->big = big;
        return true;
    }
    return false;
}

static size_t base_samples(uint64_t photometric)
{
    return photometric == 5 ? 4 : photometric == 2 || photometric == 6 ? 3 : 1;
}

/* Colours are 16 bits wide, all reds first; those that lack are black. */
static bool take_palette(const struct reap_tiff *t, struct reap_tiff_mode *m)
{
    struct reap_tiff_entry e;
    uint64_t n;

    if (!reap_tiff_find(t, COLOURS, &e) || !reap_tiff_is_whole(e.type))
        return false;
    n = e.count / 3;
    for (uint64_t i = 0; i < n && i < 256; i++)
        for (uint64_t c = 0; c < 3; c++)
            m->palette[i][c] =
                (uint8_t)(reap_tiff_value(t, &e, c * n + i) / 256);
    return true;
}

const char *reap_tiff_look(const struct reap_tiff *t, struct reap_tiff_tags *g,
                           struct reap_tiff_mode *m)
{
    struct reap_tiff_entry e;
    struct key k = { 0 };
    uint64_t samples;

    memset(m, 0, sizeof(*m));
    if (!reap_tiff_find(t, WIDTH, &e) || !reap_tiff_find(t, HEIGHT, &e))
        return "no size";
    if (!one(t, WIDTH, 0, &g->w) || !one(t, HEIGHT, 0, &g->h) ||
        !one(t, COMPRESSION, 1, &g->compression) ||
        !one(t, PHOTOMETRIC, 0, &g->photometric) ||
        !one(t, PLANAR, 1, &g->planar) || !one(t, FILL, 1, &g->fill))
        return "tags of a wrong type";
    if (g->compression == 6) /* old JPEG */
        g->photometric = 6;
    if (!one(t, SAMPLES, g->compression == 6 ? 3 : 1, &samples) ||
        !letters(t, BITS, "1", k.bits) || !letters(t, EXTRA, "", k.extra) ||
        !one_format(t, &k.format) || reap_tiff_find(t, MEDIA_PHOTO, &e))
        return "samples of a kind that is not read";
    k.photometric = g->photometric;
    k.fill = g->fill;
    if (!fit_samples(g, samples, &k) || !find_row(t->big, &k, m))
        return "samples of a kind that is not read";
    m->separate = g->planar == 2;
    m->odd_step = m->samples != base_samples(g->photometric) + strlen(k.extra);
    if (m->kind == REAP_TIFF_PALETTE && !take_palette(t, m))
        return "no palette";
    return NULL;
}

static uint8_t flipped(uint8_t b)
{
    uint8_t f = 0;

    for (int i = 0; i < 8; i++)
        f = (uint8_t)(f << 1 | (b >> i & 1));
    return f;
}

/* Samples of less than 16 bits, or of 12; high bits first. */
static unsigned narrow(const struct reap_tiff_mode *m, const uint8_t *in,
                       size_t i)
{
    size_t bit = i * m->bits, at = bit / 8;
    unsigned v = m->reverse ? flipped(in[at]) : in[at];

    if (m->bits == 12)
        return bit % 8 ? (v & 15) << 8 | in[at + 1] : v << 4 | in[at + 1] >> 4;
    return v >> (8 - m->bits - bit % 8) & ((1u << m->bits) - 1);
}

static uint32_t wide(const struct reap_tiff_mode *m, const uint8_t *in,
                     size_t i)
{
    const size_t n = m->bits / 8;
    uint32_t v = 0;

    for (size_t k = 0; k < n; k++) {
        uint8_t b = in[i * n + (m->big ? k : n - 1 - k)];

        v = v << 8 | (m->reverse ? flipped(b) : b);
    }
    return v;
}

static uint8_t clip(int64_t v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* Grey of 16 bits and more is clipped, as by Pillow's convert(). */
static uint8_t wide_sample(const struct reap_tiff_mode *m, const uint8_t *in,
                           size_t i)
{
    uint32_t v = wide(m, in, i);
    float f;

    if (m->kind != REAP_TIFF_GREY)
        return (uint8_t)(v >> 8);
    if (m->is_float) {
        memcpy(&f, &v, sizeof(f));
        return f <= 0 ? 0 : f >= 255 ? 255 : f == f ? (uint8_t)f : 0;
    }
    if (m->bits == 16)
        return m->has_sign ? clip((int16_t)v)
               : m->scale  ? (uint8_t)(v >> 8)
                           : clip(v);
    return clip((int32_t)v);
}

static uint8_t sample(const struct reap_tiff_mode *m, const uint8_t *in,
                      size_t i)
{
    unsigned v;

    if (m->bits >= 16)
        return wide_sample(m, in, i);
    v = narrow(m, in, i);
    if (m->bits == 12)
        return m->scale ? (uint8_t)(v >> 4) : clip(v);
    if (m->kind != REAP_TIFF_PALETTE)
        v *= 255u / ((1u << m->bits) - 1);
    return (uint8_t)(m->invert ? 255 - v : v);
}

/* Which sample of a pixel is the band: alpha of palettes and grey lies right
 * after them, and that of colours, too. */
void reap_tiff_unpack(const struct reap_tiff_mode *m, const uint8_t *in,
                      size_t n, uint8_t *out)
{
    for (size_t x = 0; x < n; x++)
        for (unsigned k = 0; k < m->bands; k++)
            *out++ = sample(m, in, x * m->samples + k);
}

void reap_tiff_unpack_plane(const struct reap_tiff_mode *m, unsigned band,
                            const uint8_t *in, size_t n, uint8_t *out)
{
    for (size_t x = 0; x < n; x++)
        out[x * m->bands + band] = sample(m, in, x);
}

void reap_tiff_divide(const struct reap_tiff_mode *m, size_t n, uint8_t *bands)
{
    for (size_t x = 0; m->premultiplied && x < n; x++, bands += m->bands) {
        int a = bands[m->bands - 1];

        for (unsigned k = 0; k + 1 < m->bands && a != 255; k++)
            bands[k] = a ? clip(bands[k] * 255 / a) : 0;
    }
}

static unsigned muldiv255(unsigned a, unsigned b)
{
    unsigned t = a * b + 128;

    return ((t >> 8) + t) >> 8;
}

/* Pillow's tables have 6 bits after the point, rounded before the sign. */
static int part(double k, uint8_t v)
{
    return (int)(k * (v - 128) * 64 + 0.5);
}

static void ycbcr(const uint8_t *in, uint8_t out[3])
{
    int y = in[0];

    out[0] = clip(y + (part(1.402, in[2]) >> 6));
    out[1] = clip(y + ((part(-0.34414, in[1]) + part(-0.71414, in[2])) >> 6));
    out[2] = clip(y + (part(1.772, in[1]) >> 6));
}

static void colour(const struct reap_tiff_mode *m, const uint8_t *in,
                   uint8_t out[3])
{
    unsigned nk = 255u - in[3 * (m->kind == REAP_TIFF_CMYK)];

    switch (m->kind) {
    case REAP_TIFF_GREY:
        memset(out, in[0], 3);
        break;
    case REAP_TIFF_PALETTE:
        memcpy(out, m->palette[in[0]], 3);
        break;
    case REAP_TIFF_RGB:
        memcpy(out, in, 3);
        break;
    case REAP_TIFF_CMYK:
        for (int k = 0; k < 3; k++)
            out[k] = (uint8_t)(nk - muldiv255(in[k], nk));
        break;
    case REAP_TIFF_YCBCR:
        ycbcr(in, out);
        break;
    }
}

void reap_tiff_rgb(const struct reap_tiff_mode *m, const uint8_t *bands,
                   size_t n, bool white, uint8_t *out)
{
    for (size_t x = 0; x < n; x++, bands += m->bands, out += 3) {
        unsigned a = bands[m->bands - 1];

        colour(m, bands, out);
        for (int k = 0; m->alpha && white && k < 3; k++)
            out[k] = (uint8_t)(muldiv255(out[k], a) + 255 - a);
    }
}
