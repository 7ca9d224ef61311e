/* The walk over a store that all exporters share. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/export/export_impl.h"
#include "io/out/outfile_rule.h"

static const struct {
    const char *name, *ending, *about;
    const struct reap_exporter *how;
} format[] = {
#define EXPORTER(name, ending, about) \
    { #name, ending, about, &reap_export_##name },
#include "io/export/exporters.def"
#undef EXPORTER
};

enum { N_FORMATS = sizeof(format) / sizeof(format[0]) };

bool reap_export_format(size_t i, const char **name, const char **ending,
                        const char **about)
{
    if (i >= N_FORMATS)
        return false;
    *name = format[i].name;
    *ending = format[i].ending;
    *about = format[i].about;
    return true;
}

static bool export_ends_in(const char *path, const char *ending)
{
    size_t n = strlen(path), m = strlen(ending);

    return n > m && !strcmp(path + n - m, ending) && path[n - m - 1] != '/';
}

static int find_format(const struct reap_export_args *a, size_t *out,
                       struct reap_err *err)
{
    char names[200] = "";

    for (*out = 0; *out < N_FORMATS; ++*out) {
        size_t used = strlen(names);

        if (a->to ? !strcmp(a->to, format[*out].name)
                  : export_ends_in(a->path, format[*out].ending))
            return REAP_OK;
        snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "",
                 format[*out].name);
    }
    if (a->to)
        return reap_fail(err, REAP_EINVAL,
                         "--to %s: unknown format; choose one of %s", a->to,
                         names);
    return reap_fail(err, REAP_EINVAL,
                     "%s: no format has this ending; choose one with --to: %s",
                     a->path, names);
}

int reap_export_beside(struct reap_outfile **out, const struct reap_export *e,
                       const char *more, struct reap_err *err)
{
    size_t room = strlen(e->stem) + strlen(more) + 1;
    char *path = reap_calloc(1, room);
    int rc;

    *out = NULL;
    if (!path)
        return reap_fail(err, REAP_ENOMEM, "no memory for a path");
    snprintf(path, room, "%s%s", e->stem, more);
    rc = reap_outfile_open(out, path, err);
    reap_free(path);
    return rc;
}

/* A walk in which rows and the dataset's keys are looked at side by side. */
struct walk {
    const struct reap_export *e;
    const struct reap_exporter *how;
    void *ctx;
    struct reap_rows *rows;
    struct reap_stored at;
    bool at_end;
    float *value[REAP_MAX_COLUMNS]; /* of a row; NULL: not wanted */
    struct reap_exported *counts;
};

static int advance(struct walk *w, struct reap_err *err)
{
    int rc = reap_rows_next(w->rows, &w->at, err);

    w->at_end = rc == REAP_ENOTFOUND;
    return w->at_end ? REAP_OK : rc;
}

static int write_row(struct walk *w, struct reap_err *err)
{
    const float *values[REAP_MAX_COLUMNS] = { NULL };
    struct reap_export_row r = { &w->at.row, values };
    int rc = REAP_OK;

    for (size_t i = 0; i < w->e->schema->n && !rc; i++)
        if (w->value[i] && w->at.row.status == REAP_STATUS_ok) {
            rc = reap_rows_values(w->rows, i, w->value[i], err);
            values[i] = w->value[i];
        }
    if (!rc)
        rc = w->how->row(w->ctx, w->e, &r, err);
    if (!rc)
        w->counts->by_status[w->at.row.status]++;
    return rc;
}

/* All rows there are, without asking the dataset. */
static int walk_rows(struct walk *w, struct reap_err *err)
{
    uint64_t limit = w->e->args->limit;
    int rc = REAP_OK;

    for (uint64_t n = 0; !rc && !w->at_end && (!limit || n < limit); n++) {
        rc = write_row(w, err);
        if (!rc)
            rc = advance(w, err);
    }
    return rc;
}

