/*
 * Accuracy, averages, reliability, temperature, thresholds, beside numbers that
 * scikit-learn 1.9 and SciPy gave for the same 300 rows.
 */
#include <math.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/head/head.h"
#include "jobs/judge/metrics.h"
#include "jobs/judge/temperature.h"
#include "tests/tap.h"

enum { ROWS = 300, CLASSES = 6 };

static float logit[ROWS][CLASSES], prob[ROWS][CLASSES];
static int32_t truth[ROWS];
static struct reap_judged row[ROWS];
static uint32_t state = 1;

static int chance(int n)
{
    state = (state * 1103515245 + 12345) % (1u << 31);
    return (int)(state >> 16) % n;
}

static void make_rows(void)
{
    for (int i = 0; i < ROWS; i++) {
        struct reap_top best[CLASSES];

        truth[i] = chance(5);
        for (int c = 0; c < CLASSES; c++)
            logit[i][c] = (float)((chance(2000) - 1000) / 400.);
        logit[i][truth[i]] += (float)(chance(3000) / 750.);
        reap_head_activate(REAP_SOFTMAX, 1, CLASSES, logit[i], prob[i]);
        reap_head_top(CLASSES, prob[i], CLASSES, best);
        row[i] = (struct reap_judged){ .truth = truth[i],
                                       .guess = best[0].index,
                                       .prob = best[0].prob,
                                       .hash = reap_hash(1, &i, sizeof(i)) };
        for (int k = 0; k < CLASSES; k++)
            if (best[k].index == truth[i])
                row[i].place = (uint16_t)(k + 1);
    }
}

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-6 * fabs(b) + 1e-9;
}

static void averages(void)
{
    static const double f1[] = { 0.51376147, 0.608,      0.61052632,
                                 0.64,       0.57894737, 0 };
    struct reap_class_score of[CLASSES];
    struct reap_score s;
    size_t last = 0;
    int good = 0;

    reap_metrics(row, ROWS, CLASSES, of, &s);
    ok(s.accuracy == .56 && s.right == 168, "accuracy: %g", s.accuracy);
    ok(near(s.macro.precision, 0.5233155897981273) &&
           near(s.macro.recall, 0.4689846651220875) &&
           near(s.macro.f1, 0.4918725253500725),
       "means of classes, one of which nothing is in truth");
    ok(near(s.weighted.precision, 0.6318936443825967) &&
           near(s.weighted.recall, 0.56) &&
           near(s.weighted.f1, 0.5904389377112507),
       "means by rows");
    for (int c = 0; c < CLASSES; c++)
        good += fabs(of[c].f1 - f1[c]) < 1e-8;
    ok(good == CLASSES, "F1 of each class");
    for (int i = 0; i < ROWS; i++)
        last += row[i].place == CLASSES;
    ok(last > 0 && s.within5 == ROWS - last, "the five best of six");
    reap_metrics(row, 0, CLASSES, of, &s);
    ok(s.accuracy == 0 && s.macro.f1 == 0 && !s.present, "no rows at all");
}

static void confusions(void)
{
    static const size_t want[5][CLASSES] = { { 28, 8, 6, 5, 9, 8 },
                                             { 5, 38, 5, 3, 6, 7 },
                                             { 3, 3, 29, 3, 9, 2 },
                                             { 5, 6, 4, 40, 3, 11 },
                                             { 4, 6, 2, 5, 33, 4 } };
    struct reap_confusion *c;
    struct reap_err err = { 0 };
    size_t n, good = 0;

    ok(!reap_confusions(row, ROWS, &c, &n, &err) && n == 30,
       "30 pairs of truth and guess");
    for (size_t i = 0; i < n; i++)
        good += (size_t)c[i].truth == i / 6 && (size_t)c[i].guess == i % 6 &&
                c[i].rows == want[i / 6][i % 6];
    ok(good == 30, "each as often as it is");
    reap_free(c);
    reap_mem_fail_at(1);
    ok(reap_confusions(row, ROWS, &c, &n, &err) == REAP_ENOMEM && !c,
       "no memory");
}

static void reliability(void)
{
    struct reap_reliability r = { .full = 0 };
    double most, ece;

    for (int i = 0; i < ROWS; i++) {
        reap_reliability_add(&r, (double)row[i].prob,
                             row[i].truth == row[i].guess);
        reap_reliability_full(&r, prob[i], CLASSES, truth[i]);
    }
    ece = reap_reliability_error(&r, &most);
    ok(near(ece, 0.09971615413824718) && near(most, 0.24500547349452972),
       "expected calibration error: %.9f, largest %.9f", ece, most);
    ok(near(r.nll / ROWS, 1.2434393003254587), "negative log likelihood");
    ok(near(r.brier / ROWS, 0.5731588341716765), "Brier score");
    memset(&r, 0, sizeof(r));
    ok(reap_reliability_error(&r, &most) == 0 && most == 0, "no rows");
    reap_reliability_add(&r, 0, false);
    reap_reliability_add(&r, 1, true);
    reap_reliability_add(&r, 1. / REAP_BINS, true);
    reap_reliability_add(&r, 1.0001, true);
    ok(r.rows[0] == 2 && r.rows[REAP_BINS - 1] == 2,
       "0 and the end of a bin are in the bin below");
}

