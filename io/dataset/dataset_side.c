/* What datasets of others keep beside their images: labels under keys of their
 * own, counts and notes. They are no records; a label becomes its image's. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "io/dataset/dataset_impl.h"
#include "io/file/le.h"
#include "io/file/limits.h"

enum { N_SAMPLE = 32 };

/* A part of a key before and after what an image and its label share. */
struct form {
    const char *before, *after;
};

struct reap_side {
    struct form image, label;
};

static const struct reap_side side[] = {
#define SIDE(a, b, c, d) { { a, b }, { c, d } },
#include "io/dataset/sides.def"
};

static const char *const note[] = {
#define NOTE(key) key,
#include "io/dataset/sides.def"
};

/* The part of a key that is left of a form; length 0: it has not that form. */
static struct reap_bytes part(struct reap_bytes key, const struct form *f)
{
    const size_t a = strlen(f->before), b = strlen(f->after);

    if (key.len <= a + b || memcmp(key.data, f->before, a) ||
        memcmp(key.data + key.len - b, f->after, b))
        return (struct reap_bytes){ 0 };
    return (struct reap_bytes){ key.data + a, key.len - a - b };
}

static bool make_key(const struct form *f, struct reap_bytes part, uint8_t *to,
                     MDB_val *key)
{
    const size_t a = strlen(f->before), b = strlen(f->after);

    if (a + part.len + b > REAP_KEY_MAX)
        return false;
    memcpy(to, f->before, a);
    memcpy(to + a, part.data, part.len);
    memcpy(to + a + part.len, f->after, b);
    *key = (MDB_val){ a + part.len + b, to };
    return true;
}

static bool is_note(struct reap_bytes key)
{
    for (size_t i = 0; i < sizeof(note) / sizeof(note[0]); i++)
        if (key.len == strlen(note[i]) && !memcmp(key.data, note[i], key.len))
            return true;
    return key.len > 4 && !memcmp(key.data, "__", 2) &&
           !memcmp(key.data + key.len - 2, "__", 2);
}

static bool is_name(const struct reap_dataset *ds, struct reap_bytes key)
{
    for (size_t i = 0; !ds->name && i < ds->names.n; i++)
        if (key.len == strlen(ds->names.name[i]) &&
            !memcmp(key.data, ds->names.name[i], key.len))
            return true;
    return false;
}

bool reap_dataset_is_side(const struct reap_dataset *ds,
                          const struct reap_record *rec)
{
    const struct reap_side *s = ds->side;
    bool other;

    if (reap_dataset_is_reserved(rec->key) || is_name(ds, rec->key))
        return true;
    if (ds->index)
        return false;
    other = is_note(rec->key);
    if (s && !other) {
        const bool form = *s->image.before || *s->image.after;

        other = form ? !part(rec->key, &s->image).len
                     : part(rec->key, &s->label).len;
    }
    return other && !reap_layout_of(rec->value);
}

/* ---- which form a dataset has ---- */

static bool get(const struct reap_cursor *c, const struct form *f,
                struct reap_bytes part_, struct reap_bytes *value)
{
    uint8_t buf[REAP_KEY_MAX];
    MDB_val key, v;

    if (!part_.len || !make_key(f, part_, buf, &key) ||
        mdb_get(c->txn, c->ds->dbi, &key, &v))
        return false;
    *value = (struct reap_bytes){ v.mv_data, v.mv_size };
    return true;
}

/* Are there an image and a label of this form, one of which is 'rec'? */
static bool fits(const struct reap_cursor *c, const struct reap_side *s,
                 const struct reap_record *rec, bool image)
{
    struct reap_bytes other;

    if (image)
        return get(c, &s->label, part(rec->key, &s->image), &other) &&
               !reap_layout_of(other);
    return get(c, &s->image, part(rec->key, &s->label), &other) &&
           reap_layout_of(other);
}

static const struct reap_side *
find_side(const struct reap_cursor *c, const struct reap_record *rec, size_t n)
{
    for (size_t k = 0; k < sizeof(side) / sizeof(side[0]); k++)
        for (size_t i = 0; i < n; i++)
            if (fits(c, &side[k], &rec[i], reap_layout_of(rec[i].value)))
                return &side[k];
    return NULL;
}

static int count_records(struct reap_dataset *ds, struct reap_cursor *c,
                         struct reap_err *err)
{
    struct reap_record rec;
    size_t n = 0;
    int rc = reap_cursor_seek(c, (struct reap_bytes){ 0 }, &rec, err);

    for (; !rc; n++)
        rc = reap_cursor_next(c, &rec, err);
    if (rc != REAP_ENOTFOUND)
        return rc;
    ds->count = n;
    return REAP_OK;
}

