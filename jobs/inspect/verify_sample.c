/* The store's own job run again for single keys: its options are read back, the
 * pipeline computes one lease per key, and each row is compared with the stored
 * one bit by bit. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/limits.h"
#include "io/file/text.h"
#include "jobs/cli/threads.h"
#include "jobs/inspect/verify_sample.h"
#include "jobs/setup/setup_again.h"
#include "pipeline/flow.h"

enum { NAMED = 10 };

struct sample {
    struct reap_store_view *view;
    pthread_mutex_t mutex;
    struct reap_lease *lease; /* one a key */
    size_t n, given;
    struct reap_rows *rows;
    float *was, *is; /* values of the widest column */
    uint64_t done, differ;
};

/* Take every so many-th row as a lease of one key. */
static int verify_sample_choose(struct sample *s, uint64_t n,
                                struct reap_err *err)
{
    uint64_t rows = s->view->rows, at = 0;
    struct reap_stored row;
    int rc;

    n = n < rows ? n : rows;
    s->lease = reap_calloc(n + 1, sizeof(*s->lease));
    if (!s->lease)
        return reap_fail(err, REAP_ENOMEM, "no memory for %" PRIu64 " keys", n);
    for (rc = reap_rows_next(s->rows, &row, err); !rc && s->n < n; at++) {
        struct reap_lease *l = &s->lease[s->n];

        if (at == s->n * (rows / n) + s->n * (rows % n) / n) {
            l->shard = s->n++;
            l->count = 1;
            l->key_len = (uint32_t)row.row.key.len;
            memcpy(l->key, row.row.key.data, row.row.key.len);
        }
        rc = reap_rows_next(s->rows, &row, err);
    }
    return rc == REAP_ENOTFOUND ? REAP_OK : rc;
}

static enum reap_fed next(void *ctx, bool wait, struct reap_lease *out)
{
    struct sample *s = ctx;
    enum reap_fed fed = REAP_FED_END;

    (void)wait;
    pthread_mutex_lock(&s->mutex);
    if (s->given < s->n) {
        *out = s->lease[s->given++];
        fed = REAP_FED;
    }
    pthread_mutex_unlock(&s->mutex);
    return fed;
}

static void name_key(struct sample *s, struct reap_bytes key, const char *what)
{
    char text[REAP_TEXT_ROOM(REAP_KEY_MAX)];

    if (s->differ++ < NAMED)
        fprintf(stderr, "reap: %s: key %s: %s differs\n", s->view->path,
                reap_text_escape(text, sizeof(text), key), what);
}

static bool depends_on_more(unsigned status)
{
    return status == REAP_STATUS_crashed || status == REAP_STATUS_timeout ||
           status == REAP_STATUS_io_error;
}

/* Compare the row of block 'b', which has one, with the stored one. */
static int verify_sample_compare(struct sample *s, const struct reap_block *b,
                                 struct reap_err *err)
{
    const struct reap_schema *schema = reap_store_schema(s->view->store);
    struct reap_stored was;
    struct reap_row is;
    int rc;

    reap_block_row(b, 0, &is);
    rc = reap_rows_seek(s->rows, is.key, &was, err);
    if (rc || depends_on_more(is.status) || depends_on_more(was.row.status))
        return rc;
    s->done++;
    if (was.row.crc != is.crc) {
        name_key(s, is.key, "the input");
        return REAP_OK;
    }
    if (was.row.status != is.status || was.row.flags != is.flags) {
        name_key(s, is.key, "the status");
        return REAP_OK;
    }
    for (size_t i = 0; i < schema->n && is.status == REAP_STATUS_ok; i++) {
        size_t n = reap_column_count(&schema->column[i]);

        rc = reap_rows_values(s->rows, i, s->was, err);
        if (rc)
            return rc;
        reap_block_values(b, 0, i, s->is);
        if (memcmp(s->was, s->is, n * sizeof(*s->is)) != 0) {
            name_key(s, is.key, schema->column[i].name);
            break;
        }
    }
    return REAP_OK;
}

static int verify_sample_take(void *ctx, const struct reap_lease *lease,
                              uint8_t *bytes, size_t len, struct reap_err *err)
{
    struct sample *s = ctx;
    struct reap_block *b = NULL;
    int rc = reap_block_open(&b, (struct reap_bytes){ bytes, len }, err);

    (void)lease;
    pthread_mutex_lock(&s->mutex);
    if (!rc && reap_block_rows(b))
        rc = verify_sample_compare(s, b, err);
    pthread_mutex_unlock(&s->mutex);
    reap_block_free(&b);
    if (!rc)
        reap_free(bytes); /* moved */
    return rc;
}

static int compute(struct sample *s, const struct reap_setup *setup,
                   struct reap_err *err)
{
    size_t most = 1, idle;
    struct reap_flow *flow = NULL;
    struct reap_flow_args a = { .dataset = s->view->dataset,
                                .engine = setup->engine,
                                .preset = &setup->preset,
                                .limits = setup->limits,
                                .label_from = REAP_LABEL_NONE,
                                .schema = setup->schema,
                                .l2 = setup->l2,
                                .threads = reap_threads_default(&idle),
                                .batch = setup->batch,
                                .feed = { s, next },
                                .sink = { s, verify_sample_take } };
    int rc;

    for (size_t i = 0; i < setup->schema.n; i++) {
        size_t n = reap_column_count(&setup->schema.column[i]);

        most = n > most ? n : most;
    }
    s->was = reap_calloc(most, sizeof(float));
    s->is = reap_calloc(most, sizeof(float));
    if (!s->was || !s->is)
        return reap_fail(err, REAP_ENOMEM, "no memory for rows");
    rc = reap_flow_start(&flow, &a, err);
    return rc ? rc : reap_flow_join(&flow, err);
}

int reap_verify_sample(struct reap_store_view *v, const struct reap_options *o,
                       uint64_t n, uint64_t *done, uint64_t *differ,
                       struct reap_err *err)
{
    struct sample s = { .view = v, .mutex = PTHREAD_MUTEX_INITIALIZER };
    struct reap_setup setup;
    char *mine = reap_options_text(o), *text = NULL;
    int rc;

    *done = *differ = 0;
    rc = reap_setup_again(&setup, v, mine, &text, err);
    free(mine);
    if (rc) {
        rc = reap_wrap(err, rc, "--sample");
    } else {
        rc = reap_rows_open(&s.rows, v->store, err);
        if (!rc)
            rc = verify_sample_choose(&s, n, err);
        if (!rc)
            rc = compute(&s, &setup, err);
        reap_setup_close(&setup);
    }
    *done = s.done;
    *differ = s.differ;
    reap_rows_close(&s.rows);
    reap_free(s.was);
    reap_free(s.is);
    reap_free(s.lease);
    reap_free(text);
    return rc;
}
