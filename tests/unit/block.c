/* Blocks: what goes in comes out, and damaged bytes are told, never trusted. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "io/file/crc.h"
#include "io/file/half.h"
#include "io/file/status.h"
#include "io/store/block.h"
#include "tests/tap.h"

enum { ROWS = 5, D = 7, K = 2 };

static const struct reap_schema schema = {
    3,
    { { "avg", REAP_COLUMN_F32, 1, 1, D },
      { "map", REAP_COLUMN_F16, 2, 1, 3 },
      { "top", REAP_COLUMN_TOP, 1, 1, K } },
};
static const struct reap_origin origin = { .shard = 1ull << 40,
                                           .attempt = 3,
                                           .rank = 2,
                                           .host = "node7",
                                           .level = "avx512",
                                           .seconds = 1.25 };

struct pair {
    int32_t index;
    float prob;
};

static void check_parts(void)
{
    int wrong = 0;

    ok(reap_crc_32c("123456789", 9) == 0xe3069283, "CRC-32C of RFC 3720");
    ok(reap_crc_32c("", 0) == 0, "CRC-32C of nothing");
    for (unsigned h = 0; h < 65536; h++) {
        float f = reap_half_to_float((uint16_t)h);

        wrong += isnan(f) ? !(h & 0x3ff) : reap_half_from_float(f) != h;
    }
    ok(!wrong, "all halves come back from float");
    ok(reap_half_from_float(1 + 0x1p-11f) == 0x3c00 &&
           reap_half_from_float(1 + 3 * 0x1p-11f) == 0x3c02 &&
           reap_half_from_float(1 + 0x1.004p-11f) == 0x3c01,
       "ties go to even, more goes up");
    ok(reap_half_from_float(65519.996f) == 0x7bff &&
           reap_half_from_float(65520) == 0x7c00 &&
           reap_half_from_float(-INFINITY) == 0xfc00,
       "the largest half, and infinity");
    ok(reap_half_from_float(0x1p-25f) == 0 &&
           reap_half_from_float(0x1.8p-25f) == 1 &&
           reap_half_from_float(0x1.ffep-15f) == 0x0400,
       "subnormals round to even");
}

#if defined(__x86_64__)
#define STORE(i) "vmovdqu %%ymm" #i ", 32 * " #i "(%0)\n\t"
/* Bytes that are set in the upper halves of the vector registers. */
static int upper_bytes(void)
{
    unsigned char regs[16][32];
    int set = 0;

    __asm__ volatile(STORE(0) STORE(1) STORE(2) STORE(3) STORE(4) STORE(5)
                         STORE(6) STORE(7) STORE(8) STORE(9) STORE(10) STORE(11)
                             STORE(12) STORE(13) STORE(14) STORE(15)
                     :
                     : "r"(regs)
                     : "memory");
    for (int i = 0; i < 16; i++)
        for (int k = 16; k < 32; k++)
            set += regs[i][k] != 0;
    return set;
}

/* What they hold costs the code that comes next. */
static void check_upper(void)
{
    static unsigned char data[4096];

    if (!__builtin_cpu_supports("avx")) {
        skip("this CPU has no AVX");
        return;
    }
    memset(data, 0x5a, sizeof(data));
    reap_crc_32c(data, sizeof(data));
    ok(!upper_bytes(), "a checksum leaves the vector registers clean");
}
#else
static void check_upper(void)
{
    skip("vector registers of x86-64");
}
#endif

static struct reap_block *make(void)
{
    struct reap_block *b = NULL;
    struct reap_err err;
    int rc = reap_block_new(&b, &schema, ROWS, &err);

