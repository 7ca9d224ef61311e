/*
 * Rows of embeddings through a head into another store, some thousand at a
 * time: read in key order, computed by all threads, stored as one block. Rows
 * that an earlier run has stored stay. The head itself is
 * jobs/setup/predictor.h's.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/signals.h"
#include "engine/base/clock.h"
#include "engine/base/crew.h"
#include "engine/base/mem.h"
#include "engine/base/version.h"
#include "engine/head/head.h"
#include "io/file/limits.h"
#include "io/file/text.h"
#include "io/labels/labels.h"
#include "jobs/cli/progress.h"
#include "jobs/cli/remark.h"
#include "jobs/cli/threads.h"
#include "jobs/cli/words.h"
#include "jobs/learn/label_store.h"
#include "jobs/setup/predictor.h"
#include "jobs/setup/store_view.h"

enum {
    ROWS = 1024, /* of a block: one transaction */
    STRIP = 64,  /* rows that a thread runs at once */
    TOP = 5
};

/* What is stored of a row's classes, in this order. */
enum column { LOGITS, PROBS, BEST, COLUMNS };
static const char *const column_name[COLUMNS] = { "logits", "probs", "top" };

struct work {
    const struct reap_options *o;
    struct reap_store_view from;
    struct reap_predictor head;
    struct reap_store *to;
    struct reap_schema schema;
    struct reap_labels *names;
    struct reap_crew *crew;
    size_t col, threads, k;
    bool wanted[COLUMNS];
    char *fingerprint_text, *labels, *command, *job;
    uint64_t done, kept, failed;
    double begin;
    struct reap_progress line;
};

/* Rows that become a block. */
struct batch {
    struct work *w;
    struct reap_block *block;
    size_t n, n_ok, room;
    struct reap_row *row;                 /* n; strings are copies in 'text' */
    char *text;                           /* ROOM bytes each */
    size_t *slot;                         /* of a row among the ok ones */
    float *x, *logits, *probs, **scratch; /* scratch: one a thread */
    struct reap_top *top;
};
enum { ROOM = 512 + 256 + REAP_REASON_MAX + 3 };

/* ---- opening ---- */

/* --features: logits, probs, top; top is always there. */
static int parse_columns(struct work *w, struct reap_err *err)
{
    const char *list = w->o->features ? w->o->features : "";

    while (*list) {
        const size_t n = strcspn(list, ",");
        size_t i = 0;

        while (i < COLUMNS && (strlen(column_name[i]) != n ||
                               strncmp(list, column_name[i], n) != 0))
            i++;
        if (i == COLUMNS)
            return reap_fail(err, REAP_EINVAL,
                             "--features %s: a head gives logits, probs, top",
                             w->o->features);
        w->wanted[i] = true;
        list += n + (list[n] == ',');
    }
    w->wanted[BEST] = true;
    w->k = w->o->top_given ? w->o->top : TOP;
    if (!w->k)
        return reap_fail(err, REAP_EINVAL, "--top must be 1 or more");
    return REAP_OK;
}

static int label_store_parse(struct work *w, struct reap_err *err)
{
    const struct reap_options *o = w->o;
    size_t idle;
    int rc;

    if (o->n_args != 1 || !o->head || !o->output)
        return reap_fail(err, REAP_EINVAL,
                         "one STORE, --head and -o are needed, as in reap "
                         "predict STORE --head HEAD -o LABELS");
    rc = parse_columns(w, err);
    return rc ? rc : reap_threads(o, &w->threads, &idle, err);
}

/* The column that the head takes, of its width. */
static int find_column(struct work *w, struct reap_err *err)
{
    const struct reap_schema *s = reap_store_schema(w->from.store);
    const char *made = reap_store_meta(w->from.store, "made_of");
    int rc = w->head.fits(w->head.own, made ? made : "", NULL, err);

    if (rc)
        return reap_wrap(err, rc, "%s", w->from.path);
    for (w->col = 0; w->col < s->n; w->col++)
        if (!strcmp(s->column[w->col].name, w->head.by.feature) &&
            s->column[w->col].kind != REAP_COLUMN_TOP)
            break;
    if (w->col == s->n)
        return reap_fail(err, REAP_EMISFIT,
                         "%s: the head takes '%s', which is not there",
                         w->from.path, w->head.by.feature);
    if (reap_column_count(&s->column[w->col]) != w->head.by.in)
        return reap_fail(err, REAP_EMISFIT,
                         "%s: '%s' has %zu numbers, the head takes %zu",
                         w->from.path, w->head.by.feature,
                         reap_column_count(&s->column[w->col]), w->head.by.in);
    return REAP_OK;
}

