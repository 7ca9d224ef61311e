/* A model and its params become a net: graph, trunk, head, scales for int8; and
 * the question for which model tensors that do not fit would be right. */
#include <string.h>

#include "engine/base/mem.h"
#include "engine/net/guess.h"
#include "engine/net/net.h"
#include "engine/net/net_head.h"
#include "engine/net/net_trunk.h"
#include "engine/net/random.h"

enum { DEFAULT_SIDE = 224, SMALLEST = 32, LARGEST = 8192, CLASSES = 1000 };

static int pick_size(const struct reap_net_args *a, size_t *h, size_t *w,
                     struct reap_err *err)
{
    *h = a->in_h ? a->in_h : DEFAULT_SIDE;
    *w = a->in_w ? a->in_w : DEFAULT_SIDE;
    if (*h >= SMALLEST && *h <= LARGEST && *w >= SMALLEST && *w <= LARGEST)
        return REAP_OK;
    return reap_fail(err, REAP_EINVAL,
                     "input size %zux%zu: each side has to be %d to %d", *h, *w,
                     SMALLEST, LARGEST);
}

static int pick_model(const struct reap_net_args *a,
                      const struct reap_params *params,
                      const struct reap_model **m, struct reap_err *err)
{
    if (a->model)
        *m = reap_model_find(a->model, err);
    else if (params)
        *m = reap_model_guess(params, err);
    else
        return reap_fail(err, REAP_EINVAL,
                         "neither a model nor weights: name a model, such as "
                         "resnet50 or torchvision/resnet50");
    if (*m)
        return REAP_OK;
    return a->model ? REAP_EINVAL : REAP_EMISFIT;
}

/* Scales for int8, where the weights have them. */
static int take_quantized(struct reap_net *net, struct reap_tensors_taken *in,
                          struct reap_err *err)
{
    struct reap_tensor_spec spec = { .name = REAP_INT8_SCALE, .rank = 1 };
    const float *scale, *shift;
    int rc;

    if (!reap_params_find(in->params, spec.name))
        return REAP_OK;
    spec.dim[0] = net->n_nodes;
    rc = reap_take_tensor(in, &spec, true, &scale, err);
    if (rc)
        return rc;
    strcpy(spec.name, REAP_INT8_SHIFT);
    spec.dim[0] = reap_net_shifts(net);
    rc = reap_take_tensor(in, &spec, false, &shift, err);
    return rc ? rc : reap_net_quantized(net, scale, shift, err);
}

/* Look at every tensor: the head's numbers are taken, the trunk's are folded
 * when they are needed. */
static int net_fill(struct reap_net *net, const struct reap_net_args *args,
                    struct reap_err *err)
{
    struct reap_tensors_taken in = { .model = net->model,
                                     .params = net->trunk->params };
    int rc;

    in.taken = reap_calloc(reap_params_count(in.params) + 1, sizeof(*in.taken));
    if (!in.taken)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    rc = reap_trunk_check(net, &in, err);
    if (!rc)
        rc = reap_net_head(net, args, &in, err);
    if (!rc)
        rc = take_quantized(net, &in, err);
    if (!rc)
        rc = reap_take_tensors_done(&in, err);
    reap_free(in.taken);
    return rc || args->later ? rc : reap_net_fold(net, err);
}

/* Tell a user who named the wrong model which one the tensors are of, and if
 * more than one tensor differs the first of them. */
static int explain(int rc, const struct reap_model *m,
                   const struct reap_params *params, struct reap_err *err)
{
    const struct reap_model *is;
    struct reap_err first;
    char differs[300];

    if (rc != REAP_EMISFIT || !params || !err)
        return rc;
    is = reap_model_guess(params, NULL);
    if (is && is != m)
        return reap_wrap(err, rc, "these are weights of %s", is->name);
    reap_model_differs(m, params, 1, differs, sizeof(differs));
    first = *err;
    return *differs ? reap_fail(err, rc, "%s; also %s", first.msg, differs)
                    : rc;
}

