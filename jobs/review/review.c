/* Lists of rows, one for each reason (reasons.def), each sorted by how pressing
 * it is, and the choice of rows from them in turn until the budget is used up.
 * Suspected labels are found by suspects.c, neighbours by engine/fit/knn.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/head/knn.h"
#include "io/store/embeddings.h"
#include "jobs/cli/remark.h"
#include "jobs/cli/words.h"
#include "jobs/review/review.h"
#include "jobs/review/suspects.h"

enum { QUERIES = 1024 };
#define NONE SIZE_MAX

static const struct {
    const char *name, *about;
} reasons[] = {
#define REASON(name, about) { #name, about },
#include "jobs/review/reasons.def"
#undef REASON
};

const char *reap_reason_name(unsigned reason)
{
    return reasons[reason].name;
}

const char *reap_reason_about(unsigned reason)
{
    return reasons[reason].about;
}

static int review_no_memory(const struct reap_review *r, struct reap_err *err)
{
    return reap_fail(err, REAP_ENOMEM, "no memory to review %zu rows", r->n);
}

/* ---- rows ---- */

static int review_add(struct reap_review *r, const struct reap_scored *s,
                      struct reap_err *err)
{
    const long label = reap_labelled_truth(&r->of, &s->row);
    struct reap_reviewed *row;
    uint8_t *key;

    if (r->n == r->room) {
        const size_t room = r->room ? 2 * r->room : 1024;

        row = reap_realloc(r->row, room * sizeof(*row));
        if (!row)
            return review_no_memory(r, err);
        r->row = row;
        r->room = room;
    }
    row = &r->row[r->n];
    key = reap_calloc(s->row.key.len + 1, 1);
    if (!key)
        return review_no_memory(r, err);
    r->n++;
    memcpy(key, s->row.key.data, s->row.key.len);
    *row = (struct reap_reviewed){ .key = { key, s->row.key.len },
                                   .label = label < 0 ? -1 : (int32_t)label,
                                   .guess = s->top[0].index,
                                   .prob = s->top[0].prob,
                                   .entropy = (float)s->entropy,
                                   .margin = (float)s->margin,
                                   .own = NAN,
                                   .near = -1,
                                   .twin = -1 };
    r->unknown += label < 0 && reap_truth_label(r->of.truth, &s->row, 0);
    r->labelled += row->label >= 0;
    if (label >= 0 && s->prob)
        row->own = s->prob[label];
    for (size_t i = 0; label >= 0 && !s->prob && i < s->n_top; i++)
        if (s->top[i].index == label)
            row->own = s->top[i].prob;
    return REAP_OK;
}

static int read_rows(struct reap_review *r, struct reap_err *err)
{
    struct reap_scored s;
    int rc;

    while (!(rc = reap_labelled_next(&r->of, &s, err))) {
        r->rows++;
        r->without += !s.good;
        rc = s.good ? review_add(r, &s, err) : REAP_OK;
        if (rc)
            return rc;
    }
    if (rc != REAP_ENOTFOUND)
        return rc;
    return r->n ? REAP_OK
                : reap_fail(err, REAP_ENOTFOUND,
                            "%s: none of its %zu rows has a label to review",
                            r->of.view.path, r->rows);
}

/* ---- suspected labels ---- */

/* Probabilities (rows, classes) and labels of the labelled rows. */
static int review_gather(struct reap_review *r, float *prob, int32_t *label,
                         struct reap_err *err)
{
    const size_t classes = r->of.n_classes;
    struct reap_scored s;
    size_t i = 0, k = 0;
    int rc = REAP_OK;

    reap_labelled_rewind(&r->of);
    while (!rc && i < r->n) {
        rc = reap_labelled_next(&r->of, &s, err);
        if (rc || reap_bytes_compare(s.row.key, r->row[i].key))
            continue;
        if (r->row[i].label >= 0 && s.good) {
            memcpy(prob + k * classes, s.prob, classes * sizeof(*prob));
            label[k++] = r->row[i].label;
        }
        i++;
    }
    return rc == REAP_ENOTFOUND
               ? reap_fail(err, REAP_ESTOPPED,
                           "%s lost rows meanwhile: run the command again",
                           r->of.view.path)
               : rc;
}

static int find_suspects(struct reap_review *r, struct reap_err *err)
{
    const size_t n = r->labelled, classes = r->of.n_classes;
    float *prob = NULL;
    int32_t *label = reap_calloc(n + 1, sizeof(*label));
    bool *is = reap_calloc(n + 1, sizeof(*is));
    int rc = REAP_OK;

    if (n + 1 <= SIZE_MAX / sizeof(*prob) / classes)
        prob = reap_aligned((n + 1) * classes * sizeof(*prob));
    if (!prob || !label || !is)
        rc = review_no_memory(r, err);
    if (!rc)
        rc = review_gather(r, prob, label, err);
    if (!rc)
        rc = reap_suspects(prob, label, n, classes, is, err);
    for (size_t i = 0, k = 0; i < r->n && !rc; i++)
        if (r->row[i].label >= 0 && is[k++])
            r->row[i].why |= 1u << REAP_REASON_suspect;
    reap_free(prob);
    reap_free(label);
    reap_free(is);
    return rc;
}

