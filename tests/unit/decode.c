/* Strangers' bytes: every prefix and many flipped bits of each format end in
 * a status, and what is no image never becomes one. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include <vips/vips.h>

#include "engine/base/mem.h"
#include "pipeline/prepare.h"
#include "tests/tap.h"

enum { H = 24, W = 40, SIDE = 8, SLOT = SIDE * SIDE * 3 };

static uint32_t state = 88675123;

static uint32_t rnd(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

struct file {
    uint8_t *data;
    size_t len;
};

static struct reap_prepared last;

static unsigned run(struct reap_prepare *p, const uint8_t *data, size_t len)
{
    struct reap_image im = { .bytes = { data, len } };
    uint8_t slot[SLOT];

    reap_prepare_run(p, &im, slot, sizeof(slot), &last);
    return last.status;
}

/* Bytes alone on the heap, so that a sanitizer sees a read past them. */
static unsigned run_copy(struct reap_prepare *p, const uint8_t *data,
                         size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    unsigned status;

    memcpy(copy, data, len);
    status = run(p, copy, len);
    free(copy);
    return status;
}

static VipsImage *picture(int bands)
{
    static uint8_t px[H * W * 4];

    for (size_t i = 0; i < sizeof(px); i++)
        px[i] = (uint8_t)(i * 7 + i / 160 * 11 + (rnd() & 15));
    return vips_image_new_from_memory(px, (size_t)(H * W * bands), W, H, bands,
                                      VIPS_FORMAT_UCHAR);
}

static struct file saved(const char *ending, int bands)
{
    VipsImage *im = picture(bands);
    struct file f = { NULL, 0 };
    void *data = NULL;

    if (vips_image_write_to_buffer(im, ending, &data, &f.len, NULL))
        printf("# %s: %s\n", ending, vips_error_buffer());
    f.data = data;
    g_object_unref(im);
    return f;
}

