/*
 * Three walks over labelled rows: what is predicted and what is true, then
 * logits of a part of them for the temperature, then what it does to the rest.
 * Counting is metrics.c's, printing evaluate_print.c's and evaluate_files.c's.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/text.h"
#include "jobs/judge/evaluate.h"
#include "jobs/judge/temperature.h"

/* Logits that a temperature is fitted on take at most this memory. */
enum { LOGIT_BYTES = 256 << 20, DOUBT_ROWS = 10 };

/* ---- the first walk: truth and guess ---- */

static uint16_t place_of(const struct reap_scored *s, size_t classes,
                         int32_t truth)
{
    size_t ahead = 0;

    if (!s->prob) {
        for (size_t i = 0; i < s->n_top && i < UINT16_MAX; i++)
            if (s->top[i].index == truth)
                return (uint16_t)(i + 1);
        return 0;
    }
    for (size_t i = 0; i < classes; i++)
        ahead += s->prob[i] > s->prob[truth] ||
                 ((int32_t)i < truth && s->prob[i] == s->prob[truth]);
    return ahead < UINT16_MAX ? (uint16_t)(ahead + 1) : 0;
}

static int evaluate_judge(struct reap_evaluation *e,
                          const struct reap_scored *s, long truth,
                          struct reap_err *err)
{
    struct reap_judged *j;

    if (e->n == e->room) {
        const size_t room = e->room ? 2 * e->room : 1024;

        j = reap_realloc(e->judged, room * sizeof(*j));
        if (!j)
            return reap_fail(err, REAP_ENOMEM, "no memory for %zu rows", room);
        e->judged = j;
        e->room = room;
    }
    j = &e->judged[e->n++];
    j->hash = reap_hash(e->seed, s->row.key.data, s->row.key.len);
    j->truth = (int32_t)truth;
    j->guess = s->top[0].index;
    j->prob = s->top[0].prob;
    j->place = place_of(s, e->of.n_classes, j->truth);
    j->held = true;
    return REAP_OK;
}

/* A class counted from 1 is one that does not exist if it is the last. */
static void look_beyond(struct reap_evaluation *e, const char *label,
                        const struct reap_scored *s)
{
    char last[24];

    snprintf(last, sizeof(last), "%zu", e->of.n_classes);
    if (e->of.groups || strcmp(label + strspn(label, "0"), last) != 0)
        return;
    e->beyond++;
    e->below += (size_t)s->top[0].index + 1 == e->of.n_classes;
}

/* Count a row of no use; false if it is one to be judged. */
static bool passed_over(struct reap_evaluation *e, const struct reap_scored *s,
                        long truth)
{
    const char *label = reap_truth_label(e->of.truth, &s->row, 0);

    if (!label)
        e->unlabelled++;
    else if (s->wrong)
        e->wrong++;
    else if (!s->good)
        e->bad++;
    else if (truth == REAP_TWO_CLASSES)
        e->ambiguous++;
    else if (truth < 0)
        e->unknown++;
    else
        return false;
    if (!label || !s->good)
        return true;
    look_beyond(e, label, s);
    if (!*e->unknown_label)
        reap_text_escape(
            e->unknown_label, sizeof(e->unknown_label),
            (struct reap_bytes){ (const uint8_t *)label, strlen(label) });
    return true;
}

static int first_walk(struct reap_evaluation *e, struct reap_err *err)
{
    const struct reap_truth_counts *c = reap_truth_counts(e->of.truth);
    int32_t guess_before = -1, truth_before = -1;
    struct reap_scored s;
    size_t met = 0;
    int rc;

    while (!(rc = reap_labelled_next(&e->of, &s, err))) {
        const long truth = reap_labelled_truth(&e->of, &s.row);

        e->rows++;
        met += reap_truth_has(e->of.truth, s.row.key);
        if (passed_over(e, &s, truth))
            continue;
        rc = evaluate_judge(e, &s, truth, err);
        if (rc)
            return rc;
        e->above += truth + 1 == s.top[0].index;
        e->below += truth - 1 == s.top[0].index;
        e->later += guess_before == truth;
        e->earlier += s.top[0].index == truth_before;
        guess_before = s.top[0].index;
        truth_before = (int32_t)truth;
    }
    if (rc != REAP_ENOTFOUND)
        return rc;
    e->unmet = c->keys + c->blank - met;
    return REAP_OK;
}

