/* reap summary MODEL: the network by name or from a weights file, handed to
 * summary_print.c. */
#include <stdio.h>
#include <string.h>

#include "io/weights/weights.h"
#include "jobs/cli/cmd.h"
#include "jobs/setup/network.h"
#include "jobs/inspect/summary_print.h"

enum { CLASSES = 1000 };

/* What is to be summed up, and what it was learned from. */
struct job {
    struct reap_summary_args args;
    struct reap_dense head; /* of a model without weights */
    struct reap_weights *weights;
    struct reap_net *net;
};

static int read_shape(const char *text, size_t *h, size_t *w,
                      struct reap_err *err)
{
    char end;

    if (!text)
        return REAP_OK;
    if (sscanf(text, "%4zu,%4zu%c", h, w, &end) == 2 && *h >= 32 && *w >= 32)
        return REAP_OK;
    return reap_fail(err, REAP_EINVAL,
                     "--input-shape %s: two sides of at least 32, such as "
                     "224,224, are needed",
                     text);
}

/* The net of a weights file: its row, and the head that it has. */
static int from_weights(struct job *j, const struct reap_options *o,
                        const char *model, struct reap_err *err)
{
    struct reap_net_args a = { .model = model,
                               .no_top = o->no_top,
                               .in_h = j->args.in_h,
                               .in_w = j->args.in_w,
                               .classes = o->classes,
                               .top_activation = -1 };
    char path[4096];
    int rc =
        reap_network_resolve(o, o->weights, model, path, sizeof(path), err);

    if (!rc)
        rc = reap_weights_read(&j->weights, path, err);
    if (rc)
        return rc;
    a.head = j->weights->head;
    a.n_head = j->weights->n_head;
    rc = reap_net_new(&j->net, &a, j->weights->params, err);
    if (rc)
        return reap_wrap(err, rc, "%s", path);
    j->args.model = j->net->model;
    j->args.n_dense = j->net->n_dense;
    j->args.dense = j->net->dense;
    return REAP_OK;
}

static int from_name(struct job *j, const struct reap_options *o,
                     const char *model, struct reap_err *err)
{
    j->args.model = reap_model_find(model, err);
    if (!j->args.model)
        return REAP_EINVAL;
    strcpy(j->head.name,
           reap_model_keras(j->args.model) ? "predictions" : "fc");
    j->head.out = o->classes ? o->classes : CLASSES;
    j->args.dense = &j->head;
    j->args.n_dense = !o->no_top;
    return REAP_OK;
}

static int check_options(const struct reap_options *o, struct reap_err *err)
{
    if (o->n_args + (o->model != NULL) > 1 ||
        (!o->n_args && !o->model && !o->weights))
        return reap_fail(err, REAP_EINVAL,
                         "one MODEL is needed, such as resnet50, or --weights");
    if (o->style && strcmp(o->style, "keras") && strcmp(o->style, "torch"))
        return reap_fail(err, REAP_EINVAL, "--style %s: keras or torch",
                         o->style);
    if (o->pooling && strcmp(o->pooling, "avg") && strcmp(o->pooling, "max") &&
        strcmp(o->pooling, "none"))
        return reap_fail(err, REAP_EINVAL, "--pooling %s: none, avg or max",
                         o->pooling);
    if (o->include_top && o->no_top)
        return reap_fail(err, REAP_EINVAL,
                         "--include-top and --no-top: one or the other");
    return REAP_OK;
}

static int learn(struct job *j, const struct reap_options *o,
                 struct reap_err *err)
{
    const char *model = o->n_args ? o->args[0] : o->model;
    int rc = check_options(o, err);

    if (!rc)
        rc = read_shape(o->input_shape, &j->args.in_h, &j->args.in_w, err);
    if (rc)
        return rc;
    if (o->pooling && strcmp(o->pooling, "none"))
        j->args.pooling = o->pooling;
    if (o->weights && strcmp(o->weights, "none"))
        return from_weights(j, o, model, err);
    if (!model)
        return reap_fail(err, REAP_EINVAL,
                         "--weights none does not name a network: name a "
                         "MODEL, such as resnet50");
    return from_name(j, o, model, err);
}

static const char *title(const struct reap_model *m)
{
    const char *slash = strrchr(m->name, '/');

    return slash ? slash + 1 : m->name;
}

static int no_block(const struct job *j, const char *block, const char *example,
                    struct reap_err *err)
{
    return reap_fail(err, REAP_EINVAL,
                     "no block '%.60s' in %s; one is called %s", block,
                     j->args.model->name, example);
}

static int print_rows(const struct job *j, const struct reap_options *o,
                      struct reap_err *err)
{
    struct reap_summary *s;
    size_t rows;
    int rc = reap_summary_new(&s, &j->args, err);

    if (rc)
        return rc;
    rows = (o->json ? reap_summary_json : reap_summary_table)(
        stdout, s, title(j->args.model), o->block);
    reap_summary_free(&s);
    if (rows)
        return REAP_OK;
    return no_block(
        j, o->block,
        reap_model_keras(j->args.model) ? "conv2_block1" : "layer1.0", err);
}

/* PyTorch's tree; a Keras network has none, and torchvision's of the same
 * depth is shown in its place. */
static int print_tree(struct job *j, const struct reap_options *o,
                      struct reap_err *err)
{
    const struct reap_model *m = j->args.model;
    struct reap_tree *t;
    char name[64];
    size_t rows;
    int rc;

    if (reap_model_keras(m)) {
        snprintf(name, sizeof(name), "torchvision/%s", m->name);
        if (m->family == REAP_KERAS_V2 || j->net)
            return reap_fail(err, REAP_EINVAL,
                             "--style torch: %s is a network of Keras and has "
                             "no tree of modules; leave --style out",
                             m->name);
        j->args.model = reap_model_find(name, err);
        if (!j->args.model)
            return REAP_EINVAL;
        strcpy(j->head.name, "fc");
        if (!o->quiet)
            fprintf(stderr, "reap summary: the modules of %s\n", name);
    }
    rc = reap_tree_new(&t, &j->args, err);
    if (rc)
        return rc;
    rows = reap_summary_tree(stdout, t, o->block);
    reap_tree_free(&t);
    return rows ? REAP_OK : no_block(j, o->block, "layer1.0", err);
}

int reap_cmd_summary(const struct reap_options *o, struct reap_err *err)
{
    struct job j = { 0 };
    int rc = learn(&j, o, err);
    bool tree = !rc && !reap_model_keras(j.args.model);

    if (o->style)
        tree = !strcmp(o->style, "torch");
    if (!rc)
        rc = tree && !o->json ? print_tree(&j, o, err) : print_rows(&j, o, err);
    reap_net_free(&j.net);
    reap_weights_free(&j.weights);
    return rc;
}
