/*
 * Look-ups in the table of published weights. Fetching is weights_resolve.c's.
 */
#include <string.h>

#include "io/weights/published.h"

#define PYTORCH "https://download.pytorch.org/models/"
#define KERAS \
    "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"

static const struct reap_published row[] = {
#define PUBLISHED(model, variant, preset, base, file, hash) \
    { model, variant, preset, base, file, hash },
#include "io/weights/published.def"
#undef PUBLISHED
};

enum { N_ROWS = sizeof(row) / sizeof(*row), MD5_DIGITS = 32 };

const struct reap_published *reap_published_at(unsigned i)
{
    return i < N_ROWS ? &row[i] : NULL;
}

const struct reap_published *reap_published_find(const char *model,
                                                 const char *variant)
{
    for (unsigned i = 0; i < N_ROWS; i++)
        if (!strcmp(row[i].model, model) && !strcmp(row[i].variant, variant))
            return &row[i];
    return NULL;
}

const struct reap_published *reap_published_file(const char *name)
{
    for (unsigned i = 0; i < N_ROWS; i++)
        if (!strcmp(row[i].file, name))
            return &row[i];
    return NULL;
}

const struct reap_published *reap_published_sha256(const char *hex)
{
    for (unsigned i = 0; i < N_ROWS; i++)
        if (strlen(row[i].hash) != MD5_DIGITS &&
            !strncmp(row[i].hash, hex, strlen(row[i].hash)))
            return &row[i];
    return NULL;
}
