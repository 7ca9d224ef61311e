/* Vectors of a store in any order: f32 and f16, failed rows and those with
 * NaN left out, damage found. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/status.h"
#include "io/store/embeddings.h"
#include "tests/store_help.h"
#include "tests/tap.h"

enum { ROWS = 40, WIDTH = 3, ODD = 8, FAILED = 11 };

/* Row i is i, i / 2, -i; row ODD has a NaN, row FAILED no values. */
static struct reap_store *made(const char *path, const struct reap_run_meta *m)
{
    struct reap_origin origin = { .host = "here" };
    struct reap_store *s = NULL;
    struct reap_block *b = NULL;
    struct reap_err err = { 0 };
    uint8_t *bytes = NULL;
    size_t len = 0;
    int rc = reap_block_new(&b, &m->schema, ROWS, &err);

    for (size_t i = 0; i < ROWS && !rc; i++) {
        float v[WIDTH] = { (float)i, i == ODD ? NAN : (float)i / 2, -(float)i };
        const void *values[] = { v, v };
        char key[8];
        struct reap_row row = { .key = { (uint8_t *)key, 4 },
                                .label = i % 2 ? "odd" : "even",
                                .reason = i == FAILED ? "no end" : "",
                                .status = i == FAILED ? REAP_STATUS_corrupt
                                                      : REAP_STATUS_ok };

        snprintf(key, sizeof(key), "k%03zu", i);
        rc = reap_block_set(b, i, &row, i == FAILED ? NULL : values, &err);
    }
    if (!rc)
        rc = reap_block_encode(b, &origin, &bytes, &len, &err);
    if (!rc)
        rc = reap_store_open(&s, path, REAP_STORE_WRITE, m, &err);
    if (!rc)
        rc = reap_store_put(s, &(struct reap_bytes){ bytes, len }, 1, false,
                            &err);
    reap_store_close(&s);
    if (!rc)
        rc = reap_store_open(&s, path, REAP_STORE_READ, NULL, &err);
    if (rc)
        printf("# %s\n", err.msg);
    reap_block_free(&b);
    reap_free(bytes);
    return s;
}

static bool even(void *ctx, size_t i, const struct reap_row *row)
{
    size_t *n = ctx;

    if (strcmp(row->label, "even") != 0)
        return false;
    return i == (*n)++;
}

static void reads(const char *path, enum reap_column_kind kind)
{
    struct reap_run_meta m = sample_meta;
    struct reap_embeddings_args a = { 0 };
    struct reap_embeddings *e;
    struct reap_err err = { 0 };
    size_t n = 0;
    float v[WIDTH];
    int bad = 0;

    m.schema = (struct reap_schema){
        2, { { "max", kind, 1, 1, WIDTH }, { "avg", kind, 1, 1, WIDTH } }
    };
    a.store = made(path, &m);
    ok(!reap_embeddings_open(&e, &a, &err) &&
           reap_embeddings_count(e) == ROWS - 2 &&
           reap_embeddings_width(e) == WIDTH &&
           !strcmp(reap_embeddings_column(e), "avg"),
       "all vectors, avg if nothing is said: %s", err.msg);
    ok(reap_embeddings_failed(e) == 1 && reap_embeddings_odd(e) == 1 &&
           !strcmp(reap_embeddings_first_odd(e), "k008"),
       "without the failed and the odd ones");
    for (size_t i = ROWS - 2; i-- > 0;) {
        const float is = (float)(i + (i >= ODD) + (i + 1 >= FAILED));

        reap_embeddings_load(e, i, v);
        bad += v[0] != is || v[1] != is / 2 || v[2] != -is;
    }
    ok(!bad, "their numbers, from the last to the first");
    reap_embeddings_close(&e);
    a.take = even;
    a.ctx = &n;
    a.column = "max";
    ok(!reap_embeddings_open(&e, &a, &err) &&
           reap_embeddings_count(e) == ROWS / 2 - 1 && n == ROWS / 2 - 1,
       "or only those that are taken");
    reap_embeddings_close(&e);
    a.column = "logits";
    ok(reap_embeddings_open(&e, &a, &err) == REAP_EINVAL && !e,
       "no other column: %s", err.msg);
    reap_store_close(&a.store);
}

static void which(void)
{
    struct reap_run_meta m = sample_meta;
    struct reap_embeddings_args a = { 0 };
    struct reap_embeddings *e;
    struct reap_err err = { 0 };

    m.schema =
        (struct reap_schema){ 2,
                              { { "max", REAP_COLUMN_F32, 1, 1, WIDTH },
                                { "layer4", REAP_COLUMN_F32, 1, 1, WIDTH } } };
    a.store = made(scratch("two"), &m);
    ok(reap_embeddings_open(&e, &a, &err) == REAP_EINVAL,
       "one has to be chosen: %s", err.msg);
    reap_store_close(&a.store);
    m.schema =
        (struct reap_schema){ 1, { { "top", REAP_COLUMN_TOP, 1, 1, 1 } } };
    a.store = made(scratch("top"), &m);
    ok(reap_embeddings_open(&e, &a, &err) == REAP_EMISFIT,
       "labels are no vectors: %s", err.msg);
    reap_store_close(&a.store);
}

static void no_memory(void)
{
    struct reap_embeddings_args a = { 0 };
    struct reap_embeddings *e;
    struct reap_err err = { 0 };
    int rc = REAP_ENOMEM, odd = 0;
    long i;

    if (reap_store_open(&a.store, scratch("one"), REAP_STORE_READ, NULL, &err))
        abort();
    for (i = 1; rc && i < 100; i++) {
        reap_mem_fail_at(i);
        rc = reap_embeddings_open(&e, &a, &err);
        odd += rc ? rc != REAP_ENOMEM || e : 0;
        reap_embeddings_close(&e);
    }
    reap_mem_fail_at(0);
    ok(!rc && i > 3 && !odd, "each of %ld allocations fails once", i - 2);
    reap_store_close(&a.store);
}

int main(void)
{
    scratch_new();
    reads(scratch("one"), REAP_COLUMN_F32);
    reads(scratch("half"), REAP_COLUMN_F16);
    which();
    no_memory();
    scratch_delete();
    return done();
}
