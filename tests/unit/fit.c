/* Fitting of heads: gradients beside finite differences in double, the same
 * bytes for threads, ranks and levels, going on from a saved state. */
#define _GNU_SOURCE
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/fit/fit.h"
#include "tests/fill.h"
#include "tests/tap.h"

enum { IN = 150, ROWS = 23, CLASSES = 19, HIDDEN = 130, STEPS = 7, RANKS = 4 };

static float x[ROWS * IN];
static size_t at[ROWS + 1], row[ROWS];
static uint32_t label[3 * ROWS];
static float weight[CLASSES];

static void load(const void *ctx, size_t i, float *to)
{
    memcpy(to, (const float *)ctx + i * IN, IN * sizeof(*to));
}
static const struct reap_fit_source source = { x, load, at, label };

/* Row i has i % 3 + 1 classes of 'multi', else one. */
static void set_labels(bool multi)
{
    at[0] = 0;
    for (size_t i = 0; i < ROWS; i++) {
        size_t n = multi ? i % 4 : 1; /* none is allowed */

        row[i] = (i * 7) % ROWS;
        for (size_t k = 0; k < n && k < 3; k++)
            label[at[i] + k] = (uint32_t)((i * 5 + k * 3) % CLASSES);
        at[i + 1] = at[i] + (n < 3 ? n : 3);
    }
}

static struct reap_fit_args args(size_t hidden, bool multi)
{
    return (struct reap_fit_args){ .in = IN,
                                   .hidden = hidden,
                                   .classes = CLASSES,
                                   .multi = multi,
                                   .class_weight = weight,
                                   .batch = ROWS,
                                   .seed = 3,
                                   .threads = 1,
                                   .team = REAP_TEAM_ALONE };
}

static struct reap_head *weights_of(struct reap_fit *f)
{
    struct reap_head *h;

    if (reap_fit_head(f, &h, NULL) ||
        reap_fit_get(f, REAP_FIT_WEIGHTS, h, NULL))
        abort();
    return h;
}

static size_t numbers(const struct reap_head *h)
{
    size_t n = 0;

    for (size_t i = 0; i < h->n; i++)
        n += (h->dense[i].in + 1) * h->dense[i].out;
    return n;
}

/* Mean loss of the head 'w', laid out as struct reap_head lays it, in double,
 * with the penalty. */
static double loss_of(const struct reap_head *h, const double *w, bool multi,
                      double l2)
{
    double sum = 0, a[HIDDEN + IN], z[HIDDEN], squares = 0;

    for (size_t i = 0; i < ROWS; i++) {
        const double *p = w;

        for (size_t k = 0; k < IN; k++)
            a[k] = (double)x[i * IN + k];
        for (size_t d = 0; d < h->n; d++) {
            const size_t in = h->dense[d].in, out = h->dense[d].out;

            for (size_t o = 0; o < out; o++) {
                z[o] = p[in * out + o];
                for (size_t k = 0; k < in; k++)
                    z[o] += a[k] * p[o * in + k];
            }
            for (size_t k = 0; i == 0 && k < in * out; k++)
                squares += p[k] * p[k];
            for (size_t o = 0; o < out; o++)
                a[o] = z[o] > 0 ? z[o] : 0;
            p += (in + 1) * out;
        }
        if (multi) {
            for (size_t c = 0; c < CLASSES; c++) {
                bool is = false;
                double l;

                for (size_t k = at[i]; k < at[i + 1]; k++)
                    is = is || label[k] == c;
                l = log1p(exp(is ? -z[c] : z[c]));
                sum += (is ? (double)weight[c] : 1) * l / CLASSES;
            }
        } else {
            double e = 0;

            for (size_t c = 0; c < CLASSES; c++)
                e += exp(z[c]);
            sum += (double)weight[label[at[i]]] * (log(e) - z[label[at[i]]]);
        }
    }
    return sum / ROWS + l2 * squares;
}

