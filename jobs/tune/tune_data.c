/* One walk over the dataset that keeps the keys with a known label. */
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "jobs/cli/remark.h"
#include "jobs/cli/words.h"
#include "jobs/tune/tune_data.h"

/* Room for 'more' elements after n. */
static int tune_data_grow(void *list, size_t n, size_t more, size_t *room,
                          size_t size, struct reap_err *err)
{
    void **p = list, *wide;
    const size_t want = *room * 2 > n + more ? *room * 2 : n + more + 64;

    if (n + more <= *room)
        return REAP_OK;
    wide = reap_realloc(*p, want * size);
    if (!wide)
        return reap_fail(err, REAP_ENOMEM, "no memory for keys");
    *p = wide;
    *room = want;
    return REAP_OK;
}

static uint32_t tune_data_class_of(struct reap_tune_data *d, const char *label)
{
    for (size_t i = 0; i < d->n_classes; i++)
        if (!strcmp(d->classes[i], label))
            return (uint32_t)i;
    if (!d->unknown++)
        snprintf(d->first_unknown, sizeof(d->first_unknown), "%s", label);
    return UINT32_MAX;
}

static int tune_data_add(struct reap_tune_data *d,
                         const struct reap_truth *truth,
                         const struct reap_row *row, struct reap_err *err)
{
    const uint64_t unknown = d->unknown;
    struct reap_tune_item *item;
    const char *label;
    uint32_t n = 0;
    int rc;

    for (size_t i = 0;
         (label = reap_truth_label(truth, row, i)) && (!i || d->multi); i++) {
        const uint32_t c = *label ? tune_data_class_of(d, label) : UINT32_MAX;

        if (c == UINT32_MAX)
            continue;
        rc = tune_data_grow(&d->more, d->n_more, 1, &d->room_more,
                            sizeof(*d->more), err);
        if (rc)
            return rc;
        d->more[d->n_more++] = c;
        n++;
    }
    d->no_label += !n && d->unknown == unknown;
    if (!n)
        return REAP_OK;
    rc = tune_data_grow(&d->item, d->n, 1, &d->room, sizeof(*d->item), err);
    if (!rc)
        rc = tune_data_grow(&d->keys, d->n_keys, row->key.len, &d->room_keys, 1,
                            err);
    if (rc)
        return rc;
    item = &d->item[d->n++];
    *item = (struct reap_tune_item){ .key = d->n_keys,
                                     .key_len = row->key.len,
                                     .label = (uint32_t)(d->n_more - n),
                                     .labels = n };
    memcpy(d->keys + d->n_keys, row->key.data, row->key.len);
    d->n_keys += row->key.len;
    return REAP_OK;
}

/* The label that the dataset itself has is asked for only where no file
 * speaks of the key: a record has to be looked into for it. */
static int record(struct reap_tune_data *d, const struct reap_truth *truth,
                  struct reap_cursor *c, const struct reap_record *rec,
                  struct reap_err *err)
{
    struct reap_row row = { .key = rec->key };
    struct reap_image image = { .label = "" };
    uint32_t crc;

    d->records++;
    if (!reap_truth_has(truth, rec->key))
        (void)reap_dataset_image(d->ds, c, rec, d->from, &image, &crc);
    row.label = image.label;
    return tune_data_add(d, truth, &row, err);
}

static int tune_data_walk(struct reap_tune_data *d,
                          const struct reap_truth *truth, uint64_t limit,
                          struct reap_err *err)
{
    struct reap_cursor *c = NULL;
    struct reap_record rec;
    int rc = reap_cursor_open(&c, d->ds, err);

    if (!rc)
        rc = reap_cursor_seek(c, (struct reap_bytes){ NULL, 0 }, &rec, err);
    while (!rc && (!limit || d->records < limit)) {
        rc = record(d, truth, c, &rec, err);
        if (!rc)
            rc = reap_cursor_next(c, &rec, err);
    }
    reap_cursor_close(&c);
    return rc == REAP_ENOTFOUND ? REAP_OK : rc;
}

static int tune_data_judge(const struct reap_tune_data *d, const char *path,
                           struct reap_err *err)
{
    size_t same = 0;

    if (!d->n && d->unknown)
        return reap_fail(err, REAP_ENOTFOUND,
                         "%s: the head knows none of its labels, such as "
                         "'%.80s'; its first class is '%.80s'",
                         path, d->first_unknown, d->classes[0]);
    if (!d->n)
        return reap_fail(err, REAP_ENOTFOUND,
                         "%s: none of its %llu images has a label; give "
                         "--truth FILE or --label-from",
                         path, (unsigned long long)d->records);
    for (size_t i = 0; i < d->n_more; i++)
        same += d->more[i] == d->more[0];
    if (same == d->n_more && !d->multi)
        return reap_fail(err, REAP_EFORMAT,
                         "%s: all %zu labels are '%.80s': at least two classes "
                         "are needed to tell apart",
                         path, d->n, d->classes[d->more[0]]);
    return REAP_OK;
}

int reap_tune_data_open(struct reap_tune_data *d, const char *path,
                        const char *truth, enum reap_label_from from,
                        char *const *classes, size_t n_classes, bool multi,
                        uint64_t limit, struct reap_err *err)
{
    struct reap_truth *t = NULL;
    int rc;

    memset(d, 0, sizeof(*d));
    d->classes = classes;
    d->n_classes = n_classes;
    d->multi = multi;
    d->from = from;
    rc = reap_dataset_open(&d->ds, path, err);
    if (!rc)
        rc = reap_truth_open(&t, truth, err);
    if (!rc)
        rc = tune_data_walk(d, t, limit, err);
    reap_truth_close(&t);
    return rc ? rc : tune_data_judge(d, path, err);
}

void reap_tune_data_remarks(const struct reap_tune_data *d,
                            const struct reap_options *o)
{
    if (d->no_label)
        reap_remark(o, "%llu of %llu images without a label: left out",
                    (unsigned long long)d->no_label,
                    (unsigned long long)d->records);
    if (d->unknown)
        reap_remark(o,
                    "%llu %s of a class that the head does not know, such as "
                    "'%.80s': left out",
                    (unsigned long long)d->unknown,
                    reap_plural(d->unknown, "label", "labels"),
                    d->first_unknown);
}

struct reap_bytes reap_tune_data_key(const struct reap_tune_data *d, size_t i)
{
    return (struct reap_bytes){ d->keys + d->item[i].key, d->item[i].key_len };
}

void reap_tune_data_target(const struct reap_tune_data *d, size_t i, float *to)
{
    const struct reap_tune_item *item = &d->item[i];

    memset(to, 0, d->n_classes * sizeof(*to));
    for (uint32_t k = 0; k < item->labels; k++)
        to[d->more[item->label + k]] = 1;
}

uint64_t reap_tune_data_digest(const struct reap_tune_data *d)
{
    uint64_t sum = reap_rng_stream(d->n, reap_dataset_id(d->ds));

    for (size_t i = 0; i < d->n_keys; i++)
        sum = reap_rng_fork(sum, d->keys[i]);
    for (size_t i = 0; i < d->n; i++)
        sum = reap_rng_fork(sum, d->item[i].key);
    for (size_t i = 0; i < d->n_more; i++)
        sum = reap_rng_fork(sum, d->more[i]);
    return sum;
}

void reap_tune_data_close(struct reap_tune_data *d)
{
    reap_dataset_close(&d->ds);
    reap_free(d->item);
    reap_free(d->keys);
    reap_free(d->more);
    memset(d, 0, sizeof(*d));
}
