#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/signals.h"
#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "jobs/cli/progress.h"
#include "jobs/search/clusters.h"

enum { SOME = 4096, AUTO_MOST = 128 };

static bool clusters_stop(void)
{
    return reap_signals_asked() != REAP_ASKED_NOTHING;
}

/* ---- the best of several seeds ---- */

static int clusters_run(struct reap_clusters *c, struct reap_vectors *v,
                        size_t k, uint64_t seed, size_t seeds,
                        struct reap_err *err)
{
    struct reap_progress line;
    int rc = REAP_OK;

    reap_progress_start(&line, v->o, "seeds", 0);
    for (size_t i = 0; i < seeds && !rc; i++) {
        struct reap_kmeans m;

        rc = reap_kmeans_run(&m, v->near, k, reap_rng_fork(seed, i),
                             REAP_CLUSTERS_ROUNDS, clusters_stop, err);
        if (!rc && (!c->m.k || m.sum > c->m.sum)) {
            const struct reap_kmeans worse = c->m;

            c->m = m;
            m = worse;
        }
        reap_kmeans_free(&m);
        reap_progress_show(&line, i + 1, seeds, "");
    }
    reap_progress_stop(&line);
    return rc;
}

struct centres {
    const struct reap_kmeans *m;
};

static void centres_load(void *ctx, size_t i, float *to)
{
    const struct centres *c = ctx;

    memcpy(to, c->m->centre + i * c->m->width, c->m->width * sizeof(*to));
}

/* Of rows from.., as the two nearest centres 'near' have it. */
static double clusters_silhouettes(const struct reap_neighbour *near, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        const double a = 1 - (double)near[2 * i].cosine,
                     b = 1 - (double)near[2 * i + 1].cosine;

        sum += b > 0 ? (b - a) / b : 0; /* the second is not nearer */
    }
    return sum;
}

static int clusters_silhouette(struct reap_clusters *c, struct reap_vectors *v,
                               struct reap_err *err)
{
    struct centres of = { &c->m };
    const struct reap_near_rows rows = { c->m.k, v->width, centres_load, &of };
    struct reap_near *near = NULL;
    float *x = reap_calloc(SOME, v->width * sizeof(*x));
    struct reap_neighbour *two = reap_calloc(SOME, 2 * sizeof(*two));
    double sum = 0;
    int rc = x && two ? reap_near_new(&near, &rows, v->threads, err)
                      : reap_fail(err, REAP_ENOMEM, "no memory for clusters");

    c->silhouette = 0;
    for (size_t from = 0, n; from < v->n && !rc && c->m.k > 1; from += n) {
        n = v->n - from < SOME ? v->n - from : SOME;
        for (size_t i = 0; i < n; i++)
            reap_vectors_load(v, from + i, x + i * v->width);
        rc = reap_near_search(near, n, x, 2, NULL, NULL, two, err);
        if (!rc)
            sum += clusters_silhouettes(two, n);
    }
    c->silhouette = sum / (double)v->n;
    reap_near_free(&near);
    reap_free(x);
    reap_free(two);
    return rc;
}

/* 2, 3, 4, 6, 8, 12, ...: as far as half the rows. */
static int clusters_auto(struct reap_clusters *c, struct reap_vectors *v,
                         uint64_t seed, size_t *best, struct reap_err *err)
{
    double most = -2;
    int rc = REAP_OK;

    *best = 1;
    for (size_t k = 2; k <= AUTO_MOST && 2 * k <= v->n && !rc;
         k += k & (k - 1) ? k / 3 : k / 2) {
        rc = clusters_run(c, v, k, seed, 1, err);
        if (!rc)
            rc = clusters_silhouette(c, v, err);
        if (!rc && c->silhouette > most) {
            most = c->silhouette;
            *best = k;
        }
        reap_kmeans_free(&c->m);
    }
    return rc;
}

/* ---- what they are ---- */

static void clusters_rows(struct reap_clusters *c, const struct reap_vectors *v,
                          struct reap_cluster *of, size_t *votes)
{
    const size_t labels = reap_string_set_count(v->labels);

    for (size_t i = 0; i < v->n; i++) {
        const size_t at = (size_t)c->m.best[i].index;
        struct reap_cluster *o = &of[at];

        if (!o->rows++ || c->m.best[i].cosine > c->m.best[o->medoid].cosine)
            o->medoid = i;
        o->cosine += (double)c->m.best[i].cosine;
        if (v->row[i].label < 0)
            continue;
        o->labelled++;
        votes[at * labels + (size_t)v->row[i].label]++;
    }
    for (size_t i = 0; i < c->m.k; i++) {
        of[i].cosine /= of[i].rows ? (double)of[i].rows : 1;
        of[i].label = -1;
        for (size_t l = 0; l < labels; l++)
            if (votes[i * labels + l] > of[i].most) {
                of[i].most = votes[i * labels + l];
                of[i].label = (int32_t)l;
            }
    }
}

static int clusters_larger(const void *a, const void *b)
{
    const struct reap_cluster *x = a, *y = b;

    if (x->rows != y->rows)
        return x->rows > y->rows ? -1 : 1;
    return (x->medoid > y->medoid) - (x->medoid < y->medoid);
}

/* Number them by size, and leave out any that has no row. */
static void clusters_number(struct reap_clusters *c)
{
    c->k = c->m.k;
    qsort(c->cluster, c->k, sizeof(*c->cluster), clusters_larger);
    while (c->k && !c->cluster[c->k - 1].rows)
        c->k--;
    for (size_t i = 0; i < c->k; i++)
        c->place[c->m.best[c->cluster[i].medoid].index] = i;
}

static int clusters_describe(struct reap_clusters *c,
                             const struct reap_vectors *v, struct reap_err *err)
{
    const size_t labels = reap_string_set_count(v->labels);
    size_t *votes = reap_calloc(c->m.k, (labels + 1) * sizeof(*votes));

    c->cluster = reap_calloc(c->m.k, sizeof(*c->cluster));
    c->place = reap_calloc(c->m.k, sizeof(*c->place));
    if (!votes || !c->cluster || !c->place) {
        reap_free(votes);
        return reap_fail(err, REAP_ENOMEM, "no memory for %zu clusters",
                         c->m.k);
    }
    clusters_rows(c, v, c->cluster, votes);
    clusters_number(c);
    reap_free(votes);
    return REAP_OK;
}

int reap_clusters_open(struct reap_clusters *c, struct reap_vectors *v,
                       size_t k, uint64_t seed, struct reap_err *err)
{
    int rc;

    memset(c, 0, sizeof(*c));
    rc = reap_vectors_measure(v, err);
    if (!rc && !k)
        rc = clusters_auto(c, v, seed, &k, err);
    if (!rc)
        rc = clusters_run(c, v, k, seed, REAP_CLUSTERS_SEEDS, err);
    if (!rc)
        rc = clusters_silhouette(c, v, err);
    return rc ? rc : clusters_describe(c, v, err);
}

size_t reap_clusters_of(const struct reap_clusters *c, size_t row)
{
    return c->place[c->m.best[row].index];
}

double reap_clusters_purity(const struct reap_clusters *c)
{
    size_t most = 0, labelled = 0;

    for (size_t i = 0; i < c->k; i++) {
        most += c->cluster[i].most;
        labelled += c->cluster[i].labelled;
    }
    return labelled ? (double)most / (double)labelled : NAN;
}

void reap_clusters_close(struct reap_clusters *c)
{
    reap_kmeans_free(&c->m);
    reap_free(c->cluster);
    reap_free(c->place);
    c->cluster = NULL;
    c->place = NULL;
}
