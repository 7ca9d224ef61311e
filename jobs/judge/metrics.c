/* Counts to numbers: precision, recall, F1, confusions, calibration,
 * thresholds. It knows no store and no names. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "jobs/judge/metrics.h"

static double quotient(double a, double b)
{
    return b > 0 ? a / b : 0;
}

static void score(struct reap_class_score *c)
{
    c->precision = quotient((double)c->right, (double)c->guess);
    c->recall = quotient((double)c->right, (double)c->truth);
    c->f1 = quotient(2 * (double)c->right, (double)(c->truth + c->guess));
}

static void metrics_add(struct reap_average *a,
                        const struct reap_class_score *c, double weight)
{
    a->precision += weight * c->precision;
    a->recall += weight * c->recall;
    a->f1 += weight * c->f1;
}

static void divide(struct reap_average *a, double by)
{
    a->precision = quotient(a->precision, by);
    a->recall = quotient(a->recall, by);
    a->f1 = quotient(a->f1, by);
}

void reap_metrics(const struct reap_judged *row, size_t n, size_t classes,
                  struct reap_class_score *of, struct reap_score *out)
{
    memset(out, 0, sizeof(*out));
    memset(of, 0, classes * sizeof(*of));
    out->rows = n;
    for (size_t i = 0; i < n; i++) {
        const bool right = row[i].truth == row[i].guess;

        of[row[i].truth].truth++;
        of[row[i].guess].guess++;
        of[row[i].truth].right += right;
        out->right += right;
        out->within5 += row[i].place && row[i].place <= 5;
    }
    for (size_t c = 0; c < classes; c++) {
        score(&of[c]);
        if (!of[c].truth && !of[c].guess)
            continue;
        out->present++;
        metrics_add(&out->macro, &of[c], 1);
        metrics_add(&out->weighted, &of[c], (double)of[c].truth);
    }
    divide(&out->macro, (double)out->present);
    divide(&out->weighted, (double)n);
    out->accuracy = quotient((double)out->right, (double)n);
    out->top5 = quotient((double)out->within5, (double)n);
}

static int by_cell(const void *a, const void *b)
{
    const struct reap_confusion *x = a, *y = b;

    if (x->truth != y->truth)
        return x->truth < y->truth ? -1 : 1;
    return (x->guess > y->guess) - (x->guess < y->guess);
}

int reap_confusions(const struct reap_judged *row, size_t n,
                    struct reap_confusion **out, size_t *n_out,
                    struct reap_err *err)
{
    struct reap_confusion *c = *out = reap_calloc(n + 1, sizeof(*c));
    size_t kept = 0;

    *n_out = 0;
    if (!c)
        return reap_fail(err, REAP_ENOMEM, "no memory for confusions");
    for (size_t i = 0; i < n; i++)
        c[i] = (struct reap_confusion){ row[i].truth, row[i].guess, 1 };
    qsort(c, n, sizeof(*c), by_cell);
    for (size_t i = 0; i < n; i++)
        if (kept && !by_cell(&c[kept - 1], &c[i]))
            c[kept - 1].rows++;
        else
            c[kept++] = c[i];
    *n_out = kept;
    return REAP_OK;
}

/* ---- reliability ---- */

void reap_reliability_add(struct reap_reliability *r, double prob, bool right)
{
    double at = ceil(prob * REAP_BINS) - 1;
    size_t b;

    at = at > 0 ? at : 0;
    b = at < REAP_BINS - 1 ? (size_t)at : REAP_BINS - 1;
    r->rows[b]++;
    r->right[b] += right;
    r->sum[b] += prob;
}

void reap_reliability_full(struct reap_reliability *r, const float *prob,
                           size_t classes, int32_t truth)
{
    double brier = 0;

    for (size_t i = 0; i < classes; i++) {
        const double d = (double)prob[i] - ((int32_t)i == truth);

        brier += d * d;
    }
    r->full++;
    r->brier += brier;
    r->nll -= log(fmax((double)prob[truth], 1e-37));
}

double reap_reliability_error(const struct reap_reliability *r, double *most)
{
    double sum = 0, rows = 0;

    *most = 0;
    for (size_t b = 0; b < REAP_BINS; b++) {
        const double n = (double)r->rows[b];
        const double gap = fabs(r->sum[b] - (double)r->right[b]);

        sum += gap;
        rows += n;
        *most = fmax(*most, quotient(gap, n));
    }
    return quotient(sum, rows);
}

