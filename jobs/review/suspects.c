/* Confident learning, as review/suspects.h describes it: thresholds, counts, a
 * matrix of how many, and which. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "jobs/review/suspects.h"

/* Differences of probabilities below this do not matter. */
#define SLIGHT 1e-6

/* Something with a value, to be sorted; the lower index first among equals. */
struct ranked {
    double value;
    size_t i;
};

struct work {
    const float *prob;
    const int32_t *label;
    size_t n, classes;
    size_t *labelled;  /* (classes): rows of each label */
    double *threshold; /* (classes) */
    double *count;     /* (classes, classes): label, class it counts for */
    size_t *member;    /* (n): rows by label, */
    size_t *first;     /* (classes + 1): where those of a label begin */
    struct ranked *rank;
};

static int largest_first(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (x->value != y->value)
        return x->value > y->value ? -1 : 1;
    return (x->i > y->i) - (x->i < y->i);
}

static size_t best(const float *p, size_t n)
{
    size_t at = 0;

    for (size_t i = 1; i < n; i++)
        if (p[i] > p[at])
            at = i;
    return at;
}

/* ---- how many ---- */

/* The mean probability of a class among the rows that bear its label. */
static void set_thresholds(struct work *w)
{
    for (size_t i = 0; i < w->n; i++) {
        w->labelled[w->label[i]]++;
        w->threshold[w->label[i]] +=
            (double)w->prob[i * w->classes + (size_t)w->label[i]];
    }
    for (size_t c = 0; c < w->classes; c++)
        w->threshold[c] =
            w->labelled[c]
                ? fmax(w->threshold[c] / (double)w->labelled[c], 2 * SLIGHT)
                : INFINITY;
}

/* The class that a row counts for: the one that reaches its threshold, the best
 * of all if several do; 'classes' if none does. */
static size_t counts_for(const struct work *w, size_t i)
{
    const float *p = w->prob + i * w->classes;
    size_t reached = 0, which = w->classes;

    for (size_t c = 0; c < w->classes; c++)
        if ((double)p[c] >= w->threshold[c] - SLIGHT) {
            if (!reached++)
                which = c;
        }
    return reached > 1 ? best(p, w->classes) : which;
}

/* Round to whole numbers that have the sum of the row, rounded: those that lost
 * or gained most by rounding are moved. */
static void round_row(double *v, size_t n, struct ranked *rank)
{
    double sum = 0, rounded = 0, left;

    for (size_t i = 0; i < n; i++) {
        sum += v[i];
        rank[i] = (struct ranked){ v[i] - rint(v[i]), i };
        v[i] = rint(v[i]);
        rounded += v[i];
    }
    left = rint(sum) - rounded;
    if (left == 0)
        return;
    if (left < 0)
        for (size_t i = 0; i < n; i++)
            rank[i].value = -rank[i].value;
    qsort(rank, n, sizeof(*rank), largest_first);
    for (size_t i = 0; i < n && (double)i < fabs(left); i++)
        v[rank[i].i] += left > 0 ? 1 : -1;
}

/* Counts of each label, scaled to as many rows as bear it. */
static void suspects_count(struct work *w)
{
    for (size_t i = 0; i < w->n; i++) {
        const size_t c = counts_for(w, i);

        if (c < w->classes)
            w->count[(size_t)w->label[i] * w->classes + c]++;
    }
    for (size_t l = 0; l < w->classes; l++) {
        double *row = w->count + l * w->classes, sum = 0;

        row[l] = fmax(row[l], 1);
        for (size_t c = 0; c < w->classes; c++)
            sum += row[c];
        for (size_t c = 0; c < w->classes; c++)
            row[c] = row[c] / sum * (double)w->labelled[l];
        round_row(row, w->classes, w->rank);
    }
}

/* At least one row of each label stays right; what that takes is spread over
 * the other classes it counts for. */
