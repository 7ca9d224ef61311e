/* Directions from the last ten steps (two loops), and a line search that first
 * grows a step until it brackets a minimum and then narrows it down by cubics.
 * Value and gradient are the caller's. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/fit/lbfgs.h"

enum { PAIRS = 10, TRIES = 20 };
static const double ARMIJO = 1e-4, WOLFE = 0.9;
/* A value that falls by no more than this part of itself is at its end. */
static const double STILL = 64 * DBL_EPSILON;

/* A point on the line: how far, value, slope. */
struct point {
    double a, f, d;
};

struct search {
    struct reap_lbfgs *l;
    double *x, *g;     /* where we stand */
    double *to, *g_to; /* where we look */
    double *dir;
    double *s[PAIRS], *y[PAIRS], rho[PAIRS];
    size_t pairs, last; /* pairs kept, place of the newest */
    double *own;
};

static double lbfgs_dot(size_t n, const double *a, const double *b)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static double largest(size_t n, const double *g)
{
    double most = 0;

    for (size_t i = 0; i < n; i++)
        most = fabs(g[i]) > most ? fabs(g[i]) : most;
    return most;
}

/* Value and slope at 'a' along the direction; leaves 'to' and 'g_to' there. */
static int lbfgs_look(struct search *s, double a, struct point *p,
                      struct reap_err *err)
{
    const size_t n = s->l->n;
    int rc;

    for (size_t i = 0; i < n; i++)
        s->to[i] = s->x[i] + a * s->dir[i];
    p->a = a;
    s->l->values++;
    rc = s->l->value(s->l->ctx, s->to, &p->f, s->g_to, err);
    if (!rc)
        p->d = lbfgs_dot(n, s->g_to, s->dir);
    return rc;
}

/* The two loops: dir = -H g. */
static void direct(struct search *s)
{
    const size_t n = s->l->n;
    double alpha[PAIRS], gamma = 1;

    for (size_t i = 0; i < n; i++)
        s->dir[i] = -s->g[i];
    for (size_t k = 0; k < s->pairs; k++) {
        const size_t p = (s->last + PAIRS - k) % PAIRS;

        alpha[p] = s->rho[p] * lbfgs_dot(n, s->s[p], s->dir);
        for (size_t i = 0; i < n; i++)
            s->dir[i] -= alpha[p] * s->y[p][i];
    }
    if (s->pairs)
        gamma =
            1 / (s->rho[s->last] * lbfgs_dot(n, s->y[s->last], s->y[s->last]));
    for (size_t i = 0; i < n; i++)
        s->dir[i] *= gamma;
    for (size_t k = s->pairs; k-- > 0;) {
        const size_t p = (s->last + PAIRS - k) % PAIRS;
        const double beta = s->rho[p] * lbfgs_dot(n, s->y[p], s->dir);

        for (size_t i = 0; i < n; i++)
            s->dir[i] += (alpha[p] - beta) * s->s[p][i];
    }
}

/* Where a cubic through both points is least; halfway if it is near an end
 * or nowhere. */
static double lbfgs_between(const struct point *p, const struct point *q)
{
    const double lo = fmin(p->a, q->a), hi = fmax(p->a, q->a);
    const double d1 = p->d + q->d - 3 * (p->f - q->f) / (p->a - q->a);
    const double root = sqrt(d1 * d1 - p->d * q->d);
    const double d2 = q->a > p->a ? root : -root;
    const double a =
        q->a - (q->a - p->a) * (q->d + d2 - d1) / (q->d - p->d + 2 * d2);
    const double edge = 0.1 * (hi - lo);

    return a >= lo + edge && a <= hi - edge ? a : (lo + hi) / 2;
}

static bool falls(const struct point *from, const struct point *p)
{
    return p->f <= from->f + ARMIJO * p->a * from->d;
}

static bool flat(const struct point *from, const struct point *p)
{
    return fabs(p->d) <= -WOLFE * from->d;
}

/* Narrow down between 'lo', the best so far, and 'hi'. '*out' is where the
 * search stands at the end. */
static int zoom(struct search *s, const struct point *from, struct point lo,
                struct point hi, struct point *out, struct reap_err *err)
{
    int rc = REAP_OK;

    *out = lo;
    for (int i = 0; !rc && i < TRIES; i++) {
        rc = lbfgs_look(s, lbfgs_between(&lo, &hi), out, err);
        if (rc || (falls(from, out) && out->f < lo.f && flat(from, out)))
            return rc;
        if (!falls(from, out) || out->f >= lo.f) {
            hi = *out;
        } else {
            if (out->d * (hi.a - lo.a) >= 0)
                hi = lo;
            lo = *out;
        }
        if (fabs(hi.a - lo.a) <= 1e-12 * fabs(lo.a))
            break;
    }
    if (!rc && out->a != lo.a && lo.a > 0)
        rc = lbfgs_look(s, lo.a, out, err);
    return rc;
}

