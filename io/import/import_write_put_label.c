/*
 * Labels of an archive's members. They may stand before their images or far
 * behind them, so each waits in the index, by its stem, until the archive ends:
 * an image that comes finds it, and images that came are looked up.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/import/import_write.h"

static const char label_key[] = "\0label";
enum { LABEL_KEY = 6, NUMBER = 4, SHA = 16, KEPT = 440 };
/* What waits: flags, label, zero, the name of its member, zero. */
enum { TWICE = 1, USED = 2 };
enum { WAITING_MAX = 1 + REAP_LABEL_MAX + 1 + 200 };

struct waiting {
    uint8_t bytes[WAITING_MAX];
    size_t len;
};

static const char *label_of(const struct waiting *w)
{
    return (const char *)w->bytes + 1;
}

/* The member's path, or a label's stem, as the archive has it. */
static struct reap_bytes whole(struct reap_bytes key, struct reap_bytes path)
{
    return path.len ? path : key;
}

/* As in import_archive.c, of bytes. */
static size_t stem_of(struct reap_bytes path)
{
    size_t i = path.len;

    while (i && path.data[i - 1] != '/')
        i--;
    while (i < path.len && path.data[i] != '.')
        i++;
    return i;
}

static MDB_val first_of(uint8_t *buf, uint32_t archive)
{
    memcpy(buf, label_key, LABEL_KEY);
    for (int i = NUMBER - 1; i >= 0; i--, archive >>= 8)
        buf[LABEL_KEY + i] = (uint8_t)archive;
    return (MDB_val){ LABEL_KEY + NUMBER, buf };
}

static MDB_val key_of(uint8_t *buf, uint32_t archive, const uint8_t *stem,
                      size_t n)
{
    uint8_t sha[SHA256_DIGEST_LENGTH];

    (void)first_of(buf, archive);
    SHA256(stem, n, sha);
    memcpy(buf + LABEL_KEY + NUMBER, sha, SHA);
    return (MDB_val){ REAP_PENDING_KEY_LEN, buf };
}

static int get_waiting(struct reap_batch *b, MDB_val *key, struct waiting *to)
{
    MDB_val v;
    int mrc = mdb_get(b->index, b->w->index.dbi, key, &v);

    to->len = 0;
    if (mrc)
        return mrc == MDB_NOTFOUND ? 0 : mrc;
    to->len = v.mv_size < sizeof(to->bytes) ? v.mv_size : sizeof(to->bytes);
    memcpy(to->bytes, v.mv_data, to->len);
    to->bytes[sizeof(to->bytes) - 1] = '\0';
    return 0;
}

static int put_waiting(struct reap_batch *b, MDB_val *key, struct waiting *w)
{
    MDB_val v = { w->len, w->bytes };

    return mdb_put(b->index, b->w->index.dbi, key, &v, 0);
}

int reap_write_pending_find(struct reap_batch *b, struct reap_import_item *item)
{
    const struct reap_bytes path = whole(item->key, item->path);
    uint8_t buf[REAP_PENDING_KEY_LEN];
    struct waiting w;
    MDB_val key = key_of(buf, item->archive, path.data, stem_of(path));
    int mrc = get_waiting(b, &key, &w);

    if (mrc || !w.len)
        return mrc;
    if (w.bytes[0] & TWICE) {
        item->says = REAP_SAYS_NONE;
        if (!reap_write_note(b, REAP_NOTE_LABEL, item->name,
                             "it has two labels, and is kept without one"))
            return ENOMEM;
    } else {
        item->says = REAP_SAYS_LABEL;
        snprintf(item->label, sizeof(item->label), "%s", label_of(&w));
    }
    if (w.bytes[0] & USED)
        return 0;
    w.bytes[0] |= USED;
    return put_waiting(b, &key, &w);
}

