/* One row of a store: status, flags, the first values, names of classes. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/limits.h"
#include "io/file/text.h"
#include "jobs/inspect/show_store.h"
#include "jobs/setup/store_view.h"

enum { FIRST = 6 };

struct pair {
    int32_t index;
    float prob;
};

static int seek(struct reap_rows *r, struct reap_bytes key,
                struct reap_stored *row, struct reap_err *err)
{
    int rc = reap_rows_seek(r, key, row, err);

    if (!rc && (row->row.key.len != key.len ||
                memcmp(row->row.key.data, key.data, key.len) != 0))
        rc = REAP_ENOTFOUND;
    return rc;
}

/* The row of a key as it was typed, else of the bytes an escaped one means. */
static int show_store_find(struct reap_rows *r, const char *typed,
                           struct reap_stored *row, struct reap_err *err)
{
    struct reap_bytes key = { (const uint8_t *)typed, strlen(typed) };
    unsigned char *plain;
    int rc = seek(r, key, row, err);

    if (rc == REAP_ENOTFOUND && strchr(typed, '\\')) {
        plain = reap_calloc(1, key.len + 1);
        if (!plain)
            return reap_fail(err, REAP_ENOMEM, "no memory for a key");
        key = (struct reap_bytes){ plain, reap_text_unescape(typed, plain) };
        rc = seek(r, key, row, err);
        reap_free(plain);
    }
    return rc == REAP_ENOTFOUND
               ? reap_fail(err, rc, "no row with the key %s", typed)
               : rc;
}

static void print_top(const struct reap_store_view *v, const float *values,
                      size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct pair p;

        memcpy(&p, values + 2 * i, sizeof(p));
        if (p.index >= 0)
            printf("    %zu  %.4f  %5d  %-10s %s\n", i + 1, (double)p.prob,
                   p.index, reap_store_view_wnid(v, (size_t)p.index),
                   reap_store_view_name(v, (size_t)p.index));
    }
}

static void print_numbers(const float *values, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)values[i] * (double)values[i];
    printf("    length %.6g, begins", sqrt(sum));
    for (size_t i = 0; i < n && i < FIRST; i++)
        printf(" %.6g", (double)values[i]);
    printf("%s\n", n > FIRST ? " ..." : "");
}

static json_t *top_json(const struct reap_store_view *v, const float *values,
                        size_t n)
{
    json_t *all = json_array();

    for (size_t i = 0; i < n; i++) {
        struct pair p;

        memcpy(&p, values + 2 * i, sizeof(p));
        if (p.index >= 0)
            json_array_append_new(
                all, json_pack("{si,ss,ss,sf}", "index", p.index, "wnid",
                               reap_store_view_wnid(v, (size_t)p.index), "name",
                               reap_store_view_name(v, (size_t)p.index), "prob",
                               isfinite(p.prob) ? (double)p.prob : 0.0));
    }
    return all;
}

static json_t *numbers_json(const float *values, size_t n)
{
    json_t *all = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(all, isfinite(values[i])
                                       ? json_real((double)values[i])
                                       : json_null());
    return all;
}

/* Each column of an ok row: printed, or into 'all' if that is not NULL. */
static int show_columns(const struct reap_store_view *v, struct reap_rows *r,
                        json_t *all, struct reap_err *err)
{
    const struct reap_schema *s = reap_store_schema(v->store);
    int rc = REAP_OK;

    for (size_t i = 0; i < s->n && !rc; i++) {
        const struct reap_column *c = &s->column[i];
        size_t n = reap_column_count(c);
        bool top = c->kind == REAP_COLUMN_TOP;
        float *values = reap_calloc(n, sizeof(*values));
        char text[64];

        if (!values)
            return reap_fail(err, REAP_ENOMEM, "no memory for %s", c->name);
        rc = reap_rows_values(r, i, values, err);
        if (!rc && all) {
            json_object_set_new(all, c->name,
                                top ? top_json(v, values, n / 2)
                                    : numbers_json(values, n));
        } else if (!rc) {
            printf("%s: %s\n", c->name,
                   reap_store_view_column(c, text, sizeof(text)));
            if (top)
                print_top(v, values, n / 2);
            else
                print_numbers(values, n);
        }
        reap_free(values);
    }
    return rc;
}

static const char *escape(char *buf, size_t size, const char *text)
{
    return reap_text_escape(
        buf, size, (struct reap_bytes){ (const uint8_t *)text, strlen(text) });
}

static int show_text(const struct reap_store_view *v, struct reap_rows *r,
                     const struct reap_stored *row, struct reap_err *err)
{
    const struct reap_row *w = &row->row;
    char buf[REAP_TEXT_ROOM(REAP_KEY_MAX)], flags[128];

    printf("key:    %s\n", reap_text_escape(buf, sizeof(buf), w->key));
    printf("status: %s", reap_status_name(w->status));
    if (*w->reason)
        printf(", %s", escape(buf, sizeof(buf), w->reason));
    printf("\nflags:  %s\n", reap_flag_names(w->flags, flags, sizeof(flags)));
    if (*w->label)
        printf("label:  %s\n", escape(buf, sizeof(buf), w->label));
    printf("input:  CRC-32C %08x\nstored: block %" PRIu64 ", row %u\n", w->crc,
           row->block, row->index);
    return w->status == REAP_STATUS_ok ? show_columns(v, r, NULL, err)
                                       : REAP_OK;
}

static int show_json(const struct reap_store_view *v, struct reap_rows *r,
                     const struct reap_stored *row, struct reap_err *err)
{
    const struct reap_row *w = &row->row;
    char key[REAP_TEXT_ROOM(REAP_KEY_MAX)], label[REAP_TEXT_ROOM(255)];
    char reason[REAP_TEXT_ROOM(REAP_REASON_MAX)], flags[128];
    json_t *all = json_pack(
        "{ss,ss,ss,ss,ss,sI,sI,sI}", "key",
        reap_text_escape(key, sizeof(key), w->key), "status",
        reap_status_name(w->status), "reason",
        escape(reason, sizeof(reason), w->reason), "flags",
        reap_flag_names(w->flags, flags, sizeof(flags)), "true_label",
        escape(label, sizeof(label), w->label), "crc", (json_int_t)w->crc,
        "block", (json_int_t)row->block, "row", (json_int_t)row->index);
    int rc = all ? REAP_OK : reap_fail(err, REAP_ENOMEM, "no memory for JSON");

    if (!rc && w->status == REAP_STATUS_ok)
        rc = show_columns(v, r, all, err);
    if (!rc) {
        json_dumpf(all, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
        putchar('\n');
    }
    json_decref(all);
    return rc;
}

int reap_show_store(const char *path, const char *key,
                    const struct reap_options *o, struct reap_err *err)
{
    struct reap_store_view v;
    struct reap_rows *r = NULL;
    struct reap_stored row;
    int rc = reap_store_view_open(&v, path, err);

    if (rc)
        return rc;
    rc = reap_store_view_labels(&v, o->labels, err);
    if (!rc)
        rc = reap_rows_open(&r, v.store, err);
    if (!rc)
        rc = show_store_find(r, key, &row, err);
    if (!rc)
        rc =
            o->json ? show_json(&v, r, &row, err) : show_text(&v, r, &row, err);
    reap_rows_close(&r);
    reap_store_view_close(&v);
    return rc;
}
