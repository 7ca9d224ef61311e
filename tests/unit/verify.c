/* reap verify --sample: rows computed again, for real, by a small network. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "engine/base/mem.h"
#include "io/file/status.h"
#include "io/store/store.h"
#include "tests/dataset_help.h"
#include "tests/store_help.h"
#include "tests/tap.h"

enum { SIDE = 40 };

static char out[1 << 14];

static int reap(const char *args)
{
    const char *program = getenv("REAP");
    char line[4096];
    FILE *f;
    int status;

    snprintf(line, sizeof(line), "cd '%s' && '%s' %s 2>&1", scratch("."),
             program, args);
    f = popen(line, "r");
    out[f ? fread(out, 1, sizeof(out) - 1, f) : 0] = '\0';
    status = f ? pclose(f) : -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char *key(int i, char *buf, int size)
{
    snprintf(buf, (size_t)size, "%d.ppm", i);
    return buf;
}

/* A picture of its own for each number; the last one is none. */
static struct reap_bytes picture(int i, uint8_t *buf, int size)
{
    int n = snprintf((char *)buf, (size_t)size, "P6\n%d %d\n255\n", SIDE, SIDE);

    for (int k = 0; k < 3 * SIDE * SIDE; k++)
        buf[n + k] = (uint8_t)(k * (2 * i + 1) / 7);
    return (struct reap_bytes){ buf,
                                i == 7 ? 30 : (size_t)n + 3 * SIDE * SIDE };
}

static const struct dataset_maker pictures = { key, picture };

/* Put a row of the store in place again, its first value changed a little. */
static int change_row(struct reap_store *s, struct reap_err *err)
{
    const struct reap_schema *schema = reap_store_schema(s);
    float *v = reap_calloc(reap_column_count(&schema->column[0]), 4);
    struct reap_origin origin = { .shard = 0 };
    struct reap_rows *r = NULL;
    struct reap_block *b = NULL;
    struct reap_bytes bytes = { NULL, 0 };
    struct reap_stored row;
    uint8_t *p = NULL;
    int rc = reap_rows_open(&r, s, err);

    if (!rc)
        rc = reap_rows_next(r, &row, err);
    if (!rc)
        rc = reap_rows_values(r, 0, v, err);
    v[0] += 1e-6f;
    if (!rc)
        rc = reap_block_new(&b, schema, 1, err);
    if (!rc)
        rc = reap_block_set(b, 0, &row.row, (const void *[]){ v }, err);
    if (!rc)
        rc = reap_block_encode(b, &origin, &p, &bytes.len, err);
    bytes.data = p;
    if (!rc)
        rc = reap_store_put(s, &bytes, 1, true, err);
    reap_rows_close(&r);
    reap_block_free(&b);
    reap_free(p);
    reap_free(v);
    return rc;
}

static int open_as_it_was(struct reap_store **s, struct reap_err *err)
{
    struct reap_store *was = NULL;
    struct reap_run_meta meta = { .versions = NULL };
    int rc = reap_store_open(&was, scratch("st"), REAP_STORE_READ, NULL, err);
    char fingerprint_text[4096], id[200];

    if (rc)
        return rc;
    snprintf(fingerprint_text, sizeof(fingerprint_text), "%s",
             reap_store_meta(was, "made_of"));
    snprintf(id, sizeof(id), "%s", reap_store_meta(was, "dataset_id"));
    meta.fingerprint_text = fingerprint_text;
    meta.dataset_id = id;
    meta.schema = *reap_store_schema(was);
    reap_store_close(&was);
    return reap_store_open(s, scratch("st"), REAP_STORE_WRITE, &meta, err);
}

#define RUN                                                                   \
    "extract set -o st --model torchvision/resnet18 --weights none --seed 3 " \
    "--preset unit --input-shape 32,32 --formats all --max-bad 50% -q"

int main(void)
{
    char program[4096];
    struct reap_store *s = NULL;
    struct reap_err err = { 0 };
    int rc;

    if (!getenv("REAP") && realpath("build/reap", program))
        setenv("REAP", program, 1);
    scratch_new();
    ok(!dataset_make(scratch("set"), &pictures, 8) && reap(RUN) == 0,
       "8 pictures: %s", out);
    ok(reap("verify st --sample 5") == 0 &&
           strstr(out, "5 recomputed rows are the same"),
       "a sample is the same");
    ok(reap("verify st --sample 100 --json") == 0 &&
           strstr(out, "\"keys\":8,\"missing\":0,\"left_out\":0,"
                       "\"sampled\":8,\"differ\":0"),
       "all of them are, also the bad one");
    ok(reap("verify st --sample 5 --seed 4") == 78 && strstr(out, "seed:4"),
       "other weights are refused: %.90s", strstr(out, "--sample:"));
    rc = open_as_it_was(&s, &err);
    if (!rc)
        rc = change_row(s, &err);
    reap_store_close(&s);
    ok(!rc && reap("verify st") == 0, "a changed row has a right checksum%s",
       err.msg);
    ok(reap("verify st --sample 100") == 74 &&
           strstr(out, "key 0.ppm: avg differs"),
       "but is found out");
    scratch_delete();
    return done();
}
