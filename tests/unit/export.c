/* Exports, byte by byte. */
#define _GNU_SOURCE
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/export/export.h"
#include "tests/store_help.h"
#include "tests/tap.h"

/* The whole file in a buffer that lasts until the next call, "" if none. */
static const char *slurp(const char *name, size_t *len)
{
    static char text[1 << 16];
    FILE *f = fopen(scratch(name), "rb");

    *len = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
    text[*len] = '\0';
    if (f)
        fclose(f);
    return text;
}

static bool holds(const char *name, const char *want)
{
    size_t n;
    const char *text = slurp(name, &n);
    bool same = !strcmp(text, want);

    if (!same)
        printf("# %s holds:\n# %s\n", name, text);
    return same;
}

static const char *wnid(const void *ctx, size_t i)
{
    (void)ctx;
    return i ? "n2" : "n0";
}

static const char *name(const void *ctx, size_t i)
{
    (void)ctx;
    return i ? "dog, \"big\"" : "cat";
}

static struct reap_store *sample(const char *where)
{
    struct reap_store *s = NULL;
    struct reap_err err = { 0 };
    int rc = reap_store_open(&s, scratch(where), REAP_STORE_WRITE, &sample_meta,
                             &err);

    if (!rc)
        rc = sample_put(s, 5, 8, 0, false, &err);
    reap_store_close(&s);
    if (!rc)
        rc = reap_store_open(&s, scratch(where), REAP_STORE_READ, NULL, &err);
    if (rc)
        printf("Bail out! %s\n", err.msg);
    return s;
}

static int export(struct reap_store *s, const char *file, const char *to,
                  bool all, uint64_t limit, struct reap_err *err)
{
    struct reap_export_args a = { .store = s,
                                  .path = scratch(file),
                                  .to = to,
                                  .all = all,
                                  .limit = limit,
                                  .names = { NULL, wnid, name } };
    struct reap_exported out;
    int rc = reap_export_run(&a, &out, err);

    if (!rc) /* not what the end of a walk left there */
        err->msg[0] = '\0';
    return rc;
}

static void check_text(struct reap_store *s)
{
    struct reap_err err;
    size_t n;

    ok(!export(s, "a.csv", NULL, false, 0, &err) &&
           holds("a.csv",
                 "key,status,reason,true_label,rank1_index,rank1_wnid,"
                 "rank1_name,rank1_prob,rank2_index,rank2_wnid,rank2_name,"
                 "rank2_prob\n"
                 "k00005,ok,,,2,n2,\"dog, \"\"big\"\"\",0.75,3,n2,\"dog, "
                 "\"\"big\"\"\",0.25\n"
                 "k00006,corrupt,no end,dog,,,,,,,,\n"
                 "k00007,ok,,,1,n2,\"dog, \"\"big\"\"\",0.75,3,n2,\"dog, "
                 "\"\"big\"\"\",0.25\n"),
       "csv%s", err.msg);
    ok(!export(s, "b.jsonl", NULL, false, 2, &err) &&
           holds("b.jsonl",
                 "{\"key\":\"k00005\",\"status\":\"ok\",\"reason\":\"\","
                 "\"true_label\":\"\",\"top\":[{\"index\":2,\"wnid\":\"n2\","
                 "\"name\":\"dog, \\\"big\\\"\",\"prob\":0.75},{\"index\":3,"
                 "\"wnid\":\"n2\",\"name\":\"dog, \\\"big\\\"\",\"prob\":0.25}"
                 "]}\n{\"key\":\"k00006\",\"status\":\"corrupt\",\"reason\":"
                 "\"no end\",\"true_label\":\"dog\",\"top\":[]}\n"),
       "jsonl of the first two keys%s", err.msg);
    ok(strstr(slurp("a.meta.json", &n),
              "\"made_of\": {\n    \"weights\": \"aaaa\",\n    \"preset\": "
              "\"unit\"\n  }") &&
           strstr(slurp("a.meta.json", &n), "\"corrupt\": 1"),
       "what it was made of stands beside it");
}