static void set_schema(struct work *w)
{
    if (w->k > w->head.by.classes)
        w->k = w->head.by.classes;
    for (int i = 0; i < COLUMNS; i++) {
        struct reap_column *c = &w->schema.column[w->schema.n];

        if (!w->wanted[i])
            continue;
        snprintf(c->name, sizeof(c->name), "%s", column_name[i]);
        c->kind = i == BEST ? REAP_COLUMN_TOP : REAP_COLUMN_F32;
        c->h = c->w = 1;
        c->c = (uint32_t)(i == BEST ? w->k : w->head.by.classes);
        w->schema.n++;
    }
}

/* How the labels were computed: the lines of the embeddings, but for the
 * outputs and the classes, and the head. */
static char *fingerprint_text(const struct work *w)
{
    const char *from = reap_store_meta(w->from.store, "made_of");
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    if (!f)
        return NULL;
    while (from && *from) {
        const size_t n = strcspn(from, "\n");

        if (strncmp(from, "output=", 7) != 0 &&
            strncmp(from, "classes=", 8) != 0 &&
            strncmp(from, "activation=", 11) != 0)
            fprintf(f, "%.*s\n", (int)n, from);
        from += n + (from[n] == '\n');
    }
    fprintf(f, "%s\nclasses=%zu\n", w->head.id, w->head.by.classes);
    for (size_t i = 0; i < w->schema.n; i++)
        fprintf(f, "output=%s 1x1x%u\n", w->schema.column[i].name,
                w->schema.column[i].c);
    return fclose(f) ? NULL : text;
}

static int label_store_open_output(struct work *w, struct reap_err *err)
{
    struct reap_store *s = w->from.store;
    struct reap_run_meta m = { .dataset_id = reap_store_meta(s, "dataset_id"),
                               .dataset_path =
                                   reap_store_meta(s, "dataset_path"),
                               .preset = reap_store_meta(s, "preset"),
                               .versions = "reap " REAP_VERSION,
                               .schema = w->schema };

    m.fingerprint_text = w->fingerprint_text = fingerprint_text(w);
    m.command = w->command = reap_options_command(w->o);
    m.job = w->job = reap_options_text(w->o);
    m.labels = w->labels = reap_labels_text(w->names);
    if (!m.fingerprint_text || !m.command || !m.job)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    return reap_store_open(&w->to, w->o->output, REAP_STORE_WRITE, &m, err);
}

static int label_store_open_all(struct work *w, struct reap_err *err)
{
    int rc = reap_predictor_open(&w->head, w->o->head, w->o->truth, err);

    if (!rc)
        rc = reap_store_view_open(&w->from, w->o->args[0], err);
    if (rc)
        return rc;
    rc = find_column(w, err);
    if (!rc)
        rc = reap_labels_from(&w->names, w->head.labels, w->head.by.classes,
                              w->head.by.classes, err);
    if (rc)
        return rc;
    set_schema(w);
    rc = label_store_open_output(w, err);
    return rc ? rc : reap_crew_new(&w->crew, w->threads, err);
}

/* ---- a block ---- */

static int batch_new(struct batch *b, struct work *w, struct reap_err *err)
{
    const size_t classes = w->head.by.classes;
    bool good;

    memset(b, 0, sizeof(*b));
    b->w = w;
    b->row = reap_calloc(ROWS, sizeof(*b->row));
    b->text = reap_calloc(ROWS, ROOM);
    b->slot = reap_calloc(ROWS, sizeof(*b->slot));
    b->x = reap_aligned(ROWS * w->head.by.in * sizeof(float));
    b->logits = reap_aligned(ROWS * classes * sizeof(float));
    b->probs = reap_aligned(ROWS * classes * sizeof(float));
    b->top = reap_calloc(ROWS * w->k, sizeof(*b->top));
    b->scratch = reap_calloc(w->threads, sizeof(*b->scratch));
    good = b->row && b->text && b->slot && b->x && b->logits && b->probs &&
           b->top && b->scratch;
    for (size_t t = 0; good && t < w->threads; t++) {
        b->scratch[t] = reap_aligned(w->head.by.scratch(w->head.by.ctx, STRIP) *
                                     sizeof(float));
        good = b->scratch[t];
    }
    return good ? REAP_OK
                : reap_fail(err, REAP_ENOMEM, "no memory for a block");
}

