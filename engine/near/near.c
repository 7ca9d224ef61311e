/*
 * All that is asked for is one sweep: panels of queries are packed once, each
 * thread takes 112 rows at a time, multiplies them with panel after panel and
 * hands each tile of cosines to what the question makes of it. The kernel is
 * that of convolutions: a row is a pixel, a query an output channel.
 */
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "engine/base/cpu.h"
#include "engine/base/crew.h"
#include "engine/base/mem.h"
#include "engine/kern/kernels.h"
#include "engine/kern/ops.h"
#include "engine/near/near.h"

enum {
    ROWS = 112, /* of a tile: its cosines stay in the first cache */
    LANES = REAP_PIXEL / sizeof(float),
    PACKED = 16 << 20, /* bytes of queries that are kept packed */
    MOST = 8192        /* queries of a strip */
};

/* What a thread has for itself. */
struct own {
    float *row;    /* (ROWS, width), of length 1 */
    float *cosine; /* blocks of LANES queries, (ROWS, LANES) each */
};

struct reap_near {
    struct reap_near_rows rows;
    double *scale; /* (n): 1 / length, 0 for rows that are zero */
    struct reap_kernels kernels;
    size_t panel, strip; /* queries of a product, of a sweep */
    float *packed;       /* (strip / panel) panels of (width, panel) */
    float *bias;         /* (panel), zero */
    struct reap_crew *crew;
    struct own *own; /* one a thread */
};

/* Cosines of rows row.. with queries query.. */
struct tile {
    size_t row, rows, query, queries;
    const float *cosine;
};

struct sweep {
    struct reap_near *near;
    const float *q; /* (n, width); NULL: the rows from 'first' on */
    size_t first, n;
    size_t from, to; /* rows to meet */
    atomic_size_t next, next_panel;
    void (*see)(void *ctx, size_t thread, const struct tile *t);
    void *ctx;
};

/* ---- rows of length 1 ---- */

static double inverse_length(const float *x, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sum > 0 && isfinite(sum) ? 1 / sqrt(sum) : 0;
}

static void near_scale(float *x, size_t n, double by)
{
    if (by == 0)
        memset(x, 0, n * sizeof(*x)); /* it may hold no numbers */
    for (size_t i = 0; i < n && by != 0; i++)
        x[i] = (float)((double)x[i] * by);
}

void reap_near_unit(const struct reap_near *near, size_t i, float *to)
{
    near->rows.load(near->rows.ctx, i, to);
    near_scale(to, near->rows.width, near->scale[i]);
}

static void measure(void *ctx, size_t thread)
{
    struct reap_near *near = ctx;
    float *x = near->own[thread].row;
    size_t i;
    const size_t end =
        reap_crew_share(near->rows.n, thread, reap_crew_size(near->crew), &i);

    for (; i < end; i++) {
        near->rows.load(near->rows.ctx, i, x);
        near->scale[i] = inverse_length(x, near->rows.width);
    }
}

/* ---- a sweep ---- */

static void pack_panel(const struct sweep *s, size_t thread, size_t p)
{
    const struct reap_near *near = s->near;
    const size_t width = near->rows.width, first = p * near->panel;
    float *to = near->packed + first * width, *x = near->own[thread].row;

    memset(to, 0, width * near->panel * sizeof(*to));
    for (size_t i = 0; i < near->panel && first + i < s->n; i++) {
        if (s->q) {
            memcpy(x, s->q + (first + i) * width, width * sizeof(*x));
            near_scale(x, width, inverse_length(x, width));
        } else {
            reap_near_unit(near, s->first + first + i, x);
        }
        for (size_t k = 0; k < width; k++)
            to[k * near->panel + i] = x[k];
    }
}

static void pack(void *ctx, size_t thread)
{
    struct sweep *s = ctx;
    const size_t panels = (s->n + s->near->panel - 1) / s->near->panel;

    for (size_t p; (p = atomic_fetch_add(&s->next_panel, 1)) < panels;)
        pack_panel(s, thread, p);
}

static void near_multiply(const struct reap_near *near, size_t rows, size_t p,
                          const struct own *own)
{
    const struct reap_conv_step step = { 0, 0 };
    const size_t width = near->rows.width;
    const struct reap_conv_run run = {
        .n = rows,
        .n_parts = 1,
        .part = { { .in = (const char *)own->row,
                    .stride = (ptrdiff_t)(width * sizeof(float)),
                    .step = &step,
                    .n_steps = 1,
                    .dwords = width } },
        .w = (const char *)(near->packed + p * near->panel * width),
        .bias = near->bias,
        .out = (char *)own->cosine,
        .out_block = ROWS * REAP_PIXEL,
        .floor = -INFINITY,
    };

    near->kernels.conv_f32.fn(&run);
}

