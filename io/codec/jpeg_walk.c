#include <string.h>

#include "io/codec/jpeg_walk.h"

enum {
    SOI = 0xd8,
    SOS = 0xda,
    DQT = 0xdb,
    APP0 = 0xe0,
    APP2 = 0xe2,
    APP14 = 0xee,
    COM = 0xfe
};

void reap_jpeg_walk(struct reap_jpeg_walk *w, struct reap_bytes file)
{
    memset(w, 0, sizeof(*w));
    w->file = file;
    w->at = 3;
    w->end = REAP_JPEG_CUT;
}

/* Markers without a length: JPG, RSTn, SOI, EOI and the JPGn. */
static bool is_bare(unsigned m)
{
    return m == 0xc8 || (m >= 0xd0 && m <= 0xd9) || (m >= 0xf0 && m < COM);
}

/* Past the next 0xff. */
static void to_marker(struct reap_jpeg_walk *w)
{
    while (w->at < w->file.len && w->file.data[w->at] != 0xff)
        w->at++;
    w->at++;
}

static bool take_body(struct reap_jpeg_walk *w)
{
    const uint8_t *p = w->file.data + w->at;
    size_t left = w->file.len - w->at, n;

    if (left < 2)
        return false;
    n = (size_t)p[0] << 8 | p[1];
    n = n > 2 ? n - 2 : 0;
    if (n > left - 2)
        return false;
    w->body = (struct reap_bytes){ p + 2, n };
    w->at += 2 + n;
    return true;
}

bool reap_jpeg_walk_next(struct reap_jpeg_walk *w)
{
    if (w->marker == SOS)
        return false;
    if (w->marker)
        to_marker(w);
    while (w->at < w->file.len) {
        unsigned m = w->file.data[w->at++];

        w->marker = m;
        if (m == 0xff)
            continue;
        if (m && m < 0xc0) {
            w->end = REAP_JPEG_STRAY;
            break;
        }
        if (m && !is_bare(m)) {
            if (m == SOS)
                w->end = REAP_JPEG_SCAN;
            return take_body(w);
        }
        to_marker(w);
    }
    return false;
}

static bool walk_starts(struct reap_bytes b, const char *with, size_t n)
{
    return b.len >= n && !memcmp(b.data, with, n);
}

static const char *frame_fault(struct reap_bytes b)
{
    if (b.len < 6)
        return "a frame header that is too short";
    if (b.data[0] != 8)
        return "samples that do not have 8 bits";
    if (b.data[5] != 1 && b.data[5] != 3 && b.data[5] != 4)
        return "neither 1, 3 nor 4 components";
    return NULL;
}

static const char *table_fault(struct reap_bytes b)
{
    size_t at = 0;

    while (at < b.len) {
        size_t n = b.data[at] >> 4 ? 129 : 65;

        if (n > b.len - at)
            return "a quantization table that is too short";
        at += n;
    }
    return NULL;
}

const char *reap_jpeg_walk_fault(const struct reap_jpeg_walk *w)
{
    const unsigned m = w->marker;
    const struct reap_bytes b = w->body;

    if (m == DQT)
        return table_fault(b);
    if ((m >= 0xc0 && m <= 0xcf && m != 0xc4 && m != 0xcc) || m == 0xde)
        return frame_fault(b);
    if ((m == APP0 && walk_starts(b, "JFIF", 4) && b.len < 7) ||
        (m == APP14 && walk_starts(b, "Adobe", 5) && b.len < 7) ||
        (m == APP2 && walk_starts(b, "ICC_PROFILE", 12) && b.len < 14))
        return "an application segment that is too short";
    return NULL;
}