/* ---- parts and thresholds ---- */

uint64_t reap_hash(uint64_t seed, const void *data, size_t len)
{
    const unsigned char *p = data;
    uint64_t h = 0xcbf29ce484222325u ^ seed * 0x9e3779b97f4a7c15u;

    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 0x100000001b3u; /* FNV-1a */
    h ^= h >> 30;                        /* mixed as by splitmix64 */
    h *= 0xbf58476d1ce4e5b9u;
    h ^= h >> 27;
    h *= 0x94d049bb133111ebu;
    return h ^ h >> 31;
}

/* A row by its number, to be sorted by something else. */
struct handle {
    const struct reap_judged *row;
    size_t i;
};

static int by_class_and_hash(const void *a, const void *b)
{
    const struct handle *x = a, *y = b;

    if (x->row->truth != y->row->truth)
        return x->row->truth < y->row->truth ? -1 : 1;
    if (x->row->hash != y->row->hash)
        return x->row->hash < y->row->hash ? -1 : 1;
    return (x->i > y->i) - (x->i < y->i);
}

static int by_prob(const void *a, const void *b)
{
    const struct handle *x = a, *y = b;

    if (x->row->prob != y->row->prob)
        return x->row->prob > y->row->prob ? -1 : 1;
    return (x->i > y->i) - (x->i < y->i);
}

static struct handle *handles(const struct reap_judged *row, size_t n,
                              struct reap_err *err)
{
    struct handle *h = reap_calloc(n + 1, sizeof(*h));

    if (!h)
        reap_fail(err, REAP_ENOMEM, "no memory to sort %zu rows", n);
    for (size_t i = 0; h && i < n; i++)
        h[i] = (struct handle){ &row[i], i };
    return h;
}

/* How many of n rows of a class make up a share. Of two or more there are some
 * on both sides; a single one goes where its hash says. */
static size_t part_of(size_t n, double share, uint64_t hash)
{
    size_t keep = (size_t)((double)n * share + .5);

    if (n == 1)
        return (double)(hash >> 11) * 0x1p-53 < share;
    if (share > 0 && !keep)
        return 1;
    return share < 1 && keep == n ? n - 1 : keep;
}

int reap_hold_out(struct reap_judged *row, size_t n, double share,
                  struct reap_err *err)
{
    struct handle *h = handles(row, n, err);

    if (!h)
        return REAP_ENOMEM;
    qsort(h, n, sizeof(*h), by_class_and_hash);
    for (size_t from = 0, to; from < n; from = to) {
        size_t keep;

        for (to = from; to < n && h[to].row->truth == h[from].row->truth; to++)
            ;
        keep = part_of(to - from, share, h[from].row->hash);
        for (size_t i = from; i < to; i++)
            row[h[i].i].held = i - from < keep;
    }
    reap_free(h);
    return REAP_OK;
}

int reap_threshold(const struct reap_judged *row, size_t n, bool held,
                   double precision, bool *found, float *threshold,
                   struct reap_err *err)
{
    struct handle *h = handles(row, n, err);
    size_t rows = 0, right = 0;

    *found = false;
    *threshold = INFINITY;
    if (!h)
        return REAP_ENOMEM;
    qsort(h, n, sizeof(*h), by_prob);
    for (size_t i = 0; i < n; i++) {
        const struct reap_judged *r = h[i].row;

        if (r->held == held) {
            rows++;
            right += r->truth == r->guess;
        }
        /* rows of the same probability are in or out together */
        if (rows && (i + 1 == n || h[i + 1].row->prob < r->prob) &&
            (double)right >= precision * (double)rows) {
            *found = true;
            *threshold = r->prob;
        }
    }
    reap_free(h);
    return REAP_OK;
}

struct reap_coverage reap_coverage(const struct reap_judged *row, size_t n,
                                   enum reap_part part, float threshold)
{
    struct reap_coverage c = { 0, 0, 0 };

    for (size_t i = 0; i < n; i++) {
        if (part != REAP_PART_ALL && row[i].held != (part == REAP_PART_HELD))
            continue;
        c.of++;
        if (row[i].prob < threshold)
            continue;
        c.rows++;
        c.right += row[i].truth == row[i].guess;
    }
    return c;
}
