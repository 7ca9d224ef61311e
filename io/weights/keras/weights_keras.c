/*
 * .keras: a zip of config.json and model.weights.h5. Source:
 * keras/src/saving/saving_lib.py.
 */
#include <string.h>

#include "engine/base/mem.h"
#include "io/weights/keras/hdf5_child.h"
#include "io/weights/keras/keras_config.h"
#include "io/weights/keras/keras_layers.h"
#include "io/weights/unzip.h"

static int read_config(struct reap_weights_in *in, struct reap_unzip *z,
                       struct reap_err *err)
{
    uint8_t *text;
    size_t len;
    int rc = reap_unzip_read(z, "config.json", &text, &len, err);

    if (!rc)
        rc = reap_keras_config(in, (const char *)text, len, err);
    reap_free(text);
    return rc;
}

static int read_weights(struct reap_weights_in *in, struct reap_unzip *z,
                        struct reap_err *err)
{
    struct reap_h5 *h;
    uint8_t *image;
    size_t len;
    int rc = reap_unzip_read(z, "model.weights.h5", &image, &len, err);

    if (!rc)
        rc =
            reap_h5_open(in, (struct reap_bytes){ image, len }, image, &h, err);
    return rc ? rc : reap_keras_layers(in, h->file, err);
}

static int read_members(struct reap_weights_in *in, struct reap_unzip *z,
                        struct reap_err *err)
{
    int rc;

    if (!reap_unzip_has(z, "model.weights.h5"))
        return reap_fail(err, REAP_EFORMAT,
                         "its weights are not in model.weights.h5 (.npz or "
                         "sharded); save it again with model.save()");
    rc = read_config(in, z, err);
    return rc ? rc : read_weights(in, z, err);
}

static int read_keras(struct reap_weights_in *in, struct reap_err *err)
{
    struct reap_unzip *z = NULL;
    int rc = reap_unzip_open(&z, in->file, err);

    strcpy(in->out->format, "keras");
    if (!rc)
        rc = read_members(in, z, err);
    reap_unzip_close(&z);
    return rc;
}

static bool ends(const char *s, const char *with)
{
    const size_t n = strlen(s), m = strlen(with);

    return n >= m && !strcmp(s + n - m, with);
}

int reap_weights_zip(struct reap_weights_in *in, struct reap_err *err)
{
    struct reap_unzip *z = NULL;
    const char *name;
    bool torch = false, arrays = false, keras;
    int rc = reap_unzip_open(&z, in->file, err);

    if (rc)
        return rc;
    for (size_t i = 0; (name = reap_unzip_name(z, i)); i++) {
        torch = torch || ends(name, "/data.pkl");
        arrays = arrays || ends(name, ".npy");
    }
    keras = reap_unzip_has(z, "config.json");
    reap_unzip_close(&z);
    if (torch)
        return reap_weights_pth(in, err);
    if (keras)
        return reap_hdf5_child_run(in, read_keras, err);
    return reap_fail(err, REAP_EFORMAT,
                     "a zip archive %s; .pth or .keras is expected",
                     arrays ? "of numpy arrays" : "that holds no weights");
}
