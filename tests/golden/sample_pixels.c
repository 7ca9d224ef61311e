/* Pixels, statuses and flags against what Pillow, torchvision, Keras and
 * TensorFlow made of the images of tests/golden/sample. All sums are exact: not
 * one pixel may differ. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "pipeline/prepare.h"
#include "tests/sample.h"
#include "tests/tap.h"

enum {
    COLUMNS = 8,
    SLOT = 288 * 288 * 3 * 4,
    ALL = (1u << REAP_N_FORMATS) - 1
};

static uint8_t slot[SLOT];

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

/* Calls 'line' with the fields of each line behind the first. */
static void table(const char *name, size_t columns,
                  void (*line)(void *own, char *f[COLUMNS]), void *own)
{
    struct reap_bytes b = sample_read(name);
    char *at = (char *)(uintptr_t)b.data, *row, *f[COLUMNS];
    size_t rows = 0;

    for (strsep(&at, "\n"); (row = strsep(&at, "\n")) && *row; rows++) {
        for (size_t i = 0; i < columns; i++)
            f[i] = row ? strsep(&row, "\t") : (char *)(uintptr_t) "";
        line(own, f);
    }
    ok(rows > 0, "%s has %zu rows", name, rows);
    let_go(b);
}

/* Is the word one of "a|b"? */
static bool one_of(const char *list, const char *word)
{
    const size_t n = strlen(word);

    for (const char *at = list; (at = strstr(at, word)); at += n)
        if ((at == list || at[-1] == '|') && (!at[n] || at[n] == '|'))
            return true;
    return false;
}

/* --- files.tsv: statuses and flags --- */

static void check_file(void *own, char *f[COLUMNS])
{
    struct reap_bytes b = image(f[0]);
    struct reap_prepared got;
    char want[100], flags[100];
    const char *status;

    reap_prepare_run(own, &(struct reap_image){ .bytes = b }, slot,
                     sizeof(slot), &got);
    status = reap_status_name(got.status);
    ok(one_of(f[1], status) && !got.status == !*got.reason, "%s is %s: %s (%s)",
       f[0], f[1], status, got.reason);
    if (got.status == REAP_STATUS_ok && !strcmp(f[1], "ok")) {
        /* the preset's short edge is 256 */
        const bool small = got.src_h < 256 || got.src_w < 256;

        snprintf(want, sizeof(want), "%s", strcmp(f[2], "-") ? f[2] : "");
        reap_flag_names(got.flags & ~(unsigned)REAP_FLAG_upscaled, flags,
                        sizeof(flags));
        ok(sample_same_words(want, flags), "%s has the flags '%s': '%s'", f[0],
           want, flags);
        ok(!!(got.flags & REAP_FLAG_upscaled) == small, "%s is %s enlarged",
           f[0], small ? "marked as" : "not");
    }
    let_go(b);
}

/* --- pixels.tsv: whole images --- */

/* Decoders: as Pillow converts, upright, high bytes of grey, on white. */
struct decoders {
    struct reap_decode *d[4];
    size_t n;
};

/* Sum of the whole image in 'out'; false if it cannot be read. */
static bool whole(struct reap_decode *d, struct reap_bytes b,
                  struct reap_decoded *got, char out[65])
{
    struct reap_pixels px;

    out[0] = '\0';
    reap_decode_open(d, b, got);
    if (!got->status)
        reap_decode_read(d, &(struct reap_window){ 0, got->h, 0, got->w }, got,
                         &px);
    if (got->status || px.stride != 3 * got->w)
        return false;
    sample_sum(px.data, got->h * got->w * 3, out);
    return true;
}

/* name, width, height, mode, then a sum of each decoder; "-" is the first. */
static void check_pixels(void *own, char *f[COLUMNS])
{
    static const char *const words[] = { "as they are", "upright",
                                         "of 16 bits scaled", "on white" };
    const struct decoders *with = own;
    struct reap_bytes b = image(f[0]);
    struct reap_decoded got;
    char sum[65];

    for (size_t i = 0; i < with->n; i++) {
        const char *want = strcmp(f[4 + i], "-") ? f[4 + i] : f[4];
        const bool read = whole(with->d[i], b, &got, sum);

        ok(read && !strcmp(sum, want), "%s, pixels %s", f[0], words[i]);
        if (!i)
            ok(got.w == strtoul(f[1], NULL, 10) &&
                   got.h == strtoul(f[2], NULL, 10),
               "%s is %s x %s", f[0], f[1], f[2]);
    }
    let_go(b);
}