static void batch_free(struct batch *b)
{
    reap_free(b->row);
    reap_free(b->text);
    reap_free(b->slot);
    reap_free(b->x);
    reap_free(b->logits);
    reap_free(b->probs);
    reap_free(b->top);
    for (size_t t = 0; b->scratch && t < b->w->threads; t++)
        reap_free(b->scratch[t]);
    reap_free(b->scratch);
}

/* Copy a row and its embedding. */
static int label_store_add(struct batch *b, struct reap_rows *rows,
                           const struct reap_stored *s, struct reap_err *err)
{
    struct reap_row *r = &b->row[b->n];
    char *text = b->text + b->n * ROOM;
    int rc = REAP_OK;

    *r = s->row;
    r->key.data = memcpy(text, s->row.key.data, s->row.key.len);
    text += s->row.key.len;
    r->label = strcpy(text, s->row.label);
    text += strlen(text) + 1;
    r->reason = strcpy(text, s->row.reason);
    if (r->status == REAP_STATUS_ok) {
        b->slot[b->n] = b->n_ok;
        rc = reap_rows_values(rows, b->w->col,
                              b->x + b->n_ok * b->w->head.by.in, err);
        b->n_ok++;
    } else {
        b->w->failed++;
    }
    b->n++;
    return rc;
}

static void run_share(void *ctx, size_t thread)
{
    const struct batch *b = ctx;
    const struct reap_classifier *h = &b->w->head.by;
    const size_t c = h->classes, k = b->w->k;
    size_t i, end = reap_crew_share(b->n_ok, thread, b->w->threads, &i);

    for (size_t n; i < end; i += n) {
        n = end - i < STRIP ? end - i : STRIP;
        h->run(h->ctx, n, b->x + i * h->in, b->logits + i * c, b->probs + i * c,
               b->scratch[thread]);
        for (size_t r = i; r < i + n; r++)
            reap_head_top(c, b->probs + r * c, k, b->top + r * k);
    }
}

static int set_rows(const struct batch *b, struct reap_block *block,
                    struct reap_err *err)
{
    const size_t c = b->w->head.by.classes;
    int rc = REAP_OK;

    for (size_t i = 0; !rc && i < b->n; i++) {
        const void *all[COLUMNS] = { b->logits + b->slot[i] * c,
                                     b->probs + b->slot[i] * c,
                                     b->top + b->slot[i] * b->w->k };
        const void *values[COLUMNS];
        size_t n = 0;

        for (int k = 0; k < COLUMNS; k++)
            if (b->w->wanted[k])
                values[n++] = all[k];
        rc = reap_block_set(block, i, &b->row[i],
                            b->row[i].status == REAP_STATUS_ok ? values : NULL,
                            err);
    }
    return rc;
}

static int flush(struct batch *b, struct reap_err *err)
{
    struct reap_origin origin = { .host = "here",
                                  .level = "head",
                                  .seconds = reap_clock() - b->w->begin };
    struct reap_block *block = NULL;
    struct reap_bytes bytes = { NULL, 0 };
    uint8_t *own = NULL;
    int rc;

    if (!b->n)
        return REAP_OK;
    reap_crew_run(b->w->crew, run_share, b);
    rc = reap_block_new(&block, &b->w->schema, b->n, err);
    if (!rc)
        rc = set_rows(b, block, err);
    if (!rc)
        rc = reap_block_encode(block, &origin, &own, &bytes.len, err);
    bytes.data = own;
    if (!rc)
        rc = reap_store_put(b->w->to, &bytes, 1, true, err);
    reap_block_free(&block);
    reap_free(own);
    b->w->done += b->n;
    b->n = b->n_ok = 0;
    return rc;
}

/* ---- all rows ---- */

