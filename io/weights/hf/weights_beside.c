/* A folder with weights, and the configs that lie beside a file of weights.
 * Sources: modeling_utils.py of transformers (SAFE_WEIGHTS_NAME and others),
 * _hub.py of timm, huggingface_hub. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/weights/hf/hf_config.h"
#include "io/weights/weights_impl.h"

enum { PATH = 4096, CONFIG = 8 << 20 };

/* As they are looked for; configs lie beside these. */
static const char *const names[] = {
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
};

static const char *const endings[] = {
    ".safetensors", ".pth", ".pt", ".ckpt", ".pth.tar", ".h5", ".keras",
};

enum {
    N_NAMES = sizeof(names) / sizeof(*names),
    N_ENDINGS = sizeof(endings) / sizeof(*endings),
};

static bool ends(const char *s, const char *with)
{
    const size_t n = strlen(s), m = strlen(with);

    return n >= m && !strcmp(s + n - m, with);
}

static bool is_in(const char *dir, const char *name, char *path, size_t size)
{
    struct stat st;

    return snprintf(path, size, "%s/%s", dir, name) < (int)size &&
           !stat(path, &st) && S_ISREG(st.st_mode);
}

/* Folders of TensorFlow's, and what to do with them. */
static int tensorflow(const char *dir, struct reap_err *err)
{
    char path[PATH];

    if (is_in(dir, "saved_model.pb", path, sizeof(path)))
        return reap_fail(err, REAP_EFORMAT,
                         "a directory that is a TensorFlow SavedModel; in "
                         "Python: keras.layers.TFSMLayer or "
                         "tf.keras.models.load_model(%s), then "
                         "model.save('model.keras'), which reap reads",
                         "DIR");
    if (is_in(dir, "checkpoint", path, sizeof(path)))
        return reap_fail(err, REAP_EFORMAT,
                         "a directory of TensorFlow checkpoints; build the "
                         "model in Python, model.load_weights(DIR/PREFIX), "
                         "then model.save('model.keras'), which reap reads");
    return REAP_OK;
}

/* The only file with an ending of weights. */
static int only_one(const char *dir, char *path, size_t size,
                    struct reap_err *err)
{
    DIR *d = opendir(dir);
    const struct dirent *e;
    size_t found = 0;

    if (!d)
        return reap_fail(err, REAP_EACCESS, "the directory cannot be read");
    while ((e = readdir(d))) {
        char at[PATH];
        bool weights = false;

        for (size_t i = 0; i < N_ENDINGS; i++)
            weights = weights || ends(e->d_name, endings[i]);
        if (weights && e->d_name[0] != '.' &&
            is_in(dir, e->d_name, at, sizeof(at)) && strlen(at) < size) {
            strcpy(path, at);
            found++;
        }
    }
    closedir(d);
    if (found == 1)
        return REAP_OK;
    return reap_fail(err, REAP_EFORMAT,
                     found ? "a directory with %zu files of weights; name one "
                             "of them"
                           : "a directory without weights: model.safetensors "
                             "or another file of weights is expected in it "
                             "(%zu found)",
                     found);
}

int reap_weights_in_folder(const char *dir, char *path, size_t size,
                           struct reap_err *err)
{
    int rc;

    for (size_t i = 0; i < N_NAMES; i++)
        if (is_in(dir, names[i], path, size))
            return REAP_OK;
    rc = tensorflow(dir, err);
    return rc ? rc : only_one(dir, path, size, err);
}

bool reap_weights_folder(const char *path)
{
    char file[PATH];
    struct stat st;

    if (stat(path, &st) || !S_ISDIR(st.st_mode))
        return false;
    return !reap_weights_in_folder(path, file, sizeof(file), NULL) ||
           tensorflow(path, NULL);
}

/* The JSON object in dir/name; NULL without an error if there is no such
 * file. */
static int read_json(const char *dir, const char *name, json_t **out,
                     struct reap_err *err)
{
    char path[PATH];
    json_error_t why;
    struct stat st;
    int fd;

    *out = NULL;
    if (!is_in(dir, name, path, sizeof(path)))
        return REAP_OK;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) ||
        st.st_size > CONFIG) {
        if (fd >= 0)
            close(fd);
        return reap_fail(err, REAP_EFORMAT,
                         "%s beside it cannot be read, or has more than %d "
                         "bytes",
                         name, CONFIG);
    }
    *out = json_loadfd(fd, 0, &why);
    close(fd);
    if (!json_is_object(*out)) {
        json_decref(*out);
        *out = NULL;
        return reap_fail(err, REAP_EFORMAT,
                         "%s beside it, line %d: %s; a JSON object is expected",
                         name, why.line, why.text);
    }
    return REAP_OK;
}

/* Is the preset what somebody wrote into the file itself? */
static bool settled(const struct reap_weights *w)
{
    return *w->preset && !strcmp(w->preset_from, "the file");
}

int reap_weights_beside(struct reap_weights *w, const char *path, bool folder,
                        struct reap_err *err)
{
    const char *slash = strrchr(path, '/');
    const bool own = settled(w);
    struct reap_weights kept = *w;
    char dir[PATH];
    json_t *config = NULL, *pixels = NULL;
    bool known = folder;
    int rc;

    for (size_t i = 0; i < N_NAMES; i++)
        known = known || ends(path, names[i]);
    if (!known)
        return REAP_OK;
    snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) : 1,
             slash ? path : ".");
    rc = read_json(dir, "config.json", &config, err);
    if (!rc)
        rc = read_json(dir, "preprocessor_config.json", &pixels, err);
    if (!rc && pixels)
        reap_hf_preprocessor(w, pixels);
    if (!rc && config)
        rc = reap_hf_config(w, config, err);
    if (own) {
        memcpy(w->preset, kept.preset, sizeof(kept.preset));
        memcpy(w->preset_from, kept.preset_from, sizeof(kept.preset_from));
    }
    json_decref(config);
    json_decref(pixels);
    return rc;
}
