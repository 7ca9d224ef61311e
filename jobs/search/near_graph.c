/*
 * The file: a header of 80 bytes, then (n, k) pairs of an index (32 bits) and a
 * cosine (float32), little-endian as this machine is. 'done' says from which
 * row on pairs are still to be computed; it is n in a graph that is complete.
 * What is read is checked: it may be a stranger's, or cut short.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cluster/signals.h"
#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "io/cache/cache.h"
#include "io/file/crc.h"
#include "io/file/le.h"
#include "io/out/outfile.h"
#include "jobs/cli/progress.h"
#include "jobs/cli/remark.h"
#include "jobs/search/near_graph.h"

enum { HEADER = 80, DIGEST_AT = 40, CRC_AT = 72, PLACES = 2 };
static const double KEEP_EACH = 30; /* seconds */
static const char magic[8] = "RNEARS1";

/* Where it is kept: beside the rows, or in the cache; with ".part" for one in
 * the making. */
struct place {
    char path[REAP_CACHE_PATH + 16];
};

static bool find_place(struct place *p, const struct reap_vectors *v, int i,
                       const char *ending)
{
    char column[64], name[160], id[33];
    int n;

    snprintf(column, sizeof(column), "%s", reap_embeddings_column(v->from));
    for (char *c = column; *c; c++)
        if (*c == '/')
            *c = '_';
    if (i == 0) {
        n = snprintf(p->path, sizeof(p->path), "%s/neighbours.%s%s",
                     v->view.path, column, ending);
        return n > 0 && (size_t)n < sizeof(p->path);
    }
    for (size_t k = 0; k < 16; k++)
        snprintf(id + 2 * k, 3, "%02x", v->digest[k]);
    snprintf(name, sizeof(name), "neighbours/%s.%s%s", id, column, ending);
    return !reap_cache_path(p->path, sizeof(p->path), name, NULL);
}

/* ---- reading ---- */

/* Is each entry a row or none, and each list in order? */
static bool lists_good(const struct reap_neighbour *list, size_t n, size_t k)
{
    for (size_t i = 0; i < n * k; i++) {
        const struct reap_neighbour *at = &list[i];

        if (at->index < -1 || (at->index >= 0 && (size_t)at->index >= n) ||
            !(at->cosine >= -1.001f && at->cosine <= 1))
            return false;
        if (i % k && at->index >= 0 &&
            (at[-1].index < 0 || at[-1].cosine < at->cosine))
            return false;
    }
    return true;
}

/* Read lists of at least k, of these rows. '*done': as in the file. */
static bool near_graph_read(struct reap_near_graph *g,
                            const struct reap_vectors *v, FILE *f, size_t k,
                            size_t *done)
{
    uint8_t head[HEADER];
    size_t size;

    if (fread(head, 1, HEADER, f) != HEADER ||
        memcmp(head, magic, sizeof(magic)) != 0 ||
        memcmp(head + DIGEST_AT, v->digest, sizeof(v->digest)) != 0 ||
        reap_le_get64(head + 16) != v->n)
        return false;
    g->n = v->n;
    g->k = reap_le_get32(head + 8);
    *done = reap_le_get64(head + 24);
    if (g->k < k || g->k > REAP_NEAR_GRAPH_MOST || *done > g->n)
        return false;
    size = g->k * sizeof(*g->list);
    g->list = reap_calloc(g->n, size);
    return g->list && fread(g->list, size, g->n, f) == g->n &&
           fgetc(f) == EOF &&
           reap_crc_32c(g->list, g->n * size) == reap_le_get32(head + CRC_AT) &&
           lists_good(g->list, g->n, g->k);
}

static bool near_graph_find(struct reap_near_graph *g,
                            const struct reap_vectors *v, size_t k,
                            const char *ending, size_t *done)
{
    struct place p;
    bool good = false;

    memset(g, 0, sizeof(*g));
    for (int i = 0; i < PLACES && !good; i++) {
        FILE *f = find_place(&p, v, i, ending) ? fopen(p.path, "rb") : NULL;

        if (!f)
            continue;
        good = near_graph_read(g, v, f, k, done);
        fclose(f);
        if (!good)
            reap_near_graph_close(g);
    }
    return good;
}

bool reap_near_graph_load(struct reap_near_graph *g,
                          const struct reap_vectors *v, size_t k)
{
    size_t done;

    if (!near_graph_find(g, v, k, "", &done))
        return false;
    if (done == g->n)
        return true;
    reap_near_graph_close(g);
    return false;
}

/* ---- keeping ---- */

/* Is there nothing, or what this program wrote, be it damaged? */
static bool ours(const char *path)
{
    char first[sizeof(magic)];
    FILE *f = fopen(path, "rb");
    size_t n;

    if (!f)
        return errno == ENOENT;
    n = fread(first, 1, sizeof(first), f);
    n = ferror(f) ? 1 : n;
    fclose(f);
    return !n || (n == sizeof(first) && !memcmp(first, magic, n));
}

