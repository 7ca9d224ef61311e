/* An evaluation as tables for the terminal, and as JSON. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/text.h"
#include "jobs/cli/words.h"
#include "jobs/judge/evaluate_print.h"

enum { ALL_CLASSES = 40, WORST = 10, CONFUSED = 5, NAME = 60 };

static void print_class(const struct reap_evaluation *e, size_t class)
{
    char buf[REAP_CLASS_NAME];

    fputs(reap_labelled_name(&e->of, class, buf, sizeof(buf)), stdout);
}

/* ---- which classes are shown ---- */

/* A class by its number, to be sorted by how badly it does. */
struct handle {
    const struct reap_class_score *score;
    size_t class;
};

static int worst_first(const void *a, const void *b)
{
    const struct handle *x = a, *y = b;

    if (x->score->f1 != y->score->f1)
        return x->score->f1 < y->score->f1 ? -1 : 1;
    if (x->score->truth != y->score->truth)
        return x->score->truth > y->score->truth ? -1 : 1;
    return (x->class > y->class) - (x->class < y->class);
}

static void print_classes(const struct reap_evaluation *e)
{
    struct handle *h = reap_calloc(e->of.n_classes, sizeof(*h));
    const bool some = e->score.present > ALL_CLASSES;
    size_t n = 0;

    if (!h)
        return;
    for (size_t c = 0; c < e->of.n_classes; c++)
        if (e->of_class[c].truth || e->of_class[c].guess)
            h[n++] = (struct handle){ &e->of_class[c], c };
    if (some)
        qsort(h, n, sizeof(*h), worst_first);
    printf("\n%9s %9s %9s %9s   %s\n", "precision", "recall", "F1", "rows",
           some ? "the worst classes" : "class");
    for (size_t i = 0; i < n && (!some || i < WORST); i++) {
        const struct reap_class_score *s = h[i].score;

        printf("%9.4f %9.4f %9.4f %9zu   ", s->precision, s->recall, s->f1,
               s->truth);
        print_class(e, h[i].class);
        putchar('\n');
    }
    printf("%9.4f %9.4f %9.4f %9zu   macro average (%zu %s)\n",
           e->score.macro.precision, e->score.macro.recall, e->score.macro.f1,
           e->score.rows, e->score.present,
           reap_plural(e->score.present, "class", "classes"));
    printf("%9.4f %9.4f %9.4f %9zu   weighted average\n",
           e->score.weighted.precision, e->score.weighted.recall,
           e->score.weighted.f1, e->score.rows);
    reap_free(h);
}

/* ---- tables ---- */

static void print_rows(const struct reap_evaluation *e)
{
    printf("rows         %zu in the store, %zu with a result and a true "
           "label\n",
           e->rows, e->n);
    if (e->unlabelled)
        printf("             %zu without a true label\n", e->unlabelled);
    if (e->unknown + e->ambiguous)
        printf("             %zu unknown or ambiguous %s (first: %s)\n",
               e->unknown + e->ambiguous,
               reap_plural(e->unknown + e->ambiguous, "label", "labels"),
               e->unknown_label);
    if (e->bad + e->wrong)
        printf("             %zu labelled without a result, %zu with scores "
               "that are NaN or infinite\n",
               e->bad, e->wrong);
    if (e->unmet)
        printf("             %zu labelled %s no row in the store\n", e->unmet,
               reap_plural(e->unmet, "key has", "keys have"));
    printf("accuracy     %.4f (%zu of %zu)\n", e->score.accuracy,
           e->score.right, e->score.rows);
    if (reap_scores_top(e->of.scores) >= 5 ||
        reap_scores_top(e->of.scores) == e->of.n_classes)
        printf("top-5 accuracy %.4f\n", e->score.top5);
}

static void print_honesty(const char *what, const struct reap_reliability *r)
{
    double most, error = reap_reliability_error(r, &most);
    const double n = (double)r->full;

    printf("%-24s %8.4f %8.4f", what, error, most);
    if (r->full)
        printf(" %8.4f %8.4f", r->nll / n, r->brier / n);
    putchar('\n');
}

static size_t rows_of(const struct reap_reliability *r)
{
    size_t n = 0;

    for (size_t b = 0; b < REAP_BINS; b++)
        n += r->rows[b];
    return n;
}

