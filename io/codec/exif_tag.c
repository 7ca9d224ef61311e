#define _GNU_SOURCE
#include <stdbool.h>
#include <string.h>

#include "io/codec/exif_tag.h"

enum { ORIENTATION = 0x0112, UPRIGHT = 1 };

/* Bytes of a value by its type in TIFF; 0: unknown, the entry is skipped. */
static const unsigned char size_of[] = { 0, 1, 1, 2, 4, 8, 1, 1, 2,
                                         4, 8, 4, 8, 4, 0, 0, 8 };

struct tiff {
    struct reap_bytes b;
    bool big, large; /* byte order; offsets of 8 bytes */
};

static uint64_t number(const struct tiff *t, const uint8_t *p, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)p[i] << 8 * (t->big ? n - 1 - i : i);
    return v;
}

static int small_whole(double v)
{
    return v >= 1 && v <= 8 && v == (int)v ? (int)v : UPRIGHT;
}

static int quotient(int64_t a, int64_t b)
{
    return b && a % b == 0 && a / b >= 1 && a / b <= 8 ? (int)(a / b) : UPRIGHT;
}

/* The first value of a type that is a number; text and bytes mean nothing. */
static int value_of(const struct tiff *t, unsigned type, const uint8_t *p)
{
    uint64_t v = number(t, p, size_of[type]);
    float f;
    double d;

    switch (type) {
    case 5: /* a fraction */
        return quotient((int64_t)number(t, p, 4), (int64_t)number(t, p + 4, 4));
    case 10: /* one with a sign */
        return quotient((int32_t)number(t, p, 4), (int32_t)number(t, p + 4, 4));
    case 11:
        memcpy(&f, &(uint32_t){ (uint32_t)v }, sizeof(f));
        return small_whole((double)f);
    case 12:
        memcpy(&d, &v, sizeof(d));
        return small_whole(d);
    case 1:
    case 2:
    case 7:
        return UPRIGHT;
    default:
        return v >= 1 && v <= 8 ? (int)v : UPRIGHT;
    }
}

/* One entry; true if the tag is found. '*stop': no entry after it counts. */
static bool exif_entry(const struct tiff *t, const uint8_t *p, uint64_t *total,
                       bool *stop, int *found)
{
    const size_t wide = t->large ? 8 : 4;
    unsigned type = (unsigned)number(t, p + 2, 2);
    uint64_t count = number(t, p + 4, wide), size, at;
    const uint8_t *value = p + 4 + wide;

    if (type >= sizeof(size_of) || !size_of[type] ||
        __builtin_mul_overflow(count, (uint64_t)size_of[type], &size))
        return false;
    if (size > wide) {
        at = number(t, value, wide);
        if (at >= (uint64_t)1 << 63 ||
            __builtin_add_overflow(*total, size, total))
            return false;
        if (*total > t->b.len)
            return false;
        *stop = at > t->b.len || size > t->b.len - at;
        if (*stop)
            return false;
        value = t->b.data + at;
    }
    if (!size || number(t, p, 2) != ORIENTATION)
        return false;
    *found = value_of(t, type, value);
    return true;
}

static int exif_directory(const struct tiff *t, uint64_t at)
{
    const size_t entry = t->large ? 20 : 12, head = t->large ? 8 : 2;
    uint64_t n, total = 0;
    bool stop = false;
    int found;

    if (at > t->b.len || t->b.len - at < head)
        return REAP_EXIF_NONE;
    n = number(t, t->b.data + at, head);
    at += head;
    for (uint64_t i = 0; i < n && t->b.len - at >= entry; i++, at += entry) {
        if (exif_entry(t, t->b.data + at, &total, &stop, &found))
            return found;
        if (stop)
            break;
    }
    return REAP_EXIF_NONE;
}

/* "II" or "MM", then 42, or 43 for BigTIFF; a 42 the wrong way round passes. */
static bool is_tiff(struct reap_bytes b, struct tiff *t)
{
    static const char *const head[] = { "MM\0\x2a", "II\x2a\0", "MM\x2a\0",
                                        "II\0\x2a", "MM\0\x2b", "II\x2b\0" };

    *t = (struct tiff){ .b = b };
    for (size_t i = 0; i < 6; i++)
        if (b.len >= 8 && !memcmp(b.data, head[i], 4)) {
            t->big = b.data[0] == 'M';
            t->large = b.data[2] == 0x2b;
            return true;
        }
    return false;
}

int reap_exif_tag(struct reap_bytes b)
{
    struct tiff t;

    for (int i = 0; i < 2 && b.len >= 6 && !memcmp(b.data, "Exif\0\0", 6); i++)
        b = (struct reap_bytes){ b.data + 6, b.len - 6 };
    if (!b.len)
        return REAP_EXIF_NONE;
    if (!is_tiff(b, &t) || t.large)
        return UPRIGHT;
    return exif_directory(&t, number(&t, b.data + 4, 4));
}

int reap_exif_tag_at(struct reap_bytes file, uint64_t at)
{
    struct tiff t;

    return is_tiff(file, &t) || file.len >= 8 ? exif_directory(&t, at) : 1;
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
