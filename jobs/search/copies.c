#include <stdlib.h>
#include <string.h>

#include "cluster/signals.h"
#include "engine/base/mem.h"
#include "jobs/cli/progress.h"
#include "jobs/search/copies.h"

/* ---- links ---- */

/* Rows whose whole list is near: they may have more than the list tells. */
struct crowded {
    size_t n;
    size_t *row;
    struct reap_vectors *v;
    struct reap_linked *linked;
};

static void crowded_load(void *ctx, size_t i, float *to)
{
    const struct crowded *c = ctx;

    reap_vectors_load(c->v, c->row[i], to);
}

static void crowded_found(void *ctx, size_t a, size_t b, float cosine)
{
    const struct crowded *c = ctx;

    (void)cosine;
    reap_linked_join(c->linked, c->row[a], c->row[b]);
}

/* A pair that is in neither list is one of two crowded rows. Where all of these
 * hang together already there is nothing to find. */
static int crowded_join(struct crowded *c, float least, struct reap_err *err)
{
    const struct reap_near_rows rows = { c->n, c->v->width, crowded_load, c };
    struct reap_near *near = NULL;
    struct reap_progress line;
    size_t apart = 0;
    int rc;

    for (size_t i = 1; i < c->n; i++)
        apart += reap_linked_first(c->linked, c->row[i]) !=
                 reap_linked_first(c->linked, c->row[0]);
    if (!apart)
        return REAP_OK;
    rc = reap_near_new(&near, &rows, c->v->threads, err);
    reap_progress_start(&line, c->v->o, "crowded rows", 0);
    for (size_t from = 0; from < c->n && !rc;) {
        rc = reap_near_pairs(near, &from, least, crowded_found, c, err);
        reap_progress_show(&line, from, c->n, "");
        if (!rc && reap_signals_asked() != REAP_ASKED_NOTHING)
            rc = reap_fail(err, REAP_ESTOPPED,
                           "stopped early; run the same command again");
    }
    reap_progress_stop(&line);
    reap_near_free(&near);
    return rc;
}

static int copies_link(struct reap_linked *linked, struct reap_vectors *v,
                       float least, struct reap_err *err)
{
    struct reap_near_graph g = { 0 };
    struct crowded c = { .v = v, .linked = linked };
    int rc = reap_near_graph_open(&g, v, REAP_NEAR_GRAPH_K, err);

    if (!rc) {
        c.row = reap_calloc(v->n, sizeof(*c.row));
        if (!c.row)
            rc = reap_fail(err, REAP_ENOMEM, "no memory for %zu rows", v->n);
    }
    for (size_t i = 0; i < v->n && !rc; i++) {
        const struct reap_neighbour *of = g.list + i * g.k;
        size_t k = 0;

        for (; k < g.k && of[k].index >= 0 && of[k].cosine >= least; k++)
            reap_linked_join(linked, i, (size_t)of[k].index);
        if (k == g.k)
            c.row[c.n++] = i;
    }
    reap_near_graph_close(&g);
    if (!rc && c.n > 1)
        rc = crowded_join(&c, least, err);
    reap_free(c.row);
    return rc;
}

/* ---- groups ---- */

struct copies_group {
    size_t first, rows;
};

static int copies_larger(const void *a, const void *b)
{
    const struct copies_group *x = a, *y = b;

    if (x->rows != y->rows)
        return x->rows > y->rows ? -1 : 1;
    return (x->first > y->first) - (x->first < y->first);
}

/* Rows in the order of their groups; 'at' (n) is where the next row of the
 * group that begins with a row goes. */
static void copies_fill(struct reap_copies *c, struct reap_linked *linked,
                        size_t rows, struct copies_group *group, size_t *at)
{
    for (size_t i = 0; i < c->n_groups; i++) {
        c->first[i + 1] = c->first[i] + group[i].rows;
        at[group[i].first] = c->first[i] + 1;
    }
    for (size_t i = 0; i < rows; i++) {
        const size_t first = reap_linked_first(linked, i);

        if (at[first])
            c->copy[at[first]++ - 1] = (struct reap_copy){ .row = i };
    }
}

static int copies_group(struct reap_copies *c, struct reap_linked *linked,
                        size_t rows, struct reap_err *err)
{
    size_t *count = reap_calloc(rows, sizeof(*count));
    struct copies_group *group = NULL;

    for (size_t i = 0; i < rows && count; i++)
        count[reap_linked_first(linked, i)]++;
    for (size_t i = 0; i < rows && count; i++)
        if (count[i] > 1) {
            c->n_groups++;
            c->n += count[i];
        }
    group = reap_calloc(c->n_groups + 1, sizeof(*group));
    c->copy = reap_calloc(c->n + 1, sizeof(*c->copy));
    c->first = reap_calloc(c->n_groups + 1, sizeof(*c->first));
    if (!count || !group || !c->copy || !c->first) {
        reap_free(count);
        reap_free(group);
        return reap_fail(err, REAP_ENOMEM, "no memory for groups of %zu rows",
                         rows);
    }
    for (size_t i = 0, k = 0; i < rows; i++) {
        if (count[i] > 1)
            group[k++] = (struct copies_group){ i, count[i] };
        count[i] = 0;
    }
    qsort(group, c->n_groups, sizeof(*group), copies_larger);
    copies_fill(c, linked, rows, group, count);
    reap_free(count);
    reap_free(group);
    return REAP_OK;
}

/* Rows of the same input and the same vector, in a group. */
static int copies_same(struct reap_copies *c, const struct reap_vectors *v,
                       struct reap_err *err)
{
    const size_t size = v->width * sizeof(float);
    float *a = reap_calloc(2, size), *b = a ? a + v->width : NULL;

    if (!a)
        return reap_fail(err, REAP_ENOMEM, "no memory for vectors");
    for (size_t g = 0; g < c->n_groups; g++)
        for (size_t i = c->first[g] + 1; i < c->first[g + 1]; i++) {
            const size_t row = c->copy[i].row;
            const uint32_t crc = v->row[row].crc;

            for (size_t k = c->first[g]; k < i && crc && !c->copy[i].same;
                 k++) {
                if (v->row[c->copy[k].row].crc != crc || c->copy[k].same)
                    continue;
                reap_embeddings_load(v->from, row, a);
                reap_embeddings_load(v->from, c->copy[k].row, b);
                c->copy[i].same = !memcmp(a, b, size);
            }
        }
    reap_free(a);
    return REAP_OK;
}

int reap_copies_open(struct reap_copies *c, struct reap_vectors *v,
                     float cosine, struct reap_err *err)
{
    struct reap_linked *linked = NULL;
    int rc;

    memset(c, 0, sizeof(*c));
    rc = reap_linked_new(&linked, v->n, err);
    if (!rc)
        rc = copies_link(linked, v, cosine, err);
    if (!rc)
        rc = copies_group(c, linked, v->n, err);
    if (!rc)
        rc = copies_same(c, v, err);
    reap_linked_free(&linked);
    return rc;
}

void reap_copies_close(struct reap_copies *c)
{
    reap_free(c->copy);
    reap_free(c->first);
    memset(c, 0, sizeof(*c));
}