static void temperature(void)
{
    static const float sure[] = { 5, 0, 0, 5 }, wrong[] = { 5, 0, 0, 5 };
    static const int32_t right[] = { 0, 1 }, other[] = { 1, 0 };
    float p[CLASSES];
    double nll = 0, t;
    bool bound;

    t = reap_temperature_fit(logit[0], truth, ROWS, CLASSES, &bound);
    ok(near(t, 1.251815046543553) && !bound, "temperature %.9f", t);
    for (int i = 0; i < ROWS; i++) {
        reap_temperature_apply(logit[i], CLASSES, t, p);
        nll -= log((double)p[truth[i]]) / ROWS;
    }
    ok(near(nll, 1.2240090330432702), "its negative log likelihood: %.9f", nll);
    ok(reap_temperature_fit(sure, right, 2, 2, &bound) == REAP_COLDEST && bound,
       "all right: the coldest");
    ok(reap_temperature_fit(wrong, other, 2, 2, &bound) == REAP_HOTTEST &&
           bound,
       "all wrong: the hottest");
}

static void thresholds(void)
{
    struct reap_coverage c;
    struct reap_err err = { 0 };
    bool found;
    float t;

    for (int i = 0; i < ROWS; i++)
        row[i].held = false;
    ok(!reap_threshold(row, ROWS, false, .8, &found, &t, &err) && found &&
           t == 0.5417988f,
       "right in 80 %% above %.7f", (double)t);
    c = reap_coverage(row, ROWS, REAP_PART_ALL, t);
    ok(c.rows == 153 && c.of == ROWS && (double)c.right / 153 >= .8,
       "these are 153 rows");
    ok(!reap_threshold(row, ROWS, true, .8, &found, &t, &err) && !found &&
           isinf(t),
       "none of no rows");
    ok(!reap_threshold(row, ROWS, false, 0, &found, &t, &err) &&
           reap_coverage(row, ROWS, REAP_PART_FITTED, t).rows == ROWS,
       "all rows are right in 0 %%");
    row[0] = (struct reap_judged){ .truth = 0, .guess = 1, .prob = .5f };
    row[1] = (struct reap_judged){ .truth = 1, .guess = 1, .prob = .5f };
    ok(!reap_threshold(row, 2, false, 1, &found, &t, &err) && !found,
       "rows of one probability are in or out together");
}

static void parts(void)
{
    size_t of[CLASSES] = { 0 }, held[CLASSES] = { 0 }, good = 0;
    struct reap_judged again[ROWS];
    struct reap_err err = { 0 };

    ok(!reap_hold_out(row, ROWS, .25, &err), "a quarter is held out");
    for (int i = 0; i < ROWS; i++) {
        of[row[i].truth]++;
        held[row[i].truth] += row[i].held;
        again[ROWS - 1 - i] = row[i];
        again[ROWS - 1 - i].held = false;
    }
    for (int c = 0; c < 5; c++)
        good += held[c] == (size_t)((double)of[c] * .25 + .5);
    ok(good == 5, "of each class");
    ok(!reap_hold_out(again, ROWS, .25, &err), "once more, in another order");
    good = 0;
    for (int i = 0; i < ROWS; i++)
        good += row[i].held == again[ROWS - 1 - i].held;
    ok(good == ROWS, "the same rows");
    good = 0;
    for (int i = 0; i < ROWS; i++)
        row[i].truth = i;
    ok(!reap_hold_out(row, ROWS, .5, &err), "classes of one row each");
    for (int i = 0; i < ROWS; i++)
        good += row[i].held;
    ok(good > ROWS / 3 && good < ROWS * 2 / 3, "some are held: %zu", good);
    row[1].truth = row[0].truth;
    ok(!reap_hold_out(row, 2, .01, &err) && row[0].held != row[1].held &&
           !reap_hold_out(row, 2, .99, &err) && row[0].held != row[1].held,
       "of two rows there is one in each part");
}

int main(void)
{
    make_rows();
    averages();
    confusions();
    reliability();
    temperature();
    thresholds();
    make_rows();
    parts();
    return done();
}
