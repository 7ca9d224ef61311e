/* The list as CSV and for cleanlab; review_json.c has the other forms. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/limits.h"
#include "io/out/npy.h"
#include "io/out/outfile.h"
#include "io/file/text.h"
#include "jobs/review/review_write.h"

enum { PATH_LEN = 4096 };

static const struct {
    const char *name, *ending;
    reap_review_fn *write;
} forms[] = {
#define REVIEW(name, ending, about) { #name, ending, reap_review_##name },
#include "jobs/review/reviews.def"
#undef REVIEW
};

int reap_review_write(struct reap_review *r, const struct reap_review_file *f,
                      struct reap_err *err)
{
    const char *dot = strrchr(f->path, '.');

    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
        if (f->to ? !strcmp(f->to, forms[i].name)
                  : dot && !strcmp(dot, forms[i].ending))
            return forms[i].write(r, f, err);
    return reap_fail(err, REAP_EINVAL,
                     "%s %s: try --to csv, labelstudio, fiftyone or cleanlab",
                     f->to ? "--to" : "-o", f->to ? f->to : f->path);
}

/* ---- CSV ---- */

/* A comma and the name of a class, nothing if it is below 0. */
static void put_class(FILE *to, const struct reap_review *r, int32_t class)
{
    char buf[REAP_CLASS_NAME];

    fputc(',', to);
    if (class >= 0)
        reap_text_csv(
            to, reap_labelled_name(&r->of, (size_t) class, buf, sizeof(buf)));
}

static void put_number(FILE *to, float v, bool known)
{
    fputc(',', to);
    if (known && isfinite(v))
        reap_text_float(to, v);
}

static void put_row(FILE *to, const struct reap_review *r,
                    const struct reap_reviewed *row)
{
    char key[REAP_TEXT_ROOM(REAP_KEY_MAX)];
    bool first = true;

    reap_text_csv(to, reap_text_escape(key, sizeof(key), row->key));
    put_class(to, r, row->label);
    put_class(to, r, reap_review_suggested(r, row));
    fputc(',', to);
    for (unsigned i = 0; i < REAP_N_REASONS; i++)
        if (row->why >> i & 1) {
            fprintf(to, "%s%s", first ? "" : "+", reap_reason_name(i));
            first = false;
        }
    put_class(to, r, row->guess);
    put_number(to, row->prob, true);
    put_number(to, row->own, true);
    put_number(to, row->entropy, true);
    put_number(to, row->margin, true);
    put_class(to, r, row->near);
    put_number(to, row->near_share, row->near >= 0);
    fputc(',', to);
    if (row->twin >= 0)
        reap_text_csv(
            to, reap_text_escape(key, sizeof(key), r->row[row->twin].key));
    put_class(to, r, row->twin >= 0 ? r->row[row->twin].label : -1);
    put_number(to, row->twin_cosine, row->twin >= 0);
    fputc('\n', to);
}

int reap_review_csv(struct reap_review *r, const struct reap_review_file *f,
                    struct reap_err *err)
{
    struct reap_outfile *out;
    int rc = reap_outfile_open(&out, f->path, err);
    FILE *to;

    if (rc)
        return rc;
    to = reap_outfile_stream(out);
    fputs("key,label,suggested,reasons,guess,prob,label_prob,entropy,margin,"
          "neighbours,neighbours_share,duplicate,duplicate_label,"
          "duplicate_cosine\n",
          to);
    for (size_t i = 0; i < r->n_chosen; i++)
        put_row(to, r, &r->row[r->chosen[i]]);
    reap_outfile_count(out, "rows", r->n_chosen);
    return reap_outfile_commit(&out, err);
}

/* ---- cleanlab ---- */

/* Begin the file with another ending. */
static int beside(struct reap_outfile **out, const char *path, const char *end,
                  struct reap_err *err)
{
    const size_t n = strlen(path);
    const size_t stem = n > 4 && !strcmp(path + n - 4, ".npy") ? n - 4 : n;
    char name[PATH_LEN];

    if (n + 20 > sizeof(name))
        return reap_fail(err, REAP_EINVAL, "-o: the path is too long");
    snprintf(name, sizeof(name), "%.*s%s", (int)stem, path, end);
    return reap_outfile_open(out, name, err);
}

static int write_classes(const struct reap_review *r, const char *path,
                         struct reap_err *err)
{
    struct reap_outfile *f;
    char buf[REAP_CLASS_NAME];
    int rc = beside(&f, path, ".classes.txt", err);

    if (rc)
        return rc;
    for (size_t c = 0; c < r->of.n_classes; c++) {
        fprintf(reap_outfile_stream(f), "%s\n",
                reap_labelled_name(&r->of, c, buf, sizeof(buf)));
    }
    return reap_outfile_commit(&f, err);
}

/* The three files of labelled rows, while they are written. */
struct arrays {
    struct reap_npy *prob, *label;
    struct reap_outfile *keys;
    size_t n;
};

static int open_arrays(struct arrays *a, const struct reap_review *r,
                       const char *path, struct reap_err *err)
{
    const size_t shape[] = { 0, r->of.n_classes };
    const size_t n = strlen(path);
    const size_t stem = n > 4 && !strcmp(path + n - 4, ".npy") ? n - 4 : n;
    char name[PATH_LEN];
    int rc = beside(&a->keys, path, ".keys.txt", err);

    if (rc)
        return rc;
    snprintf(name, sizeof(name), "%.*s.labels.npy", (int)stem, path);
    rc = reap_npy_open(&a->label, name, "<i8", 1, shape, err);
    return rc ? rc : reap_npy_open(&a->prob, path, "<f4", 2, shape, err);
}

static int put_arrays(struct arrays *a, const struct reap_review *r,
                      const struct reap_scored *s, long label,
                      struct reap_err *err)
{
    char key[REAP_TEXT_ROOM(REAP_KEY_MAX)];
    const int64_t l = label;
    int rc = reap_npy_write(a->prob, s->prob,
                            r->of.n_classes * sizeof(*s->prob), err);

    if (!rc)
        rc = reap_npy_write(a->label, &l, sizeof(l), err);
    fprintf(reap_outfile_stream(a->keys), "%s\n",
            reap_text_escape(key, sizeof(key), s->row.key));
    a->n++;
    return rc;
}

int reap_review_cleanlab(struct reap_review *r,
                         const struct reap_review_file *f, struct reap_err *err)
{
    struct arrays a = { 0 };
    struct reap_scored s;
    int rc;

    if (!reap_scores_full(r->of.scores) || !r->labelled)
        return reap_fail(err, REAP_EINVAL,
                         "--to cleanlab: true labels and probabilities of all "
                         "classes (--features probs) are needed");
    rc = open_arrays(&a, r, f->path, err);
    reap_labelled_rewind(&r->of);
    while (!rc && !(rc = reap_labelled_next(&r->of, &s, err))) {
        const long label = reap_labelled_truth(&r->of, &s.row);

        if (s.good && label >= 0)
            rc = put_arrays(&a, r, &s, label, err);
    }
    if (rc == REAP_ENOTFOUND)
        rc = write_classes(r, f->path, err);
    if (!rc)
        rc = reap_outfile_commit(&a.keys, err);
    if (!rc)
        rc = reap_npy_commit(&a.label, a.n, err);
    if (!rc)
        rc = reap_npy_commit(&a.prob, a.n, err);
    reap_outfile_abort(&a.keys);
    reap_npy_abort(&a.label);
    reap_npy_abort(&a.prob);
    return rc;
}
