/* The dataset that a store was made from, if it can still be read. */
#include <stdio.h>
#include <string.h>

#include "io/file/text.h"
#include "jobs/setup/store_view.h"

void reap_store_view_dataset(struct reap_store_view *v, const char *path)
{
    const char *id = reap_store_meta(v->store, "dataset_id");
    struct reap_err err;
    int rc;

    if (!path)
        path = reap_store_meta(v->store, "dataset_path");
    if (!path || !id) {
        snprintf(v->why, sizeof(v->why), "the store does not name its dataset");
        return;
    }
    rc = reap_dataset_open(&v->dataset, path, &err);
    if (!rc && strcmp(reap_dataset_id(v->dataset), id) != 0)
        rc = reap_fail(&err, REAP_EMISFIT,
                       "%s is not the dataset that the rows were computed "
                       "from",
                       path);
    if (!rc)
        rc = reap_cursor_open(&v->cursor, v->dataset, &err);
    if (rc) {
        snprintf(v->why, sizeof(v->why), "%s", err.msg);
        reap_dataset_close(&v->dataset);
    }
}

int reap_store_view_next_key(void *view, struct reap_bytes *key,
                             struct reap_err *err)
{
    const struct reap_bytes first = { (const uint8_t *)"", 0 };
    struct reap_store_view *v = view;
    struct reap_record rec;
    int rc = v->begun ? reap_cursor_next(v->cursor, &rec, err)
                      : reap_cursor_seek(v->cursor, first, &rec, err);

    v->begun = true;
    if (!rc)
        *key = rec.key;
    return rc;
}

static int order(struct reap_bytes a, struct reap_bytes b)
{
    int c = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

    return c ? c : (a.len > b.len) - (a.len < b.len);
}

/* Move to the first row whose key is not before 'key'; '*at' says whether
 * there is one. Rows passed over have lost their key. */
static int pass_gone(struct reap_rows *r, struct reap_bytes key,
                     struct reap_stored *row, bool *at,
                     struct reap_store_view_compared *out, struct reap_err *err)
{
    int rc = REAP_OK;

    while (*at && order(row->row.key, key) < 0) {
        out->gone++;
        rc = reap_rows_next(r, row, err);
        *at = !rc;
    }
    return rc == REAP_ENOTFOUND ? REAP_OK : rc;
}

int reap_store_view_compare(struct reap_store_view *v, uint64_t limit,
                            struct reap_store_view_compared *out,
                            struct reap_err *err)
{
    struct reap_rows *r = NULL;
    struct reap_stored row;
    struct reap_bytes key;
    bool at = false;
    int rc = reap_rows_open(&r, v->store, err);

    memset(out, 0, sizeof(*out));
    if (!rc) {
        rc = reap_rows_next(r, &row, err);
        at = !rc;
        rc = rc == REAP_ENOTFOUND ? REAP_OK : rc;
    }
    for (v->begun = false; !rc && (!limit || out->keys < limit); out->keys++) {
        rc = reap_store_view_next_key(v, &key, err);
        if (rc)
            break;
        rc = pass_gone(r, key, &row, &at, out, err);
        if (rc || (at && !order(row.row.key, key))) {
            if (!rc)
                rc = reap_rows_next(r, &row, err);
            at = !rc;
            rc = rc == REAP_ENOTFOUND ? REAP_OK : rc;
            continue;
        }
        if (!out->missing++)
            reap_text_escape(out->first, sizeof(out->first), key);
    }
    if (rc == REAP_ENOTFOUND)
        for (rc = REAP_OK; at; out->gone++)
            at = !reap_rows_next(r, &row, err);
    reap_rows_close(&r);
    return rc;
}
