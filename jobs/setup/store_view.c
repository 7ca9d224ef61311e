/* A store open to read with its counts, its marker and names for its classes.
 * Its dataset is store_view_dataset.c's. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "jobs/setup/store_view.h"

int reap_store_view_open(struct reap_store_view *v, const char *path,
                         struct reap_err *err)
{
    int rc;

    memset(v, 0, sizeof(*v));
    v->path = path;
    rc = reap_store_open(&v->store, path, REAP_STORE_READ, NULL, err);
    if (!rc)
        rc = reap_store_counts(v->store, v->by_status, err);
    for (unsigned i = 0; i < REAP_N_STATUS && !rc; i++) {
        v->rows += v->by_status[i];
        v->bad += i == REAP_STATUS_ok ? 0 : v->by_status[i];
    }
    if (!rc)
        v->complete = reap_store_marker(v->store, &v->limit, &v->keys);
    else
        reap_store_view_close(v);
    return rc;
}

bool reap_store_view_line(const struct reap_store_view *v, const char *text,
                          const char *name, char *buf, size_t size)
{
    const char *line = reap_store_meta(v->store, text);
    size_t n = strlen(name);

    buf[0] = '\0';
    while (line && *line) {
        size_t end = strcspn(line, "\n");

        if (end > n && !strncmp(line, name, n) &&
            (line[n] == '=' || line[n] == ' ')) {
            snprintf(buf, size, "%.*s", (int)(end - n - 1), line + n + 1);
            return true;
        }
        line += end + (line[end] == '\n');
    }
    return false;
}

bool reap_store_view_has_top(const struct reap_store_view *v)
{
    const struct reap_schema *s = reap_store_schema(v->store);

    for (size_t i = 0; i < s->n; i++)
        if (s->column[i].kind == REAP_COLUMN_TOP)
            return true;
    return false;
}

/* Has it any column that is about classes? */
static bool has_classes(const struct reap_store_view *v)
{
    const struct reap_schema *s = reap_store_schema(v->store);

    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->column[i].name, "probs") ||
            !strcmp(s->column[i].name, "logits"))
            return true;
    return reap_store_view_has_top(v);
}

/* The names that the run wrote into the store, if it did. */
static int own_labels(struct reap_store_view *v, const char *text,
                      struct reap_err *err)
{
    size_t lines = 0;
    char *p;

    for (const char *q = text; *q; q++)
        lines += *q == '\n';
    v->names = reap_strdup(text);
    v->own = reap_calloc(lines + 1, sizeof(*v->own));
    if (!v->names || !v->own)
        return reap_fail(err, REAP_ENOMEM, "no memory for names of classes");
    for (p = v->names; *p && v->n_own < lines;) {
        char *end = p + strcspn(p, "\n"),
             *tab = memchr(p, '\t', (size_t)(end - p));

        if (!tab)
            return reap_fail(err, REAP_EFORMAT,
                             "%s: its names of classes are damaged", v->path);
        *tab = *end = '\0';
        v->own[v->n_own++] = p;
        p = end + 1;
    }
    return REAP_OK;
}

int reap_store_view_labels(struct reap_store_view *v, const char *file,
                           struct reap_err *err)
{
    const char *own = reap_store_meta(v->store, "labels");
    char classes[32], model[64];

    if (!has_classes(v))
        return REAP_OK;
    if (!file && own)
        return own_labels(v, own, err);
    if (!reap_store_view_line(v, "made_of", "classes", classes,
                              sizeof(classes)))
        return REAP_OK;
    reap_store_view_line(v, "made_of", "model", model, sizeof(model));
    return reap_labels_open(&v->labels, file, strtoul(classes, NULL, 10),
                            strncmp(model, "torchvision/", 12) != 0, err);
}

const char *reap_store_view_wnid(const struct reap_store_view *v, size_t i)
{
    if (i < v->n_own)
        return v->own[i];
    return v->labels && i < reap_labels_count(v->labels)
               ? reap_labels_wnid(v->labels, i)
               : "";
}

const char *reap_store_view_name(const struct reap_store_view *v, size_t i)
{
    if (i < v->n_own)
        return v->own[i] + strlen(v->own[i]) + 1;
    return v->labels && i < reap_labels_count(v->labels)
               ? reap_labels_name(v->labels, i)
               : "";
}

size_t reap_store_view_background(const struct reap_store_view *v)
{
    const size_t n = v->labels ? reap_labels_count(v->labels) : v->n_own;

    return n == 1001 && !strcmp(reap_store_view_name(v, 0), "background");
}

const char *reap_store_view_column(const struct reap_column *c, char *buf,
                                   size_t size)
{
    if (c->kind == REAP_COLUMN_TOP)
        snprintf(buf, size, "%u best classes", c->c);
    else if (c->h == 1 && c->w == 1)
        snprintf(buf, size, "%s (%u)",
                 c->kind == REAP_COLUMN_F16 ? "f16" : "f32", c->c);
    else
        snprintf(buf, size, "%s (%u, %u, %u)",
                 c->kind == REAP_COLUMN_F16 ? "f16" : "f32", c->h, c->w, c->c);
    return buf;
}

void reap_store_view_close(struct reap_store_view *v)
{
    reap_cursor_close(&v->cursor);
    reap_dataset_close(&v->dataset);
    reap_free(v->own);
    reap_free(v->names);
    reap_labels_close(&v->labels);
    reap_store_close(&v->store);
}
