/* A batch of items into the dataset: what is new, changed, the same, a double,
 * or another file with the key of a record. What is to be said of them is kept
 * until the batch is durable, since one that finds a map full is tried again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/dataset/dataset_impl.h"
#include "io/file/text.h"
#include "io/import/import_write.h"

bool reap_write_note(struct reap_batch *b, enum reap_note_kind kind,
                     const char *name, const char *why)
{
    struct reap_note *n;

    if (b->notes == b->room) {
        const size_t room = b->room ? 2 * b->room : 16;

        n = reap_realloc(b->note, room * sizeof(*n));
        if (!n)
            return false;
        b->note = n;
        b->room = room;
    }
    n = &b->note[b->notes++];
    n->kind = kind;
    snprintf(n->name, sizeof(n->name), "%s", name);
    snprintf(n->why, sizeof(n->why), "%s", why);
    return true;
}

bool reap_write_entry(struct reap_batch *b, struct reap_bytes key,
                      struct reap_index_entry *out, int *mrc)
{
    MDB_val k = reap_write_val(key), v;

    *mrc = mdb_get(b->index, b->w->index.dbi, &k, &v);
    if (*mrc == MDB_NOTFOUND) {
        *mrc = 0;
        return false;
    }
    return !*mrc &&
           reap_index_decode((struct reap_bytes){ v.mv_data, v.mv_size }, out);
}

/* Where a source is, of 'number'; "?" if that is not known. */
static void source_path(struct reap_batch *b, uint32_t number, char *to,
                        size_t size)
{
    uint8_t buf[REAP_SOURCE_KEY_LEN];
    MDB_val key = reap_write_source_key(buf, number), v;

    if (mdb_get(b->index, b->w->index.dbi, &key, &v))
        v = (MDB_val){ 1, (void *)(uintptr_t) "?" };
    snprintf(to, size, "%.*s",
             (int)strnlen(v.mv_data, v.mv_size < 120 ? v.mv_size : 120),
             (const char *)v.mv_data);
}

/* Two files have one key: said, the record stays. LMDB's code. */
static int twice(struct reap_batch *b, const struct reap_import_item *item,
                 uint32_t other)
{
    char why[300], path[2][128], key[100];

    source_path(b, other, path[0], sizeof(path[0]));
    source_path(b, item->source, path[1], sizeof(path[1]));
    reap_text_escape(key, sizeof(key), item->key);
    if (other == item->source)
        snprintf(why, sizeof(why),
                 "%s holds two different files with the key '%s'; remove one "
                 "of them",
                 path[0], key);
    else
        snprintf(why, sizeof(why),
                 "two files have the key '%.40s': one of %.80s, another of "
                 "%.80s; import them from the folder above both",
                 key, path[0], path[1]);
    b->did.conflicts++;
    return reap_write_note(b, REAP_NOTE_CONFLICT, item->name, why) ? 0 : ENOMEM;
}

/* ---- labels ---- */

static bool same_label(const struct reap_index_entry *e, const char *label)
{
    return e->label.len == strlen(label) &&
           !memcmp(e->label.data, label, e->label.len);
}

int reap_write_label(struct reap_batch *b, const struct reap_import_item *item,
                     const struct reap_index_entry *old,
                     struct reap_index_entry *entry, char *label)
{
    const bool now = old && old->run == b->w->run,
               says = item->says == REAP_SAYS_LABEL;
    const bool keep = old && (item->says == REAP_SAYS_NOTHING ||
                              (now && (!says || old->twice)));
    char why[300];

    label[0] = '\0';
    if (says)
        memcpy(label, item->label, REAP_LABEL_MAX + 1);
    if (keep && old->label.len)
        memcpy(label, old->label.data, old->label.len);
    if (keep)
        label[old->label.len] = '\0';
    entry->said = (now && old->said) || says;
    entry->twice = now && old->twice;
    if (now && says && old->said && !old->twice && !same_label(old, label)) {
        snprintf(why, sizeof(why),
                 "it has two labels, '%.*s' and '%.100s', and is kept without "
                 "one",
                 (int)(old->label.len < 100 ? old->label.len : 100),
                 (const char *)old->label.data, label);
        entry->twice = true;
        label[0] = '\0';
        if (!reap_write_note(b, REAP_NOTE_LABEL, item->name, why))
            return ENOMEM;
    }
    if (old && !(now && old->said) && old->label.len && !same_label(old, label))
        b->did.relabelled++;
    entry->label = (struct reap_bytes){ (uint8_t *)label, strlen(label) };
    return 0;
}

/* ---- one item ---- */

