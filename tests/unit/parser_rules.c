/*
 * Thousands of small texts, drawn from the pieces that a parser cares about:
 * what tables, labels, groups, true labels, presets and escapes make of them
 * stays as it is. The sums were made by reap, not by others: they notice a
 * change, and where one is meant the sum is set anew. What is right is said by
 * the tests of each (table.c, labels.c, groups.c, truth.c, preset.c, text.c).
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "io/file/table.h"
#include "io/file/text.h"
#include "io/labels/groups.h"
#include "io/labels/labels.h"
#include "io/labels/truth.h"
#include "io/preset/geometry.h"
#include "tests/sample.h"
#include "tests/tap.h"

enum { CASES = 3000, PIECES = 12 };

static char path[] = "/tmp/reap-parser-XXXXXX";

/* What came out so far. */
static char *said;
static size_t n_said;
static FILE *out;

static void begin(void)
{
    out = open_memstream(&said, &n_said);
    if (!out)
        abort();
}

static void end(const char *what, const char *want)
{
    char sum[65];

    fclose(out);
    sample_sum(said, n_said, sum);
    ok(!strcmp(sum, want), "%s: %s", what, sum);
    free(said);
}

/* Some pieces, one after the other. */
static const char *draw(uint64_t *s, const char *const *piece, size_t n)
{
    static char text[2000];
    const size_t count = reap_rng_below(s, PIECES);

    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        strcat(text, piece[reap_rng_below(s, n)]);
    return text;
}

static void put(const char *text)
{
    FILE *f = fopen(path, "wb");

    if (!f || fputs(text, f) < 0 || fclose(f))
        abort();
}

#define DRAW(s, list) draw(s, list, sizeof(list) / sizeof(list[0]))

static void tables(void)
{
    static const char *const piece[] = { "a",    "bc",   "\t",   ",",
                                         "\"",   "\"\"", "\n",   "\r",
                                         "#",    " ",    "\r\n", "\xef\xbb\xbf",
                                         "d\te", "f,g",  "\n\n" };
    uint64_t s = reap_rng_stream(1, "tables");

    begin();
    for (int i = 0; i < CASES; i++) {
        struct reap_table *t;
        char *column[3];
        size_t n;

        put(DRAW(&s, piece));
        if (reap_table_open(&t, path, NULL))
            abort();
        while ((n = reap_table_next(t, column, 3))) {
            fprintf(out, "%zu:%zu", reap_table_line(t), n);
            for (size_t k = 0; k < n && k < 3; k++)
                fprintf(out, "[%s]", column[k]);
        }
        putc('\n', out);
        reap_table_close(&t);
    }
    end("tables",
        "50aabbc138164f3286748952d9416f67c78025f8229616975e44b1c939b53888");
}

static void escapes(void)
{
    static const char *const piece[] = { "a",
                                         "\\",
                                         "\"",
                                         ",",
                                         "\n",
                                         "\r",
                                         "\t",
                                         "\x1f",
                                         "\x7f",
                                         "\xc3\xa9",
                                         "\xc1\xbf",
                                         "\xe0\xa0\x80",
                                         "\xe0\x9f\xbf",
                                         "\xed\xa0\x80",
                                         "\xed\x9f\xbf",
                                         "\xf0\x90\x80\x80",
                                         "\xf0\x8f\x80\x80",
                                         "\xf4\x8f\xbf\xbf",
                                         "\xf4\x90\x80\x80",
                                         "\xf5\x80\x80\x80",
                                         "\xe2\x82",
                                         "\\x4",
                                         "\\x41",
                                         "\\xfG",
                                         "\\\\",
                                         "\xc2",
                                         "x0F",
                                         "\\xaB" };
    uint64_t s = reap_rng_stream(1, "escapes");

    begin();
    for (int i = 0; i < CASES; i++) {
        const char *text = DRAW(&s, piece);
        const size_t n = strlen(text);
        char to[200];
        unsigned char bytes[2000];
        size_t len;

        reap_text_escape(to, 20 + (size_t)i % 100,
                         (struct reap_bytes){ (const uint8_t *)text, n });
        fprintf(out, "%s|", to);
        len = reap_text_unescape(text, bytes);
        fprintf(out, "%zu:", len);
        fwrite(bytes, 1, len, out);
        reap_text_csv(out, text);
        reap_text_json(out, text);
        reap_text_line(out, text);
    }
    for (int i = 0; i < CASES; i++)
        reap_text_float(out, (float)((double)(int64_t)reap_rng_next(&s) *
                                     (i % 2 ? 0x1p-63 : 0x1p-80)));
    end("escapes",
        "fee2c88a59ca64d2ad86f9cfb4479e768e77f30e0ba285b4d250022656333549");
}

