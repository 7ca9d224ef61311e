#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/view.h"

static void read_marker(struct reap_view *v)
{
    char text[32];

    v->complete = reap_store_meta(v->store, "complete") != NULL;
    if (reap_view_line(v, "complete", "limit", text, sizeof(text)))
        v->limit = strtoull(text, NULL, 10);
    if (reap_view_line(v, "complete", "keys", text, sizeof(text)))
        v->keys = strtoull(text, NULL, 10);
}

int reap_view_open(struct reap_view *v, const char *path, struct reap_err *err)
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
        read_marker(v);
    else
        reap_view_close(v);
    return rc;
}

bool reap_view_line(const struct reap_view *v, const char *text,
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

static bool has_top(const struct reap_schema *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->column[i].kind == REAP_COLUMN_TOP)
            return true;
    return false;
}

int reap_view_labels(struct reap_view *v, const char *file,
                     struct reap_err *err)
{
    char classes[32], model[64], path[4096];
    bool keras;

    if (!has_top(reap_store_schema(v->store)) ||
        !reap_view_line(v, "made_of", "classes", classes, sizeof(classes)))
        return REAP_OK;
    reap_view_line(v, "made_of", "model", model, sizeof(model));
    keras = strncmp(model, "torchvision/", 12) != 0;
    /* The run's own file may be gone by now: then there are no names. */
    if (!file && reap_view_line(v, "job", "labels", path, sizeof(path))) {
        if (reap_labels_open(&v->labels, path, strtoul(classes, NULL, 10),
                             keras, NULL))
            v->labels = NULL;
        return REAP_OK;
    }
    return reap_labels_open(&v->labels, file, strtoul(classes, NULL, 10), keras,
                            err);
}

const char *reap_view_name(const struct reap_view *v, size_t i)
{
    return v->labels && i < reap_labels_count(v->labels)
               ? reap_labels_name(v->labels, i)
               : "";
}

const char *reap_view_wnid(const struct reap_view *v, size_t i)
{
    return v->labels && i < reap_labels_count(v->labels)
               ? reap_labels_wnid(v->labels, i)
               : "";
}

const char *reap_view_column(const struct reap_column *c, char *buf,
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

void reap_view_remark(const struct reap_options *o, const char *fmt, ...)
{
    va_list ap;

    if (o->quiet)
        return;
    va_start(ap, fmt);
    fputs("reap: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}

void reap_view_close(struct reap_view *v)
{
    reap_labels_close(&v->labels);
    reap_store_close(&v->store);
}
