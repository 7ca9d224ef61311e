#include <string.h>

#include "io/codec/tiff_dir.h"

/* Bytes of a value by its type; 0: unknown, the entry is skipped. */
static const unsigned char size_of[] = { 0, 1, 1, 2, 4, 8, 1, 1, 2,
                                         4, 8, 4, 8, 4, 0, 0, 8 };

uint64_t reap_tiff_number(const struct reap_tiff *t, const uint8_t *p, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)p[i] << 8 * (t->big ? n - 1 - i : i);
    return v;
}

bool reap_tiff_is_whole(unsigned type)
{
    return type == 3 || type == 4 || type == 6 || type == 8 || type == 9 ||
           type == 13 || type == 16;
}

uint64_t reap_tiff_value(const struct reap_tiff *t,
                         const struct reap_tiff_entry *e, uint64_t i)
{
    const size_t n = size_of[e->type];
    uint64_t v = reap_tiff_number(t, e->value + i * n, n);
    bool has_sign = e->type == 6 || e->type == 8 || e->type == 9;

    if (has_sign && v >> (8 * n - 1))
        v |= ~(uint64_t)0 << 8 * n;
    return v;
}

bool reap_tiff_begin(struct reap_tiff *t, struct reap_bytes b)
{
    /* 42, or 43 for BigTIFF; a 42 the wrong way round passes */
    static const char *const head[] = { "MM\0\x2a", "II\x2a\0", "MM\x2a\0",
                                        "II\0\x2a", "MM\0\x2b", "II\x2b\0" };

    *t = (struct reap_tiff){ .b = b };
    for (size_t i = 0; i < 6; i++)
        if (b.len >= 8 && !memcmp(b.data, head[i], 4)) {
            t->big = b.data[0] == 'M';
            t->large = b.data[2] == 0x2b;
            if (t->large && b.len < 16)
                return false;
            t->first = t->large ? reap_tiff_number(t, b.data + 8, 8)
                                : reap_tiff_number(t, b.data + 4, 4);
            return true;
        }
    return false;
}

/* The value of the entry at 'p'; false if the entry is to be skipped. '*stop':
 * no entry after it counts. 'total' adds up what lies elsewhere. */
static bool entry_value(const struct reap_tiff *t, const uint8_t *p,
                        uint64_t *total, bool *stop, struct reap_tiff_entry *e)
{
    const size_t wide = t->large ? 8 : 4;
    uint64_t size, at;

    e->type = (unsigned)reap_tiff_number(t, p + 2, 2);
    e->count = reap_tiff_number(t, p + 4, wide);
    e->value = p + 4 + wide;
    if (e->type >= sizeof(size_of) || !size_of[e->type] ||
        __builtin_mul_overflow(e->count, (uint64_t)size_of[e->type], &size))
        return false;
    if (size <= wide)
        return size > 0;
    at = reap_tiff_number(t, e->value, wide);
    if (at >= (uint64_t)1 << 63 || __builtin_add_overflow(*total, size, total))
        return false;
    if (*total > t->b.len)
        return false;
    *stop = at > t->b.len || size > t->b.len - at;
    if (*stop)
        return false;
    e->value = t->b.data + at;
    return true;
}

bool reap_tiff_find(const struct reap_tiff *t, unsigned tag,
                    struct reap_tiff_entry *out)
{
    const size_t entry = t->large ? 20 : 12, head = t->large ? 8 : 2;
    uint64_t at = t->first, n, total = 0;
    bool stop = false;

    if (at > t->b.len || t->b.len - at < head)
        return false;
    n = reap_tiff_number(t, t->b.data + at, head);
    at += head;
    for (uint64_t i = 0; i < n && !stop && t->b.len - at >= entry; i++) {
        const uint8_t *p = t->b.data + at;

        if (entry_value(t, p, &total, &stop, out) &&
            reap_tiff_number(t, p, 2) == tag)
            return true;
        at += entry;
    }
    return false;
}
