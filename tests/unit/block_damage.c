/*
 * Damaged blocks whose checksum is right, as only an attacker or a bug makes
 * them, and damaged messages: what is refused, and what is read of the others,
 * stays as it is. The sums were made by reap, not by others: they notice a
 * change, and where one is meant the sum is set anew.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/wire.h"
#include "engine/base/mem.h"
#include "io/file/crc.h"
#include "io/file/le.h"
#include "tests/sample.h"
#include "tests/store_help.h"
#include "tests/tap.h"

static char *said;
static size_t n_said;
static FILE *out;

static void begin(void)
{
    out = open_memstream(&said, &n_said);
    if (!out)
        abort();
}

static void end(const char *what, const char *want)
{
    char sum[65];

    fclose(out);
    sample_sum(said, n_said, sum);
    ok(!strcmp(sum, want), "%s: %s", what, sum);
    free(said);
}

static void say_bytes(struct reap_bytes b)
{
    fprintf(out, "%zu:", b.len);
    if (b.len)
        fwrite(b.data, 1, b.len, out);
}

/* All that a block says. */
static void say_block(const struct reap_block *b)
{
    const struct reap_schema *s = reap_block_schema(b);
    const struct reap_origin *o = reap_block_origin(b);

    fprintf(out, "%zu %llu %u %u %s %s %g", reap_block_rows(b),
            (unsigned long long)o->shard, o->attempt, o->rank, o->host,
            o->level, o->seconds);
    for (uint32_t c = 0; c < s->n; c++)
        fprintf(out, " %s %u %u %u %u", s->column[c].name, s->column[c].kind,
                s->column[c].h, s->column[c].w, s->column[c].c);
    for (size_t i = 0; i < reap_block_rows(b); i++) {
        struct reap_row r;

        reap_block_row(b, i, &r);
        say_bytes(r.key);
        fprintf(out, " %u %u %u %s %s", r.status, r.flags, r.crc, r.label,
                r.reason);
        for (uint32_t c = 0; c < s->n; c++) {
            const size_t n = reap_column_count(&s->column[c]);
            uint32_t *v = calloc(n + 1, sizeof(*v));

            if (reap_block_values(b, i, c, v))
                say_bytes((struct reap_bytes){ (uint8_t *)v, n * 4 });
            putc(reap_block_stored(b, i, c) ? '+' : '-', out);
            free(v);
        }
    }
}

static size_t opened;

/* A copy on the heap: a sanitizer sees a read past it. */
static void open_block(const uint8_t *data, size_t n)
{
    uint8_t *copy = malloc(n + 1);
    struct reap_block *b = NULL;
    int rc;

    memcpy(copy, data, n);
    if (n >= 4)
        reap_le_put32(copy + n - 4, reap_crc_32c(copy, n - 4));
    rc = reap_block_open(&b, (struct reap_bytes){ copy, n }, NULL);
    fprintf(out, "%d", rc);
    if (!rc)
        say_block(b);
    opened += !rc;
    putc('\n', out);
    reap_block_free(&b);
    free(copy);
}

static void blocks(const char *want)
{
    static const uint8_t masks[] = { 0x01, 0x04, 0x80, 0xff };
    const struct reap_bytes b = sample_block(0, 9, 0.5f);
    uint8_t *p = (uint8_t *)(uintptr_t)b.data;

    begin();
    opened = 0;
    open_block(p, b.len);
    ok(opened == 1, "a block of %zu bytes is read", b.len);
    for (size_t i = 0; i < b.len; i++) {
        for (size_t m = 0; m < sizeof(masks); m++) {
            p[i] ^= masks[m];
            open_block(p, b.len);
            p[i] ^= masks[m];
        }
        open_block(p, i);
    }
    ok(opened > 100 && opened < b.len * 5, "%zu damaged ones are read", opened);
    end("blocks", want);
    reap_free(p);
}

static void take_apart(const uint8_t *data, size_t n)
{
    uint8_t *copy = malloc(n + 1);
    struct reap_message m = { 0 };
    char text[12];
    int rc;

    memcpy(copy, data, n);
    rc = reap_wire_decode(&m, copy, n, NULL);
    fprintf(out, "%d", rc);
    if (!rc) {
        fprintf(out, " %s", reap_wire_name(m.type));
        for (size_t i = 0; i < REAP_WIRE_NUMBERS; i++)
            fprintf(out, " %llu", (unsigned long long)m.number[i]);
        for (size_t i = 0; i < REAP_WIRE_TEXTS; i++) {
            say_bytes(m.text[i]);
            fprintf(out, "%s", reap_wire_text(&m, i, text, sizeof(text)));
        }
    }
    putc('\n', out);
    free(copy);
}

static void messages(const char *want)
{
    static const uint8_t masks[] = { 0x01, 0x02, 0x08, 0x80 };

    begin();
    for (int type = 0; type < REAP_N_MESSAGES; type++) {
        struct reap_message m = { .type = (enum reap_message_type)type };
        uint8_t data[300];
        size_t n;

        for (size_t i = 0; i < REAP_WIRE_NUMBERS; i++)
            m.number[i] = 1000 * (i + 1);
        m.text[0] = (struct reap_bytes){ (const uint8_t *)"key", 3 };
        m.text[1] = (struct reap_bytes){ (const uint8_t *)"", 0 };
        m.text[2] = (struct reap_bytes){ (const uint8_t *)"a longer one", 12 };
        n = reap_wire_size(&m);
        if (!n || n > sizeof(data))
            abort();
        reap_wire_encode(&m, data);
        take_apart(data, n);
        for (size_t i = 0; i < n; i++) {
            for (size_t k = 0; k < sizeof(masks); k++) {
                data[i] ^= masks[k];
                take_apart(data, n);
                data[i] ^= masks[k];
            }
            take_apart(data, i);
        }
        data[n] = 0;
        take_apart(data, n + 1);
    }
    end("messages", want);
}

int main(void)
{
    blocks("70e2dc51d5395a1a1f438858b46fda2b2c9f86ae3e2ec6e5c13a8d14d9b5af70");
    messages(
        "19153b828b89e5dfbb4c0b2dd1c95476d797ff4ef82c7632cd2a0b322445edba");
    return done();
}
