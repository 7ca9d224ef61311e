/* reap outliers STORE: rows that are far from all others, or from their class.
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/signals.h"
#include "engine/base/mem.h"
#include "jobs/cli/cmd.h"
#include "jobs/cli/words.h"
#include "jobs/search/listing.h"
#include "jobs/search/near_graph.h"

enum { TOP = 20 };

struct outlier {
    size_t row;
    float near;  /* 1 - cosine with neighbour number k */
    float class; /* 1 - cosine with the mean of its class; NAN: none */
};

struct cmd_outliers {
    struct reap_vectors v;
    struct reap_listing out;
    size_t k;
    struct outlier *of; /* (n) */
};

/* ---- distances ---- */

static int outliers_near(struct cmd_outliers *c, struct reap_err *err)
{
    struct reap_near_graph g = { 0 };
    int rc = reap_near_graph_open(&g, &c->v, c->k, err);

    for (size_t i = 0; i < c->v.n && !rc; i++) {
        const struct reap_neighbour *list = g.list + i * g.k;
        size_t k = c->k;

        while (k > 1 && list[k - 1].index < 0)
            k--; /* there are not so many */
        c->of[i] = (struct outlier){ i, 1 - list[k - 1].cosine, NAN };
    }
    reap_near_graph_close(&g);
    return rc;
}

/* A class: the sum of its rows, each of length 1. */
struct outliers_class {
    double squares; /* of the sum */
    size_t rows;
};

static void outliers_sums(const struct cmd_outliers *c, double *sum, float *x,
                          struct outliers_class *class, size_t classes)
{
    const size_t width = c->v.width;

    for (size_t i = 0; i < c->v.n; i++) {
        double *to;

        if (c->v.row[i].label < 0)
            continue;
        to = sum + (size_t)c->v.row[i].label * width;
        reap_near_unit(c->v.near, i, x);
        for (size_t k = 0; k < width; k++)
            to[k] += (double)x[k];
        class[c->v.row[i].label].rows++;
    }
    for (size_t l = 0; l < classes; l++)
        for (size_t k = 0; k < width; k++)
            class[l].squares += sum[l * width + k] * sum[l * width + k];
}

/* The cosine of x with the others of its class: the sum less x. */
static float outliers_from_class(const struct outliers_class *class,
                                 const double *sum, const float *x,
                                 size_t width)
{
    double dot = 0, own = 0, rest;

    for (size_t k = 0; k < width; k++) {
        dot += sum[k] * (double)x[k];
        own += (double)x[k] * (double)x[k];
    }
    rest = class->squares - 2 * dot + own;
    if (class->rows < 2 || !(rest > 1e-12) || !(own > 0))
        return NAN;
    return (float)(1 - (dot - own) / sqrt(rest * own));
}

static int outliers_class(struct cmd_outliers *c, struct reap_err *err)
{
    const size_t classes = reap_string_set_count(c->v.labels),
                 width = c->v.width;
    struct outliers_class *class = reap_calloc(classes + 1, sizeof(*class));
    double *sum = reap_calloc(classes + 1, width * sizeof(*sum));
    float *x = reap_calloc(width, sizeof(*x));
    int rc =
        class && sum && x
            ? reap_vectors_measure(&c->v, err)
            : reap_fail(err, REAP_ENOMEM, "no memory for %zu classes", classes);

    if (!rc && classes)
        outliers_sums(c, sum, x, class, classes);
    for (size_t i = 0; i < c->v.n && !rc; i++) {
        const int32_t label = c->v.row[i].label;

        if (label < 0)
            continue;
        reap_near_unit(c->v.near, i, x);
        c->of[i].class = outliers_from_class(
            &class[label], sum + (size_t)label * width, x, width);
    }
    reap_free(class);
    reap_free(sum);
    reap_free(x);
    return rc;
}

/* ---- printing ---- */

static int farther(float a, float b, size_t i, size_t k)
{
    if (a != b && !(isnan(a) && isnan(b)))
        return isnan(b) || a > b ? -1 : 1;
    return (i > k) - (i < k);
}