/* One step of plain SGD with rate 1 gives the gradient away. */
static void gradients(size_t hidden, bool multi, double l2, const char *what)
{
    struct reap_fit_args a = args(hidden, multi);
    struct reap_fit_score sum = { 0 };
    struct reap_fit_batch all;
    struct reap_head *before, *after;
    struct reap_fit *f;
    double *w, worst = 0, most = 0, loss;
    size_t n;

    set_labels(multi);
    all = (struct reap_fit_batch){ &source, row, ROWS };
    a.rule = REAP_FIT_SGD;
    a.l2 = l2;
    if (reap_fit_new(&f, &a, NULL))
        abort();
    before = weights_of(f);
    fill_real(reap_head_bias(before, before->n - 1), CLASSES);
    reap_fit_set(f, REAP_FIT_WEIGHTS, before);
    if (reap_fit_step(f, &all, NULL, 1, &sum, NULL))
        abort();
    after = weights_of(f);
    n = numbers(before);
    w = malloc(n * sizeof(*w));
    for (size_t i = 0; w && i < n; i++)
        w[i] = (double)before->own[i];
    loss = loss_of(before, w, multi, 0);
    ok(fabs(sum.loss / ROWS - loss) <= 1e-6 * loss, "%s: the loss is %.6f",
       what, loss);
    for (size_t i = 0; i < n; i += 1 + n / 997) {
        const double old = w[i], step = 1e-5;
        double up, down, g;

        w[i] = old + step;
        up = loss_of(before, w, multi, l2);
        w[i] = old - step;
        down = loss_of(before, w, multi, l2);
        w[i] = old;
        g = (double)before->own[i] - (double)after->own[i];
        worst = fmax(worst, fabs(g - (up - down) / (2 * step)));
        most = fmax(most, fabs(g));
    }
    ok(most > 1e-3 && worst <= 1e-4 * most,
       "%s: gradients are off by %.1e of %.1e", what, worst, most);
    free(w);
    reap_head_free(&before);
    reap_head_free(&after);
    reap_fit_free(&f);
}

/* Some steps with all that can vary; returns the numbers. */
static struct reap_head *fitted(struct reap_fit_args a)
{
    struct reap_fit_score sum = { 0 };
    struct reap_fit *f;
    struct reap_head *h;
    int rc = reap_fit_new(&f, &a, NULL);

    for (size_t s = 0; !rc && s < STEPS; s++) {
        const struct reap_fit_batch b = { &source, row + s, ROWS - 2 * s },
                                    n = { &source, row + s + 1,
                                          ROWS - 2 * s - 2 };

        rc = reap_fit_step(f, &b, s % 2 ? &n : NULL, 0.01, &sum, NULL);
        if (!rc && s == 3)
            rc = reap_fit_try(f, &b, NULL, &sum, NULL);
    }
    if (rc)
        abort();
    h = weights_of(f);
    reap_fit_free(&f);
    return h;
}

static bool same(struct reap_head *a, struct reap_head *b)
{
    const bool yes = !memcmp(a->own, b->own, numbers(a) * sizeof(float));

    reap_head_free(&b);
    return yes;
}

/* Ranks as threads: share() waits until all are there, then each copies. */
struct fake {
    pthread_barrier_t barrier;
    char *all[RANKS];
    struct reap_fit_args a;
};
struct fake_rank {
    struct fake *team;
    size_t rank;
    struct reap_head *head;
};

static int share(void *ctx, void *all, size_t size, const size_t *first,
                 struct reap_err *err)
{
    struct fake_rank *me = ctx;
    const size_t ranks = me->team->a.team.ranks;

    (void)err;
    me->team->all[me->rank] = all;
    pthread_barrier_wait(&me->team->barrier);
    for (size_t r = 0; r < ranks; r++)
        if (r != me->rank)
            memcpy((char *)all + first[r] * size,
                   me->team->all[r] + first[r] * size,
                   (first[r + 1] - first[r]) * size);
    pthread_barrier_wait(&me->team->barrier);
    return REAP_OK;
}

static void *rank(void *ctx)
{
    struct fake_rank *me = ctx;
    struct reap_fit_args a = me->team->a;

    a.team.rank = me->rank;
    a.team.ctx = me;
    a.team.share = share;
    me->head = fitted(a);
    return NULL;
}

static bool ranks_agree(struct reap_fit_args a, size_t ranks,
                        struct reap_head *want)
{
    struct fake team = { .a = a };
    struct fake_rank r[RANKS];
    pthread_t thread[RANKS];
    bool yes = true;

    team.a.team.ranks = ranks;
    pthread_barrier_init(&team.barrier, NULL, (unsigned)ranks);
    for (size_t i = 0; i < ranks; i++) {
        r[i] = (struct fake_rank){ .team = &team, .rank = i };
        pthread_create(&thread[i], NULL, rank, &r[i]);
    }
    for (size_t i = 0; i < ranks; i++) {
        pthread_join(thread[i], NULL);
        yes = same(want, r[i].head) && yes;
    }
    pthread_barrier_destroy(&team.barrier);
    return yes;
}

