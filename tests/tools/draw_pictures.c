/*
 * draw_pictures FOLDER NAME COUNT KIND SEED - PNG files NAME-000.png, ... of
 * squares, discs and stripes
 *
 * For tests that need images like those of a user: of several sizes, told
 * apart by a network with random weights. KIND, a number, chooses shape and
 * colour. FOLDER must exist.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "io/image/decode.h"
#include "io/image/picture.h"

enum { LEAST = 96, MORE = 96 }; /* sides: from LEAST, MORE different ones */

struct drawing {
    size_t h, w, y, x, radius;
    unsigned kind;
};

static bool inside(const struct drawing *d, size_t y, size_t x)
{
    const long dy = (long)y - (long)d->y, dx = (long)x - (long)d->x;
    const long r = (long)d->radius;

    switch (d->kind % 3) {
    case 0:
        return dy * dy + dx * dx < r * r;
    case 1:
        return labs(dy) < r && labs(dx) < r;
    default:
        return (y + x) / 8 % 2 == 0;
    }
}

static void draw(const struct drawing *d, uint64_t *s, uint8_t *to)
{
    static const uint8_t colour[3][3] = { { 220, 60, 40 },
                                          { 40, 90, 220 },
                                          { 60, 190, 70 } };
    const uint8_t *c = colour[d->kind % 3];

    for (size_t y = 0; y < d->h; y++)
        for (size_t x = 0; x < d->w; x++)
            for (size_t k = 0; k < 3; k++) {
                const unsigned noise = (unsigned)reap_rng_below(s, 36);

                *to++ =
                    (uint8_t)(noise +
                              (inside(d, y, x) ? c[k] : 60 + 100 * y / d->h));
            }
}

static int picture(const char *path, unsigned kind, uint64_t *s,
                   struct reap_err *err)
{
    struct drawing d = { .h = LEAST + reap_rng_below(s, MORE),
                         .w = LEAST + reap_rng_below(s, MORE),
                         .kind = kind };
    uint8_t *pixels = reap_calloc(d.h * d.w, 3);
    int rc;

    d.y = d.h / 4 + reap_rng_below(s, d.h / 2);
    d.x = d.w / 4 + reap_rng_below(s, d.w / 2);
    d.radius = 16 + reap_rng_below(s, 24);
    if (!pixels)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    draw(&d, s, pixels);
    rc = reap_picture_write(path, pixels, d.h, d.w, err);
    reap_free(pixels);
    return rc;
}

int main(int argc, char **argv)
{
    static const struct reap_limits limits; /* a decoder starts libvips */
    struct reap_decode *vips = NULL;
    struct reap_err err = { 0 };
    unsigned long count, kind;
    uint64_t s;
    int rc;

    if (argc != 6) {
        fprintf(stderr, "draw_pictures FOLDER NAME COUNT KIND SEED\n");
        return 64;
    }
    count = strtoul(argv[3], NULL, 10);
    kind = strtoul(argv[4], NULL, 10);
    s = reap_rng_stream(strtoul(argv[5], NULL, 10), argv[2]);
    rc = reap_decode_new(&vips, &limits, false, &err);
    for (unsigned long i = 0; !rc && i < count; i++) {
        char path[4096];

        snprintf(path, sizeof(path), "%s/%s-%03lu.png", argv[1], argv[2], i);
        rc = picture(path, (unsigned)kind, &s, &err);
    }
    if (rc)
        fprintf(stderr, "draw_pictures: %s\n", err.msg);
    reap_decode_free(&vips);
    return reap_exit_status(rc);
}