    for (size_t n = 0; n < ROWS && !rc; n++) {
        size_t i = (n * 2) % ROWS; /* in any order */
        float avg[D], map[6];
        struct pair top[K] = { { (int32_t)i, 0.75f }, { -1, 0.25f } };
        const void *values[] = { avg, map, top };
        char key[2] = { 'a', (char)i };
        struct reap_row row = { { (const uint8_t *)key, 2 },
                                i == 3 ? REAP_STATUS_corrupt : REAP_STATUS_ok,
                                REAP_FLAG_grey,
                                (uint32_t)(100 + i),
                                i == 1 ? "cat" : "",
                                i == 3 ? "no end" : NULL };

        for (size_t k = 0; k < D; k++)
            avg[k] = (float)(i * D + k) / 3;
        for (size_t k = 0; k < 6; k++)
            map[k] = (float)(i * 6 + k);
        rc = reap_block_set(b, i, &row, values, &err);
    }
    if (rc)
        printf("# %s\n", err.msg);
    return b;
}

static void check_rows(const struct reap_block *b, const char *which)
{
    int wrong = 0;

    for (size_t i = 0; i < ROWS; i++) {
        struct reap_row r;
        float avg[D] = { 0 }, map[6] = { 0 };
        struct pair top[K];
        bool has = reap_block_values(b, i, 0, avg) &&
                   reap_block_values(b, i, 1, map) &&
                   reap_block_values(b, i, 2, top);

        reap_block_row(b, i, &r);
        wrong += r.key.len != 2 || r.key.data[1] != i || r.crc != 100 + i;
        wrong += r.flags != REAP_FLAG_grey || has != (i != 3);
        wrong += strcmp(r.label, i == 1 ? "cat" : "") != 0;
        wrong += strcmp(r.reason, i == 3 ? "no end" : "") != 0;
        if (!has)
            continue;
        wrong += avg[D - 1] != (float)(i * D + D - 1) / 3;
        wrong += map[5] != (float)(i * 6 + 5);
        wrong += top[0].index != (int32_t)i || top[1].prob != 0.25f;
    }
    ok(!wrong, "%s block gives back keys, texts and values", which);
}

static void check_damage(const uint8_t *bytes, size_t len)
{
    struct reap_block *b = NULL;
    struct reap_err err;
    int opened = 0;

    for (size_t n = 0; n < len; n++) {
        uint8_t *cut = malloc(n ? n : 1); /* ends where a sanitizer looks */

        memcpy(cut, bytes, n);
        opened += !reap_block_open(&b, (struct reap_bytes){ cut, n }, &err);
        reap_block_free(&b);
        free(cut);
    }
    ok(!opened, "no prefix of %zu bytes opens", len);
    for (size_t bit = 0; bit < len * 8; bit++) {
        uint8_t *bad = malloc(len);

        memcpy(bad, bytes, len);
        bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
        opened += !reap_block_open(&b, (struct reap_bytes){ bad, len }, &err);
        reap_block_free(&b);
        free(bad);
    }
    ok(!opened, "no flipped bit goes unnoticed");
}

/* The checksum is no defence against a hostile peer: mend it each time. */
static void check_hostile(const uint8_t *bytes, size_t len)
{
    struct reap_err err;
    size_t opened = 0;

    for (size_t bit = 0; bit < (len - 4) * 8; bit++) {
        struct reap_block *b = NULL;
        uint8_t *bad = malloc(len);
        uint32_t crc;

        memcpy(bad, bytes, len);
        bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
        crc = reap_crc_32c(bad, len - 4);
        memcpy(bad + len - 4, &crc, 4);
        if (!reap_block_open(&b, (struct reap_bytes){ bad, len }, &err)) {
            for (size_t i = 0; i < reap_block_rows(b); i++) {
                const struct reap_schema *s = reap_block_schema(b);
                struct reap_row r;

                reap_block_row(b, i, &r);
                opened += strlen(r.label) + strlen(r.reason) < 1000;
                for (size_t k = 0; k < s->n; k++) {
                    size_t n = reap_column_count(&s->column[k]);
                    float *v = malloc(4 * n);

                    reap_block_values(b, i, k, v);
                    free(v);
                }
            }
        }
        reap_block_free(&b);
        free(bad);
    }
    ok(opened > 0, "mended bytes are read within their bounds");
}