/* A step that fulfils both conditions, from 'a' on. */
static int line(struct search *s, const struct point *from, double a,
                struct point *out, struct reap_err *err)
{
    struct point last = *from;
    int rc = REAP_OK;

    for (int i = 0; !rc && i < TRIES; i++) {
        rc = lbfgs_look(s, a, out, err);
        if (rc)
            return rc;
        if (!isfinite(out->f)) { /* too far: nothing can be learnt there */
            a = (last.a + a) / 2;
            continue;
        }
        if (!falls(from, out) || (i && out->f >= last.f))
            return zoom(s, from, last, *out, out, err);
        if (flat(from, out))
            return REAP_OK;
        if (out->d >= 0)
            return zoom(s, from, *out, last, out, err);
        last = *out;
        a *= 2;
    }
    return rc;
}

/* Remember the step from x to 'to', unless it tells nothing of the curve. */
static void lbfgs_keep(struct search *s)
{
    const size_t n = s->l->n, p = s->pairs ? (s->last + 1) % PAIRS : 0;
    double sy, yy;

    for (size_t i = 0; i < n; i++) {
        s->s[p][i] = s->to[i] - s->x[i];
        s->y[p][i] = s->g_to[i] - s->g[i];
    }
    sy = lbfgs_dot(n, s->s[p], s->y[p]);
    yy = lbfgs_dot(n, s->y[p], s->y[p]);
    if (sy > DBL_EPSILON * yy) {
        s->rho[p] = 1 / sy;
        s->last = p;
        s->pairs += s->pairs < PAIRS;
    }
    memcpy(s->x, s->to, n * sizeof(*s->x));
    memcpy(s->g, s->g_to, n * sizeof(*s->g));
}

static bool lbfgs_lay(struct search *s)
{
    const size_t n = s->l->n;
    double *at = reap_calloc((4 + 2 * PAIRS) * n, sizeof(*at));

    s->own = at;
    if (!at)
        return false;
    s->g = at;
    s->to = at + n;
    s->g_to = at + 2 * n;
    s->dir = at + 3 * n;
    at += 4 * n;
    for (int p = 0; p < PAIRS; p++, at += 2 * n) {
        s->s[p] = at;
        s->y[p] = at + n;
    }
    return true;
}

/* One step; '*over' if it was the last. */
static int lbfgs_step(struct search *s, double *f, bool *over,
                      struct reap_err *err)
{
    struct reap_lbfgs *l = s->l;
    struct point from, to = { 0, *f, 0 };
    int rc;

    direct(s);
    from = (struct point){ 0, *f, lbfgs_dot(l->n, s->g, s->dir) };
    if (!(from.d < 0)) { /* the pairs have gone bad: begin anew */
        s->pairs = 0;
        direct(s);
        from.d = lbfgs_dot(l->n, s->g, s->dir);
    }
    rc = line(s, &from, s->pairs ? 1 : fmin(1, 1 / sqrt(-from.d)), &to, err);
    if (rc)
        return rc;
    *over = !(to.f < *f) || !isfinite(to.f);
    if (*over) {
        l->settled = true;
        return REAP_OK;
    }
    l->settled = *f - to.f <= STILL * fmax(fmax(fabs(*f), fabs(to.f)), 1);
    *f = to.f;
    lbfgs_keep(s);
    l->settled = l->settled || largest(l->n, s->g) <= l->small;
    l->steps++;
    *over = l->settled || l->steps >= l->most;
    return l->step ? l->step(l->ctx, l->steps, *f, err) : REAP_OK;
}

int reap_lbfgs_run(struct reap_lbfgs *l, double *x, struct reap_err *err)
{
    struct search s = { .l = l, .x = x };
    bool over = false;
    double f = 0;
    int rc = lbfgs_lay(&s)
                 ? REAP_OK
                 : reap_fail(err, REAP_ENOMEM, "no memory to search in");

    l->steps = 0;
    l->values = 1;
    l->settled = false;
    if (!rc)
        rc = l->value(l->ctx, x, &f, s.g, err);
    if (!rc && !isfinite(f))
        rc = reap_fail(err, REAP_EINVAL, "the value is no number at first");
    if (!rc)
        over = l->settled = largest(l->n, s.g) <= l->small;
    while (!rc && !over)
        rc = lbfgs_step(&s, &f, &over, err);
    l->least = f;
    reap_free(s.own);
    return rc;
}
