/* An evaluation as files: CSV tables, a picture, JSON, each whole or not at
 * all. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/mem.h"
#include "io/file/limits.h"
#include "io/out/outfile.h"
#include "io/file/status.h"
#include "io/file/text.h"
#include "io/image/chart.h"
#include "jobs/judge/evaluate_files.h"
#include "jobs/judge/evaluate_print.h"
#include "jobs/judge/json_file.h"
#include "jobs/judge/temperature.h"

enum { PATH_LEN = 4096 };

static int evaluate_files_begin(struct reap_outfile **f, const char *folder,
                                const char *name, struct reap_err *err)
{
    char path[PATH_LEN];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return reap_outfile_open(f, path, err);
}

static void put_escaped(FILE *to, const char *text)
{
    const struct reap_bytes b = { (const uint8_t *)text, strlen(text) };
    char *buf = reap_calloc(REAP_TEXT_ROOM(b.len), 1);

    if (buf)
        reap_text_csv(to, reap_text_escape(buf, REAP_TEXT_ROOM(b.len), b));
    reap_free(buf);
}

static void put_class(FILE *to, const struct reap_evaluation *e, size_t class)
{
    char buf[REAP_CLASS_NAME];

    reap_text_csv(to, reap_labelled_name(&e->of, class, buf, sizeof(buf)));
}

/* ---- classes, reliability ---- */

static int write_classes(const struct reap_evaluation *e, const char *folder,
                         struct reap_err *err)
{
    struct reap_outfile *f;
    FILE *to;
    int rc = evaluate_files_begin(&f, folder, "classes.csv", err);

    if (rc)
        return rc;
    to = reap_outfile_stream(f);
    fputs("index,name,rows,guessed,right,precision,recall,f1\n", to);
    for (size_t c = 0; c < e->of.n_classes; c++) {
        const struct reap_class_score *s = &e->of_class[c];

        fprintf(to, "%zu,", c);
        put_class(to, e, c);
        fprintf(to, ",%zu,%zu,%zu,%.9g,%.9g,%.9g\n", s->truth, s->guess,
                s->right, s->precision, s->recall, s->f1);
    }
    return reap_outfile_commit(&f, err);
}

static void put_bin(FILE *to, const struct reap_reliability *r, size_t b)
{
    const double n = (double)r->rows[b];

    fprintf(to, ",%zu,", r->rows[b]);
    if (r->rows[b])
        fprintf(to, "%.9g,%.9g", r->sum[b] / n, (double)r->right[b] / n);
    else
        fputc(',', to);
}

static int write_reliability(const struct reap_evaluation *e,
                             const char *folder, struct reap_err *err)
{
    struct reap_outfile *f;
    FILE *to;
    int rc = evaluate_files_begin(&f, folder, "reliability.csv", err);

    if (rc)
        return rc;
    to = reap_outfile_stream(f);
    fputs("from,to,rows,mean,right,calibrated_rows,calibrated_mean,"
          "calibrated_right\n",
          to);
    for (size_t b = 0; b < REAP_BINS; b++) {
        fprintf(to, "%.9g,%.9g", (double)b / REAP_BINS,
                (double)(b + 1) / REAP_BINS);
        put_bin(to, &e->before, b);
        put_bin(to, &e->after, b);
        fputc('\n', to);
    }
    return reap_outfile_commit(&f, err);
}

/* ---- confusion ---- */

/* The classes that occur, and the table of counts; owned. */
struct table {
    size_t n, *class, *at; /* at: place of each class */
    uint32_t *count;       /* (n, n) */
    const char **name;
    char *buf; /* for names that have to be made */
};

static void clear_table(struct table *t)
{
    reap_free(t->class);
    reap_free(t->at);
    reap_free(t->count);
    reap_free(t->name);
    reap_free(t->buf);
}

static int make_table(struct table *t, const struct reap_evaluation *e,
                      struct reap_err *err)
{
    const size_t n = e->score.present;

    t->class = reap_calloc(n + 1, sizeof(*t->class));
    t->at = reap_calloc(e->of.n_classes, sizeof(*t->at));
    t->count = reap_calloc(n * n + 1, sizeof(*t->count));
    t->name = reap_calloc(n + 1, sizeof(*t->name));
    t->buf = reap_calloc(n + 1, REAP_CLASS_NAME);
    if (!t->class || !t->at || !t->count || !t->name || !t->buf)
        return reap_fail(err, REAP_ENOMEM, "no memory for confusions");
    for (size_t c = 0; c < e->of.n_classes; c++) {
        if (!e->of_class[c].truth && !e->of_class[c].guess)
            continue;
        t->at[c] = t->n;
        t->class[t->n] = c;
        t->name[t->n] = reap_labelled_name(
            &e->of, c, t->buf + t->n * REAP_CLASS_NAME, REAP_CLASS_NAME);
        t->n++;
    }
    for (size_t i = 0; i < e->n_confusions; i++) {
        const struct reap_confusion *c = &e->confusion[i];

        t->count[t->at[c->truth] * n + t->at[c->guess]] = (uint32_t)c->rows;
    }
    return REAP_OK;
}

static void put_table(FILE *to, const struct reap_evaluation *e,
                      const struct table *t)
{
    fputs("truth / guess", to);
    for (size_t j = 0; j < t->n; j++) {
        fputc(',', to);
        put_class(to, e, t->class[j]);
    }
    fputc('\n', to);
    for (size_t i = 0; i < t->n; i++) {
        put_class(to, e, t->class[i]);
        for (size_t j = 0; j < t->n; j++)
            fprintf(to, ",%u", t->count[i * t->n + j]);
        fputc('\n', to);
    }
}

