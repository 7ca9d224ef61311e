/* Lines of text, one per key: CSV (RFC 4180) and JSON lines. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/export/export_impl.h"
#include "io/file/limits.h"
#include "io/file/text.h"

static bool is_vector(const struct reap_export *e, size_t column)
{
    return e->args->vectors &&
           e->schema->column[column].kind != REAP_COLUMN_TOP;
}

static bool wants_text(const struct reap_export *e, size_t column)
{
    return (int)column == e->top || is_vector(e, column);
}

static void put_cell(FILE *f, const struct reap_export *e, const char *text)
{
    if (e->args->csv_safe)
        reap_text_csv_safe(f, text);
    else
        reap_text_csv(f, text);
}

/* A column of CSV for each number, avg_0 and so on. */
static void put_vector_names(FILE *f, const struct reap_export *e)
{
    for (size_t c = 0; c < e->schema->n; c++)
        for (size_t i = 0, n = reap_column_count(&e->schema->column[c]);
             is_vector(e, c) && i < n; i++) {
            fputc(',', f);
            put_cell(f, e, e->schema->column[c].name);
            fprintf(f, "_%zu", i);
        }
}

static void put_vectors_csv(FILE *f, const struct reap_export *e,
                            const struct reap_export_row *r)
{
    for (size_t c = 0; c < e->schema->n; c++)
        for (size_t i = 0, n = reap_column_count(&e->schema->column[c]);
             is_vector(e, c) && i < n; i++) {
            fputc(',', f);
            if (r->values[c])
                reap_text_float(f, r->values[c][i]);
        }
}

/* An array of numbers for each output, flat; null for what is no number. */
static void put_vectors_json(FILE *f, const struct reap_export *e,
                             const struct reap_export_row *r)
{
    for (size_t c = 0; c < e->schema->n; c++) {
        const size_t n = reap_column_count(&e->schema->column[c]);

        if (!is_vector(e, c) || !r->values[c])
            continue;
        fputc(',', f);
        reap_text_json(f, e->schema->column[c].name);
        for (size_t i = 0; i < n; i++) {
            fputc(i ? ',' : ':', f);
            if (!i)
                fputc('[', f);
            if (isfinite(r->values[c][i]))
                reap_text_float(f, r->values[c][i]);
            else
                fputs("null", f);
        }
        fputc(']', f);
    }
}

struct pair {
    int32_t index;
    float prob;
};

/* The class at place i; false if there is none. */
static bool top_at(const struct reap_export *e, const struct reap_export_row *r,
                   size_t i, struct pair *p)
{
    if (e->top < 0 || !r->values[e->top])
        return false;
    memcpy(p, r->values[e->top] + 2 * i, sizeof(*p));
    return p->index >= 0;
}

static const char *escaped(char *buf, size_t size, const char *text)
{
    struct reap_bytes in = { (const uint8_t *)text, text ? strlen(text) : 0 };

    return reap_text_escape(buf, size, in);
}

static const char *export_text_name_of(const struct reap_export *e, bool wnid,
                                       int32_t i, char *buf, size_t size)
{
    const struct reap_export_names *n = &e->args->names;
    const char *(*get)(const void *, size_t) = wnid ? n->wnid : n->name;

    return escaped(buf, size, get ? get(n->ctx, (size_t)i) : NULL);
}

struct text {
    struct reap_outfile *file;
    uint64_t rows;
};

static int open_text(void **ctx, const struct reap_export *e,
                     struct reap_err *err)
{
    struct text *t = reap_calloc(1, sizeof(*t));

    *ctx = t;
    if (!t)
        return reap_fail(err, REAP_ENOMEM, "no memory for an export");
    return reap_outfile_open(&t->file, e->args->path, err);
}

static int commit_text(void *ctx, struct reap_err *err)
{
    struct text *t = ctx;

    reap_outfile_count(t->file, "rows", t->rows);
    return reap_outfile_commit(&t->file, err);
}

static void abort_text(void *ctx)
{
    struct text *t = ctx;

    reap_outfile_abort(&t->file);
    reap_free(t);
}