/* Notes that are there, which are not counted among the records. */
static void find_notes(struct reap_dataset *ds, const struct reap_cursor *c)
{
    size_t n = 0;

    while (ds->reserved[n])
        n++;
    for (size_t i = 0; i < sizeof(note) / sizeof(note[0]); i++) {
        MDB_val key = { strlen(note[i]), (void *)(uintptr_t)note[i] }, v;

        if (n < REAP_N_RESERVED_MAX && !mdb_get(c->txn, ds->dbi, &key, &v) &&
            !reap_layout_of((struct reap_bytes){ v.mv_data, v.mv_size })) {
            ds->reserved[n++] = note[i];
            ds->count -= ds->count > 0;
        }
    }
}

/* Keys like __this__ lie together. */
static int find_marked(struct reap_dataset *ds, const struct reap_cursor *c)
{
    MDB_val key = { 2, (void *)(uintptr_t) "__" }, v;
    MDB_cursor *at;
    int mrc = mdb_cursor_open(c->txn, ds->dbi, &at);

    for (MDB_cursor_op op = MDB_SET_RANGE; !mrc; op = MDB_NEXT) {
        struct reap_record is;

        mrc = mdb_cursor_get(at, &key, &v, op);
        if (mrc || key.mv_size < 2 || memcmp(key.mv_data, "__", 2))
            break;
        is.key = (struct reap_bytes){ key.mv_data, key.mv_size };
        is.value = (struct reap_bytes){ v.mv_data, v.mv_size };
        if (key.mv_size > 4 && is_note(is.key) &&
            !reap_dataset_is_reserved(is.key) && reap_dataset_is_side(ds, &is))
            ds->count -= ds->count > 0;
    }
    mdb_cursor_close(at);
    return mrc == MDB_NOTFOUND ? 0 : mrc;
}

int reap_dataset_sides(struct reap_dataset *ds, struct reap_cursor *c,
                       struct reap_err *err)
{
    struct reap_record rec[N_SAMPLE];
    size_t n = 0;
    int mrc, rc;

    if (ds->index)
        return REAP_OK;
    rc = reap_cursor_sample(c, rec, N_SAMPLE, &n, err);
    if (rc)
        return rc;
    find_notes(ds, c);
    ds->side = find_side(c, rec, n);
    if (ds->side)
        return count_records(ds, c, err);
    mrc = find_marked(ds, c);
    return mrc ? reap_dataset_fail(ds->path, mrc, "read", err) : REAP_OK;
}

/* ---- labels ---- */

static bool is_text(struct reap_bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        if (b.data[i] < 0x20 || b.data[i] == 0x7f)
            return false;
    return b.len > 0;
}

int reap_dataset_label_database(struct reap_dataset *ds, struct reap_err *err)
{
    static const char *const known[] = { "labels", "label", "targets", "target",
                                         "y" };
    MDB_txn *txn;
    int mrc;

    for (size_t i = 0; ds->name && i < ds->names.n; i++)
        for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
            if (ds->names.tree[i].flags ||
                !strcmp(ds->names.name[i], ds->name) ||
                strcmp(ds->names.name[i], known[k]) != 0)
                continue;
            int rc = reap_dataset_begin(ds->path, ds->env, &txn, err);

            if (rc)
                return rc;
            mrc = mdb_dbi_open(txn, known[k], 0, &ds->label_dbi);
            ds->label_database = !mrc;
            if (!mrc)
                mrc = mdb_txn_commit(txn);
            else
                mdb_txn_abort(txn);
            return mrc ? reap_dataset_fail(ds->path, mrc, "open", err)
                       : REAP_OK;
        }
    return REAP_OK;
}

/* The value that is a record's label; false: it has none. */
static bool get_label(const struct reap_cursor *c, struct reap_bytes key,
                      struct reap_bytes *out)
{
    const struct reap_side *s = c->ds->side;
    MDB_val k = { key.len, (void *)(uintptr_t)key.data }, v;

    if (!c->ds->label_database)
        return s && get(c, &s->label, part(key, &s->image), out);
    if (mdb_get(c->txn, c->ds->label_dbi, &k, &v))
        return false;
    *out = (struct reap_bytes){ v.mv_data, v.mv_size };
    return true;
}

void reap_dataset_side_label(const struct reap_cursor *c, struct reap_bytes key,
                             char *to)
{
    struct reap_bytes v;

    to[0] = '\0';
    if (!get_label(c, key, &v) || reap_layout_of(v))
        return;
    while (v.len && isspace(v.data[v.len - 1]))
        v.len--;
    while (v.len && isspace(v.data[0])) {
        v.data++;
        v.len--;
    }
    if (is_text(v) && v.len <= REAP_LABEL_MAX)
        snprintf(to, REAP_LABEL_MAX + 1, "%.*s", (int)v.len,
                 (const char *)v.data);
    else if (v.len == 8) /* a number as NumPy's tobytes() leaves it */
        snprintf(to, REAP_LABEL_MAX + 1, "%lld",
                 (long long)reap_le_get64(v.data));
    else if (v.len == 4)
        snprintf(to, REAP_LABEL_MAX + 1, "%d", (int)reap_le_get32(v.data));
}
