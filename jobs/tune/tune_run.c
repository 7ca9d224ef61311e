/* The loop of epochs and steps of a fine-tuning; gradients are engine/train's,
 * images tune_views.c's. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/signals.h"
#include "cluster/team_mpi.h"
#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "jobs/tune/tune_run.h"

enum { GO_ON, SAVE, STOP }; /* what ranks agree on after a step */
enum { SAVE_EVERY = 120 };  /* seconds */
enum { TIMES = 1024 };      /* steps whose time is kept */

struct run {
    const struct reap_tune_run *r;
    struct reap_tune_state s;
    size_t *order;                   /* of this epoch */
    float *target;                   /* (batch, classes) */
    struct reap_augment *view;       /* (batch) */
    uint64_t orders, views, dropped; /* streams */
    double begun, saved;
    double times[TIMES];
    size_t n_times;
};

static int tune_run_make_room(struct run *u, struct reap_err *err)
{
    const struct reap_tune_run *r = u->r;
    const size_t batch = r->plan->batch;

    u->order = reap_calloc(r->train.n, sizeof(*u->order));
    u->target = reap_calloc(batch * r->data->n_classes, sizeof(*u->target));
    u->view = reap_calloc(batch, sizeof(*u->view));
    if (!u->order || !u->target || !u->view)
        return reap_fail(err, REAP_ENOMEM, "no memory for a batch");
    return REAP_OK;
}

/* The order of an epoch: Fisher and Yates. */
static void shuffle(struct run *u)
{
    const struct reap_tune_rows *t = &u->r->train;
    uint64_t chance = reap_rng_fork(u->orders, u->s.epoch);

    memcpy(u->order, t->item, t->n * sizeof(*u->order));
    for (size_t i = t->n; i > 1; i--) {
        const size_t j = reap_rng_below(&chance, i), was = u->order[j];

        u->order[j] = u->order[i - 1];
        u->order[i - 1] = was;
    }
}

/* Targets of n images, and this rank's share of their features. */
static int tune_run_fill(struct run *u, const size_t *item, size_t n,
                         bool training, struct reap_err *err)
{
    const struct reap_tune_run *r = u->r;
    const struct reap_tail_share s =
        reap_tail_share(n, r->team.rank, r->team.ranks);
    const bool views = training && (r->plan->flip || r->plan->crop);
    const uint64_t chance = reap_rng_fork(u->views, u->s.epoch);

    for (size_t i = 0; i < n; i++) {
        reap_tune_data_target(r->data, item[i],
                              u->target + i * r->data->n_classes);
        u->view[i] =
            (struct reap_augment){ .crop = r->plan->crop,
                                   .flip = r->plan->flip,
                                   .chance = reap_rng_fork(chance, item[i]) };
    }
    return reap_views_load(r->views, item + s.from, s.to - s.from,
                           views ? u->view + s.from : NULL,
                           reap_tail_input(r->tail), err);
}

static int not_finite(const struct run *u, struct reap_err *err)
{
    return reap_fail(err, REAP_EINVAL,
                     "the loss is not finite at step %llu (epoch "
                     "%llu): --lr %g is too high; what was saved before stays "
                     "in %.150s",
                     (unsigned long long)u->s.steps + 1,
                     (unsigned long long)u->s.epoch + 1, u->r->plan->lr,
                     u->r->save);
}

/* Forward and loss of n images; the sums of all ranks are added to 'sum'. */
static int tune_run_forward(struct run *u, const size_t *item, size_t n,
                            bool training, double sum[REAP_TAIL_SUMS],
                            struct reap_err *err)
{
    const struct reap_tune_run *r = u->r;
    struct reap_tail_result got;
    /* 0 would drop nothing */
    const uint64_t dice =
        training ? reap_rng_fork(u->dropped, u->s.steps) | 1 : 0;
    int rc = tune_run_fill(u, item, n, training, err);

    rc = reap_team_agree(&r->team, rc, err);
    if (rc)
        return rc;
    reap_tail_forward(r->tail, n, u->target, dice, &got, NULL);
    rc = reap_tail_add_results(r->tail, &got, err);
    for (size_t p = 0; !rc && p < got.parts; p++)
        for (int i = 0; i < REAP_TAIL_SUMS; i++)
            sum[i] += got.sums[p][i];
    return rc;
}

static int tune_run_step(struct run *u, const size_t *item, size_t n,
                         struct reap_err *err)
{
    const struct reap_tune_run *r = u->r;
    const struct reap_adam adam = { .rate = r->plan->lr,
                                    .b1 = 0.9,
                                    .b2 = 0.999,
                                    .epsilon = 1e-7,
                                    .t = u->s.steps + 1 };
    const double begun = reap_clock();
    double sum[REAP_TAIL_SUMS] = { 0 };
    int rc = tune_run_forward(u, item, n, true, sum, err);

