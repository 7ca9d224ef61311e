#include <stdio.h>
#include <string.h>

#include "jobs/cli/words.h"
#include "jobs/setup/network.h"

static int net_args(const struct reap_options *o, struct reap_net_args *a,
                    struct reap_err *err)
{
    static const char *const acts[] = { "softmax", "none", NULL };
    unsigned act;
    int rc;

    memset(a, 0, sizeof(*a));
    a->model = o->model;
    a->no_top = o->no_top;
    a->classes = o->classes;
    a->seed = o->seed;
    a->top_activation = -1;
    if (o->no_top && o->include_top)
        return reap_fail(err, REAP_EINVAL,
                         "--include-top and --no-top contradict each other");
    rc = reap_parse_word("classifier-activation", o->classifier_activation,
                         acts, &act, err);
    if (rc)
        return rc;
    if (o->classifier_activation)
        a->top_activation = act ? REAP_LINEAR : REAP_SOFTMAX;
    if (o->input_shape)
        return reap_parse_size("input-shape", o->input_shape, &a->in_h,
                               &a->in_w, err);
    return REAP_OK;
}

static int read_weights(struct reap_network *n, const struct reap_options *o,
                        bool lasting, struct reap_net_args *a,
                        struct reap_err *err)
{
    int rc = reap_weights_resolve(o->weights, o->model, n->path,
                                  sizeof(n->path), err);

    if (!rc)
        rc = reap_weights_open(&n->weights, n->path, lasting, err);
    if (rc)
        return rc;
    a->head = n->weights->head;
    a->n_head = n->weights->n_head;
    snprintf(n->id, sizeof(n->id), "sha256:%s", n->weights->sha256);
    return REAP_OK;
}

static int open_net(struct reap_network *n, const struct reap_options *o,
                    bool random, bool lasting, struct reap_err *err)
{
    struct reap_net_args a;
    int rc;

    memset(n, 0, sizeof(*n));
    rc = net_args(o, &a, err);
    if (rc)
        return rc;
    if (!o->weights && !random)
        return reap_fail(err, REAP_EINVAL,
                         "--weights FILE is needed (or imagenet, or none for "
                         "random ones)");
    if (o->weights && strcmp(o->weights, "none") != 0) {
        rc = read_weights(n, o, lasting, &a, err);
        a.later = true;
    } else {
        if (!a.model)
            a.model = "resnet50";
        snprintf(n->id, sizeof(n->id), "seed:%llu",
                 (unsigned long long)o->seed);
    }
    if (!rc)
        rc = reap_net_new(&n->net, &a, n->weights ? n->weights->params : NULL,
                          err);
    if (rc && n->weights)
        rc = reap_wrap(err, rc, "%s", n->path);
    if (rc)
        reap_network_close(n);
    return rc;
}

int reap_network_open_later(struct reap_network *n,
                            const struct reap_options *o, bool lasting,
                            struct reap_err *err)
{
    return open_net(n, o, false, lasting, err);
}

void reap_network_settle(struct reap_network *n)
{
    if (n->weights)
        reap_params_free(&n->weights->params);
}

int reap_network_open(struct reap_network *n, const struct reap_options *o,
                      bool random, struct reap_err *err)
{
    int rc = open_net(n, o, random, false, err);

    if (rc)
        return rc;
    rc = reap_net_fold(n->net, err);
    if (rc && n->weights)
        rc = reap_wrap(err, rc, "%s", n->path);
    reap_network_settle(n);
    if (rc)
        reap_network_close(n);
    return rc;
}

void reap_network_close(struct reap_network *n)
{
    reap_net_free(&n->net);
    reap_weights_free(&n->weights);
}
