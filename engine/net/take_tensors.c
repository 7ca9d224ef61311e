/* Each tensor is looked up, its shape and numbers are checked, and it is ticked
 * off; what is left at the end is an error with a name. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/net/take_tensors.h"

enum { SHAPE = 96 };

char *reap_shape_text(char *to, size_t size, size_t rank, const size_t *dim)
{
    size_t at = (size_t)snprintf(to, size, "(");

    for (size_t i = 0; i < rank && at < size; i++)
        at += (size_t)snprintf(to + at, size - at, i ? ", %zu" : "%zu", dim[i]);
    if (at < size)
        snprintf(to + at, size - at, ")");
    return to;
}

static int check_shape(const struct reap_tensors_taken *in,
                       const struct reap_tensor_spec *want,
                       const struct reap_param *p, struct reap_err *err)
{
    char is[SHAPE], needs[SHAPE];

    reap_shape_text(needs, sizeof(needs), want->rank, want->dim);
    if (!p)
        return reap_fail(err, REAP_EMISFIT, "%s is missing: %s needs it as %s",
                         want->name, in->model->name, needs);
    if (p->rank == want->rank &&
        !memcmp(p->dim, want->dim, want->rank * sizeof(*want->dim)))
        return REAP_OK;
    return reap_fail(err, REAP_EMISFIT, "%s has the shape %s: %s needs %s",
                     p->name, reap_shape_text(is, sizeof(is), p->rank, p->dim),
                     in->model->name, needs);
}

static int check_values(const struct reap_param *p, bool variance,
                        struct reap_err *err)
{
    for (size_t i = 0; i < p->count; i++) {
        if (!isfinite(p->data[i]))
            return reap_fail(err, REAP_EMISFIT,
                             "%s: number %zu is %g; a finite one was expected",
                             p->name, i, (double)p->data[i]);
        if (variance && p->data[i] < 0)
            return reap_fail(err, REAP_EMISFIT,
                             "%s: number %zu is %g; a variance is not negative",
                             p->name, i, (double)p->data[i]);
    }
    return REAP_OK;
}

int reap_take_tensor(struct reap_tensors_taken *in,
                     const struct reap_tensor_spec *want, bool variance,
                     const float **data, struct reap_err *err)
{
    const struct reap_param *p = reap_params_find(in->params, want->name);
    int rc = check_shape(in, want, p, err);

    *data = NULL;
    if (!rc && !in->shapes)
        rc = reap_params_need(in->params, p, err);
    if (!rc && !in->shapes)
        rc = check_values(p, variance, err);
    if (rc)
        return rc;
    in->taken[p->index] = true;
    *data = in->shapes ? NULL : p->data;
    return REAP_OK;
}

/* Counters of training that no forward pass reads. */
static bool idle(const char *name)
{
    static const char counter[] = ".num_batches_tracked";
    const size_t n = strlen(name), m = sizeof(counter) - 1;

    return n >= m && !strcmp(name + n - m, counter);
}

int reap_take_tensors_done(const struct reap_tensors_taken *in,
                           struct reap_err *err)
{
    const struct reap_param *first = NULL;
    size_t left = 0;
    char is[SHAPE];

    for (size_t i = 0; i < reap_params_count(in->params); i++) {
        const struct reap_param *p = reap_params_at(in->params, i);

        if (in->taken[i] || idle(p->name))
            continue;
        if (!left++)
            first = p;
    }
    if (!left)
        return REAP_OK;
    return reap_fail(err, REAP_EMISFIT,
                     "%s %s is left over: %s has no such tensor (%zu in all)",
                     first->name,
                     reap_shape_text(is, sizeof(is), first->rank, first->dim),
                     in->model->name, left);
}
