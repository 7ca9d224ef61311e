/*
 * Pictures that reap writes, and damaged images that it reads by itself: what
 * comes out stays what it is. The sums here were made by reap, not by others:
 * they notice a change, and where one is meant the sum is set anew.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/image/chart.h"
#include "io/image/decode.h"
#include "io/image/picture.h"
#include "tests/sample.h"
#include "tests/tap.h"

enum { ALL = (1u << REAP_N_FORMATS) - 1, MOST = 1 << 16 };

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

/* --- pictures --- */

static void check_written(const char *path, size_t h, size_t w, char sum[65])
{
    const struct reap_limits l = { .formats = ALL };
    static uint8_t file[1 << 22];
    FILE *f = fopen(path, "rb");
    const size_t n = f ? fread(file, 1, sizeof(file), f) : 0;
    struct reap_decode *d;
    struct reap_decoded got;
    struct reap_pixels px;

    if (f)
        fclose(f);
    if (reap_decode_new(&d, &l, false, NULL))
        abort();
    reap_decode_open(d, (struct reap_bytes){ file, n }, &got);
    if (!got.status)
        reap_decode_read(d, &(struct reap_window){ 0, got.h, 0, got.w }, &got,
                         &px);
    ok(!got.status && got.h == h && got.w == w &&
           !(got.flags & ~(unsigned)REAP_FLAG_tiny),
       "a PNG of %zu x %zu is written", w, h);
    if (!got.status)
        sample_sum(px.data, got.h * got.w * 3, sum);
    reap_decode_free(&d);
}

/* Shades of a row's cells, without text: names are empty. */
static void charts(const char *path)
{
    static const struct {
        size_t n, side, margin;
        const char *sum;
    } sizes[] = {
        { 3, 32, 208,
          "0f7a3064575f85d1bf34f902e345c9931a60ecffdd9c772e42f7884f938d0d4a" },
        { 40, 24, 208,
          "127004dcd58f8a780cf06ab357c92b919eccb26968262c3707a1b004a933a5e4" },
        { 100, 9, 28,
          "84a9923cab286ffc5e057272ef92bc5a4b494facb3b280287b195efbad250326" },
        { 1000, 1, 28,
          "e8ceffaa3676b45e60f551299fc5c6d74e732d772f84ed690fb628c429b3b36"
          "f" }
    };
    static const char *name[1000];
    static uint32_t count[1000 * 1000];
    struct reap_err err = { 0 };

    for (size_t i = 0; i < 1000; i++)
        name[i] = "";
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const size_t n = sizes[i].n,
                     side = sizes[i].margin + n * sizes[i].side + 9;
        char sum[65] = "";

        for (size_t k = 0; k < n * n; k++)
            count[k] =
                sizes[i].side < 32 && k % (n + 3) < 4 ? (uint32_t)(k % 7) : 0;
        ok(!reap_chart_write(path, count, n, name, "", "", &err),
           "a chart of %zu classes %s", n, err.msg);
        check_written(path, side, side, sum);
        ok(!strcmp(sum, sizes[i].sum), "with the cells it had: %s", sum);
    }
    unlink(path);
}

static void pictures(void)
{
    static uint8_t px[30 * 20 * 3];
    char path[] = "/tmp/reap-rules-XXXXXX", sum[65] = "", want[65];
    struct reap_err err = { 0 };
    const int fd = mkstemp(path);

    if (fd >= 0)
        close(fd);
    for (size_t i = 0; i < sizeof(px); i++)
        px[i] = (uint8_t)(i * 31);
    sample_sum(px, sizeof(px), want);
    ok(!reap_picture_write(path, px, 20, 30, &err), "pixels are written %s",
       err.msg);
    check_written(path, 20, 30, sum);
    ok(!strcmp(sum, want), "and read again the same");
    ok(reap_picture_write(path, px, (size_t)1 << 31, 1, &err) == REAP_EINVAL &&
           reap_picture_write(path, px, 1, (size_t)1 << 31, &err) ==
               REAP_EINVAL,
       "a side of 2^31 is refused: %s", err.msg);
    ok(reap_picture_write("/no/folder.png", px, 20, 30, &err) == REAP_ECREATE,
       "so is a missing folder: %s", err.msg);
    charts(path);
}