static const char *wnid(const void *ctx, size_t i)
{
    static const char *const id[] = { "n01", "n02", "n03", "n04", "" };

    (void)ctx;
    return id[i % 5];
}

static void groups(void)
{
    static const char *const piece[] = {
        "0\tcat\t", "1\tdog\t", "2\tbird\t", "\n", "\n", "0", "1-3",
        ",",        "4",        "n02",       "n0", "-",  "9", "10",
        "# x\n",    "3-2",      "0\tcat",    " ",  "7-8"
    };
    uint64_t s = reap_rng_stream(1, "groups");

    begin();
    for (int i = 0; i < CASES; i++) {
        const struct reap_groups_of of = { .classes = 10,
                                           .first = (size_t)i % 2,
                                           .wnid = i % 3 ? wnid : NULL };
        struct reap_groups *g = NULL;
        int rc;

        put(DRAW(&s, piece));
        rc = reap_groups_open(&g, path, &of, NULL);
        fprintf(out, "%d", rc);
        if (!rc) {
            fprintf(out, " %zu %zu:", g->n, g->other);
            for (size_t k = 0; k < g->n; k++)
                fprintf(out, "%s ", g->name[k]);
            for (size_t k = 0; k < g->classes; k++)
                fprintf(out, " %d", g->of[k]);
            fprintf(out, " %s", g->sha256);
        }
        putc('\n', out);
        reap_groups_close(&g);
    }
    end("groups",
        "9a2e48b9885bdd4e5488e30c7bf95bfa1fd3e2a6ba94b79983ac9d778910503e");
}

static void labels(void)
{
    static const char *const piece[] = { "cat",
                                         "dog",
                                         "\n",
                                         "\n",
                                         "0\tn01\tcat\n",
                                         "1\tn02\tdog\n",
                                         "2\tx\n",
                                         "\t",
                                         "index\twnid\tname\n",
                                         "[\"a\",\"b\"]",
                                         "{\"0\":\"a\",\"1\":[\"n01\",\"b\"]}",
                                         "\xef\xbb\xbf",
                                         " ",
                                         "\r\n",
                                         "n03",
                                         "0",
                                         "{",
                                         "]" };
    uint64_t s = reap_rng_stream(1, "labels");

    begin();
    for (int i = 0; i < CASES; i++) {
        struct reap_labels *l = NULL;
        int rc;

        put(DRAW(&s, piece));
        rc = reap_labels_open(&l, path, 1 + (size_t)i % 4, i % 2, NULL);
        fprintf(out, "%d", rc);
        for (size_t k = 0; !rc && k < reap_labels_count(l); k++)
            fprintf(out, "[%s|%s]", reap_labels_wnid(l, k),
                    reap_labels_name(l, k));
        putc('\n', out);
        reap_labels_close(&l);
    }
    end("labels",
        "0c246854f039a9d95dbcd17aa0bc51b21c349fe5da080f951a274f2216e47472");
}

