/* L-BFGS (engine/fit/lbfgs.h) in steps over all examples, every rank with its
 * share of them. */
#include <string.h>

#include "cluster/signals.h"
#include "cluster/team_mpi.h"
#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "engine/fit/full_batch.h"
#include "engine/fit/lbfgs.h"
#include "jobs/learn/fit_once.h"

/* Where scikit-learn's LogisticRegression stops, too. */
static const double SMALL = 1e-4;

struct once {
    const struct reap_fit_run *r;
    struct reap_full_batch *full;
    struct reap_fit_batch train, check;
    struct reap_fit_score score; /* of the last value */
    double *x, *g;               /* g: for the check, which needs none */
    double begin, began;
};

static int value(void *ctx, const double *x, double *f, double *g,
                 struct reap_err *err)
{
    struct once *o = ctx;

    return reap_full_batch_value(o->full, &o->train, x, f, g, &o->score, err);
}

/* All ranks continue, or none does. */
static int heed(const struct once *o, struct reap_err *err)
{
    const bool late =
        o->r->time_limit > 0 && reap_clock() - o->begin > o->r->time_limit;
    unsigned char stop = late || reap_signals_asked() != REAP_ASKED_NOTHING;
    int rc = reap_team_most(&o->r->team, stop, &stop, err);

    if (!rc && stop)
        rc = reap_fail(err, REAP_ESTOPPED,
                       "stopped early; the same command starts again from "
                       "the beginning");
    return rc;
}

static void tell(struct once *o, uint64_t steps, struct reap_fit_score check)
{
    const struct reap_fit_run *r = o->r;
    const double n = (double)o->score.n, c = (double)check.n;
    struct reap_fit_epoch e = { .number = steps,
                                .of = check.n ? 0 : r->plan->epochs,
                                .loss = o->score.loss / n,
                                .right = o->score.right / n,
                                .checked = check.n > 0,
                                .seconds = reap_clock() - o->began };

    if (e.checked) {
        e.check_loss = check.loss / c;
        e.check_right = check.right / c;
    }
    o->began = reap_clock();
    if (!r->team.rank && r->epoch)
        r->epoch(r->ctx, &e);
}

static int fit_once_step(void *ctx, uint64_t steps, double f,
                         struct reap_err *err)
{
    struct once *o = ctx;

    (void)f;
    tell(o, steps, (struct reap_fit_score){ 0 });
    return heed(o, err);
}

static int open_once(struct once *o, struct reap_err *err)
{
    const struct reap_fit_run *r = o->r;
    const struct reap_full_batch_args a = { .in = r->in,
                                            .classes = r->classes,
                                            .multi = r->plan->multi,
                                            .l2 = r->plan->penalty,
                                            .class_weight = r->class_weight,
                                            .threads = r->threads,
                                            .team = r->team };
    size_t n = 0;
    int rc = reap_full_batch_new(&o->full, &a, err);

    if (!rc)
        n = reap_full_batch_numbers(o->full);
    o->x = reap_calloc(n + 1, sizeof(*o->x));
    o->g = reap_calloc(n + 1, sizeof(*o->g));
    if (!rc && (!o->x || !o->g))
        rc = reap_fail(err, REAP_ENOMEM, "no memory to fit");
    return reap_team_agree(&r->team, rc, err);
}

/* The head, and how it does on what was kept to check it. */
static int fit_once_finish(struct once *o, struct reap_lbfgs *l,
                           struct reap_head **head, struct reap_fit_state *end,
                           struct reap_err *err)
{
    const struct reap_fit_run *r = o->r;
    const size_t width[] = { r->in, r->classes };
    struct reap_fit_score check = { 0 };
    double f;
    int rc = reap_head_new(head, 1, width,
                           r->plan->multi ? REAP_SIGMOID : REAP_SOFTMAX, err);

    if (rc)
        return rc;
    reap_full_batch_to_head(o->full, o->x, *head);
    *end = (struct reap_fit_state){ .epoch = l->steps,
                                    .best_epoch = l->steps,
                                    .best = l->least,
                                    .steps = l->values };
    if (!o->check.n)
        return REAP_OK;
    rc = reap_full_batch_value(o->full, &o->train, o->x, &f, o->g, &o->score,
                               err);
    if (!rc)
        rc = reap_full_batch_value(o->full, &o->check, o->x, &f, o->g, &check,
                                   err);
    if (!rc)
        tell(o, l->steps, check);
    return rc;
}

int reap_fit_once(const struct reap_fit_run *r, struct reap_head **head,
                  struct reap_fit_state *end, struct reap_err *err)
{
    struct once o = { .r = r,
                      .train = { &r->train.from, r->train.row, r->train.n },
                      .check = { &r->check.from, r->check.row, r->check.n } };
    struct reap_lbfgs l = { .ctx = &o,
                            .value = value,
                            .step = fit_once_step,
                            .most = r->plan->epochs,
                            .small = SMALL };
    int rc;

    *head = NULL;
    o.begin = o.began = reap_clock();
    rc = open_once(&o, err);
    if (!rc) {
        l.n = reap_full_batch_numbers(o.full);
        rc = reap_lbfgs_run(&l, o.x, err);
    }
    if (!rc)
        rc = fit_once_finish(&o, &l, head, end, err);
    reap_full_batch_free(&o.full);
    reap_free(o.x);
    reap_free(o.g);
    return rc;
}
