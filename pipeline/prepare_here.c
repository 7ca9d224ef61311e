/* Decode, convert raw samples, choose the view, resize: the order in which io's
 * parts make the pixels of one image, and which status each trouble becomes.
 * The parts themselves are io/image's and io/preset's; in which process it is
 * done is prepare.c's. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "io/image/resample.h"
#include "pipeline/prepare_here.h"

/* A part of an image; all of it if h is 0. */
struct box {
    size_t top, left, h, w;
};

struct reap_prepare_here {
    struct reap_preset preset;
    struct reap_limits limits;
    struct reap_decode *decode;
    struct reap_resample *resample;
    uint8_t *raw; /* samples of a raw image as RGB */
    size_t raw_room;
};

enum { KEEP = 24 << 20 };

int reap_prepare_here_new(struct reap_prepare_here **out,
                          const struct reap_preset *p,
                          const struct reap_limits *limits,
                          struct reap_err *err)
{
    struct reap_prepare_here *h = reap_calloc(1, sizeof(*h));
    int rc = REAP_OK;

    *out = NULL;
    if (!h)
        return reap_fail(err, REAP_ENOMEM, "no memory to prepare images");
    h->preset = *p;
    h->limits = *limits;
    if (!h->limits.max_pixels)
        h->limits.max_pixels = REAP_MAX_PIXELS;
    rc = reap_decode_new(&h->decode, limits, p->fast_dct, err);
    if (!rc)
        rc = reap_resample_new(&h->resample, err);
    if (rc)
        reap_prepare_here_free(&h);
    *out = h;
    return rc;
}

void reap_prepare_here_free(struct reap_prepare_here **hp)
{
    struct reap_prepare_here *h = *hp;

    if (!h)
        return;
    reap_decode_free(&h->decode);
    reap_resample_free(&h->resample);
    reap_free(h->raw);
    reap_free(h);
    *hp = NULL;
}

static void prepare_fail(struct reap_prepared *out, unsigned status,
                         const char *why)
{
    out->status = status;
    snprintf(out->reason, sizeof(out->reason), "%s", why);
}

/* Raw samples, planar or not, RGB or BGR, 1 or 3 channels (more are dropped),
 * to RGB. */
static bool prepare_unpack(struct reap_prepare_here *h,
                           const struct reap_image *im)
{
    size_t n = im->height * im->width, c = im->channels;
    size_t step = im->planar ? 1 : c, plane = im->planar ? n : 1;
    const uint8_t *p = im->bytes.data;

    if (h->raw_room < 3 * n + REAP_RESAMPLE_SLACK) {
        reap_free(h->raw);
        h->raw_room = 0;
        h->raw = reap_aligned(3 * n + REAP_RESAMPLE_SLACK);
        if (!h->raw)
            return false;
        h->raw_room = 3 * n + REAP_RESAMPLE_SLACK;
    }
    for (size_t k = 0; k < 3; k++) {
        size_t from = c < 3 ? 0 : im->bgr ? 2 - k : k;

        for (size_t i = 0; i < n; i++)
            h->raw[3 * i + k] = p[i * step + from * plane];
    }
    return true;
}

static bool raw_pixels(struct reap_prepare_here *h, const struct reap_image *im,
                       struct reap_prepared *out, struct reap_pixels *pixels)
{
    size_t pixels_n = 0, samples = 0;

    if (__builtin_mul_overflow(im->height, im->width, &pixels_n) ||
        __builtin_mul_overflow(pixels_n, im->channels, &samples) ||
        samples != im->bytes.len || !samples) {
        prepare_fail(out, REAP_STATUS_corrupt,
                     "raw samples do not fill their shape");
        return false;
    }
    out->src_h = im->height;
    out->src_w = im->width;
    if (pixels_n > h->limits.max_pixels || !prepare_unpack(h, im)) {
        prepare_fail(out, REAP_STATUS_too_large,
                     "raw image is over --max-pixels");
        return false;
    }
    out->flags = im->channels < 3   ? REAP_FLAG_grey
                 : im->channels > 3 ? REAP_FLAG_alpha
                                    : 0;
    out->flags |= im->height < 32 || im->width < 32 ? REAP_FLAG_tiny : 0;
    pixels->data = h->raw;
    pixels->stride = 3 * im->width;
    pixels->have = (struct reap_window){ 0, im->height, 0, im->width };
    return true;
}

/* Draw a crop: ten tries, then the largest central one whose sides have
 * a ratio that is allowed. */
static struct box draw_box(uint64_t *chance, size_t h, size_t w)
{
    const double area = (double)h * (double)w, low = log(3.0 / 4),
                 ratio = (double)w / (double)h;
    struct box b;

    for (int i = 0; i < 10; i++) {
        const double part = area * (0.08 + 0.92 * reap_rng_real(chance));
        const double sides = exp(low - 2 * low * reap_rng_real(chance));

        b.w = (size_t)lround(sqrt(part * sides));
        b.h = (size_t)lround(sqrt(part / sides));
        if (!b.w || !b.h || b.w > w || b.h > h)
            continue;
        b.top = reap_rng_below(chance, h - b.h + 1);
        b.left = reap_rng_below(chance, w - b.w + 1);
        return b;
    }
    b.h = ratio < 3.0 / 4 ? (size_t)lround((double)w / (3.0 / 4)) : h;
    b.w = ratio > 4.0 / 3 ? (size_t)lround((double)h * (4.0 / 3)) : w;
    b.top = (h - b.h) / 2;
    b.left = (w - b.w) / 2;
    return b;
}

/* The sizes of a part that fills the whole result. */
static bool box_geometry(const struct reap_prepare_here *h, const struct box *b,
                         struct reap_geometry *g)
{
    struct reap_preset p = h->preset;

