/* From options to a preset and to what decides a status. The rules of presets
 * are io/preset's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/image/decode.h"
#include "jobs/cli/words.h"
#include "jobs/setup/preprocess.h"

/* Where neither the file nor the user says: what the family was trained on. */
static const char *family_preset(const struct reap_model *model)
{
    static const char *const name[] = {
        [REAP_KERAS_V1] = "keras-caffe",
        [REAP_KERAS_V2] = "keras-tf",
        [REAP_TV_BASIC] = "torchvision-v1",
        [REAP_TV_BOTTLENECK] = "torchvision-v1",
    };

    return model ? name[model->family] : "torchvision-v1";
}

/* The numbers of a preset "as the model's family" wants them. */
static int family_values(struct reap_preset *p, const struct reap_model *model,
                         struct reap_err *err)
{
    struct reap_preset of;
    int rc;

    if (strcmp(p->name, "keras-bilinear") != 0 || !model)
        return REAP_OK;
    rc = reap_preset_find(family_preset(model), &of, err);
    if (!rc)
        p->norm = of.norm;
    return rc;
}

static int overrides(const struct reap_options *o, struct reap_preset *p,
                     struct reap_err *err)
{
    const char *const part[][2] = {
        { "resize", o->resize }, { "crop", o->crop }, { "filter", o->filter },
        { "mean", o->mean },     { "std", o->std },   { "order", o->order },
        { "scale", o->scale },
    };
    size_t h, w;
    int rc = REAP_OK;

    for (size_t i = 0; i < sizeof(part) / sizeof(part[0]) && !rc; i++)
        if (part[i][1])
            rc = reap_preset_set(p, part[i][0], part[i][1], err);
    if (!rc && o->input_shape) {
        rc = reap_parse_size("input-shape", o->input_shape, &h, &w, err);
        if (!rc)
            rc = reap_preset_input(p, h, w, err);
    }
    return rc;
}

int reap_preprocess_preset(const struct reap_options *o, const char *hint,
                           const struct reap_model *model,
                           struct reap_preset *preset, bool *guessed,
                           struct reap_err *err)
{
    const char *name = o->preset;
    int rc;

    *guessed = false;
    if (!name && hint && *hint)
        name = hint;
    if (!name) {
        name = family_preset(model);
        *guessed = true;
    }
    rc = reap_preset_read(name, preset, err);
    if (!rc)
        rc = family_values(preset, model, err);
    return rc ? rc : overrides(o, preset, err);
}

int reap_preprocess_limits(const struct reap_options *o,
                           struct reap_limits *limits, struct reap_err *err)
{
    static const char *const truncated[] = { "fail", "keep", NULL };
    static const char *const orient[] = { "ignore", "apply", NULL };
    static const char *const depth[] = { "clip", "scale", NULL };
    static const char *const alpha[] = { "drop", "white", NULL };
    unsigned a[4];
    int rc;

    memset(limits, 0, sizeof(*limits));
    rc =
        reap_parse_word("on-truncated", o->on_truncated, truncated, &a[0], err);
    if (!rc)
        rc = reap_parse_word("orient", o->orient, orient, &a[1], err);
    if (!rc)
        rc = reap_parse_word("depth16", o->depth16, depth, &a[2], err);
    if (!rc)
        rc = reap_parse_word("alpha", o->alpha, alpha, &a[3], err);
    if (!rc && o->formats)
        rc = reap_formats_parse(o->formats, &limits->formats, err);
    if (rc)
        return rc;
    if (o->max_pixels_given && !o->max_pixels)
        return reap_fail(err, REAP_EINVAL, "--max-pixels must be 1 or more");
    limits->max_pixels = o->max_pixels;
    limits->keep_truncated = a[0];
    limits->orient = a[1];
    limits->depth16_scale = a[2];
    limits->alpha = a[3] ? REAP_ALPHA_WHITE : REAP_ALPHA_DROP;
    return REAP_OK;
}
