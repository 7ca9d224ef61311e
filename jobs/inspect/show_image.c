/* The pixels that the network would see of one image, described and written.
 * Photos and records come from show_photo.c and show_record.c. */
#define _GNU_SOURCE
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/net/model.h"
#include "io/out/npy.h"
#include "io/image/picture.h"
#include "jobs/inspect/show_image.h"
#include "jobs/setup/preprocess.h"

/* An image, and what became of it. */
struct seen {
    struct reap_preset preset;
    struct reap_prepared got;
    void *pixels; /* (h, w, 3) */
};

static size_t bytes_of(const struct seen *s)
{
    return s->got.h * s->got.w * 3 *
           (s->preset.norm.float_in ? sizeof(float) : 1);
}

/* Two times: where the size depends on the image, the first tells it. */
static int show_image_prepare(struct seen *s, const struct reap_image *image,
                              const struct reap_limits *limits,
                              struct reap_err *err)
{
    struct reap_prepare *p = NULL;
    int rc = reap_prepare_new(&p, &s->preset, limits, err);

    if (rc)
        return rc;
    reap_prepare_run(p, image, NULL, 0, &s->got);
    if (s->got.status == REAP_STATUS_too_large && s->got.h) {
        s->pixels = reap_calloc(s->got.h, bytes_of(s) / s->got.h);
        if (s->pixels)
            reap_prepare_run(p, image, s->pixels, bytes_of(s), &s->got);
        else
            rc = reap_fail(err, REAP_ENOMEM, "no memory for %zu x %zu pixels",
                           s->got.w, s->got.h);
    }
    reap_prepare_free(&p);
    return rc;
}

static int write_npy(const struct seen *s, const char *path,
                     struct reap_err *err)
{
    size_t shape[] = { s->got.h, s->got.w, 3 };
    struct reap_npy *n = NULL;
    int rc = reap_npy_open(&n, path, s->preset.norm.float_in ? "<f4" : "|u1", 3,
                           shape, err);

    if (!rc)
        rc = reap_npy_write(n, s->pixels, bytes_of(s), err);
    if (!rc)
        rc = reap_npy_commit(&n, s->got.h, err);
    reap_npy_abort(&n);
    return rc;
}

/* A PNG holds bytes: floats are rounded. */
static int write_png(const struct seen *s, const char *path,
                     struct reap_err *err)
{
    size_t n = s->got.h * s->got.w * 3;
    const float *f = s->pixels;
    uint8_t *bytes;
    int rc;

    if (!s->preset.norm.float_in)
        return reap_picture_write(path, s->pixels, s->got.h, s->got.w, err);
    bytes = reap_calloc(n, 1);
    if (!bytes)
        return reap_fail(err, REAP_ENOMEM, "%s: no memory", path);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)fminf(255, fmaxf(0, rintf(f[i])));
    rc = reap_picture_write(path, bytes, s->got.h, s->got.w, err);
    reap_free(bytes);
    return rc;
}

static bool show_image_ends_in(const char *path, const char *ending)
{
    size_t n = strlen(path), m = strlen(ending);

    return n > m && !strcasecmp(path + n - m, ending);
}

static int write_pixels(const struct seen *s, const char *path,
                        struct reap_err *err)
{
    return show_image_ends_in(path, ".png") ? write_png(s, path, err)
                                            : write_npy(s, path, err);
}

static void show_image_print_text(const struct seen *s, const char *name,
                                  const char *preset, const char *flags,
                                  const char *file)
{
    printf("%s\n", name);
    if (s->got.src_h)
        printf("  image   %zu x %zu (width x height), %s\n", s->got.src_w,
               s->got.src_h, reap_format_name(s->got.format));
    printf("  status  %s%s%s\n", reap_status_name(s->got.status),
           *s->got.reason ? ": " : "", s->got.reason);
    printf("  flags   %s\n", *flags ? flags : "none");
    printf("  preset  %s\n", preset);
    if (!s->got.status)
        printf("  pixels  %zu x %zu x 3 (height x width x RGB), %s%s%s\n",
               s->got.h, s->got.w,
               s->preset.norm.float_in ? "float32" : "bytes",
               file ? ", written to " : "", file ? file : "");
}

static void show_image_print_json(const struct seen *s, const char *name,
                                  const char *preset, const char *flags)
{
    json_t *j = json_object();

    json_object_set_new(j, "name", json_string(name));
    json_object_set_new(j, "status",
                        json_string(reap_status_name(s->got.status)));
    json_object_set_new(j, "reason", json_string(s->got.reason));
    json_object_set_new(j, "flags", json_string(flags));
    json_object_set_new(j, "format",
                        json_string(reap_format_name(s->got.format)));
    json_object_set_new(j, "width", json_integer((json_int_t)s->got.src_w));
    json_object_set_new(j, "height", json_integer((json_int_t)s->got.src_h));
    json_object_set_new(j, "preset", json_string(preset));
    json_object_set_new(
        j, "shape",
        json_pack("[I,I,i]", (json_int_t)s->got.h, (json_int_t)s->got.w, 3));
    json_dumpf(j, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(j);
}

int reap_show_image(const char *name, const struct reap_image *image,
                    const struct reap_options *o, struct reap_err *err)
{
    struct seen s = { .pixels = NULL };
    const struct reap_model *model = NULL;
    struct reap_limits limits;
    char preset[400], flags[120];
    bool guessed;
    int rc;

    if (o->pixels && !show_image_ends_in(o->pixels, ".npy") &&
        !show_image_ends_in(o->pixels, ".png"))
        return reap_fail(err, REAP_EINVAL,
                         "--pixels %s: a name that ends in .npy or .png is "
                         "needed",
                         o->pixels);
    if (o->model && !(model = reap_model_find(o->model, err)))
        return REAP_EINVAL;
    rc = reap_preprocess_limits(o, &limits, err);
    if (!rc)
        rc = reap_preprocess_preset(o, "", model, &s.preset, &guessed, err);
    if (!rc)
        rc = show_image_prepare(&s, image, &limits, err);
    if (!rc && !s.got.status && o->pixels)
        rc = write_pixels(&s, o->pixels, err);
    if (rc)
        goto out;
    reap_preset_print(&s.preset, preset, sizeof(preset));
    reap_flag_names(s.got.flags, flags, sizeof(flags));
    if (o->json)
        show_image_print_json(&s, name, preset, flags);
    else
        show_image_print_text(&s, name, preset, flags, o->pixels);
    if (s.got.status)
        rc = reap_fail(err, REAP_EFORMAT, "%s: %s: %s", name,
                       reap_status_name(s.got.status), s.got.reason);
out:
    reap_free(s.pixels);
    return rc;
}