static void check_npy(struct reap_store *s)
{
    struct reap_err err;
    const char *bytes;
    float v[12];
    size_t n;

    ok(!export(s, "c.npy", NULL, false, 0, &err), "npy%s", err.msg);
    bytes = slurp("c.npy", &n);
    memcpy(v, bytes + n - 32, 32);
    ok(!memcmp(bytes, "\x93NUMPY\1", 7) && strstr(bytes + 10, "'<f4'") &&
           strstr(bytes + 10, "'shape': (2, 4)") && v[0] == 5 && v[7] == 10,
       "one line per ok row");
    ok(holds("c.keys.txt", "k00005\nk00007\n"), "their keys");
    ok(holds("c.failed.tsv", "k00006\tcorrupt\tno end\n"), "the failed one");
    ok(!export(s, "d.npy", NULL, true, 0, &err), "npy --all%s", err.msg);
    bytes = slurp("d.npy", &n);
    memcpy(v, bytes + n - 48, 48);
    ok(strstr(bytes + 10, "'shape': (3, 4)") && v[3] == 8 && isnan(v[4]) &&
           isnan(v[7]) && v[8] == 7,
       "failed keys as NaN");
    ok(holds("d.keys.txt", "k00005\nk00006\nk00007\n"), "in their place");
}

static void check_others(struct reap_store *s)
{
    struct reap_err err;
    const char *p;
    size_t n;

    ok(!export(s, "e.fvecs", NULL, false, 0, &err) &&
           (p = slurp("e.fvecs", &n)) && n == 40 && p[0] == 4 && p[20] == 4 &&
           !memcmp(p + 4, "\0\0\xa0\x40", 4),
       "fvecs%s", err.msg);
    ok(!export(s, "e.fbin", NULL, false, 0, &err) &&
           (p = slurp("e.fbin", &n)) && n == 40 && p[0] == 2 && p[4] == 4,
       "fbin%s", err.msg);
    ok(!export(s, "e.faiss", NULL, false, 0, &err) &&
           (p = slurp("e.faiss", &n)) && n == 45 + 32 &&
           !memcmp(p, "IxF2\4\0\0\0\2\0", 10) && p[37] == 8,
       "faiss%s", err.msg);
    ok(!export(s, "e.safetensors", NULL, false, 0, &err) &&
           (p = slurp("e.safetensors", &n)) && n == 256 + 32 &&
           (unsigned char)p[0] == 248 &&
           strstr(p + 8, "{\"avg\":{\"dtype\":\"F32\",\"shape\":[2,4],"
                         "\"data_offsets\":[0,32]}}"),
       "safetensors%s", err.msg);
    ok(!export(s, "e.dat", "fbin", false, 1, &err) &&
           (p = slurp("e.dat", &n)) && n == 24 &&
           holds("e.dat.keys.txt", "k00005\n"),
       "a format by name%s", err.msg);
}

/* Two matrices, a map among them, and no labels. */
static void check_several(void)
{
    struct reap_run_meta meta = sample_meta;
    struct reap_store *s = NULL;
    struct reap_block *b = NULL;
    struct reap_err err = { 0 };
    struct reap_bytes bytes = { NULL, 0 };
    const float pool[2] = { 1, 2 }, map[8] = { 8, 7, 6, 5, 4, 3, 2, 1 };
    const void *values[] = { pool, map };
    const struct reap_row row = { { (const uint8_t *)"x\n\\\xff", 4 },
                                  .label = "a\tb" };
    uint8_t *out = NULL;
    size_t len = 0, n;
    int rc;

    meta.schema =
        (struct reap_schema){ 2,
                              { { "avg", REAP_COLUMN_F32, 1, 1, 2 },
                                { "layer3.5", REAP_COLUMN_F16, 2, 2, 2 } } };
    rc = reap_block_new(&b, &meta.schema, 1, &err) ||
         reap_block_set(b, 0, &row, values, &err) ||
         reap_block_encode(b, &(struct reap_origin){ .shard = 1 }, &out, &len,
                           &err);
    bytes = (struct reap_bytes){ out, len };
    rc = rc ||
         reap_store_open(&s, scratch("several"), REAP_STORE_WRITE, &meta,
                         &err) ||
         reap_store_put(s, &bytes, 1, false, &err);
    ok(!rc && !export(s, "f.npy", NULL, false, 0, &err), "several outputs%s",
       err.msg);
    ok(access(scratch("f.npy"), F_OK) != 0 &&
           strstr(slurp("f.avg.npy", &n) + 10, "(1, 2)") &&
           strstr(slurp("f.layer3.5.npy", &n) + 10, "(1, 2, 2, 2)"),
       "go to a file each, maps with their height and width");
    ok(holds("f.keys.txt", "x\\x0a\\\\\\xff\n"), "an odd key stays one line");
    ok(!export(s, "f.csv", NULL, false, 0, &err) &&
           holds("f.csv", "key,status,reason,true_label\n"
                          "x\\x0a\\\\\\xff,ok,,a\\x09b\n"),
       "csv without labels%s", err.msg);
    ok(!export(s, "f.jsonl", NULL, false, 0, &err) &&
           holds("f.jsonl",
                 "{\"key\":\"x\\\\x0a\\\\\\\\\\\\xff\",\"status\":\"ok\","
                 "\"reason\":\"\",\"true_label\":\"a\\\\x09b\"}\n"),
       "jsonl too%s", err.msg);
    reap_block_free(&b);
    reap_free(out);
    reap_store_close(&s);
}

