/*
 * tests/tail_ref.h - the late layers of a network and a head, in double
 *
 * Loops as plain as can be, to take finite differences of: what
 * engine/train/tail.h computes backward is held against them.
 */
#ifndef REAP_TESTS_TAIL_REF_H
#define REAP_TESTS_TAIL_REF_H

#include "engine/train/tail.h"

struct tail_ref {
    const struct reap_tail_args *a;
    size_t n;            /* images */
    const float *input;  /* (n, border) */
    const float *target; /* (n, classes) */
    double **param;      /* of the network, by index in a->params */
    double *head[2 * REAP_TAIL_DENSE]; /* weights, biases of each layer */
    double **out; /* (n, h, w, c) of each node from the border on */
};

/* NULL if there is no memory. 'a->params' has to stay. */
struct tail_ref *tail_ref_new(const struct reap_tail_args *a, size_t n,
                              const float *input, const float *target);

/* The mean loss of the batch; nodes before 'first' are as they were before. */
double tail_ref_loss(struct tail_ref *r, size_t first);

/* The node that a tensor belongs to; behind the last for the head's. */
size_t tail_ref_node(struct tail_ref *r, const char *name);

/* Number k of a tensor, named and counted as reap_tail_get() does. */
double *tail_ref_number(struct tail_ref *r, const char *name, size_t k);

void tail_ref_free(struct tail_ref **r);

#endif /* REAP_TESTS_TAIL_REF_H */
