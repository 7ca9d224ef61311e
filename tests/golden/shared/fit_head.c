/* A head fitted in 20 steps beside the same steps in double precision: every
 * loss, the weights at the end and what they give. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/fit/fit.h"
#include "tests/golden_data.h"
#include "tests/tap.h"

enum {
    ROWS = 250,
    BATCH = 50,
    EPOCHS = 4,
    IN = 2048,
    HIDDEN = 16,
    CLASSES = 10
};

static void load(const void *ctx, size_t i, float *to)
{
    memcpy(to, (const float *)ctx + i * IN, IN * sizeof(*to));
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

/* Largest distance of the losses. */
static double fit(struct reap_fit *f, const struct reap_fit_source *from,
                  const float *want)
{
    size_t row[ROWS];
    double most = 0;

    for (size_t i = 0; i < ROWS; i++)
        row[i] = i;
    for (size_t s = 0; s < EPOCHS * ROWS / BATCH; s++) {
        const struct reap_fit_batch b = { from, row + s * BATCH % ROWS, BATCH };
        struct reap_fit_score sum = { 0 };
        double d;

        if (reap_fit_step(f, &b, NULL, 1e-3, &sum, NULL))
            return INFINITY;
        d = fabs(sum.loss / BATCH - (double)want[s]);
        most = d <= most ? most : isnan(d) ? INFINITY : d;
    }
    return most;
}

static void compare(const struct golden *g, struct reap_fit *f)
{
    float kernel[IN * HIDDEN], logits[ROWS * CLASSES];
    struct reap_head *h;
    double w, b;
    float *scratch;

    if (reap_fit_head(f, &h, NULL) ||
        reap_fit_get(f, REAP_FIT_WEIGHTS, h, NULL))
        abort();
    reap_head_get_kernel(h, 0, kernel);
    w = apart(IN * HIDDEN, kernel, golden_find(g, "w1")->data);
    reap_head_get_kernel(h, 1, kernel);
    w = fmax(w, apart(HIDDEN * CLASSES, kernel, golden_find(g, "w2")->data));
    b = apart(HIDDEN, h->dense[0].bias, golden_find(g, "b1")->data);
    b = fmax(b, apart(CLASSES, h->dense[1].bias, golden_find(g, "b2")->data));
    ok(w <= 1e-4, "kernels end within 1e-4: %.1e", w);
    ok(b <= 1e-4, "biases too: %.1e", b);
    scratch = reap_aligned(reap_head_scratch(h, ROWS) * sizeof(*scratch));
    reap_head_run(h, ROWS, golden_find(g, "x")->data, logits, NULL, scratch);
    ok(golden_error(ROWS, CLASSES, logits, golden_find(g, "logits")->data) <=
           1e-4,
       "the fitted head gives the same logits");
    reap_free(scratch);
    reap_head_free(&h);
}

static void one(const struct golden *g, size_t threads)
{
    const struct reap_fit_args a = { .in = IN,
                                     .hidden = HIDDEN,
                                     .classes = CLASSES,
                                     .batch = BATCH,
                                     .threads = threads,
                                     .team = REAP_TEAM_ALONE };
    size_t at[ROWS + 1];
    uint32_t label[ROWS];
    const struct reap_fit_source from = { golden_find(g, "x")->data, load, at,
                                          label };
    struct reap_fit *f;
    struct reap_head *h;
    double off;

    for (size_t i = 0; i < ROWS; i++)
        label[i] = (uint32_t)golden_find(g, "labels")->data[i];
    for (size_t i = 0; i <= ROWS; i++)
        at[i] = i;
    if (reap_fit_new(&f, &a, NULL) || reap_fit_head(f, &h, NULL))
        abort();
    reap_head_set_kernel(h, 0, golden_find(g, "first1")->data);
    reap_head_set_kernel(h, 1, golden_find(g, "first2")->data);
    reap_fit_set(f, REAP_FIT_WEIGHTS, h);
    reap_head_free(&h);
    off = fit(f, &from, golden_find(g, "losses")->data);
    ok(off <= 1e-5, "losses of 20 steps are within 1e-5: %.1e", off);
    compare(g, f);
    reap_fit_free(&f);
}

int main(void)
{
    struct golden g;
    const char *why = golden_open(&g);

    if (why) {
        printf("1..0 # SKIP %s\n", why);
        return 0;
    }
    ok(!golden_make(&g, "fit-head"), "prepare.py makes the references");
    one(&g, 1);
    one(&g, 2);
    golden_close(&g);
    return done();
}