/* ---- neighbours ---- */

/* Embeddings of the rows, and the labelled ones among them. */
struct base {
    struct reap_store *own; /* NULL: the store of the labels */
    struct reap_embeddings *from;
    size_t *vector; /* (rows): number of the embedding, NONE */
    const struct reap_review *r;
    size_t at; /* the row that is looked for next */
    struct reap_knn *knn;
    int32_t *label, *row; /* of each row of 'knn' */
    size_t n, k;
    float *x;                    /* (QUERIES, width) */
    int32_t *skip, *of;          /* (QUERIES): place in 'knn' or -1, row */
    struct reap_neighbour *near; /* (QUERIES, k) */
    float *prob;                 /* (classes) */
    float *votes;                /* (n, classes), for rows of 'knn' */
};

static void clear_base(struct base *b)
{
    reap_embeddings_close(&b->from);
    reap_store_close(&b->own);
    reap_knn_free(&b->knn);
    reap_free(b->vector);
    reap_free(b->label);
    reap_free(b->row);
    reap_free(b->x);
    reap_free(b->skip);
    reap_free(b->of);
    reap_free(b->near);
    reap_free(b->prob);
    reap_free(b->votes);
}

/* The first column of embeddings; NULL if there is none. */
static const char *column_of(const struct reap_store *store)
{
    const struct reap_schema *s = reap_store_schema(store);

    for (size_t i = 0; i < s->n; i++) {
        const struct reap_column *c = &s->column[i];

        if (c->kind != REAP_COLUMN_TOP && c->h == 1 && c->w == 1 &&
            strcmp(c->name, "logits") != 0 && strcmp(c->name, "probs") != 0)
            return c->name;
    }
    return NULL;
}

/* Both the rows and the embeddings come in the order of keys. */
static bool review_take(void *ctx, size_t i, const struct reap_row *row)
{
    struct base *b = ctx;
    int order = 1;

    while (b->at < b->r->n &&
           (order = reap_bytes_compare(b->r->row[b->at].key, row->key)) < 0)
        b->at++;
    if (b->at == b->r->n || order)
        return false;
    b->vector[b->at] = i;
    return true;
}

static int open_embeddings(struct base *b, const struct reap_review *r,
                           const char *path, struct reap_err *err)
{
    struct reap_embeddings_args e = { .take = review_take, .ctx = b };
    int rc = REAP_OK;

    b->r = r;
    b->vector = reap_calloc(r->n, sizeof(*b->vector));
    if (!b->vector)
        return review_no_memory(r, err);
    for (size_t i = 0; i < r->n; i++)
        b->vector[i] = NONE;
    if (path)
        rc = reap_store_open(&b->own, path, REAP_STORE_READ, NULL, err);
    if (rc)
        return rc;
    e.store = path ? b->own : r->of.view.store;
    e.column = column_of(e.store);
    return e.column ? reap_embeddings_open(&b->from, &e, err)
                    : reap_fail(err, REAP_EINVAL,
                                "%s: there are no embeddings in it", path);
}

static int review_make_room(struct base *b, const struct reap_review *r,
                            size_t width, struct reap_err *err)
{
    b->label = reap_calloc(r->labelled, sizeof(*b->label));
    b->row = reap_calloc(r->labelled, sizeof(*b->row));
    b->x = reap_calloc(QUERIES * width, sizeof(*b->x));
    b->skip = reap_calloc(QUERIES, sizeof(*b->skip));
    b->of = reap_calloc(QUERIES, sizeof(*b->of));
    b->near = reap_calloc(QUERIES * b->k, sizeof(*b->near));
    b->prob = reap_calloc(r->of.n_classes, sizeof(*b->prob));
    return b->label && b->row && b->x && b->skip && b->of && b->near && b->prob
               ? REAP_OK
               : review_no_memory(r, err);
}

