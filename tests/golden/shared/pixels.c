/* Pixels and statuses against what Pillow and TensorFlow made of the same
 * files: golden/preprocess/crops.tsv and golden/odd/odd.tsv of REAP_SHARED. */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#include "pipeline/prepare.h"
#include "tests/tap.h"

enum { COLUMNS = 10, SLOT = 288 * 288 * 3 * 4 };

/* The golden's name of a preset, and ours. */
static const char *const preset_of[][2] = {
    { "tv_v1", "torchvision-v1" },
    { "imagenet_eval", "torchvision-v1" },
    { "tv_v2", "torchvision-v2" },
    { "timm_a1", "timm-a1" },
    { "timm_a1_288", "timm-a1-288" },
    { "timm_bicubic_875", "timm-bicubic" },
    { "hf", "hf" },
    { "keras_nearest", "keras-caffe" },
    { "keras_bilinear", "keras-bilinear" },
    { "squash", "keras-bilinear" },
    { "squash_256_224", "squash-256" },
    { "tf_bilinear_noantialias", "tf-resize" },
    { "tf_dataset", "tf-dataset" },
};
enum { N_PRESETS = sizeof(preset_of) / sizeof(preset_of[0]) };

static uint8_t slot[SLOT];

static struct reap_bytes slurp(const char *dir, const char *name)
{
    struct reap_bytes b = { NULL, 0 };
    char path[1024];
    FILE *f;
    long n;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "rb");
    if (!f)
        return b;
    fseek(f, 0, SEEK_END);
    n = ftell(f);
    rewind(f);
    b.data = malloc((size_t)n + 1);
    b.len = fread((void *)(uintptr_t)b.data, 1, (size_t)n, f);
    fclose(f);
    return b;
}

static void hex(const void *data, size_t n, char out[65])
{
    unsigned char sum[32];

    SHA256(data, n, sum);
    for (size_t i = 0; i < 32; i++)
        snprintf(out + 2 * i, 3, "%02x", sum[i]);
}

/* Fields of a line, cut at tabs in place. */
static size_t fields(char *line, char *f[COLUMNS])
{
    size_t n = 0;

    line[strcspn(line, "\n")] = '\0';
    for (char *at = line; at && n < COLUMNS; n++)
        f[n] = strsep(&at, "\t");
    return n;
}

static void crop(struct reap_prepare *p, const char *dir, char *f[COLUMNS])
{
    struct reap_bytes b = slurp(dir, f[1]);
    struct reap_image im = { .bytes = b };
    struct reap_prepared got;
    char sum[65] = "";

    reap_prepare_run(p, &im, slot, sizeof(slot), &got);
    hex(slot, got.h * got.w * 3 * (strcmp(f[4], "float32") ? 1 : 4), sum);
    ok(got.status == REAP_STATUS_ok && !strcmp(sum, f[5]), "%s %s %s", f[0],
       f[1], got.reason);
    free((void *)(uintptr_t)b.data);
}

static void crops(const char *shared)
{
    struct reap_prepare *p[N_PRESETS] = { NULL };
    const struct reap_limits limits = { 0 };
    char path[1024], line[4096], *f[COLUMNS];
    struct reap_preset preset;
    FILE *tsv;

    for (size_t i = 0; i < N_PRESETS; i++)
        if (reap_preset_find(preset_of[i][1], &preset, NULL) ||
            reap_prepare_new(&p[i], &preset, &limits, NULL))
            ok(0, "%s is a preset", preset_of[i][1]);
    snprintf(path, sizeof(path), "%s/golden/preprocess/crops.tsv", shared);
    tsv = fopen(path, "r");
    ok(tsv != NULL, "%s", path);
    snprintf(path, sizeof(path), "%s/photos", shared);
    while (tsv && fgets(line, sizeof(line), tsv)) {
        size_t i = 0;

        if (fields(line, f) < 6 || !strcmp(f[0], "preset"))
            continue;
        while (i < N_PRESETS && strcmp(preset_of[i][0], f[0]) != 0)
            i++;
        if (i < N_PRESETS)
            crop(p[i], path, f);
        else
            ok(0, "%s has a preset here", f[0]);
    }
    if (tsv)
        fclose(tsv);
    for (size_t i = 0; i < N_PRESETS; i++)
        reap_prepare_free(&p[i]);
}

/* Is the word one of "a|b"? */
static bool one_of(const char *list, const char *word)
{
    size_t n = strlen(word);

    for (const char *at = list; (at = strstr(at, word)); at += n)
        if ((at == list || at[-1] == '|') && (!at[n] || at[n] == '|'))
            return true;
    return false;
}

/* The whole image; "" if it cannot be read. */
static void sum_rgb(struct reap_decode *d, struct reap_bytes b, char out[65])
{
    struct reap_decoded got;
    struct reap_pixels px;
    struct reap_window all;

    out[0] = '\0';
    reap_decode_open(d, b, &got);
    all = (struct reap_window){ 0, got.h, 0, got.w };
    if (!got.status)
        reap_decode_read(d, &all, &got, &px);
    if (!got.status && px.stride == 3 * got.w)
        hex(px.data, got.h * got.w * 3, out);
}