enum verdict { PUT, KEEP, DOUBLE, OTHER, INSTEAD };

static enum verdict judge(const struct reap_import_writer *w,
                          const struct reap_import_item *item,
                          const struct reap_index_entry *old)
{
    const bool known = item->kind == REAP_ITEM_KNOWN,
               equal = known ||
                       (old->size == item->value.len && old->crc == item->crc);

    if (old->run == w->run) {
        if (old->source == item->source)
            return equal ? DOUBLE : OTHER;
        /* The source that was first keeps the key, whoever is quicker. */
        return item->source < old->source && !known ? INSTEAD : OTHER;
    }
    if (equal)
        return KEEP;
    return old->source == item->source ? PUT : OTHER;
}

static int put_entry(struct reap_batch *b, const struct reap_import_item *item,
                     const struct reap_index_entry *e)
{
    uint8_t bytes[REAP_INDEX_MAX];
    MDB_val key = reap_write_val(item->key),
            v = { reap_index_encode(bytes, e), bytes };

    return mdb_put(b->index, b->w->index.dbi, &key, &v, 0);
}

static void tally(struct reap_batch *b, const struct reap_import_item *item,
                  enum verdict verdict, bool old)
{
    b->did.records += verdict == PUT;
    b->did.changed += verdict == PUT && old;
    b->did.bytes += verdict == PUT || verdict == INSTEAD ? item->value.len : 0;
    b->did.same += verdict == KEEP;
    b->did.doubles += verdict == DOUBLE;
}

/* The record of an item with or without its bytes. LMDB's code. */
static int put_record(struct reap_batch *b, struct reap_import_item *item)
{
    struct reap_import_writer *w = b->w;
    struct reap_index_entry old, e = { .size = item->value.len,
                                       .mtime = item->mtime,
                                       .crc = item->crc,
                                       .source = item->source,
                                       .run = w->run,
                                       .path = item->path };
    MDB_val key = reap_write_val(item->key), value;
    char label[REAP_LABEL_MAX + 1];
    enum verdict verdict = PUT;
    int mrc;
    const bool there = reap_write_entry(b, item->key, &old, &mrc);

    if (!mrc && item->archive && w->labels)
        mrc = reap_write_pending_find(b, item);
    if (mrc)
        return mrc;
    if (!there && item->kind == REAP_ITEM_KNOWN)
        return EINVAL; /* it was known a moment ago */
    if (there)
        verdict = judge(w, item, &old);
    if (verdict == OTHER)
        return twice(b, item, old.source);
    if (verdict == INSTEAD)
        mrc = twice(b, item, old.source);
    if (verdict == KEEP || verdict == DOUBLE) {
        e.size = old.size;
        e.crc = old.crc;
    }
    if (!mrc)
        mrc = reap_write_label(
            b, item, there && verdict != INSTEAD ? &old : NULL, &e, label);
    value = reap_write_val(item->value);
    if (!mrc && (verdict == PUT || verdict == INSTEAD))
        mrc = mdb_put(b->data, w->data.dbi, &key, &value, 0);
    if (mrc)
        return mrc;
    tally(b, item, verdict, there);
    return put_entry(b, item, &e);
}

/* A link in an archive: the bytes of the record that it leads to. */
static int put_link(struct reap_batch *b, const struct reap_import_item *link)
{
    MDB_val key = reap_write_val(link->target), v;
    struct reap_import_item item = *link;
    struct reap_index_entry e;
    uint8_t *copy;
    int mrc;

    if (!reap_write_entry(b, link->target, &e, &mrc) || e.run != b->w->run ||
        e.source != link->source)
        return mrc ? mrc
               : reap_write_note(b, REAP_NOTE_TAKEN, link->name,
                                 "a link to what is no image of the archive")
                   ? 0
                   : ENOMEM;
    mrc = mdb_get(b->data, b->w->data.dbi, &key, &v);
    if (mrc)
        return mrc;
    /* LMDB may move what it lends while it makes room. */
    copy = reap_calloc(v.mv_size + 1, 1);
    if (!copy)
        return ENOMEM;
    memcpy(copy, v.mv_data, v.mv_size);
    item.kind = REAP_ITEM_FILE;
    item.value = (struct reap_bytes){ copy, v.mv_size };
    item.crc = e.crc;
    item.size = e.size;
    mrc = put_record(b, &item);
    reap_free(copy);
    return mrc;
}

static int put_one(struct reap_batch *b, struct reap_import_item *item)
{
    switch (item->kind) {
    case REAP_ITEM_FILE:
    case REAP_ITEM_KNOWN:
        break;
    case REAP_ITEM_LINK:
        return put_link(b, item);
    case REAP_ITEM_LABEL:
        return reap_write_pending(b, item);
    case REAP_ITEM_END:
        return reap_write_pending_end(b, item);
    }
    return put_record(b, item);
}

