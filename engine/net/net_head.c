/* Dense layers found by their names or shapes and put in the one order in which
 * each takes what the one before gives. Activations come from the file's
 * config. */
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/net/net_head.h"

enum { MAX_DENSE = 8 }; /* also bounds the search for their order */

/* The dense layers of a file, and the order in which they follow. */
struct chain {
    bool keras;
    size_t n;
    const struct reap_param *kernel[MAX_DENSE];
    size_t order[MAX_DENSE];
};

/* A kernel is (in, out) in Keras's order and (out, in) in torchvision's. */
static size_t in_of(const struct chain *c, size_t i)
{
    return c->kernel[i]->dim[c->keras ? 0 : 1];
}

static size_t out_of(const struct chain *c, size_t i)
{
    return c->kernel[i]->dim[c->keras ? 1 : 0];
}

/* "fc.weight", or "fc.3.weight" of a torch.nn.Sequential in its place. */
static bool is_fc(const char *name)
{
    size_t digits;

    if (strncmp(name, "fc.", 3) != 0)
        return false;
    digits = strspn(name + 3, "0123456789");
    return !strcmp(name, "fc.weight") ||
           (digits && !strcmp(name + 3 + digits, ".weight"));
}

static bool is_dense(const struct chain *c, const struct reap_param *p)
{
    const char *slash = strrchr(p->name, '/');

    if (!c->keras)
        return is_fc(p->name);
    return p->rank == 2 && slash && !strcmp(slash, "/kernel");
}

static int collect(struct chain *c, const struct reap_tensors_taken *in,
                   struct reap_err *err)
{
    for (size_t i = 0; i < reap_params_count(in->params); i++) {
        const struct reap_param *p = reap_params_at(in->params, i);

        if (!is_dense(c, p))
            continue;
        if (p->rank != 2)
            return reap_fail(err, REAP_EMISFIT,
                             "%s: a dense layer's weights have two "
                             "dimensions, these have %zu",
                             p->name, p->rank);
        if (c->n == MAX_DENSE)
            return reap_fail(err, REAP_EMISFIT, "%s: more than %d dense layers",
                             p->name, MAX_DENSE);
        c->kernel[c->n++] = p;
    }
    return REAP_OK;
}

/* Put the layers after the first 'done' in an order in which each takes what
 * the last one gives; the file's own order wins where there is a choice. */
static bool follow(struct chain *c, size_t done, size_t width, unsigned used)
{
    if (done == c->n)
        return true;
    for (size_t i = 0; i < c->n; i++) {
        if ((used >> i & 1) || in_of(c, i) != width)
            continue;
        c->order[done] = i;
        if (follow(c, done + 1, out_of(c, i), used | 1u << i))
            return true;
    }
    return false;
}

static int no_chain(const struct chain *c, const struct reap_net *net,
                    struct reap_err *err)
{
    char is[64];

    for (size_t i = 0; i < c->n; i++)
        if (c->n == 1 || in_of(c, i) != net->features)
            return reap_fail(
                err, REAP_EMISFIT,
                "%s has the shape %s: %s has %zu features, and no order of "
                "the dense layers leads on from them",
                c->kernel[i]->name,
                reap_shape_text(is, sizeof(is), 2, c->kernel[i]->dim),
                net->model->name, net->features);
    return reap_fail(err, REAP_EMISFIT,
                     "%s and %s both take the %zu features: one head was "
                     "expected",
                     c->kernel[0]->name, c->kernel[1]->name, net->features);
}

/* What stands before "/kernel" or ".weight". */
static void layer_name(char *to, size_t size, const struct reap_param *kernel)
{
    const size_t n = strlen(kernel->name) - strlen("/kernel");

    snprintf(to, size, "%.*s", (int)n, kernel->name);
}

/* A dense layer may have been made without a bias; a published one has one. */
static int take_bias(struct reap_tensors_taken *in, const struct chain *c,
                     const struct reap_dense *d, const float **bias,
                     struct reap_err *err)
{
    struct reap_tensor_spec want = { .rank = 1, .dim = { d->out } };
    const bool published = !c->keras || !strcmp(d->name, "predictions");

    snprintf(want.name, sizeof(want.name), "%s%s", d->name,
             c->keras ? "/bias" : ".bias");
    *bias = NULL;
    if (!published && !reap_params_find(in->params, want.name))
        return REAP_OK;
    return reap_take_tensor(in, &want, false, bias, err);
}

static int net_head_fill(struct reap_dense *d, const struct chain *c, size_t i,
                         struct reap_tensors_taken *in, struct reap_err *err)
{
    const struct reap_param *k = c->kernel[i];
    struct reap_tensor_spec want = { .rank = 2,
                                     .dim = { k->dim[0], k->dim[1] } };
    const float *kernel, *bias;
    float *to;
    int rc;

