/*
 * io/weights/published.h - the weights that authors publish, rows of
 * published.def
 */
#ifndef REAP_IO_WEIGHTS_PUBLISHED_H
#define REAP_IO_WEIGHTS_PUBLISHED_H

#include "engine/base/err.h"

struct reap_published {
    const char *model, *variant, *preset, *base, *file, *hash;
};

/* Row i, NULL after the last. */
const struct reap_published *reap_published_at(unsigned i);

/* The row of 'model' and variant ("", "v2", "notop"), NULL if there is none. */
const struct reap_published *reap_published_find(const char *model,
                                                 const char *variant);

/* The row whose file has that name, NULL if there is none. */
const struct reap_published *reap_published_file(const char *name);

/* The row of a file with that sha256 (all digits), NULL if none is known. */
const struct reap_published *reap_published_sha256(const char *hex);

#endif /* REAP_IO_WEIGHTS_PUBLISHED_H */
