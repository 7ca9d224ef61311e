/*
 * The rules of io/image at their edges: orientation byte by byte, where a file
 * ends early, limits, what a decoder is asked for, JPEG's special cases.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "io/codec/exif_tag.h"
#include "io/image/decode.h"
#include "io/image/exif.h"
#include "io/image/truncation.h"
#include "tests/sample.h"
#include "tests/tap.h"

enum { ALL = (1u << REAP_N_FORMATS) - 1 };

static struct reap_bytes image(const char *name)
{
    char file[128];

    snprintf(file, sizeof(file), "images/%s", name);
    return sample_read(file);
}

static void let_go(struct reap_bytes b)
{
    free((void *)(uintptr_t)b.data);
}

/* --- orientation --- */

/* A TIFF structure: 'n' entries, the last of which is the orientation. */
static size_t tiff(uint8_t *to, bool big, size_t gap, size_t n, unsigned tag,
                   unsigned type, unsigned value)
{
    const size_t at = 8 + gap, len = at + 2 + 12 * n;
    uint8_t *p = to + at + 2 + 12 * (n - 1);

    memset(to, 0, len);
    memcpy(to, big ? "MM\0*" : "II*\0", 4);
    to[big ? 7 : 4] = (uint8_t)at;
    to[at + (big ? 1 : 0)] = (uint8_t)n;
    p[big ? 0 : 1] = (uint8_t)(tag >> 8);
    p[big ? 1 : 0] = (uint8_t)tag;
    p[big ? 3 : 2] = (uint8_t)type;
    p[big ? 7 : 4] = 1;
    p[big ? 8 : 9] = (uint8_t)(value >> 8);
    p[big ? 9 : 8] = (uint8_t)value;
    return len;
}

static int oriented(enum reap_format format, const uint8_t *data, size_t n)
{
    uint8_t *copy = malloc(n + 1); /* a sanitizer sees a read past it */
    int o;

    memcpy(copy, data, n);
    if (format == REAP_FORMAT_tiff) /* as decode_tiff.c, or EXIF anywhere */
        o = reap_exif_tag((struct reap_bytes){ copy, n });
    else
        o = reap_exif_orientation(format, (struct reap_bytes){ copy, n });
    free(copy);
    return o >= 1 && o <= 8 ? o : 1;
}

static void tiffs(void)
{
    uint8_t t[200];
    size_t n;

    for (int big = 0; big < 2; big++) {
        for (unsigned v = 0; v < 12; v++) {
            n = tiff(t, big, 0, 1, 0x112, 3, v);
            ok(oriented(REAP_FORMAT_tiff, t, n) ==
                   (v >= 1 && v <= 8 ? (int)v : 1),
               "%s-endian, orientation %u", big ? "big" : "little", v);
        }
        n = tiff(t, big, 7, 4, 0x112, 3, 6);
        ok(oriented(REAP_FORMAT_tiff, t, n) == 6, "the fourth, behind a gap");
        for (size_t cut = 0; cut < n; cut++)
            if (oriented(REAP_FORMAT_tiff, t, cut) != 1)
                ok(0, "cut to %zu bytes it says nothing", cut);
        tiff(t, big, 0, 1, 0x113, 3, 6);
        ok(oriented(REAP_FORMAT_tiff, t, 22) == 1, "another tag");
        tiff(t, big, 0, 1, 0x112, 0, 6);
        ok(oriented(REAP_FORMAT_tiff, t, 22) == 1, "no type");
        tiff(t, big, 0, 1, 0x112, 3, 256 + 6);
        ok(oriented(REAP_FORMAT_tiff, t, 22) == 1, "more than a byte");
        n = tiff(t, big, 0, 1, 0x112, 3, 6);
        t[big ? 4 : 7] = 1;
        ok(oriented(REAP_FORMAT_tiff, t, n) == 1, "a directory far behind");
        n = tiff(t, big, 0, 1, 0x112, 3, 6);
        t[big ? 7 : 4] = (uint8_t)(n - 2);
        ok(oriented(REAP_FORMAT_tiff, t, n) == 1, "one that ends at once");
        n = tiff(t, big, 0, 1, 0x112, 3, 6);
        t[0] = 'X';
        ok(oriented(REAP_FORMAT_tiff, t, n) == 1, "no TIFF");
        n = tiff(t, big, 0, 1, 0x112, 3, 6);
        ok(oriented(REAP_FORMAT_gif, t, n) == 1, "a format without any");
    }
}

