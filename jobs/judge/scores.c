/* Scores of rows, whether the store has the best classes, probabilities or
 * logits: read as they are stored, and turned into the others. */
#include <math.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/head/head.h"
#include "io/file/status.h"
#include "jobs/judge/scores.h"

enum { TOP = 5, NONE = -1 };

struct reap_scores {
    struct reap_store *store;
    struct reap_rows *rows;
    int logits, probs, top; /* columns, or NONE */
    const struct reap_groups *groups;
    size_t stored;          /* classes of the columns */
    size_t classes;         /* of these, or groups */
    size_t n_stored, n_top; /* best ones: in the store, given */
    float *raw, *of_class;  /* (stored): logits, probabilities */
    float *prob, *logit;    /* (classes) */
    struct reap_top *best;  /* (n_stored or TOP) */
    bool begun;
};

static void find_columns(struct reap_scores *s)
{
    const struct reap_schema *schema = reap_store_schema(s->store);

    s->logits = s->probs = s->top = NONE;
    for (uint32_t i = 0; i < schema->n; i++) {
        const struct reap_column *c = &schema->column[i];
        const bool flat = c->h == 1 && c->w == 1;

        if (c->kind == REAP_COLUMN_TOP)
            s->top = (int)i;
        else if (flat && !strcmp(c->name, "logits"))
            s->logits = (int)i;
        else if (flat && !strcmp(c->name, "probs"))
            s->probs = (int)i;
    }
}

static size_t width(const struct reap_scores *s, int column)
{
    return column == NONE ? 0 : reap_store_schema(s->store)->column[column].c;
}

static int scores_check(struct reap_scores *s, size_t classes,
                        struct reap_err *err)
{
    if (s->logits == NONE && s->probs == NONE && s->top == NONE)
        return reap_fail(err, REAP_EINVAL,
                         "the store has no labels: reap classify makes one "
                         "that has");
    if (!classes)
        classes = width(s, s->probs != NONE ? s->probs : s->logits);
    /* logits of classes where the others are about groups of them */
    if (width(s, s->logits) != classes)
        s->logits = NONE;
    if (width(s, s->probs) != classes)
        s->probs = NONE;
    if (!reap_scores_full(s) && s->top == NONE)
        return reap_fail(err, REAP_EFORMAT,
                         "the store has no scores of its %zu classes", classes);
    s->stored = classes;
    s->classes = s->groups ? s->groups->n : s->stored;
    s->n_stored = width(s, s->top);
    if (reap_scores_full(s))
        s->n_top = s->classes < TOP ? s->classes : TOP;
    else
        s->n_top = s->n_stored;
    return REAP_OK;
}

static int scores_make_room(struct reap_scores *s, struct reap_err *err)
{
    const size_t most = s->n_stored > TOP ? s->n_stored : TOP;

    s->best = reap_calloc(most, sizeof(*s->best));
    s->raw = reap_calloc(s->stored + 1, sizeof(float));
    s->of_class = reap_calloc(s->stored + 1, sizeof(float));
    s->prob = reap_calloc(s->classes + 1, sizeof(float));
    s->logit = reap_calloc(s->classes + 1, sizeof(float));
    if (!s->best || !s->raw || !s->of_class || !s->prob || !s->logit)
        return reap_fail(err, REAP_ENOMEM, "no memory for class scores");
    return REAP_OK;
}

int reap_scores_open(struct reap_scores **out, struct reap_store *store,
                     size_t classes, const struct reap_groups *groups,
                     struct reap_err *err)
{
    struct reap_scores *s = *out = reap_calloc(1, sizeof(*s));
    int rc;

    if (!s)
        return reap_fail(err, REAP_ENOMEM, "no memory for class scores");
    s->store = store;
    s->groups = groups;
    find_columns(s);
    rc = scores_check(s, classes, err);
    if (!rc)
        rc = scores_make_room(s, err);
    if (!rc)
        rc = reap_rows_open(&s->rows, store, err);
    if (rc)
        reap_scores_close(out);
    return rc;
}

size_t reap_scores_classes(const struct reap_scores *s)
{
    return s->classes;
}

bool reap_scores_full(const struct reap_scores *s)
{
    return s->logits != NONE || s->probs != NONE;
}

size_t reap_scores_top(const struct reap_scores *s)
{
    return s->n_top;
}

void reap_scores_rewind(struct reap_scores *s)
{
    s->begun = false;
}

