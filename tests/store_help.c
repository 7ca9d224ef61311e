#define _GNU_SOURCE
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/file/status.h"
#include "tests/store_help.h"

static char dir[512];

const struct reap_run_meta sample_meta = {
    .fingerprint_text = "weights=aaaa\npreset=unit\n",
    .dataset_id = "uuid:1234",
    .dataset_path = "nowhere",
    .command = "reap classify nowhere -o store",
    .job = "top 2\n",
    .preset = "unit short:232 crop:224",
    .versions = "reap 0",
    .schema = { 2,
                { { "avg", REAP_COLUMN_F32, 1, 1, 4 },
                  { "top", REAP_COLUMN_TOP, 1, 1, 2 } } },
};

struct pair {
    int32_t index;
    float prob;
};

const char *scratch_new(void)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(dir, sizeof(dir), "%s/reap-test-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(dir)) {
        printf("Bail out! no directory %s\n", dir);
        exit(1);
    }
    return dir;
}

const char *scratch(const char *name)
{
    static char path[4][1024];
    static unsigned turn;

    snprintf(path[++turn % 4], sizeof(path[0]), "%s/%s", dir, name);
    return path[turn % 4];
}

static int delete_one(const char *path, const struct stat *st, int type,
                      struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void scratch_delete(void)
{
    nftw(dir, delete_one, 16, FTW_DEPTH | FTW_PHYS);
}

static bool corrupt(int number)
{
    return number % 7 == 6;
}

struct reap_bytes sample_block(int from, int to, float shift)
{
    struct reap_origin origin = { .shard = (uint64_t)from, .host = "here" };
    struct reap_block *b = NULL;
    struct reap_err err = { 0 };
    uint8_t *bytes = NULL;
    size_t len = 0;
    int rc = reap_block_new(&b, &sample_meta.schema, (size_t)(to - from), &err);

    for (int i = from; i < to && !rc; i++) {
        float avg[4];
        struct pair top[2] = { { i % 3, 0.75f }, { 3, 0.25f } };
        const void *values[] = { avg, top };
        char key[16];
        struct reap_row row = { .flags = 0, .crc = (uint32_t)i };

        snprintf(key, sizeof(key), "k%05d", i);
        row.key = (struct reap_bytes){ (const uint8_t *)key, strlen(key) };
        row.status = corrupt(i) ? REAP_STATUS_corrupt : REAP_STATUS_ok;
        row.reason = corrupt(i) ? "no end" : "";
        row.label = i % 3 ? "" : "dog";
        for (int j = 0; j < 4; j++)
            avg[j] = (float)(i + j) + shift;
        rc = reap_block_set(b, (size_t)(i - from), &row, values, &err);
    }
    if (!rc)
        rc = reap_block_encode(b, &origin, &bytes, &len, &err);
    if (rc)
        printf("Bail out! %s\n", err.msg);
    reap_block_free(&b);
    return (struct reap_bytes){ bytes, len };
}

int sample_put(struct reap_store *s, int from, int to, float shift,
               bool replace, struct reap_err *err)
{
    struct reap_bytes b = sample_block(from, to, shift);
    int rc = reap_store_put(s, &b, 1, replace, err);

    reap_free((void *)(uintptr_t)b.data);
    return rc;
}

static bool as_made(struct reap_rows *r, const struct reap_stored *row,
                    float shift)
{
    float avg[4] = { 0 };
    struct pair top[2] = { { 0, 0 } };
    struct reap_err err = { 0 };
    int number;

    if (row->row.key.len != 6 ||
        sscanf((const char *)row->row.key.data, "k%5d", &number) != 1)
        return false;
    if (row->row.crc != (uint32_t)number ||
        strcmp(row->row.label, number % 3 ? "" : "dog") != 0)
        return false;
    if (corrupt(number))
        return row->row.status == REAP_STATUS_corrupt &&
               !strcmp(row->row.reason, "no end") &&
               reap_rows_values(r, 0, avg, &err) == REAP_ENOTFOUND;
    if (reap_rows_values(r, 0, avg, &err) || reap_rows_values(r, 1, top, &err))
        printf("# %s\n", err.msg);
    return !err.code && row->row.status == REAP_STATUS_ok &&
           !*row->row.reason && avg[0] == (float)number + shift &&
           avg[3] == (float)(number + 3) + shift &&
           top[0].index == number % 3 && top[1].prob == 0.25f;
}

long sample_check(struct reap_store *s, float shift)
{
    struct reap_rows *r = NULL;
    struct reap_stored row;
    struct reap_err err = { 0 };
    char last[8] = "";
    long n = 0;
    int rc = reap_rows_open(&r, s, &err);

    while (!rc && !(rc = reap_rows_next(r, &row, &err))) {
        if (!as_made(r, &row, shift) ||
            memcmp(last, row.row.key.data, 6) >= 0) {
            n = -1;
            break;
        }
        memcpy(last, row.row.key.data, 6);
        n++;
    }
    if (rc && rc != REAP_ENOTFOUND)
        printf("# %s\n", err.msg);
    reap_rows_close(&r);
    return rc && rc != REAP_ENOTFOUND ? -1 : n;
}