static size_t segment(uint8_t *to, unsigned marker, const void *data, size_t n)
{
    to[0] = 0xff;
    to[1] = (uint8_t)marker;
    to[2] = (uint8_t)((n + 2) >> 8);
    to[3] = (uint8_t)(n + 2);
    memcpy(to + 4, data, n);
    return n + 4;
}

static void jpeg_segments(void)
{
    static uint8_t long_one[300];
    uint8_t exif[100] = "Exif\0", f[1000] = { 0xff, 0xd8 };
    const size_t n = 6 + tiff(exif + 6, false, 0, 1, 0x112, 3, 7);
    size_t at = 2, whole;

    at += segment(f + at, 0xe0, "JFIF\0", 5);
    at += segment(f + at, 0xe1, "http", 4);
    at += segment(f + at, 0xfe, long_one, sizeof(long_one));
    f[at++] = 0xff; /* fill */
    f[at++] = 0xff;
    whole = at += segment(f + at, 0xe1, exif, n);
    at += segment(f + at, 0xda, "", 0);
    ok(oriented(REAP_FORMAT_jpeg, f, at) == 7, "the second APP1 of a JPEG");
    ok(oriented(REAP_FORMAT_jpeg, f, whole) == 7, "even if nothing follows");
    for (size_t cut = 0; cut < whole; cut++)
        if (oriented(REAP_FORMAT_jpeg, f, cut) != 1)
            ok(0, "JPEG cut to %zu bytes says nothing", cut);
    at = 2 + segment(f + 2, 0xda, "ab", 2);
    at += segment(f + at, 0xe1, exif, n);
    ok(oriented(REAP_FORMAT_jpeg, f, at) == 1, "not behind the first scan");
    at = 2 + segment(f + 2, 0xe0, "", 0);
    at += segment(f + at, 0xe1, exif, n);
    ok(oriented(REAP_FORMAT_jpeg, f, at) == 7, "behind an empty one");
    at = 2 + segment(f + 2, 0xe2, exif, n);
    at += segment(f + at, 0xda, "", 0);
    ok(oriented(REAP_FORMAT_jpeg, f, at) == 1, "in APP1 alone");
    exif[4] = 1;
    at = 2 + segment(f + 2, 0xe1, exif, n);
    at += segment(f + at, 0xda, "", 0);
    ok(oriented(REAP_FORMAT_jpeg, f, at) == 1, "behind 'Exif', 0, 0 alone");
}

/* A chunk of a PNG, or of a WebP. */
static size_t chunk(uint8_t *to, bool png, const char *name, const void *data,
                    size_t n)
{
    memset(to, 0, 8);
    memcpy(to + (png ? 4 : 0), name, 4);
    to[png ? 3 : 4] = (uint8_t)n;
    memcpy(to + 8, data, n);
    memset(to + 8 + n, 0x55, 4); /* a sum, or what pads */
    return 8 + n + (png ? 4 : n % 2);
}

