/*
 * put_embeddings STORE ROWS WIDTH CLASSES SEED [HOW] - a store of made-up
 * embeddings
 *
 * For tests and benchmarks that need many and no images. Each class has a
 * centre; a row is its class's centre, a fifth of another one's and noise,
 * negative numbers being cut off as behind ReLU. True labels are c0, c1, ...
 *
 * HOW: "unfinished" leaves out the marker of a store that is complete, "nan"
 * puts NaN into each tenth row, "equal" makes all rows equal.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "io/store/store.h"

enum { BLOCK = 1000 };

struct maker {
    size_t rows, width, classes;
    uint64_t seed;
    float *centre; /* (classes, width) */
    const char *how;
    struct reap_schema schema;
};

/* About normal: the sum of four uniform numbers. */
static float normal(uint64_t *s)
{
    double sum = 0;

    for (int i = 0; i < 4; i++)
        sum += reap_rng_real(s);
    return (float)((sum - 2) * 1.7320508);
}

static void make_row(const struct maker *m, size_t i, float *to, char *label)
{
    uint64_t s = reap_rng_fork(m->seed, i);
    const size_t c = reap_rng_below(&s, m->classes),
                 other = reap_rng_below(&s, m->classes);

    for (size_t k = 0; k < m->width; k++) {
        const float x = m->centre[c * m->width + k] +
                        0.2f * m->centre[other * m->width + k] +
                        0.5f * normal(&s);

        to[k] = x > 0 ? x : 0;
    }
    snprintf(label, 16, "c%zu", c);
}

static int put_block(const struct maker *m, struct reap_store *store,
                     size_t from, struct reap_err *err)
{
    const size_t n = m->rows - from < BLOCK ? m->rows - from : BLOCK;
    const struct reap_origin origin = { .shard = from, .host = "made" };
    float *x = reap_calloc(m->width, sizeof(*x));
    struct reap_block *b = NULL;
    struct reap_bytes bytes = { NULL, 0 };
    uint8_t *own = NULL;
    int rc = x ? reap_block_new(&b, &m->schema, n, err)
               : reap_fail(err, REAP_ENOMEM, "no memory");

    for (size_t i = 0; !rc && i < n; i++) {
        const void *values[] = { x };
        char key[24], label[16];
        struct reap_row row = { .label = label, .reason = "" };

        make_row(m, strcmp(m->how, "equal") ? from + i : 0, x, label);
        if (!strcmp(m->how, "nan") && (from + i) % 10 == 0)
            x[m->width / 2] = NAN;
        row.key.len = (size_t)snprintf(key, sizeof(key), "%09zu", from + i);
        row.key.data = (const uint8_t *)key;
        rc = reap_block_set(b, i, &row, values, err);
    }
    if (!rc)
        rc = reap_block_encode(b, &origin, &own, &bytes.len, err);
    bytes.data = own;
    if (!rc)
        rc = reap_store_put(store, &bytes, 1, false, err);
    reap_block_free(&b);
    reap_free(own);
    reap_free(x);
    return rc;
}

static int put_all(struct maker *m, const char *path, struct reap_err *err)
{
    struct reap_run_meta meta = { .dataset_id = "uuid:made-up",
                                  .dataset_path = "nowhere",
                                  .command = "put_embeddings",
                                  .job = "",
                                  .preset = "unit none",
                                  .versions = "test" };
    struct reap_store *store;
    char fingerprint_text[200];
    int rc;

    m->schema = (struct reap_schema){
        1, { { "avg", REAP_COLUMN_F32, 1, 1, (uint32_t)m->width } }
    };
    snprintf(fingerprint_text, sizeof(fingerprint_text),
             "weights=seed:%llu\nmodel=made-up\noutput=avg 1x1x%zu\n",
             (unsigned long long)m->seed, m->width);
    meta.fingerprint_text = fingerprint_text;
    meta.schema = m->schema;
    rc = reap_store_open(&store, path, REAP_STORE_WRITE, &meta, err);
    for (size_t from = 0; !rc && from < m->rows; from += BLOCK)
        rc = put_block(m, store, from, err);
    if (!rc && strcmp(m->how, "unfinished") != 0)
        rc = reap_store_mark_complete(store, 0, m->rows, err);
    reap_store_close(&store);
    return rc;
}

int main(int argc, char **argv)
{
    struct maker m = { 0 };
    struct reap_err err = { 0 };
    uint64_t s;
    int rc;

    if (argc != 6 && argc != 7) {
        fprintf(stderr, "put_embeddings STORE ROWS WIDTH CLASSES SEED [HOW]\n");
        return 64;
    }
    m.how = argc > 6 ? argv[6] : "";
    m.rows = strtoul(argv[2], NULL, 10);
    m.width = strtoul(argv[3], NULL, 10);
    m.classes = strtoul(argv[4], NULL, 10);
    m.seed = s = strtoul(argv[5], NULL, 10);
    m.centre = reap_calloc(m.classes * m.width + 1, sizeof(*m.centre));
    for (size_t i = 0; m.centre && i < m.classes * m.width; i++)
        m.centre[i] = 0.4f + 0.06f * normal(&s);
    rc = m.centre ? put_all(&m, argv[1], &err) : REAP_ENOMEM;
    if (rc)
        fprintf(stderr, "put_embeddings: %s\n", err.msg);
    reap_free(m.centre);
    return reap_exit_status(rc);
}