static void print_calibration(const struct reap_evaluation *e)
{
    const bool fitted = e->temperature > 0;
    char what[40];

    printf("\ncalibration, %zu rows%s\n%-24s %8s %8s%s\n", rows_of(&e->before),
           e->n > rows_of(&e->before) ? " that nothing was fitted on" : "", "",
           "ECE", "largest", e->before.full ? "      NLL    Brier" : "");
    print_honesty("as stored", &e->before);
    if (!fitted && !e->before.full)
        puts("a temperature needs probabilities of all classes: classify with "
             "--features probs");
    if (fitted) {
        snprintf(what, sizeof(what), "temperature %.4f", e->temperature);
        print_honesty(what, &e->after);
        if (e->at_bound)
            puts("no best temperature within the range searched: too few "
                 "rows, or all right");
    }
    printf("\n%-14s %8s %9s %9s%s\n", "probability", "rows", "mean", "right",
           fitted ? "   at the temperature: rows      mean     right" : "");
    for (size_t b = 0; b < REAP_BINS; b++) {
        const struct reap_reliability *r[] = { &e->before, &e->after };

        if (!r[0]->rows[b] && !r[1]->rows[b])
            continue;
        printf("%.3f to %.3f", (double)b / REAP_BINS,
               (double)(b + 1) / REAP_BINS);
        for (int i = 0; i < 1 + fitted; i++) {
            const double n = (double)r[i]->rows[b];

            if (r[i]->rows[b])
                printf("%*s%9zu %9.4f %9.4f", i ? 16 : 0, "", r[i]->rows[b],
                       r[i]->sum[b] / n, (double)r[i]->right[b] / n);
            else
                printf("%*s%9d %9s %9s", i ? 16 : 0, "", 0, "-", "-");
        }
        putchar('\n');
    }
}

static void print_part(const struct reap_evaluation *e, const char *name,
                       enum reap_part part)
{
    const struct reap_coverage c =
        reap_coverage(e->judged, e->n, part, e->threshold);

    if (!c.of)
        return;
    printf("%-32s %8zu of %zu labelled (%.1f %%), right: %.4f\n", name, c.rows,
           c.of, 100 * (double)c.rows / (double)c.of,
           c.rows ? (double)c.right / (double)c.rows : 0.);
}

static void print_threshold(const struct reap_evaluation *e,
                            const struct reap_evaluate_args *a)
{
    if (!(a->abstain > 0) && !(e->threshold > 0))
        return;
    if (!e->threshold_found) {
        printf("\nno threshold gives a precision of %g\n", a->abstain);
        return;
    }
    printf("\nprobability of at least %.6g%s\n", (double)e->threshold,
           a->abstain > 0 ? ", found on a part of the rows" : "");
    if (a->abstain > 0) {
        print_part(e, "where it was found", REAP_PART_FITTED);
        print_part(e, "the other rows", REAP_PART_HELD);
    } else {
        print_part(e, "all rows", REAP_PART_ALL);
    }
}

static int most_first(const void *a, const void *b)
{
    const struct reap_confusion *x = a, *y = b;

    if (x->rows != y->rows)
        return x->rows > y->rows ? -1 : 1;
    if (x->truth != y->truth)
        return x->truth < y->truth ? -1 : 1;
    return (x->guess > y->guess) - (x->guess < y->guess);
}

static void print_confusions(const struct reap_evaluation *e)
{
    struct reap_confusion *c = reap_calloc(e->n_confusions + 1, sizeof(*c));
    size_t n = 0;

    for (size_t i = 0; c && i < e->n_confusions; i++)
        if (e->confusion[i].truth != e->confusion[i].guess)
            c[n++] = e->confusion[i];
    if (n) {
        qsort(c, n, sizeof(*c), most_first);
        puts("\nmost frequent confusions");
    }
    for (size_t i = 0; i < n && i < CONFUSED; i++) {
        printf("%9zu true ", c[i].rows);
        print_class(e, (size_t)c[i].truth);
        fputs(" predicted as ", stdout);
        print_class(e, (size_t)c[i].guess);
        putchar('\n');
    }
    reap_free(c);
}

void reap_evaluation_print(const struct reap_evaluation *e,
                           const struct reap_evaluate_args *a)
{
    print_rows(e);
    print_classes(e);
    print_confusions(e);
    print_calibration(e);
    print_threshold(e, a);
}

/* ---- JSON ---- */

static json_t *average_json(const struct reap_average *a)
{
    return json_pack("{sf,sf,sf}", "precision", a->precision, "recall",
                     a->recall, "f1", a->f1);
}

