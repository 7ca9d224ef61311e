#include <fnmatch.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/le.h"
#include "io/file/limits.h"
#include "io/file/text.h"
#include "jobs/cli/progress.h"
#include "jobs/cli/remark.h"
#include "jobs/cli/threads.h"
#include "jobs/search/vectors.h"

/* ---- opening ---- */

static int vectors_grow(struct reap_vectors *v, size_t key_len)
{
    if (v->n == v->room) {
        const size_t room = v->room ? 2 * v->room : 1024;
        struct reap_vectors_row *row =
            reap_realloc(v->row, room * sizeof(*row));

        if (!row)
            return REAP_ENOMEM;
        v->row = row;
        v->room = room;
    }
    if (v->keys_room - v->keys_len < key_len) {
        const size_t room = 2 * (v->keys_room + key_len) + 65536;
        uint8_t *keys = reap_realloc(v->keys, room);

        if (!keys)
            return REAP_ENOMEM;
        v->keys = keys;
        v->keys_room = room;
    }
    return REAP_OK;
}

static bool vectors_digest(struct reap_vectors *v, const struct reap_row *row)
{
    uint8_t number[8];

    reap_le_put32(number, (uint32_t)row->key.len);
    reap_le_put32(number + 4, row->crc);
    return EVP_DigestUpdate(v->sha, number, sizeof(number)) &&
           EVP_DigestUpdate(v->sha, row->key.data, row->key.len);
}

static int vectors_add(struct reap_vectors *v, const struct reap_row *row,
                       struct reap_err *err)
{
    const char *label = reap_truth_label(v->truth, row, 0);
    uint32_t number = UINT32_MAX;

    if (label && *label && reap_string_set_add(v->labels, label, &number, err))
        return REAP_ENOMEM;
    if (vectors_grow(v, row->key.len) || !vectors_digest(v, row))
        return reap_fail(err, REAP_ENOMEM, "no memory for the keys of %zu rows",
                         v->n);
    memcpy(v->keys + v->keys_len, row->key.data, row->key.len);
    v->row[v->n++] = (struct reap_vectors_row){
        .key = v->keys_len,
        .key_len = (uint16_t)row->key.len,
        .flags = row->flags,
        .label = number == UINT32_MAX ? -1 : (int32_t)number,
        .crc = row->crc
    };
    v->keys_len += row->key.len;
    return REAP_OK;
}

static bool vectors_take(void *ctx, size_t i, const struct reap_row *row)
{
    struct reap_vectors *v = ctx;

    (void)i;
    if (!v->rc)
        v->rc = vectors_add(v, row, v->err);
    return !v->rc;
}

static void vectors_progress(void *ctx, uint64_t done)
{
    struct reap_vectors *v = ctx;

    reap_progress_show(v->line, done, v->view.rows, "");
}

static int vectors_read(struct reap_vectors *v, struct reap_err *err)
{
    const char *fingerprint = reap_store_meta(v->view.store, "fingerprint");
    struct reap_progress line;
    const struct reap_embeddings_args a = { .store = v->view.store,
                                            .column = v->o->features,
                                            .take = vectors_take,
                                            .ctx = v,
                                            .progress = vectors_progress };
    const char *column;
    int rc;

    v->sha = EVP_MD_CTX_new();
    if (!v->sha || !EVP_DigestInit_ex(v->sha, EVP_sha256(), NULL))
        return reap_fail(err, REAP_ENOMEM, "sha256 failed");
    v->line = &line;
    v->err = err;
    reap_progress_start(&line, v->o, "rows read", 0);
    rc = reap_embeddings_open(&v->from, &a, err);
    reap_progress_stop(&line);
    v->line = NULL;
    rc = rc ? rc : v->rc;
    if (rc)
        return reap_wrap(err, rc, "%s", v->view.path);
    v->width = reap_embeddings_width(v->from);
    column = reap_embeddings_column(v->from);
    fingerprint = fingerprint ? fingerprint : "";
    return EVP_DigestUpdate(v->sha, column, strlen(column) + 1) &&
                   EVP_DigestUpdate(v->sha, fingerprint, strlen(fingerprint)) &&
                   EVP_DigestFinal_ex(v->sha, v->digest, NULL)
               ? REAP_OK
               : reap_fail(err, REAP_ENOMEM, "sha256 failed");
}

static const char *rows_word(uint64_t n)
{
    return n == 1 ? "row" : "rows";
}

static void vectors_remarks(const struct reap_vectors *v)
{
    const uint64_t failed = reap_embeddings_failed(v->from),
                   odd = reap_embeddings_odd(v->from);
    char remark[200];

    if (failed)
        reap_remark(v->o, "%s: %llu %s without a result left out", v->view.path,
                    (unsigned long long)failed, rows_word(failed));
    if (odd)
        reap_remark(v->o,
                    "%s: %llu %s with NaN or infinity left out, the first is "
                    "%s",
                    v->view.path, (unsigned long long)odd, rows_word(odd),
                    reap_embeddings_first_odd(v->from));
    if (!v->view.complete)
        reap_remark(v->o,
                    "%s is not complete: this is about the %zu %s that it has "
                    "so far",
                    v->view.path, v->n, rows_word(v->n));
    if (*reap_truth_remark(v->truth, false, remark, sizeof(remark)))
        reap_remark(v->o, "--truth: %s", remark);
}