static bool all_finite(const float *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(v[i]))
            return false;
    return true;
}

/* All classes' probabilities, their logarithms or logits, and what follows. */
static int read_full(struct reap_scores *s, struct reap_scored *out,
                     struct reap_err *err)
{
    float *prob = s->groups ? s->of_class : s->prob;
    int rc = REAP_OK;

    if (s->logits != NONE)
        rc = reap_rows_values(s->rows, (size_t)s->logits, s->raw, err);
    if (!rc && s->probs != NONE)
        rc = reap_rows_values(s->rows, (size_t)s->probs, prob, err);
    else if (!rc)
        reap_head_activate(REAP_SOFTMAX, 1, s->stored, s->raw, prob);
    if (rc)
        return rc;
    if (s->groups)
        reap_groups_sum(s->groups, s->of_class, s->prob);
    if (s->logits != NONE && !s->groups)
        memcpy(s->logit, s->raw, s->classes * sizeof(float));
    else
        for (size_t i = 0; i < s->classes; i++)
            s->logit[i] = logf(fmaxf(s->prob[i], 1e-37f));
    out->good =
        all_finite(s->prob, s->classes) && all_finite(s->logit, s->classes);
    reap_head_top(s->classes, s->prob, s->n_top, s->best);
    out->n_top = s->n_top;
    out->prob = s->prob;
    out->logit = s->logit;
    out->entropy = 0;
    for (size_t i = 0; i < s->classes; i++)
        if (s->prob[i] > 0)
            out->entropy -= (double)s->prob[i] * log((double)s->prob[i]);
    return REAP_OK;
}

/* Add up the best classes of each group. What a group has among the others is
 * not known. */
static size_t sum_groups(const struct reap_scores *s, size_t n)
{
    struct reap_top *best = s->best;
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        const int32_t group = s->groups->of[best[i].index];
        size_t j = 0;

        while (j < kept && best[j].index != group)
            j++;
        if (j == kept)
            best[kept++] = (struct reap_top){ group, best[i].prob };
        else
            best[j].prob += best[i].prob;
        for (; j && best[j].prob > best[j - 1].prob; j--) {
            const struct reap_top down = best[j - 1];

            best[j - 1] = best[j];
            best[j] = down;
        }
    }
    return kept;
}

static int read_top(struct reap_scores *s, struct reap_scored *out,
                    struct reap_err *err)
{
    size_t n = 0;
    int rc = reap_rows_values(s->rows, (size_t)s->top, s->best, err);

    if (rc)
        return rc;
    while (n < s->n_stored && s->best[n].index >= 0)
        n++;
    out->good = n > 0;
    for (size_t i = 0; i < n; i++)
        out->good = out->good && isfinite(s->best[i].prob) &&
                    (!s->stored || (size_t)s->best[i].index < s->stored);
    out->n_top = s->groups && out->good ? sum_groups(s, n) : n;
    return REAP_OK;
}

int reap_scores_next(struct reap_scores *s, struct reap_scored *out,
                     struct reap_err *err)
{
    static const struct reap_bytes lowest = { (const uint8_t *)"", 1 };
    struct reap_stored row;
    int rc = s->begun ? reap_rows_next(s->rows, &row, err)
                      : reap_rows_seek(s->rows, lowest, &row, err);

    s->begun = true;
    memset(out, 0, sizeof(*out));
    out->entropy = out->margin = NAN;
    if (rc)
        return rc;
    out->row = row.row;
    if (row.row.status != REAP_STATUS_ok)
        return REAP_OK;
    rc = reap_scores_full(s) ? read_full(s, out, err) : read_top(s, out, err);
    if (rc)
        return rc;
    out->wrong = !out->good;
    out->top = s->best;
    if (out->n_top > 1)
        out->margin = (double)s->best[0].prob - (double)s->best[1].prob;
    return REAP_OK;
}

int reap_scores_values(struct reap_scores *s, size_t column, void *out,
                       struct reap_err *err)
{
    return reap_rows_values(s->rows, column, out, err);
}

void reap_scores_close(struct reap_scores **s)
{
    if (!*s)
        return;
    reap_rows_close(&(*s)->rows);
    reap_free((*s)->best);
    reap_free((*s)->raw);
    reap_free((*s)->of_class);
    reap_free((*s)->prob);
    reap_free((*s)->logit);
    reap_free(*s);
    *s = NULL;
}