static int check_stream(FILE *f, const struct reap_export *e,
                        struct reap_err *err)
{
    return ferror(f) ? reap_fail(err, REAP_EIO,
                                 "%s: cannot be written: is the "
                                 "disk full?",
                                 e->args->path)
                     : REAP_OK;
}

static int open_csv(void **ctx, const struct reap_export *e,
                    struct reap_err *err)
{
    int rc = open_text(ctx, e, err);
    FILE *f;

    if (rc)
        return rc;
    f = reap_outfile_stream(((struct text *)*ctx)->file);
    fputs("key,status,reason,true_label", f);
    for (size_t i = 1; i <= e->n_top; i++)
        fprintf(f, ",rank%zu_index,rank%zu_wnid,rank%zu_name,rank%zu_prob", i,
                i, i, i);
    put_vector_names(f, e);
    fputc('\n', f);
    return REAP_OK;
}

static int row_csv(void *ctx, const struct reap_export *e,
                   const struct reap_export_row *r, struct reap_err *err)
{
    FILE *f = reap_outfile_stream(((struct text *)ctx)->file);
    char buf[REAP_TEXT_ROOM(REAP_KEY_MAX)];
    struct pair p;

    put_cell(f, e, reap_text_escape(buf, sizeof(buf), r->row->key));
    fprintf(f, ",%s,", reap_status_name(r->row->status));
    put_cell(f, e, escaped(buf, sizeof(buf), r->row->reason));
    fputc(',', f);
    put_cell(f, e, escaped(buf, sizeof(buf), r->row->label));
    for (size_t i = 0; i < e->n_top; i++) {
        if (!top_at(e, r, i, &p)) {
            fputs(",,,,", f);
            continue;
        }
        fprintf(f, ",%d,", p.index);
        put_cell(f, e, export_text_name_of(e, true, p.index, buf, sizeof(buf)));
        fputc(',', f);
        put_cell(f, e,
                 export_text_name_of(e, false, p.index, buf, sizeof(buf)));
        fputc(',', f);
        reap_text_float(f, p.prob);
    }
    put_vectors_csv(f, e, r);
    fputc('\n', f);
    ((struct text *)ctx)->rows++;
    return check_stream(f, e, err);
}

static int row_jsonl(void *ctx, const struct reap_export *e,
                     const struct reap_export_row *r, struct reap_err *err)
{
    FILE *f = reap_outfile_stream(((struct text *)ctx)->file);
    char buf[REAP_TEXT_ROOM(REAP_KEY_MAX)];
    struct pair p;

    fputs("{\"key\":", f);
    reap_text_json(f, reap_text_escape(buf, sizeof(buf), r->row->key));
    fprintf(f,
            ",\"status\":\"%s\",\"reason\":", reap_status_name(r->row->status));
    reap_text_json(f, escaped(buf, sizeof(buf), r->row->reason));
    fputs(",\"true_label\":", f);
    reap_text_json(f, escaped(buf, sizeof(buf), r->row->label));
    if (e->top >= 0)
        fputs(",\"top\":[", f);
    for (size_t i = 0; i < e->n_top && top_at(e, r, i, &p); i++) {
        fprintf(f, "%s{\"index\":%d,\"wnid\":", i ? "," : "", p.index);
        reap_text_json(f,
                       export_text_name_of(e, true, p.index, buf, sizeof(buf)));
        fputs(",\"name\":", f);
        reap_text_json(
            f, export_text_name_of(e, false, p.index, buf, sizeof(buf)));
        fputs(",\"prob\":", f);
        if (isfinite(p.prob))
            reap_text_float(f, p.prob);
        else
            fputs("null", f);
        fputc('}', f);
    }
    if (e->top >= 0)
        fputc(']', f);
    put_vectors_json(f, e, r);
    fputs("}\n", f);
    ((struct text *)ctx)->rows++;
    return check_stream(f, e, err);
}

const struct reap_exporter reap_export_csv = {
    false, wants_text, open_csv, row_csv, commit_text, abort_text
};
const struct reap_exporter reap_export_jsonl = { false,       wants_text,
                                                 open_text,   row_jsonl,
                                                 commit_text, abort_text };