static void truths(void)
{
    static const char *const piece[] = { "k1",
                                         "k2",
                                         "k3",
                                         "\t",
                                         "\t",
                                         "cat",
                                         "dog",
                                         "\n",
                                         "\n",
                                         "\n",
                                         "key\tlabel\n",
                                         "file,choice\n",
                                         "k1\tcat\n",
                                         "k2,dog\n",
                                         "\\x6b1",
                                         "label\tx\tkey\n",
                                         "k1\t\n",
                                         ",",
                                         "# " };
    static const char *const keys[] = { "k1", "k2", "k3", "key", "cat" };
    uint64_t s = reap_rng_stream(1, "truths");

    begin();
    for (int i = 0; i < CASES; i++) {
        struct reap_truth *t = NULL;
        char remark[300];
        int rc;

        put(DRAW(&s, piece));
        rc = reap_truth_open(&t, path, NULL);
        fprintf(out, "%d", rc);
        for (size_t k = 0; !rc && k < 5; k++) {
            const struct reap_row row = { .key = { (const uint8_t *)keys[k],
                                                   strlen(keys[k]) },
                                          .label = "own" };
            const char *label;

            fprintf(out, " %d", reap_truth_has(t, row.key));
            for (size_t n = 0; (label = reap_truth_label(t, &row, n)); n++)
                fprintf(out, "[%s]", label);
        }
        if (!rc) {
            const struct reap_truth_counts *c = reap_truth_counts(t);

            fprintf(out, " %zu %zu %zu %zu %zu %d", c->keys, c->blank, c->again,
                    c->several, c->further,
                    !*reap_truth_remark(t, i % 2, remark, sizeof(remark)));
        }
        putc('\n', out);
        reap_truth_close(&t);
    }
    end("true labels",
        "b97a0f5a5726468cc1ac00d40366bd256e5393a19882d9e47363797e9855cd8d");
}

static void presets(void)
{
    static const char *const piece[] = {
        "unit ",    "hf ",    "keras-tf ", "resize=", "short:", "warp:",
        "long:",    "10x20",  "300",       "crop=",   "none",   " ",
        "filter=",  "box",    "lanczos",   "mean=",   "1,2,3",  "-0.5",
        "std=",     "order=", "bgr",       "scale=",  "127.5",  "corner=floor",
        "dct=fast", "x",      ",",         "0",       "65536",  "65535"
    };
    uint64_t s = reap_rng_stream(1, "presets");

    begin();
    for (int i = 0; i < CASES; i++) {
        static const char *const parts[] = { "resize", "crop", "filter",
                                             "mean",   "std",  "order",
                                             "scale" };
        char text[2100], all[500];
        struct reap_preset p;

        snprintf(text, sizeof(text), "unit %s", DRAW(&s, piece));
        fprintf(out, "%d ", reap_preset_read(text, &p, NULL));
        if (!reap_preset_find("unit", &p, NULL))
            fprintf(out, "%d ",
                    reap_preset_set(&p, parts[i % 7], DRAW(&s, piece), NULL));
        reap_preset_print(&p, all, sizeof(all));
        fprintf(out, "%s\n", all);
    }
    end("presets",
        "fd6441656e35188e5381c1c41ae73975b72f90ac019def564d80b064c97ff24a");
}

/* Sizes of every preset for many images. */
static void geometries(void)
{
    static const size_t side[] = { 1,    2,    3,    10,    31,     100, 223,
                                   224,  225,  231,  232,   233,    255, 256,
                                   257,  288,  289,  333,   500,    512, 601,
                                   1000, 1023, 4000, 65535, 3000000 };
    const size_t n = sizeof(side) / sizeof(side[0]);

    begin();
    for (size_t i = 0; reap_preset_name(i); i++)
        for (size_t k = 0; k < n * n; k++) {
            struct reap_geometry g;
            struct reap_preset p;

            if (reap_preset_find(reap_preset_name(i), &p, NULL))
                abort();
            if (k % 3 == 1)
                p.resize = REAP_RESIZE_LONG, p.resize_h = 100;
            if (k % 5 == 1)
                p.crop_h = 77, p.crop_w = 1200;
            if (!reap_geometry_find(&p, side[k / n], side[k % n], &g)) {
                fputs("-\n", out);
                continue;
            }
            fprintf(out, "%zu %zu %td %td %zu %zu %d %d\n", g.h, g.w, g.top,
                    g.left, g.out_h, g.out_w, (int)g.filter, g.rows_first);
        }
    end("sizes",
        "c260f99509a49db4afed8ea48b556f82c7dc1dc2ace7c7f75981c5f180bd629f");
}

int main(void)
{
    const int fd = mkstemp(path);

    if (fd < 0)
        return 1;
    close(fd);
    tables();
    escapes();
    groups();
    labels();
    truths();
    presets();
    geometries();
    unlink(path);
    return done();
}
