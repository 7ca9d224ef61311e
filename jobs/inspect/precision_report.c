/* Cosines, errors and agreement of two arithmetics, an entry for each image.
 * Computing them is cmd_compare.c's. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "jobs/inspect/precision_report.h"

/* How many of the 'k' best classes of both are the same, of k. A class is
 * among the best if fewer than k are better, the lower index first. */
static double agree(size_t classes, const float *a, const float *b, size_t k)
{
    size_t same = 0;

    k = k < classes ? k : classes;
    for (size_t i = 0; i < classes; i++) {
        size_t before_a = 0, before_b = 0;

        for (size_t j = 0; j < classes && before_a < k; j++)
            before_a += a[j] > a[i] || (a[j] == a[i] && j < i);
        for (size_t j = 0; j < classes && before_a < k && before_b < k; j++)
            before_b += b[j] > b[i] || (b[j] == b[i] && j < i);
        same += before_a < k && before_b < k;
    }
    return k ? (double)same / (double)k : 1;
}

static void precision_report_measure(struct reap_like *r, size_t n,
                                     const float *a, const float *b)
{
    double aa = 0, bb = 0, ab = 0, dd = 0;

    for (size_t i = 0; i < n; i++) {
        const double x = (double)a[i], y = (double)b[i];

        aa += x * x;
        bb += y * y;
        ab += x * y;
        dd += (x - y) * (x - y);
    }
    r->cosine = aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : aa == bb;
    r->error = aa > 0 ? sqrt(dd / aa) : dd > 0;
}

int reap_precision_report_add(struct reap_precision_report *l, const char *key,
                              size_t n, const float *a, const float *b,
                              size_t classes, const float *la, const float *lb,
                              struct reap_err *err)
{
    struct reap_like *r;

    if (l->n == l->room) {
        size_t room = l->room ? 2 * l->room : 256;

        r = reap_calloc(room, sizeof(*r));
        if (!r)
            return reap_fail(err, REAP_ENOMEM, "no memory for results");
        if (l->n)
            memcpy(r, l->row, l->n * sizeof(*r));
        reap_free(l->row);
        l->row = r;
        l->room = room;
    }
    r = &l->row[l->n];
    r->key = reap_strdup(key);
    if (!r->key)
        return reap_fail(err, REAP_ENOMEM, "no memory for results");
    precision_report_measure(r, n, a, b);
    r->top1 = agree(classes, la, lb, 1);
    r->top5 = agree(classes, la, lb, 5);
    l->n++;
    return REAP_OK;
}

static int by_cosine(const void *a, const void *b)
{
    const struct reap_like *p = a, *q = b;

    if (p->cosine != q->cosine)
        return p->cosine < q->cosine ? -1 : 1;
    return strcmp(p->key, q->key);
}

void reap_precision_report_sort(struct reap_precision_report *l)
{
    qsort(l->row, l->n, sizeof(*l->row), by_cosine);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The quantile 'share' of sorted values. */
static double precision_report_at(const double *v, size_t n, double share,
                                  bool from_top)
{
    size_t i = (size_t)(share * (double)(n - 1) + .5);

    return v[from_top ? n - 1 - i : i];
}

int reap_precision_report_spread(const struct reap_precision_report *l,
                                 bool error, struct reap_spread *out,
                                 struct reap_err *err)
{
    double *v = reap_calloc(l->n, sizeof(*v)), sum = 0;

    if (!v)
        return reap_fail(err, REAP_ENOMEM, "no memory for results");
    for (size_t i = 0; i < l->n; i++) {
        v[i] = error ? l->row[i].error : l->row[i].cosine;
        sum += v[i];
    }
    qsort(v, l->n, sizeof(*v), by_value);
    out->p1 = precision_report_at(v, l->n, .01, error);
    out->p5 = precision_report_at(v, l->n, .05, error);
    out->p50 = precision_report_at(v, l->n, .5, error);
    out->mean = sum / (double)l->n;
    reap_free(v);
    return REAP_OK;
}

double reap_precision_report_top1(const struct reap_precision_report *l)
{
    double sum = 0;

    for (size_t i = 0; i < l->n; i++)
        sum += l->row[i].top1;
    return l->n ? sum / (double)l->n : 0;
}

double reap_precision_report_top5(const struct reap_precision_report *l)
{
    double sum = 0;

    for (size_t i = 0; i < l->n; i++)
        sum += l->row[i].top5;
    return l->n ? sum / (double)l->n : 0;
}

void reap_precision_report_clear(struct reap_precision_report *l)
{
    for (size_t i = 0; i < l->n; i++)
        reap_free(l->row[i].key);
    reap_free(l->row);
    memset(l, 0, sizeof(*l));
}