static int fill_base(struct base *b, const struct reap_review *r,
                     const struct reap_review_args *a, struct reap_err *err)
{
    const size_t width = reap_embeddings_width(b->from);
    int rc;

    b->k = a->neighbours;
    rc = review_make_room(b, r, width, err);
    for (size_t i = 0; i < r->n && !rc; i++)
        if (r->row[i].label >= 0 && b->vector[i] != NONE) {
            b->label[b->n] = r->row[i].label;
            b->row[b->n++] = (int32_t)i;
        }
    if (!rc && !b->n)
        rc = reap_fail(err, REAP_ENOTFOUND,
                       "%s: it has no embedding of a labelled row: are its "
                       "keys others?",
                       a->embeddings ? a->embeddings : a->of.store);
    if (!rc)
        rc = reap_knn_new(&b->knn, b->n, width, a->threads, err);
    if (!rc && b->n <= SIZE_MAX / sizeof(float) / r->of.n_classes)
        b->votes = reap_aligned(b->n * r->of.n_classes * sizeof(float));
    if (!rc && !b->votes)
        rc = review_no_memory(r, err);
    for (size_t i = 0; i < b->n && !rc; i++) {
        reap_embeddings_load(b->from, b->vector[b->row[i]], b->x);
        reap_knn_set(b->knn, i, b->x);
    }
    return rc;
}

/* What the neighbours of a row say. */
static void review_judge(const struct base *b, const struct reap_review *r,
                         const struct reap_review_args *a,
                         struct reap_reviewed *row,
                         const struct reap_neighbour *near)
{
    reap_knn_vote(near, b->k, b->label, r->of.n_classes, b->prob);
    for (size_t c = 0; c < r->of.n_classes; c++)
        if (b->prob[c] > row->near_share) {
            row->near_share = b->prob[c];
            row->near = (int32_t)c;
        }
    if (row->label >= 0)
        row->near_own = b->prob[row->label];
    if (row->near_share > .5f && row->near != row->guess)
        row->why |= 1u << REAP_REASON_disagree;
    for (size_t i = 0; i < b->k && row->label >= 0; i++) {
        const int32_t at = near[i].index;

        if (at < 0 || (double)near[i].cosine < a->duplicate)
            break;
        if (b->label[at] == row->label)
            continue;
        row->twin = b->row[at];
        row->twin_cosine = near[i].cosine;
        row->why |= 1u << REAP_REASON_duplicate;
        break;
    }
}

static int ask(struct base *b, struct reap_review *r,
               const struct reap_review_args *a, size_t n, struct reap_err *err)
{
    int rc = reap_knn_search(b->knn, n, b->x, b->k, b->skip, b->near, err);

    for (size_t q = 0; q < n && !rc; q++) {
        review_judge(b, r, a, &r->row[b->of[q]], b->near + q * b->k);
        if (b->skip[q] >= 0)
            memcpy(b->votes + (size_t)b->skip[q] * r->of.n_classes, b->prob,
                   r->of.n_classes * sizeof(*b->prob));
    }
    return rc;
}

/* Votes of neighbours are those of a model that never saw the row's label. */
static int find_outvoted(struct base *b, struct reap_review *r,
                         struct reap_err *err)
{
    bool *is = reap_calloc(b->n, sizeof(*is));
    int rc =
        is ? reap_suspects(b->votes, b->label, b->n, r->of.n_classes, is, err)
           : review_no_memory(r, err);

    for (size_t i = 0; i < b->n && !rc; i++)
        if (is[i])
            r->row[b->row[i]].why |= 1u << REAP_REASON_outvoted;
    reap_free(is);
    return rc;
}

static int find_near(struct reap_review *r, const struct reap_review_args *a,
                     struct reap_err *err)
{
    struct base b = { 0 };
    size_t n = 0, at = 0, width = 0;
    int rc = open_embeddings(&b, r, a->embeddings, err);

    if (!rc)
        rc = fill_base(&b, r, a, err);
    if (!rc)
        width = reap_embeddings_width(b.from);
    reap_progress_start(&r->of.line, r->of.o, "neighbours", 0);
    for (size_t i = 0; i < r->n && !rc; i++) {
        const bool member = at < b.n && b.row[at] == (int32_t)i;

        if (b.vector[i] != NONE) {
            reap_embeddings_load(b.from, b.vector[i], b.x + n * width);
            b.of[n] = (int32_t)i;
            b.skip[n++] = member ? (int32_t)at : -1;
        }
        at += member;
        reap_progress_show(&r->of.line, i + 1, r->n, "");
        if (n == QUERIES || i + 1 == r->n) {
            rc = ask(&b, r, a, n, err);
            n = 0;
        }
    }
    reap_progress_stop(&r->of.line);
    if (!rc)
        rc = find_outvoted(&b, r, err);
    clear_base(&b);
    return rc;
}

/* ---- the choice ---- */

/* A row in a list; the less its value, the more pressing. */
struct pressing {
    double value;
    size_t row;
};

