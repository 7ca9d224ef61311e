/*
 * engine/fit/fit_loss.h - cross entropies of a row and their gradients
 *
 * Inside engine/fit/. As Keras defines them: categorical of softmax, and binary
 * of sigmoid as the mean over classes. Computed in double.
 */
#ifndef REAP_ENGINE_FIT_FIT_LOSS_H
#define REAP_ENGINE_FIT_FIT_LOSS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Logits z (group, rows, 16) of so many rows; class c of row i is number c % 16
 * of group c / 16. Classes beyond the last are not looked at. */
struct reap_fit_logits {
    float *z;
    size_t rows, classes;
    bool multi;
    const float *weight; /* (classes), as struct reap_fit_args has it */
    double over;         /* rows that the mean loss is over */
};

/* Place of class c of row i. */
static inline size_t reap_fit_place(size_t rows, size_t i, size_t c)
{
    return (c / 16 * rows + i) * 16 + c % 16;
}

/*
 * The loss of row i, whose n classes are in 'label'; '*right' is as in struct
 * reap_fit_score. Its logits become the gradient of the mean loss by them.
 */
double reap_fit_row(const struct reap_fit_logits *l, size_t i,
                    const uint32_t *label, size_t n, double *right);

#endif /* REAP_ENGINE_FIT_FIT_LOSS_H */