static void meet(void *ctx, size_t thread)
{
    struct sweep *s = ctx;
    struct reap_near *near = s->near;
    const struct own *own = &near->own[thread];
    struct tile t = { .cosine = own->cosine };

    while ((t.row = atomic_fetch_add(&s->next, ROWS)) < s->to) {
        t.rows = s->to - t.row < ROWS ? s->to - t.row : ROWS;
        for (size_t r = 0; r < t.rows; r++)
            reap_near_unit(near, t.row + r, own->row + r * near->rows.width);
        for (t.query = 0; t.query < s->n; t.query += near->panel) {
            t.queries =
                s->n - t.query < near->panel ? s->n - t.query : near->panel;
            near_multiply(near, t.rows, t.query / near->panel, own);
            s->see(s->ctx, thread, &t);
        }
    }
}

static void sweep_run(struct sweep *s)
{
    atomic_init(&s->next, s->from);
    atomic_init(&s->next_panel, 0);
    reap_crew_run(s->near->crew, pack, s);
    reap_crew_run(s->near->crew, meet, s);
}

static float cosine_at(const struct tile *t, size_t r, size_t q)
{
    const float c = t->cosine[q / LANES * ROWS * LANES + r * LANES + q % LANES];

    return c > 1 ? 1 : c;
}

/* Is any of the queries at 'c' at least as near as the last of its list, or of
 * the row's? */
static bool any_near(const float *c, const float *worst, float row_worst)
{
    int hit = 0;

    for (size_t i = 0; i < LANES; i++)
        hit |= (c[i] >= worst[i]) | (c[i] >= row_worst);
    return hit;
}

/* ---- lists of the best ---- */

static bool better(float cosine, int32_t index,
                   const struct reap_neighbour *than)
{
    return than->index < 0 || cosine > than->cosine ||
           (cosine == than->cosine && index < than->index);
}

/* Put a row among the best k, which are sorted. Returns what is needed to get
 * in from now on. */
static float near_put(struct reap_neighbour *best, size_t k, int32_t index,
                      float cosine)
{
    size_t i = k - 1;

    if (better(cosine, index, &best[i])) {
        for (; i && better(cosine, index, &best[i - 1]); i--)
            best[i] = best[i - 1];
        best[i] = (struct reap_neighbour){ index, cosine };
    }
    return best[k - 1].index < 0 ? -INFINITY : best[k - 1].cosine;
}

void reap_near_clear(struct reap_neighbour *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        list[i] = (struct reap_neighbour){ -1, 0 };
}

/* Lists that are filled by a sweep: those of queries by each thread for itself,
 * those of the rows behind 'behind' by the thread that meets the row. */
struct listing {
    size_t k, threads, room;      /* room: queries, a multiple of LANES */
    struct reap_neighbour *query; /* (threads, room, k) */
    float *worst;                 /* (threads, room) */
    const int32_t *skip;          /* (n), by query, or NULL */
    size_t first;                 /* with rows as queries: that of query 0 */
    const bool *take;
    struct reap_neighbour *row; /* (rows, k), or NULL */
    size_t behind;
};

static int listing_open(struct listing *l, const struct reap_near *near,
                        size_t n, size_t k, struct reap_err *err)
{
    l->k = k;
    l->threads = reap_crew_size(near->crew);
    l->room = (n + near->panel - 1) / near->panel * near->panel;
    l->query = reap_calloc(l->threads * l->room, k * sizeof(*l->query));
    l->worst = reap_calloc(l->threads * l->room, sizeof(*l->worst));
    if (!l->query || !l->worst)
        return reap_fail(err, REAP_ENOMEM, "no memory to look for neighbours");
    return REAP_OK;
}

static void listing_close(struct listing *l)
{
    reap_free(l->query);
    reap_free(l->worst);
}

/* Begin with n queries; those that are not there are never near. */
static void listing_begin(struct listing *l, size_t n)
{
    reap_near_clear(l->query, l->threads * l->room * l->k);
    for (size_t t = 0; t < l->threads; t++)
        for (size_t i = 0; i < l->room; i++)
            l->worst[t * l->room + i] = i < n ? -INFINITY : INFINITY;
}

static void listing_pair(struct listing *l, size_t thread, const struct tile *t,
                         size_t r, size_t i)
{
    const size_t q = t->query + i, row = t->row + r, at = thread * l->room + q;
    const float c = cosine_at(t, r, i);

    if ((l->take && !l->take[row]) || (l->skip && l->skip[q] == (int32_t)row) ||
        (l->row && row == l->first + q))
        return;
    l->worst[at] = near_put(l->query + at * l->k, l->k, (int32_t)row, c);
    if (l->row && row >= l->behind)
        near_put(l->row + row * l->k, l->k, (int32_t)(l->first + q), c);
}