/* The trunk's graph, and the params: those given, or random ones. */
static int net_begin(struct reap_net *net, const struct reap_net_args *args,
                     const struct reap_params *params, struct reap_err *err)
{
    const size_t classes = args->classes ? args->classes : CLASSES;
    int rc = reap_trunk_new(net, params, err);

    if (rc || params)
        return rc;
    rc = reap_random_params(&net->trunk->made, net->trunk->graph,
                            args->no_top ? 0 : classes, args->seed, err);
    net->trunk->params = net->trunk->made;
    return rc;
}

int reap_net_new(struct reap_net **out, const struct reap_net_args *args,
                 const struct reap_params *params, struct reap_err *err)
{
    const struct reap_model *m = NULL;
    struct reap_net *net = NULL;
    size_t h, w;
    int rc;

    *out = NULL;
    rc = pick_size(args, &h, &w, err);
    if (!rc)
        rc = pick_model(args, params, &m, err);
    if (rc)
        return rc;
    net = reap_calloc(1, sizeof(*net));
    if (!net)
        return reap_fail(err, REAP_ENOMEM, "%s: no memory", m->name);
    net->model = m;
    net->in_h = h;
    net->in_w = w;
    rc = net_begin(net, args, params, err);
    if (!rc)
        rc = net_fill(net, args, err);
    rc = explain(rc, m, params, err);
    if (rc)
        reap_net_free(&net);
    *out = net;
    return rc;
}

int reap_net_find(const struct reap_net *net, const char *name)
{
    const size_t len = strlen(name);
    int stage = -1;

    if (!len)
        return -1;
    for (size_t i = 0; i < net->n_nodes; i++) {
        const char *is = net->node[i].name;

        if (!strcmp(is, name))
            return (int)i;
        if (!strncmp(name, "layer", 5) && !strncmp(is, name, len) &&
            is[len] == '.')
            stage = (int)i;
    }
    return stage;
}

double reap_net_macs(const struct reap_net *net)
{
    double macs = 0;

    for (size_t i = 0; i < net->n_nodes; i++) {
        const struct reap_node *n = &net->node[i];

        if (n->op == REAP_OP_CONV)
            macs += (double)(n->h * n->w * n->c) * (double)(n->kh * n->kw) *
                    (double)(net->node[n->in].c / n->groups);
    }
    for (size_t i = 0; i < net->n_dense; i++)
        macs += (double)net->dense[i].in * (double)net->dense[i].out;
    return macs;
}

size_t reap_net_shifts(const struct reap_net *net)
{
    size_t n = 0;

    for (size_t i = 0; i < net->n_nodes; i++)
        if (net->node[i].op == REAP_OP_CONV && net->node[i].relu)
            n += net->node[i].c;
    return n;
}

int reap_net_quantized(struct reap_net *net, const float *scale,
                       const float *shift, struct reap_err *err)
{
    const size_t n = net->n_nodes, shifts = reap_net_shifts(net);
    float *own = reap_calloc(n + shifts, sizeof(*own)), *at;

    if (!own)
        return reap_fail(err, REAP_ENOMEM, "no memory for scales");
    memcpy(own, scale, n * sizeof(*own));
    at = memcpy(own + n, shift, shifts * sizeof(*own));
    for (size_t i = 0; i < n; i++) {
        struct reap_node *node = &net->node[i];

        node->scale = own[i];
        node->shift = NULL;
        if (node->op == REAP_OP_CONV && node->relu) {
            node->shift = at;
            at += node->c;
        }
    }
    reap_free(net->quantized);
    net->quantized = own;
    return REAP_OK;
}

void reap_net_free(struct reap_net **net)
{
    if (!*net)
        return;
    reap_net_head_free(*net);
    reap_trunk_free(*net);
    reap_free((*net)->quantized);
    reap_free(*net);
    *net = NULL;
}