struct list {
    const char *const *key;
};

static int next_key(void *ctx, struct reap_bytes *key, struct reap_err *err)
{
    struct list *l = ctx;

    if (!*l->key)
        return reap_fail(err, REAP_ENOTFOUND, "no more");
    *key = (struct reap_bytes){ (const uint8_t *)*l->key, strlen(*l->key) };
    l->key++;
    return REAP_OK;
}

static void check_keys(struct reap_store *s)
{
    static const char *const have[] = { "a",      "k00005", "k000055",
                                        "k00007", "z",      NULL };
    struct list l = { have };
    struct reap_export_args a = { .store = s,
                                  .path = scratch("g.npy"),
                                  .keys = { &l, next_key } };
    struct reap_exported out;
    struct reap_err err = { 0 };

    ok(!reap_export_run(&a, &out, &err) && out.gone == 1 && out.missing == 3 &&
           out.by_status[REAP_STATUS_ok] == 2 &&
           holds("g.keys.txt", "k00005\nk00007\n") && holds("g.failed.tsv", ""),
       "rows whose keys have left are left out and counted%s", err.msg);
    l.key = have;
    a.limit = 2;
    ok(!reap_export_run(&a, &out, &err) && out.gone == 0 && out.missing == 1 &&
           holds("g.keys.txt", "k00005\n"),
       "a limit counts the dataset's keys");
}

static size_t leftovers(void)
{
    DIR *d = opendir(scratch("."));
    const struct dirent *e;
    size_t n = 0;

    while (d && (e = readdir(d)))
        n += strstr(e->d_name, ".part-") != NULL;
    if (d)
        closedir(d);
    return n;
}

static void check_failures(struct reap_store *s)
{
    struct reap_err err;
    int rc = REAP_ENOMEM, wrong = 0;
    FILE *f;
    size_t n;
    long i;

    ok(export(s, "h.xyz", NULL, false, 0, &err) == REAP_EINVAL, "%s", err.msg);
    ok(export(s, "h.npy", "tiff", false, 0, &err) == REAP_EINVAL, "%s",
       err.msg);
    ok(export(s, "no/such/h.npy", NULL, false, 0, &err) == REAP_ECREATE, "%s",
       err.msg);
    f = fopen(scratch("h.npy"), "w");
    fputs("old", f);
    fclose(f);
    for (i = 1; rc == REAP_ENOMEM && i < 100; i++) {
        reap_mem_fail_at(i);
        rc = export(s, "h.npy", NULL, false, 0, &err);
        reap_mem_fail_at(0);
        wrong += rc == REAP_ENOMEM && strcmp(slurp("h.npy", &n), "old") != 0;
    }
    ok(!rc && !wrong && i > 5,
       "each of %ld allocations may fail, and the old "
       "file stays until the new one is whole",
       i - 2);
    f = fopen(scratch("h.npy.part-0123456789abcdef"), "w");
    fclose(f);
    ok(leftovers() == 1 && !export(s, "h.npy", NULL, false, 0, &err) &&
           leftovers() == 0,
       "leftovers of a killed export are removed by the next");
}

int main(void)
{
    struct reap_store *s;

    scratch_new();
    s = sample("store");
    check_text(s);
    check_npy(s);
    check_others(s);
    check_several();
    check_keys(s);
    check_failures(s);
    reap_store_close(&s);
    scratch_delete();
    return done();
}
