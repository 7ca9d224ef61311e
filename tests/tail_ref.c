#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tail_ref.h"

static size_t size_of(const struct reap_node *n)
{
    return n->h * n->w * n->c;
}

/* Kernels are kept as (kh * kw, cin, c): where number k of a tensor is. */
static size_t place(const struct tail_ref *r, const struct reap_param *p,
                    size_t k)
{
    const size_t taps = p->dim[2] * p->dim[3], cin = p->dim[1];

    if (p->rank != 4 || reap_model_keras(r->a->graph->model))
        return k;
    return (k % taps * cin + k / taps % cin) * p->dim[0] + k / taps / cin;
}

struct tail_ref *tail_ref_new(const struct reap_tail_args *a, size_t n,
                              const float *input, const float *target)
{
    struct tail_ref *r = calloc(1, sizeof(*r));
    const struct reap_graph *g = a->graph;

    r->a = a;
    r->n = n;
    r->input = input;
    r->target = target;
    r->param = calloc(reap_params_count(a->params), sizeof(*r->param));
    for (size_t i = 0; i < reap_params_count(a->params); i++) {
        const struct reap_param *p = reap_params_at(a->params, i);

        r->param[i] = calloc(p->count, sizeof(double));
        for (size_t k = 0; k < p->count; k++)
            r->param[i][place(r, p, k)] = p->data[k];
    }
    r->out = calloc(g->n, sizeof(*r->out));
    for (size_t i = a->from.border; i < g->n; i++)
        r->out[i] = calloc(n * size_of(&g->node[i]), sizeof(double));
    for (size_t i = 0; i < a->n_dense; i++) {
        const struct reap_dense *d = &a->dense[i];

        r->head[2 * i] = calloc(d->in * d->out, sizeof(double));
        r->head[2 * i + 1] = calloc(d->out, sizeof(double));
        for (size_t k = 0; k < d->in * d->out; k++)
            r->head[2 * i][k] = d->weight[k];
        for (size_t k = 0; k < d->out; k++)
            r->head[2 * i + 1][k] = d->bias[k];
    }
    return r;
}

double *tail_ref_number(struct tail_ref *r, const char *name, size_t k)
{
    const struct reap_param *p = reap_params_find(r->a->params, name);

    return p ? &r->param[p->index][place(r, p, k)]
             : &r->head[2 * (name[0] - '0') + (name[2] == 'b')][k];
}

size_t tail_ref_node(struct tail_ref *r, const char *name)
{
    const struct reap_graph *g = r->a->graph;
    struct reap_tensor_spec spec;

    for (size_t i = r->a->from.first; i < g->n; i++)
        for (int kind = 0; kind < REAP_T_KINDS; kind++)
            if (reap_graph_tensor(g, i, kind, &spec) &&
                !strcmp(spec.name, name))
                return i;
    return g->n;
}

/* Tensor of node i, NULL if it has none of that kind. */
static const double *tensor(struct tail_ref *r, size_t i, enum reap_tensor kind)
{
    struct reap_tensor_spec spec;

    if (!reap_graph_tensor(r->a->graph, i, kind, &spec))
        return NULL;
    return tail_ref_number(r, spec.name, 0);
}

/* What the input number 'x', channel c under tap (ky, kx), adds to the outputs
 * of its group. */
static void spread(const struct reap_node *n, const double *w, size_t tap,
                   size_t cin, size_t c, double x, double *sum)
{
    const size_t cout = n->c / n->groups, first = c / cin * cout;

    w += (tap * cin + c % cin) * n->c;
    for (size_t o = first; x != 0 && o < first + cout; o++)
        sum[o] += x * w[o];
}

/* Convolution alone: the sums over the window, for all channels of pixel
 * (y, x). */
static void window(struct tail_ref *r, size_t i, const double *in, size_t y,
                   size_t x, double *sum)
{
    const struct reap_node *n = &r->a->graph->node[i];
    const struct reap_node *from = &r->a->graph->node[n->in];
    const double *w = tensor(r, i, REAP_T_KERNEL);

    memset(sum, 0, n->c * sizeof(*sum));
    for (size_t ky = 0; ky < n->kh; ky++)
        for (size_t kx = 0; kx < n->kw; kx++) {
            const size_t iy = y * n->stride + ky - n->pad;
            const size_t ix = x * n->stride + kx - n->pad;

            for (size_t c = 0; c < from->c; c++)
                if (iy < from->h && ix < from->w)
                    spread(n, w, ky * n->kw + kx, from->c / n->groups, c,
                           in[(iy * from->w + ix) * from->c + c], sum);
        }
}

