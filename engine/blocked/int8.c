/*
 * Arithmetic on bytes. A map is u8 times its scale, zero being zero; weights
 * are signed bytes times a step of their own for each output channel, which is
 * the step of the int32 sum, too: the scale of the input is in the weights
 * before they are rounded. So a projection, whose input has another scale, is
 * summed in the same registers and never rounded.
 */
#include <math.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/blocked/blocked.h"

/* What is added to a sum must leave room for the sum. */
static const double most_bias = 1 << 30;

static int refuse(const struct reap_node *n, const char *why,
                  struct reap_err *err)
{
    return reap_fail(err, REAP_EINVAL,
                     "--precision int8: %s: %s; take fp32 or bf16",
                     n->layer[0] ? n->layer : n->name, why);
}

static int check_layer(const struct reap_program *p,
                       const struct reap_blocked_layer *l, struct reap_err *err)
{
    const struct reap_node *n = &p->net->node[l->node];

    if (l->run == reap_blocked_subsample && n->op == REAP_OP_CONV)
        return REAP_OK; /* the pixels of a projection */
    if (n->op == REAP_OP_AFFINE || n->op == REAP_OP_SUBSAMPLE)
        return refuse(n, "V2 networks have maps below zero", err);
    if (n->op != REAP_OP_CONV)
        return REAP_OK;
    if (!n->relu)
        return refuse(n, "this map is below zero in places", err);
    if (!(n->scale > 0))
        return reap_fail(err, REAP_EINVAL,
                         "--precision int8: these weights have no scales for "
                         "it; make them with: reap quantize WEIGHTS "
                         "--calibrate DATASET -o FILE.safetensors");
    return REAP_OK;
}

int reap_blocked_int8_check(struct reap_program *p, struct reap_err *err)
{
    int rc = REAP_OK;

    if (p->args.norm.float_in)
        return reap_fail(err, REAP_EINVAL,
                         "--precision int8 takes pixels of bytes, and this "
                         "preset gives floats; take fp32 or bf16");
    for (size_t i = 0; i < p->n_layers && !rc; i++) {
        const struct reap_blocked_layer *l = &p->layer[i];
        const struct reap_node *n = &p->net->node[l->node];

        rc = check_layer(p, l, err);
        if (n->op == REAP_OP_CONV)
            p->tensor[l->node].scale = n->scale;
        if (n->op == REAP_OP_MAXPOOL || l->run == reap_blocked_subsample)
            p->tensor[l->node].scale = p->tensor[l->in].scale;
    }
    return rc;
}

double reap_blocked_int8_worth(const struct reap_program *p, int node, size_t i)
{
    const struct reap_norm *norm = &p->args.norm;

    if (node)
        return (double)p->tensor[node].scale;
    return 1 / ((double)norm->div * (double)norm->std[i]);
}

/* The weights of one output channel for one input, worth included. */
struct weights {
    const float *w;
    size_t n, cin;
    double worth[3], mean[3]; /* mean: of the bytes of an image, else 0 */
};

static struct weights weights_of(const struct reap_program *p, int node, int in,
                                 size_t o)
{
    const struct reap_norm *norm = &p->args.norm;
    const struct reap_node *n = &p->net->node[node];
    struct weights w = { .cin = p->tensor[in].c / n->groups };

    w.n = n->kh * n->kw * w.cin;
    w.w = n->weight + o * w.n;
    for (size_t i = 0; i < 3; i++) {
        w.worth[i] = reap_blocked_int8_worth(p, in, i);
        w.mean[i] = in ? 0 : (double)norm->mean[i] * (double)norm->div;
    }
    return w;
}

static double value(const struct weights *w, size_t i)
{
    /* All are worth the same but those of the image. */
    return (double)w->w[i] * w->worth[w->cin == 3 ? i % 3 : 0];
}

static double largest(const struct weights *w)
{
    double most = 0;

    for (size_t i = 0; i < w->n; i++)
        if (fabs(value(w, i)) > most)
            most = fabs(value(w, i));
    return most;
}

/* Sum of rounded weights times the mean of their input, and the largest
 * magnitude that a sum can have. */
static double shift_of(const struct weights *w, double step, double *bound)
{
    double sum = 0;

    for (size_t i = 0; i < w->n; i++) {
        const double q = reap_blocked_byte(value(w, i), step);

        sum += q * w->mean[w->cin == 3 ? i % 3 : 0];
        *bound += 255 * fabs(q);
    }
    return sum;
}

static int channel(const struct reap_program *p,
                   const struct reap_blocked_layer *l, size_t o, double *step,
                   struct reap_err *err)
{
    const struct reap_node *n = &p->net->node[l->node];
    const size_t parts = l->in2 >= 0 ? 2 : 1;
    struct weights part[2] = { weights_of(p, (int)l->node, l->in, o) };
    double most = largest(&part[0]);
    double bias = (double)n->bias[o] + (n->shift ? (double)n->shift[o] : 0);
    double out = (double)n->scale, bound = 0, shift = 0, res = 0;
    int32_t b;

    if (parts == 2) {
        part[1] = weights_of(p, p->second[l->node], l->in2, o);
        most = fmax(most, largest(&part[1]));
        bias += (double)p->net->node[p->second[l->node]].bias[o];
    }
    /* Smaller steps, that cut off the largest weights, gained nothing. */
    *step = fmax(most / 127, fabs(bias) / most_bias);
    if (!(*step > 0))
        *step = out; /* a channel without weights and bias: any will do */
    for (size_t k = 0; k < parts; k++)
        shift += shift_of(&part[k], *step, &bound);
    if (l->res >= 0)
        res = 255 * (double)p->tensor[l->res].scale / out;
    bias = rint(bias / *step - shift);
    bound += fabs(bias);
    if (bound >= INT32_MAX || bound * *step / out + res >= INT32_MAX)
        return reap_fail(err, REAP_EINVAL,
                         "--precision int8: %s, channel %zu: its numbers do "
                         "not fit the scale %g of the weights file",
                         n->layer, o, out);
    b = (int32_t)bias;
    memcpy(&l->bias[o], &b, sizeof(b));
    l->scale[o] = (float)(*step / out);
    return REAP_OK;
}

int reap_blocked_int8_layer(const struct reap_program *p,
                            const struct reap_blocked_layer *l, double *step,
                            struct reap_err *err)
{
    const struct reap_node *n = &p->net->node[l->node];
    int rc = REAP_OK;

    memset(l->bias, 0, l->bias_bytes);
    memset(l->scale, 0, l->scale_bytes);
    for (size_t o = 0; o < (n->c + 63) / 64 * 64; o++)
        step[o] = 1;
    for (size_t o = 0; o < n->c && !rc; o++)
        rc = channel(p, l, o, &step[o], err);
    return rc;
}
