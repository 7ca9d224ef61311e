/*
 * engine/head/head.h - from pooled features to logits, probabilities, labels
 *
 * The same code for every backend. Any thread; nothing is allocated.
 */
#ifndef REAP_ENGINE_HEAD_HEAD_H
#define REAP_ENGINE_HEAD_HEAD_H

#include <stddef.h>
#include <stdint.h>

#include "engine/net/net.h"

struct reap_top {
    int32_t index; /* class */
    float prob;
};

/* Apply 'act' to n rows of c values; 'from' and 'to' may be the same. Softmax
 * is shifted by the row's maximum and summed in double. */
void reap_head_activate(enum reap_activation act, size_t n, size_t c,
                        const float *from, float *to);

/* Sum the probabilities of c classes by group: 'of' has the group, below n, of
 * each class; sums run in the order of classes and in double. */
void reap_head_group(const int32_t *of, size_t c, const float *from, size_t n,
                     float *to);

/* The k largest of c values, largest first, the lower index first among equal
 * ones. k <= c. A NaN ranks below everything. */
void reap_head_top(size_t c, const float *value, size_t k,
                   struct reap_top *out);

#endif /* REAP_ENGINE_HEAD_HEAD_H */