    if (strlen(k->name) >= sizeof(want.name))
        return reap_fail(err, REAP_EMISFIT,
                         "%s: names of dense layers have at most %zu bytes",
                         k->name, sizeof(want.name) - 1);
    strcpy(want.name, k->name);
    layer_name(d->name, sizeof(d->name), k);
    d->in = in_of(c, i);
    d->out = out_of(c, i);
    rc = reap_take_tensor(in, &want, false, &kernel, err);
    if (!rc)
        rc = take_bias(in, c, d, &bias, err);
    if (rc)
        return rc;
    to = reap_aligned((k->count + d->out) * sizeof(*to));
    if (!to)
        return reap_fail(err, REAP_ENOMEM, "%s: no memory", k->name);
    d->weight = to;
    d->bias = to + k->count;
    for (size_t o = 0; o < d->out; o++) {
        for (size_t x = 0; x < d->in; x++)
            *to++ = kernel[c->keras ? x * d->out + o : o * d->in + x];
    }
    for (size_t o = 0; o < d->out; o++)
        *to++ = bias ? bias[o] : 0;
    return REAP_OK;
}

/* ReLU between the layers and softmax after the last, unless told; of one
 * value softmax is always 1, and what was trained is its sigmoid. */
static int activations(struct reap_net *net, const struct reap_net_args *args,
                       struct reap_err *err)
{
    const size_t last = net->n_dense - 1;

    if (args->n_head && args->n_head != net->n_dense)
        return reap_fail(err, REAP_EMISFIT,
                         "the weights have %zu dense layers, but their config "
                         "tells of %zu",
                         net->n_dense, args->n_head);
    for (size_t i = 0; i <= last; i++) {
        net->dense[i].act = i < last                   ? REAP_RELU
                            : net->dense[last].out > 1 ? REAP_SOFTMAX
                                                       : REAP_SIGMOID;
        if (args->n_head)
            net->dense[i].act = args->head[i];
    }
    if (args->top_activation >= 0)
        net->dense[last].act = (enum reap_activation)args->top_activation;
    if (net->dense[last].out == 1 && net->dense[last].act == REAP_SOFTMAX)
        return reap_fail(err, REAP_EMISFIT,
                         "%s has one output, whose softmax is always 1; "
                         "without an activation asked for it is sigmoid",
                         net->dense[last].name);
    return REAP_OK;
}

/* The layers stay where they are, but count as seen. */
static void pass_over(const struct chain *c, struct reap_tensors_taken *in)
{
    char name[sizeof(((struct reap_tensor_spec *)0)->name)];
    const struct reap_param *bias;

    for (size_t i = 0; i < c->n; i++) {
        in->taken[c->kernel[i]->index] = true;
        layer_name(name, sizeof(name) - 6, c->kernel[i]);
        strcat(name, c->keras ? "/bias" : ".bias");
        bias = reap_params_find(in->params, name);
        if (bias)
            in->taken[bias->index] = true;
    }
}

static int build(struct reap_net *net, const struct chain *c,
                 const struct reap_net_args *args,
                 struct reap_tensors_taken *in, struct reap_err *err)
{
    int rc = REAP_OK;

    net->dense = reap_calloc(c->n, sizeof(*net->dense));
    if (!net->dense)
        return reap_fail(err, REAP_ENOMEM, "no memory for the head");
    net->n_dense = c->n;
    for (size_t i = 0; i < c->n && !rc; i++)
        rc = net_head_fill(&net->dense[i], c, c->order[i], in, err);
    if (rc)
        return rc;
    net->classes = net->dense[c->n - 1].out;
    if (args->classes && args->classes != net->classes)
        return reap_fail(
            err, REAP_EMISFIT, "%s has %zu classes, but %zu were asked for",
            net->dense[c->n - 1].name, net->classes, args->classes);
    return activations(net, args, err);
}

int reap_net_head(struct reap_net *net, const struct reap_net_args *args,
                  struct reap_tensors_taken *in, struct reap_err *err)
{
    struct chain c = { .keras = reap_model_keras(net->model) };
    int rc = collect(&c, in, err);

    if (rc || !c.n)
        return rc;
    if (args->no_top) {
        pass_over(&c, in);
        return REAP_OK;
    }
    if (!follow(&c, 0, net->features, 0))
        return no_chain(&c, net, err);
    return build(net, &c, args, in, err);
}

void reap_net_head_free(struct reap_net *net)
{
    for (size_t i = 0; net->dense && i < net->n_dense; i++)
        reap_free((void *)net->dense[i].weight);
    reap_free(net->dense);
    net->dense = NULL;
}
