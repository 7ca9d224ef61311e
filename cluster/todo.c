#include <stdlib.h>
#include <string.h>

#include "cluster/todo.h"
#include "engine/base/mem.h"

struct reap_todo {
    struct reap_store *store;
    struct reap_cursor *cursor;
    uint64_t limit, seen;   /* keys to look at, 0 for all; looked at */
    struct reap_record rec; /* the key in hand, if 'have' */
    bool started, have;
    struct reap_suspect *suspect; /* sorted by key */
    size_t n_suspects, at;        /* the next one to meet */
    uint32_t burdened, deaths;    /* keys that the one met still covers */
};

static int compare(struct reap_bytes a, struct reap_bytes b)
{
    int c = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);

    return c ? c : (a.len > b.len) - (a.len < b.len);
}

static struct reap_bytes suspect_key(const struct reap_suspect *s)
{
    return (struct reap_bytes){ (const uint8_t *)s->key, s->key_len };
}

static int by_key(const void *a, const void *b)
{
    return compare(suspect_key(a), suspect_key(b));
}

int reap_todo_open(struct reap_todo **out, struct reap_dataset *ds,
                   struct reap_store *store, uint64_t limit,
                   struct reap_suspect *suspect, size_t n_suspects,
                   struct reap_err *err)
{
    struct reap_todo *t = reap_calloc(1, sizeof(*t));
    int rc;

    *out = NULL;
    if (!t)
        return reap_fail(err, REAP_ENOMEM, "no memory for the list of keys");
    rc = reap_cursor_open(&t->cursor, ds, err);
    if (rc) {
        reap_free(t);
        return rc;
    }
    t->store = store;
    t->limit = limit;
    t->suspect = suspect;
    t->n_suspects = n_suspects;
    if (n_suspects)
        qsort(suspect, n_suspects, sizeof(*suspect), by_key);
    *out = t;
    return REAP_OK;
}

/* What the key in hand has been through. */
static uint32_t deaths_here(struct reap_todo *t)
{
    while (t->at < t->n_suspects &&
           compare(suspect_key(&t->suspect[t->at]), t->rec.key) <= 0) {
        t->burdened = t->suspect[t->at].count;
        t->deaths = t->suspect[t->at++].deaths;
    }
    return t->burdened ? t->deaths : 0;
}

/* Take the next key in hand. REAP_ENOTFOUND behind the last or the limit. */
static int step(struct reap_todo *t, struct reap_err *err)
{
    struct reap_bytes none = { (const uint8_t *)"", 0 };
    int rc;

    if (t->started && !t->have)
        return REAP_ENOTFOUND;
    if (t->have && t->burdened)
        t->burdened--;
    t->have = false;
    if (t->limit && t->seen == t->limit) {
        t->started = true;
        return REAP_ENOTFOUND;
    }
    rc = t->started ? reap_cursor_next(t->cursor, &t->rec, err)
                    : reap_cursor_seek(t->cursor, none, &t->rec, err);
    t->started = true;
    if (rc)
        return rc;
    t->have = true;
    t->seen++;
    return REAP_OK;
}

/* Move past keys that have a row. The rows are opened for a stretch at a time:
 * a reader that stays keeps the store's old pages. Returns REAP_OK with a key
 * in hand that has none, whose next done neighbour is '*row' if '*more'. */
static int skip_done(struct reap_todo *t, struct reap_rows *rows,
                     struct reap_stored *row, bool *more, struct reap_err *err)
{
    int rc = reap_rows_seek(rows, t->rec.key, row, err);

    *more = rc == REAP_OK;
    if (rc && rc != REAP_ENOTFOUND)
        return rc;
    while (*more) {
        int c = compare(row->row.key, t->rec.key);

        if (c > 0)
            return REAP_OK;
        if (!c) {
            rc = step(t, err);
            if (rc)
                return rc;
        }
        rc = reap_rows_next(rows, row, err);
        *more = rc == REAP_OK;
        if (rc && rc != REAP_ENOTFOUND)
            return rc;
    }
    return REAP_OK;
}

int reap_todo_next(void *ctx, uint32_t max, struct reap_lease *out,
                   uint32_t *deaths, struct reap_err *err)
{
    struct reap_todo *t = ctx;
    struct reap_rows *rows = NULL;
    struct reap_stored row;
    bool more;
    int rc = t->have ? REAP_OK : step(t, err);

    if (rc)
        return rc;
    rc = reap_rows_open(&rows, t->store, err);
    if (!rc)
        rc = skip_done(t, rows, &row, &more, err);
    if (rc)
        goto out;
    memset(out, 0, sizeof(*out));
    out->key_len = (uint32_t)t->rec.key.len;
    memcpy(out->key, t->rec.key.data, t->rec.key.len);
    *deaths = deaths_here(t);
    do {
        out->count++;
        rc = step(t, err);
    } while (!rc && out->count < max && deaths_here(t) == *deaths &&
             (!more || compare(row.row.key, t->rec.key) != 0));
    if (rc == REAP_ENOTFOUND)
        rc = REAP_OK; /* told at the next call */
out:
    reap_rows_close(&rows);
    return rc;
}

int reap_todo_after(void *ctx, struct reap_lease *run, struct reap_err *err)
{
    struct reap_todo *t = ctx;
    struct reap_bytes key = { run->key, run->key_len };
    struct reap_record rec;
    struct reap_bytes here = { 0 };
    uint8_t copy[REAP_KEY_MAX];
    int rc;

    if (t->have) {
        memcpy(copy, t->rec.key.data, t->rec.key.len);
        here = (struct reap_bytes){ copy, t->rec.key.len };
    }
    rc = reap_cursor_seek(t->cursor, key, &rec, err);
    if (!rc)
        rc = reap_cursor_next(t->cursor, &rec, err);
    if (!rc) {
        run->key_len = (uint32_t)rec.key.len;
        memcpy(run->key, rec.key.data, rec.key.len);
    }
    if (t->have && !rc) /* back to where the walk was */
        rc = reap_cursor_seek(t->cursor, here, &t->rec, err);
    return rc;
}

uint64_t reap_todo_seen(const struct reap_todo *t)
{
    return t->seen;
}

void reap_todo_close(struct reap_todo **t)
{
    if (!*t)
        return;
    reap_cursor_close(&(*t)->cursor);
    reap_free((*t)->suspect);
    reap_free(*t);
    *t = NULL;
}
