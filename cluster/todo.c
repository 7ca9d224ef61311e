/*
 * Two sorted walks side by side, over the dataset's keys and the store's rows,
 * a stretch at a time; a key without a row starts a run, which ends at the next
 * row or where deaths differ. Suspects of earlier jobs are met on the way. How
 * runs become leases is ledger.c's.
 */
#include <stdlib.h>
#include <string.h>

#include "cluster/todo.h"
#include "engine/base/mem.h"

enum {
    HEAVY = 2,       /* deaths from which on a key is left for the end */
    STRETCH = 20000, /* keys to look at in one call */
    NOBODY = -1
};

/*
 * Two walks: over all keys in their order, and then over those that more than
 * one worker died with, the fewest deaths first. A job that is killed again
 * and again thus does not meet the same few keys at each start, and take them
 * for killers.
 */
struct reap_todo {
    struct reap_store *store;
    struct reap_cursor *cursor;
    uint64_t limit, seen;   /* keys to look at, 0 for all; looked at */
    struct reap_record rec; /* the key in hand, if 'have' */
    bool started, have, second;
    struct reap_suspect *suspect; /* by key; in the second walk by deaths */
    size_t n_suspects, at;        /* the next one to meet */
    long in;                      /* the one that covers the key in hand */
    uint32_t left;                /* keys that it covers from here on */
};

/* Where the walk over the store's rows is, next to the one over keys. */
struct beside {
    struct reap_rows *rows;
    struct reap_stored row;
    bool sought, second, more;
};

static struct reap_bytes suspect_key(const struct reap_suspect *s)
{
    return (struct reap_bytes){ (const uint8_t *)s->key, s->key_len };
}

static int by_key(const void *a, const void *b)
{
    return reap_bytes_compare(suspect_key(a), suspect_key(b));
}

static int by_deaths(const void *a, const void *b)
{
    const struct reap_suspect *x = a, *y = b;

    if (x->deaths != y->deaths)
        return x->deaths < y->deaths ? -1 : 1;
    return by_key(a, b);
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
    t->in = NOBODY;
    t->suspect = suspect;
    t->n_suspects = n_suspects;
    if (n_suspects)
        qsort(suspect, n_suspects, sizeof(*suspect), by_key);
    *out = t;
    return REAP_OK;
}

/* Workers that died with the key in hand. */
static uint32_t deaths_here(const struct reap_todo *t)
{
    return t->left ? t->suspect[t->in].deaths : 0;
}

/* Does a suspect run begin with the key in hand? Its count becomes how many
 * of its keys this run covers. A key that is gone takes its run with it. */
static void meet(struct reap_todo *t)
{
    while (t->at < t->n_suspects) {
        int c = reap_bytes_compare(suspect_key(&t->suspect[t->at]), t->rec.key);

        if (c > 0)
            break;
        if (!c) {
            t->in = (long)t->at;
            t->left = t->suspect[t->at].count;
        }
        t->suspect[t->at++].count = 0;
    }
    if (t->left)
        t->suspect[t->in].count++;
}

static int step_first(struct reap_todo *t, struct reap_err *err)
{
    struct reap_bytes none = { (const uint8_t *)"", 0 };
    int rc;

    if (t->left)
        t->left--;
    if (t->limit && t->seen == t->limit)
        return REAP_ENOTFOUND;
    rc = t->started ? reap_cursor_next(t->cursor, &t->rec, err)
                    : reap_cursor_seek(t->cursor, none, &t->rec, err);
    t->started = true;
    if (rc)
        return rc;
    t->seen++;
    meet(t);
    return REAP_OK;
}

static void begin_second(struct reap_todo *t)
{
    t->started = t->second = true;
    if (!t->limit)
        t->n_suspects = t->at; /* the rest is gone from the dataset */
    if (t->at)
        qsort(t->suspect, t->at, sizeof(*t->suspect), by_deaths);
    t->in = NOBODY;
    t->left = 0;
}

static int step_second(struct reap_todo *t, struct reap_err *err)
{
    const struct reap_suspect *s;

    if (t->left > 1) {
        t->left--;
        return reap_cursor_next(t->cursor, &t->rec, err);
    }
    do {
        if (++t->in >= (long)t->at) /* those that were met */
            return REAP_ENOTFOUND;
        s = &t->suspect[t->in];
    } while (s->deaths < HEAVY || !s->count);
    t->left = s->count;
    return reap_cursor_seek(t->cursor, suspect_key(s), &t->rec, err);
}

/* Take the next key in hand. REAP_ENOTFOUND after the last. */
static int todo_step(struct reap_todo *t, struct reap_err *err)
{
    int rc = REAP_ENOTFOUND;

    if (t->started && !t->have)
        return REAP_ENOTFOUND;
    t->have = false;
    if (!t->second)
        rc = step_first(t, err);
    if (rc == REAP_ENOTFOUND && !t->second) {
        begin_second(t);
        rc = step_second(t, err);
    } else if (t->second) {
        rc = step_second(t, err);
    }
    t->have = !rc;
    return rc;
}

