/* One walk over the rows notes where each vector lies in the store's map;
 * loading is a copy or a widening from half precision. */
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/half.h"
#include "io/file/le.h"
#include "io/file/status.h"
#include "io/file/text.h"
#include "io/store/embeddings.h"

enum { REPORT = 1024 }; /* rows between two calls of progress */

struct reap_embeddings {
    struct reap_rows *rows;
    size_t col, width, n, room;
    bool half;
    const uint8_t **at; /* n places in the map */
    uint64_t failed, odd;
    char column[48], first_odd[200];
};

/* "avg, max": the columns with floats. */
static const char *embeddings_list(const struct reap_schema *s, char *to,
                                   size_t size)
{
    size_t at = 0;

    *to = '\0';
    for (size_t i = 0; i < s->n && at < size; i++)
        if (s->column[i].kind != REAP_COLUMN_TOP)
            at += (size_t)snprintf(to + at, size - at, "%s%s", at ? ", " : "",
                                   s->column[i].name);
    return to;
}

static int no_column(const struct reap_schema *s, const char *name,
                     struct reap_err *err)
{
    char names[200];

    if (!*embeddings_list(s, names, sizeof(names)))
        return reap_fail(err, REAP_EMISFIT,
                         "the store holds labels only; reap extract, or "
                         "--features avg, stores embeddings");
    if (name)
        return reap_fail(err, REAP_EINVAL,
                         "the store has no column '%.40s'; there is %s", name,
                         names);
    return reap_fail(err, REAP_EINVAL,
                     "the store has several columns: choose one of %s by "
                     "--features",
                     names);
}

static int pick(struct reap_embeddings *e, const struct reap_schema *s,
                const char *name, struct reap_err *err)
{
    size_t found = 0;
    bool sure = false;

    for (size_t i = 0; i < s->n && !sure; i++) {
        const struct reap_column *c = &s->column[i];

        if (c->kind == REAP_COLUMN_TOP || (name && strcmp(c->name, name) != 0))
            continue;
        sure = name || !strcmp(c->name, "avg");
        if (sure || !found++)
            e->col = i;
    }
    if (!sure && found != 1)
        return no_column(s, name, err);
    e->width = reap_column_count(&s->column[e->col]);
    e->half = s->column[e->col].kind == REAP_COLUMN_F16;
    snprintf(e->column, sizeof(e->column), "%s", s->column[e->col].name);
    return REAP_OK;
}

/* No NaN, no infinity: their exponents are all ones. */
static bool finite(const struct reap_embeddings *e, const uint8_t *at)
{
    uint32_t bad = 0;

    if (e->half)
        for (size_t i = 0; i < e->width; i++)
            bad |= (reap_le_get16(at + 2 * i) & 0x7c00u) == 0x7c00u;
    else
        for (size_t i = 0; i < e->width; i++)
            bad |= (reap_le_get32(at + 4 * i) & 0x7f800000u) == 0x7f800000u;
    return !bad;
}

static int embeddings_add(struct reap_embeddings *e, const uint8_t *at,
                          struct reap_err *err)
{
    if (e->n == e->room) {
        size_t room = e->room ? 2 * e->room : 4096;
        const uint8_t **more = reap_realloc(e->at, room * sizeof(*more));

        if (!more)
            return reap_fail(err, REAP_ENOMEM, "no memory for %zu places",
                             room);
        e->at = more;
        e->room = room;
    }
    e->at[e->n++] = at;
    return REAP_OK;
}

static int embeddings_look(struct reap_embeddings *e,
                           const struct reap_embeddings_args *a,
                           const struct reap_row *row, struct reap_err *err)
{
    const uint8_t *at;
    int rc;

    if (row->status != REAP_STATUS_ok) {
        e->failed++;
        return REAP_OK;
    }
    rc = reap_rows_lend(e->rows, e->col, &at, err);
    if (rc)
        return rc;
    if (!finite(e, at)) {
        if (!e->odd++)
            reap_text_escape(e->first_odd, sizeof(e->first_odd), row->key);
        return REAP_OK;
    }
    return !a->take || a->take(a->ctx, e->n, row) ? embeddings_add(e, at, err)
                                                  : REAP_OK;
}

static int embeddings_walk(struct reap_embeddings *e,
                           const struct reap_embeddings_args *a,
                           struct reap_err *err)
{
    struct reap_stored s;
    uint64_t done = 0;
    int rc = reap_rows_seek(e->rows, (struct reap_bytes){ NULL, 0 }, &s, err);

    while (!rc) {
        rc = embeddings_look(e, a, &s.row, err);
        if (a->progress && ++done % REPORT == 0)
            a->progress(a->ctx, done);
        if (!rc)
            rc = reap_rows_next(e->rows, &s, err);
        else if (rc == REAP_ENOTFOUND)
            rc = REAP_EFORMAT; /* of a row that is ok */
    }
    return rc == REAP_ENOTFOUND ? REAP_OK : rc;
}

int reap_embeddings_open(struct reap_embeddings **out,
                         const struct reap_embeddings_args *a,
                         struct reap_err *err)
{
    struct reap_embeddings *e = reap_calloc(1, sizeof(*e));
    int rc;

    *out = NULL;
    if (!e)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    rc = pick(e, reap_store_schema(a->store), a->column, err);
    if (!rc)
        rc = reap_rows_open(&e->rows, a->store, err);
    if (!rc)
        rc = embeddings_walk(e, a, err);
    if (rc)
        reap_embeddings_close(&e);
    *out = e;
    return rc;
}

size_t reap_embeddings_count(const struct reap_embeddings *e)
{
    return e->n;
}

size_t reap_embeddings_width(const struct reap_embeddings *e)
{
    return e->width;
}

const char *reap_embeddings_column(const struct reap_embeddings *e)
{
    return e->column;
}

uint64_t reap_embeddings_failed(const struct reap_embeddings *e)
{
    return e->failed;
}

uint64_t reap_embeddings_odd(const struct reap_embeddings *e)
{
    return e->odd;
}

const char *reap_embeddings_first_odd(const struct reap_embeddings *e)
{
    return e->first_odd;
}

void reap_embeddings_load(const struct reap_embeddings *e, size_t i, float *to)
{
    const uint8_t *at = e->at[i];

    if (!e->half)
        memcpy(to, at, e->width * sizeof(*to));
    else
        for (size_t k = 0; k < e->width; k++)
            to[k] = reap_half_to_float(reap_le_get16(at + 2 * k));
}

void reap_embeddings_close(struct reap_embeddings **e)
{
    if (!*e)
        return;
    reap_rows_close(&(*e)->rows);
    reap_free((*e)->at);
    reap_free(*e);
    *e = NULL;
}
