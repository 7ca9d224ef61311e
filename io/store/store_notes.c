/* What the coordinator notes besides the rows: marker, hosts, suspects. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/le.h"
#include "io/file/limits.h"
#include "io/file/text.h"
#include "io/store/store_impl.h"

static int put_marker(struct reap_store *s, MDB_txn *txn, void *ctx,
                      struct reap_err *err)
{
    return reap_store_text_put(s, txn, "complete", ctx, err);
}

/* The first or last row's key as text, "" if there is none. */
static int end_key(struct reap_store *s, MDB_txn *txn, MDB_cursor_op end,
                   char *text, size_t size, struct reap_err *err)
{
    MDB_cursor *c = NULL;
    MDB_val key = { 0, NULL }, v;
    int mrc = mdb_cursor_open(txn, s->db[REAP_DB_ROWS], &c);

    if (!mrc)
        mrc = mdb_cursor_get(c, &key, &v, end);
    if (mrc == MDB_NOTFOUND)
        key.mv_size = 0;
    reap_text_escape(text, size,
                     (struct reap_bytes){ key.mv_data, key.mv_size });
    if (c)
        mdb_cursor_close(c);
    return mrc && mrc != MDB_NOTFOUND
               ? reap_store_fail(s, mrc, "find the last row", err)
               : REAP_OK;
}

struct marker {
    uint64_t limit, keys;
};

static int put_complete(struct reap_store *s, MDB_txn *txn, void *ctx,
                        struct reap_err *err)
{
    enum { ROOM = 4 * REAP_KEY_MAX + 1 };
    const struct marker *m = ctx;
    char first[ROOM], last[ROOM], text[2 * ROOM + 128];
    int rc = end_key(s, txn, MDB_FIRST, first, sizeof(first), err);

    if (!rc)
        rc = end_key(s, txn, MDB_LAST, last, sizeof(last), err);
    if (rc)
        return rc;
    snprintf(text, sizeof(text),
             "limit=%" PRIu64 "\nkeys=%" PRIu64 "\nfirst=%s\nlast=%s\n",
             m->limit, m->keys, first, last);
    return put_marker(s, txn, text, err);
}

int reap_store_mark_complete(struct reap_store *s, uint64_t limit,
                             uint64_t keys, struct reap_err *err)
{
    struct marker m = { limit, keys };

    return reap_store_write(s, put_complete, &m, err);
}

bool reap_store_marker(struct reap_store *s, uint64_t *limit, uint64_t *keys)
{
    const char *text = reap_store_meta(s, "complete");

    return text &&
           sscanf(text, "limit=%" SCNu64 "\nkeys=%" SCNu64, limit, keys) == 2;
}

int reap_store_unmark(struct reap_store *s, struct reap_err *err)
{
    return reap_store_write(s, put_marker, NULL, err);
}

static bool has_line(const char *text, const char *line)
{
    size_t n = strlen(line);

    while (*text) {
        size_t end = strcspn(text, "\n");

        if (end == n && !memcmp(text, line, n))
            return true;
        text += end + (text[end] == '\n');
    }
    return false;
}

static int put_hosts(struct reap_store *s, MDB_txn *txn, void *ctx,
                     struct reap_err *err)
{
    return reap_store_text_put(s, txn, "hosts", ctx, err);
}

int reap_store_add_host(struct reap_store *s, const char *host,
                        struct reap_err *err)
{
    const char *hosts = reap_store_meta(s, "hosts");
    char *all;
    size_t size;
    int rc;

    if (!hosts)
        hosts = "";
    if (has_line(hosts, host))
        return REAP_OK;
    size = strlen(hosts) + strlen(host) + 2;
    all = reap_calloc(1, size);
    if (!all)
        return reap_fail(err, REAP_ENOMEM, "no memory for hosts");
    snprintf(all, size, "%s%s\n", hosts, host);
    rc = reap_store_write(s, put_hosts, all, err);
    reap_free(all);
    return rc;
}

struct suspects {
    const struct reap_suspect *list;
    size_t n;
};

static int put_leases(struct reap_store *s, MDB_txn *txn, void *ctx,
                      struct reap_err *err)
{
    const struct suspects *all = ctx;
    int mrc = mdb_drop(txn, s->db[REAP_DB_LEASES], 0);

    for (size_t i = 0; i < all->n && !mrc; i++) {
        const struct reap_suspect *l = &all->list[i];
        uint8_t name[8], bytes[8 + sizeof(l->key)];
        MDB_val key = reap_store_val(name, sizeof(name)), v;

        if (l->key_len > sizeof(l->key))
            return reap_fail(err, REAP_EBUG, "a lease's key is too long");
        reap_store_id(name, i);
        reap_le_put32(bytes, l->count);
        reap_le_put32(bytes + 4, l->deaths);
        memcpy(bytes + 8, l->key, l->key_len);
        v = reap_store_val(bytes, 8 + l->key_len);
        mrc = mdb_put(txn, s->db[REAP_DB_LEASES], &key, &v, 0);
    }
    return mrc ? reap_store_fail(s, mrc, "put leases", err) : REAP_OK;
}

int reap_store_leases_put(struct reap_store *s, const struct reap_suspect *l,
                          size_t n, struct reap_err *err)
{
    struct suspects all = { l, n };

    return reap_store_write(s, put_leases, &all, err);
}

static int get_leases(struct reap_store *s, MDB_txn *txn,
                      struct reap_suspect **out, size_t *n,
                      struct reap_err *err)
{
    MDB_cursor *c = NULL;
    MDB_stat st;
    MDB_val key, v;
    int mrc = mdb_stat(txn, s->db[REAP_DB_LEASES], &st);

    if (!mrc)
        mrc = mdb_cursor_open(txn, s->db[REAP_DB_LEASES], &c);
    if (mrc)
        return reap_store_fail(s, mrc, "get leases", err);
    *out = reap_calloc(st.ms_entries + 1, sizeof(**out));
    while (*out && *n < st.ms_entries &&
           !(mrc = mdb_cursor_get(c, &key, &v, MDB_NEXT))) {
        struct reap_suspect *l = &(*out)[*n];

        if (v.mv_size < 8 || v.mv_size > 8 + sizeof(l->key))
            continue; /* it only warns: a damaged one warns of nothing */
        l->count = reap_le_get32(v.mv_data);
        l->deaths = reap_le_get32((const uint8_t *)v.mv_data + 4);
        l->key_len = (uint32_t)(v.mv_size - 8);
        memcpy(l->key, (const uint8_t *)v.mv_data + 8, l->key_len);
        ++*n;
    }
    mdb_cursor_close(c);
    if (!*out)
        return reap_fail(err, REAP_ENOMEM, "no memory for leases");
    return mrc && mrc != MDB_NOTFOUND
               ? reap_store_fail(s, mrc, "get leases", err)
               : REAP_OK;
}

int reap_store_leases_get(struct reap_store *s, struct reap_suspect **out,
                          size_t *n, struct reap_err *err)
{
    MDB_txn *txn = NULL;
    int rc;

    *out = NULL;
    *n = 0;
    pthread_mutex_lock(&s->mutex);
    rc = reap_store_begin(s, &txn, err);
    if (!rc) {
        rc = get_leases(s, txn, out, n, err);
        mdb_txn_abort(txn);
    }
    pthread_mutex_unlock(&s->mutex);
    if (rc) {
        reap_free(*out);
        *out = NULL;
        *n = 0;
    }
    return rc;
}