static void listing_see(void *ctx, size_t thread, const struct tile *t)
{
    struct listing *l = ctx;
    const float *worst = l->worst + thread * l->room + t->query;

    for (size_t r = 0; r < t->rows; r++)
        for (size_t q = 0; q < t->queries; q += LANES) {
            const float *c = t->cosine + (q / LANES * ROWS + r) * LANES;
            const struct reap_neighbour *last =
                l->row && t->row + r >= l->behind
                    ? &l->row[(t->row + r + 1) * l->k - 1]
                    : NULL;
            const float row_worst = !last             ? INFINITY
                                    : last->index < 0 ? -INFINITY
                                                      : last->cosine;

            if (!any_near(c, worst + q, row_worst))
                continue;
            for (size_t i = q; i < q + LANES && i < t->queries; i++)
                if (c[i - q] >= worst[i] || c[i - q] >= row_worst)
                    listing_pair(l, thread, t, r, i);
        }
}

/* What all threads found for a query, into 'best' (k). */
static void listing_merge(const struct listing *l, size_t q,
                          struct reap_neighbour *best)
{
    for (size_t t = 0; t < l->threads; t++) {
        const struct reap_neighbour *of = l->query + (t * l->room + q) * l->k;

        for (size_t i = 0; i < l->k && of[i].index >= 0; i++)
            near_put(best, l->k, of[i].index, of[i].cosine);
    }
}

/* ---- questions ---- */

int reap_near_search(struct reap_near *near, size_t n, const float *q, size_t k,
                     const int32_t *skip, const bool *take,
                     struct reap_neighbour *out, struct reap_err *err)
{
    struct listing l = { .take = take };
    struct sweep s = { .near = near, .to = near->rows.n };
    int rc;

    if (!n || !k)
        return REAP_OK;
    s.see = listing_see;
    s.ctx = &l;
    rc = listing_open(&l, near, n < near->strip ? n : near->strip, k, err);
    for (size_t first = 0; first < n && !rc; first += s.n) {
        s.n = n - first < near->strip ? n - first : near->strip;
        s.q = q + first * near->rows.width;
        l.skip = skip ? skip + first : NULL;
        listing_begin(&l, s.n);
        sweep_run(&s);
        reap_near_clear(out + first * k, s.n * k);
        for (size_t i = 0; i < s.n; i++)
            listing_merge(&l, i, out + (first + i) * k);
    }
    listing_close(&l);
    return rc;
}

/* The strip of rows from 'from' on, to meet itself and what follows. */
static struct sweep strip_of(struct reap_near *near, size_t from)
{
    const size_t left = near->rows.n - from;

    return (struct sweep){ .near = near,
                           .first = from,
                           .n = left < near->strip ? left : near->strip,
                           .from = from,
                           .to = near->rows.n };
}

int reap_near_join(struct reap_near *near, size_t *from, size_t k,
                   struct reap_neighbour *list, struct reap_err *err)
{
    struct sweep s = strip_of(near, *from);
    struct listing l = { .row = list,
                         .first = s.first,
                         .behind = s.first + s.n };
    int rc = listing_open(&l, near, s.n, k, err);

    if (!rc) {
        listing_begin(&l, s.n);
        s.see = listing_see;
        s.ctx = &l;
        sweep_run(&s);
        for (size_t i = 0; i < s.n; i++)
            listing_merge(&l, i, list + (*from + i) * k);
        *from += s.n;
    }
    listing_close(&l);
    return rc;
}

struct pairing {
    float least;
    size_t first;
    reap_near_found_fn *found;
    void *ctx;
};

static void pairing_see(void *ctx, size_t thread, const struct tile *t)
{
    const struct pairing *p = ctx;

    (void)thread;
    for (size_t r = 0; r < t->rows; r++)
        for (size_t q = 0; q < t->queries; q++) {
            const size_t a = p->first + t->query + q, b = t->row + r;
            const float c = cosine_at(t, r, q);

            if (c >= p->least && a < b)
                p->found(p->ctx, a, b, c);
        }
}

int reap_near_pairs(struct reap_near *near, size_t *from, float least,
                    reap_near_found_fn *found, void *ctx, struct reap_err *err)
{
    struct sweep s = strip_of(near, *from);
    struct pairing p = { least, s.first, found, ctx };

    (void)err;
    s.see = pairing_see;
    s.ctx = &p;
    sweep_run(&s);
    *from += s.n;
    return REAP_OK;
}

struct assigning {
    struct reap_neighbour *best;
    size_t first; /* the number of query 0 */
};