/* --- damaged files --- */

/* One sum over status, size, flags and pixels of each of many damaged files.
 * Only formats that reap reads by itself: libraries may change their minds. */
struct tally {
    uint8_t data[1 << 22];
    size_t n, files, fine;
};

static void damaged_one(struct reap_decode *d, struct reap_bytes b,
                        struct tally *t)
{
    struct reap_decoded got;
    struct reap_pixels px = { 0 };
    char sum[65] = "";
    uint32_t head[4];

    reap_decode_open(d, b, &got);
    if (!got.status)
        reap_decode_read(d, &(struct reap_window){ 0, got.h, 0, got.w }, &got,
                         &px);
    if (!got.status)
        sample_sum(px.data, got.h * got.w * 3, sum);
    head[0] = got.status;
    head[1] = got.flags;
    head[2] = (uint32_t)got.h;
    head[3] = (uint32_t)got.w;
    t->files++;
    t->fine += !got.status;
    if (t->n + sizeof(head) + 64 > sizeof(t->data))
        abort();
    memcpy(t->data + t->n, head, sizeof(head));
    memcpy(t->data + t->n + sizeof(head), sum, 64);
    t->n += sizeof(head) + 64;
}

static void damaged(const char *name, const char *want)
{
    static struct tally t;
    const struct reap_limits l = { .formats = ALL, .max_pixels = MOST };
    struct reap_bytes b = image(name);
    uint8_t *data = (uint8_t *)(uintptr_t)b.data;
    const size_t whole = b.len;
    struct reap_decode *d;
    char sum[65];

    t.n = t.files = t.fine = 0;
    if (reap_decode_new(&d, &l, false, NULL))
        abort();
    for (size_t i = 0; i < whole; i += i < 60 ? 1 : whole / 300 + 1) {
        static const uint8_t masks[] = { 0x01, 0x02, 0x10, 0x80, 0xff };

        for (size_t m = 0; m < sizeof(masks); m++) {
            data[i] ^= masks[m];
            damaged_one(d, b, &t);
            data[i] ^= masks[m];
        }
        b.len = i;
        damaged_one(d, b, &t);
        b.len = whole;
    }
    reap_decode_free(&d);
    sample_sum(t.data, t.n, sum);
    ok(!strcmp(sum, want), "%s: %zu damaged ones, %zu of them read: %s", name,
       t.files, t.fine, sum);
    let_go(b);
}

int main(void)
{
    pictures();
    damaged("plain.gif",
            "3e9794da15d68d373a2d6fbf551314eee615711dfb7b0f6b6f81442d3d7469d0");
    damaged("interlaced.gif",
            "26fb5f95ca5f714c3d7e8c4472dcb28007f4f59d84913bf15d15e4954470cb4f");
    damaged("animated.gif",
            "91b293b89ae8d3ce3fd046daaa08004a4137b08cc126ade1a6f3143bc0560424");
    damaged("transparent.gif",
            "35f7908bf6ba5b9b3679ebc28ad1c217457d215a0f4c326bd9ba5bd3ff9b6635");
    damaged("rgb.bmp",
            "79d9c79058614a37425d4ab291dad0c88269a0a4e8048a889c045a0d79edd710");
    damaged("palette.bmp",
            "2d1ab215e048fecb9431f729377c5a098fda5d09c817e0e4c8f214ec144f9123");
    damaged("four_bits.bmp",
            "33b9f52af0a079983aa019908c6e8370ae608c49c63c95a6426385ba59c473a2");
    damaged("one_bit.bmp",
            "f3081f28f501dfbfc019d0339de79c6c65bda1a6c3bb5315ee8ef179dc48fe9a");
    damaged("top_down.bmp",
            "5739c0afbed4e427124be112e7ddac95e70b2d3680fe0f6750e1e5d5dad9f1ec");
    damaged("rgb.ppm",
            "00bc0a1a6187bf7275a11323db1a166aa17e4e31dc3559bf1cb406907feec40b");
    damaged("grey.pgm",
            "03a09012224f38ea7473cb93917633d72ea143442556c2aed01c0755fd32d615");
    return done();
}
