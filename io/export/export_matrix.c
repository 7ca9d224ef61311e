/*
 * Numbers as matrices: a file per output (F.npy, or F.avg.npy, F.logits.npy,
 * ...), the keys of their rows and the failed keys beside them. Formats with a
 * header get their row count at the end, so that one pass suffices.
 * Sources: notes of FAISS (IndexFlat, index_write.cpp), big-ann-benchmarks
 * (fbin), TEXMEX (fvecs) and the safetensors README.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/export/export_impl.h"
#include "io/file/le.h"
#include "io/file/limits.h"
#include "io/out/npy.h"
#include "io/file/text.h"

enum { HEADER_MAX = 512 };

/* A format with a header of a fixed size, written last, and rows of floats. */
struct layout {
    const char *ending;
    size_t header;
    bool prefixed; /* each row follows its length */
    void (*head)(uint8_t *p, const struct reap_column *c, uint64_t rows);
};

/* The file of one column: NumPy's, or one that a layout describes. */
struct output {
    const struct reap_column *column;
    size_t index, values; /* of the column; floats a row */
    struct reap_npy *npy;
    struct reap_outfile *file;
};

struct matrix {
    const struct layout *layout; /* NULL: NumPy's */
    size_t n;
    struct output output[REAP_MAX_COLUMNS];
    uint64_t rows, bad;
    float *nan; /* a failed row for --all */
    struct reap_outfile *keys, *failed;
};

static bool wants_numbers(const struct reap_export *e, size_t column)
{
    return e->schema->column[column].kind != REAP_COLUMN_TOP;
}

static int open_npy(struct output *o, const char *path, struct reap_err *err)
{
    const struct reap_column *c = o->column;
    bool flat = c->h == 1 && c->w == 1;
    size_t shape[4] = { 0, flat ? c->c : c->h, c->w, c->c };

    return reap_npy_open(&o->npy, path, "<f4", flat ? 2 : 4, shape, err);
}

static int open_layout(struct output *o, const struct layout *l,
                       const char *path, struct reap_err *err)
{
    uint8_t zero[HEADER_MAX] = { 0 };
    int rc = reap_outfile_open(&o->file, path, err);

    return rc ? rc : reap_outfile_write(o->file, zero, l->header, err);
}

/* One output is the file that was asked for, several bear their names. */
static int export_matrix_open_output(struct matrix *m, struct output *o,
                                     const struct reap_export *e,
                                     struct reap_err *err)
{
    const char *ending = m->layout ? m->layout->ending : ".npy";
    size_t room = strlen(e->args->path) + sizeof(o->column->name) + 32;
    char *path = reap_calloc(1, room);
    int rc;

    if (!path)
        return reap_fail(err, REAP_ENOMEM, "no memory for a path");
    if (m->n == 1) {
        strcpy(path, e->args->path);
    } else {
        snprintf(path, room, "%s.%s%s", e->stem, o->column->name, ending);
        for (char *p = path + strlen(e->stem); *p; p++)
            if (*p == '/')
                *p = '_';
    }
    rc = m->layout ? open_layout(o, m->layout, path, err)
                   : open_npy(o, path, err);
    reap_free(path);
    return rc;
}

static int open_outputs(struct matrix *m, const struct reap_export *e,
                        struct reap_err *err)
{
    size_t most = 0;
    int rc = REAP_OK;

    for (size_t i = 0; i < e->schema->n; i++) {
        struct output *o = &m->output[m->n];

        if (!wants_numbers(e, i))
            continue;
        o->column = &e->schema->column[i];
        o->index = i;
        o->values = reap_column_count(o->column);
        most = most > o->values ? most : o->values;
        m->n++;
    }
    if (!m->n)
        return reap_fail(err, REAP_EINVAL,
                         "the store holds labels only; export csv or jsonl");
    m->nan = reap_calloc(most, sizeof(float));
    if (!m->nan)
        return reap_fail(err, REAP_ENOMEM, "no memory for a row");
    for (size_t i = 0; i < most; i++)
        m->nan[i] = NAN;
    for (size_t i = 0; i < m->n && !rc; i++)
        rc = export_matrix_open_output(m, &m->output[i], e, err);
    return rc;
}

static int open_matrix(void **ctx, const struct layout *l,
                       const struct reap_export *e, struct reap_err *err)
{
    struct matrix *m = reap_calloc(1, sizeof(*m));
    int rc;

    *ctx = m;
    if (!m)
        return reap_fail(err, REAP_ENOMEM, "no memory for an export");
    if (reap_outfile_is_stdout(e->args->path))
        return reap_fail(err, REAP_EINVAL,
                         "-o %s: numbers have the keys of their rows in a file "
                         "beside them: name a file, or choose --to csv or "
                         "jsonl",
                         e->args->path);
    m->layout = l;
    rc = open_outputs(m, e, err);
    if (!rc)
        rc = reap_export_beside(&m->keys, e, ".keys.txt", err);
    if (!rc)
        rc = reap_export_beside(&m->failed, e, ".failed.tsv", err);
    return rc;
}

static int write_floats(struct matrix *m, struct output *o, const float *v,
                        struct reap_err *err)
{
    uint8_t count[4];
    int rc = REAP_OK;

    if (o->npy)
        return reap_npy_write(o->npy, v, o->values * 4, err);
    reap_le_put32(count, (uint32_t)o->values);
    if (m->layout->prefixed)
        rc = reap_outfile_write(o->file, count, sizeof(count), err);
    return rc ? rc : reap_outfile_write(o->file, v, o->values * 4, err);
}