/* Has the key in hand a row? Both sides go forward together; where the rows
 * lag far behind they are sought anew. */
static int is_done(struct reap_todo *t, struct beside *b, bool *yes,
                   struct reap_err *err)
{
    int rc = REAP_OK;

    if (!b->sought || b->second != t->second) {
        rc = reap_rows_seek(b->rows, t->rec.key, &b->row, err);
        b->more = !rc;
    } else if (b->more && reap_bytes_compare(b->row.row.key, t->rec.key) < 0) {
        rc = reap_rows_next(b->rows, &b->row, err);
        if (!rc && reap_bytes_compare(b->row.row.key, t->rec.key) < 0)
            rc = reap_rows_seek(b->rows, t->rec.key, &b->row, err);
        b->more = !rc;
    }
    b->sought = true;
    b->second = t->second;
    *yes = b->more && !reap_bytes_compare(b->row.row.key, t->rec.key);
    return rc == REAP_ENOTFOUND ? REAP_OK : rc;
}

/* Move to a key that is to do now; '*found' is false after a long stretch of
 * others. REAP_ENOTFOUND after the last. */
static int todo_find(struct reap_todo *t, struct beside *b, bool *found,
                     struct reap_err *err)
{
    bool done;
    int rc = t->have ? REAP_OK : todo_step(t, err);

    *found = false;
    for (int i = 0; i < STRETCH && !rc; i++) {
        rc = is_done(t, b, &done, err);
        if (!rc && !done && (t->second || deaths_here(t) < HEAVY)) {
            *found = true;
            return REAP_OK;
        }
        if (!rc)
            rc = todo_step(t, err);
    }
    return rc;
}

/* The key in hand begins a run: how far does it go? */
static int todo_measure(struct reap_todo *t, struct beside *b, uint32_t max,
                        struct reap_lease *out, struct reap_err *err)
{
    uint32_t deaths = deaths_here(t);
    bool second = t->second, done;
    long in = t->in;
    int rc;

    do {
        out->count++;
        rc = todo_step(t, err);
        if (rc || out->count == max || t->second != second ||
            deaths_here(t) != deaths || (second && t->in != in))
            break;
        rc = is_done(t, b, &done, err);
    } while (!rc && !done);
    return rc == REAP_ENOTFOUND ? REAP_OK : rc; /* told at the next call */
}

int reap_todo_next(void *ctx, uint32_t max, struct reap_lease *out,
                   uint32_t *deaths, struct reap_err *err)
{
    struct reap_todo *t = ctx;
    struct beside b = { 0 };
    bool found;
    /* The rows are opened for a stretch at a time: a reader that stays keeps
     * the store's old pages. */
    int rc = reap_rows_open(&b.rows, t->store, err);

    memset(out, 0, sizeof(*out));
    *deaths = 0;
    if (!rc)
        rc = todo_find(t, &b, &found, err);
    if (!rc && found) {
        out->key_len = (uint32_t)t->rec.key.len;
        memcpy(out->key, t->rec.key.data, t->rec.key.len);
        *deaths = deaths_here(t);
        rc = todo_measure(t, &b, max, out, err);
    }
    reap_rows_close(&b.rows);
    return rc;
}

int reap_todo_after(void *ctx, struct reap_lease *run, struct reap_err *err)
{
    struct reap_todo *t = ctx;
    struct reap_bytes key = { run->key, run->key_len }, here = t->rec.key;
    struct reap_record rec;
    int rc = reap_cursor_seek(t->cursor, key, &rec, err);

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

size_t reap_todo_suspects(const struct reap_todo *t, struct reap_suspect *out,
                          size_t room)
{
    size_t n = 0, first = 0;

    if (t->second) /* after the one in hand, or all that were not met */
        first = t->in < (long)t->at ? (size_t)(t->in + 1) : t->at;
    /* In the second walk, and for lighter ones: what is left of the one in
     * hand, from the key in hand on. */
    if (t->have && t->left && n < room &&
        (t->second || deaths_here(t) < HEAVY)) {
        out[n] = t->suspect[t->in];
        out[n].count = t->left;
        out[n].key_len = (uint32_t)t->rec.key.len;
        memcpy(out[n++].key, t->rec.key.data, t->rec.key.len);
    }
    for (size_t i = first; i < t->n_suspects && n < room; i++) {
        const struct reap_suspect *s = &t->suspect[i];
        bool met = i < t->at, inside = t->left && (long)i == t->in;

        if (!s->count || (met && s->deaths < HEAVY))
            continue;
        out[n] = *s;
        if (inside) /* it has been counted as far as the key in hand */
            out[n].count += t->left - 1;
        n++;
    }
    return n;
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
