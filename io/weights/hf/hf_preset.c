/*
 * From configs to presets. Sources: image_processing_convnext.py,
 * image_processing_clip.py and image_processing_vit.py of transformers;
 * transforms_factory.py and config.py of timm.data.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/preset/preset.h"
#include "io/weights/hf/hf_config.h"

enum { SIDE = 16384, WARP_FROM = 384 };

struct pixels {
    const char *base; /* the preset whose corner it has */
    char resize[40], crop[24];
    const char *filter;
    double mean[3], std[3], scale;
};

static const double imagenet_mean[] = { .485, .456, .406 },
                    imagenet_std[] = { .229, .224, .225 };

static double number(const json_t *of, const char *key, double otherwise)
{
    const json_t *v = json_object_get(of, key);

    return json_is_number(v) ? json_number_value(v) : otherwise;
}

static bool truth(const json_t *of, const char *key, bool otherwise)
{
    const json_t *v = json_object_get(of, key);

    return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

static void three(const json_t *of, const char *key, const double *otherwise,
                  double to[3])
{
    const json_t *v = json_object_get(of, key);

    for (size_t c = 0; c < 3; c++) {
        const json_t *x = json_is_array(v) ? json_array_get(v, c) : v;

        to[c] = json_is_number(x) ? json_number_value(x) : otherwise[c];
    }
}

/* The name of a preset whose pixels are the same, else the text itself. */
static void shortest(const char *text, char *to, size_t size)
{
    struct reap_preset p, row;
    char is[512], known[512];
    const char *name;

    snprintf(to, size, "%s", text);
    if (reap_preset_read(text, &p, NULL))
        return;
    reap_preset_print(&p, is, sizeof(is));
    for (size_t i = 0; (name = reap_preset_name(i)); i++) {
        if (reap_preset_find(name, &row, NULL))
            continue;
        reap_preset_print(&row, known, sizeof(known));
        if (!strcmp(strchr(is, ' '), strchr(known, ' ')) &&
            (!strncmp(text, "hf", 2)) == !strcmp(name, "hf")) {
            snprintf(to, size, "%s", name);
            return;
        }
    }
}

static void set(struct reap_weights *w, const struct pixels *p,
                const char *from)
{
    struct reap_preset read;
    struct reap_err err;
    char text[512];
    int n;

    n = snprintf(text, sizeof(text),
                 "%s resize=%s crop=%s filter=%s scale=%.9g "
                 "mean=%.9g,%.9g,%.9g std=%.9g,%.9g,%.9g",
                 p->base, p->resize, p->crop, p->filter, p->scale, p->mean[0],
                 p->mean[1], p->mean[2], p->std[0], p->std[1], p->std[2]);
    if (n >= (int)sizeof(text))
        return;
    if (reap_preset_read(text, &read, &err)) {
        snprintf(w->preset_note, sizeof(w->preset_note), "%s: %.100s", from,
                 err.msg);
        return;
    }
    shortest(text, w->preset, sizeof(w->preset));
    snprintf(w->preset_from, sizeof(w->preset_from), "%s", from);
}

static void cannot(struct reap_weights *w, const char *from, const char *what)
{
    snprintf(w->preset_note, sizeof(w->preset_note),
             "%s asks for %.60s, which reap does not do", from, what);
}

/* A number, or the one under 'key' of an object; 0 if neither. */
static int side(const json_t *v, const char *key)
{
    const json_t *x = json_is_object(v) ? json_object_get(v, key) : v;
    const double d = json_is_number(x) ? json_number_value(x) : 0;

    return d >= 1 && d <= SIDE ? (int)d : 0;
}

/* Resize to what is cut to 'edge'; large sides are not cut. */
static void convnext(struct pixels *p, const json_t *config, int edge)
{
    const double part = number(config, "crop_pct", 224.0 / 256);

    if (edge < WARP_FROM && part > 0)
        snprintf(p->resize, sizeof(p->resize), "short:%d", (int)(edge / part));
    else
        snprintf(p->resize, sizeof(p->resize), "warp:%dx%d", edge, edge);
    snprintf(p->crop, sizeof(p->crop), "%dx%d", edge, edge);
}

static void others(struct pixels *p, const json_t *config)
{
    const json_t *size = json_object_get(config, "size");
    const json_t *crop = json_object_get(config, "crop_size");
    const bool cut = truth(config, "do_center_crop", crop != NULL);
    const int edge = side(size, "shortest_edge");
    int h = side(size, "height"), w = side(size, "width");

    if (!truth(config, "do_resize", true))
        strcpy(p->resize, "none");
    else if (edge && (json_is_object(size) || cut))
        snprintf(p->resize, sizeof(p->resize), "short:%d", edge);
    else
        snprintf(p->resize, sizeof(p->resize), "warp:%dx%d", h, w);
    if (cut) {
        h = side(crop, "height");
        w = side(crop, "width");
        h = h ? h : side(crop, "shortest_edge");
        w = w ? w : h;
        snprintf(p->crop, sizeof(p->crop), "%dx%d", h, w);
    }
}

void reap_hf_preprocessor(struct reap_weights *w, const json_t *config)
{
    static const char from[] = "preprocessor_config.json";
    static const char *const filters[] = { "nearest", "lanczos", "bilinear",
                                           "bicubic", "box" };
    static const double none[3] = { 0 }, ones[3] = { 1, 1, 1 };
    const char *kind =
        json_string_value(json_object_get(config, "image_processor_type"));
    const int resample = (int)number(config, "resample", 2);
    const double factor = number(config, "rescale_factor", 1.0 / 255);
    const bool normal = truth(config, "do_normalize", true);
    const int edge = side(json_object_get(config, "size"), "shortest_edge");
    struct pixels p = { .base = "hf", .crop = "none", .scale = 1 };

    if (!kind)
        kind = json_string_value(
            json_object_get(config, "feature_extractor_type"));
    if (resample < 0 || resample > 4) {
        cannot(w, from, "a filter of Pillow's that is none of its first five");
        return;
    }
    if (truth(config, "do_pad", false)) {
        cannot(w, from, "padding");
        return;
    }
    p.filter = filters[resample];
    if (truth(config, "do_rescale", true) && factor > 0)
        p.scale = fabs(1 / factor - rint(1 / factor)) < 1e-4 ? rint(1 / factor)
                                                             : 1 / factor;
    three(config, "image_mean", normal ? imagenet_mean : none, p.mean);
    three(config, "image_std", normal ? imagenet_std : ones, p.std);
    if (!normal) {
        memcpy(p.mean, none, sizeof(none));
        memcpy(p.std, ones, sizeof(ones));
    }
    if (kind && !strncmp(kind, "ConvNext", 8) && edge)
        convnext(&p, config, edge);
    else
        others(&p, config);
    set(w, &p, from);
}

/* timm draws one of two filters in training and takes this in use. */
static const char *timm_filter(const json_t *cfg)
{
    const char *s = json_string_value(json_object_get(cfg, "interpolation"));

    return !s ? "bicubic" : !strcmp(s, "random") ? "bilinear" : s;
}

void reap_timm_preset(struct reap_weights *w, const json_t *cfg)
{
    static const char from[] = "pretrained_cfg in config.json";
    const json_t *size = json_object_get(cfg, "input_size");
    const int h = side(json_array_get(size, 1), ""),
              wide = side(json_array_get(size, 2), "");
    const double part = number(cfg, "crop_pct", .875);
    const char *mode = json_string_value(json_object_get(cfg, "crop_mode"));
    struct pixels p = { .base = "timm-bicubic", .scale = 255 };

    if (!h || !wide || part <= 0)
        return;
    p.filter = timm_filter(cfg);
    three(cfg, "mean", imagenet_mean, p.mean);
    three(cfg, "std", imagenet_std, p.std);
    snprintf(p.crop, sizeof(p.crop), "%dx%d", h, wide);
    if (mode && !strcmp(mode, "border")) {
        cannot(w, from, "a border around the image (crop_mode)");
        return;
    }
    if ((mode && !strcmp(mode, "squash")) || h != wide)
        snprintf(p.resize, sizeof(p.resize), "warp:%dx%d", (int)floor(h / part),
                 (int)floor(wide / part));
    else
        snprintf(p.resize, sizeof(p.resize), "short:%d", (int)floor(h / part));
    set(w, &p, from);
}