static void assigning_see(void *ctx, size_t thread, const struct tile *t)
{
    const struct assigning *a = ctx;

    (void)thread;
    for (size_t r = 0; r < t->rows; r++) {
        struct reap_neighbour *best = &a->best[t->row + r];

        for (size_t q = 0; q < t->queries; q++) {
            const float c = cosine_at(t, r, q);

            if (best->index < 0 || c > best->cosine)
                *best =
                    (struct reap_neighbour){ (int32_t)(a->first + t->query + q),
                                             c };
        }
    }
}

int reap_near_assign(struct reap_near *near, size_t n, const float *q,
                     struct reap_neighbour *best, struct reap_err *err)
{
    struct assigning a = { best, 0 };
    struct sweep s = { .near = near, .to = near->rows.n };

    (void)err;
    s.see = assigning_see;
    s.ctx = &a;
    reap_near_clear(best, near->rows.n);
    for (; a.first < n; a.first += s.n) {
        s.n = n - a.first < near->strip ? n - a.first : near->strip;
        s.q = q + a.first * near->rows.width;
        sweep_run(&s);
    }
    return REAP_OK;
}

/* ---- opening ---- */

static void choose_kernel(struct reap_near *near, unsigned cpu)
{
    reap_kernels_init(&near->kernels, cpu);
    if (!near->kernels.conv_f32.fn) {
        near->kernels.conv_f32.fn = reap_conv_run_ref;
        near->kernels.conv_f32.tile.nr = LANES;
    }
    near->panel = near->kernels.conv_f32.tile.nr;
}

/* Memory for a strip, and for each thread. */
static bool near_make_room(struct reap_near *near, size_t threads)
{
    const size_t width = near->rows.width, n = near->rows.n;
    const size_t fit = PACKED / sizeof(float) / width;
    bool good;

    near->strip = fit < MOST ? fit : MOST;
    if (near->strip > n)
        near->strip = n;
    near->strip = (near->strip + near->panel - 1) / near->panel * near->panel;
    if (!near->strip)
        near->strip = near->panel;
    near->scale = reap_calloc(n, sizeof(*near->scale));
    near->bias = reap_aligned(near->panel * sizeof(float));
    near->packed = reap_aligned(near->strip * width * sizeof(float));
    near->own = reap_calloc(threads, sizeof(*near->own));
    good = near->scale && near->bias && near->packed && near->own;
    for (size_t t = 0; t < threads && good; t++) {
        near->own[t].row = reap_aligned(ROWS * width * sizeof(float));
        near->own[t].cosine = reap_aligned(ROWS * near->panel * sizeof(float));
        good = near->own[t].row && near->own[t].cosine;
    }
    if (good)
        memset(near->bias, 0, near->panel * sizeof(float));
    return good;
}

int reap_near_new(struct reap_near **out, const struct reap_near_rows *rows,
                  size_t threads, struct reap_err *err)
{
    struct reap_near *near;
    unsigned cpu;
    int rc = reap_cpu_detect(&cpu, err);

    *out = NULL;
    if (rc)
        return rc;
    if (!rows->n || !rows->width || rows->n > INT32_MAX ||
        rows->width > SIZE_MAX / sizeof(float) / MOST)
        return reap_fail(err, REAP_EINVAL,
                         "neighbours among %zu rows of %zu numbers", rows->n,
                         rows->width);
    *out = near = reap_calloc(1, sizeof(*near));
    if (!near)
        return reap_fail(err, REAP_ENOMEM, "no memory to look for neighbours");
    near->rows = *rows;
    choose_kernel(near, cpu);
    rc = reap_crew_new(&near->crew, threads ? threads : 1, err);
    if (!rc && !near_make_room(near, reap_crew_size(near->crew)))
        rc =
            reap_fail(err, REAP_ENOMEM, "no memory for %zu rows of %zu numbers",
                      rows->n, rows->width);
    if (rc)
        reap_near_free(out);
    else
        reap_crew_run(near->crew, measure, near);
    return rc;
}

size_t reap_near_count(const struct reap_near *near)
{
    return near->rows.n;
}

size_t reap_near_width(const struct reap_near *near)
{
    return near->rows.width;
}

void reap_near_free(struct reap_near **near)
{
    struct reap_near *n = *near;

    if (!n)
        return;
    for (size_t t = 0; n->own && t < reap_crew_size(n->crew); t++) {
        reap_free(n->own[t].row);
        reap_free(n->own[t].cosine);
    }
    reap_crew_free(&n->crew);
    reap_free(n->own);
    reap_free(n->scale);
    reap_free(n->bias);
    reap_free(n->packed);
    reap_free(n);
    *near = NULL;
}