static json_t *classes_json(const struct reap_evaluation *e)
{
    json_t *list = json_array();
    char buf[REAP_CLASS_NAME];

    for (size_t c = 0; c < e->of.n_classes; c++) {
        const struct reap_class_score *s = &e->of_class[c];

        if (s->truth || s->guess)
            json_array_append_new(
                list, json_pack("{sI,ss,sI,sI,sI,sf,sf,sf}", "index",
                                (json_int_t)c, "name",
                                reap_labelled_name(&e->of, c, buf, sizeof(buf)),
                                "rows", (json_int_t)s->truth, "guessed",
                                (json_int_t)s->guess, "right",
                                (json_int_t)s->right, "precision", s->precision,
                                "recall", s->recall, "f1", s->f1));
    }
    return list;
}

static json_t *reliability_json(const struct reap_reliability *r)
{
    double most, error = reap_reliability_error(r, &most);
    json_t *bins = json_array(), *all;

    for (size_t b = 0; b < REAP_BINS; b++)
        if (r->rows[b])
            json_array_append_new(
                bins,
                json_pack("{sf,sf,sI,sf,sf}", "from", (double)b / REAP_BINS,
                          "to", (double)(b + 1) / REAP_BINS, "rows",
                          (json_int_t)r->rows[b], "mean",
                          r->sum[b] / (double)r->rows[b], "right",
                          (double)r->right[b] / (double)r->rows[b]));
    all = json_pack("{sI,sf,sf,so}", "rows", (json_int_t)rows_of(r), "ece",
                    error, "largest", most, "bins", bins);
    if (r->full) {
        json_object_set_new(all, "nll", json_real(r->nll / (double)r->full));
        json_object_set_new(all, "brier",
                            json_real(r->brier / (double)r->full));
    }
    return all;
}

static json_t *part_json(const struct reap_evaluation *e, enum reap_part part)
{
    const struct reap_coverage c =
        reap_coverage(e->judged, e->n, part, e->threshold);

    return json_pack("{sI,sI,sI}", "rows", (json_int_t)c.of, "labelled",
                     (json_int_t)c.rows, "right", (json_int_t)c.right);
}

static void add_threshold(json_t *all, const struct reap_evaluation *e,
                          const struct reap_evaluate_args *a)
{
    json_t *t;

    if (!(a->abstain > 0) && !(e->threshold > 0))
        return;
    t = json_object();
    if (e->threshold_found) {
        json_object_set_new(t, "probability", json_real((double)e->threshold));
        json_object_set_new(t, "all", part_json(e, REAP_PART_ALL));
        json_object_set_new(t, "found_on", part_json(e, REAP_PART_FITTED));
        json_object_set_new(t, "others", part_json(e, REAP_PART_HELD));
    } else {
        json_object_set_new(t, "probability", json_null());
    }
    json_object_set_new(all, "threshold", t);
}

json_t *reap_evaluation_json(const struct reap_evaluation *e,
                             const struct reap_evaluate_args *a)
{
    char doubt[400], store[REAP_TEXT_ROOM(1024)];
    json_t *all = json_pack(
        "{ss,sI,sI,sI,sI,sI,sI,sI,sI,sf,sf,so,so,so,so}", "store",
        reap_text_escape(store, sizeof(store),
                         (struct reap_bytes){ (const uint8_t *)a->of.store,
                                              strlen(a->of.store) }),
        "rows", (json_int_t)e->rows, "judged", (json_int_t)e->n, "unlabelled",
        (json_int_t)e->unlabelled, "unknown",
        (json_int_t)(e->unknown + e->ambiguous), "bad",
        (json_int_t)(e->bad + e->wrong), "without_row", (json_int_t)e->unmet,
        "right", (json_int_t)e->score.right, "within_five",
        (json_int_t)e->score.within5, "accuracy", e->score.accuracy, "top5",
        e->score.top5, "macro", average_json(&e->score.macro), "weighted",
        average_json(&e->score.weighted), "calibration",
        reliability_json(&e->before), "classes", classes_json(e));

    if (!all)
        return NULL;
    if (e->temperature > 0) {
        json_object_set_new(all, "temperature", json_real(e->temperature));
        json_object_set_new(all, "calibrated", reliability_json(&e->after));
    }
    if (*reap_evaluation_doubt(e, doubt, sizeof(doubt)))
        json_object_set_new(all, "doubt", json_string(doubt));
    add_threshold(all, e, a);
    return all;
}