/* The label to a record that came before it. LMDB's code. */
static int apply(struct reap_batch *b, const struct reap_import_item *label,
                 const MDB_val *key, const MDB_val *v, bool *used)
{
    uint8_t old_bytes[REAP_INDEX_MAX], bytes[REAP_INDEX_MAX],
        key_bytes[REAP_KEY_MAX];
    const struct reap_bytes stem = whole(label->key, label->path);
    char text[REAP_LABEL_MAX + 1];
    struct reap_import_item item = *label;
    struct reap_index_entry old, e;
    struct reap_bytes path;
    MDB_val k = { key->mv_size, key_bytes }, to;
    int mrc;

    if (v->mv_size > sizeof(old_bytes) || key->mv_size > sizeof(key_bytes))
        return 0;
    memcpy(old_bytes, v->mv_data, v->mv_size);
    memcpy(key_bytes, key->mv_data, key->mv_size);
    if (!reap_index_decode((struct reap_bytes){ old_bytes, v->mv_size }, &old))
        return 0;
    path = whole((struct reap_bytes){ key_bytes, key->mv_size }, old.path);
    if (old.run != b->w->run || old.source != label->source ||
        stem_of(path) != stem.len || memcmp(path.data, stem.data, stem.len))
        return 0;
    *used = true;
    e = old;
    item.says = REAP_SAYS_LABEL;
    mrc = reap_write_label(b, &item, &old, &e, text);
    if (mrc)
        return mrc;
    to = (MDB_val){ reap_index_encode(bytes, &e), bytes };
    return mdb_put(b->index, b->w->index.dbi, &k, &to, 0);
}

/* All records whose keys begin like the stem. */
static int apply_all(struct reap_batch *b, const struct reap_import_item *label,
                     bool *used)
{
    const struct reap_bytes stem = whole(label->key, label->path);
    const size_t n = stem.len < KEPT ? stem.len : KEPT;
    uint8_t begin[KEPT + 1];
    MDB_cursor *c;
    MDB_val key = { n, begin }, v;
    int mrc = mdb_cursor_open(b->index, b->w->index.dbi, &c);

    if (mrc)
        return mrc;
    memcpy(begin, stem.data, n);
    begin[n] = '.';
    key.mv_size = n + (n < KEPT);
    for (MDB_cursor_op op = MDB_SET_RANGE;; op = MDB_NEXT) {
        const size_t same = n + (n < KEPT);

        mrc = mdb_cursor_get(c, &key, &v, op);
        if (mrc || key.mv_size < same || memcmp(key.mv_data, begin, same))
            break;
        mrc = apply(b, label, &key, &v, used);
        if (mrc)
            break;
    }
    mdb_cursor_close(c);
    if (mrc && mrc != MDB_NOTFOUND)
        return mrc;
    key = (MDB_val){ n, begin }; /* with --all: a name without an ending */
    if (n && !mdb_get(b->index, b->w->index.dbi, &key, &v))
        return apply(b, label, &key, &v, used);
    return 0;
}

int reap_write_pending(struct reap_batch *b,
                       const struct reap_import_item *item)
{
    const struct reap_bytes stem = whole(item->key, item->path);
    uint8_t buf[REAP_PENDING_KEY_LEN];
    struct waiting w;
    bool used = false;
    MDB_val key = key_of(buf, item->archive, stem.data, stem.len);
    int mrc = get_waiting(b, &key, &w);

    if (mrc)
        return mrc;
    b->w->labels = true;
    if (w.len && (w.bytes[0] & TWICE || !strcmp(label_of(&w), item->label)))
        return 0;
    if (w.len) {
        w.bytes[0] |= TWICE;
    } else {
        const size_t n = strlen(item->label);

        w.bytes[0] = 0;
        memcpy(w.bytes + 1, item->label, n + 1);
        w.len = n + 2 +
                (size_t)snprintf((char *)w.bytes + n + 2,
                                 sizeof(w.bytes) - n - 2, "%s", item->name);
        w.len++;
    }
    mrc = stem.len ? apply_all(b, item, &used) : 0;
    if (used)
        w.bytes[0] |= USED;
    return mrc ? mrc : put_waiting(b, &key, &w);
}