static int row_matrix(void *ctx, const struct reap_export *e,
                      const struct reap_export_row *r, struct reap_err *err)
{
    struct matrix *m = ctx;
    bool good = r->row->status == REAP_STATUS_ok;
    char key[REAP_TEXT_ROOM(REAP_KEY_MAX)],
        reason[REAP_TEXT_ROOM(REAP_REASON_MAX)];
    struct reap_bytes why = { (const uint8_t *)r->row->reason,
                              strlen(r->row->reason) };
    int rc = REAP_OK;

    reap_text_escape(key, sizeof(key), r->row->key);
    m->bad += !good;
    if (!good)
        fprintf(reap_outfile_stream(m->failed), "%s\t%s\t%s\n", key,
                reap_status_name(r->row->status),
                reap_text_escape(reason, sizeof(reason), why));
    if (!good && !e->args->all)
        return REAP_OK;
    fprintf(reap_outfile_stream(m->keys), "%s\n", key);
    for (size_t i = 0; i < m->n && !rc; i++)
        rc = write_floats(m, &m->output[i],
                          good ? r->values[m->output[i].index] : m->nan, err);
    m->rows++;
    return rc;
}

static int commit_output(struct matrix *m, struct output *o,
                         struct reap_err *err)
{
    uint8_t head[HEADER_MAX] = { 0 };
    const struct reap_column *c = o->column;
    const bool flat = c->h == 1 && c->w == 1;
    const uint64_t shape[] = { m->rows, flat ? c->c : c->h, c->w, c->c };
    int rc = REAP_OK;

    if (o->npy)
        return reap_npy_commit(&o->npy, m->rows, err);
    if (m->layout->head) {
        m->layout->head(head, o->column, m->rows);
        if (fseeko(reap_outfile_stream(o->file), 0, SEEK_SET))
            return reap_fail(err, REAP_EIO, "%s: cannot be written",
                             o->column->name);
        rc = reap_outfile_write(o->file, head, m->layout->header, err);
    }
    if (rc)
        return rc;
    reap_outfile_shape(o->file, "float32", flat ? 2 : 4, shape);
    return reap_outfile_commit(&o->file, err);
}

static int commit_matrix(void *ctx, struct reap_err *err)
{
    struct matrix *m = ctx;
    int rc;

    reap_outfile_count(m->keys, "keys", m->rows);
    reap_outfile_count(m->failed, "keys", m->bad);
    rc = reap_outfile_commit(&m->keys, err);
    if (!rc)
        rc = reap_outfile_commit(&m->failed, err);
    for (size_t i = 0; i < m->n && !rc; i++)
        rc = commit_output(m, &m->output[i], err);
    return rc;
}

static void abort_matrix(void *ctx)
{
    struct matrix *m = ctx;

    for (size_t i = 0; i < m->n; i++) {
        reap_npy_abort(&m->output[i].npy);
        reap_outfile_abort(&m->output[i].file);
    }
    reap_outfile_abort(&m->keys);
    reap_outfile_abort(&m->failed);
    reap_free(m->nan);
    reap_free(m);
}

static void head_fbin(uint8_t *p, const struct reap_column *c, uint64_t rows)
{
    reap_le_put32(p, (uint32_t)rows);
    reap_le_put32(p + 4, (uint32_t)reap_column_count(c));
}

static void head_faiss(uint8_t *p, const struct reap_column *c, uint64_t rows)
{
    size_t d = reap_column_count(c);

    memcpy(p, "IxF2", 4);
    reap_le_put32(p + 4, (uint32_t)d);
    reap_le_put64(p + 8, rows);
    reap_le_put64(p + 16, 1 << 20); /* two words that FAISS ignores */
    reap_le_put64(p + 24, 1 << 20);
    p[32] = 1;                /* trained */
    reap_le_put32(p + 33, 1); /* L2 */
    reap_le_put64(p + 37, rows * d);
}

static void head_safetensors(uint8_t *p, const struct reap_column *c,
                             uint64_t rows)
{
    enum { SIZE = 256 };
    char text[SIZE];
    uint64_t end = rows * reap_column_count(c) * 4;
    bool flat = c->h == 1 && c->w == 1;
    char map[40] = "";

    if (!flat)
        snprintf(map, sizeof(map), "%u,%u,", c->h, c->w);
    memset(p, ' ', SIZE);
    reap_le_put64(p, SIZE - 8);
    snprintf(text, sizeof(text),
             "{\"%s\":{\"dtype\":\"F32\",\"shape\":[%" PRIu64
             ",%s%u],\"data_offsets\":[0,%" PRIu64 "]}}",
             c->name, rows, map, c->c, end);
    memcpy(p + 8, text, strlen(text));
}

#define MATRIX(name, header, prefixed, head)                                  \
    static const struct layout layout_##name = { "." #name, header, prefixed, \
                                                 head };                      \
    static int open_##name(void **ctx, const struct reap_export *e,           \
                           struct reap_err *err)                              \
    {                                                                         \
        return open_matrix(ctx, &layout_##name, e, err);                      \
    }                                                                         \
    const struct reap_exporter reap_export_##name = {                         \
        true,       wants_numbers, open_##name,                               \
        row_matrix, commit_matrix, abort_matrix                               \
    }

MATRIX(fvecs, 0, true, NULL);
MATRIX(fbin, 8, false, head_fbin);
MATRIX(faiss, 45, false, head_faiss);
MATRIX(safetensors, 256, false, head_safetensors);

static int open_numpy(void **ctx, const struct reap_export *e,
                      struct reap_err *err)
{
    return open_matrix(ctx, NULL, e, err);
}

const struct reap_exporter reap_export_npy = { true,          wants_numbers,
                                               open_numpy,    row_matrix,
                                               commit_matrix, abort_matrix };