static void chunks(bool png)
{
    const enum reap_format format = png ? REAP_FORMAT_png : REAP_FORMAT_webp;
    const char *const name = png ? "eXIf" : "EXIF";
    uint8_t exif[100] = "Exif\0", f[600] = { 0 };
    const size_t n = tiff(exif + 6, true, 0, 1, 0x112, 3, 5);
    size_t at = png ? 8 : 12, head, whole;

    if (!png) /* bit 3 says that there is EXIF */
        at += chunk(f + at, png, "VP8X", "\10\0\0\0\0\0\0\0\0", 10);
    head = at;
    at += chunk(f + at, png, "abcd", "12345", 5);
    at += chunk(f + at, png, "wxyz", "1234", 4);
    at += chunk(f + at, png, "none", "", 0);
    whole = at + 8 + n + (png ? 4 : 0);
    at += chunk(f + at, png, name, exif + 6, n);
    ok(oriented(format, f, at) == 5, "%s: the fourth chunk", name);
    ok(oriented(format, f, whole) == 5, "%s: it may be the last", name);
    for (size_t cut = 0; cut < whole; cut++)
        if (oriented(format, f, cut) != 1)
            ok(0, "%s: cut to %zu bytes it says nothing", name, cut);
    at = head + chunk(f + head, png, name, exif, n + 6);
    ok(oriented(format, f, at) == 5, "%s: behind 'Exif', 0, 0", name);
    at = head + chunk(f + head, png, "abcd", exif + 6, n);
    ok(oriented(format, f, at) == 1, "%s: another name", name);
    at = head + chunk(f + head, png, name, "Exif\0\0", 6);
    ok(oriented(format, f, at) == 1, "%s: nothing inside", name);
    at = head + chunk(f + head, png, name, exif + 6, n);
    f[20] = png ? f[20] : 4;
    ok(oriented(format, f, at) == (png ? 5 : 1), "%s: only if announced", name);
}

/* --- files that end early --- */

static void ends(void)
{
    static const char *const names[] = { "rgb.png", "interlaced_5x3.png",
                                         "lossy.webp", "lossless.webp",
                                         "animated.webp" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct reap_bytes b = image(names[i]);
        const enum reap_format format =
            strstr(names[i], "png") ? REAP_FORMAT_png : REAP_FORMAT_webp;
        const size_t step = b.len / 500 + 1, whole = b.len;
        size_t wrong = 0;

        ok(!reap_truncated(format, b), "%s is whole", names[i]);
        for (size_t n = 1; n <= whole; n += n > 100 ? step : 1) {
            b.len = whole - n;
            wrong += !reap_truncated(format, b);
        }
        ok(!wrong, "%s: each part of it is not", names[i]);
        ok(!reap_truncated(REAP_FORMAT_gif, b), "another format never is");
        let_go(b);
    }
}

/* --- limits --- */

static unsigned status(const struct reap_limits *limits, struct reap_bytes b,
                       struct reap_decoded *got)
{
    struct reap_decode *d;
    struct reap_pixels px;

    if (reap_decode_new(&d, limits, false, NULL))
        abort();
    reap_decode_open(d, b, got);
    if (!got->status)
        reap_decode_read(d, &(struct reap_window){ 0, got->h, 0, got->w }, got,
                         &px);
    reap_decode_free(&d);
    return got->status;
}

static void limits(void)
{
    static const struct {
        const char *name;
        uint64_t pixels;
    } files[] = {
        { "restart.jpg", 200 * 150 }, { "grey.png", 80 * 60 },
        { "lossy.webp", 200 * 150 },  { "plain.gif", 100 * 75 },
        { "rgb.bmp", 61 * 45 },       { "lzw.tiff", 100 * 75 },
        { "rgb.ppm", 40 * 34 },
    };
    struct reap_decoded got;

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct reap_bytes b = image(files[i].name);
        struct reap_limits l = { .formats = ALL,
                                 .max_pixels = files[i].pixels };

        ok(status(&l, b, &got) == REAP_STATUS_ok, "%s has as many as allowed",
           files[i].name);
        l.max_pixels--;
        ok(status(&l, b, &got) == REAP_STATUS_too_large &&
               strstr(got.reason, "--max-pixels"),
           "%s has one more: %s", files[i].name, got.reason);
        ok(got.format == i, "and its format is told");
        l = (struct reap_limits){ .formats = ALL & ~(1u << i) };
        ok(status(&l, b, &got) == REAP_STATUS_unsupported &&
               strstr(got.reason, "--formats"),
           "%s is refused by --formats: %s", files[i].name, got.reason);
        l = (struct reap_limits){ 0 };
        ok(status(&l, b, &got) ==
               (i < 3 ? REAP_STATUS_ok : REAP_STATUS_unsupported),
           "%s is %s by default", files[i].name, i < 3 ? "taken" : "not taken");
        let_go(b);
    }
}

