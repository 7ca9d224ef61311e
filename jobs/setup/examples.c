/* One walk over the embeddings of a store that keeps those with a label, and
 * classes numbered in order. Labels are io/labels/truth.h's. */
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "io/file/text.h"
#include "jobs/cli/remark.h"
#include "jobs/cli/words.h"
#include "jobs/setup/examples.h"

/* 'old' with room for 'need' things of 'size' bytes; NULL without memory. */
static void *grown(void *old, size_t *room, size_t need, size_t size)
{
    size_t n = *room ? *room : 1024;
    void *more;

    if (need <= *room)
        return old;
    while (n < need)
        n *= 2;
    more = reap_realloc(old, n * size);
    if (more)
        *room = n;
    return more;
}

static int examples_no_memory(struct reap_err *err)
{
    return reap_fail(err, REAP_ENOMEM, "no memory for labels");
}

/* A label as a line of UTF-8; one that is such already stays as it is. */
static const char *clean(const char *label, char *buf, size_t size)
{
    const size_t n = strlen(label);
    const struct reap_bytes bytes = { (const uint8_t *)label, n };
    size_t slashes = 0;

    for (size_t i = 0; i < n; i++)
        slashes += label[i] == '\\';
    reap_text_escape(buf, size, bytes);
    return strlen(buf) == n + slashes ? label : buf;
}

/* The number of a class; UINT32_MAX if it is not known. */
static int number_of(struct reap_examples *d, const char *label, uint32_t *out)
{
    char buf[REAP_TEXT_ROOM(1024)];
    const char *name = clean(label, buf, sizeof(buf));

    if (!d->fixed)
        return reap_string_set_add(d->classes, name, out, d->err);
    *out = reap_string_set_find(d->classes, name);
    if (*out == UINT32_MAX && !d->unknown++)
        snprintf(d->first_unknown, sizeof(d->first_unknown), "%s", name);
    return REAP_OK;
}

static int add_label(struct reap_examples *d, const char *text)
{
    uint32_t number, *more;
    int rc = number_of(d, text, &number);

    if (rc || number == UINT32_MAX)
        return rc;
    more = grown(d->label, &d->room_labels, d->n_labels + 1, sizeof(*more));
    if (!more)
        return examples_no_memory(d->err);
    d->label = more;
    d->label[d->n_labels++] = number;
    return REAP_OK;
}

/* Add the labels of the row to those there are. */
static int add_labels(struct reap_examples *d, const struct reap_row *row)
{
    const char *text = reap_truth_label(d->truth, row, 0);
    int rc = REAP_OK;

    for (size_t k = 0; !rc && text; k++) {
        rc = add_label(d, text);
        text = d->multi ? reap_truth_label(d->truth, row, k + 1) : NULL;
    }
    return rc;
}

/* Example i has the labels from 'before' on. */
static int add_example(struct reap_examples *d, size_t i, size_t before)
{
    size_t *more = grown(d->at, &d->room, i + 2, sizeof(*more));

    if (!more)
        return examples_no_memory(d->err);
    d->at = more;
    d->at[i] = before;
    d->at[i + 1] = d->n_labels;
    d->n = i + 1;
    return REAP_OK;
}

/* Is the row an example? In data of known classes one of these is needed. */
static bool examples_take(void *ctx, size_t i, const struct reap_row *row)
{
    struct reap_examples *d = ctx;
    const bool spoken = reap_truth_has(d->truth, row->key);
    const bool any = reap_truth_label(d->truth, row, 0);
    const size_t before = d->n_labels;

    d->spoken += spoken;
    if (d->rc)
        return false;
    if (!any && !(d->multi && spoken)) {
        d->no_label++;
        return false;
    }
    d->rc = add_labels(d, row);
    if (d->rc || (any && d->n_labels == before))
        return false;
    d->rc = add_example(d, i, before);
    return !d->rc;
}

static int sort_classes(struct reap_examples *d, struct reap_err *err)
{
    uint32_t *to =
        reap_calloc(reap_string_set_count(d->classes) + 1, sizeof(*to));
    int rc = to ? reap_string_set_sort(d->classes, to, err)
                : reap_fail(err, REAP_ENOMEM, "no memory for classes");

    for (size_t i = 0; !rc && i < d->n_labels; i++)
        d->label[i] = to[d->label[i]];
    reap_free(to);
    return rc;
}

/* The classes of 'known', in their order. */
static int copy_classes(struct reap_examples *d,
                        const struct reap_examples *known, struct reap_err *err)
{
    uint32_t number;
    int rc = REAP_OK;

    for (size_t i = 0; !rc && i < reap_string_set_count(known->classes); i++)
        rc = reap_string_set_add(
            d->classes, reap_string_set_text(known->classes, i), &number, err);
    d->fixed = true;
    return rc;
}

