/* The table of presets, and options that change a part of one. Sizes of an
 * image are left to geometry.c, pixels to io/image. */
#define _GNU_SOURCE
#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/meant.h"
#include "io/preset/preset.h"

enum { EVEN, FLOOR };
enum { EXACT, FAST };
enum { MAX_SIDE = 16384 };

#define IMAGENET                                              \
    {                                                         \
        .div = 255, .mean = { .485f, .456f, .406f }, .std = { \
            .229f,                                            \
            .224f,                                            \
            .225f                                             \
        }                                                     \
    }
#define CAFFE                                                                  \
    {                                                                          \
        .div = 1, .mean = { 103.939f, 116.779f, 123.68f }, .std = { 1, 1, 1 }, \
        .bgr = true                                                            \
    }
#define FAMILY CAFFE
#define TF                                                     \
    {                                                          \
        .div = 127.5f, .mean = { 1, 1, 1 }, .std = { 1, 1, 1 } \
    }
#define UNIT                           \
    {                                  \
        .div = 255, .std = { 1, 1, 1 } \
    }

static const struct reap_preset row[] = {
#define PRESET(name_, how, rh, rw, crop, corner, filter_, dct, values) \
    { .name = name_,                                                   \
      .resize = REAP_RESIZE_##how,                                     \
      .resize_h = rh,                                                  \
      .resize_w = rw,                                                  \
      .crop_h = crop,                                                  \
      .crop_w = crop,                                                  \
      .corner_floor = corner == FLOOR,                                 \
      .filter = REAP_##filter_,                                        \
      .fast_dct = dct == FAST,                                         \
      .norm = values },
#include "io/preset/presets.def"
#undef PRESET
};

enum { N_PRESETS = sizeof(row) / sizeof(row[0]) };

static const char *const filter_name[] = {
    [REAP_NEAREST] = "nearest",   [REAP_BOX] = "box",
    [REAP_BILINEAR] = "bilinear", [REAP_BICUBIC] = "bicubic",
    [REAP_LANCZOS] = "lanczos",   [REAP_TF_BILINEAR] = "tf-bilinear",
};
static const char *const resize_name[] = {
    [REAP_RESIZE_NONE] = "none",
    [REAP_RESIZE_SHORT] = "short",
    [REAP_RESIZE_LONG] = "long",
    [REAP_RESIZE_WARP] = "warp",
};

enum {
    N_FILTERS = sizeof(filter_name) / sizeof(filter_name[0]),
    N_RESIZES = sizeof(resize_name) / sizeof(resize_name[0])
};

const char *reap_preset_name(size_t i)
{
    return i < N_PRESETS ? row[i].name : NULL;
}

static const char all_names[] =
#define PRESET(name_, ...) " " name_
#include "io/preset/presets.def"
#undef PRESET
    ;

int reap_preset_find(const char *name, struct reap_preset *out,
                     struct reap_err *err)
{
    struct reap_meant g;

    reap_meant_begin(&g, name);
    for (size_t i = 0; i < N_PRESETS; i++) {
        if (!strcmp(row[i].name, name)) {
            *out = row[i];
            out->norm.float_in = out->filter == REAP_TF_BILINEAR;
            return REAP_OK;
        }
        reap_meant_try(&g, row[i].name);
    }
    if (g.best)
        return reap_fail(err, REAP_EINVAL, "no preset '%s'; did you mean %s?",
                         name, g.best);
    return reap_fail(err, REAP_EINVAL, "no preset '%s'; there are:%s", name,
                     all_names);
}

/* One side, 1 to MAX_SIDE; moves the text on. */
static bool take_side(const char **text, size_t *out)
{
    char *end;
    unsigned long v;

    if (!isdigit((unsigned char)**text))
        return false;
    v = strtoul(*text, &end, 10);
    *text = end;
    *out = v;
    return v >= 1 && v <= MAX_SIDE;
}

/* HxW, or one number for both. */
static bool take_sides(const char *text, size_t *h, size_t *w)
{
    if (!take_side(&text, h))
        return false;
    *w = *h;
    if (*text == 'x' || *text == ',') {
        text++;
        if (!take_side(&text, w))
            return false;
    }
    return !*text;
}