static void odd_one(struct reap_prepare *p, struct reap_decode *d,
                    const char *dir, char *f[COLUMNS])
{
    struct reap_bytes b = slurp(dir, f[0]);
    struct reap_image im = { .bytes = b };
    struct reap_prepared got;
    const char *status;
    char rgb[65], sum[65];

    reap_prepare_run(p, &im, slot, sizeof(slot), &got);
    status = reap_status_name(got.status);
    ok(one_of(f[1], status), "%s is %s: %s (%s)", f[0], f[1], status,
       got.reason);
    if (got.status == REAP_STATUS_ok && strlen(f[6]) == 64) {
        sum_rgb(d, b, rgb);
        hex(slot, got.h * got.w * 3, sum);
        ok(!strcmp(rgb, f[6]), "%s has Pillow's pixels", f[0]);
        ok(!strcmp(sum, f[7]), "%s has torchvision's crop", f[0]);
    }
    free((void *)(uintptr_t)b.data);
}

static void odd(const char *shared)
{
    struct reap_limits limits = { .formats = (1u << REAP_N_FORMATS) - 1 };
    struct reap_prepare *p = NULL;
    struct reap_decode *d = NULL;
    char path[1024], line[4096], *f[COLUMNS];
    struct reap_preset preset;
    FILE *tsv;

    snprintf(path, sizeof(path), "%s/golden/odd/odd.tsv", shared);
    tsv = fopen(path, "r");
    if (!tsv || reap_preset_find("torchvision-v1", &preset, NULL) ||
        reap_prepare_new(&p, &preset, &limits, NULL) ||
        reap_decode_new(&d, &limits, false, NULL)) {
        ok(0, "%s and its handles", path);
        return;
    }
    snprintf(path, sizeof(path), "%s/golden/odd/files", shared);
    while (fgets(line, sizeof(line), tsv))
        if (fields(line, f) >= 8 && strcmp(f[0], "file") != 0)
            odd_one(p, d, path, f);
    fclose(tsv);
    reap_decode_free(&d);
    reap_prepare_free(&p);
}

static uint32_t rnd(void)
{
    static uint32_t state = 2463534242;

    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

/* Two cuts of a side, in order. */
static void range(size_t n, size_t *from, size_t *to)
{
    size_t a = rnd() % n, b = rnd() % n;

    *from = a < b ? a : b;
    *to = (a < b ? b : a) + 1;
}

/* Does a decoder that is asked for a part give the same pixels there? */
static bool same_part(struct reap_decode *d, struct reap_bytes b,
                      const struct reap_pixels *whole, size_t h, size_t w)
{
    struct reap_decoded got;
    struct reap_window p;
    struct reap_pixels px;

    range(h, &p.row0, &p.row1);
    range(w, &p.col0, &p.col1);
    reap_decode_open(d, b, &got);
    if (!got.status)
        reap_decode_read(d, &p, &got, &px);
    if (got.status)
        return false;
    for (size_t y = p.row0; y < p.row1; y++)
        if (memcmp(px.data + (y - px.have.row0) * px.stride +
                       3 * (p.col0 - px.have.col0),
                   whole->data + y * whole->stride + 3 * p.col0,
                   3 * (p.col1 - p.col0)))
            return false;
    return true;
}

/* 'd' reads the whole image, 'e' parts of it. A part must also notice that the
 * file was cut behind it. */
static void part(struct reap_decode *d, struct reap_decode *e, const char *dir,
                 const char *name)
{
    struct reap_bytes b = slurp(dir, name);
    struct reap_window top = { 0, 1, 0, 1 };
    struct reap_decoded got;
    struct reap_pixels px;
    bool same = true;

    reap_decode_open(d, b, &got);
    if (!got.status)
        reap_decode_read(d, &(struct reap_window){ 0, got.h, 0, got.w }, &got,
                         &px);
    if (!got.status && got.h * got.w < 4000000) {
        for (size_t i = 0; i < 3 && same; i++)
            same = same_part(e, b, &px, got.h, got.w);
        ok(same, "%s: parts are the pixels of the whole", name);
    }
    if (!got.status && got.format == REAP_FORMAT_jpeg &&
        !strstr(name, "trailing")) {
        b.len -= b.len / 50 + 2;
        reap_decode_open(e, b, &got);
        if (!got.status)
            reap_decode_read(e, &top, &got, &px);
        ok(got.status == REAP_STATUS_truncated,
           "%s: a cut below the part is noticed", name);
    }
    free((void *)(uintptr_t)b.data);
}

static void parts(const char *shared, const char *folder)
{
    struct reap_limits limits = { .formats = (1u << REAP_N_FORMATS) - 1 };
    struct reap_decode *d = NULL, *e = NULL;
    char path[1024];
    struct dirent *entry;
    DIR *dir;

    snprintf(path, sizeof(path), "%s/%s", shared, folder);
    dir = opendir(path);
    if (!dir || reap_decode_new(&d, &limits, false, NULL) ||
        reap_decode_new(&e, &limits, false, NULL)) {
        ok(0, "%s and decoders", path);
        return;
    }
    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            part(d, e, path, entry->d_name);
    closedir(dir);
    reap_decode_free(&d);
    reap_decode_free(&e);
}

int main(void)
{
    const char *shared = getenv("REAP_SHARED");

    if (!shared) {
        skip("REAP_SHARED does not say where the golden data are");
        return done();
    }
    crops(shared);
    odd(shared);
    parts(shared, "photos");
    parts(shared, "golden/odd/files");
    return done();
}