static void check_refusals(void)
{
    struct reap_schema wide = { 1, { { "avg", REAP_COLUMN_F32, 1, 1, 0 } } };
    struct reap_row row = { { (const uint8_t *)"k", 0 }, 0, 0, 0, "", "" };
    struct reap_block *b = NULL;
    struct reap_err err;
    uint8_t *bytes;
    size_t len;

    ok(reap_block_new(&b, &wide, 1, &err) == REAP_EINVAL && !b,
       "a column without values is refused: %s", err.msg);
    wide.column[0].h = wide.column[0].w = wide.column[0].c = 1u << 31;
    ok(reap_block_new(&b, &wide, 1, &err) == REAP_EINVAL, "so is a huge one");
    ok(!reap_block_new(&b, &schema, 1, &err) &&
           reap_block_set(b, 0, &row, NULL, &err) == REAP_EBUG,
       "an ok row needs values");
    row.status = REAP_STATUS_empty;
    ok(reap_block_set(b, 0, &row, NULL, &err) == REAP_EINVAL,
       "a row needs a key: %s", err.msg);
    ok(reap_block_encode(b, &origin, &bytes, &len, &err) == REAP_EBUG && !bytes,
       "a row that was never set: %s", err.msg);
    row.key.len = 1;
    ok(!reap_block_set(b, 0, &row, NULL, &err) &&
           reap_block_set(b, 0, &row, NULL, &err) == REAP_EBUG,
       "a row is set once");
    reap_block_free(&b);
}

static void check_memory(void)
{
    int rc = REAP_ENOMEM;

    for (long i = 1; rc == REAP_ENOMEM && i < 100; i++) {
        struct reap_block *b = NULL;
        struct reap_err err;
        struct reap_row row = { { (const uint8_t *)"k", 1 }, 1, 0, 0, "", "" };
        uint8_t *bytes = NULL;
        size_t len = 0;

        reap_mem_fail_at(i);
        rc = reap_block_new(&b, &schema, 1, &err);
        if (!rc)
            rc = reap_block_set(b, 0, &row, NULL, &err);
        if (!rc)
            rc = reap_block_encode(b, &origin, &bytes, &len, &err);
        reap_block_free(&b);
        if (!rc)
            rc = reap_block_open(&b, (struct reap_bytes){ bytes, len }, &err);
        reap_mem_fail_at(0);
        ok(rc == REAP_OK || rc == REAP_ENOMEM,
           "allocation %ld fails, or is one too many", i);
        reap_block_free(&b);
        reap_free(bytes);
    }
}

int main(void)
{
    struct reap_block *b = make(), *again = NULL;
    const struct reap_origin *o;
    struct reap_err err = { 0 };
    uint8_t *bytes = NULL, *twice = NULL;
    size_t len = 0, len2 = 0;

    check_parts();
    check_upper();
    check_rows(b, "a built");
    ok(!reap_block_encode(b, &origin, &bytes, &len, &err) &&
           !reap_block_encode(b, &origin, &twice, &len2, &err) && len == len2 &&
           !memcmp(bytes, twice, len) && len % 8 == 0,
       "the same rows make the same bytes");
    ok(!reap_block_open(&again, (struct reap_bytes){ bytes, len }, &err),
       "they open again%s", err.msg);
    check_rows(again, "an opened");
    o = reap_block_origin(again);
    ok(reap_schema_equal(reap_block_schema(again), &schema) &&
           o->shard == origin.shard && o->attempt == 3 && o->rank == 2 &&
           !strcmp(o->host, "node7") && !strcmp(o->level, "avx512") &&
           o->seconds == 1.25,
       "columns and origin travel along");
    check_damage(bytes, len);
    check_hostile(bytes, len);
    check_refusals();
    check_memory();
    reap_block_free(&again);
    reap_block_free(&b);
    reap_free(bytes);
    reap_free(twice);
    return done();
}