static void tiny(void)
{
    const struct reap_limits l = { .formats = ALL };

    for (int h = 31; h <= 33; h++)
        for (int w = 31; w <= 33; w++) {
            uint8_t f[40 + 33 * 33];
            const int head =
                sprintf((char *)f, "P5 # grey\n%d\t%d\n255\n", w, h);
            struct reap_decoded got;

            memset(f + head, 7, 33 * 33);
            ok(status(&l, (struct reap_bytes){ f, (size_t)(head + h * w) },
                      &got) == REAP_STATUS_ok &&
                   got.flags == (REAP_FLAG_grey |
                                 (h < 32 || w < 32 ? REAP_FLAG_tiny : 0)) &&
                   got.h == (size_t)h && got.w == (size_t)w,
               "%d x %d", h, w);
        }
}

static void words(void)
{
    static const struct {
        const char *text;
        unsigned set;
    } good[] = { { NULL, 0 },
                 /* AVIF, HEIC and JPEG XL, which come last, only by name */
                 { "all", (1u << REAP_FORMAT_avif) - 1 },
                 { "jpeg", 1 << REAP_FORMAT_jpeg },
                 { "ppm", 1 << REAP_FORMAT_ppm },
                 { "png,gif", 1 << REAP_FORMAT_png | 1 << REAP_FORMAT_gif },
                 { "tiff,tiff,webp",
                   1 << REAP_FORMAT_tiff | 1 << REAP_FORMAT_webp } };
    static const char *const bad[] = {
        "", "jpg", "jpeg,", ",jpeg", "jpeg,,png", "all,png", "pn", "pngs"
    };
    struct reap_err err = { 0 };
    unsigned set;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        ok(!reap_formats_parse(good[i].text, &set, &err) && set == good[i].set,
           "--formats %s", good[i].text ? good[i].text : "(none)");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ok(reap_formats_parse(bad[i], &set, &err) == REAP_EINVAL &&
               strstr(err.msg, "--formats"),
           "'%s' is refused: %s", bad[i], err.msg);
    ok(!strcmp(reap_format_name(REAP_N_FORMATS), "unknown") &&
           !strcmp(reap_format_name(REAP_FORMAT_ppm), "ppm"),
       "formats have names");
}

/* --- JPEG --- */

static void jpeg_status(const char *what, struct reap_bytes b, unsigned want,
                        unsigned flags, const char *reason)
{
    const struct reap_limits l = { .formats = ALL };
    struct reap_decoded got;

    status(&l, b, &got);
    ok(got.status == want && got.flags == flags && strstr(got.reason, reason),
       "%s: %s, flags %u, %s", what, reap_status_name(got.status), got.flags,
       got.reason);
}

static uint8_t *find(struct reap_bytes b, unsigned marker)
{
    for (size_t i = 0; i + 1 < b.len; i++)
        if (b.data[i] == 0xff && b.data[i + 1] == marker)
            return (uint8_t *)(uintptr_t)b.data + i;
    abort();
}