static void keep_one(struct work *w)
{
    for (size_t l = 0; l < w->classes; l++) {
        double *row = w->count + l * w->classes;
        const double more = fmax(row[l], 1) - row[l];
        double others = -1;

        for (size_t c = 0; c < w->classes; c++)
            others += row[c] > 0;
        for (size_t c = 0; c < w->classes && more > 0; c++)
            if (c != l)
                row[c] = floor(fmax(row[c] - more / fmax(others, 1), 0));
        row[l] += more;
    }
}

/* ---- which ---- */

/* Rows by label, in order. */
static void sort_by_label(struct work *w)
{
    for (size_t c = 0; c < w->classes; c++)
        w->first[c + 1] = w->first[c] + w->labelled[c];
    for (size_t i = 0; i < w->n; i++)
        w->member[w->first[w->label[i]]++] = i;
    for (size_t c = w->classes; c > 0; c--)
        w->first[c] = w->first[c - 1];
    w->first[0] = 0;
}

/* Of the rows with label l, 'many' are suspected to be of class c: those where
 * c is most ahead of l. */
static void suspect(struct work *w, size_t l, size_t c, size_t many, bool *is)
{
    const size_t *member = w->member + w->first[l], n = w->labelled[l];

    for (size_t i = 0; i < n; i++) {
        const float *p = w->prob + member[i] * w->classes;

        w->rank[i] = (struct ranked){ (double)(p[c] - p[l]), member[i] };
    }
    qsort(w->rank, n, sizeof(*w->rank), largest_first);
    for (size_t i = 0; i < n && i < many; i++)
        is[w->rank[i].i] = true;
}

/* No row is suspected whose own label is the best, or as good as that. */
static void absolve(const struct work *w, bool *is)
{
    for (size_t i = 0; i < w->n; i++) {
        const float *p = w->prob + i * w->classes;
        const size_t l = (size_t)w->label[i], top = best(p, w->classes);
        const double own = (double)p[l] + SLIGHT, most = (double)p[top];

        if (own > most || (own == most && l <= top))
            is[i] = false;
    }
}

static int suspects_make_room(struct work *w, struct reap_err *err)
{
    const size_t c = w->classes, most = w->n > c ? w->n : c;

    w->labelled = reap_calloc(c, sizeof(*w->labelled));
    w->threshold = reap_calloc(c, sizeof(*w->threshold));
    w->count = reap_calloc(c * c, sizeof(*w->count));
    w->member = reap_calloc(w->n + 1, sizeof(*w->member));
    w->first = reap_calloc(c + 1, sizeof(*w->first));
    w->rank = reap_calloc(most + 1, sizeof(*w->rank));
    return w->labelled && w->threshold && w->count && w->member && w->first &&
                   w->rank
               ? REAP_OK
               : reap_fail(err, REAP_ENOMEM,
                           "no memory to look for wrong labels in %zu rows of "
                           "%zu classes",
                           w->n, c);
}

int reap_suspects(const float *prob, const int32_t *label, size_t n,
                  size_t classes, bool *is, struct reap_err *err)
{
    struct work w = {
        .prob = prob, .label = label, .n = n, .classes = classes
    };
    int rc = suspects_make_room(&w, err);

    memset(is, 0, n * sizeof(*is));
    if (!rc) {
        set_thresholds(&w);
        suspects_count(&w);
        keep_one(&w);
        sort_by_label(&w);
    }
    for (size_t l = 0; l < classes && !rc; l++)
        for (size_t c = 0; c < classes && w.labelled[l] > 1; c++)
            if (c != l && w.count[l * classes + c] > 0)
                suspect(&w, l, c, (size_t)w.count[l * classes + c], is);
    if (!rc)
        absolve(&w, is);
    reap_free(w.labelled);
    reap_free(w.threshold);
    reap_free(w.count);
    reap_free(w.member);
    reap_free(w.first);
    reap_free(w.rank);
    return rc;
}
