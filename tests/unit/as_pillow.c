/* Awkward files of each kind, made by tests/samples/make_awkward.py, against
 * what Pillow 13 makes of them: the pixels, the pixels upright, and any part of
 * them decoded alone. What Pillow refuses is refused here as well. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "engine/base/rng.h"
#include "io/image/decode.h"
#include "tests/sample.h"
#include "tests/tap.h"

enum { FIELDS = 4, PARTS = 12 };

/* Kinds that Pillow reads and reap does not: it takes some wrongly itself, and
 * Lab needs a colour engine. */
static const char *const not_read[] = { "p2_16x16x16_planar.tif",
                                        "p8_8x8x8.tif" };

static struct reap_decode *plain, *upright;

static bool decode(struct reap_decode *d, struct reap_bytes b,
                   const struct reap_window *want, struct reap_decoded *got,
                   struct reap_pixels *px)
{
    struct reap_window all;

    reap_decode_open(d, b, got);
    all = (struct reap_window){ 0, got->h, 0, got->w };
    if (!got->status)
        reap_decode_read(d, want ? want : &all, got, px);
    return !got->status;
}

/* "height x width sum", as in the file. */
static void say(const struct reap_decoded *got, const struct reap_pixels *px,
                char out[120])
{
    char sum[65];

    sample_sum(px->data, 3 * got->h * got->w, sum);
    snprintf(out, 120, "%zux%zu %s", got->h, got->w, sum);
}

/* Parts that differ from the whole. */
static int parts(struct reap_bytes b, size_t h, size_t w, const uint8_t *whole)
{
    uint64_t chance = h * 131 + w;
    int wrong = 0;

    for (int i = 0; i < PARTS; i++) {
        struct reap_window p = { .row0 = reap_rng_below(&chance, h),
                                 .col0 = reap_rng_below(&chance, w) };
        struct reap_decoded got;
        struct reap_pixels px = { 0 };
        bool same;

        p.row1 = p.row0 + 1 + reap_rng_below(&chance, h - p.row0);
        p.col1 = p.col0 + 1 + reap_rng_below(&chance, w - p.col0);
        same = decode(plain, b, &p, &got, &px);
        for (size_t y = p.row0; same && y < p.row1; y++)
            same = !memcmp(px.data + (y - px.have.row0) * px.stride +
                               3 * (p.col0 - px.have.col0),
                           whole + 3 * (y * w + p.col0), 3 * (p.col1 - p.col0));
        wrong += !same;
    }
    return wrong;
}

static bool is_not_read(const char *name)
{
    for (size_t i = 0; i < sizeof(not_read) / sizeof(not_read[0]); i++)
        if (!strcmp(name, not_read[i]))
            return true;
    return false;
}

static void one(char *f[FIELDS])
{
    const size_t len = strlen(f[1]);
    uint8_t *data = malloc(len + 1), *whole;
    struct reap_bytes b = { data, len / 4 * 3 };
    struct reap_pixels px = { 0 };
    struct reap_decoded got;
    char is[120];

    EVP_DecodeBlock(data, (const unsigned char *)f[1], (int)len);
    for (size_t i = len; i > 0 && f[1][i - 1] == '='; i--)
        b.len--;
    if (!decode(plain, b, NULL, &got, &px)) {
        ok(is_not_read(f[0]) ? got.status == REAP_STATUS_unsupported
                             : !strcmp(f[2], "-"),
           "%s: %s", f[0], got.reason);
        free(data);
        return;
    }
    say(&got, &px, is);
    ok(!strcmp(is, f[2]), "%s: %s", f[0], is);
    whole = malloc(3 * got.h * got.w);
    memcpy(whole, px.data, 3 * got.h * got.w);
    ok(!parts(b, got.h, got.w, whole), "%s: any part of it is the same", f[0]);
    free(whole);
    if (f[3][0] != '-' && decode(upright, b, NULL, &got, &px)) {
        say(&got, &px, is);
        ok(!strcmp(is, f[3]), "%s: upright it is %s", f[0], is);
    }
    free(data);
}

int main(void)
{
    struct reap_limits all = { .formats = reap_formats_exact() };
    FILE *f = fopen("tests/samples/awkward.tsv", "r");
    char *line = NULL, *field[FIELDS];
    size_t room = 0, n = 0;

    if (!f || reap_decode_new(&plain, &all, false, NULL))
        return 1;
    all.orient = true;
    if (reap_decode_new(&upright, &all, false, NULL))
        return 1;
    while (getline(&line, &room, f) > 0) {
        char *at = line;

        line[strcspn(line, "\n")] = '\0';
        for (size_t i = 0; i < FIELDS; i++)
            field[i] = strsep(&at, "\t");
        if (field[FIELDS - 1] && !at)
            one(field);
        n++;
    }
    ok(n > 100, "%zu files", n);
    free(line);
    fclose(f);
    reap_decode_free(&plain);
    reap_decode_free(&upright);
    return done();
}