static int walk_keys(struct walk *w, struct reap_err *err)
{
    const struct reap_export_keys *keys = &w->e->args->keys;
    uint64_t limit = w->e->args->limit;
    struct reap_bytes key;
    int rc = REAP_OK;

    for (uint64_t n = 0; !limit || n < limit; n++) {
        int order = 1;

        rc = keys->next(keys->ctx, &key, err);
        if (rc)
            break;
        while (!rc && !w->at_end &&
               (order = reap_bytes_compare(w->at.row.key, key)) < 0) {
            w->counts->gone++;
            rc = advance(w, err);
        }
        if (rc)
            return rc;
        if (w->at_end || order > 0) {
            w->counts->missing++;
            continue;
        }
        rc = write_row(w, err);
        if (!rc)
            rc = advance(w, err);
        if (rc)
            return rc;
    }
    if (rc && rc != REAP_ENOTFOUND)
        return rc;
    for (; rc == REAP_ENOTFOUND && !w->at_end; w->counts->gone++)
        if (advance(w, err))
            return REAP_EIO;
    return REAP_OK;
}

static int open_walk(struct walk *w, struct reap_err *err)
{
    const struct reap_schema *s = w->e->schema;
    int rc = reap_rows_open(&w->rows, w->e->args->store, err);

    for (size_t i = 0; i < s->n && !rc; i++) {
        if (!w->how->wants(w->e, i))
            continue;
        w->value[i] = reap_calloc(reap_column_count(&s->column[i]), 4);
        if (!w->value[i])
            rc = reap_fail(err, REAP_ENOMEM, "no memory for %s",
                           s->column[i].name);
    }
    return rc ? rc : advance(w, err);
}

static void close_walk(struct walk *w)
{
    if (w->ctx)
        w->how->abort(w->ctx);
    reap_rows_close(&w->rows);
    for (size_t i = 0; i < REAP_MAX_COLUMNS; i++)
        reap_free(w->value[i]);
}

static void find_top(struct reap_export *e)
{
    size_t n;

    e->top = -1;
    for (size_t i = 0; i < e->schema->n && e->top < 0; i++)
        if (e->schema->column[i].kind == REAP_COLUMN_TOP)
            e->top = (int)i;
    if (e->top < 0)
        return;
    n = reap_column_count(&e->schema->column[e->top]) / 2;
    e->n_top = e->args->top && e->args->top < n ? e->args->top : n;
}

/* All files of an export are noted in one. */
static int set_sidecar(struct reap_export *e, struct reap_err *err)
{
    int rc;

    if (reap_outfile_is_stdout(e->args->path))
        return REAP_OK;
    if (asprintf(&e->meta, "%s.meta.json", e->stem) < 0)
        return reap_fail(err, REAP_ENOMEM, "no memory for a path");
    rc = reap_out_rule_sidecar(e->meta, err);
    return rc ? rc : reap_export_meta_check(e, err);
}

int reap_export_run(const struct reap_export_args *a, struct reap_exported *out,
                    struct reap_err *err)
{
    struct reap_export e = { .args = a, .schema = reap_store_schema(a->store) };
    struct walk w = { .e = &e, .counts = out };
    char *stem = NULL;
    size_t f;
    int rc = find_format(a, &f, err);

    memset(out, 0, sizeof(*out));
    if (rc)
        return rc;
    stem = reap_strdup(a->path);
    if (!stem)
        return reap_fail(err, REAP_ENOMEM, "no memory for a path");
    if (export_ends_in(stem, format[f].ending))
        stem[strlen(stem) - strlen(format[f].ending)] = '\0';
    e.stem = stem;
    find_top(&e);
    w.how = format[f].how;
    e.numbers = w.how->numbers;
    rc = set_sidecar(&e, err);
    if (!rc)
        rc = w.how->open(&w.ctx, &e, err);
    if (!rc)
        rc = open_walk(&w, err);
    if (!rc)
        rc = a->keys.next ? walk_keys(&w, err) : walk_rows(&w, err);
    if (!rc && e.meta)
        rc = reap_export_meta(&e, out, err);
    if (!rc)
        rc = w.how->commit(w.ctx, err);
    for (size_t i = 0; i < e.schema->n; i++)
        out->no_vectors |= !e.numbers && !a->vectors &&
                           e.schema->column[i].kind != REAP_COLUMN_TOP;
    close_walk(&w);
    free(e.meta);
    reap_free(stem);
    return rc;
}
