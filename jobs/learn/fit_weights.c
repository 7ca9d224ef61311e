/* --class-weight as one number per class. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/table.h"
#include "jobs/learn/fit_weights.h"

static int balanced(float *to, const struct reap_examples *d, const size_t *row,
                    size_t n, struct reap_err *err)
{
    const size_t classes = reap_string_set_count(d->classes);
    size_t *count = reap_calloc(classes, sizeof(*count));

    if (!count)
        return reap_fail(err, REAP_ENOMEM, "no memory for class weights");
    reap_examples_count(d, row, n, count);
    for (size_t c = 0; c < classes; c++) {
        const double with = (double)count[c], all = (double)n;

        if (with > 0)
            to[c] = (float)(d->multi ? (all - with) / with
                                     : all / ((double)classes * with));
    }
    reap_free(count);
    return REAP_OK;
}

static int take_line(float *to, const struct reap_examples *d, char **column,
                     size_t line, struct reap_err *err)
{
    const uint32_t c = reap_string_set_find(d->classes, column[0]);
    char *end;
    const double x = strtod(column[1], &end);

    if (c == UINT32_MAX)
        return reap_fail(err, REAP_EFORMAT,
                         "line %zu: there is no class '%.80s'", line,
                         column[0]);
    if (end == column[1] || *end || !(x > 0) || !isfinite(x))
        return reap_fail(err, REAP_EINVAL,
                         "line %zu: '%.80s' is not a number above 0", line,
                         column[1]);
    to[c] = (float)x;
    return REAP_OK;
}

static int from_file(float *to, const char *path, const struct reap_examples *d,
                     struct reap_err *err)
{
    struct reap_table *t;
    char *column[2];
    size_t n;
    int rc = reap_table_open(&t, path, err);

    if (rc)
        return rc;
    while (!rc && (n = reap_table_next(t, column, 2)))
        rc = n < 2 ? reap_fail(err, REAP_EFORMAT,
                               "line %zu: class, tab, number are expected",
                               reap_table_line(t))
                   : take_line(to, d, column, reap_table_line(t), err);
    reap_table_close(&t);
    return rc ? reap_wrap(err, rc, "--class-weight %s", path) : REAP_OK;
}

int reap_fit_class_weights(float **out, const char *text,
                           const struct reap_examples *d, const size_t *row,
                           size_t n, struct reap_err *err)
{
    const size_t classes = reap_string_set_count(d->classes);
    int rc;

    *out = NULL;
    if (!text)
        return REAP_OK;
    *out = reap_calloc(classes, sizeof(**out));
    if (!*out)
        return reap_fail(err, REAP_ENOMEM, "no memory for class weights");
    for (size_t c = 0; c < classes; c++)
        (*out)[c] = 1;
    rc = !strcmp(text, "balanced") ? balanced(*out, d, row, n, err)
                                   : from_file(*out, text, d, err);
    if (rc) {
        reap_free(*out);
        *out = NULL;
    }
    return rc;
}