static void equal(size_t hidden, bool multi, enum reap_fit_rule rule,
                  const char *what)
{
    static const char *const levels[] = { "ref", "avx2", "avx512" };
    struct reap_fit_args a = args(hidden, multi);
    struct reap_head *want;
    char *was = getenv("REAP_CPU");

    set_labels(multi);
    a.rule = rule;
    a.momentum = 0.9;
    a.dropout = hidden ? 0.5 : 0;
    a.l2 = 1e-3;
    want = fitted(a);
    for (a.threads = 2; a.threads <= 5; a.threads++)
        ok(same(want, fitted(a)), "%s: %zu threads", what, a.threads);
    a.threads = 2;
    for (size_t n = 2; n <= RANKS; n++)
        ok(ranks_agree(a, n, want), "%s: %zu ranks", what, n);
    for (size_t i = 0; i < 3; i++) {
        setenv("REAP_CPU", levels[i], 1);
        ok(same(want, fitted(a)), "%s: level %s", what, levels[i]);
    }
    if (was)
        setenv("REAP_CPU", was, 1);
    else
        unsetenv("REAP_CPU");
    reap_head_free(&want);
}

/* Three steps, a copy of all there is, and the rest in another fit. */
static void goes_on(void)
{
    struct reap_fit_args a = args(HIDDEN, false);
    struct reap_fit *f, *g;
    struct reap_fit_score sum = { 0 };
    struct reap_fit_batch b;
    struct reap_head *part, *end;
    int rc;

    set_labels(false);
    b = (struct reap_fit_batch){ &source, row, ROWS };
    a.dropout = 0.25;
    rc = reap_fit_new(&f, &a, NULL);
    if (!rc)
        rc = reap_fit_new(&g, &a, NULL);
    for (int s = 0; !rc && s < 3; s++)
        rc = reap_fit_step(f, &b, NULL, 0.01, &sum, NULL);
    if (rc || reap_fit_head(f, &part, NULL))
        abort();
    for (int p = REAP_FIT_WEIGHTS; p <= REAP_FIT_SECOND; p++) {
        rc = reap_fit_get(f, p, part, NULL);
        reap_fit_set(g, p, part);
    }
    reap_fit_set_steps(g, reap_fit_steps(f));
    for (int s = 0; !rc && s < 3; s++) {
        rc = reap_fit_step(f, &b, NULL, 0.01, &sum, NULL);
        if (!rc)
            rc = reap_fit_step(g, &b, NULL, 0.01, &sum, NULL);
    }
    end = weights_of(f);
    ok(!rc && same(end, weights_of(g)), "a copy goes on as the first did");
    reap_head_free(&part);
    reap_head_free(&end);
    reap_fit_free(&f);
    reap_fit_free(&g);
}

static void stops(void)
{
    struct reap_fit_args a = args(HIDDEN, false);
    struct reap_fit *f;
    struct reap_fit_score sum = { 0 };
    struct reap_fit_batch b = { &source, row, ROWS };
    struct reap_head *before;
    const float was = x[5];

    set_labels(false);
    if (reap_fit_new(&f, &a, NULL))
        abort();
    before = weights_of(f);
    x[5] = NAN;
    ok(!reap_fit_step(f, &b, NULL, 0.01, &sum, NULL) && isnan(sum.loss) &&
           same(before, weights_of(f)) && !reap_fit_steps(f),
       "a loss that is no number is told and changes nothing");
    x[5] = was;
    reap_head_free(&before);
    reap_fit_free(&f);
}

static void refuses(void)
{
    struct reap_fit_args a = args(HIDDEN, false);
    struct reap_err err = { 0 };
    struct reap_fit *f;
    int rc = REAP_ENOMEM, odd = 0;
    long i;

    a.batch = 0;
    ok(reap_fit_new(&f, &a, &err) == REAP_EINVAL && !f, "no batch: %s",
       err.msg);
    a.batch = REAP_FIT_BATCH_MAX;
    a.in = 100000;
    ok(reap_fit_new(&f, &a, &err) == REAP_EINVAL, "too large: %s", err.msg);
    a = args(HIDDEN, false);
    a.threads = 2;
    for (i = 1; rc && i < 500; i++) {
        reap_mem_fail_at(i);
        rc = reap_fit_new(&f, &a, &err);
        odd += rc ? rc != REAP_ENOMEM || f : 0;
        reap_fit_free(&f);
    }
    reap_mem_fail_at(0);
    ok(!rc && i > 10 && !odd, "each of %ld allocations fails once", i - 2);
}

int main(void)
{
    fill_seed();
    fill_real(x, ROWS * IN);
    for (size_t c = 0; c < CLASSES; c++)
        weight[c] = 0.5f + 0.1f * (float)c;
    gradients(0, false, 0, "linear softmax");
    gradients(0, true, 1e-3, "linear sigmoid with a penalty");
    gradients(HIDDEN, false, 1e-3, "hidden softmax with a penalty");
    gradients(HIDDEN, true, 0, "hidden sigmoid");
    equal(0, false, REAP_FIT_ADAM, "linear");
    equal(HIDDEN, true, REAP_FIT_ADAM, "hidden sigmoid");
    equal(HIDDEN, false, REAP_FIT_SGD, "hidden softmax by SGD");
    goes_on();
    stops();
    refuses();
    return done();
}
