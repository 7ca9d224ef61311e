/* Source: keras/src/saving/saving_lib.py; tf.keras 2.13 for the older name of
 * the group. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/weights/keras/keras_layers.h"
#include "io/weights/keras/keras_order.h"

enum { NAME = 256, MAX_DEPTH = 6, MAX_VARS = 4 };

static const char *const trees[] = { "layers",
                                     "_layer_checkpoint_dependencies" };

/* Variables of a class in their order. */
static const struct {
    const char *class;
    const char *variable[MAX_VARS];
} classes[] = {
    { "conv2d", { "kernel", "bias" } },
    { "dense", { "kernel", "bias" } },
    { "batch_normalization",
      { "gamma", "beta", "moving_mean", "moving_variance" } },
};

enum { CONV, DENSE, NORM, N_CLASSES };

struct layer {
    char path[NAME], name[NAME]; /* below the tree's root; "" if not told */
    int class;                   /* index of classes[], -1: others */
    unsigned number;             /* within its class, from 0 */
};

struct tree {
    struct layer *layer;
    size_t n, room;
    int rc;
    struct reap_err *err;
    const char *at; /* path of the group that is looked through */
    hid_t group;
    int depth;
};

bool reap_keras_layers_in(hid_t group)
{
    return reap_h5_has(group, trees[0]) || reap_h5_has(group, trees[1]);
}

/* "batch_normalization_12" is number 12 of its class. */
static void classify(struct layer *l, const char *member)
{
    const char *tail = strrchr(member, '_');
    size_t len = strlen(member);

    l->class = -1;
    if (tail && tail[1] && strspn(tail + 1, "0123456789") == strlen(tail + 1)) {
        l->number = (unsigned)strtoul(tail + 1, NULL, 10);
        len = (size_t)(tail - member);
    }
    for (int i = 0; i < N_CLASSES; i++)
        if (strlen(classes[i].class) == len &&
            !strncmp(classes[i].class, member, len))
            l->class = i;
}

static int keras_layers_add(struct tree *t, const char *member, hid_t vars)
{
    char **text = NULL;
    size_t n = 0;
    struct layer *l;
    int rc;

    if (t->n == t->room) {
        l = reap_realloc(t->layer, (t->room * 2 + 64) * sizeof(*l));
        if (!l)
            return reap_fail(t->err, REAP_ENOMEM, "no memory for layers");
        t->layer = l;
        t->room = t->room * 2 + 64;
    }
    l = &t->layer[t->n++];
    memset(l, 0, sizeof(*l));
    if (snprintf(l->path, NAME, "%s/%s/vars", t->at, member) >= NAME)
        return reap_fail(t->err, REAP_EFORMAT, "%.60s...: the path is too long",
                         t->at);
    classify(l, member);
    rc = reap_h5_texts(vars, "name", &text, &n, t->err);
    if (n == 1)
        snprintf(l->name, NAME, "%s", text[0]);
    reap_h5_texts_free(text, n);
    return rc;
}

static int descend(struct tree *t, hid_t group, const char *path);

/* One member of "layers": a layer with variables, or a model with layers. */
static int keras_layers_look(struct tree *t, const char *member)
{
    hid_t group, vars;
    H5G_info_t info;
    char path[NAME];
    int rc = reap_h5_walk(t->group, member, &group, t->err);

    if (rc)
        return rc;
    if (H5Iget_type(group) != H5I_GROUP) {
        H5Oclose(group);
        return REAP_OK;
    }
    if (snprintf(path, sizeof(path), "%s/%s", t->at, member) >= NAME)
        rc = reap_fail(t->err, REAP_EFORMAT, "%.60s...: the path is too long",
                       path);
    if (!rc && reap_h5_has(group, "vars")) {
        rc = reap_h5_walk(group, "vars", &vars, t->err);
        if (!rc && H5Gget_info(vars, &info) >= 0 && info.nlinks)
            rc = keras_layers_add(t, member, vars);
        if (vars >= 0)
            H5Oclose(vars);
    }
    if (!rc)
        rc = descend(t, group, path);
    H5Oclose(group);
    return rc;
}

