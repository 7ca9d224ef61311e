/*
 * io/dataset/layout.h - where the image is inside a value
 *
 * A layout is a row of layouts.def. It is found by looking at values, never by
 * running anything. Any thread; a scratch belongs to one at a time.
 */
#ifndef REAP_IO_DATASET_LAYOUT_H
#define REAP_IO_DATASET_LAYOUT_H

#include "io/dataset/dataset.h"

/* Memory of one thread that what a layout lends lives in, until it is used
 * again. Zero to begin with. */
struct reap_layout_scratch {
    void *datum;
};

/* Free what is in it; it is zero again. */
void reap_layout_scratch_clear(struct reap_layout_scratch *s);

/* Does the value have this layout for certain? */
typedef bool reap_layout_knows_fn(struct reap_bytes value);

/*
 * Look into a value; '*out' comes cleared. Its bytes are lent by the value or
 * by 's'. The record's own label, if any, goes to out->label. Returns an enum
 * reap_status: ok, empty, corrupt, or io_error where there is no memory.
 */
typedef unsigned reap_layout_image_fn(struct reap_bytes value,
                                      struct reap_layout_scratch *s,
                                      struct reap_image *out);

struct reap_layout {
    const char *name, *about;
    reap_layout_knows_fn *knows;
    reap_layout_image_fn *image;
};

#define LAYOUT(name, about)                          \
    reap_layout_knows_fn reap_layout_##name##_knows; \
    reap_layout_image_fn reap_layout_##name##_image;
#include "io/dataset/layouts.def"
#undef LAYOUT

/* Row i of layouts.def; NULL after the last. */
const struct reap_layout *reap_layout_at(size_t i);

/* The layout that knows the value; NULL if none does. */
const struct reap_layout *reap_layout_of(struct reap_bytes value);

/*
 * The layout of the samples 'rec'; those that none knows, such as damaged
 * images, do not count, nor do a few of another layout. NULL in '*out' if none
 * is known. REAP_EFORMAT if two layouts are mixed: names two keys.
 */
int reap_layout_find(const struct reap_layout **out,
                     const struct reap_record *rec, size_t n,
                     struct reap_err *err) REAP_MUST_CHECK;

/* What bytes begin with: "JPEG", "a Python pickle", ...; NULL if not known. */
const char *reap_layout_magic(struct reap_bytes b);

/* Do the bytes begin as an image file does? */
bool reap_layout_is_image(struct reap_bytes b);

#endif /* REAP_IO_DATASET_LAYOUT_H */
