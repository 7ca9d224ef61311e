/*
 * HDF5 as Keras writes it: a group per layer, named in order by the attribute
 * layer_names, in the root (weights alone) or in /model_weights (a whole
 * model, with its config). Source: keras/src/legacy/saving/legacy_h5_format.py.
 * Files without these are handed to the reader of .weights.h5.
 */
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/weights/keras/h5.h"
#include "io/weights/keras/hdf5_child.h"
#include "io/weights/keras/keras_config.h"
#include "io/weights/keras/keras_layers.h"

enum { NAME = 512 };

static bool has_layers(hid_t group)
{
    return H5Aexists(group, "layer_names") > 0 ||
           H5Aexists(group, "layer_names0") > 0;
}

/* Do all the variables stand in one scope? Then the group is one layer, and
 * its name counts: a scope may bear an older one. */
static bool one_scope(char *const *name, size_t n)
{
    const size_t len = strcspn(name[0], "/");

    for (size_t i = 0; i < n; i++)
        if (strcspn(name[i], "/") != len || strncmp(name[i], name[0], len) != 0)
            return false;
    return true;
}

static int variables(struct reap_weights_in *in, hid_t group, const char *layer,
                     char *const *path, size_t n, struct reap_err *err)
{
    const bool one = n && one_scope(path, n);
    char name[NAME];
    int rc = REAP_OK;

    for (size_t i = 0; !rc && i < n; i++) {
        const char *last = strrchr(path[i], '/');

        if (strstr(path[i], "seed_generator"))
            continue; /* of a Dropout: no weight */
        last = one && last ? last + 1 : path[i];
        if (snprintf(name, sizeof(name), "%s/%s", layer, last) >= NAME)
            return reap_fail(err, REAP_EFORMAT, "%.60s: its name is too long",
                             layer);
        rc = reap_h5_tensor(in, group, path[i], name, err);
    }
    return rc;
}

static int one_layer(struct reap_weights_in *in, hid_t parent,
                     const char *layer, struct reap_err *err)
{
    char **path = NULL;
    size_t n = 0;
    hid_t group;
    int rc = reap_h5_walk(parent, layer, &group, err);

    if (rc)
        return reap_wrap(err, rc, "layer %s", layer);
    rc = reap_h5_texts(group, "weight_names", &path, &n, err);
    if (!rc)
        rc = variables(in, group, layer, path, n, err);
    reap_h5_texts_free(path, n);
    H5Oclose(group);
    return rc;
}

static int all_layers(struct reap_weights_in *in, hid_t parent,
                      struct reap_err *err)
{
    char **layer = NULL;
    size_t n = 0;
    int rc = reap_h5_texts(parent, "layer_names", &layer, &n, err);

    for (size_t i = 0; !rc && i < n; i++)
        rc = one_layer(in, parent, layer[i], err);
    reap_h5_texts_free(layer, n);
    return rc;
}

/* The whole model: its config, then the group of its weights. */
static int whole(struct reap_weights_in *in, hid_t file, struct reap_err *err)
{
    char **config = NULL;
    size_t n = 0;
    hid_t group;
    int rc = reap_h5_texts(file, "model_config", &config, &n, err);

    if (!rc && n)
        rc = reap_keras_config(in, config[0], strlen(config[0]), err);
    reap_h5_texts_free(config, n);
    if (!rc)
        rc = reap_h5_walk(file, "model_weights", &group, err);
    if (rc)
        return rc;
    rc = all_layers(in, group, err);
    H5Oclose(group);
    return rc;
}

static int read_h5(struct reap_weights_in *in, struct reap_err *err)
{
    struct reap_h5 *h;
    int rc = reap_h5_open(in, in->file, NULL, &h, err);

    strcpy(in->out->format, "h5");
    if (rc)
        return rc;
    if (has_layers(h->file))
        return all_layers(in, h->file, err);
    if (reap_h5_has(h->file, "model_weights"))
        return whole(in, h->file, err);
    if (reap_keras_layers_in(h->file)) {
        strcpy(in->out->format, "weights.h5");
        return reap_keras_layers(in, h->file, err);
    }
    return reap_fail(err, REAP_EFORMAT,
                     "an HDF5 file, but not of Keras: neither layer_names, "
                     "model_weights nor layers is in it");
}

int reap_weights_h5(struct reap_weights_in *in, struct reap_err *err)
{
    return reap_hdf5_child_run(in, read_h5, err);
}
