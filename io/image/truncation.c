/* libvips pads what is missing at the end of a PNG or WebP without a word, so
 * the file's own structure is asked. JPEG and the others notice it while they
 * decode. */
#include <string.h>

#include "io/image/truncation.h"

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

bool reap_truncated(enum reap_format format, struct reap_bytes file)
{
    switch (format) {
    case REAP_FORMAT_png:
        return png(file);
    case REAP_FORMAT_webp:
        return webp(file);
    default:
        return false;
    }
}
