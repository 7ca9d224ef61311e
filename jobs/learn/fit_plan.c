/* Options of reap fit, checked one by one and together before anything is
 * opened. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/fit/fit.h"
#include "jobs/cli/words.h"
#include "jobs/learn/fit_plan.h"

static const char *const solvers[] = { "adam", "sgd", "lbfgs", NULL };
static const char *const schedules[] = { "constant", "linear", "cosine", "step",
                                         "plateau" };
enum {
    N_SCHEDULES = sizeof(schedules) / sizeof(schedules[0]),
    MOST_EPOCHS = 1000000
};
static const double pi = 3.14159265358979323846;

/* A number within [least, most), or NAN. */
static double fit_plan_number(const char *text, double least, double most)
{
    char *end;
    double x = strtod(text, &end);

    return end != text && !*end && x >= least && x < most ? x : NAN;
}

/* An option's number; 'otherwise' without one. */
static int fit_plan_take(const char *name, const char *text, double least,
                         double most, double otherwise, double *out,
                         struct reap_err *err)
{
    *out = text ? fit_plan_number(text, least, most) : otherwise;
    if (isnan(*out))
        return reap_fail(err, REAP_EINVAL,
                         "--%s %s: a number from %g to below %g is needed",
                         name, text, least, most);
    return REAP_OK;
}

static int parse_arch(struct reap_fit_plan *p, const char *text,
                      struct reap_err *err)
{
    char *end;

    if (!text || !strcmp(text, "linear"))
        return REAP_OK;
    if (!strncmp(text, "mlp:", 4)) {
        p->hidden = strtoul(text + 4, &end, 10);
        if (text[4] >= '1' && text[4] <= '9' && !*end && p->hidden <= 65536)
            return REAP_OK;
    }
    return reap_fail(err, REAP_EINVAL,
                     "--arch %s: linear, or mlp:N with 1 to 65536 hidden "
                     "units, such as mlp:1024",
                     text);
}

static int parse_schedule(struct reap_fit_plan *p, const char *text,
                          struct reap_err *err)
{
    char name[16] = "constant", rest = 0;
    unsigned long every = 0;
    int n = 1;

    if (text)
        n = sscanf(text, "%15[a-z]:%5lu:%lf%c", name, &every, &p->factor,
                   &rest);
    for (size_t i = 0; i < N_SCHEDULES; i++) {
        const bool numbers = i >= REAP_RATE_STEP;

        if (strcmp(name, schedules[i]) != 0)
            continue;
        if (n != (numbers ? 3 : 1) ||
            (text && !numbers && strcmp(text, name) != 0) ||
            (numbers && (!every || !(p->factor > 0) || p->factor > 1)))
            break;
        p->schedule = (enum reap_fit_schedule)i;
        p->every = every;
        return REAP_OK;
    }
    return reap_fail(err, REAP_EINVAL,
                     "--schedule %s: constant, linear, cosine, step:N:F or "
                     "plateau:N:F (every N epochs times F, such as step:5:0.5) "
                     "is needed",
                     text);
}

static int parse_numbers(struct reap_fit_plan *p, const struct reap_options *o,
                         struct reap_err *err)
{
    const double lr = p->solver == REAP_SOLVER_SGD ? 0.01 : 0.001;
    int rc = fit_plan_take("lr", o->lr, 0, 1e6, lr, &p->lr, err);

    if (!rc)
        rc = fit_plan_take("momentum", o->momentum, 0, 1, 0, &p->momentum, err);
    if (!rc)
        rc = fit_plan_take("penalty", o->penalty, 0, 1e6, 0, &p->penalty, err);
    if (!rc)
        rc = fit_plan_take("dropout", o->dropout, 0, 1, p->hidden ? 0.5 : 0,
                           &p->dropout, err);
    if (!rc)
        rc = fit_plan_take("validation-split", o->validation_split, 0, 1, 0,
                           &p->split, err);
    p->penalty_given = o->penalty_given;
    return rc;
}

