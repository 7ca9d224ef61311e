/* The loop of epochs and steps. Order and first weights come from the seed
 * alone, so that a fit that is stopped and resumed ends in the same bytes. The
 * gradient is engine/fit's. */
#include <math.h>
#include <string.h>

#include "cluster/signals.h"
#include "cluster/team_mpi.h"
#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "jobs/learn/fit_run.h"

/* Seconds between two saves, at the end of an epoch and within one; steps
 * between two looks at clock and signals where ranks have to agree on them. */
static const double SAVE_EPOCH = 5, SAVE_STEP = 60;
enum { LOOK = 16 };

enum asked { GO_ON, SAVE, STOP };

struct fit {
    const struct reap_fit_run *r;
    struct reap_fit *engine;
    struct reap_fit_state s;
    struct reap_head *part[REAP_FIT_SAVED];
    size_t *order; /* of this epoch */
    double begin, saved, epoch_began;
    uint64_t shown; /* steps when the last look was */
};

static bool first(const struct fit *f)
{
    return !f->r->team.rank;
}

/* Examples in an order of the epoch's own. Fisher and Yates, from the order
 * of keys each time: an epoch does not depend on the ones before. */
static void shuffle(struct fit *f)
{
    const struct reap_fit_rows *t = &f->r->train;
    uint64_t s =
        reap_rng_fork(reap_rng_stream(f->r->plan->seed, "order"), f->s.epoch);

    memcpy(f->order, t->row, t->n * sizeof(*f->order));
    for (size_t i = t->n; i > 1; i--) {
        const size_t k = (size_t)reap_rng_below(&s, i), was = f->order[i - 1];

        f->order[i - 1] = f->order[k];
        f->order[k] = was;
    }
}

/* The batch of 'rows' that begins at 'at'; empty at the end. */
static struct reap_fit_batch batch_at(const struct fit *f,
                                      const struct reap_fit_rows *rows,
                                      const size_t *order, uint64_t at)
{
    const uint64_t left = rows->n - at, most = f->r->plan->batch;

    return (struct reap_fit_batch){ &rows->from, order + at,
                                    (size_t)(left < most ? left : most) };
}

/* Weights and moments as they are, to all ranks; the first writes them. */
static int fit_run_save(struct fit *f, struct reap_err *err)
{
    int rc = REAP_OK;

    for (int p = REAP_FIT_WEIGHTS; !rc && p <= REAP_FIT_SECOND; p++)
        rc = reap_fit_get(f->engine, (enum reap_fit_part)p, f->part[p], err);
    f->s.steps = reap_fit_steps(f->engine);
    if (!rc && first(f))
        rc = reap_fit_save(f->r->save, f->r->plan_text, &f->s, f->part, err);
    f->saved = reap_clock();
    return rc == REAP_EIO ? rc : reap_team_agree(&f->r->team, rc, err);
}

/* What this rank would do now. */
static enum asked wish(const struct fit *f)
{
    const double t = reap_clock();

    if (reap_signals_asked() != REAP_ASKED_NOTHING ||
        (f->r->time_limit > 0 && t - f->begin > f->r->time_limit))
        return STOP;
    return first(f) && t - f->saved > SAVE_STEP ? SAVE : GO_ON;
}

/* Between two steps: save, stop, show. */
static int fit_run_look(struct fit *f, struct reap_err *err)
{
    const struct reap_fit_run *r = f->r;
    unsigned char most = GO_ON;
    int rc = REAP_OK;

    if (r->progress && first(f))
        r->progress(r->ctx, f->s.epoch * r->train.n + f->s.done,
                    r->plan->epochs * r->train.n);
    if (r->team.ranks == 1 || ++f->shown % LOOK == 0)
        rc = reap_team_most(&r->team, (unsigned char)wish(f), &most, err);
    if (!rc && most > GO_ON)
        rc = fit_run_save(f, err);
    if (!rc && most == STOP)
        rc = reap_fail(err, REAP_ESTOPPED,
                       "stopped early; run the same command again to go on");
    return rc;
}

static int not_finite(const struct fit *f, struct reap_err *err)
{
    return reap_fail(err, REAP_EINVAL,
                     "the loss is not finite at step %llu (epoch "
                     "%llu): --lr %g is too high; what was saved before stays "
                     "in %.150s",
                     (unsigned long long)reap_fit_steps(f->engine) + 1,
                     (unsigned long long)f->s.epoch + 1, f->r->plan->lr,
                     f->r->save);
}

