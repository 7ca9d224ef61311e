/* reap neighbours STORE [KEY|PHOTO|VECTORS.npy...]: the nearest rows. */
#include <jansson.h>
#include <stdio.h>

#include "cluster/signals.h"
#include "engine/base/mem.h"
#include "io/file/limits.h"
#include "io/file/text.h"
#include "jobs/cli/cmd.h"
#include "jobs/search/listing.h"
#include "jobs/search/near_graph.h"
#include "jobs/search/queries.h"

enum { SOME = 4096 }; /* rows that are looked for at once */

struct cmd_neighbours {
    struct reap_vectors v;
    struct reap_listing out;
    size_t k;
    bool *take; /* rows that count, or NULL */
};

/* ---- printing ---- */

static void cmd_neighbours_json(struct cmd_neighbours *c, const char *name,
                                const struct reap_neighbour *near)
{
    json_t *list = json_array();

    for (size_t i = 0; i < c->k && near[i].index >= 0; i++) {
        json_t *one = json_object();

        reap_listing_json(one, &c->v, (size_t)near[i].index);
        json_object_set_new(one, "cosine", json_real((double)near[i].cosine));
        json_array_append_new(list, one);
    }
    reap_listing_object(
        c->out.to, json_pack("{ss,so}", "query", name, "neighbours", list));
}

/* The neighbours of one thing that was asked for, as 'name'. */
static void cmd_neighbours_put(struct cmd_neighbours *c, const char *name,
                               const struct reap_neighbour *near)
{
    char rank[24];

    if (c->out.form == REAP_LISTING_JSON) {
        cmd_neighbours_json(c, name, near);
        return;
    }
    if (c->out.form == REAP_LISTING_TEXT)
        fprintf(c->out.to, "%s\n", name);
    for (size_t i = 0; i < c->k && near[i].index >= 0; i++) {
        if (c->out.form == REAP_LISTING_TEXT) {
            fprintf(c->out.to, "%5zu  %7.4f  ", i + 1, (double)near[i].cosine);
            reap_listing_text(&c->out, &c->v, (size_t)near[i].index);
            continue;
        }
        snprintf(rank, sizeof(rank), "%zu", i + 1);
        reap_listing_field(&c->out, name);
        reap_listing_field(&c->out, rank);
        reap_listing_row(&c->out, &c->v, (size_t)near[i].index);
        reap_listing_number(&c->out, (double)near[i].cosine);
        reap_listing_end(&c->out);
    }
}

static void cmd_neighbours_put_row(struct cmd_neighbours *c, size_t row,
                                   const struct reap_neighbour *near)
{
    char text[REAP_TEXT_ROOM(REAP_KEY_MAX)];

    cmd_neighbours_put(c, reap_vectors_key_text(&c->v, row, text, sizeof(text)),
                       near);
}

/* ---- finding ---- */

/* Things that were named: from the graph where it has them all. */
static int cmd_neighbours_named(struct cmd_neighbours *c, struct reap_err *err)
{
    struct reap_queries q;
    struct reap_near_graph g = { 0 };
    struct reap_neighbour *near = NULL;
    bool kept;
    int rc = reap_queries_open(&q, &c->v, err);

    kept =
        !rc && q.all_keys && !c->take && reap_near_graph_load(&g, &c->v, c->k);
    if (!rc && !kept) {
        rc = reap_vectors_measure(&c->v, err);
        near = reap_calloc(q.n, c->k * sizeof(*near));
        if (!near)
            rc = reap_fail(err, REAP_ENOMEM, "no memory for %zu neighbours",
                           c->k);
        if (!rc)
            rc = reap_near_search(c->v.near, q.n, q.x, c->k, q.self, c->take,
                                  near, err);
    }
    for (size_t i = 0; i < q.n && !rc; i++) {
        const struct reap_neighbour *of =
            kept ? g.list + (size_t)q.self[i] * g.k : near + i * c->k;

        if (q.self[i] >= 0)
            cmd_neighbours_put_row(c, (size_t)q.self[i], of);
        else
            cmd_neighbours_put(c, q.name[i], of);
    }
    reap_free(near);
    reap_near_graph_close(&g);
    reap_queries_close(&q);
    return rc;
}

/* Of every row: the graph. */
static int cmd_neighbours_all(struct cmd_neighbours *c, struct reap_err *err)
{
    struct reap_near_graph g = { 0 };
    int rc = reap_near_graph_open(&g, &c->v, c->k, err);

    for (size_t i = 0; i < c->v.n && !rc; i++)
        cmd_neighbours_put_row(c, i, g.list + i * g.k);
    reap_near_graph_close(&g);
    return rc;
}

/* Of every row, but among some: a search for each. */
static int cmd_neighbours_among(struct cmd_neighbours *c, struct reap_err *err)
{
    struct reap_neighbour *near = reap_calloc(SOME, c->k * sizeof(*near));
    float *x = reap_calloc(SOME, c->v.width * sizeof(*x));
    int32_t skip[SOME];
    int rc = near && x ? reap_vectors_measure(&c->v, err)
                       : reap_fail(err, REAP_ENOMEM, "no memory");

    for (size_t from = 0, n; from < c->v.n && !rc; from += n) {
        n = c->v.n - from < SOME ? c->v.n - from : SOME;
        for (size_t i = 0; i < n; i++) {
            skip[i] = (int32_t)(from + i);
            reap_vectors_load(&c->v, from + i, x + i * c->v.width);
        }
        rc = reap_near_search(c->v.near, n, x, c->k, skip, c->take, near, err);
        for (size_t i = 0; i < n && !rc; i++)
            cmd_neighbours_put_row(c, from + i, near + i * c->k);
        if (!rc && reap_signals_asked() != REAP_ASKED_NOTHING)
            rc = reap_fail(err, REAP_ESTOPPED, "stopped early");
    }
    reap_free(near);
    reap_free(x);
    return rc;
}

int reap_cmd_neighbours(const struct reap_options *o, struct reap_err *err)
{
    struct cmd_neighbours c = { .take = NULL };
    int rc;

    if (!o->n_args)
        return reap_fail(
            err, REAP_EINVAL,
            "a STORE is needed, and keys, photos or a .npy file "
            "of vectors, as in reap neighbours store cat.jpg -k 5");
    reap_signals_install();
    rc = reap_vectors_k(o, REAP_NEAR_GRAPH_K, REAP_NEAR_GRAPH_MOST, &c.k, err);
    if (rc)
        return rc;
    rc = reap_vectors_open(&c.v, o->args[0], o, err);
    if (!rc)
        rc = reap_vectors_filter(&c.v, &c.take, err);
    if (!rc)
        rc = reap_listing_open(&c.out, o, err);
    if (!rc && c.out.form == REAP_LISTING_CSV)
        fputs("query,rank,key,label,cosine\n", c.out.to);
    if (!rc && o->n_args > 1)
        rc = cmd_neighbours_named(&c, err);
    else if (!rc && c.take)
        rc = cmd_neighbours_among(&c, err);
    else if (!rc)
        rc = cmd_neighbours_all(&c, err);
    rc = reap_listing_close(&c.out, rc, err);
    reap_free(c.take);
    reap_vectors_close(&c.v);
    return rc;
}