/* ---- batches ---- */

/* Sources that the index does not know yet; their pointers stay. */
static int put_sources(struct reap_batch *b, const struct reap_source **src,
                       size_t n)
{
    struct reap_import_writer *w = b->w;
    uint8_t buf[REAP_SOURCE_KEY_LEN];
    int mrc = 0;

    for (size_t i = 0; i < n && !mrc; i++) {
        MDB_val key = reap_write_source_key(buf, (uint32_t)(w->n_sources + i)),
                v;
        const size_t p = strlen(src[i]->path), q = strlen(src[i]->prefix);
        char *text = reap_calloc(p + q + 3, 1);

        if (!text)
            return ENOMEM;
        memcpy(text, src[i]->path, p);
        text[p + 1] = (char)src[i]->kind;
        memcpy(text + p + 2, src[i]->prefix, q);
        v = (MDB_val){ p + q + 2, text };
        mrc = mdb_put(b->index, w->index.dbi, &key, &v, 0);
        reap_free(text);
    }
    return mrc;
}

/* One try. '*full': a map was too small, which of the two does not matter. */
static int put_all(struct reap_batch *b, struct reap_import_item *const *item,
                   size_t n, const struct reap_source **src, size_t n_src,
                   bool *full, struct reap_err *err)
{
    const char *file = b->w->data.file;
    const bool labels = b->w->labels;
    int mrc, rc = reap_write_begin(b->w, b, err);

    *full = false;
    b->notes = 0;
    b->did = (struct reap_import_sum){ 0 };
    if (rc)
        return rc;
    mrc = put_sources(b, src, n_src);
    for (size_t i = 0; i < n && !mrc; i++)
        mrc = put_one(b, item[i]);
    if (!mrc)
        mrc = reap_write_commit(b, &file);
    reap_write_abort(b);
    *full = mrc == MDB_MAP_FULL;
    if (*full)
        b->w->labels = labels;
    return mrc ? reap_dataset_fail(file, mrc, "write", err) : REAP_OK;
}

/* What was kept to be said, and the counts. */
static void tell(struct reap_import *im, const struct reap_batch *b)
{
    struct reap_import_sum *s = &im->sum;

    for (size_t i = 0; i < b->notes; i++) {
        const struct reap_note *n = &b->note[i];

        if (n->kind == REAP_NOTE_LABEL)
            reap_import_label_lost(im, n->name, n->why);
        else if (n->kind == REAP_NOTE_IDLE)
            reap_import_say(im, n->name, n->why);
        else
            reap_import_not_taken(im, n->name, n->why);
        if (n->kind == REAP_NOTE_CONFLICT && !im->conflict[0])
            snprintf(im->conflict, sizeof(im->conflict), "%s", n->why);
    }
    pthread_mutex_lock(&im->mutex);
    s->records += b->did.records;
    s->changed += b->did.changed;
    s->bytes += b->did.bytes;
    s->same += b->did.same;
    s->doubles += b->did.doubles;
    s->conflicts += b->did.conflicts;
    s->relabelled += b->did.relabelled;
    s->labels_idle += b->did.labels_idle;
    pthread_mutex_unlock(&im->mutex);
}

int reap_import_writer_put(struct reap_import *im,
                           struct reap_import_item *const *item, size_t n,
                           struct reap_err *err)
{
    struct reap_import_writer *w = im->writer;
    struct reap_batch b = { .im = im, .w = w };
    const size_t n_src = reap_sources_count(w->sources) - w->n_sources;
    const struct reap_source **src = reap_calloc(n_src + 1, sizeof(*src));
    size_t bytes = 0;
    bool full;
    int rc;

    if (!src)
        return reap_fail(err, REAP_ENOMEM, "no memory to write");
    for (size_t i = 0; i < n_src; i++)
        src[i] = reap_sources_at(w->sources, w->n_sources + i);
    for (size_t i = 0; i < n; i++)
        bytes += item[i]->value.len;
    pthread_mutex_lock(&w->mutex);
    while ((rc = put_all(&b, item, n, src, n_src, &full, err)) && full) {
        rc = reap_write_grow(w, 2 * bytes, err);
        if (rc)
            break;
    }
    if (!rc)
        w->n_sources += n_src;
    pthread_mutex_unlock(&w->mutex);
    if (!rc)
        tell(im, &b);
    reap_free(src);
    reap_free(b.note);
    return rc;
}
