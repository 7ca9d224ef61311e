/* The first frame of a GIF. Transparent pixels keep their palette's colour,
 * and what the frame leaves free is the transparent colour or colour 0: so
 * Pillow has it. Source: GIF89a specification, Appendix F (LZW). */
#include <string.h>

#include "io/image/decode_impl.h"

enum {
    MAX_CODES = 4096,
    HEADER = 13,
    SEPARATOR = 0x2c,
    EXTENSION = 0x21,
    TRAILER = 0x3b
};

struct gif {
    size_t screen_h, screen_w;
    size_t top, left, h, w; /* of the frame */
    bool interlaced, transparent;
    uint8_t rgb[3 * 256];
    unsigned free; /* colour of what the frame leaves free */
    size_t data;   /* where its codes begin */
};

/* Bits of the sub-blocks, lowest first. */
struct codes {
    struct reap_bytes f;
    size_t at, left; /* next byte; bytes left of this sub-block */
    uint32_t bits;
    unsigned have;
};

static size_t u16(const uint8_t *p)
{
    return (size_t)p[1] << 8 | p[0];
}

static void grey_ramp(uint8_t rgb[3 * 256])
{
    for (size_t i = 0; i < 3 * 256; i++)
        rgb[i] = (uint8_t)(i / 3);
}

/* Read a palette if 'packed' says that there is one; false: it is cut. What it
 * does not name is black, but a palette that is a ramp of greys is none. */
static bool palette(struct gif *g, struct reap_bytes f, size_t *at,
                    unsigned packed)
{
    size_t n = packed & 0x80 ? 3u << ((packed & 7) + 1) : 0;

    if (n > f.len - *at)
        return false;
    if (n) {
        grey_ramp(g->rgb);
        if (memcmp(g->rgb, f.data + *at, n) != 0)
            memset(g->rgb, 0, sizeof(g->rgb));
        memcpy(g->rgb, f.data + *at, n);
    }
    *at += n;
    return true;
}

/* Step over an extension, at its label; a graphic control names the
 * transparent colour. */
static bool extension(struct gif *g, struct reap_bytes f, size_t *at)
{
    const uint8_t *p = f.data + *at;
    size_t i = *at + 1;

    if (f.len - *at >= 6 && p[0] == 0xf9 && p[1] >= 4 && (p[2] & 1)) {
        g->transparent = true;
        g->free = p[5];
    }
    while (i < f.len && f.data[i])
        i += 1 + (size_t)f.data[i];
    *at = i + 1;
    return *at < f.len;
}

static bool descriptor(struct gif *g, struct reap_bytes f, size_t at)
{
    const uint8_t *p = f.data + at;
    unsigned packed;

    if (f.len - at < 10)
        return false;
    g->left = u16(p);
    g->top = u16(p + 2);
    g->w = u16(p + 4);
    g->h = u16(p + 6);
    packed = p[8];
    g->interlaced = packed & 0x40;
    g->data = at + 9;
    return palette(g, f, &g->data, packed) && g->data < f.len;
}

/* Up to the first frame's codes; false with a reason. */
static bool decode_gif_header(struct reap_bytes f, struct gif *g,
                              struct reap_decoded *out)
{
    size_t at = HEADER;
    bool whole = f.len > HEADER;

    memset(g, 0, sizeof(*g));
    grey_ramp(g->rgb);
    whole = whole && palette(g, f, &at, f.data[10]) && at < f.len;
    while (whole && f.data[at] != SEPARATOR && f.data[at] != TRAILER) {
        bool extends = f.data[at++] == EXTENSION; /* or a stray byte */

        whole = at < f.len && (!extends || extension(g, f, &at));
    }
    if (whole && f.data[at] != SEPARATOR) {
        reap_decode_fail(out, REAP_STATUS_corrupt, "GIF without a frame");
        return false;
    }
    if (!whole || !descriptor(g, f, at + 1)) {
        reap_decode_fail(out, REAP_STATUS_truncated, "GIF ends in its header");
        return false;
    }
    if (!g->w || !g->h) {
        reap_decode_fail(out, REAP_STATUS_corrupt, "GIF with an empty frame");
        return false;
    }
    g->screen_w = u16(f.data + 6);
    g->screen_h = u16(f.data + 8);
    if (g->left + g->w > g->screen_w)
        g->screen_w = g->left + g->w;
    if (g->top + g->h > g->screen_h)
        g->screen_h = g->top + g->h;
    return true;
}

static void gif_open(struct reap_decode *d, struct reap_decoded *out)
{
    struct gif g;

    if (!decode_gif_header(d->bytes, &g, out) ||
        !reap_decode_size(d, g.screen_h, g.screen_w, out))
        return;
    out->flags |= g.transparent ? REAP_FLAG_alpha : 0;
}

