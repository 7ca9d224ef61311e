/*
 * io/preset/preset.h - preprocessing: how an image becomes the network's input
 *
 * Named presets are rows of presets.def (docs/design.md, section 6); every part
 * can be overridden by an option. The pixels after resize and crop are exact:
 * Pillow 13's, or TensorFlow's for the float presets.
 */
#ifndef REAP_IO_PRESET_PRESET_H
#define REAP_IO_PRESET_PRESET_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/plan/backend.h" /* struct reap_norm */
#include "engine/base/err.h"

enum reap_resize {
    REAP_RESIZE_NONE,
    REAP_RESIZE_SHORT,
    REAP_RESIZE_LONG,
    REAP_RESIZE_WARP
};
enum reap_filter {
    REAP_NEAREST,
    REAP_BOX,
    REAP_BILINEAR,
    REAP_BICUBIC,
    REAP_LANCZOS,
    REAP_TF_BILINEAR /* float, no antialias */
};

struct reap_preset {
    char name[32];
    enum reap_resize resize;
    size_t resize_h, resize_w; /* SHORT, LONG: resize_h alone */
    size_t crop_h, crop_w;     /* centre crop; 0: none, as resized */
    bool corner_floor;         /* else round half to even */
    enum reap_filter filter;
    bool fast_dct; /* TensorFlow's default decoder */
    struct reap_norm norm;
};

/* The preset of that name; REAP_EINVAL lists the names there are. */
int reap_preset_find(const char *name, struct reap_preset *out,
                     struct reap_err *err) REAP_MUST_CHECK;

/*
 * The preset that a text tells: a name, and parts of it that differ, as
 * reap_preset_print() writes them ("hf resize=short:232 crop=224x224").
 * REAP_EINVAL says what is wrong with it.
 */
int reap_preset_read(const char *text, struct reap_preset *out,
                     struct reap_err *err) REAP_MUST_CHECK;

/* Name of row i, NULL after the last; for help and tests. */
const char *reap_preset_name(size_t i);

/* Set one part from its option's text: "resize" short:256, warp:HxW, long:N;
 * "crop" HxW; "filter" NAME; "mean", "std" A,B,C; "order" rgb|bgr; "scale"
 * divisor. REAP_EINVAL says what is accepted. */
int reap_preset_set(struct reap_preset *p, const char *part, const char *text,
                    struct reap_err *err) REAP_MUST_CHECK;

/* Make the preset end in an input of h x w (--input-shape): the crop if there
 * is one, else the warp. */
int reap_preset_input(struct reap_preset *p, size_t h, size_t w,
                      struct reap_err *err) REAP_MUST_CHECK;

/* The size that comes out; 0 x 0 where it depends on the image. */
void reap_preset_size(const struct reap_preset *p, size_t *h, size_t *w);

/* All of it in one line of text, for the store and for people. */
void reap_preset_print(const struct reap_preset *p, char *buf, size_t size);

#endif /* REAP_IO_PRESET_PRESET_H */