static int nothing(const struct reap_evaluation *e,
                   const struct reap_evaluate_args *a, struct reap_err *err)
{
    if (e->unknown + e->ambiguous)
        return reap_fail(err, REAP_ENOTFOUND,
                         "%s: no true label is one of its %zu classes; the "
                         "first is \"%s\"",
                         a->of.store, e->of.n_classes, e->unknown_label);
    if (e->bad + e->wrong)
        return reap_fail(err, REAP_ENOTFOUND,
                         "%s: none of its rows with a true label has a result",
                         a->of.store);
    if (a->of.truth && strcmp(a->of.truth, "stored"))
        return reap_fail(err, REAP_ENOTFOUND,
                         "%s: none of its %zu keys has a label in %s; reap "
                         "export shows what keys look like",
                         a->of.store, e->rows, a->of.truth);
    return reap_fail(err, REAP_ENOTFOUND,
                     "%s: none of its %zu rows has a true label: give "
                     "--truth FILE with lines of key, tab, label",
                     a->of.store, e->rows);
}

/* ---- the second and third walk: temperature ---- */

/* Judged row i once more. A run may have added others to the store since. */
static int judged_again(struct reap_evaluation *e, size_t i,
                        struct reap_scored *s, struct reap_err *err)
{
    int rc;

    do
        rc = reap_labelled_next(&e->of, s, err);
    while (!rc && (!s->good || reap_hash(e->seed, s->row.key.data,
                                         s->row.key.len) != e->judged[i].hash));
    return rc == REAP_ENOTFOUND
               ? reap_fail(err, REAP_ESTOPPED,
                           "%s lost rows meanwhile: run the command again",
                           e->of.view.path)
               : rc;
}

static int fit_temperature(struct reap_evaluation *e, struct reap_err *err)
{
    const size_t row = e->of.n_classes * sizeof(float);
    size_t most = LOGIT_BYTES / row + 1, rows = 0, step;
    struct reap_scored s;
    float *logit;
    int32_t *truth;
    int rc = REAP_OK;

    for (size_t i = 0; i < e->n; i++)
        rows += !e->judged[i].held;
    if (!rows)
        return REAP_OK;
    step = (rows - 1) / most + 1; /* of more than fit, each step-th */
    rows = (rows + step - 1) / step;
    logit = reap_aligned(rows * row);
    truth = reap_calloc(rows, sizeof(*truth));
    if (!logit || !truth)
        rc = reap_fail(err, REAP_ENOMEM, "no memory for logits");
    reap_labelled_rewind(&e->of);
    for (size_t i = 0, seen = 0; !rc && i < e->n; i++) {
        rc = judged_again(e, i, &s, err);
        if (rc || e->judged[i].held || seen++ % step)
            continue;
        memcpy(logit + e->n_fitted * e->of.n_classes, s.logit, row);
        truth[e->n_fitted++] = e->judged[i].truth;
    }
    if (!rc)
        e->temperature = reap_temperature_fit(logit, truth, e->n_fitted,
                                              e->of.n_classes, &e->at_bound);
    reap_free(logit);
    reap_free(truth);
    return rc;
}