static int set_resize(struct reap_preset *p, const char *text,
                      struct reap_err *err)
{
    size_t h = 0, w = 0;

    for (size_t i = 0; i < N_RESIZES; i++) {
        size_t n = strlen(resize_name[i]);
        bool none = i == REAP_RESIZE_NONE;

        if (strncmp(text, resize_name[i], n) != 0 || text[n] != ":"[none])
            continue;
        if (!none && !take_sides(text + n + 1, &h, &w))
            break;
        if (i != REAP_RESIZE_WARP && h != w)
            break; /* one edge is one number */
        p->resize = (enum reap_resize)i;
        p->resize_h = h;
        p->resize_w = i == REAP_RESIZE_WARP ? w : 0;
        return REAP_OK;
    }
    return reap_fail(err, REAP_EINVAL,
                     "--resize %s: short:N, long:N, warp:HxW or none is "
                     "needed, sides from 1 to %d",
                     text, MAX_SIDE);
}

static int set_crop(struct reap_preset *p, const char *text,
                    struct reap_err *err)
{
    size_t h = 0, w = 0;

    if (strcmp(text, "none") != 0 && !take_sides(text, &h, &w))
        return reap_fail(err, REAP_EINVAL,
                         "--crop %s: HxW or none is needed, sides from 1 to "
                         "%d",
                         text, MAX_SIDE);
    p->crop_h = h;
    p->crop_w = w;
    return REAP_OK;
}

static int set_filter(struct reap_preset *p, const char *text,
                      struct reap_err *err)
{
    for (size_t i = 0; i < N_FILTERS; i++)
        if (!strcmp(filter_name[i], text)) {
            p->filter = (enum reap_filter)i;
            p->norm.float_in = p->filter == REAP_TF_BILINEAR;
            return REAP_OK;
        }
    return reap_fail(err, REAP_EINVAL,
                     "--filter %s: nearest, box, bilinear, bicubic, lanczos "
                     "or tf-bilinear is needed",
                     text);
}

/* Up to three numbers; one stands for all. */
static int set_three(const char *part, const char *text, bool positive,
                     float out[3], struct reap_err *err)
{
    const char *at = text;
    float v[3];
    size_t n = 0;

    do {
        char *end;

        v[n] = strtof(at, &end);
        if (end == at || !isfinite(v[n]) || (positive && v[n] <= 0))
            break;
        n++;
        at = end;
    } while (*at == ',' && n < 3 && at++);
    if ((n != 1 && n != 3) || *at)
        return reap_fail(err, REAP_EINVAL,
                         "--%s %s: A,B,C is needed, one%s number for each "
                         "channel",
                         part, text, positive ? " positive" : "");
    for (size_t c = 0; c < 3; c++)
        out[c] = v[n == 3 ? c : 0];
    return REAP_OK;
}

static int set_scale(struct reap_preset *p, const char *text,
                     struct reap_err *err)
{
    char *end;
    float v = strtof(text, &end);

    if (end == text || *end || !isfinite(v) || v <= 0)
        return reap_fail(err, REAP_EINVAL,
                         "--scale %s: a positive number is needed, such as "
                         "255",
                         text);
    p->norm.div = v;
    return REAP_OK;
}

static int set_order(struct reap_preset *p, const char *text,
                     struct reap_err *err)
{
    p->norm.bgr = !strcmp(text, "bgr");
    if (!p->norm.bgr && strcmp(text, "rgb") != 0)
        return reap_fail(err, REAP_EINVAL, "--order %s: rgb or bgr is needed",
                         text);
    return REAP_OK;
}

int reap_preset_set(struct reap_preset *p, const char *part, const char *text,
                    struct reap_err *err)
{
    if (!strcmp(part, "resize"))
        return set_resize(p, text, err);
    if (!strcmp(part, "crop"))
        return set_crop(p, text, err);
    if (!strcmp(part, "filter"))
        return set_filter(p, text, err);
    if (!strcmp(part, "mean"))
        return set_three(part, text, false, p->norm.mean, err);
    if (!strcmp(part, "std"))
        return set_three(part, text, true, p->norm.std, err);
    if (!strcmp(part, "order"))
        return set_order(p, text, err);
    if (!strcmp(part, "scale"))
        return set_scale(p, text, err);
    return reap_fail(err, REAP_EINVAL,
                     "a preset has no '%s'; it has resize, crop, filter, "
                     "mean, std, order and scale",
                     part);
}

