/*
 * engine/fit/lbfgs.h - the minimum of a smooth function of many numbers
 *
 * L-BFGS with ten pairs and a line search for the strong conditions of Wolfe,
 * in double, every sum in order. Source: Nocedal and Wright, Numerical
 * Optimization (2006), algorithms 7.4, 7.5, 3.5 and 3.6.
 */
#ifndef REAP_ENGINE_FIT_LBFGS_H
#define REAP_ENGINE_FIT_LBFGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

struct reap_lbfgs {
    size_t n;
    void *ctx;
    /* The value at x (n) in '*f' and the gradient in g (n). A failure ends the
     * search and is what it returns. */
    int (*value)(void *ctx, const double *x, double *f, double *g,
                 struct reap_err *err);
    /* After each step; or NULL. A failure ends the search likewise. */
    int (*step)(void *ctx, uint64_t steps, double f, struct reap_err *err);
    uint64_t most;   /* steps */
    double small;    /* done when no part of the gradient is larger */
    uint64_t steps;  /* out: that were made */
    uint64_t values; /* out: that were asked for */
    double least;    /* out: the value at the end */
    bool settled;    /* out: the gradient is small, or nothing gets better */
};

/* Search from 'x', where the result is left, too. Returns REAP_OK, also after
 * 'most' steps, REAP_EINVAL if a value is not finite, REAP_ENOMEM, or what
 * value() or step() returned. */
int reap_lbfgs_run(struct reap_lbfgs *l, double *x,
                   struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_ENGINE_FIT_LBFGS_H */
