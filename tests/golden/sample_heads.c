/*
 * Heads fitted in 20 steps to made embeddings, against Keras in double
 * precision: every loss, the weights at the end, what they give.
 *
 * float32 rounds a number to 6e-8 of it. Sums have 256 terms and 20 steps add
 * up: a loss of about 3 is off by 1.4e-7, a weight of at most 1 by 1.2e-7
 * (measured on avx512, avx2 and blas). The bounds are three to four times that.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/fit/fit.h"
#include "tests/golden_data.h"
#include "tests/sample.h"
#include "tests/tap.h"

enum {
    ROWS = 250,
    BATCH = 50,
    EPOCHS = 4,
    IN = 256,
    HIDDEN = 16,
    CLASSES = 10,
    SEED = 1
};

static const double loss_bound = 5e-7, weight_bound = 5e-7;

static const struct head {
    const char *name;
    size_t hidden;
    bool several, weighted;
    enum reap_fit_rule rule;
    double rate, momentum, l2;
} heads[] = {
    { "mlp", HIDDEN, false, false, REAP_FIT_ADAM, 1e-3, 0, 0 },
    { "linear", 0, false, false, REAP_FIT_ADAM, 1e-3, 0, 0 },
    { "weighted", 0, false, true, REAP_FIT_ADAM, 1e-3, 0, 0 },
    { "sgd", 0, false, false, REAP_FIT_SGD, 1e-2, 0.9, 1e-2 },
    { "several", 0, true, false, REAP_FIT_ADAM, 1e-3, 0, 0 },
};

struct rows {
    float x[ROWS * IN];
    size_t at[ROWS + 1];
    uint32_t label[2 * ROWS];
};

/* As make_heads.py has them. */
static void make_rows(struct rows *r, bool several)
{
    static float centre[CLASSES * IN];
    size_t n = 0;

    sample_fill(centre, CLASSES * IN, SEED, "centres", -1, 1);
    sample_fill(r->x, ROWS * IN, SEED, "noise", -2, 2);
    for (size_t i = 0; i < ROWS; i++) {
        const uint32_t c = i % CLASSES, other = 3 * c % CLASSES;

        for (size_t k = 0; k < IN; k++)
            r->x[i * IN + k] = fmaxf(centre[c * IN + k] + r->x[i * IN + k], 0);
        r->at[i] = n;
        r->label[n++] = several && other < c ? other : c;
        if (several && other != c)
            r->label[n++] = other < c ? c : other;
    }
    r->at[ROWS] = n;
}

static void load(const void *ctx, size_t i, float *to)
{
    memcpy(to, (const float *)ctx + i * IN, IN * sizeof(*to));
}

/* The reference's array of that head. */
static const float *array(const struct reap_params *all, const struct head *h,
                          const char *name, size_t rank)
{
    char key[60];

    snprintf(key, sizeof(key), "%s/%s", h->name, name);
    return sample_array(all, key, rank)->data;
}

/* Largest distance of n numbers; NaN counts as infinite. */
static double apart(size_t n, const float *a, const float *b)
{
    double most = 0;

    for (size_t i = 0; i < n; i++) {
        const double d = fabs((double)a[i] - (double)b[i]);

        most = d <= most ? most : isnan(d) ? INFINITY : d;
    }
    return most;
}

static void begin(const struct head *h, struct reap_fit *f)
{
    struct reap_head *first;

    if (reap_fit_head(f, &first, NULL))
        abort();
    for (size_t i = 0; i < first->n; i++) {
        const size_t in = first->dense[i].in, out = first->dense[i].out;
        const double far = sqrt(6 / (double)(in + out));
        float kernel[IN * HIDDEN];
        char name[60];

        snprintf(name, sizeof(name), "%s kernel %zu", h->name, i);
        sample_fill(kernel, in * out, SEED, name, -far, far);
        reap_head_set_kernel(first, i, kernel);
    }
    reap_fit_set(f, REAP_FIT_WEIGHTS, first);
    reap_head_free(&first);
}

/* Largest distance of the losses. */
static double steps(const struct head *h, struct reap_fit *f,
                    const struct reap_fit_source *from, const float *want)
{
    size_t row[ROWS];
    double most = 0;

    for (size_t i = 0; i < ROWS; i++)
        row[i] = i;
    for (size_t s = 0; s < EPOCHS * ROWS / BATCH; s++) {
        const struct reap_fit_batch b = { from, row + s * BATCH % ROWS, BATCH };
        struct reap_fit_score sum = { 0 };
        double d;

        if (reap_fit_step(f, &b, NULL, h->rate, &sum, NULL))
            return INFINITY;
        d = fabs(sum.loss / BATCH - (double)want[s]);
        most = d <= most ? most : isnan(d) ? INFINITY : d;
    }
    return most;
}

static void compare(const struct head *h, struct reap_fit *f,
                    const struct rows *r, const struct reap_params *want)
{
    float kernel[IN * HIDDEN], logits[ROWS * CLASSES], *scratch;
    struct reap_head *got;
    double off = 0;

    if (reap_fit_head(f, &got, NULL) ||
        reap_fit_get(f, REAP_FIT_WEIGHTS, got, NULL))
        abort();
    for (size_t i = 0; i < got->n; i++) {
        const struct reap_dense *d = &got->dense[i];
        char name[20];

        reap_head_get_kernel(got, i, kernel);
        snprintf(name, sizeof(name), "kernel%zu", i);
        off = fmax(off, apart(d->in * d->out, kernel, array(want, h, name, 2)));
        snprintf(name, sizeof(name), "bias%zu", i);
        off = fmax(off, apart(d->out, d->bias, array(want, h, name, 1)));
    }
    ok(off <= weight_bound, "%s: weights end within %.0e: %.1e", h->name,
       weight_bound, off);
    if (h->hidden) {
        scratch = reap_aligned(reap_head_scratch(got, ROWS) * sizeof(*scratch));
        reap_head_run(got, ROWS, r->x, logits, NULL, scratch);
        off = golden_error(ROWS, CLASSES, logits, array(want, h, "logits", 2));
        ok(off <= 5e-6, "%s: and give the same logits: %.1e", h->name, off);
        reap_free(scratch);
    }
    reap_head_free(&got);
}

static void check(const struct head *h, const struct reap_params *want,
                  size_t threads)
{
    static struct rows r;
    float by_class[CLASSES];
    const struct reap_fit_args a = {
        .in = IN,
        .hidden = h->hidden,
        .classes = CLASSES,
        .multi = h->several,
        .rule = h->rule,
        .momentum = h->momentum,
        .l2 = h->l2,
        .class_weight = h->weighted ? by_class : NULL,
        .batch = BATCH,
        .threads = threads,
        .team = REAP_TEAM_ALONE,
    };
    const struct reap_fit_source from = { r.x, load, r.at, r.label };
    struct reap_fit *f;
    double off;

    for (size_t i = 0; i < CLASSES; i++)
        by_class[i] = 0.5f + (float)i / 8;
    make_rows(&r, h->several);
    if (reap_fit_new(&f, &a, NULL))
        abort();
    begin(h, f);
    off = steps(h, f, &from, array(want, h, "losses", 1));
    ok(off <= loss_bound, "%s, %zu threads: 20 losses are within %.0e: %.1e",
       h->name, threads, loss_bound, off);
    compare(h, f, &r, want);
    reap_fit_free(&f);
}

int main(void)
{
    struct reap_params *want = sample_arrays("heads.f32");

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        for (size_t threads = 1; threads <= 2; threads++)
            check(&heads[i], want, threads);
    reap_params_free(&want);
    return done();
}