static int near_graph_write(const struct reap_near_graph *g,
                            const struct reap_vectors *v, const char *path,
                            size_t done, struct reap_err *err)
{
    const size_t size = g->n * g->k * sizeof(*g->list);
    struct reap_outfile *f = NULL;
    uint8_t head[HEADER] = { 0 };
    int rc = ours(path)
                 ? reap_outfile_open_own(&f, path, err)
                 : reap_fail(err, REAP_ECREATE,
                             "%s is not a file of reap: move it away", path);

    memcpy(head, magic, sizeof(magic));
    reap_le_put32(head + 8, (uint32_t)g->k);
    reap_le_put64(head + 16, g->n);
    reap_le_put64(head + 24, done);
    memcpy(head + DIGEST_AT, v->digest, sizeof(v->digest));
    reap_le_put32(head + CRC_AT, reap_crc_32c(g->list, size));
    if (!rc)
        rc = reap_outfile_write(f, head, HEADER, err);
    if (!rc)
        rc = reap_outfile_write(f, g->list, size, err);
    if (!rc)
        rc = reap_outfile_commit(&f, err);
    reap_outfile_abort(&f);
    return rc;
}

/* Beside the rows, else in the cache. False if nowhere; 'err' says why not
 * beside the rows. */
static bool near_graph_keep(const struct reap_near_graph *g,
                            const struct reap_vectors *v, size_t done,
                            struct reap_err *err)
{
    const char *ending = done == g->n ? "" : ".part";
    struct place p;
    char *slash;

    if (find_place(&p, v, 0, ending) &&
        !near_graph_write(g, v, p.path, done, err))
        return true;
    if (!find_place(&p, v, 1, ending))
        return false;
    slash = strrchr(p.path, '/');
    *slash = '\0';
    if (reap_cache_make_dir(p.path, NULL))
        return false;
    *slash = '/';
    return !near_graph_write(g, v, p.path, done, NULL);
}

static void drop_parts(const struct reap_vectors *v)
{
    struct place p;

    for (int i = 0; i < PLACES; i++)
        if (find_place(&p, v, i, ".part"))
            unlink(p.path);
}

/* ---- computing ---- */

struct making {
    struct reap_near_graph *g;
    struct reap_vectors *v;
    struct reap_progress line;
    size_t done;
    double kept; /* when, and how long that took */
    double took;
    bool told;
};

/* Pairs of which one row is before 'done'. */
static uint64_t pairs_done(const struct making *m, size_t done)
{
    const uint64_t n = m->g->n, left = n - done;

    return n * (n - 1) / 2 - (left ? left * (left - 1) / 2 : 0);
}

static void making_keep(struct making *m)
{
    const double begin = reap_clock();
    struct reap_err why = { 0 };

    if (!near_graph_keep(m->g, m->v, m->done, &why) && !m->told) {
        reap_remark(m->v->o, "neighbours cannot be kept for the next time: %s",
                    why.msg);
        m->told = true;
    }
    m->kept = reap_clock();
    m->took = m->kept - begin;
}

static int near_graph_run(struct making *m, struct reap_err *err)
{
    struct reap_near_graph *g = m->g;
    const uint64_t pairs = pairs_done(m, g->n);
    int rc = reap_vectors_measure(m->v, err);

    m->kept = reap_clock();
    reap_progress_start(&m->line, m->v->o, "million pairs",
                        pairs_done(m, m->done) / 1000000);
    while (!rc && m->done < g->n) {
        rc = reap_near_join(m->v->near, &m->done, g->k, g->list, err);
        reap_progress_show(&m->line, pairs_done(m, m->done) / 1000000,
                           pairs / 1000000, "");
        if (rc || m->done == g->n)
            break;
        if (reap_signals_asked() != REAP_ASKED_NOTHING)
            rc = reap_fail(err, REAP_ESTOPPED,
                           "stopped early; run the same command again to "
                           "resume");
        if (rc || reap_clock() - m->kept > KEEP_EACH + 20 * m->took)
            making_keep(m);
    }
    reap_progress_stop(&m->line);
    return rc;
}

int reap_near_graph_open(struct reap_near_graph *g, struct reap_vectors *v,
                         size_t k, struct reap_err *err)
{
    struct making m = { .g = g, .v = v };
    int rc;

    k = k < REAP_NEAR_GRAPH_K ? REAP_NEAR_GRAPH_K : k;
    if (reap_near_graph_load(g, v, k))
        return REAP_OK;
    if (near_graph_find(g, v, k, ".part", &m.done)) {
        if (m.done)
            reap_remark(v->o,
                        "resuming where the neighbours of %zu of %zu "
                        "rows are known",
                        m.done, g->n);
    } else {
        m.done = 0;
        g->n = v->n;
        g->k = k;
        g->list = reap_calloc(v->n, k * sizeof(*g->list));
        if (!g->list)
            return reap_fail(err, REAP_ENOMEM,
                             "no memory for %zu neighbours of %zu rows", k,
                             v->n);
        reap_near_clear(g->list, v->n * k);
    }
    rc = near_graph_run(&m, err);
    if (rc) {
        reap_near_graph_close(g);
        return rc;
    }
    making_keep(&m);
    drop_parts(v);
    return REAP_OK;
}

void reap_near_graph_close(struct reap_near_graph *g)
{
    reap_free(g->list);
    g->list = NULL;
    g->n = g->k = 0;
}