    reap_preset_size(&h->preset, &p.resize_h, &p.resize_w);
    p.resize = REAP_RESIZE_WARP;
    p.crop_h = p.crop_w = 0;
    return p.resize_h && reap_geometry_find(&p, b->h, b->w, g);
}

/* The preset's sizes for this image, or for a part of it, if the slot has room
 * for the crop. */
static bool prepare_fits(const struct reap_prepare_here *h, size_t room,
                         const struct reap_augment *view, uint64_t *chance,
                         struct reap_prepared *out, struct box *b,
                         struct reap_geometry *g)
{
    size_t bytes = h->preset.norm.float_in ? sizeof(float) : 1;

    *b = (struct box){ 0 };
    if (view && view->crop)
        *b = draw_box(chance, out->src_h, out->src_w);
    if (b->h ? !box_geometry(h, b, g)
             : !reap_geometry_find(&h->preset, out->src_h, out->src_w, g)) {
        prepare_fail(out, REAP_STATUS_too_large,
                     "resized, a side has 2^31 pixels");
        return false;
    }
    out->h = g->out_h;
    out->w = g->out_w;
    if (__builtin_mul_overflow(bytes, g->out_h * 3, &bytes) ||
        __builtin_mul_overflow(bytes, g->out_w, &bytes) || bytes > room) {
        prepare_fail(
            out, REAP_STATUS_too_large,
            "its pixels are more than the network's input: give a crop");
        return false;
    }
    if (g->h > g->src_h || g->w > g->src_w)
        out->flags |= REAP_FLAG_upscaled;
    return true;
}

static void prepare_take(struct reap_prepared *out,
                         const struct reap_decoded *d)
{
    out->status = d->status;
    out->flags |= d->flags;
    out->format = d->format;
    out->src_h = d->h;
    out->src_w = d->w;
    memcpy(out->reason, d->reason, sizeof(out->reason));
}

/* Header of a file, or samples: afterwards the size is known. */
static bool prepare_look(struct reap_prepare_here *h,
                         const struct reap_image *im, struct reap_decoded *d,
                         struct reap_prepared *out, struct reap_pixels *pixels)
{
    if (im->raw)
        return raw_pixels(h, im, out, pixels);
    reap_decode_open(h->decode, im->bytes, d);
    prepare_take(out, d);
    return !out->status;
}

/* Decode what the crop needs; 'd' is what look() found. */
static bool file_pixels(struct reap_prepare_here *h, const struct box *b,
                        const struct reap_geometry *g, struct reap_decoded *d,
                        struct reap_prepared *out, struct reap_pixels *pixels)
{
    struct reap_window want;

    reap_resample_window(g, &want);
    want.row0 += b->top;
    want.row1 += b->top;
    want.col0 += b->left;
    want.col1 += b->left;
    reap_decode_read(h->decode, &want, d, pixels);
    prepare_take(out, d);
    return !out->status;
}

/* What the crop is made from, counted from the corner of the part. */
static int resample(struct reap_prepare_here *h, const struct box *b,
                    const struct reap_geometry *g,
                    const struct reap_pixels *pixels, void *slot)
{
    struct reap_window have = pixels->have;
    const uint8_t *src = pixels->data;

    if (b->h) {
        reap_resample_window(g, &have);
        src += (b->top + have.row0 - pixels->have.row0) * pixels->stride +
               (b->left + have.col0 - pixels->have.col0) * 3;
    }
    return reap_resample_run(h->resample, g, &have, src, pixels->stride, slot,
                             NULL);
}

/* Rows of w pixels of 'size' bytes, from right to left. */
static void mirror(void *slot, size_t rows, size_t w, size_t size)
{
    uint8_t *p = slot, keep[3 * sizeof(float)];

    for (size_t y = 0; y < rows; y++, p += w * size)
        for (size_t x = 0; x < w / 2; x++) {
            uint8_t *a = p + x * size, *b = p + (w - 1 - x) * size;

            memcpy(keep, a, size);
            memcpy(a, b, size);
            memcpy(b, keep, size);
        }
}

void reap_prepare_here_view(struct reap_prepare_here *h,
                            const struct reap_image *image,
                            const struct reap_augment *view, void *slot,
                            size_t room, reap_admit_fn *admit, void *ctx,
                            struct reap_prepared *out)
{
    uint64_t chance = view ? view->chance : 0;
    struct reap_pixels pixels = { 0 };
    struct reap_decoded d;
    struct reap_geometry g;
    struct box b;
    bool fine;

    memset(out, 0, sizeof(*out));
    out->format = REAP_N_FORMATS;
    if (!image->bytes.len)
        prepare_fail(out, REAP_STATUS_empty, "no bytes");
    if (out->status)
        return;
    fine = prepare_look(h, image, &d, out, &pixels) &&
           prepare_fits(h, room, view, &chance, out, &b, &g);
    if (fine && admit)
        admit(ctx, (uint64_t)out->src_h * out->src_w);
    fine = fine && (image->raw || file_pixels(h, &b, &g, &d, out, &pixels));
    if (fine && resample(h, &b, &g, &pixels, slot))
        prepare_fail(out, REAP_STATUS_too_large,
                     "no memory to resize the image");
    else if (fine && view && view->flip && reap_rng_next(&chance) & 1)
        mirror(slot, out->h, out->w,
               3 * (h->preset.norm.float_in ? sizeof(float) : 1));
    reap_decode_done(h->decode);
    if (h->raw_room > KEEP) {
        reap_free(h->raw);
        h->raw = NULL;
        h->raw_room = 0;
    }
    if (admit)
        admit(ctx, 0);
}
