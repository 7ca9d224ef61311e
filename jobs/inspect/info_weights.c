/* reap info WEIGHTS: format, network, tensors, numbers, preset, hash. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/net/model.h"
#include "io/weights/head_file.h"
#include "jobs/inspect/info.h"
#include "jobs/inspect/info_weights.h"

/* Any file may be one; the reader says if it is not. */
bool reap_info_is_weights(const char *path)
{
    char file[4096];
    const char *prefix;
    struct stat st;

    return !reap_weights_split(path, file, sizeof(file), &prefix, NULL) &&
           !stat(file, &st) &&
           (S_ISREG(st.st_mode) || reap_weights_folder(file));
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

static size_t info_weights_numbers(const struct reap_params *p)
{
    size_t n = 0;

    for (size_t i = 0; i < reap_params_count(p); i++)
        n += reap_params_at(p, i)->count;
    return n;
}

/* What could be taken from the file, and what was. */
static json_t *candidates(const struct reap_weights *w)
{
    json_t *all = json_array();

    for (size_t i = 0; i < w->n_candidates; i++) {
        const struct reap_candidate *c = &w->candidate[i];

        json_array_append_new(
            all, json_pack("{ss,ss?,ss,sI,sb}", "prefix", c->prefix, "model",
                           c->model, "role", c->role, "tensors",
                           (json_int_t)c->tensors, "taken", (int)c->taken));
    }
    return all;
}

static void print_candidates(const struct reap_weights *w)
{
    for (size_t i = 0; w->n_candidates > 1 && i < w->n_candidates; i++) {
        const struct reap_candidate *c = &w->candidate[i];

        printf("%s%s: %s%s%s, %zu tensors%s\n", i ? "          " : "networks: ",
               *c->prefix ? c->prefix : "(without a prefix)",
               c->model ? c->model : "no network that reap knows",
               *c->role ? ", " : "", c->role, c->tensors,
               c->taken ? "; taken" : "");
    }
    if (w->n_candidates == 1 && *w->candidate[0].prefix)
        printf("network:  under %s\n", w->candidate[0].prefix);
    if (w->left_out)
        printf("left out: %s\n", w->left_out);
}

static void info_weights_print_json(const char *path,
                                    const struct reap_weights *w,
                                    const struct reap_net *net, const char *why)
{
    json_t *all = json_pack(
        "{ss,ss,ss,sI,sI,ss,ss}", "kind", "weights", "path", path, "format",
        w->format, "tensors", (json_int_t)reap_params_count(w->params),
        "numbers", (json_int_t)info_weights_numbers(w->params), "preset",
        reap_info_weights_preset(w, net), "sha256", w->sha256);

    json_object_set_new(all, "preset_in_file", json_boolean(*w->preset));
    json_object_set_new(all, "preset_from", json_string(w->preset_from));
    json_object_set_new(all, "networks", candidates(w));
    json_object_set_new(all, "left_out",
                        w->left_out ? json_string(w->left_out) : json_null());
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
        info_weights_print_json(path, w, net, why);
        return;
    }
    printf("weights:  %s\n", path);
    printf("format:   %s\n", w->format);
    printf("model:    %s\n", net ? net->model->name : why);
    print_candidates(w);
    printf("tensors:  %zu, %zu numbers\n", reap_params_count(w->params),
           info_weights_numbers(w->params));
    if (net)
        print_head(net);
    if (*w->preset || net)
        printf("preset:   %s (%s%s)\n", reap_info_weights_preset(w, net),
               *w->preset ? "told by " : "usual for the model; the file has ",
               *w->preset ? w->preset_from : "none");
    if (*w->preset_note)
        printf("note:     %s\n", w->preset_note);
    if (w->n_labels)
        printf("labels:   %zu in the file\n", w->n_labels);
    if (w->calibration[0])
        printf("int8:     scales of %s\n", w->calibration);
    printf("sha256:   %s\n", w->sha256);
}

static void print_head_json(const char *path, const struct reap_head_file *f)
{
    json_t *all =
        json_pack("{ss,ss,sI,sI,ss,ss,ss,ss,sf}", "kind", "head", "path", path,
                  "in", (json_int_t)reap_head_in(f->head), "classes",
                  (json_int_t)f->n_labels, "feature", f->feature, "preset",
                  f->preset, "fingerprint", f->fingerprint, "sha256", f->sha256,
                  "temperature", (double)f->head->temperature);
    json_t *labels = json_array();

    for (size_t i = 0; i < f->n_labels; i++)
        json_array_append_new(labels, json_string(f->labels[i]));
    json_object_set_new(all, "labels", labels);
    json_dumpf(all, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(all);
}

/* Lines of a text, indented. */
static void print_lines(const char *text)
{
    for (size_t n; *text; text += n + (text[n] == '\n')) {
        n = strcspn(text, "\n");
        printf("          %.*s\n", (int)n, text);
    }
}

/* A head that reap fit wrote. */
static int info_head(const char *path, const struct reap_options *o,
                     struct reap_err *err)
{
    struct reap_head_file *f;
    int rc = reap_head_file_read(&f, path, err);

    if (rc)
        return rc;
    if (o->json) {
        print_head_json(path, f);
    } else {
        printf("head:     %s\nlayers:   %zu", path, reap_head_in(f->head));
        for (size_t i = 0; i < f->head->n; i++)
            printf(" -> %zu", f->head->dense[i].out);
        printf(", %s\nclasses:  %zu: %s",
               reap_head_file_multi(f) ? "sigmoid" : "softmax", f->n_labels,
               f->labels[0]);
        for (size_t i = 1; i < f->n_labels && i < 10; i++)
            printf(", %s", f->labels[i]);
        printf("%s\nfeature:  %s\npreset:   %s\nfor:\n",
               f->n_labels > 10 ? ", ..." : "", f->feature, f->preset);
        print_lines(f->embeddings);
        printf("fitted:\n");
        print_lines(f->fit);
        printf("sha256:   %s\n", f->sha256);
    }
    reap_head_file_free(&f);
    return REAP_OK;
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
    if (reap_weights_about(w, "reap.head")) {
        reap_weights_free(&w);
        return info_head(path, o, err);
    }
    if (reap_info_weights_net(&net, w, o->model, &why) == REAP_ENOMEM)
        rc = reap_fail(err, REAP_ENOMEM, "%s", why.msg);
    else
        reap_info_weights_print(path, w, net, why.msg, o);
    reap_net_free(&net);
    reap_weights_free(&w);
    return rc;
}