static double rate(const struct fit *f)
{
    const double done =
        (double)f->s.epoch + (double)f->s.done / (double)f->r->train.n;

    return reap_fit_plan_rate(f->r->plan, done, f->s.drops);
}

static int steps(struct fit *f, struct reap_err *err)
{
    const struct reap_fit_rows *t = &f->r->train;
    struct reap_fit_batch now = batch_at(f, t, f->order, f->s.done), next;
    int rc = REAP_OK;

    for (; !rc && now.n; now = next) {
        next = batch_at(f, t, f->order, f->s.done + now.n);
        rc = reap_fit_step(f->engine, &now, next.n ? &next : NULL, rate(f),
                           &f->s.sum, err);
        if (!rc && !isfinite(f->s.sum.loss))
            rc = not_finite(f, err);
        f->s.done += now.n;
        if (!rc && next.n)
            rc = fit_run_look(f, err);
    }
    return rc;
}

static int fit_run_check(struct fit *f, struct reap_fit_score *sum,
                         struct reap_err *err)
{
    const struct reap_fit_rows *c = &f->r->check;
    struct reap_fit_batch now = batch_at(f, c, c->row, 0), next;
    int rc = REAP_OK;

    for (; !rc && now.n; now = next) {
        next = batch_at(f, c, c->row, (uint64_t)(now.row - c->row) + now.n);
        rc = reap_fit_try(f->engine, &now, next.n ? &next : NULL, sum, err);
    }
    return rc;
}

/* Was this epoch better than all before? Keeps the weights if it was and they
 * may be wanted. */
static int fit_run_compare(struct fit *f, double loss, struct reap_err *err)
{
    const struct reap_fit_plan *p = f->r->plan;
    const bool better = loss < f->s.best;

    f->s.worse = better ? 0 : f->s.worse + 1;
    f->s.dull = better ? 0 : f->s.dull + 1;
    if (p->schedule == REAP_RATE_PLATEAU && f->s.dull >= p->every) {
        f->s.drops++;
        f->s.dull = 0;
    }
    if (!better)
        return REAP_OK;
    f->s.best = loss;
    f->s.best_epoch = f->s.epoch;
    return p->early_stop ? reap_fit_get(f->engine, REAP_FIT_WEIGHTS,
                                        f->part[REAP_FIT_BEST], err)
                         : REAP_OK;
}

/* The end of an epoch: check, compare, tell. */
static int fit_run_finish(struct fit *f, double used, struct reap_err *err)
{
    const struct reap_fit_run *r = f->r;
    const double n = (double)f->s.sum.n;
    struct reap_fit_score c = { 0 };
    struct reap_fit_epoch e = { .number = ++f->s.epoch,
                                .of = r->plan->epochs,
                                .loss = f->s.sum.loss / n,
                                .right = f->s.sum.right / n,
                                .checked = r->check.n > 0,
                                .rate = used };
    int rc = fit_run_check(f, &c, err);

    if (rc)
        return rc;
    if (e.checked) {
        e.check_loss = c.loss / (double)c.n;
        e.check_right = c.right / (double)c.n;
    }
    f->s.done = 0;
    f->s.sum = (struct reap_fit_score){ 0 };
    e.seconds = reap_clock() - f->epoch_began;
    rc = fit_run_compare(f, e.checked ? e.check_loss : e.loss, err);
    if (!rc && first(f) && r->epoch)
        r->epoch(r->ctx, &e);
    return rc;
}

static bool over(const struct fit *f)
{
    const struct reap_fit_plan *p = f->r->plan;

    return f->s.epoch >= p->epochs ||
           (p->early_stop && f->s.worse >= p->early_stop);
}

/* Save after an epoch if that is worth it, and heed signals. */
static int fit_run_between(struct fit *f, struct reap_err *err)
{
    enum asked mine = wish(f);
    unsigned char most;
    int rc;

    if (mine == GO_ON && first(f) && reap_clock() - f->saved > SAVE_EPOCH)
        mine = SAVE;
    rc = reap_team_most(&f->r->team, (unsigned char)mine, &most, err);
    if (!rc && most > GO_ON)
        rc = fit_run_save(f, err);
    if (!rc && most == STOP)
        rc = reap_fail(err, REAP_ESTOPPED,
                       "stopped early; run the same command again to go on");
    return rc;
}