/* The next code of 'size' bits, or -1 where the bytes end. */
static int next_code(struct codes *c, unsigned size)
{
    int code;

    while (c->have < size) {
        if (!c->left) {
            if (c->at >= c->f.len || !c->f.data[c->at])
                return -1;
            c->left = c->f.data[c->at++];
            if (c->left > c->f.len - c->at)
                return -1; /* a block that is cut counts as none */
        }
        c->bits |= (uint32_t)c->f.data[c->at++] << c->have;
        c->have += 8;
        c->left--;
    }
    code = (int)(c->bits & ((1u << size) - 1));
    c->bits >>= size;
    c->have -= size;
    return code;
}

/* Where pixel i of the frame's stream lies on the screen. */
static size_t decode_gif_place(const struct gif *g, size_t i)
{
    static const size_t start[] = { 0, 4, 2, 1 }, step[] = { 8, 8, 4, 2 };
    size_t y = i / g->w, x = i % g->w, pass = 0, row = y;

    if (g->interlaced) {
        for (; pass < 4; pass++) {
            size_t rows =
                g->h > start[pass]
                    ? (g->h - start[pass] + step[pass] - 1) / step[pass]
                    : 0;
            if (row < rows)
                break;
            row -= rows;
        }
        row = start[pass] + row * step[pass];
    }
    return (g->top + row) * g->screen_w + g->left + x;
}

static void decode_gif_put(const struct gif *g, size_t i, unsigned index,
                           uint8_t *pix)
{
    memcpy(pix + 3 * decode_gif_place(g, i), g->rgb + 3 * index, 3);
}

/* The strings of LZW: each is an earlier one and a byte. */
struct strings {
    uint16_t before[MAX_CODES];
    uint8_t first[MAX_CODES], last[MAX_CODES], pile[MAX_CODES];
    unsigned clear, next; /* the code that clears; the next new string */
};

static void decode_gif_add(struct strings *s, unsigned before, unsigned now)
{
    s->before[s->next] = (uint16_t)before;
    s->first[s->next] = s->first[before];
    /* a string that begins with the one before it may be its own name */
    s->last[s->next] = s->first[now < s->next ? now : before];
    s->next++;
}

/* Lay the bytes of 'code' on the pile, last first; how many. Each string is
 * shorter by one than those it is the start of, so this ends. */
static size_t unroll(struct strings *s, unsigned code)
{
    size_t n = 0;

    for (; code > s->clear; code = s->before[code])
        s->pile[n++] = s->last[code];
    s->pile[n++] = (uint8_t)code;
    return n;
}

/* The pixels of the frame; how many there were. */
static size_t decode_gif_unpack(const struct gif *g, struct reap_bytes f,
                                struct strings *s, uint8_t *pix)
{
    struct codes c = { .f = f, .at = g->data + 1 };
    unsigned least = f.data[g->data], size = least + 1, old = 0;
    size_t done = 0, all = g->h * g->w;
    bool fresh = true;
    int code;

    if (least < 1 || least > 8)
        return 0;
    s->clear = 1u << least;
    s->next = s->clear + 2;
    for (unsigned i = 0; i < s->clear; i++)
        s->first[i] = (uint8_t)i;
    while (done < all && (code = next_code(&c, size)) >= 0) {
        unsigned now = (unsigned)code;

        if (now == s->clear) {
            size = least + 1;
            s->next = s->clear + 2;
            fresh = true;
            continue;
        }
        if (now == s->clear + 1 || now > s->next || (fresh && now > s->clear))
            break;
        if (!fresh && s->next < MAX_CODES)
            decode_gif_add(s, old, now);
        if (s->next == 1u << size && size < 12)
            size++;
        for (size_t n = unroll(s, now); n-- > 0 && done < all;)
            decode_gif_put(g, done++, s->pile[n], pix);
        old = now;
        fresh = false;
    }
    return done;
}

static void gif_read(struct reap_decode *d, const struct reap_window *want,
                     struct reap_decoded *out, struct reap_pixels *pixels)
{
    struct strings s;
    struct gif g;
    size_t all;

    (void)want; /* rows may be interlaced: all are made */
    if (!decode_gif_header(d->bytes, &g, out) ||
        !reap_decode_room(d, out->h, out->w, out))
        return;
    if (g.transparent && d->limits.alpha == REAP_ALPHA_WHITE)
        memset(g.rgb + 3 * g.free, 255, 3);
    for (size_t i = 0; i < out->h * out->w; i++)
        memcpy(d->pix + 3 * i, g.rgb + 3 * g.free, 3);
    all = g.h * g.w;
    if (decode_gif_unpack(&g, d->bytes, &s, d->pix) < all &&
        !d->limits.keep_truncated)
        reap_decode_fail(out, REAP_STATUS_truncated,
                         "GIF ends before its last pixel");
    *pixels =
        (struct reap_pixels){ d->pix, 3 * out->w, { 0, out->h, 0, out->w } };
}

const struct reap_codec reap_codec_gif = { gif_open, gif_read };