/* "part=text" of a preset's own text; corner and dct have no options. */
static int read_part(struct reap_preset *p, char *part, struct reap_err *err)
{
    char *equals = strchr(part, '=');

    if (!equals)
        return reap_fail(err, REAP_EINVAL,
                         "preset %s: '%s': PART=TEXT is "
                         "needed",
                         p->name, part);
    *equals = '\0';
    if (!strcmp(part, "corner"))
        p->corner_floor = !strcmp(equals + 1, "floor");
    else if (!strcmp(part, "dct"))
        p->fast_dct = !strcmp(equals + 1, "fast");
    else
        return reap_preset_set(p, part, equals + 1, err);
    return REAP_OK;
}

int reap_preset_read(const char *text, struct reap_preset *out,
                     struct reap_err *err)
{
    char copy[512], *rest = NULL, *part;
    int rc;

    if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy))
        return reap_fail(err, REAP_EINVAL, "preset %.40s...: too long", text);
    part = strtok_r(copy, " ", &rest);
    rc = reap_preset_find(part ? part : "", out, err);
    while (!rc && (part = strtok_r(NULL, " ", &rest)))
        rc = read_part(out, part, err);
    return rc;
}

int reap_preset_input(struct reap_preset *p, size_t h, size_t w,
                      struct reap_err *err)
{
    if (!h || !w || h > MAX_SIDE || w > MAX_SIDE)
        return reap_fail(err, REAP_EINVAL,
                         "an input of %zu x %zu: sides go from 1 to %d", h, w,
                         MAX_SIDE);
    if (p->crop_h || p->resize != REAP_RESIZE_WARP) {
        p->crop_h = h;
        p->crop_w = w;
    } else {
        p->resize_h = h;
        p->resize_w = w;
    }
    return REAP_OK;
}

void reap_preset_size(const struct reap_preset *p, size_t *h, size_t *w)
{
    bool warp = p->resize == REAP_RESIZE_WARP;

    *h = p->crop_h ? p->crop_h : warp ? p->resize_h : 0;
    *w = p->crop_w ? p->crop_w : warp ? p->resize_w : 0;
}

/* The shortest text that reads back as the same number, and a separator. */
static size_t print_float(char *buf, size_t size, float v, const char *end)
{
    int n = 0;

    for (int digits = 6; digits <= 9; digits++) {
        n = snprintf(buf, size, "%.*g%s", digits, (double)v, end);
        if (strtof(buf, NULL) == v)
            break;
    }
    return n > 0 ? (size_t)n : 0;
}

/* "A,B,C". */
static void print_three(char buf[64], const float v[3])
{
    size_t used = 0;

    for (size_t c = 0; c < 3; c++)
        used += print_float(buf + used, 64 - used, v[c], c < 2 ? "," : "");
}

void reap_preset_print(const struct reap_preset *p, char *buf, size_t size)
{
    const struct reap_norm *n = &p->norm;
    char resize[64] = "none", crop[64] = "none", scale[24], mean[64], std[64];

    if (p->resize == REAP_RESIZE_WARP)
        snprintf(resize, sizeof(resize), "warp:%zux%zu", p->resize_h,
                 p->resize_w);
    else if (p->resize != REAP_RESIZE_NONE)
        snprintf(resize, sizeof(resize), "%s:%zu", resize_name[p->resize],
                 p->resize_h);
    if (p->crop_h)
        snprintf(crop, sizeof(crop), "%zux%zu%s", p->crop_h, p->crop_w,
                 p->corner_floor ? " corner=floor" : "");
    print_float(scale, sizeof(scale), n->div, "");
    print_three(mean, n->mean);
    print_three(std, n->std);
    snprintf(buf, size,
             "%s resize=%s crop=%s filter=%s%s scale=%s mean=%s std=%s "
             "order=%s",
             p->name, resize, crop, filter_name[p->filter],
             p->fast_dct ? " dct=fast" : "", scale, mean, std,
             n->bgr ? "bgr" : "rgb");
}
