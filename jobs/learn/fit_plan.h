/* jobs/learn/fit_plan.h - what reap fit is asked to do, checked before it
 * begins */
#ifndef REAP_JOBS_LEARN_FIT_PLAN_H
#define REAP_JOBS_LEARN_FIT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"
#include "jobs/cli/options.h"

enum reap_fit_solver { REAP_SOLVER_ADAM, REAP_SOLVER_SGD, REAP_SOLVER_LBFGS };

enum reap_fit_schedule {
    REAP_RATE_CONSTANT,
    REAP_RATE_LINEAR, /* falls to 0 */
    REAP_RATE_COSINE, /* likewise */
    REAP_RATE_STEP,   /* times 'factor' every 'every' epochs */
    REAP_RATE_PLATEAU /* likewise, when 'every' epochs were no better */
};

struct reap_fit_plan {
    size_t hidden; /* 0: linear */
    bool multi;
    enum reap_fit_solver solver;
    double lr, momentum, penalty, dropout;
    bool penalty_given;
    enum reap_fit_schedule schedule;
    uint64_t every;
    double factor;
    uint64_t epochs, batch, seed, early_stop;
    double split; /* share for validation, 0: none */
};

/* From the options; REAP_EINVAL names the one that cannot work. */
int reap_fit_plan(struct reap_fit_plan *p, const struct reap_options *o,
                  struct reap_err *err) REAP_MUST_CHECK;

/* All of it as "name=value" lines: two plans of the same text do the same to
 * the same examples. */
void reap_fit_plan_print(const struct reap_fit_plan *p, char *buf, size_t size);

/* The learning rate after 'done' epochs (3.5: half of the fourth) and 'drops'
 * plateaus. */
double reap_fit_plan_rate(const struct reap_fit_plan *p, double done,
                          uint64_t drops);

#endif /* REAP_JOBS_LEARN_FIT_PLAN_H */
