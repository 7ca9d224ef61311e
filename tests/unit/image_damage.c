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
            "37b3e921ef2847085670b99b1dc54def9e5d5b6ebfaaed3ebea38f7f71f1bec0");
    damaged("interlaced.gif",
            "e82eab14358fd4ccb400b4534fe28f3821cbbb754b74fb09b045db018611594e");
    damaged("animated.gif",
            "ca7120800d43cc949a43fe4ec179f28f96a12ddc97a76e3e9a4d562a9f4fd91a");
    damaged("transparent.gif",
            "668a2593d0957a807821b9bd05bb099978646c51f8b8a8198447605a5862d28e");
    damaged("rgb.bmp",
            "398b1ac47d7ee12d498af1938af0643d7973a2253687fd9b2635f63a6a466a01");
    damaged("palette.bmp",
            "cf1836993720bf6d8a2e449b5df1660767d82ca94948d0b5f96aa612acb8f9f2");
    damaged("four_bits.bmp",
            "0914b5ea85bf3a5654b4a4642f1f99341f7a56438fd8436a038fad44f6b756eb");
    damaged("one_bit.bmp",
            "447c944b6e4b6fb87fd56e112e59900d663ffa9ad9b6962f3d299b591904771e");
    damaged("top_down.bmp",
            "7240d8d1f1e353387504128590e1a6f1459ed7b3ffac1508db4673abaef63f12");
    damaged("rgb.ppm",
            "97c52a722ccf33218beb3103fd15827cba5639cb8953cea18115ee638a8dc933");
    damaged("grey.pgm",
            "578a9e2bfb0602975b16b3b13bba465ebe142e79ab9728a4dc11f8e465d857c1");
    return done();
}
