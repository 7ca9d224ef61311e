/* A walk over the JSON of a Keras model: what its layers mean for a ResNet and
 * its head, and a refusal by name for those that would change results. */
#include <jansson.h>
#include <string.h>

#include "io/weights/keras/keras_config.h"

enum { MAX_HEAD = 8, MAX_DEPTH = 8 };

/* What a layer's class means for us. */
enum kind {
    PLAIN, /* part of a ResNet, or does nothing in inference */
    MODEL, /* holds layers */
    DENSE, /* has an activation of its own */
    ACTS,  /* gives the last dense layer one */
    NORM,  /* has an epsilon */
    POOLS, /* not the average that our heads stand on */
};

static const struct {
    const char *name;
    enum kind kind;
} classes[] = {
    { "InputLayer", PLAIN },
    { "ZeroPadding2D", PLAIN },
    { "Conv2D", PLAIN },
    { "MaxPooling2D", PLAIN },
    { "Add", PLAIN },
    { "GlobalAveragePooling2D", PLAIN },
    { "Dropout", PLAIN },
    { "RandomFlip", PLAIN },
    { "RandomRotation", PLAIN },
    { "RandomZoom", PLAIN },
    { "RandomTranslation", PLAIN },
    { "RandomContrast", PLAIN },
    { "RandomBrightness", PLAIN },
    { "GaussianNoise", PLAIN },
    { "Functional", MODEL },
    { "Model", MODEL },
    { "Sequential", MODEL },
    { "Dense", DENSE },
    { "Activation", ACTS },
    { "ReLU", ACTS },
    { "Softmax", ACTS },
    { "BatchNormalization", NORM },
    { "GlobalMaxPooling2D", POOLS },
};

static const struct {
    const char *name;
    enum reap_activation act;
} activations[] = {
    { "linear", REAP_LINEAR },   { "relu", REAP_RELU },
    { "ReLU", REAP_RELU },       { "softmax", REAP_SOFTMAX },
    { "Softmax", REAP_SOFTMAX }, { "sigmoid", REAP_SIGMOID },
};

struct reading {
    struct reap_weights_in *in;
    bool pooled_max;
};

static const char *keras_config_name_of(const json_t *config)
{
    const char *s = json_string_value(json_object_get(config, "name"));

    return s ? s : "a layer without a name";
}

/* A text, or an object that names a class or a function; none: linear. */
static const char *activation_text(const json_t *a)
{
    const json_t *config = json_object_get(a, "config");
    const char *s = json_string_value(a);

    if (!s && json_is_object(a))
        s = json_string_value(config);
    if (!s && json_is_object(a))
        s = json_string_value(json_object_get(a, "class_name"));
    return s ? s : "linear";
}

static int activation(const json_t *config, const char *text,
                      enum reap_activation *out, struct reap_err *err)
{
    for (size_t i = 0; i < sizeof(activations) / sizeof(*activations); i++)
        if (!strcmp(text, activations[i].name)) {
            *out = activations[i].act;
            return REAP_OK;
        }
    return reap_fail(err, REAP_EFORMAT,
                     "%s has the activation %s; linear, relu, softmax or "
                     "sigmoid is expected",
                     keras_config_name_of(config), text);
}

static int keras_config_dense(struct reading *r, const json_t *config,
                              struct reap_err *err)
{
    struct reap_weights *w = r->in->out;

    if (r->pooled_max)
        return reap_fail(err, REAP_EFORMAT,
                         "%s follows GlobalMaxPooling2D; reap's heads take "
                         "the average",
                         keras_config_name_of(config));
    if (w->n_head == MAX_HEAD)
        return reap_fail(err, REAP_EFORMAT, "%s: more than %d dense layers",
                         keras_config_name_of(config), MAX_HEAD);
    return activation(config,
                      activation_text(json_object_get(config, "activation")),
                      &w->head[w->n_head++], err);
}

/* After a dense layer it is that layer's; before, it is ResNet's own ReLU. */
static int acts(struct reading *r, const char *class, const json_t *config,
                struct reap_err *err)
{
    struct reap_weights *w = r->in->out;
    const json_t *a = json_object_get(config, "activation");

    if (!w->n_head || w->head[w->n_head - 1] != REAP_LINEAR)
        return REAP_OK;
    return activation(config, a ? activation_text(a) : class,
                      &w->head[w->n_head - 1], err);
}

static int norm(struct reading *r, const json_t *config, struct reap_err *err)
{
    const json_t *e = json_object_get(config, "epsilon");
    const double epsilon = json_is_number(e) ? json_number_value(e) : 1e-3;

    if (r->in->epsilon > 0 && r->in->epsilon != epsilon)
        return reap_fail(err, REAP_EFORMAT,
                         "%s has the epsilon %g, others %g; all alike are "
                         "expected",
                         keras_config_name_of(config), epsilon, r->in->epsilon);
    if (!(epsilon >= 1e-12 && epsilon < 1))
        return reap_fail(err, REAP_EFORMAT, "%s has the epsilon %g",
                         keras_config_name_of(config), epsilon);
    r->in->epsilon = epsilon;
    return REAP_OK;
}

static int layers(struct reading *r, const json_t *config, int depth,
                  struct reap_err *err);

static int layer(struct reading *r, const json_t *about, int depth,
                 struct reap_err *err)
{
    const char *class = json_string_value(json_object_get(about, "class_name"));
    const json_t *config = json_object_get(about, "config");
    size_t i, n = sizeof(classes) / sizeof(*classes);

    for (i = 0; class && i < n; i++)
        if (!strcmp(class, classes[i].name))
            break;
    if (!class || i == n)
        return reap_fail(err, REAP_EFORMAT,
                         "%s is a %s: reap runs ResNets with dense heads, and "
                         "would leave that layer out",
                         keras_config_name_of(config),
                         class ? class : "a layer without a class_name");
    switch (classes[i].kind) {
    case MODEL:
        return layers(r, config, depth + 1, err);
    case DENSE:
        return keras_config_dense(r, config, err);
    case ACTS:
        return acts(r, class, config, err);
    case NORM:
        return norm(r, config, err);
    case POOLS:
        r->pooled_max = true;
        return REAP_OK;
    case PLAIN:
        break;
    }
    return REAP_OK;
}

/* config is {"layers": [...]}; a Sequential's was the list itself once. */
static int layers(struct reading *r, const json_t *config, int depth,
                  struct reap_err *err)
{
    const json_t *list =
        json_is_array(config) ? config : json_object_get(config, "layers");
    int rc = REAP_OK;

    if (!json_is_array(list) || depth > MAX_DEPTH)
        return reap_fail(err, REAP_EFORMAT,
                         "model config: a list of layers is expected");
    for (size_t i = 0; !rc && i < json_array_size(list); i++)
        rc = layer(r, json_array_get(list, i), depth, err);
    return rc;
}

int reap_keras_config(struct reap_weights_in *in, const char *text, size_t len,
                      struct reap_err *err)
{
    struct reading r = { .in = in };
    json_error_t why;
    json_t *root = json_loadb(text, len, 0, &why);
    int rc;

    if (!root)
        return reap_fail(err, REAP_EFORMAT, "model config, line %d: %s",
                         why.line, why.text);
    rc = layers(&r, json_object_get(root, "config"), 0, err);
    json_decref(root);
    return rc;
}