static void jpeg_kinds(void)
{
    struct reap_bytes b = image("trailing.jpg"); /* 120 x 90, 4:2:0: 6 rows */
    uint8_t *frame = find(b, 0xc0), *scan = find(b, 0xda);

    frame[1] = 0xc5;
    jpeg_status("a hierarchical one", b, REAP_STATUS_unsupported, 0, "JPEG:");
    frame[1] = 0xc0;
    frame[4] = 12;
    jpeg_status("12 bits a sample", b, REAP_STATUS_unsupported, 0, "8 bits");
    frame[4] = 8;
    scan[5] ^= 0x40; /* the scan's first component does not exist */
    jpeg_status("a bad scan", b, REAP_STATUS_corrupt, 0, "JPEG:");
    scan[5] ^= 0x40;
    frame[6] = 7 * 16;
    jpeg_status("a row of blocks that is missing", b, REAP_STATUS_ok,
                REAP_FLAG_warned, "");
    frame[6] = 90;
    scan[200] ^= 0x24;
    scan[201] ^= 0x24;
    scan[202] ^= 0x24;
    jpeg_status("some damaged bits", b, REAP_STATUS_ok, REAP_FLAG_warned, "");
    let_go(b);
}

static void jpeg_scans(void)
{
    struct reap_bytes b = image("progressive_grey.jpg");
    const uint8_t *last = NULL, *end = b.data + b.len - 2;
    size_t n, len;
    uint8_t *f;

    for (const uint8_t *p = b.data; p < end; p++)
        if (p[0] == 0xff && p[1] == 0xda)
            last = p;
    len = (size_t)(end - last);
    f = malloc(b.len + 600 * len);
    n = (size_t)(end - b.data);
    memcpy(f, b.data, n);
    for (size_t i = 0; i < 600; i++, n += len)
        memcpy(f + n, last, len);
    memcpy(f + n, end, 2);
    jpeg_status("scan upon scan", (struct reap_bytes){ f, n + 2 },
                REAP_STATUS_corrupt, REAP_FLAG_grey, "more than 500 scans");
    free(f);
    let_go(b);
}

static void kept(void)
{
    const struct reap_limits l = { .formats = ALL, .keep_truncated = true };
    static const char *const names[] = { "cut30.jpg", "cut60.jpg",
                                         "cut99.jpg", "cut60_progressive.jpg",
                                         "cut60.gif", "cut60.png" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct reap_bytes b = image(names[i]);
        struct reap_decoded got;

        status(&l, b, &got);
        ok(got.status == REAP_STATUS_ok, "%s is taken as far as it goes: %s",
           names[i], got.reason);
        let_go(b);
    }
}

/* No more is decoded than is wanted. */
static void windows(void)
{
    const struct reap_limits l = { .formats = ALL };
    const struct reap_window want = { 100, 120, 200, 240 };
    struct reap_bytes b = image("scene_420.jpg");
    struct reap_decode *d;
    struct reap_decoded got;
    struct reap_pixels px;

    if (reap_decode_new(&d, &l, false, NULL))
        abort();
    reap_decode_open(d, b, &got);
    reap_decode_read(d, &want, &got, &px);
    ok(!got.status && px.have.row0 == 100 && px.have.row1 == 120,
       "of a JPEG the rows that are wanted");
    ok(px.have.col0 < 200 && px.have.col0 + 48 > 200 && px.have.col1 > 240 &&
           px.have.col1 < 240 + 48 &&
           px.stride == 3 * (px.have.col1 - px.have.col0),
       "and a block or two around the columns: %zu to %zu", px.have.col0,
       px.have.col1);
    reap_decode_open(d, b, &got);
    reap_decode_read(d, &(struct reap_window){ 5, 6, 16, 464 }, &got, &px);
    ok(!got.status && px.have.col0 == 0 && px.have.col1 == 480,
       "all columns where no block can be left out");
    reap_decode_free(&d);
    let_go(b);
}

int main(void)
{
    tiffs();
    jpeg_segments();
    chunks(true);
    chunks(false);
    ends();
    limits();
    tiny();
    words();
    jpeg_kinds();
    jpeg_scans();
    kept();
    windows();
    return done();
}