/* Options that say nothing to the solver or the layers that were chosen. */
static int check_together(const struct reap_fit_plan *p,
                          const struct reap_options *o, struct reap_err *err)
{
    const bool lbfgs = p->solver == REAP_SOLVER_LBFGS;

    if (lbfgs && p->hidden)
        return reap_fail(err, REAP_EINVAL,
                         "--solver lbfgs is for --arch linear; hidden units "
                         "are fitted by adam or sgd");
    if (lbfgs && (o->batch_given || o->lr || o->schedule || o->momentum ||
                  o->early_stop_given))
        return reap_fail(err, REAP_EINVAL,
                         "--solver lbfgs takes all examples at once and finds "
                         "its steps: no --batch, --lr, --schedule, --momentum "
                         "or --early-stop");
    if (o->momentum && p->solver != REAP_SOLVER_SGD)
        return reap_fail(err, REAP_EINVAL, "--momentum is for --solver sgd");
    if (o->dropout && !p->hidden)
        return reap_fail(err, REAP_EINVAL,
                         "--dropout is for hidden units: --arch mlp:N");
    if (o->validation && o->validation_split)
        return reap_fail(err, REAP_EINVAL,
                         "--validation and --validation-split: give one");
    return REAP_OK;
}

static int check_counts(const struct reap_fit_plan *p, struct reap_err *err)
{
    if (!p->epochs || p->epochs > MOST_EPOCHS)
        return reap_fail(err, REAP_EINVAL, "--epochs %llu: 1 to %d",
                         (unsigned long long)p->epochs, MOST_EPOCHS);
    if (!p->batch || p->batch > REAP_FIT_BATCH_MAX)
        return reap_fail(err, REAP_EINVAL, "--batch %llu: 1 to %d",
                         (unsigned long long)p->batch, REAP_FIT_BATCH_MAX);
    return REAP_OK;
}

int reap_fit_plan(struct reap_fit_plan *p, const struct reap_options *o,
                  struct reap_err *err)
{
    static const char *const acts[] = { "softmax", "sigmoid", NULL };
    unsigned act, solver;
    int rc;

    memset(p, 0, sizeof(*p));
    rc = reap_parse_word("activation", o->activation, acts, &act, err);
    if (!rc)
        rc = reap_parse_word("solver", o->solver, solvers, &solver, err);
    if (!rc)
        rc = parse_arch(p, o->arch, err);
    if (!rc)
        rc = parse_schedule(p, o->schedule, err);
    if (rc)
        return rc;
    p->multi = act == 1;
    p->solver = (enum reap_fit_solver)solver;
    p->epochs = p->solver == REAP_SOLVER_LBFGS ? 100 : 10;
    p->epochs = o->epochs_given ? o->epochs : p->epochs;
    p->batch = o->batch_given ? o->batch : 32;
    p->seed = o->seed;
    p->early_stop = o->early_stop;
    rc = parse_numbers(p, o, err);
    if (!rc)
        rc = check_together(p, o, err);
    return rc ? rc : check_counts(p, err);
}

void reap_fit_plan_print(const struct reap_fit_plan *p, char *buf, size_t size)
{
    const bool batches = p->solver != REAP_SOLVER_LBFGS;
    size_t n = (size_t)snprintf(
        buf, size,
        "hidden=%zu\nactivation=%s\nsolver=%s\nepochs=%llu\npenalty=%.17g\n",
        p->hidden, p->multi ? "sigmoid" : "softmax", solvers[p->solver],
        (unsigned long long)p->epochs, p->penalty);

    if (batches && n < size)
        n += (size_t)snprintf(
            buf + n, size - n,
            "lr=%.17g\nschedule=%s:%llu:%.17g\nmomentum=%.17g\n"
            "dropout=%.17g\nbatch=%llu\nearly_stop=%llu\n",
            p->lr, schedules[p->schedule], (unsigned long long)p->every,
            p->factor, p->momentum, p->dropout, (unsigned long long)p->batch,
            (unsigned long long)p->early_stop);
    if (n < size)
        snprintf(buf + n, size - n, "validation_split=%.17g\nseed=%llu\n",
                 p->split, (unsigned long long)p->seed);
}

double reap_fit_plan_rate(const struct reap_fit_plan *p, double done,
                          uint64_t drops)
{
    const double part = done / (double)p->epochs;

    switch (p->schedule) {
    case REAP_RATE_CONSTANT:
        break;
    case REAP_RATE_LINEAR:
        return p->lr * (1 - part);
    case REAP_RATE_COSINE:
        return p->lr * (1 + cos(pi * part)) / 2;
    case REAP_RATE_STEP:
        return p->lr * pow(p->factor, floor(done / (double)p->every));
    case REAP_RATE_PLATEAU:
        return p->lr * pow(p->factor, (double)drops);
    }
    return p->lr;
}