static int by_near(const void *a, const void *b)
{
    const struct outlier *x = a, *y = b;

    return farther(x->near, y->near, x->row, y->row);
}

static int by_class(const void *a, const void *b)
{
    const struct outlier *x = a, *y = b;

    return farther(x->class, y->class, x->row, y->row);
}

static void outliers_line(struct cmd_outliers *c, const struct outlier *o)
{
    json_t *one;

    if (c->out.form == REAP_LISTING_CSV) {
        reap_listing_row(&c->out, &c->v, o->row);
        reap_listing_number(&c->out, (double)o->near);
        if (isnan(o->class))
            reap_listing_field(&c->out, "");
        else
            reap_listing_number(&c->out, (double)o->class);
        reap_listing_end(&c->out);
        return;
    }
    one = json_object();
    reap_listing_json(one, &c->v, o->row);
    json_object_set_new(one, "neighbour_distance", json_real((double)o->near));
    if (!isnan(o->class))
        json_object_set_new(one, "class_distance", json_real((double)o->class));
    reap_listing_object(c->out.to, one);
}

static void outliers_text(struct cmd_outliers *c, size_t top)
{
    printf("farthest from neighbour number %zu (1 - cosine)\n", c->k);
    for (size_t i = 0; i < c->v.n && i < top; i++) {
        printf("%5zu  %7.4f  ", i + 1, (double)c->of[i].near);
        reap_listing_text(&c->out, &c->v, c->of[i].row);
    }
    qsort(c->of, c->v.n, sizeof(*c->of), by_class);
    if (isnan(c->of[0].class))
        return;
    printf("\nfarthest from the mean of the others with the same label\n");
    for (size_t i = 0; i < c->v.n && i < top && !isnan(c->of[i].class); i++) {
        printf("%5zu  %7.4f  ", i + 1, (double)c->of[i].class);
        reap_listing_text(&c->out, &c->v, c->of[i].row);
    }
}

static void outliers_print(struct cmd_outliers *c)
{
    const struct reap_options *o = c->v.o;
    const size_t top = o->top_given ? o->top : o->output ? c->v.n : TOP;

    qsort(c->of, c->v.n, sizeof(*c->of), by_near);
    if (c->out.form == REAP_LISTING_TEXT) {
        outliers_text(c, top);
        return;
    }
    if (c->out.form == REAP_LISTING_CSV)
        fputs("key,label,neighbour_distance,class_distance\n", c->out.to);
    for (size_t i = 0; i < c->v.n && i < top; i++)
        outliers_line(c, &c->of[i]);
}

int reap_cmd_outliers(const struct reap_options *o, struct reap_err *err)
{
    struct cmd_outliers c = { .of = NULL };
    int rc;

    if (o->n_args != 1)
        return reap_fail(err, REAP_EINVAL,
                         "one STORE is needed, as in reap outliers store");
    reap_signals_install();
    rc = reap_vectors_k(o, REAP_NEAR_GRAPH_K, REAP_NEAR_GRAPH_MOST, &c.k, err);
    if (rc)
        return rc;
    rc = reap_vectors_open(&c.v, o->args[0], o, err);
    if (!rc && c.v.n < 2)
        rc = reap_fail(err, REAP_ENOTFOUND,
                       "%s: a single row has no neighbours to be far from",
                       c.v.view.path);
    if (!rc)
        rc = reap_listing_open(&c.out, o, err);
    if (!rc) {
        c.of = reap_calloc(c.v.n, sizeof(*c.of));
        rc = c.of
                 ? outliers_near(&c, err)
                 : reap_fail(err, REAP_ENOMEM, "no memory for %zu rows", c.v.n);
    }
    if (!rc)
        rc = outliers_class(&c, err);
    if (!rc)
        outliers_print(&c);
    rc = reap_listing_close(&c.out, rc, err);
    reap_free(c.of);
    reap_vectors_close(&c.v);
    return rc;
}