static double norm(struct tail_ref *r, size_t i, size_t o, double x)
{
    const double *gamma = tensor(r, i, REAP_T_GAMMA);
    const double *bias = tensor(r, i, REAP_T_BIAS);

    if (bias)
        x += bias[o];
    if (!gamma)
        return x;
    return gamma[o] * (x - tensor(r, i, REAP_T_MEAN)[o]) /
               (double)(float)sqrt(tensor(r, i, REAP_T_VARIANCE)[o] +
                                   reap_model_epsilon(r->a->graph->model)) +
           tensor(r, i, REAP_T_BETA)[o];
}

static void node(struct tail_ref *r, size_t i, size_t image)
{
    const struct reap_graph *g = r->a->graph;
    const struct reap_node *n = &g->node[i], *from = &g->node[n->in];
    const double *in = r->out[n->in] + image * size_of(from);
    double *out = r->out[i] + image * size_of(n), sum[8192];

    for (size_t k = 0; k < size_of(n); k++) {
        const size_t o = k % n->c, x = k / n->c % n->w, y = k / n->c / n->w;
        const size_t same =
            (y * n->stride * from->w + x * n->stride) * from->c + o;

        if (n->op == REAP_OP_CONV && !o)
            window(r, i, in, y, x, sum);
        if (n->op == REAP_OP_CONV)
            out[k] = norm(r, i, o, sum[o]);
        else
            out[k] =
                n->op == REAP_OP_AFFINE ? norm(r, i, o, in[same]) : in[same];
        if (n->in2 >= 0)
            out[k] += r->out[n->in2][image * size_of(n) + k];
        if (n->relu && out[k] < 0)
            out[k] = 0;
    }
}

static double loss(const struct reap_dense *last, const double *z,
                   const float *target)
{
    double sum = 0, all = 0;

    for (size_t i = 0; i < last->out; i++)
        sum += exp(z[i]);
    for (size_t i = 0; i < last->out; i++)
        if (last->act == REAP_SIGMOID)
            all += (log1p(exp(z[i])) - target[i] * z[i]) / (double)last->out;
        else
            all += target[i] * (log(sum) - z[i]);
    return all;
}

static double head(struct tail_ref *r, size_t image)
{
    const struct reap_graph *g = r->a->graph;
    const struct reap_node *last = &g->node[g->n - 1];
    const size_t pixels = last->h * last->w;
    double x[8192] = { 0 }, z[8192];
    const struct reap_dense *d = r->a->dense;

    for (size_t k = 0; k < size_of(last); k++)
        x[k % last->c] +=
            r->out[g->n - 1][image * size_of(last) + k] / (double)pixels;
    for (size_t i = 0; i < r->a->n_dense; i++, d++) {
        for (size_t o = 0; o < d->out; o++) {
            z[o] = r->head[2 * i + 1][o];
            for (size_t k = 0; k < d->in; k++)
                z[o] += r->head[2 * i][o * d->in + k] * x[k];
        }
        for (size_t o = 0; o < d->out; o++)
            x[o] = d->act == REAP_RELU && z[o] < 0 ? 0 : z[o];
    }
    return loss(d - 1, z, r->target + image * d[-1].out);
}

double tail_ref_loss(struct tail_ref *r, size_t first)
{
    const struct reap_graph *g = r->a->graph;
    const size_t border = size_of(&g->node[r->a->from.border]);
    double sum = 0;

    if (first < r->a->from.first)
        first = r->a->from.first;
    for (size_t k = 0; k < r->n * border; k++)
        r->out[r->a->from.border][k] = r->input[k];
    for (size_t image = 0; image < r->n; image++) {
        for (size_t i = first; i < g->n; i++)
            node(r, i, image);
        sum += head(r, image);
    }
    return sum / (double)r->n;
}

void tail_ref_free(struct tail_ref **rp)
{
    struct tail_ref *r = *rp;

    for (size_t i = 0; i < reap_params_count(r->a->params); i++)
        free(r->param[i]);
    for (size_t i = 0; i < r->a->graph->n; i++)
        free(r->out[i]);
    for (size_t i = 0; i < 2 * REAP_TAIL_DENSE; i++)
        free(r->head[i]);
    free(r->param);
    free(r->out);
    free(r);
    *rp = NULL;
}
