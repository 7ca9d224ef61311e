/* Cross entropy of one row in double, its gradient in place of the logits. */
#include <math.h>

#include "engine/fit/fit_loss.h"

static float *fit_loss_at(const struct reap_fit_logits *l, size_t i, size_t c)
{
    return &l->z[reap_fit_place(l->rows, i, c)];
}

static double one_class(const struct reap_fit_logits *l, size_t i,
                        uint32_t label, double *right)
{
    const double weight = (double)l->weight[label];
    const double of_label = (double)*fit_loss_at(l, i, label);
    double sum = 0, most = (double)*fit_loss_at(l, i, 0);
    size_t best = 0;

    for (size_t c = 1; c < l->classes; c++) {
        const double z = (double)*fit_loss_at(l, i, c);

        best = z > most ? c : best;
        most = z > most ? z : most;
    }
    for (size_t c = 0; c < l->classes; c++)
        sum += exp((double)*fit_loss_at(l, i, c) - most);
    *right = best == label;
    for (size_t c = 0; c < l->classes; c++) {
        float *z = fit_loss_at(l, i, c);
        const double p = exp((double)*z - most) / sum;

        *z = (float)(weight * (p - (c == label)) / l->over);
    }
    return weight * (log(sum) + most - of_label);
}

static double any_class(const struct reap_fit_logits *l, size_t i,
                        const uint32_t *label, size_t n, double *right)
{
    const double classes = (double)l->classes;
    double loss = 0, hits = 0;

    for (size_t c = 0; c < l->classes; c++) {
        const double z = (double)*fit_loss_at(l, i, c);
        bool is = false;
        double weight;

        for (size_t k = 0; k < n; k++)
            is = is || label[k] == c;
        weight = is ? (double)l->weight[c] : 1;
        /* z - z is 0, or NaN for what is not finite: fmax() would lose it. */
        loss += weight * (fmax(is ? -z : z, 0) + log1p(exp(-fabs(z)))) + z - z;
        hits += (z > 0) == is;
        *fit_loss_at(l, i, c) =
            (float)(weight * (1 / (1 + exp(-z)) - is) / classes / l->over);
    }
    *right = hits / classes;
    return loss / classes;
}

double reap_fit_row(const struct reap_fit_logits *l, size_t i,
                    const uint32_t *label, size_t n, double *right)
{
    return l->multi ? any_class(l, i, label, n, right)
                    : one_class(l, i, *label, right);
}