static int no_labels(const struct reap_examples *d, const char *path,
                     const char *truth, struct reap_err *err)
{
    if (d->unknown)
        return reap_fail(err, REAP_ENOTFOUND,
                         "%s: none of its labels is a class of the head's, "
                         "such as '%.80s'",
                         path, d->first_unknown);
    if (truth)
        return reap_fail(err, REAP_ENOTFOUND,
                         "--truth %.200s: has no label for any of the %llu "
                         "vectors in %.100s",
                         truth, (unsigned long long)d->no_label, path);
    return reap_fail(err, REAP_ENOTFOUND,
                     "%s: its rows have no true labels; give some by --truth "
                     "FILE, lines of key, tab, label",
                     path);
}

int reap_examples_open(struct reap_examples *d, const char *path,
                       const char *truth, const char *feature, bool multi,
                       const struct reap_examples *known, struct reap_err *err)
{
    struct reap_embeddings_args a = { .column = feature,
                                      .take = examples_take,
                                      .ctx = d };
    int rc;

    memset(d, 0, sizeof(*d));
    d->multi = multi;
    d->err = err;
    rc = reap_store_open(&d->store, path, REAP_STORE_READ, NULL, err);
    if (!rc)
        rc = reap_truth_open(&d->truth, truth, err);
    if (!rc)
        rc = reap_string_set_new(&d->classes, err);
    if (!rc && known)
        rc = copy_classes(d, known, err);
    a.store = d->store;
    if (!rc)
        rc = reap_embeddings_open(&d->embeddings, &a, err);
    if (!rc)
        rc = d->rc;
    if (!rc && !d->n_labels)
        rc = no_labels(d, path, truth, err);
    if (!rc && !known)
        rc = sort_classes(d, err);
    if (rc)
        reap_examples_close(d);
    return rc;
}

void reap_examples_remarks(const struct reap_examples *d, const char *path,
                           const struct reap_options *o)
{
    const struct reap_truth_counts *c = reap_truth_counts(d->truth);
    char text[400];

    if (*reap_truth_remark(d->truth, d->multi, text, sizeof(text)))
        reap_remark(o, "%s", text);
    if (d->no_label)
        reap_remark(o, "%s: %llu %s without a label: not used", path,
                    (unsigned long long)d->no_label,
                    reap_plural(d->no_label, "row", "rows"));
    if (c->keys + c->blank > d->spoken)
        reap_remark(
            o, "%llu labelled %s no vector in %s",
            (unsigned long long)(c->keys + c->blank - d->spoken),
            reap_plural(c->keys + c->blank - d->spoken, "key has", "keys have"),
            path);
    if (d->unknown)
        reap_remark(o, "%s: %llu %s of unknown classes, such as '%s': not used",
                    path, (unsigned long long)d->unknown,
                    reap_plural(d->unknown, "label", "labels"),
                    d->first_unknown);
    if (reap_embeddings_odd(d->embeddings))
        reap_remark(o,
                    "%s: %llu %s with NaN or infinity, first that of %s: not "
                    "used",
                    path,
                    (unsigned long long)reap_embeddings_odd(d->embeddings),
                    reap_plural(reap_embeddings_odd(d->embeddings), "vector",
                                "vectors"),
                    reap_embeddings_first_odd(d->embeddings));
}

static void examples_load(const void *ctx, size_t i, float *to)
{
    reap_embeddings_load(ctx, i, to);
}

struct reap_fit_source reap_examples_source(const struct reap_examples *d)
{
    return (struct reap_fit_source){ d->embeddings, examples_load, d->at,
                                     d->label };
}

void reap_examples_count(const struct reap_examples *d, const size_t *row,
                         size_t n, size_t *count)
{
    memset(count, 0, reap_string_set_count(d->classes) * sizeof(*count));
    for (size_t i = 0; i < n; i++)
        for (size_t k = d->at[row[i]]; k < d->at[row[i] + 1]; k++)
            count[d->label[k]]++;
}

uint64_t reap_examples_digest(const struct reap_examples *d)
{
    const char *made = reap_store_meta(d->store, "fingerprint");
    uint64_t sum = reap_rng_stream(d->n, made ? made : "");

    for (size_t i = 0; i < reap_string_set_count(d->classes); i++)
        sum = reap_rng_stream(sum, reap_string_set_text(d->classes, i));
    for (size_t i = 0; i < d->n_labels; i++)
        sum = reap_rng_fork(sum, d->label[i]);
    for (size_t i = 0; i < d->n; i++)
        sum = reap_rng_fork(sum, d->at[i + 1]);
    return sum;
}

void reap_examples_close(struct reap_examples *d)
{
    reap_embeddings_close(&d->embeddings);
    reap_truth_close(&d->truth);
    reap_string_set_free(&d->classes);
    reap_store_close(&d->store);
    reap_free(d->at);
    reap_free(d->label);
    d->at = NULL;
    d->label = NULL;
}