static void pixels(void)
{
    const struct reap_limits limits[] = {
        { .formats = ALL },
        { .formats = ALL, .orient = true },
        { .formats = ALL, .depth16_scale = true },
        { .formats = ALL, .alpha = REAP_ALPHA_WHITE },
    };
    struct decoders with = { .n = sizeof(limits) / sizeof(limits[0]) };

    for (size_t i = 0; i < with.n; i++)
        if (reap_decode_new(&with.d[i], &limits[i], false, NULL))
            abort();
    table("pixels.tsv", 8, check_pixels, &with);
    for (size_t i = 0; i < with.n; i++)
        reap_decode_free(&with.d[i]);
}

/* --- crops.tsv: behind resize and crop --- */

struct preset {
    char name[40];
    struct reap_prepare *p;
};

static void check_crop(void *own, char *f[COLUMNS])
{
    const struct reap_limits limits = { .formats = ALL };
    const bool real = !strcmp(f[4], "float32");
    struct preset *at = own;
    struct reap_bytes b = image(f[1]);
    struct reap_preset preset;
    struct reap_prepared got;
    char sum[65];

    if (strcmp(at->name, f[0]) != 0) { /* rows are sorted */
        reap_prepare_free(&at->p);
        snprintf(at->name, sizeof(at->name), "%s", f[0]);
        if (reap_preset_find(f[0], &preset, NULL) ||
            reap_prepare_new(&at->p, &preset, &limits, NULL))
            abort();
    }
    reap_prepare_run(at->p, &(struct reap_image){ .bytes = b }, slot,
                     sizeof(slot), &got);
    sample_sum(slot, got.h * got.w * 3 * (real ? sizeof(float) : 1), sum);
    ok(!got.status && got.h == strtoul(f[2], NULL, 10) &&
           got.w == strtoul(f[3], NULL, 10) && !strcmp(sum, f[5]),
       "%s %s %s", f[0], f[1], got.reason);
    let_go(b);
}

static void crops(void)
{
    struct preset at = { "", NULL };

    table("crops.tsv", 6, check_crop, &at);
    reap_prepare_free(&at.p);
}

/* --- a part of an image is that part of the whole --- */

static uint32_t rnd(void)
{
    static uint32_t state = 2463534242;

    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static void range(size_t n, size_t *from, size_t *to)
{
    const size_t a = rnd() % n, b = rnd() % n;

    *from = a < b ? a : b;
    *to = (a < b ? b : a) + 1;
}

static bool same_part(struct reap_decode *d, struct reap_bytes b,
                      const struct reap_pixels *all, size_t h, size_t w)
{
    struct reap_decoded got;
    struct reap_window p;
    struct reap_pixels px;

    range(h, &p.row0, &p.row1);
    range(w, &p.col0, &p.col1);
    reap_decode_open(d, b, &got);
    if (!got.status)
        reap_decode_read(d, &p, &got, &px);
    if (got.status || px.have.row0 > p.row0 || px.have.row1 < p.row1 ||
        px.have.col0 > p.col0 || px.have.col1 < p.col1)
        return false;
    for (size_t y = p.row0; y < p.row1; y++)
        if (memcmp(px.data + (y - px.have.row0) * px.stride +
                       3 * (p.col0 - px.have.col0),
                   all->data + y * all->stride + 3 * p.col0,
                   3 * (p.col1 - p.col0)))
            return false;
    return true;
}

static void check_part(void *own, char *f[COLUMNS])
{
    struct reap_decode *const *d = own;
    struct reap_bytes b = image(f[0]);
    struct reap_decoded got;
    struct reap_pixels px;
    bool same = true;

    if (!strcmp(f[1], "ok")) {
        reap_decode_open(d[0], b, &got);
        reap_decode_read(d[0], &(struct reap_window){ 0, got.h, 0, got.w },
                         &got, &px);
        for (size_t i = 0; i < 6 && same && !got.status; i++)
            same = same_part(d[1], b, &px, got.h, got.w);
        ok(same && !got.status, "%s: parts are pixels of the whole", f[0]);
    }
    let_go(b);
}

static void parts(const struct reap_limits *limits)
{
    struct reap_decode *d[2];

    if (reap_decode_new(&d[0], limits, false, NULL) ||
        reap_decode_new(&d[1], limits, false, NULL))
        abort();
    table("files.tsv", 4, check_part, d);
    reap_decode_free(&d[0]);
    reap_decode_free(&d[1]);
}

int main(void)
{
    const struct reap_limits limits = { .formats = ALL };
    struct reap_prepare *p;
    struct reap_preset preset;

    if (reap_preset_find("torchvision-v1", &preset, NULL) ||
        reap_prepare_new(&p, &preset, &limits, NULL))
        abort();
    table("files.tsv", 4, check_file, p);
    reap_prepare_free(&p);
    pixels();
    crops();
    parts(&limits);
    return done();
}
