/* What a store says about itself: texts by name, columns, counts. */
#define _GNU_SOURCE
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/base/mem.h"
#include "io/file/le.h"
#include "io/store/block_impl.h"
#include "io/store/fingerprint.h"
#include "io/store/store_impl.h"

#define FORMAT "reap-store 1"

static const char *const kind_name[] = { "f32", "f16", "top" };

static int store_meta_get(struct reap_store *s, MDB_txn *txn, const char *name,
                          struct reap_bytes *out, struct reap_err *err)
{
    MDB_val key = reap_store_val(name, strlen(name)), v;
    int mrc = mdb_get(txn, s->db[REAP_DB_META], &key, &v);

    *out = (struct reap_bytes){ NULL, 0 };
    if (mrc == MDB_NOTFOUND)
        return REAP_OK;
    if (mrc)
        return reap_store_fail(s, mrc, name, err);
    *out = (struct reap_bytes){ v.mv_data, v.mv_size };
    return REAP_OK;
}

/* A copy of a text of 'meta' in '*out', NULL if it is not there. Owned. */
static int store_meta_get_text(struct reap_store *s, MDB_txn *txn,
                               const char *name, char **out,
                               struct reap_err *err)
{
    struct reap_bytes v;
    int rc = store_meta_get(s, txn, name, &v, err);

    *out = NULL;
    if (rc || !v.data)
        return rc;
    *out = reap_calloc(1, v.len + 1);
    if (!*out)
        return reap_fail(err, REAP_ENOMEM, "no memory for '%s'", name);
    memcpy(*out, v.data, v.len);
    return REAP_OK;
}

static void forget_text(struct reap_store *s, const char *name)
{
    pthread_mutex_lock(&s->texts_mutex);
    for (struct reap_store_text *t = s->texts; t; t = t->next)
        t->old = t->old || !strcmp(t->name, name);
    pthread_mutex_unlock(&s->texts_mutex);
}

int reap_store_text_put(struct reap_store *s, MDB_txn *txn, const char *name,
                        const char *text, struct reap_err *err)
{
    MDB_val key = reap_store_val(name, strlen(name)), v;
    int mrc;

    forget_text(s, name);
    if (!text) {
        mrc = mdb_del(txn, s->db[REAP_DB_META], &key, NULL);
        return mrc && mrc != MDB_NOTFOUND ? reap_store_fail(s, mrc, name, err)
                                          : REAP_OK;
    }
    v = reap_store_val(text, strlen(text));
    mrc = mdb_put(txn, s->db[REAP_DB_META], &key, &v, 0);
    return mrc ? reap_store_fail(s, mrc, name, err) : REAP_OK;
}

int reap_store_counts_get(struct reap_store *s, MDB_txn *txn,
                          struct reap_counts *out, struct reap_err *err)
{
    struct reap_bytes v;
    int rc = store_meta_get(s, txn, "counts", &v, err);

    memset(out, 0, sizeof(*out));
    if (rc || !v.data)
        return rc;
    /* A store made before a status was added has fewer counts. */
    if (v.len < 16 || v.len % 8 || (v.len - 16) / 8 > REAP_N_STATUS)
        return reap_fail(err, REAP_EFORMAT, "%s: its counts are damaged",
                         s->path);
    out->next_block = reap_le_get64(v.data);
    out->blocks = reap_le_get64(v.data + 8);
    for (size_t i = 0; i < (v.len - 16) / 8; i++)
        out->by_status[i] = reap_le_get64(v.data + 16 + 8 * i);
    return REAP_OK;
}

int reap_store_counts_put(struct reap_store *s, MDB_txn *txn,
                          const struct reap_counts *c, struct reap_err *err)
{
    uint8_t bytes[16 + 8 * REAP_N_STATUS];
    MDB_val key = reap_store_val("counts", 6);
    MDB_val v = reap_store_val(bytes, sizeof(bytes));
    int mrc;

    reap_le_put64(bytes, c->next_block);
    reap_le_put64(bytes + 8, c->blocks);
    for (size_t i = 0; i < REAP_N_STATUS; i++)
        reap_le_put64(bytes + 16 + 8 * i, c->by_status[i]);
    mrc = mdb_put(txn, s->db[REAP_DB_META], &key, &v, 0);
    return mrc ? reap_store_fail(s, mrc, "counts", err) : REAP_OK;
}