int reap_vectors_open(struct reap_vectors *v, const char *path,
                      const struct reap_options *o, struct reap_err *err)
{
    size_t idle;
    int rc;

    memset(v, 0, sizeof(*v));
    v->o = o;
    rc = reap_threads(o, &v->threads, &idle, err);
    if (!rc)
        rc = reap_truth_open(&v->truth, o->truth, err);
    if (!rc)
        rc = reap_string_set_new(&v->labels, err);
    if (!rc)
        rc = reap_store_view_open(&v->view, path, err);
    if (!rc)
        rc = vectors_read(v, err);
    if (rc)
        return rc;
    vectors_remarks(v);
    return v->n ? REAP_OK
                : reap_fail(err, REAP_ENOTFOUND,
                            "%s: none of its %llu rows has an embedding", path,
                            (unsigned long long)v->view.rows);
}

/* ---- looking ---- */

struct reap_bytes reap_vectors_key(const struct reap_vectors *v, size_t i)
{
    return (struct reap_bytes){ v->keys + v->row[i].key, v->row[i].key_len };
}

const char *reap_vectors_key_text(const struct reap_vectors *v, size_t i,
                                  char *buf, size_t size)
{
    return reap_text_escape(buf, size, reap_vectors_key(v, i));
}

size_t reap_vectors_find(const struct reap_vectors *v, struct reap_bytes key)
{
    size_t from = 0, to = v->n;

    while (from < to) {
        const size_t mid = from + (to - from) / 2;
        const int order = reap_bytes_compare(reap_vectors_key(v, mid), key);

        if (!order)
            return mid;
        if (order < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return SIZE_MAX;
}

const char *reap_vectors_label(const struct reap_vectors *v, size_t i)
{
    const int32_t label = v->row[i].label;

    return label < 0 ? "" : reap_string_set_text(v->labels, (size_t)label);
}

void reap_vectors_load(void *vectors, size_t i, float *to)
{
    const struct reap_vectors *v = vectors;

    reap_embeddings_load(v->from, i, to);
}

int reap_vectors_measure(struct reap_vectors *v, struct reap_err *err)
{
    const struct reap_near_rows rows = { v->n, v->width, reap_vectors_load, v };

    return v->near ? REAP_OK : reap_near_new(&v->near, &rows, v->threads, err);
}

/* ---- filters ---- */

/* --status as the flags that are wanted, one of them at least; '*ok': rows
 * without any are wanted, too. */
static int filter_flags(const char *list, bool *ok, unsigned *flags,
                        struct reap_err *err)
{
    static const char *const name[] = {
#define FLAG(name, bit, about) [bit] = #name,
#include "io/file/flags.def"
#undef FLAG
    };
    const size_t n_names = sizeof(name) / sizeof(name[0]);

    *ok = false;
    *flags = 0;
    for (const char *p = list; *p; p += strspn(p, ",")) {
        const size_t n = strcspn(p, ",");
        size_t i = 0;

        while (i < n_names &&
               !(name[i] && strlen(name[i]) == n && !strncmp(name[i], p, n)))
            i++;
        if (i < n_names)
            *flags |= 1u << i;
        else if (n == 2 && !strncmp(p, "ok", n))
            *ok = true;
        else
            return reap_fail(err, REAP_EINVAL,
                             "--status %.*s: only rows that are ok have "
                             "embeddings; ok, or flags such as grey, upscaled, "
                             "tiny, warned can be asked for",
                             (int)(n < 40 ? n : 40), p);
        p += n;
    }
    return REAP_OK;
}

static bool key_matches(const struct reap_vectors *v, size_t i)
{
    char text[REAP_TEXT_ROOM(REAP_KEY_MAX)];

    return !fnmatch(v->o->match,
                    reap_vectors_key_text(v, i, text, sizeof(text)),
                    FNM_NOESCAPE);
}

int reap_vectors_filter(const struct reap_vectors *v, bool **take,
                        struct reap_err *err)
{
    const struct reap_options *o = v->o;
    unsigned flags = 0;
    bool any = true;
    size_t left = 0;

    *take = NULL;
    if (o->status && filter_flags(o->status, &any, &flags, err))
        return REAP_EINVAL;
    if (!o->status && !o->label && !o->match)
        return REAP_OK;
    *take = reap_calloc(v->n, sizeof(**take));
    if (!*take)
        return reap_fail(err, REAP_ENOMEM, "no memory for %zu rows", v->n);
    for (size_t i = 0; i < v->n; i++) {
        (*take)[i] =
            (any || v->row[i].flags & flags) &&
            (!o->label || !strcmp(reap_vectors_label(v, i), o->label)) &&
            (!o->match || key_matches(v, i));
        left += (*take)[i];
    }
    if (left)
        return REAP_OK;
    reap_free(*take);
    *take = NULL;
    return reap_fail(
        err, REAP_ENOTFOUND,
        "%s: none of the %zu %s with an embedding fits%s%s%s%s%s%s",
        v->view.path, v->n, rows_word(v->n), o->status ? " --status " : "",
        o->status ? o->status : "", o->label ? " --label " : "",
        o->label ? o->label : "", o->match ? " --match " : "",
        o->match ? o->match : "");
}

int reap_vectors_k(const struct reap_options *o, size_t otherwise, size_t most,
                   size_t *k, struct reap_err *err)
{
    char *end;

    *k = otherwise;
    if (!o->k)
        return REAP_OK;
    *k = strtoul(o->k, &end, 10);
    return *o->k >= '0' && *o->k <= '9' && !*end && *k && *k <= most
               ? REAP_OK
               : reap_fail(err, REAP_EINVAL,
                           "-k %.40s: a whole number from 1 to %zu is needed",
                           o->k, most);
}

void reap_vectors_close(struct reap_vectors *v)
{
    reap_near_free(&v->near);
    reap_embeddings_close(&v->from);
    reap_store_view_close(&v->view);
    reap_string_set_free(&v->labels);
    reap_truth_close(&v->truth);
    EVP_MD_CTX_free(v->sha);
    v->sha = NULL;
    reap_free(v->row);
    reap_free(v->keys);
    v->row = NULL;
    v->keys = NULL;
}
