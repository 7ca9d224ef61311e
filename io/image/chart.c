/* A table drawn into an RGB buffer: a frame and a square per cell here, text by
 * libvips. What is counted is left to jobs/judge. */
#include <stdbool.h>
#include <string.h>

#include <vips/vips.h>

#include "engine/base/mem.h"
#include "io/image/chart.h"
#include "io/image/decode_impl.h"
#include "io/image/picture.h"

enum {
    BIG = 32,        /* pixels of a cell that has room for its number */
    SIDE = 960,      /* about the side of a table of many rows */
    READABLE = 12,   /* cells that are large enough for a line of text */
    LONG_NAME = 180, /* pixels of a name */
    EDGE = 8,
    LINE = 20 /* the line that says what rows or columns are */
};

struct canvas {
    uint8_t *pixel; /* (h, w, 3) */
    size_t h, w;
};

static uint8_t *chart_at(const struct canvas *c, size_t y, size_t x)
{
    return c->pixel + (y * c->w + x) * 3;
}

/* ---- text ---- */

/* The ink of a line of text, one byte a pixel; NULL if there can be none. */
static VipsImage *ink(const char *text)
{
    char *markup = g_markup_escape_text(text, -1);
    VipsImage *im = NULL, *held = NULL;

    if (*text && vips_text(&im, markup, "font", "sans 9", "dpi", 84, NULL))
        im = NULL;
    if (im && im->BandFmt == VIPS_FORMAT_UCHAR && im->Bands == 1)
        held = vips_image_copy_memory(im);
    vips_error_clear();
    g_free(markup);
    if (im)
        g_object_unref(im);
    return held;
}

enum place { RIGHT_OF, MIDDLE_OF, UPWARDS_TO };

/* Write at (y, x): ending there, around it, or upwards from there. */
static void write_text(const struct canvas *c, const char *text, size_t y,
                       size_t x, enum place place, bool white)
{
    VipsImage *im = ink(text);
    const size_t w = im ? (size_t)im->Xsize : 0, h = im ? (size_t)im->Ysize : 0;

    for (size_t i = 0; i < h; i++)
        for (size_t j = 0; j < w && j < LONG_NAME; j++) {
            const uint8_t v = *VIPS_IMAGE_ADDR(im, (int)j, (int)i);
            const size_t shown = w < LONG_NAME ? w : LONG_NAME;
            const size_t py = place == UPWARDS_TO ? y - j : y + i - h / 2;
            const size_t px = place == RIGHT_OF    ? x + j - shown
                              : place == MIDDLE_OF ? x + j - w / 2
                                                   : x + i - h / 2;
            uint8_t *p;

            if (py >= c->h || px >= c->w)
                continue;
            p = chart_at(c, py, px);
            for (int b = 0; b < 3; b++)
                p[b] = (uint8_t)(white ? p[b] + (255 - p[b]) * v / 255
                                       : p[b] - p[b] * v / 255);
        }
    if (im)
        g_object_unref(im);
}

/* ---- cells ---- */

static void chart_fill(const struct canvas *c, size_t y, size_t x, size_t side,
                       double share)
{
    static const int dark[] = { 8, 48, 107 };
    const size_t inner = side > 3 ? side - 1 : side;

    for (size_t i = 0; i < inner; i++)
        for (size_t j = 0; j < inner; j++)
            for (int b = 0; b < 3; b++)
                chart_at(c, y + i, x + j)[b] =
                    (uint8_t)(255 - share * (255 - dark[b]) + .5);
}

static void draw_row(const struct canvas *c, const uint32_t *count, size_t n,
                     size_t y, size_t x, size_t side)
{
    double sum = 0;
    char number[16];

    for (size_t j = 0; j < n; j++)
        sum += count[j];
    for (size_t j = 0; j < n; j++) {
        const double share = sum > 0 ? count[j] / sum : 0;

        chart_fill(c, y, x + j * side, side, share);
        if (side < BIG || !count[j])
            continue;
        snprintf(number, sizeof(number), "%u", count[j]);
        write_text(c, number, y + side / 2, x + j * side + side / 2, MIDDLE_OF,
                   share > .5);
    }
}

static void draw_frame(const struct canvas *c, size_t y, size_t x, size_t side)
{
    for (size_t i = 0; i <= side; i++)
        for (int b = 0; b < 3; b++) {
            chart_at(c, y - 1, x + i - 1)[b] =
                chart_at(c, y + side, x + i - 1)[b] = 128;
            chart_at(c, y + i - 1, x - 1)[b] =
                chart_at(c, y + i - 1, x + side)[b] = 128;
        }
}

int reap_chart_write(const char *path, const uint32_t *count, size_t n,
                     const char *const *name, const char *down,
                     const char *across, struct reap_err *err)
{
    const size_t cell = n <= SIDE / BIG ? BIG : n < SIDE ? SIDE / n : 1;
    const size_t margin = EDGE + LINE + (cell >= READABLE ? LONG_NAME : 0);
    struct canvas c = { .h = margin + n * cell + EDGE + 1 };
    struct reap_vips *vips;
    int rc;

    c.w = c.h;
    c.pixel = reap_calloc(c.h * c.w, 3);
    if (!c.pixel || !reap_vips_new(&vips)) {
        reap_free(c.pixel);
        return reap_fail(err, REAP_ENOMEM, "%s: no memory for %zu x %zu", path,
                         c.w, c.h);
    }
    memset(c.pixel, 255, c.h * c.w * 3);
    draw_frame(&c, margin, margin, n * cell);
    for (size_t i = 0; i < n; i++)
        draw_row(&c, count + i * n, n, margin + i * cell, margin, cell);
    for (size_t i = 0; i < n && cell >= READABLE; i++) {
        const size_t to = margin + i * cell + cell / 2;

        write_text(&c, name[i], to, margin - 4, RIGHT_OF, false);
        write_text(&c, name[i], margin - 4, to, UPWARDS_TO, false);
    }
    write_text(&c, across, EDGE + LINE / 2, margin + n * cell / 2, MIDDLE_OF,
               false);
    write_text(&c, down, margin + n * cell / 2 + LONG_NAME / 4, EDGE + LINE / 2,
               UPWARDS_TO, false);
    rc = reap_picture_write(path, c.pixel, c.h, c.w, err);
    reap_free(c.pixel);
    reap_vips_free(&vips);
    return rc;
}