/* A line a column: kind h w c name. Owned. */
static char *print_schema(const struct reap_schema *schema)
{
    enum { LINE = 128 };
    char *text = reap_calloc(schema->n + 1, LINE), *p = text;

    for (size_t i = 0; text && i < schema->n; i++) {
        const struct reap_column *c = &schema->column[i];

        p += snprintf(p, LINE, "%s %u %u %u %s\n", kind_name[c->kind], c->h,
                      c->w, c->c, c->name);
    }
    return text;
}

static bool parse_column(const char *line, size_t len, struct reap_column *c)
{
    char text[128], kind[8];

    if (len >= sizeof(text))
        return false;
    memcpy(text, line, len);
    text[len] = '\0';
    if (sscanf(text, "%7s %u %u %u %47[^\n]", kind, &c->h, &c->w, &c->c,
               c->name) != 5)
        return false;
    for (c->kind = 0; c->kind <= REAP_COLUMN_TOP; c->kind++)
        if (!strcmp(kind, kind_name[c->kind]))
            return true;
    return false;
}

static bool parse_schema(const char *text, struct reap_schema *out)
{
    memset(out, 0, sizeof(*out));
    while (*text) {
        size_t n = strcspn(text, "\n");

        if (out->n == REAP_MAX_COLUMNS ||
            !parse_column(text, n, &out->column[out->n]))
            return false;
        out->n++;
        text += n + (text[n] == '\n');
    }
    return !reap_block_check(out, NULL);
}

int reap_store_meta_load(struct reap_store *s, MDB_txn *txn,
                         struct reap_err *err)
{
    char *format = NULL, *schema = NULL;
    int rc = store_meta_get_text(s, txn, "format", &format, err);

    if (!rc && !format)
        rc = reap_fail(err, REAP_EFORMAT, "%s is not a store", s->path);
    else if (!rc && strcmp(format, FORMAT) != 0)
        rc = reap_fail(err, REAP_EFORMAT, "%s: format '%s', not '%s'", s->path,
                       format, FORMAT);
    if (!rc)
        rc = store_meta_get_text(s, txn, "schema", &schema, err);
    if (!rc && (!schema || !parse_schema(schema, &s->schema)))
        rc = reap_fail(err, REAP_EFORMAT, "%s: its columns are damaged",
                       s->path);
    reap_free(format);
    reap_free(schema);
    return rc;
}

static int fingerprint(const char *fingerprint_text, char hex[65],
                       struct reap_err *err)
{
    unsigned char sum[32];

    if (EVP_Digest(fingerprint_text, strlen(fingerprint_text), sum, NULL,
                   EVP_sha256(), NULL) != 1)
        return reap_fail(err, REAP_EBUG, "no sha256 in libcrypto");
    for (size_t i = 0; i < sizeof(sum); i++)
        snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    return REAP_OK;
}

/* The same dataset, as far as an id tells? A digest changes with every key
 * that is added: whether the records are the same, the caller has to look. */
static bool may_be_same(const char *a, const char *b)
{
    static const char digest[] = "digest:";

    return !strcmp(a, b) || (!strncmp(a, digest, sizeof(digest) - 1) &&
                             !strncmp(b, digest, sizeof(digest) - 1));
}

static int store_meta_compare(struct reap_store *s, MDB_txn *txn,
                              const struct reap_run_meta *meta,
                              struct reap_err *err)
{
    char diff[512] = "", more[320], *fingerprint_text = NULL, *dataset = NULL;
    int rc = store_meta_get_text(s, txn, "made_of", &fingerprint_text, err);

    if (!rc)
        rc = store_meta_get_text(s, txn, "dataset_id", &dataset, err);
    if (!rc && (!fingerprint_text || !dataset))
        rc = reap_fail(err, REAP_EFORMAT, "%s: parts of it are missing",
                       s->path);
    if (rc)
        goto out;
    reap_fingerprint_differ(fingerprint_text, meta->fingerprint_text, more,
                            sizeof(more));
    if (may_be_same(dataset, meta->dataset_id))
        snprintf(diff, sizeof(diff), "%s", more);
    else
        snprintf(diff, sizeof(diff),
                 "dataset: the store has %.64s, this run %.64s%s%s", dataset,
                 meta->dataset_id, *more ? "; " : "", more);
    if (!diff[0] && strcmp(fingerprint_text, meta->fingerprint_text) != 0)
        snprintf(diff, sizeof(diff), "the same ones in another order");
    if (!diff[0] && !reap_schema_equal(&s->schema, &meta->schema))
        snprintf(diff, sizeof(diff), "other columns");
    if (diff[0])
        rc = reap_fail(
            err, REAP_EMISFIT,
            "%s was made with other settings (%.280s); choose another "
            "-o",
            s->path, diff);
out:
    reap_free(fingerprint_text);
    reap_free(dataset);
    return rc;
}

