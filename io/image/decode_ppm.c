/* Binary PGM and PPM (P5, P6) of up to 8 bits a sample. */
#define _GNU_SOURCE
#include <math.h>
#include <string.h>

#include "io/image/decode_impl.h"

struct ppm {
    size_t data, bands; /* offset of the pixels; samples of each */
    uint64_t w, h, top; /* size, largest value */
};

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next number of the header; comments run from '#' to the line's end. */
static bool decode_ppm_number(struct reap_bytes f, size_t *at, uint64_t *out)
{
    size_t i = *at, from;

    while (i < f.len && (is_space(f.data[i]) || f.data[i] == '#')) {
        if (f.data[i] == '#')
            while (i < f.len && f.data[i] != '\n')
                i++;
        else
            i++;
    }
    *out = 0;
    for (from = i; i < f.len && f.data[i] >= '0' && f.data[i] <= '9'; i++)
        if (i - from > 9)
            return false;
        else
            *out = *out * 10 + (uint64_t)(f.data[i] - '0');
    *at = i;
    return i > from && i < f.len;
}

static bool decode_ppm_header(struct reap_bytes f, struct ppm *p,
                              struct reap_decoded *out)
{
    p->bands = f.data[1] == '6' ? 3 : 1;
    p->data = 2;
    if (f.data[1] != '5' && f.data[1] != '6') {
        reap_decode_fail(out, REAP_STATUS_unsupported,
                         "PPM of kind P%c; P5 and P6 are read", f.data[1]);
        return false;
    }
    if (!decode_ppm_number(f, &p->data, &p->w) ||
        !decode_ppm_number(f, &p->data, &p->h) ||
        !decode_ppm_number(f, &p->data, &p->top) ||
        !is_space(f.data[p->data++])) {
        reap_decode_fail(out, REAP_STATUS_corrupt, "PPM with a bad header");
        return false;
    }
    if (p->top < 1 || p->top > 255) {
        reap_decode_fail(out, REAP_STATUS_unsupported,
                         "PPM with values up to %llu; 255 is the most",
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
    out->flags |= p.bands == 1 ? REAP_FLAG_grey : 0;
}

static void ppm_read(struct reap_decode *d, const struct reap_window *want,
                     struct reap_decoded *out, struct reap_pixels *pixels)
{
    uint8_t scaled[256], *q;
    struct ppm p;

    if (!decode_ppm_header(d->bytes, &p, out) ||
        !reap_decode_room(d, want->row1 - want->row0, out->w, out))
        return;
    if (out->h * out->w > (d->bytes.len - p.data) / p.bands) {
        reap_decode_fail(out, REAP_STATUS_truncated, "PPM ends early");
        return;
    }
    for (size_t v = 0; v < 256; v++)
        scaled[v] = (uint8_t)fmin(255, rint((double)v / (double)p.top * 255));
    q = d->pix;
    for (size_t i = want->row0 * out->w; i < want->row1 * out->w; i++)
        for (size_t c = 0; c < 3; c++)
            *q++ = scaled[d->bytes.data[p.data + i * p.bands +
                                        (p.bands == 3 ? c : 0)]];
    reap_decode_rows(d, want, out, pixels);
}

const struct reap_codec reap_codec_ppm = { ppm_open, ppm_read };
