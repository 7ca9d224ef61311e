/* No image leaves anything to the next: each file of a set, decoded after each
 * other one, by one thread and by two at once, gives the bytes that it gives
 * alone, or the same refusal. The set is made here; with REAP_SHARED, the
 * awkward files there are taken as well. */
#define _GNU_SOURCE
#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <vips/vips.h>

#include "io/image/decode.h"
#include "tests/tap.h"

enum { H = 40, W = 56, MOST = 256 };

struct one {
    char name[80];
    struct reap_bytes file;
    unsigned status, flags;
    uint64_t sum; /* of its pixels */
};

static struct one one[MOST];
static size_t n_one;

/* FNV-1a over the pixels, size, status, flags and reason. */
static uint64_t add(uint64_t sum, const void *data, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum = (sum ^ ((const uint8_t *)data)[i]) * 1099511628211u;
    return sum;
}

static uint64_t decode(struct reap_decode *d, struct one *o)
{
    struct reap_decoded got;
    struct reap_pixels px;
    struct reap_window all;
    uint64_t sum = 14695981039346656037u;

    reap_decode_open(d, o->file, &got);
    all = (struct reap_window){ 0, got.h, 0, got.w };
    if (!got.status)
        reap_decode_read(d, &all, &got, &px);
    sum = add(sum, &got.status, sizeof(got.status));
    sum = add(sum, &got.flags, sizeof(got.flags));
    sum = add(sum, got.reason, strlen(got.reason));
    for (size_t y = 0; !got.status && y < got.h; y++)
        sum = add(sum, px.data + y * px.stride, 3 * got.w);
    o->status = got.status;
    return sum;
}

static struct reap_decode *decoder(void)
{
    const struct reap_limits l = { .formats = (1u << REAP_N_FORMATS) - 1,
                                   .orient = true };
    struct reap_decode *d = NULL;

    if (reap_decode_new(&d, &l, false, NULL))
        exit(1);
    return d;
}

static void keep(const char *name, void *data, size_t len)
{
    if (n_one == MOST)
        return;
    snprintf(one[n_one].name, sizeof(one->name), "%s", name);
    one[n_one++].file = (struct reap_bytes){ data, len };
}

static void keep_saved(const char *name, const char *ending, int bands)
{
    static uint8_t px[H * W * 4];
    VipsImage *im;
    void *data = NULL;
    size_t len = 0;

    for (size_t i = 0; i < sizeof(px); i++)
        px[i] = (uint8_t)(i * 7 + i / 160 * 11 + (i * i * 31 >> 5 & 15));
    im = vips_image_new_from_memory(px, (size_t)(H * W * bands), W, H, bands,
                                    VIPS_FORMAT_UCHAR);
    if (!vips_image_write_to_buffer(im, ending, &data, &len, NULL))
        keep(name, data, len);
    else
        ok(0, "%s: %s", name, vips_error_buffer());
    g_object_unref(im);
}

static struct one *named(const char *name)
{
    for (size_t i = 0; i < n_one; i++)
        if (!strcmp(one[i].name, name))
            return &one[i];
    return NULL;
}

/* A copy of a JPEG without its segments of a kind. */
static void keep_without(const char *name, const char *of, unsigned marker)
{
    const struct reap_bytes f = named(of)->file;
    uint8_t *copy = malloc(f.len);
    size_t at = 2, len = 2;

    memcpy(copy, f.data, 2);
    while (f.data[at + 1] != 0xda) {
        size_t n = 2 + ((size_t)f.data[at + 2] << 8) + f.data[at + 3];

        if (f.data[at + 1] != marker) {
            memcpy(copy + len, f.data + at, n);
            len += n;
        }
        at += n;
    }
    memcpy(copy + len, f.data + at, f.len - at);
    keep(name, copy, len + f.len - at);
}

/* The first 'part' of 100 of a file, or all of it with some bytes changed. */
static void keep_damaged(const char *name, const char *of, size_t part)
{
    const struct reap_bytes f = named(of)->file;
    size_t len = part ? f.len * part / 100 : f.len;
    uint8_t *copy = malloc(len);

    memcpy(copy, f.data, len);
    for (size_t i = len / 2; !part && i < len - 2; i += 37)
        copy[i] ^= 0x55;
    keep(name, copy, len);
}