static int write_new(struct reap_store *s, MDB_txn *txn,
                     const struct reap_run_meta *meta, struct reap_err *err)
{
    char *schema = print_schema(&meta->schema), hex[65], when[32];
    time_t now = time(NULL);
    struct tm tm;
    int rc;

    if (!schema)
        return reap_fail(err, REAP_ENOMEM, "no memory for columns");
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
    rc = reap_block_check(&meta->schema, err);
    if (!rc)
        rc = fingerprint(meta->fingerprint_text, hex, err);
    if (!rc)
        rc = reap_store_text_put(s, txn, "format", FORMAT, err);
    if (!rc)
        rc = reap_store_text_put(s, txn, "schema", schema, err);
    if (!rc)
        rc =
            reap_store_text_put(s, txn, "made_of", meta->fingerprint_text, err);
    if (!rc)
        rc = reap_store_text_put(s, txn, "fingerprint", hex, err);
    if (!rc)
        rc = reap_store_text_put(s, txn, "dataset_id", meta->dataset_id, err);
    if (!rc)
        rc = reap_store_text_put(s, txn, "created", when, err);
    if (!rc)
        s->schema = meta->schema;
    reap_free(schema);
    return rc;
}

int reap_store_meta_init(struct reap_store *s, MDB_txn *txn,
                         const struct reap_run_meta *meta, struct reap_err *err)
{
    /* What may change from run to run: the last one's is kept. */
    const struct {
        const char *name, *text;
    } row[] = {
        { "dataset_path", meta->dataset_path },
        { "command", meta->command },
        { "job", meta->job },
        { "preset", meta->preset },
        { "versions", meta->versions },
        { "labels", meta->labels },
    };
    struct reap_bytes format;
    int rc = store_meta_get(s, txn, "format", &format, err);

    if (!rc && format.data) {
        rc = reap_store_meta_load(s, txn, err);
        if (!rc)
            rc = store_meta_compare(s, txn, meta, err);
    } else if (!rc) {
        rc = write_new(s, txn, meta, err);
    }
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]) && !rc; i++)
        if (row[i].text)
            rc = reap_store_text_put(s, txn, row[i].name, row[i].text, err);
    return rc;
}

/* The text from the file, kept in the list. */
static const char *load_text(struct reap_store *s, const char *name)
{
    struct reap_store_text *t;
    MDB_txn *txn = NULL;
    char *text = NULL;

    pthread_mutex_lock(&s->mutex);
    if (!reap_store_begin(s, &txn, NULL)) {
        if (store_meta_get_text(s, txn, name, &text, NULL))
            text = NULL;
        mdb_txn_abort(txn);
    }
    pthread_mutex_unlock(&s->mutex);
    t = text ? reap_calloc(1, sizeof(*t)) : NULL;
    if (!t) {
        reap_free(text);
        return NULL;
    }
    snprintf(t->name, sizeof(t->name), "%s", name);
    t->text = text;
    pthread_mutex_lock(&s->texts_mutex);
    t->next = s->texts;
    s->texts = t;
    pthread_mutex_unlock(&s->texts_mutex);
    return text;
}

const char *reap_store_meta(struct reap_store *s, const char *name)
{
    const struct reap_store_text *t;

    pthread_mutex_lock(&s->texts_mutex);
    t = s->texts;
    while (t && (t->old || strcmp(t->name, name) != 0))
        t = t->next;
    pthread_mutex_unlock(&s->texts_mutex);
    return t ? t->text : load_text(s, name);
}

void reap_store_meta_free(struct reap_store *s)
{
    while (s->texts) {
        struct reap_store_text *t = s->texts;

        s->texts = t->next;
        reap_free(t->text);
        reap_free(t);
    }
}

int reap_store_counts(struct reap_store *s, uint64_t *by_status,
                      struct reap_err *err)
{
    struct reap_counts c = { 0 };
    MDB_txn *txn = NULL;
    int rc;

    pthread_mutex_lock(&s->mutex);
    rc = reap_store_begin(s, &txn, err);
    if (!rc) {
        rc = reap_store_counts_get(s, txn, &c, err);
        mdb_txn_abort(txn);
    }
    pthread_mutex_unlock(&s->mutex);
    memcpy(by_status, c.by_status, sizeof(c.by_status));
    return rc;
}