static void put_pairs(FILE *to, const struct reap_evaluation *e)
{
    fputs("truth,guess,rows\n", to);
    for (size_t i = 0; i < e->n_confusions; i++) {
        put_class(to, e, (size_t)e->confusion[i].truth);
        fputc(',', to);
        put_class(to, e, (size_t)e->confusion[i].guess);
        fprintf(to, ",%zu\n", e->confusion[i].rows);
    }
}

static int write_confusion(const struct reap_evaluation *e, const char *folder,
                           struct reap_err *err)
{
    const bool square = e->score.present <= REAP_CHART_MAX;
    struct table t = { 0 };
    struct reap_outfile *f = NULL;
    char path[PATH_LEN];
    int rc = square ? make_table(&t, e, err) : REAP_OK;

    if (!rc)
        rc = evaluate_files_begin(&f, folder, "confusion.csv", err);
    if (!rc && square)
        put_table(reap_outfile_stream(f), e, &t);
    else if (!rc)
        put_pairs(reap_outfile_stream(f), e);
    if (!rc)
        rc = reap_outfile_commit(&f, err);
    snprintf(path, sizeof(path), "%s/confusion.png", folder);
    if (!rc && square)
        rc = reap_chart_write(path, t.count, t.n, t.name, "true class", "guess",
                              err);
    clear_table(&t);
    return rc;
}

/* ---- rows ---- */

static void put_number(FILE *to, double v)
{
    fputc(',', to);
    if (isfinite(v))
        reap_text_float(to, (float)v);
}

static void put_scores(FILE *to, const struct reap_evaluation *e,
                       const struct reap_scored *s, long truth, float *prob)
{
    const struct reap_top *best = &s->top[0];
    double calibrated = NAN;

    if (s->prob && e->temperature > 0) {
        reap_temperature_apply(s->logit, e->of.n_classes, e->temperature, prob);
        calibrated = (double)prob[best->index];
    }
    fprintf(to, ",%d,", best->index);
    put_class(to, e, (size_t)best->index);
    put_number(to, (double)best->prob);
    put_number(to, calibrated);
    put_number(to, s->entropy);
    put_number(to, s->margin);
    fprintf(to, ",%s,%s,",
            truth < 0              ? ""
            : truth == best->index ? "1"
                                   : "0",
            e->threshold_found && best->prob >= e->threshold ? "1" : "0");
}

/* The part that a row is in, if it was judged; '*at' moves to the next. */
static const char *part_of(const struct reap_evaluation *e,
                           const struct reap_row *row, size_t *at)
{
    const struct reap_judged *j = &e->judged[*at];

    if (*at == e->n ||
        reap_hash(e->seed, row->key.data, row->key.len) != j->hash)
        return "";
    ++*at;
    return j->held ? "held" : "fitted";
}

static int write_rows(struct reap_evaluation *e, const char *folder,
                      struct reap_err *err)
{
    float *prob = reap_calloc(e->of.n_classes, sizeof(*prob));
    char key[REAP_TEXT_ROOM(REAP_KEY_MAX)];
    struct reap_outfile *f = NULL;
    struct reap_scored s;
    size_t at = 0;
    FILE *to;
    int rc = prob ? evaluate_files_begin(&f, folder, "rows.csv", err)
                  : reap_fail(err, REAP_ENOMEM, "no memory for rows");

    to = rc ? NULL : reap_outfile_stream(f);
    if (!rc)
        fputs("key,status,true_label,guess_index,guess,prob,calibrated_prob,"
              "entropy,margin,right,certain,part\n",
              to);
    reap_labelled_rewind(&e->of);
    while (!rc && !(rc = reap_labelled_next(&e->of, &s, err))) {
        const char *label = reap_truth_label(e->of.truth, &s.row, 0);

        reap_text_csv(to, reap_text_escape(key, sizeof(key), s.row.key));
        fprintf(to, ",%s,", reap_status_name(s.row.status));
        put_escaped(to, label ? label : "");
        if (s.good)
            put_scores(to, e, &s, reap_labelled_truth(&e->of, &s.row), prob);
        else
            fputs(",,,,,,,,,", to);
        fprintf(to, "%s\n", part_of(e, &s.row, &at));
        if (ferror(to))
            rc = reap_fail(err, REAP_EIO,
                           "%s: cannot be written: is the disk "
                           "full?",
                           folder);
    }
    if (rc == REAP_ENOTFOUND)
        rc = reap_outfile_commit(&f, err);
    reap_outfile_abort(&f);
    reap_free(prob);
    return rc;
}

static int write_json(const struct reap_evaluation *e,
                      const struct reap_evaluate_args *a, const char *folder,
                      struct reap_err *err)
{
    char path[PATH_LEN];

    snprintf(path, sizeof(path), "%s/evaluation.json", folder);
    return reap_json_file(reap_evaluation_json(e, a), path, err);
}

int reap_evaluation_write(struct reap_evaluation *e,
                          const struct reap_evaluate_args *a,
                          const char *folder, struct reap_err *err)
{
    int rc;

    if (strlen(folder) > PATH_LEN - 64)
        return reap_fail(err, REAP_EINVAL, "-o: the path is too long");
    if (mkdir(folder, 0777) && errno != EEXIST)
        return reap_fail(err, errno == EACCES ? REAP_EACCESS : REAP_ECREATE,
                         "%s: %s", folder, strerror(errno));
    rc = write_classes(e, folder, err);
    if (!rc)
        rc = write_confusion(e, folder, err);
    if (!rc)
        rc = write_reliability(e, folder, err);
    if (!rc)
        rc = write_rows(e, folder, err);
    return rc ? rc : write_json(e, a, folder, err);
}
