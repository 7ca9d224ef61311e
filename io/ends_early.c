#include <string.h>

#include "io/ends_early.h"

static bool png(struct reap_bytes f)
{
    size_t at = 8;

    while (f.len >= at && f.len - at >= 12) {
        const uint8_t *p = f.data + at;
        size_t len =
            (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];

        if (!memcmp(p + 4, "IEND", 4))
            return false;
        if (len > f.len - at - 12)
            return true;
        at += 12 + len;
    }
    return true;
}

static bool webp(struct reap_bytes f)
{
    size_t len;

    if (f.len < 12)
        return true;
    len = (size_t)f.data[7] << 24 | (size_t)f.data[6] << 16 |
          (size_t)f.data[5] << 8 | f.data[4];
    return len > f.len - 8;
}

/* Behind a run of sub-blocks; f.len if they run out. */
static size_t sub_blocks(struct reap_bytes f, size_t at)
{
    while (at < f.len && f.data[at])
        at += 1 + (size_t)f.data[at];
    return at < f.len ? at + 1 : f.len;
}

static size_t gif_palette(unsigned packed)
{
    return packed & 0x80 ? 3u << ((packed & 7) + 1) : 0;
}

static bool gif(struct reap_bytes f)
{
    size_t at = 13;

    if (f.len < at)
        return true;
    at += gif_palette(f.data[10]);
    while (at < f.len) {
        unsigned what = f.data[at];

        if (what == 0x21) {
            at = sub_blocks(f, at + 2);
        } else if (what == 0x2c && f.len - at > 10) {
            at += 11 + gif_palette(f.data[at + 9]);
            at = sub_blocks(f, at);
        } else {
            return what == 0x2c; /* else its end, or damage */
        }
    }
    return true;
}

bool reap_ends_early(enum reap_format format, struct reap_bytes file)
{
    switch (format) {
    case REAP_FORMAT_png:
        return png(file);
    case REAP_FORMAT_webp:
        return webp(file);
    case REAP_FORMAT_gif:
        return gif(file);
    default:
        return false;
    }
}