static void make_set(void)
{
    static const char *const saved[][2] = {
        { "jpeg", ".jpg" },
        { "jpeg of its own tables", ".jpg[optimize_coding,Q=30]" },
        { "jpeg 4:4:4", ".jpg[subsample_mode=off,Q=97]" },
        { "jpeg progressive", ".jpg[interlace]" },
        { "png", ".png" },
        { "png interlaced", ".png[interlace]" },
        { "png of a palette", ".png[palette,bitdepth=4]" },
        { "webp", ".webp" },
        { "webp lossless", ".webp[lossless]" },
        { "tiff", ".tif" },
        { "tiff of tiles", ".tif[tile,tile-width=16,tile-height=16]" },
        { "tiff lzw", ".tif[compression=lzw,predictor=horizontal]" },
        { "tiff jpeg", ".tif[compression=jpeg]" },
        { "ppm", ".ppm" },
    };

    for (size_t i = 0; i < sizeof(saved) / sizeof(saved[0]); i++)
        keep_saved(saved[i][0], saved[i][1], 3);
    keep_saved("jpeg grey", ".jpg", 1);
    keep_saved("jpeg cmyk", ".jpg", 4);
    keep_saved("png with alpha", ".png", 4);
    keep_without("jpeg without Huffman tables", "jpeg", 0xc4);
    keep_without("jpeg without its own tables", "jpeg of its own tables", 0xc4);
    keep_without("jpeg without quantization tables", "jpeg 4:4:4", 0xdb);
    for (size_t i = 0; i < sizeof(saved) / sizeof(saved[0]); i++) {
        keep_damaged("cut", saved[i][0], 60);
        keep_damaged("damaged", saved[i][0], 0);
    }
}

static void take_shared(void)
{
    const char *shared = getenv("REAP_SHARED");
    char path[1000];
    struct dirent *e;
    DIR *dir = NULL;

    snprintf(path, sizeof(path), "%s/cases/images", shared ? shared : "");
    if (shared)
        dir = opendir(path);
    while (dir && (e = readdir(dir))) {
        char *data = NULL;
        gsize len = 0;

        snprintf(path, sizeof(path), "%s/cases/images/%s", shared, e->d_name);
        if (e->d_name[0] != '.' && g_file_get_contents(path, &data, &len, NULL))
            keep(e->d_name, data, len);
    }
    if (dir)
        closedir(dir);
}

struct turn {
    size_t first, step, wrong;
    char words[300];
};

static void note(struct turn *t, const struct one *before, const struct one *o)
{
    if (!t->wrong++)
        snprintf(t->words, sizeof(t->words), "%s after %s", o->name,
                 before->name);
}

static void check(struct turn *t, struct reap_decode *d, size_t before,
                  size_t i)
{
    struct one own = one[i]; /* another thread may have it, too */

    if (decode(d, &own) != one[i].sum)
        note(t, &one[before], &one[i]);
}

/* Each pair, both ways: A, B, A, C, A, ... */
static void *pairs(void *arg)
{
    struct turn *t = arg;
    struct reap_decode *d = decoder();

    for (size_t i = t->first; i < n_one; i += t->step) {
        check(t, d, i, i);
        for (size_t k = i; k < n_one; k++) {
            check(t, d, i, k);
            check(t, d, k, i);
        }
    }
    reap_decode_free(&d);
    return NULL;
}

int main(void)
{
    struct turn t = { 0, 1, 0, "" },
                two[2] = { { 0, 2, 0, "" }, { 1, 2, 0, "" } };
    pthread_t id[2];
    size_t read = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (VIPS_INIT("reap"))
        return 1;
    make_set();
    take_shared();
    for (size_t i = 0; i < n_one; i++) {
        struct reap_decode *d = decoder(); /* alone */

        one[i].sum = decode(d, &one[i]);
        read += !one[i].status;
        reap_decode_free(&d);
    }
    ok(read > 20 && read < n_one, "%zu of %zu files can be read", read, n_one);
    ok(!named("jpeg without Huffman tables")->status &&
           named("jpeg without Huffman tables")->sum == named("jpeg")->sum,
       "without Huffman tables the standard ones are meant");
    ok(named("jpeg without quantization tables")->status == REAP_STATUS_corrupt,
       "without quantization tables it is no image");
    pairs(&t);
    ok(!t.wrong, "one thread: %zu differ, first %s", t.wrong, t.words);
    for (size_t i = 0; i < 2; i++)
        pthread_create(&id[i], NULL, pairs, &two[i]);
    for (size_t i = 0; i < 2; i++)
        pthread_join(id[i], NULL);
    for (size_t i = 0; i < 2; i++)
        ok(!two[i].wrong, "thread %zu of two: %zu differ, first %s", i + 1,
           two[i].wrong, two[i].words);
    for (size_t i = 0; i < n_one; i++)
        g_free((void *)(uintptr_t)one[i].file.data);
    return done();
}