/* Is the row in the output, of the same record? 'old' walks along. */
static bool there(struct reap_rows *old, struct reap_stored *at, int *end,
                  const struct reap_row *row)
{
    while (!*end && reap_bytes_compare(at->row.key, row->key) < 0)
        *end = reap_rows_next(old, at, NULL);
    return !*end && !reap_bytes_compare(at->row.key, row->key) &&
           at->row.status == row->status && at->row.crc == row->crc &&
           !strcmp(at->row.label, row->label);
}

static int label_store_walk(struct work *w, struct batch *b,
                            struct reap_rows *rows, struct reap_rows *old,
                            struct reap_err *err)
{
    const struct reap_bytes none = { NULL, 0 };
    struct reap_stored s, at;
    int end = reap_rows_seek(old, none, &at, NULL);
    int rc = reap_rows_seek(rows, none, &s, err);

    while (!rc) {
        if (there(old, &at, &end, &s.row))
            w->kept++;
        else
            rc = label_store_add(b, rows, &s, err);
        if (!rc && b->n == ROWS)
            rc = flush(b, err);
        reap_progress_show(&w->line, w->done + w->kept, w->from.rows, "");
        if (!rc && reap_signals_asked() != REAP_ASKED_NOTHING)
            rc = REAP_ESTOPPED;
        if (!rc)
            rc = reap_rows_next(rows, &s, err);
        else if (rc == REAP_ENOTFOUND)
            rc = REAP_EFORMAT;
    }
    if (rc != REAP_ENOTFOUND && rc != REAP_ESTOPPED)
        return rc;
    end = flush(b, err);
    if (!end && rc == REAP_ESTOPPED)
        end = reap_fail(err, rc,
                        "stopped early; run the same command again to resume");
    return end;
}

static int label_store_run(struct work *w, struct reap_err *err)
{
    struct reap_rows *rows = NULL, *old = NULL;
    struct batch b;
    int rc = batch_new(&b, w, err);

    w->begin = reap_clock();
    reap_progress_start(&w->line, w->o, "rows", 0);
    if (!rc)
        rc = reap_rows_open(&rows, w->from.store, err);
    if (!rc)
        rc = reap_rows_open(&old, w->to, err);
    if (!rc)
        rc = label_store_walk(w, &b, rows, old, err);
    reap_progress_stop(&w->line);
    reap_rows_close(&old);
    reap_rows_close(&rows);
    batch_free(&b);
    if (!rc && w->from.complete)
        rc = reap_store_mark_complete(w->to, w->from.limit, w->from.keys, err);
    return rc;
}

static void label_store_print(const struct work *w)
{
    const double seconds = reap_clock() - w->begin;
    char took[40], word[REAP_TEXT_QUOTED(4096)];
    json_t *line;

    if (w->o->json) {
        line = json_pack("{ss,sI,sI,sI,sb,sf}", "store", w->o->output, "done",
                         (json_int_t)w->done, "kept", (json_int_t)w->kept,
                         "failed", (json_int_t)w->failed, "complete",
                         w->from.complete, "seconds", seconds);
        json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
        putchar('\n');
        json_decref(line);
    } else if (!w->o->quiet) {
        printf("store:    %s, %llu %s labelled", w->o->output,
               (unsigned long long)(w->done - w->failed),
               reap_plural(w->done - w->failed, "row", "rows"));
        if (w->failed)
            printf(", %llu without an embedding",
                   (unsigned long long)w->failed);
        if (w->kept)
            printf(", %llu there already", (unsigned long long)w->kept);
        printf(", in %s\nnext:     reap export %s -o labels.csv\n",
               reap_duration(seconds, took, sizeof(took)),
               reap_text_quote(word, sizeof(word), w->o->output));
    }
    if (!w->from.complete)
        reap_remark(w->o,
                    "%s is incomplete: run this again when it is complete",
                    w->from.path);
}

int reap_label_store(const struct reap_options *o, struct reap_err *err)
{
    struct work w = { .o = o };
    int rc;

    reap_signals_install();
    rc = label_store_parse(&w, err);
    if (!rc)
        rc = label_store_open_all(&w, err);
    if (!rc)
        rc = label_store_run(&w, err);
    if (!rc)
        label_store_print(&w);
    reap_crew_free(&w.crew);
    reap_store_close(&w.to);
    reap_labels_close(&w.names);
    reap_store_view_close(&w.from);
    reap_predictor_close(&w.head);
    reap_free(w.labels);
    free(w.fingerprint_text);
    free(w.command);
    free(w.job);
    return rc;
}
