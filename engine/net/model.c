/* Look-ups in models.def. */
#include <stdio.h>
#include <string.h>

#include "engine/base/meant.h"
#include "engine/net/model.h"

static const struct reap_model models[] = {
#define MODEL(name, title, family, b1, b2, b3, b4, groups, width, params, \
              fixed)                                                      \
    { name,   title, REAP_##family, { b1, b2, b3, b4 },                   \
      groups, width, params,        fixed },
#include "engine/net/models.def"
#undef MODEL
};

enum { N_MODELS = sizeof(models) / sizeof(models[0]) };

const struct reap_model *reap_model_at(size_t i)
{
    return i < N_MODELS ? &models[i] : NULL;
}

static void list_names(char *to, size_t size)
{
    size_t at = 0;

    for (size_t i = 0; i < N_MODELS && at < size; i++)
        at += (size_t)snprintf(to + at, size - at, "%s%s", i ? " " : "",
                               models[i].name);
}

const struct reap_model *reap_model_find(const char *name, struct reap_err *err)
{
    const char *plain = strncmp(name, "keras/", 6) ? name : name + 6;
    struct reap_meant g;
    char names[400];

    reap_meant_begin(&g, plain);
    for (size_t i = 0; i < N_MODELS; i++) {
        if (!strcmp(models[i].name, plain))
            return &models[i];
        reap_meant_try(&g, models[i].name);
    }
    list_names(names, sizeof(names));
    if (g.best)
        reap_fail(err, REAP_EINVAL, "no model '%.40s'; did you mean %s?", name,
                  g.best);
    else
        reap_fail(err, REAP_EINVAL, "no model '%.40s'; there are %s", name,
                  names);
    return NULL;
}

bool reap_model_keras(const struct reap_model *m)
{
    return m->family == REAP_KERAS_V1 || m->family == REAP_KERAS_V2;
}

double reap_model_epsilon(const struct reap_model *m)
{
    return reap_model_keras(m) ? 1.001e-5 : 1e-5;
}
