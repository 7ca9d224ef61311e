#include <stdint.h>
#include <string.h>

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include "engine/base/mem.h"
#include "io/codec/png_walk.h"

enum { SIGNATURE = 8, COLOUR = 9, FILTER = 11 };

static size_t png_u32(const uint8_t *p)
{
    return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

void reap_png_walk(struct reap_png_walk *w, struct reap_bytes file)
{
    memset(w, 0, sizeof(*w));
    w->file = file;
    w->at = SIGNATURE;
}

static bool is_pixels(const char *name)
{
    return !strcmp(name, "IDAT") || !strcmp(name, "fdAT");
}

bool reap_png_walk_next(struct reap_png_walk *w)
{
    const uint8_t *p = w->file.data + w->at;
    size_t left = w->file.len > w->at ? w->file.len - w->at : 0, n;

    w->pixels |= is_pixels(w->name);
    if (!strcmp(w->name, "IEND"))
        return false;
    w->cut = left < 12;
    if (w->cut)
        return false;
    n = png_u32(p);
    memcpy(w->name, p + 4, 4);
    w->cut = n > left - 12;
    if (w->cut)
        n = left - 12;
    w->body = (struct reap_bytes){ p + 8, n };
    w->bad_sum = !w->cut && crc32_gzip_refl(0, p + 4, n + 4) !=
                                (uint32_t)png_u32(p + 8 + n);
    w->at += 12 + n;
    return !w->cut || is_pixels(w->name);
}

size_t reap_png_unpack(struct reap_bytes packed, uint8_t *out)
{
    struct inflate_state *s = reap_calloc(1, sizeof(*s));
    size_t n = 0;
    int rc;

    if (!s)
        return 0;
    isal_inflate_init(s);
    s->crc_flag = ISAL_ZLIB;
    s->next_in = (uint8_t *)(uintptr_t)packed.data;
    s->avail_in = (uint32_t)packed.len;
    s->next_out = out;
    s->avail_out = REAP_PNG_TEXT_MAX;
    rc = isal_inflate(s);
    if (rc == ISAL_DECOMP_OK || rc == ISAL_END_INPUT)
        n = REAP_PNG_TEXT_MAX - s->avail_out;
    if (n == REAP_PNG_TEXT_MAX && s->block_state != ISAL_BLOCK_FINISH)
        n = SIZE_MAX;
    reap_free(s);
    return n;
}

/* The packed part of a text or profile chunk; none if it is not packed. */
static struct reap_bytes packed_part(const char *name, struct reap_bytes b)
{
    const uint8_t *p = memchr(b.data, 0, b.len), *end = b.data + b.len;
    const struct reap_bytes none = { 0 };

    if (!p || end - p < 2)
        return none;
    if (strcmp(name, "iTXt") != 0)
        return (struct reap_bytes){ p + 2, (size_t)(end - p) - 2 };
    if (end - p < 3 || !p[1] || p[2])
        return none;
    p = memchr(p + 3, 0, (size_t)(end - p) - 3); /* language */
    p = p ? memchr(p + 1, 0, (size_t)(end - p) - 1) : NULL;
    return p ? (struct reap_bytes){ p + 1, (size_t)(end - p) - 1 } : none;
}

/* Does it unpack to more than is reasonable? Nothing small can. */
static bool is_bomb(const char *name, struct reap_bytes body)
{
    const struct reap_bytes b = packed_part(name, body);
    uint8_t *room;
    bool bomb;

    if (b.len < REAP_PNG_TEXT_MAX / 1100)
        return false;
    room = reap_aligned(REAP_PNG_TEXT_MAX);
    bomb = !room || reap_png_unpack(b, room) == SIZE_MAX;
    reap_free(room);
    return bomb;
}

/* The method of packing, which can only be 0. */
static bool method_fits(const char *name, struct reap_bytes b)
{
    const uint8_t *p = memchr(b.data, 0, b.len);
    size_t after = p ? b.len - (size_t)(p - b.data) - 1 : 0;

    if (!strcmp(name, "iCCP"))
        return after && !p[1];
    return !after || !p[1];
}

static const char *header_fault(struct reap_bytes b)
{
    if (b.len < 13)
        return "a header that is too short";
    return b.data[FILTER] ? "an unknown kind of filters" : NULL;
}

/* A frame that is no whole picture is put somewhere into one by Pillow. */
static const char *frame_fault(struct reap_bytes frame, struct reap_bytes ihdr)
{
    if (frame.len < 26 || png_u32(frame.data))
        return "a damaged frame";
    return memcmp(frame.data + 4, ihdr.data, 8) != 0 ||
                   png_u32(frame.data + 12) || png_u32(frame.data + 16)
               ? "a first frame that does not fill it"
               : NULL;
}

static const char *chunk_fault(const struct reap_png_walk *w,
                               struct reap_bytes ihdr)
{
    static const struct {
        char name[5];
        size_t least;
    } least[] = { { "gAMA", 4 },
                  { "cHRM", 32 },
                  { "sRGB", 1 },
                  { "pHYs", 9 },
                  { "acTL", 8 } };
    const struct reap_bytes b = w->body;

    for (size_t i = 0; i < sizeof(least) / sizeof(least[0]); i++)
        if (!strcmp(w->name, least[i].name) && b.len < least[i].least)
            return "a chunk that is too short";
    if (!strcmp(w->name, "tRNS") &&
        (ihdr.data[COLOUR] == 0 || ihdr.data[COLOUR] == 2))
        return b.len < (ihdr.data[COLOUR] ? 6 : 2) ? "a chunk that is too short"
                                                   : NULL;
    if (!strcmp(w->name, "fcTL") && !w->pixels)
        return frame_fault(b, ihdr);
    if (!strcmp(w->name, "iCCP") || !strcmp(w->name, "zTXt") ||
        !strcmp(w->name, "iTXt")) {
        if (w->name[0] != 'i' || w->name[1] == 'C')
            if (!method_fits(w->name, b))
                return "text packed by an unknown method";
        return is_bomb(w->name, b) ? "a chunk that unpacks to over a megabyte"
                                   : NULL;
    }
    return NULL;
}

const char *reap_png_fault(struct reap_bytes file, bool *cut)
{
    struct reap_bytes ihdr = { 0 };
    struct reap_png_walk w;

    *cut = false;
    reap_png_walk(&w, file);
    while (reap_png_walk_next(&w)) {
        const char *fault = NULL;

        if (!strcmp(w.name, "IHDR")) {
            ihdr = w.body;
            fault = header_fault(ihdr);
        } else if (!ihdr.data) {
            fault = "no header at its beginning";
        } else {
            fault = chunk_fault(&w, ihdr);
        }
        if (!fault && w.bad_sum && !w.pixels && !is_pixels(w.name))
            fault = "a wrong checksum";
        if (fault)
            return fault;
    }
    *cut = w.cut;
    return NULL;
}
