/* Loss and its gradient by the logits, a row at a time, in double. */
#include <math.h>
#include <string.h>

#include "engine/fit/fit_impl.h"

enum { L = REAP_FIT_LANES };

/* Where class c of row i is in dz and, for block 0, in the parts. */
static size_t place(const struct reap_fit *f, size_t i, size_t c)
{
    return (c / L * f->here.n + i) * L + c % L;
}

/* The bias and all blocks' parts in order. */
static float logit(const struct reap_fit *f, size_t i, size_t c)
{
    const size_t block = f->groups * f->here.n * L, at = place(f, i, c);
    float z = f->bias[0][c];

    for (size_t u = 0; u < f->blocks; u++)
        z += f->part[u * block + at];
    return z;
}

/* Softmax and cross entropy; logits are in dz, which becomes the gradient. */
static void one_class(struct reap_fit *f, size_t i, uint32_t label)
{
    const size_t classes = f->a.classes;
    const double weight = (double)f->weight[label];
    double sum = 0, most = (double)f->dz[place(f, i, 0)];
    size_t best = 0;

    for (size_t c = 1; c < classes; c++) {
        const double z = (double)f->dz[place(f, i, c)];

        best = z > most ? c : best;
        most = z > most ? z : most;
    }
    for (size_t c = 0; c < classes; c++)
        sum += exp((double)f->dz[place(f, i, c)] - most);
    f->loss[i] = weight * (log(sum) + most - (double)f->dz[place(f, i, label)]);
    f->right[i] = best == label;
    for (size_t c = 0; c < classes; c++) {
        float *z = &f->dz[place(f, i, c)];
        const double p = exp((double)*z - most) / sum;

        *z = (float)(weight * (p - (c == label)) / (double)f->here.n);
    }
}

/* Sigmoid and binary cross entropy, the mean over the classes. */
static void any_class(struct reap_fit *f, size_t i, const uint32_t *label,
                      size_t n)
{
    const double classes = (double)f->a.classes, rows = (double)f->here.n;
    double loss = 0, right = 0;

    for (size_t c = 0; c < f->a.classes; c++) {
        float *at = &f->dz[place(f, i, c)];
        const double z = (double)*at, tail = log1p(exp(-fabs(z)));
        bool is = false;
        double weight;

        for (size_t k = 0; k < n; k++)
            is = is || label[k] == c;
        weight = is ? (double)f->weight[c] : 1;
        loss += weight * ((is ? fmax(-z, 0) : fmax(z, 0)) + tail);
        right += (z > 0) == is;
        *at = (float)(weight * (1 / (1 + exp(-z)) - is) / classes / rows);
        if (isnan(z))
            loss = z;
    }
    f->loss[i] = loss / classes;
    f->right[i] = right / classes;
}

void reap_fit_loss(struct reap_fit *f, size_t i)
{
    const struct reap_fit_source *from = f->here.from;
    const size_t row = f->here.row[i], first = from->at[row];

    for (size_t c = 0; c < f->groups * L; c++)
        f->dz[place(f, i, c)] = c < f->a.classes ? logit(f, i, c) : 0;
    if (f->a.multi)
        any_class(f, i, from->label + first, from->at[row + 1] - first);
    else
        one_class(f, i, from->label[first]);
}
