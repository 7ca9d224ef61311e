/* The tensors of a tail: taken from a network's, and given back. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/net/take_tensors.h"
#include "engine/train/tail_impl.h"

/* Between the framework's order of a kernel's axes and (c, kh, kw, cin). */
static void tail_tensors_turn(const struct reap_tail *t,
                              const struct reap_tail_layer *l,
                              const float *from, float *to, bool back)
{
    const bool keras = reap_model_keras(t->a.graph->model);
    const struct reap_node *n = l->node;
    const size_t cin = l->task.cin, taps = n->kh * n->kw;

    for (size_t o = 0; o < n->c; o++)
        for (size_t tap = 0; tap < taps; tap++)
            for (size_t c = 0; c < cin; c++) {
                const size_t ours = (o * taps + tap) * cin + c;
                const size_t theirs = keras ? (tap * cin + c) * n->c + o
                                            : (o * cin + c) * taps + tap;

                to[back ? theirs : ours] = from[back ? ours : theirs];
            }
}

static int take_layer(struct reap_tail *t, size_t i,
                      struct reap_tensors_taken *in, struct reap_err *err)
{
    const double epsilon = reap_model_epsilon(t->a.graph->model);
    struct reap_tail_layer *l = &t->layer[i];
    float *w = t->vector[REAP_TAIL_WEIGHT];
    const float *data[REAP_T_KINDS] = { NULL };
    struct reap_tensor_spec spec;
    int rc = REAP_OK;

    for (int kind = 0; kind < REAP_T_KINDS && !rc; kind++) {
        if (!reap_graph_tensor(t->a.graph, t->a.from.first + i, kind, &spec))
            continue;
        rc = reap_take_tensor(in, &spec, kind == REAP_T_VARIANCE, &data[kind],
                              err);
        if (rc || l->at[kind] == REAP_TAIL_NONE)
            continue;
        if (kind == REAP_T_KERNEL)
            tail_tensors_turn(t, l, data[kind], w + l->at[kind], false);
        else
            memcpy(w + l->at[kind], data[kind], l->node->c * sizeof(*w));
    }
    for (size_t o = 0; !rc && data[REAP_T_VARIANCE] && o < l->node->c; o++) {
        l->mean[o] = data[REAP_T_MEAN][o];
        l->sigma[o] = (float)sqrt(data[REAP_T_VARIANCE][o] + epsilon);
    }
    return rc;
}

int reap_tail_take(struct reap_tail *t, struct reap_err *err)
{
    struct reap_tensors_taken in = { .model = t->a.graph->model,
                                     .params = t->a.params };
    float *w = t->vector[REAP_TAIL_WEIGHT];
    int rc = REAP_OK;

    in.taken = reap_calloc(reap_params_count(in.params) + 1, sizeof(*in.taken));
    if (!in.taken)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    for (size_t i = 0; i < t->n && !rc; i++)
        rc = take_layer(t, i, &in, err);
    reap_free(in.taken);
    for (size_t i = 0; i < t->a.n_dense && !rc; i++) {
        const struct reap_dense *d = &t->a.dense[i];
        const size_t weights = d->in * d->out;

        memcpy(w + t->at_dense[i], d->weight, weights * sizeof(*w));
        memcpy(w + t->at_dense[i] + (weights + 15) / 16 * 16, d->bias,
               d->out * sizeof(*w));
    }
    if (!rc)
        reap_tail_refresh(t);
    t->a.params = NULL; /* no longer ours to read */
    return rc;
}

static const int kinds = REAP_T_BETA + 1;

/* Tensor i of the network: its layer and kind; false if it is of the head,
 * '*i' then counting on from there. */
static bool locate(const struct reap_tail *t, size_t *i, size_t *layer,
                   int *kind)
{
    for (*layer = 0; *layer < t->n; ++*layer)
        for (*kind = 0; *kind < kinds; ++*kind)
            if (t->layer[*layer].at[*kind] != REAP_TAIL_NONE && !(*i)--)
                return true;
    return false;
}

size_t reap_tail_tensors(const struct reap_tail *t)
{
    size_t n = 2 * t->a.n_dense;

    for (size_t l = 0; l < t->n; l++)
        for (int kind = 0; kind < kinds; kind++)
            n += t->layer[l].at[kind] != REAP_TAIL_NONE;
    return n;
}

void reap_tail_tensor(const struct reap_tail *t, size_t i,
                      struct reap_tensor_spec *out)
{
    size_t layer;
    int kind;

    if (locate(t, &i, &layer, &kind)) {
        (void)reap_graph_tensor(t->a.graph, t->a.from.first + layer, kind, out);
        return;
    }
    snprintf(out->name, sizeof(out->name), "%zu/%s", i / 2,
             i % 2 ? "bias" : "weight");
    out->rank = i % 2 ? 1 : 2;
    out->dim[0] = t->dense[i / 2].out;
    out->dim[1] = t->dense[i / 2].in;
}

void reap_tail_get(struct reap_tail *t, size_t i, enum reap_tail_vector which,
                   float *to)
{
    const float *v = t->vector[which];
    size_t layer, weights;
    int kind;

    if (locate(t, &i, &layer, &kind)) {
        const struct reap_tail_layer *l = &t->layer[layer];

        if (kind == REAP_T_KERNEL)
            tail_tensors_turn(t, l, v + l->at[kind], to, true);
        else
            memcpy(to, v + l->at[kind], l->node->c * sizeof(*to));
        return;
    }
    weights = t->dense[i / 2].in * t->dense[i / 2].out;
    v += t->at_dense[i / 2];
    if (i % 2)
        memcpy(to, v + (weights + 15) / 16 * 16,
               t->dense[i / 2].out * sizeof(*to));
    else
        memcpy(to, v, weights * sizeof(*to));
}