static herr_t on_member(hid_t group, const char *member, const H5L_info_t *info,
                        void *user)
{
    struct tree *t = user;

    (void)group;
    (void)info;
    t->rc = keras_layers_look(t, member);
    return t->rc ? 1 : 0;
}

/* Look through the "layers" of a group, if it has any. */
static int descend(struct tree *t, hid_t group, const char *path)
{
    struct tree below = *t;
    char at[NAME];
    hid_t layers;
    int rc = REAP_OK;

    if (t->depth == MAX_DEPTH)
        return reap_fail(t->err, REAP_EFORMAT, "%s: nested deeper than %d",
                         path, MAX_DEPTH);
    for (size_t i = 0; i < 2; i++) {
        if (!reap_h5_has(group, trees[i]))
            continue;
        if (snprintf(at, sizeof(at), "%s/%s", path, trees[i]) >= NAME)
            return reap_fail(t->err, REAP_EFORMAT,
                             "%.60s...: the path is too long", path);
        rc = reap_h5_walk(group, trees[i], &layers, t->err);
        if (rc)
            return rc;
        below.at = at;
        below.group = layers;
        below.depth = t->depth + 1;
        if (H5Literate(layers, H5_INDEX_NAME, H5_ITER_INC, NULL, on_member,
                       &below) < 0)
            rc = reap_fail(t->err, REAP_EFORMAT, "HDF5: %s cannot be listed",
                           at);
        rc = below.rc ? below.rc : rc;
        H5Oclose(layers);
        t->layer = below.layer;
        t->n = below.n;
        t->room = below.room;
        return rc;
    }
    return REAP_OK;
}

/* Names for those that have none. */
static int name_all(struct tree *t)
{
    size_t of[N_CLASSES] = { 0 };

    for (size_t i = 0; i < t->n; i++)
        if (t->layer[i].class >= 0)
            of[t->layer[i].class]++;
    for (size_t i = 0; i < t->n; i++) {
        struct layer *l = &t->layer[i];

        if (*l->name)
            continue;
        if (l->class == DENSE)
            snprintf(l->name, NAME, of[DENSE] == 1 ? "predictions" : "dense_%u",
                     l->number);
        else if (l->class < 0 ||
                 !reap_keras_order(of[CONV], of[NORM], l->class == CONV,
                                   l->number, l->name, NAME))
            return reap_fail(t->err, REAP_EFORMAT,
                             "%s: a layer without a name, in no network that "
                             "we know (%zu convolutions, %zu batch norms)",
                             l->path, of[CONV], of[NORM]);
    }
    return REAP_OK;
}

static int variables(struct reap_weights_in *in, hid_t root,
                     const struct layer *l, struct reap_err *err)
{
    char member[16], name[NAME + 32];
    hid_t vars;
    int rc = reap_h5_walk(root, l->path, &vars, err);

    for (unsigned i = 0; !rc; i++) {
        const char *known = l->class >= 0 && i < MAX_VARS
                                ? classes[l->class].variable[i]
                                : NULL;

        snprintf(member, sizeof(member), "%u", i);
        if (!reap_h5_has(vars, member))
            break;
        if (known)
            snprintf(name, sizeof(name), "%s/%s", l->name, known);
        else
            snprintf(name, sizeof(name), "%s/variable%u", l->name, i);
        rc = reap_h5_tensor(in, vars, member, name, err);
    }
    if (vars >= 0)
        H5Oclose(vars);
    return rc;
}

int reap_keras_layers(struct reap_weights_in *in, hid_t group,
                      struct reap_err *err)
{
    struct tree t = { .err = err };
    int rc = descend(&t, group, "");

    if (!rc)
        rc = name_all(&t);
    for (size_t i = 0; !rc && i < t.n; i++)
        rc = variables(in, group, &t.layer[i], err);
    reap_free(t.layer);
    return rc;
}