static int epochs(struct fit *f, struct reap_err *err)
{
    int rc = REAP_OK;

    while (!rc && !over(f)) {
        const double used = rate(f);

        f->epoch_began = reap_clock();
        shuffle(f);
        rc = steps(f, err);
        if (!rc)
            rc = fit_run_finish(f, used, err);
        if (!rc && !over(f))
            rc = fit_run_between(f, err);
    }
    return rc;
}

/* What the first rank has read, to all; then into the engine. */
static int go_on(struct fit *f, struct reap_err *err)
{
    const size_t n = reap_head_numbers(f->part[0]);
    int rc = reap_team_spread(&f->r->team, &f->s, sizeof(f->s), err);

    for (int p = 0; !rc && p < REAP_FIT_SAVED; p++)
        rc = reap_team_spread(&f->r->team, f->part[p]->own, n * sizeof(float),
                              err);
    for (int p = REAP_FIT_WEIGHTS; !rc && p <= REAP_FIT_SECOND; p++)
        reap_fit_set(f->engine, (enum reap_fit_part)p, f->part[p]);
    reap_fit_set_steps(f->engine, f->s.steps);
    return rc;
}

/* Take up what an earlier run has left, if it is of this fit. */
static int resume(struct fit *f, struct reap_err *err)
{
    const struct reap_fit_run *r = f->r;
    unsigned char found = 0;
    const char *why = "";
    bool mine = false;
    int rc = REAP_OK;

    if (first(f))
        rc = reap_fit_load(r->save, r->plan_text, &f->s, f->part, &mine, &why,
                           err);
    rc = reap_team_agree(&r->team, rc, err);
    if (!rc)
        rc = reap_team_most(&r->team, mine, &found, err);
    if (!rc && found)
        rc = go_on(f, err);
    if (!rc && first(f) && r->resumed && (found || *why))
        r->resumed(r->ctx, found ? &f->s : NULL, why);
    return rc;
}

static int open_fit(struct fit *f, struct reap_err *err)
{
    const struct reap_fit_run *r = f->r;
    const struct reap_fit_plan *p = r->plan;
    const struct reap_fit_args a = { .in = r->in,
                                     .hidden = p->hidden,
                                     .classes = r->classes,
                                     .multi = p->multi,
                                     .rule = p->solver == REAP_SOLVER_SGD
                                                 ? REAP_FIT_SGD
                                                 : REAP_FIT_ADAM,
                                     .momentum = p->momentum,
                                     .l2 = p->penalty,
                                     .dropout = p->dropout,
                                     .class_weight = r->class_weight,
                                     .batch = p->batch,
                                     .seed = p->seed,
                                     .threads = r->threads,
                                     .team = r->team };
    int rc = reap_fit_new(&f->engine, &a, err);

    for (int i = 0; !rc && i < REAP_FIT_SAVED; i++)
        rc = reap_fit_head(f->engine, &f->part[i], err);
    f->order = reap_calloc(r->train.n, sizeof(*f->order));
    if (!rc && !f->order)
        rc = reap_fail(err, REAP_ENOMEM, "no memory for an order");
    return reap_team_agree(&r->team, rc, err);
}

int reap_fit_run(const struct reap_fit_run *r, struct reap_head **head,
                 struct reap_fit_state *end, struct reap_err *err)
{
    struct fit f = { .r = r, .s = { .best = INFINITY } };
    int best = REAP_FIT_WEIGHTS, rc;

    *head = NULL;
    f.begin = f.saved = reap_clock();
    rc = open_fit(&f, err);
    if (!rc)
        rc = resume(&f, err);
    if (!rc)
        rc = epochs(&f, err);
    if (!rc && r->plan->early_stop)
        best = REAP_FIT_BEST;
    else if (!rc)
        rc = reap_fit_get(f.engine, REAP_FIT_WEIGHTS, f.part[best], err);
    if (!rc) {
        *head = f.part[best];
        f.part[best] = NULL;
    }
    *end = f.s;
    for (int i = 0; i < REAP_FIT_SAVED; i++)
        reap_head_free(&f.part[i]);
    reap_fit_free(&f.engine);
    reap_free(f.order);
    return rc;
}