static void le(uint8_t *p, uint32_t v)
{
    for (size_t i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static struct file bmp(void)
{
    struct file f = { NULL, 54 + 3 * H * W };

    f.data = calloc(1, f.len);
    memcpy(f.data, "BM", 2);
    le(f.data + 10, 54);
    le(f.data + 14, 40);
    le(f.data + 18, W);
    le(f.data + 22, H);
    f.data[28] = 24;
    for (size_t i = 54; i < f.len; i++)
        f.data[i] = (uint8_t)rnd();
    return f;
}

static struct file ppm(void)
{
    struct file f = { NULL, 0 };
    int n;

    f.data = calloc(1, 64 + 3 * H * W);
    n = sprintf((char *)f.data, "P6 # a comment\n%d %d 255\n", W, H);
    f.len = (size_t)n + 3 * H * W;
    return f;
}

/* 2 x 2, colours of a palette of 4: codes clear, 0, 1, 2, 3, end of 3 bits,
 * which grow to 4 bits behind the fourth. */
static struct file gif(void)
{
    static const uint8_t bytes[] = "GIF89a\2\0\2\0\x81\0\0"
                                   "\1\2\3\4\5\6\7\x8\x9\xa\xb\xc"
                                   "\x21\xf9\4\1\0\0\2\0"
                                   "\x2c\0\0\0\0\2\0\2\0\0\2\3\x44\x34\5\0\x3b";
    struct file f = { malloc(sizeof(bytes) - 1), sizeof(bytes) - 1 };

    memcpy(f.data, bytes, f.len);
    return f;
}

/* 'strict': a file that lacks bytes is never taken for whole. */
static void torture(struct reap_prepare *p, const char *name, struct file f,
                    bool strict)
{
    size_t whole = 0, step = f.len / 400 + 1, wild = 0;
    uint8_t *copy;

    ok(f.data && run_copy(p, f.data, f.len) == REAP_STATUS_ok, "%s is read: %s",
       name, last.reason);
    for (size_t n = 0; n < f.len; n += n < 64 ? 1 : step)
        whole += run_copy(p, f.data, n) == REAP_STATUS_ok;
    ok(!strict || !whole, "%s: %zu prefixes are taken for whole", name, whole);
    copy = malloc(f.len);
    for (size_t i = 0; i < 600; i++) {
        memcpy(copy, f.data, f.len);
        for (size_t k = 0; k <= i % 3; k++)
            copy[rnd() % (i % 2 && f.len > 100 ? 100 : f.len)] ^=
                (uint8_t)(1u << rnd() % 8);
        wild += run_copy(p, copy, f.len) >= REAP_N_STATUS;
        wild += last.status != REAP_STATUS_ok && !*last.reason;
    }
    ok(!wild, "%s: flipped bits end in a status and a reason", name);
    free(copy);
    free(f.data);
}

static void formats(struct reap_prepare *p)
{
    torture(p, "jpeg", saved(".jpg", 3), true);
    torture(p, "jpeg grey", saved(".jpg", 1), true);
    torture(p, "jpeg progressive", saved(".jpg[interlace]", 3), true);
    torture(p, "jpeg cmyk", saved(".jpg", 4), true);
    torture(p, "png", saved(".png", 3), false);
    torture(p, "png grey, alpha", saved(".png", 2), false);
    torture(p, "png alpha, interlaced", saved(".png[interlace]", 4), false);
    torture(p, "png palette", saved(".png[palette,bitdepth=4]", 3), false);
    torture(p, "webp", saved(".webp", 3), true);
    torture(p, "webp lossless", saved(".webp[lossless]", 4), true);
    torture(p, "tiff", saved(".tif", 3), false);
    torture(p, "tiff lzw", saved(".tif[compression=lzw]", 3), false);
    torture(p, "bmp", bmp(), true);
    torture(p, "ppm", ppm(), true);
    torture(p, "gif", gif(), false);
}

static void raw(struct reap_prepare *p)
{
    static uint8_t px[12 * 10 * 4];
    struct reap_image im = { .bytes = { px, 360 }, .raw = true };
    uint8_t a[SLOT], b[SLOT], plane[360];

    for (size_t i = 0; i < sizeof(px); i++)
        px[i] = (uint8_t)rnd();
    for (size_t i = 0; i < 360; i++) /* BGR planes of the same picture */
        plane[(2 - i % 3) * 120 + i / 3] = px[i];
    im.height = 12;
    im.width = 10;
    im.channels = 3;
    reap_prepare_run(p, &im, a, sizeof(a), &last);
    ok(!last.status && last.h == SIDE, "raw pixels are taken");
    im.bytes.data = plane;
    im.planar = im.bgr = true;
    reap_prepare_run(p, &im, b, sizeof(b), &last);
    ok(!last.status && !memcmp(a, b, sizeof(a)), "planes of BGR are the same");
    im.channels = 4;
    reap_prepare_run(p, &im, a, sizeof(a), &last);
    ok(last.status == REAP_STATUS_corrupt, "too few samples: %s", last.reason);
    im.height = im.width = im.channels = (size_t)1 << 40;
    reap_prepare_run(p, &im, a, sizeof(a), &last);
    ok(last.status == REAP_STATUS_corrupt, "an overflow: %s", last.reason);
    reap_prepare_run(p, &(struct reap_image){ .raw = true }, a, sizeof(a),
                     &last);
    ok(last.status == REAP_STATUS_empty, "no samples: %s", last.reason);
}

/* What limits say. */
static void limits(const struct reap_preset *preset)
{
    struct reap_limits l = { .max_pixels = H * W - 1 };
    struct file f = saved(".jpg", 3), g = gif(), half;
    struct reap_prepare *p = NULL;

    if (reap_prepare_new(&p, preset, &l, NULL))
        exit(1);
    ok(run(p, f.data, f.len) == REAP_STATUS_too_large, "too large: %s",
       last.reason);
    ok(run(p, g.data, g.len) == REAP_STATUS_unsupported, "no GIF: %s",
       last.reason);
    ok(run(p, f.data, 0) == REAP_STATUS_empty, "empty: %s", last.reason);
    reap_prepare_free(&p);
    l = (struct reap_limits){ .keep_truncated = true };
    if (reap_prepare_new(&p, preset, &l, NULL))
        exit(1);
    half = (struct file){ f.data, f.len - 100 };
    ok(run_copy(p, half.data, half.len) == REAP_STATUS_ok &&
           (last.flags & REAP_FLAG_warned),
       "what ends early may be kept, and is flagged");
    reap_prepare_free(&p);
    free(f.data);
    free(g.data);
}

/* What is no image, or none that is read unasked, is called by its name. */
static void names(const struct reap_preset *preset)
{
    static const struct {
        const char *bytes, *name;
        size_t n;
    } wrong[] = {
#define FILE_OF(bytes, name) { bytes, name, sizeof(bytes) - 1 }
        FILE_OF("\x1f\x8b\x08 ....................", "a gzip file"),
        FILE_OF("%PDF-1.7 ....................", "a PDF"),
        FILE_OF("\n <!DOCTYPE HTML><p>Not found</p>", "a web page (HTML)"),
        FILE_OF("<html><body>403 Forbidden</body>", "a web page (HTML)"),
        FILE_OF("<?xml version='1.0'?><svg xmlns=''/>", "SVG"),
        FILE_OF("\0\0\0\x18"
                "ftypmp42....mp42isom",
                "a video"),
        FILE_OF("\0\0\0\x18"
                "ftypheic....mif1heic",
                "HEIC, not read"),
        FILE_OF("\0\0\0\x18"
                "ftypmif1....mif1heic",
                "HEIC, not read"),
        FILE_OF("\0\0\0\x18"
                "ftypmif1....avifmif1",
                "AVIF, not read"),
        FILE_OF("\xff\x0a....................", "JPEG XL, not read"),
        FILE_OF("II*\0....................", "TIFF, not read"),
        FILE_OF("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "zero bytes"),
        FILE_OF("version https://git-lfs.github.com/spec/v1", "Git LFS"),
        FILE_OF("/9j/4AAQSkZJRgABAQ", "base64"),
        FILE_OF("no idea what that is", "no image format"),
#undef FILE_OF
    };
    const struct reap_limits l = { 0 };
    struct reap_prepare *p = NULL;

    if (reap_prepare_new(&p, preset, &l, NULL))
        exit(1);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ok(run(p, (const uint8_t *)wrong[i].bytes, wrong[i].n) ==
                   REAP_STATUS_unsupported &&
               strstr(last.reason, wrong[i].name),
           "%s: %s", wrong[i].name, last.reason);
    reap_prepare_free(&p);
}

/* Formats that are not Pillow's to the bit are read where they are named, and
 * say so; "all" does not name them. */
static void inexact(const struct reap_preset *preset)
{
    static const struct {
        const char *ending;
        enum reap_format format;
    } kind[] = { { ".avif", REAP_FORMAT_avif },
                 { ".heic", REAP_FORMAT_heic },
                 { ".jxl", REAP_FORMAT_jxl } };
    struct reap_limits l = { .formats = reap_formats_exact() };
    struct reap_prepare *p = NULL;

    for (size_t i = 0; i < sizeof(kind) / sizeof(kind[0]); i++) {
        VipsImage *im = picture(3);
        struct file f = { NULL, 0 };
        void *data = NULL;

        if (vips_image_write_to_buffer(im, kind[i].ending, &data, &f.len,
                                       NULL)) {
            vips_error_clear();
            skip("this libvips does not write %s", kind[i].ending);
        } else {
            l.formats = reap_formats_exact();
            if (reap_prepare_new(&p, preset, &l, NULL))
                exit(1);
            ok(run_copy(p, data, f.len) == REAP_STATUS_unsupported,
               "%s is not among all: %s", kind[i].ending, last.reason);
            reap_prepare_free(&p);
            l.formats |= 1u << kind[i].format;
            if (reap_prepare_new(&p, preset, &l, NULL))
                exit(1);
            ok(run_copy(p, data, f.len) == REAP_STATUS_ok &&
                   (last.flags & REAP_FLAG_inexact),
               "%s is read and flagged: %s", kind[i].ending, last.reason);
            reap_prepare_free(&p);
        }
        g_free(data);
        g_object_unref(im);
    }
}

/* Each allocation of ours fails once. */
static void no_memory(const struct reap_preset *preset)
{
    const struct reap_limits l = { 0 };
    struct file f = saved(".jpg", 4);
    bool good = true;
    unsigned status = REAP_N_STATUS;

    for (long i = 1; status != REAP_STATUS_ok && i < 60; i++) {
        struct reap_prepare *p = NULL;
        int rc;

        reap_mem_fail_at(i);
        rc = reap_prepare_new(&p, preset, &l, NULL);
        good &= rc ? !p : !!p;
        status = rc ? REAP_N_STATUS : run(p, f.data, f.len);
        good &=
            rc || status == REAP_STATUS_ok || status == REAP_STATUS_too_large;
        reap_prepare_free(&p);
    }
    reap_mem_fail_at(0);
    ok(good && status == REAP_STATUS_ok, "every allocation may fail");
    free(f.data);
}

int main(void)
{
    const struct reap_limits all = { .formats = (1u << REAP_N_FORMATS) - 1 };
    struct reap_prepare *p = NULL;
    struct reap_preset preset;
    unsigned set;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (reap_preset_find("torchvision-v1", &preset, NULL) ||
        reap_preset_set(&preset, "resize", "short:8", NULL) ||
        reap_preset_set(&preset, "crop", "8", NULL) ||
        reap_prepare_new(&p, &preset, &all, NULL))
        return 1;
    formats(p);
    raw(p);
    reap_prepare_free(&p);
    limits(&preset);
    names(&preset);
    inexact(&preset);
    no_memory(&preset);
    ok(!reap_formats_parse("jpeg,gif", &set, NULL) &&
           set == (1u << REAP_FORMAT_jpeg | 1u << REAP_FORMAT_gif),
       "a list of formats");
    ok(reap_formats_parse("jpeg,", &set, NULL) == REAP_EINVAL &&
           reap_formats_parse("heif", &set, NULL) == REAP_EINVAL,
       "others are refused");
    ok(!reap_formats_parse("all", &set, NULL) && set == reap_formats_exact() &&
           !(set & 1u << REAP_FORMAT_heic),
       "all are those that are exact");
    return done();
}
