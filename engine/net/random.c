/* A stream of numbers for each tensor, named by its name, so that one tensor's
 * weights do not depend on which others there are. */
#include <math.h>
#include <stdio.h>

#include "engine/base/rng.h"
#include "engine/net/random.h"

static void random_fill(struct reap_param *p, uint64_t seed, double lo,
                        double hi)
{
    uint64_t s = reap_rng_stream(seed, p->name);

    for (size_t i = 0; i < p->count; i++) {
        const double u = reap_rng_real(&s);

        p->data[i] = (float)(lo + u * (hi - lo));
    }
}

/* Uniform of variance gain^2 * 2 / fan_in (He et al. 2015). */
static double he(double gain, size_t fan_in)
{
    return gain * sqrt(6.0 / (double)fan_in);
}

static double kernel_range(const struct reap_graph *g, size_t i)
{
    const struct reap_node *n = &g->node[i];
    const struct reap_graph_source *s = &g->source[i];
    const size_t fan = n->kh * n->kw * (g->node[n->in].c / n->groups);
    double gain = 1;

    if (s->role == REAP_ROLE_STEM && g->model->family == REAP_KERAS_V1)
        gain = 1.0 / 64; /* its pixels reach 150, the others' about 2 */
    if (s->role == REAP_ROLE_SKIP)
        gain = 0.75;
    if (s->role == REAP_ROLE_LAST && !*s->norm)
        gain = 0.2;
    return he(gain, fan);
}

/* Range of the numbers of a tensor of node i, 'lo' to 'hi'. */
static void range(const struct reap_graph *g, size_t i, enum reap_tensor kind,
                  double *lo, double *hi)
{
    const bool last = g->source[i].role == REAP_ROLE_LAST;

    *lo = *hi = 0;
    if (kind == REAP_T_KERNEL) {
        *hi = kernel_range(g, i);
        *lo = -*hi;
    }
    if (kind == REAP_T_GAMMA) {
        *lo = last ? 0.1 : 0.5;
        *hi = last ? 0.3 : 1.5;
    }
    if (kind == REAP_T_VARIANCE)
        *lo = *hi = 1;
    if (kind == REAP_T_BETA)
        *lo = -0.4, *hi = 0.2;
}

static int add_node(struct reap_params *p, const struct reap_graph *g, size_t i,
                    uint64_t seed, struct reap_err *err)
{
    struct reap_tensor_spec t;
    struct reap_param *made;
    double lo, hi;
    int rc = REAP_OK;

    for (int kind = 0; kind < REAP_T_KINDS && !rc; kind++) {
        if (!reap_graph_tensor(g, i, kind, &t))
            continue;
        rc = reap_params_add(p, t.name, t.rank, t.dim, &made, err);
        if (rc)
            return rc;
        range(g, i, kind, &lo, &hi);
        random_fill(made, seed, lo, hi);
    }
    return rc;
}

static int add_head(struct reap_params *p, const struct reap_graph *g,
                    size_t classes, uint64_t seed, struct reap_err *err)
{
    const bool keras = reap_model_keras(g->model);
    const size_t in = g->node[g->n - 1].c;
    const size_t dim[2] = { keras ? in : classes, keras ? classes : in };
    struct reap_param *made;
    int rc;

    rc = reap_params_add(p, keras ? "predictions/kernel" : "fc.weight", 2, dim,
                         &made, err);
    if (rc)
        return rc;
    random_fill(made, seed, -he(3, in), he(3, in));
    return reap_params_add(p, keras ? "predictions/bias" : "fc.bias", 1,
                           &classes, &made, err);
}

int reap_random_params(struct reap_params **out, const struct reap_graph *g,
                       size_t classes, uint64_t seed, struct reap_err *err)
{
    int rc = reap_params_new(out, err);

    for (size_t i = 0; i < g->n && !rc; i++)
        rc = add_node(*out, g, i, seed, err);
    if (!rc && classes)
        rc = add_head(*out, g, classes, seed, err);
    if (rc)
        reap_params_free(out);
    return rc;
}