static int weigh(struct reap_evaluation *e, struct reap_err *err)
{
    float *prob = reap_calloc(e->of.n_classes, sizeof(*prob));
    struct reap_scored s;
    int rc = prob ? REAP_OK
                  : reap_fail(err, REAP_ENOMEM, "no memory for probabilities");

    reap_labelled_rewind(&e->of);
    for (size_t i = 0; !rc && i < e->n; i++) {
        const struct reap_judged *j = &e->judged[i];
        const bool right = j->truth == j->guess;

        rc = judged_again(e, i, &s, err);
        if (rc || !j->held)
            continue;
        reap_reliability_add(&e->before, (double)j->prob, right);
        if (s.prob)
            reap_reliability_full(&e->before, s.prob, e->of.n_classes,
                                  j->truth);
        if (!(e->temperature > 0))
            continue;
        reap_temperature_apply(s.logit, e->of.n_classes, e->temperature, prob);
        reap_reliability_add(&e->after, (double)prob[j->guess], right);
        reap_reliability_full(&e->after, prob, e->of.n_classes, j->truth);
    }
    reap_free(prob);
    return rc;
}

/* ---- all of it ---- */

static int set_threshold(struct reap_evaluation *e,
                         const struct reap_evaluate_args *a,
                         struct reap_err *err)
{
    e->threshold = a->threshold;
    e->threshold_found = true;
    if (!(a->abstain > 0))
        return REAP_OK;
    return reap_threshold(e->judged, e->n, false, a->abstain,
                          &e->threshold_found, &e->threshold, err);
}

int reap_evaluation_open(struct reap_evaluation *e,
                         const struct reap_evaluate_args *a,
                         struct reap_err *err)
{
    int rc;

    memset(e, 0, sizeof(*e));
    e->seed = a->seed;
    rc = reap_labelled_open(&e->of, &a->of, err);
    if (!rc)
        rc = first_walk(e, err);
    if (!rc && !e->n)
        rc = nothing(e, a, err);
    if (!rc)
        rc = reap_confusions(e->judged, e->n, &e->confusion, &e->n_confusions,
                             err);
    if (!rc &&
        !(e->of_class = reap_calloc(e->of.n_classes, sizeof(*e->of_class))))
        rc = reap_fail(err, REAP_ENOMEM, "no memory for classes");
    if (rc)
        return rc;
    reap_metrics(e->judged, e->n, e->of.n_classes, e->of_class, &e->score);
    if (reap_scores_full(e->of.scores) || a->abstain > 0)
        rc = reap_hold_out(e->judged, e->n, a->share, err);
    if (!rc && reap_scores_full(e->of.scores))
        rc = fit_temperature(e, err);
    if (!rc)
        rc = weigh(e, err);
    return rc ? rc : set_threshold(e, a, err);
}

const char *reap_evaluation_doubt(const struct reap_evaluation *e, char *buf,
                                  size_t size)
{
    static const char words[] =
        "the labels look moved by one: %zu of %zu are right as they are, %zu "
        "if each %s%s";
    const struct {
        size_t right;
        const char *if_each, *do_what;
    } moved[] = {
        { e->above, "class is one higher",
          ": do they count from 0 and the classes from 1, or is there a class "
          "for the background? --label-offset 1 moves them" },
        { e->below, "class is one lower",
          ": do they count from 1? --label-offset -1 moves them" },
        { e->later, "label belonged to the key before it",
          ": was a line lost or added in the file of labels?" },
        { e->earlier, "label belonged to the key after it",
          ": was a line lost or added in the file of labels?" },
    };
    const size_t right = e->score.right, n = e->n + e->beyond;

    buf[0] = '\0';
    for (size_t i = 0; i < sizeof(moved) / sizeof(*moved); i++)
        if (moved[i].right >= DOUBT_ROWS && moved[i].right > 2 * right &&
            4 * moved[i].right > n)
            snprintf(buf, size, words, right, n, moved[i].right,
                     moved[i].if_each, moved[i].do_what);
    return buf;
}

void reap_evaluation_close(struct reap_evaluation *e)
{
    reap_free(e->judged);
    reap_free(e->of_class);
    reap_free(e->confusion);
    reap_labelled_close(&e->of);
}
