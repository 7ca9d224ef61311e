/* Kernels turned from the framework's order of axes into ours and multiplied by
 * batch norm's scale, a run of sixteen outputs at a time. */
#include <math.h>

#include "engine/net/fold.h"

static size_t fan_in(const struct reap_graph *g, const struct reap_node *n)
{
    return n->kh * n->kw * (g->node[n->in].c / n->groups);
}

void reap_fold_size(const struct reap_graph *g, size_t i, size_t *weights,
                    size_t *biases)
{
    const struct reap_node *n = &g->node[i];

    *weights = *biases = 0;
    if (n->op == REAP_OP_CONV)
        *weights = n->c * fan_in(g, n);
    if (n->op == REAP_OP_AFFINE)
        *weights = n->c;
    if (*weights)
        *biases = n->c;
}

/* The kernel, turned from the framework's order of axes into ours. Sixteen
 * outputs at a time: both orders then read and write runs. */
static void fold_turn(const struct reap_graph *g, const struct reap_node *n,
                      const float *from, const double *scale, float *to)
{
    enum { RUN = 16 };
    const size_t cin = g->node[n->in].c / n->groups, k = fan_in(g, n);
    const bool keras = reap_model_keras(g->model);
    /* steps of o, y, x and i in 'from' */
    const size_t so = keras ? 1 : k, si = keras ? n->c : n->kh * n->kw;
    const size_t sx = keras ? cin * n->c : 1, sy = sx * n->kw;

    for (size_t o0 = 0; o0 < n->c; o0 += RUN) {
        const size_t o1 = o0 + RUN < n->c ? o0 + RUN : n->c;
        float *t = to;

        for (size_t y = 0; y < n->kh; y++)
            for (size_t x = 0; x < n->kw; x++)
                for (size_t c = 0; c < cin; c++, t++) {
                    const float *f = from + y * sy + x * sx + c * si;

                    for (size_t o = o0; o < o1; o++)
                        t[o * k] = (float)(f[o * so] * scale[o]);
                }
    }
}

/* scale and bias from the batch norm and the convolution's own bias, each of
 * which may be absent. */
static void join(const struct reap_graph *g, size_t c,
                 const float *const t[REAP_T_KINDS], double *scale, float *bias)
{
    const double epsilon = reap_model_epsilon(g->model);

    for (size_t o = 0; o < c; o++) {
        const double b = t[REAP_T_BIAS] ? t[REAP_T_BIAS][o] : 0;

        scale[o] = 1;
        bias[o] = (float)b;
        if (!t[REAP_T_GAMMA])
            continue;
        scale[o] = t[REAP_T_GAMMA][o] / sqrt(t[REAP_T_VARIANCE][o] + epsilon);
        bias[o] =
            (float)(t[REAP_T_BETA][o] + (b - t[REAP_T_MEAN][o]) * scale[o]);
    }
}

/* Numbers that can be fetched again need no memory from here on. */
static void forget(const struct reap_graph *g, size_t i,
                   const struct reap_tensors_taken *in)
{
    struct reap_tensor_spec is;

    for (int kind = 0; kind < REAP_T_KINDS; kind++)
        if (reap_graph_tensor(g, i, kind, &is))
            reap_params_forget(in->params,
                               reap_params_find(in->params, is.name));
}

int reap_fold_node(const struct reap_graph *g, size_t i,
                   struct reap_tensors_taken *in, double *scale, float *weight,
                   float *bias, struct reap_err *err)
{
    const struct reap_node *n = &g->node[i];
    const float *t[REAP_T_KINDS] = { NULL };
    struct reap_tensor_spec want;
    int rc = REAP_OK;

    for (int kind = 0; kind < REAP_T_KINDS && !rc; kind++)
        if (reap_graph_tensor(g, i, kind, &want))
            rc = reap_take_tensor(in, &want, kind == REAP_T_VARIANCE, &t[kind],
                                  err);
    if (rc || in->shapes)
        return rc;
    join(g, n->c, t, scale, bias);
    if (t[REAP_T_KERNEL])
        fold_turn(g, n, t[REAP_T_KERNEL], scale, weight);
    else
        for (size_t o = 0; o < n->c; o++)
            weight[o] = (float)scale[o];
    forget(g, i, in);
    return REAP_OK;
}