    if (!rc && !isfinite(sum[0]))
        rc = not_finite(u, err);
    if (rc)
        return rc;
    reap_tail_backward(r->tail);
    rc = reap_tail_add_up(r->tail, err);
    if (rc)
        return rc;
    reap_tail_update(r->tail, &adam);
    u->s.loss += sum[0];
    u->s.right += sum[1];
    u->s.done += n;
    u->s.steps++;
    if (n == r->plan->batch && u->n_times < TIMES)
        u->times[u->n_times++] = reap_clock() - begun;
    return REAP_OK;
}

static int tune_run_save(struct run *u, struct reap_err *err)
{
    const struct reap_tune_run *r = u->r;
    int rc = REAP_OK;

    u->saved = reap_clock();
    if (!r->team.rank)
        rc = reap_tune_save(r->save, r->plan_text, &u->s, r->tail, err);
    return reap_team_agree(&r->team, rc, err);
}

static int wish(const struct run *u)
{
    const double limit = u->r->time_limit, now = reap_clock();

    if (reap_signals_asked() || (limit > 0 && now - u->begun >= limit))
        return STOP;
    return now - u->saved >= SAVE_EVERY ? SAVE : GO_ON;
}

/* Between two steps: show, save, stop. */
static int tune_run_look(struct run *u, struct reap_err *err)
{
    const struct reap_tune_run *r = u->r;
    unsigned char most = GO_ON;
    int rc;

    if (r->progress && !r->team.rank)
        r->progress(r->ctx, u->s.epoch * r->train.n + u->s.done,
                    r->plan->epochs * r->train.n);
    rc = reap_team_most(&r->team, (unsigned char)wish(u), &most, err);
    if (!rc && most > GO_ON)
        rc = tune_run_save(u, err);
    if (!rc && most == STOP)
        rc = reap_fail(err, REAP_ESTOPPED,
                       "stopped early; run the same command again to resume");
    return rc;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Check, tell, and save where the next epoch begins. */
static int tune_run_finish(struct run *u, double begun, struct reap_err *err)
{
    const struct reap_tune_run *r = u->r;
    const double n = (double)r->train.n;
    double sum[REAP_TAIL_SUMS] = { 0 };
    struct reap_tune_epoch e = { .number = u->s.epoch + 1,
                                 .of = r->plan->epochs,
                                 .loss = u->s.loss / n,
                                 .right = u->s.right / n,
                                 .checked = r->check.n > 0 };
    int rc = REAP_OK;

    for (size_t at = 0; !rc && at < r->check.n; at += r->plan->batch) {
        const size_t left = r->check.n - at;

        rc = tune_run_forward(u, r->check.item + at,
                              left < r->plan->batch ? left : r->plan->batch,
                              false, sum, err);
    }
    if (rc)
        return rc;
    if (e.checked) {
        e.check_loss = sum[0] / (double)r->check.n;
        e.check_right = sum[1] / (double)r->check.n;
    }
    u->s = (struct reap_tune_state){ .epoch = u->s.epoch + 1,
                                     .steps = u->s.steps };
    rc = tune_run_save(u, err);
    qsort(u->times, u->n_times, sizeof(*u->times), by_size);
    e.step_seconds = u->n_times ? u->times[u->n_times / 2] : 0;
    u->n_times = 0;
    e.seconds = reap_clock() - begun;
    if (!rc && r->epoch && !r->team.rank)
        r->epoch(r->ctx, &e);
    return rc;
}

static int one_epoch(struct run *u, struct reap_err *err)
{
    const struct reap_tune_run *r = u->r;
    const double begun = reap_clock();
    int rc = REAP_OK;

    shuffle(u);
    while (!rc && u->s.done < r->train.n) {
        const uint64_t left = r->train.n - u->s.done;

        rc = tune_run_step(u, u->order + u->s.done,
                           left < r->plan->batch ? left : r->plan->batch, err);
        if (!rc && u->s.done < r->train.n)
            rc = tune_run_look(u, err);
    }
    return rc ? rc : tune_run_finish(u, begun, err);
}

int reap_tune_run(const struct reap_tune_run *r, struct reap_err *err)
{
    struct run u = { .r = r, .begun = reap_clock() };
    const char *why;
    bool found;
    int rc = reap_team_agree(&r->team, tune_run_make_room(&u, err), err);

    u.orders = reap_rng_stream(r->plan->seed, "order");
    u.views = reap_rng_stream(r->plan->seed, "views");
    u.dropped = reap_rng_stream(r->plan->seed, "dropout");
    u.saved = u.begun;
    if (!rc)
        rc = reap_tune_load(r->save, r->plan_text, &r->team, &u.s, r->tail,
                            &found, &why, err);
    if (!rc && r->resumed && !r->team.rank && (found || *why))
        r->resumed(r->ctx, found ? &u.s : NULL, why);
    while (!rc && u.s.epoch < r->plan->epochs) {
        rc = one_epoch(&u, err);
        if (!rc && u.s.epoch < r->plan->epochs)
            rc = tune_run_look(&u, err);
    }
    reap_free(u.order);
    reap_free(u.target);
    reap_free(u.view);
    return rc;
}
