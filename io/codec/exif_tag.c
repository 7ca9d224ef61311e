#define _GNU_SOURCE
#include <string.h>

#include "io/codec/exif_tag.h"

enum { ORIENTATION = 0x0112, UPRIGHT = 1 };

static int small_whole(double v)
{
    return v >= 1 && v <= 8 && v == (int)v ? (int)v : UPRIGHT;
}

static int quotient(int64_t a, int64_t b)
{
    return b && a % b == 0 && a / b >= 1 && a / b <= 8 ? (int)(a / b) : UPRIGHT;
}

/* The first value of a type that is a number; text and bytes mean nothing. */
static int value_of(const struct reap_tiff *t, const struct reap_tiff_entry *e)
{
    const uint8_t *p = e->value;
    uint64_t v;
    uint32_t bits;
    float f;
    double d;

    switch (e->type) {
    case 5: /* a fraction */
        return quotient((int64_t)reap_tiff_number(t, p, 4),
                        (int64_t)reap_tiff_number(t, p + 4, 4));
    case 10: /* one with a sign */
        return quotient((int32_t)reap_tiff_number(t, p, 4),
                        (int32_t)reap_tiff_number(t, p + 4, 4));
    case 11:
        bits = (uint32_t)reap_tiff_number(t, p, 4);
        memcpy(&f, &bits, sizeof(f));
        return small_whole((double)f);
    case 12:
        v = reap_tiff_number(t, p, 8);
        memcpy(&d, &v, sizeof(d));
        return small_whole(d);
    default:
        v = reap_tiff_is_whole(e->type) ? reap_tiff_value(t, e, 0) : UPRIGHT;
        return v >= 1 && v <= 8 ? (int)v : UPRIGHT;
    }
}

int reap_exif_tag_of(const struct reap_tiff *t)
{
    struct reap_tiff_entry e;

    return reap_tiff_find(t, ORIENTATION, &e) ? value_of(t, &e)
                                              : REAP_EXIF_NONE;
}

int reap_exif_tag(struct reap_bytes b)
{
    struct reap_tiff t;

    for (int i = 0; i < 2 && b.len >= 6 && !memcmp(b.data, "Exif\0\0", 6); i++)
        b = (struct reap_bytes){ b.data + 6, b.len - 6 };
    if (!b.len)
        return REAP_EXIF_NONE;
    if (!reap_tiff_begin(&t, b) || t.large)
        return UPRIGHT;
    return reap_exif_tag_of(&t);
}

int reap_exif_xmp(struct reap_bytes b)
{
    static const char key[] = "tiff:Orientation";
    const uint8_t *p = b.data, *end = b.data + b.len;
    const size_t n = sizeof(key) - 1;

    while (p && p < end && (p = memmem(p, (size_t)(end - p), key, n))) {
        p += n;
        if (end - p >= 2 && p[0] == '>')
            p += 1;
        else if (end - p >= 3 && p[0] == '=' && p[1] == '"')
            p += 2;
        else
            continue;
        if (*p >= '0' && *p <= '9')
            return *p - '0';
    }
    return REAP_EXIF_NONE;
}
