/* reap info WEIGHTS: format, network, tensors, numbers, preset, hash. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/model.h"
#include "jobs/info.h"
#include "jobs/info_weights.h"

/* Any file may be one; what it is not, its reader says. */
bool reap_info_is_weights(const char *path)
{
    struct stat st;

    return !stat(path, &st) && S_ISREG(st.st_mode);
}

int reap_info_weights_net(struct reap_net **net, const struct reap_weights *w,
                          const char *model, struct reap_err *err)
{
    const struct reap_net_args a = { .model = model,
                                     .top_activation = -1,
                                     .head = w->head,
                                     .n_head = w->n_head };

    return reap_net_new(net, &a, w->params, err);
}

const char *reap_info_weights_preset(const struct reap_weights *w,
                                     const struct reap_net *net)
{
    if (*w->preset || !net)
        return w->preset;
    if (!reap_model_keras(net->model))
        return "torchvision-v1";
    return net->model->family == REAP_KERAS_V1 ? "keras-caffe" : "keras-tf";
}

static size_t numbers(const struct reap_params *p)
{
    size_t n = 0;

    for (size_t i = 0; i < reap_params_count(p); i++)
        n += reap_params_at(p, i)->count;
    return n;
}

static void print_json(const char *path, const struct reap_weights *w,
                       const struct reap_net *net, const char *why)
{
    json_t *all = json_pack(
        "{ss,ss,ss,sI,sI,ss,ss}", "kind", "weights", "path", path, "format",
        w->format, "tensors", (json_int_t)reap_params_count(w->params),
        "numbers", (json_int_t)numbers(w->params), "preset",
        reap_info_weights_preset(w, net), "sha256", w->sha256);

    json_object_set_new(all, "preset_in_file", json_boolean(*w->preset));
    json_object_set_new(all, "model",
                        net ? json_string(net->model->name) : json_null());
    if (net)
        json_object_set_new(all, "classes",
                            json_integer((json_int_t)net->classes));
    else
        json_object_set_new(all, "misfit", json_string(why));
    json_dumpf(all, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(all);
}

static void print_head(const struct reap_net *net)
{
    static const char *const act[] = { [REAP_LINEAR] = "linear",
                                       [REAP_RELU] = "relu",
                                       [REAP_SOFTMAX] = "softmax",
                                       [REAP_SIGMOID] = "sigmoid" };

    for (size_t i = 0; i < net->n_dense; i++)
        printf("head:     %s (%zu -> %zu), %s\n", net->dense[i].name,
               net->dense[i].in, net->dense[i].out, act[net->dense[i].act]);
    if (!net->n_dense)
        printf("head:     none; features of %zu channels\n", net->features);
}

void reap_info_weights_print(const char *path, const struct reap_weights *w,
                             const struct reap_net *net, const char *why,
                             const struct reap_options *o)
{
    if (o->json) {
        print_json(path, w, net, why);
        return;
    }
    printf("weights:  %s\n", path);
    printf("format:   %s\n", w->format);
    printf("model:    %s\n", net ? net->model->name : why);
    printf("tensors:  %zu, %zu numbers\n", reap_params_count(w->params),
           numbers(w->params));
    if (net)
        print_head(net);
    if (*w->preset || net)
        printf("preset:   %s%s\n", reap_info_weights_preset(w, net),
               *w->preset ? "" : " (usual for the model; the file has none)");
    if (w->n_labels)
        printf("labels:   %zu in the file\n", w->n_labels);
    if (w->calibration[0])
        printf("int8:     scales of %s\n", w->calibration);
    printf("sha256:   %s\n", w->sha256);
}

int reap_info_weights(const char *path, const struct reap_options *o,
                      struct reap_err *err)
{
    struct reap_weights *w;
    struct reap_net *net = NULL;
    struct reap_err why = { 0 };
    int rc = reap_weights_read(&w, path, err);

    if (rc)
        return rc;
    if (reap_info_weights_net(&net, w, o->model, &why) == REAP_ENOMEM)
        rc = reap_fail(err, REAP_ENOMEM, "%s", why.msg);
    else
        reap_info_weights_print(path, w, net, why.msg, o);
    reap_net_free(&net);
    reap_weights_free(&w);
    return rc;
}