static int most_pressing(const void *a, const void *b)
{
    const struct pressing *x = a, *y = b;

    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Rows without a label are worth more than another look at a label. */
static double press(const struct reap_reviewed *row, enum reap_reason reason)
{
    switch (reason) {
    case REAP_REASON_suspect:
        return (double)row->own;
    case REAP_REASON_outvoted:
        return (double)row->near_own - (double)row->near_share;
    case REAP_REASON_duplicate:
        return -(double)row->twin_cosine;
    case REAP_REASON_disagree:
        return -(double)row->near_share - (double)row->prob;
    default:
        return (double)row->prob + (row->label >= 0);
    }
}

static struct pressing *review_list(const struct reap_review *r,
                                    enum reap_reason reason, size_t *n)
{
    struct pressing *p = reap_calloc(r->n + 1, sizeof(*p));

    *n = 0;
    for (size_t i = 0; p && i < r->n; i++)
        if (reason == REAP_REASON_unsure || r->row[i].why >> reason & 1)
            p[(*n)++] = (struct pressing){ press(&r->row[i], reason), i };
    if (p)
        qsort(p, *n, sizeof(*p), most_pressing);
    return p;
}

static int review_choose(struct reap_review *r, size_t budget,
                         struct reap_err *err)
{
    struct pressing *p[REAP_N_REASONS] = { NULL };
    size_t n[REAP_N_REASONS], at[REAP_N_REASONS] = { 0 };
    bool *taken = reap_calloc(r->n + 1, sizeof(*taken)), more = true;
    int rc = REAP_OK;

    budget = budget < r->n ? budget : r->n;
    r->chosen = reap_calloc(budget + 1, sizeof(*r->chosen));
    for (unsigned i = 0; i < REAP_N_REASONS; i++) {
        p[i] = review_list(r, (enum reap_reason)i, &n[i]);
        r->found[i] = n[i];
        if (!p[i] || !taken || !r->chosen)
            rc = review_no_memory(r, err);
    }
    while (!rc && more && r->n_chosen < budget) {
        more = false;
        for (unsigned i = 0; i < REAP_N_REASONS; i++) {
            while (at[i] < n[i] && taken[p[i][at[i]].row])
                at[i]++;
            if (at[i] == n[i] || r->n_chosen == budget)
                continue;
            r->row[p[i][at[i]].row].why |= 1u << i;
            taken[p[i][at[i]].row] = true;
            r->chosen[r->n_chosen++] = p[i][at[i]].row;
            more = true;
        }
    }
    for (unsigned i = 0; i < REAP_N_REASONS; i++)
        reap_free(p[i]);
    reap_free(taken);
    return rc;
}

/* ---- all of it ---- */

static int find_all(struct reap_review *r, const struct reap_review_args *a,
                    const struct reap_options *o, struct reap_err *err)
{
    int rc = REAP_OK;

    if (r->unknown)
        reap_remark(o, "%zu unknown %s treated as missing", r->unknown,
                    reap_plural(r->unknown, "label is", "labels are"));
    if (!r->labelled)
        reap_remark(o, "no row has a true label: only unsure rows are "
                       "listed");
    r->has_suspects = r->labelled && reap_scores_full(r->of.scores);
    if (r->labelled && !r->has_suspects)
        reap_remark(o, "wrong labels are not looked for: that needs the "
                       "probabilities of all classes (--features probs)");
    if (r->has_suspects)
        rc = find_suspects(r, err);
    r->has_near = r->labelled && (a->embeddings || column_of(r->of.view.store));
    if (r->labelled && !r->has_near)
        reap_remark(o, "neighbours and duplicates are not looked for: "
                       "that needs embeddings (--embeddings STORE)");
    if (!rc && r->has_near)
        rc = find_near(r, a, err);
    return rc ? rc : review_choose(r, a->budget, err);
}

int reap_review_open(struct reap_review *r, const struct reap_review_args *a,
                     const struct reap_options *o, struct reap_err *err)
{
    int rc;

    memset(r, 0, sizeof(*r));
    rc = reap_labelled_open(&r->of, &a->of, err);
    if (!rc)
        rc = read_rows(r, err);
    if (rc)
        return rc;
    reap_labelled_remark(&r->of, &a->of, o);
    return find_all(r, a, o, err);
}

int32_t reap_review_suggested(const struct reap_review *r,
                              const struct reap_reviewed *row)
{
    if (row->guess != row->label)
        return row->guess;
    if (row->why >> REAP_REASON_outvoted & 1 ||
        row->why >> REAP_REASON_disagree & 1)
        return row->near;
    if (row->twin >= 0)
        return r->row[row->twin].label;
    return row->guess;
}

void reap_review_close(struct reap_review *r)
{
    for (size_t i = 0; i < r->n; i++)
        reap_free((void *)(uintptr_t)r->row[i].key.data);
    reap_free(r->row);
    reap_free(r->chosen);
    reap_labelled_close(&r->of);
}