/* Labels of an earlier import that the archive no longer gives. */
static int clear_old(struct reap_batch *b, const struct reap_import_item *end)
{
    const struct reap_bytes prefix = whole(end->key, end->path);
    MDB_val key = reap_write_val(end->key), v;
    struct reap_index_entry e;
    uint8_t bytes[REAP_INDEX_MAX], old[REAP_INDEX_MAX];
    MDB_cursor *c;
    int mrc = mdb_cursor_open(b->index, b->w->index.dbi, &c);

    if (mrc)
        return mrc;
    for (MDB_cursor_op op = prefix.len ? MDB_SET_RANGE : MDB_FIRST; !mrc;
         op = MDB_NEXT) {
        mrc = mdb_cursor_get(c, &key, &v, op);
        if (mrc || v.mv_size > sizeof(old))
            break;
        if (prefix.len && (key.mv_size < prefix.len ||
                           memcmp(key.mv_data, prefix.data, prefix.len)))
            break;
        memcpy(old, v.mv_data, v.mv_size);
        if (!*(const char *)key.mv_data ||
            !reap_index_decode((struct reap_bytes){ old, v.mv_size }, &e) ||
            e.run != b->w->run || e.source != end->source || e.said ||
            !e.label.len)
            continue;
        e.label.len = 0;
        b->did.relabelled++;
        v = (MDB_val){ reap_index_encode(bytes, &e), bytes };
        mrc = mdb_cursor_put(c, &key, &v, MDB_CURRENT);
    }
    mdb_cursor_close(c);
    return mrc == MDB_NOTFOUND ? 0 : mrc;
}

int reap_write_pending_end(struct reap_batch *b,
                           const struct reap_import_item *item)
{
    uint8_t buf[REAP_PENDING_KEY_LEN];
    const MDB_val first = first_of(buf, item->archive);
    MDB_val key = first, v;
    MDB_cursor *c;
    int mrc;

    if (!b->w->fresh && item->says == REAP_SAYS_NONE &&
        (mrc = clear_old(b, item)))
        return mrc;
    mrc = mdb_cursor_open(b->index, b->w->index.dbi, &c);
    if (mrc)
        return mrc;
    while (!(mrc = mdb_cursor_get(c, &key, &v, MDB_SET_RANGE)) &&
           key.mv_size == REAP_PENDING_KEY_LEN &&
           !memcmp(key.mv_data, buf, first.mv_size)) {
        const char *text = v.mv_data;
        const size_t n = strnlen(text + 1, v.mv_size - 1);

        if (!(*text & USED)) {
            b->did.labels_idle++;
            if (!reap_write_note(b, REAP_NOTE_IDLE, text + n + 2,
                                 "a label without an image"))
                mrc = ENOMEM;
        }
        if (!mrc)
            mrc = mdb_cursor_del(c, 0);
        if (mrc)
            break;
        key = first;
    }
    mdb_cursor_close(c);
    return mrc == MDB_NOTFOUND ? 0 : mrc;
}

int reap_write_pending_clear(struct reap_import_writer *w, MDB_txn *txn)
{
    MDB_val key = { LABEL_KEY, (void *)(uintptr_t)label_key }, v;
    MDB_cursor *c;
    int mrc = mdb_cursor_open(txn, w->index.dbi, &c);

    if (mrc)
        return mrc;
    while (!(mrc = mdb_cursor_get(c, &key, &v, MDB_SET_RANGE)) &&
           key.mv_size > LABEL_KEY &&
           !memcmp(key.mv_data, label_key, LABEL_KEY)) {
        mrc = mdb_cursor_del(c, 0);
        if (mrc)
            break;
        key = (MDB_val){ LABEL_KEY, (void *)(uintptr_t)label_key };
    }
    mdb_cursor_close(c);
    return mrc == MDB_NOTFOUND ? 0 : mrc;
}
