#include <math.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "engine/near/kmeans.h"

/* What a run needs besides its result. */
struct rounds {
    struct reap_kmeans *m;
    struct reap_near *near;
    double *sum;                /* (k, width) */
    float *x;                   /* (width) */
    struct reap_neighbour *was; /* (n) */
};

static int kmeans_new(struct reap_kmeans *m, struct rounds *r,
                      struct reap_near *near, size_t k, struct reap_err *err)
{
    memset(m, 0, sizeof(*m));
    m->n = reap_near_count(near);
    m->width = reap_near_width(near);
    m->k = k < m->n ? k : m->n;
    m->centre = reap_calloc(m->k, m->width * sizeof(*m->centre));
    m->best = reap_calloc(m->n, sizeof(*m->best));
    m->size = reap_calloc(m->k, sizeof(*m->size));
    *r = (struct rounds){ .m = m, .near = near };
    r->sum = reap_calloc(m->k, m->width * sizeof(*r->sum));
    r->x = reap_calloc(m->width, sizeof(*r->x));
    r->was = reap_calloc(m->n, sizeof(*r->was));
    return m->centre && m->best && m->size && r->sum && r->x && r->was
               ? REAP_OK
               : reap_fail(err, REAP_ENOMEM, "no memory for %zu clusters", k);
}

/* ---- first centres ---- */

/* The row at which the sum of squared distances, 2 - 2 cosine, passes a number
 * drawn below the whole sum; rows that are a centre already have none. */
static size_t kmeans_draw(const struct reap_kmeans *m,
                          const struct reap_neighbour *near, uint64_t *rng)
{
    double sum = 0, at;
    size_t last = 0;

    for (size_t i = 0; i < m->n; i++)
        sum += 1 - (double)near[i].cosine;
    if (!(sum > 0))
        return (size_t)reap_rng_below(rng, m->n);
    at = reap_rng_real(rng) * sum;
    for (size_t i = 0; i < m->n; i++) {
        const double d = 1 - (double)near[i].cosine;

        if (d > 0)
            last = i;
        at -= d;
        if (at < 0 && d > 0)
            return i;
    }
    return last;
}

static int kmeans_begin(struct rounds *r, uint64_t seed, bool (*stop)(void),
                        struct reap_err *err)
{
    struct reap_kmeans *m = r->m;
    uint64_t rng = reap_rng_stream(seed, "k-means++");
    size_t row = (size_t)reap_rng_below(&rng, m->n);
    int rc = REAP_OK;

    /* 'was' keeps the cosine with the nearest centre so far */
    for (size_t c = 0; c < m->k && !rc; c++) {
        float *to = m->centre + c * m->width;

        reap_near_unit(r->near, row, to);
        if (c + 1 == m->k)
            break;
        rc = reap_near_assign(r->near, 1, to, m->best, err);
        for (size_t i = 0; i < m->n && !rc; i++)
            if (!c || m->best[i].cosine > r->was[i].cosine)
                r->was[i].cosine = m->best[i].cosine;
        if (!rc && stop && stop())
            rc = reap_fail(err, REAP_ESTOPPED, "stopped early");
        row = kmeans_draw(m, r->was, &rng);
    }
    return rc;
}

/* ---- rounds ---- */

/* The mean of each cluster, in the order of rows. */
static void kmeans_sums(struct rounds *r)
{
    struct reap_kmeans *m = r->m;

    memset(r->sum, 0, m->k * m->width * sizeof(*r->sum));
    memset(m->size, 0, m->k * sizeof(*m->size));
    for (size_t i = 0; i < m->n; i++) {
        double *to = r->sum + (size_t)m->best[i].index * m->width;

        reap_near_unit(r->near, i, r->x);
        for (size_t d = 0; d < m->width; d++)
            to[d] += (double)r->x[d];
        m->size[m->best[i].index]++;
    }
}

/* The row with the lowest cosine of clusters that have several, which leaves
 * its own for the empty one. */
static void kmeans_refill(struct rounds *r, size_t c)
{
    struct reap_kmeans *m = r->m;
    size_t worst = m->n;
    double *from, *to = r->sum + c * m->width;

    for (size_t i = 0; i < m->n; i++)
        if (m->size[m->best[i].index] > 1 &&
            (worst == m->n || m->best[i].cosine < m->best[worst].cosine))
            worst = i;
    if (worst == m->n)
        return;
    from = r->sum + (size_t)m->best[worst].index * m->width;
    reap_near_unit(r->near, worst, r->x);
    for (size_t d = 0; d < m->width; d++) {
        from[d] -= (double)r->x[d];
        to[d] = (double)r->x[d];
    }
    m->size[m->best[worst].index]--;
    m->size[c] = 1;
    m->best[worst] = (struct reap_neighbour){ (int32_t)c, 1 };
}

static void kmeans_centres(struct rounds *r)
{
    struct reap_kmeans *m = r->m;

    kmeans_sums(r);
    for (size_t c = 0; c < m->k; c++)
        if (!m->size[c])
            kmeans_refill(r, c);
    for (size_t c = 0; c < m->k; c++) {
        const double *sum = r->sum + c * m->width;
        double squares = 0;

        for (size_t d = 0; d < m->width; d++)
            squares += sum[d] * sum[d];
        for (size_t d = 0; d < m->width; d++)
            m->centre[c * m->width + d] =
                squares > 0 ? (float)(sum[d] / sqrt(squares)) : 0;
    }
}

static bool kmeans_moved(const struct rounds *r)
{
    for (size_t i = 0; i < r->m->n; i++)
        if (r->m->best[i].index != r->was[i].index)
            return true;
    return false;
}

static int kmeans_rounds(struct rounds *r, unsigned most, bool (*stop)(void),
                         struct reap_err *err)
{
    struct reap_kmeans *m = r->m;
    int rc = reap_near_assign(r->near, m->k, m->centre, m->best, err);

    for (; m->rounds < most && !rc && !m->settled; m->rounds++) {
        kmeans_centres(r);
        memcpy(r->was, m->best, m->n * sizeof(*r->was));
        rc = reap_near_assign(r->near, m->k, m->centre, m->best, err);
        m->settled = !rc && !kmeans_moved(r);
        if (!rc && stop && stop())
            rc = reap_fail(err, REAP_ESTOPPED, "stopped early");
    }
    return rc;
}

int reap_kmeans_run(struct reap_kmeans *m, struct reap_near *near, size_t k,
                    uint64_t seed, unsigned most, bool (*stop)(void),
                    struct reap_err *err)
{
    struct rounds r;
    int rc = kmeans_new(m, &r, near, k, err);

    if (!rc)
        rc = kmeans_begin(&r, seed, stop, err);
    if (!rc)
        rc = kmeans_rounds(&r, most, stop, err);
    if (m->size)
        memset(m->size, 0, m->k * sizeof(*m->size));
    for (size_t i = 0; i < m->n && !rc; i++) {
        m->size[m->best[i].index]++;
        m->sum += (double)m->best[i].cosine;
    }
    reap_free(r.sum);
    reap_free(r.x);
    reap_free(r.was);
    return rc;
}

void reap_kmeans_free(struct reap_kmeans *m)
{
    reap_free(m->centre);
    reap_free(m->best);
    reap_free(m->size);
    memset(m, 0, sizeof(*m));
}
