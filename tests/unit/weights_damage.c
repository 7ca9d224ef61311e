/*
 * Damaged weights files that reap reads by itself (safetensors, and PyTorch's
 * two containers): which are refused, and what is read of the others, stays as
 * it is. The sums were made by reap, not by others: they notice a change, and
 * where one is meant the sum is set anew. Files of HDF5 are left to its
 * library.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "io/weights/weights.h"
#include "tests/sample.h"
#include "tests/tap.h"

enum { POSITIONS = 400 };

/* What became of each file, one after the other. */
struct tally {
    uint8_t data[1 << 20];
    size_t n, files, fine;
};

static void note(struct tally *t, const void *what, size_t n)
{
    if (t->n + n > sizeof(t->data))
        abort();
    memcpy(t->data + t->n, what, n);
    t->n += n;
}

static void note_tensors(struct tally *t, const struct reap_weights *w)
{
    for (size_t i = 0; i < reap_params_count(w->params); i++) {
        const struct reap_param *p = reap_params_at(w->params, i);
        char sum[65];

        note(t, p->name, strlen(p->name) + 1);
        for (size_t d = 0; d < p->rank; d++)
            note(t, &(uint32_t){ (uint32_t)p->dim[d] }, 4);
        sample_sum(p->data, p->count * sizeof(float), sum);
        note(t, sum, 16);
    }
}

static void parse(struct tally *t, const uint8_t *data, size_t n)
{
    struct reap_weights *w = NULL;
    struct reap_err err = { 0 };
    uint8_t *copy = malloc(n + 1); /* a sanitizer sees a read past it */
    const int rc = reap_weights_parse(
        &w, (struct reap_bytes){ memcpy(copy, data, n), n }, &err);

    note(t, &(int32_t){ rc }, 4);
    if (!rc)
        note_tensors(t, w);
    else if (w || !*err.msg)
        ok(0, "a refused file has a reason, and gives nothing");
    t->files++;
    t->fine += !rc;
    reap_weights_free(&w);
    free(copy);
}

static void damage(const char *name, uint8_t *data, size_t whole,
                   const char *want)
{
    static const uint8_t masks[] = { 0x01, 0x20, 0xff };
    static struct tally t;
    const size_t step = whole / POSITIONS + 1;
    char sum[65];

    t.n = t.files = t.fine = 0;
    parse(&t, data, whole);
    ok(t.fine == 1, "%s is read", name);
    for (size_t i = 0; i < whole; i += step) {
        for (size_t m = 0; m < sizeof(masks); m++) {
            data[i] ^= masks[m];
            parse(&t, data, whole);
            data[i] ^= masks[m];
        }
        parse(&t, data, i);
    }
    sample_sum(t.data, t.n, sum);
    ok(!strcmp(sum, want), "%s: %zu damaged ones, %zu of them read: %s", name,
       t.files - 1, t.fine - 1, sum);
}

static void file(const char *name, const char *want)
{
    char path[100];
    struct reap_bytes b;

    snprintf(path, sizeof(path), "../../samples/%s", name);
    b = sample_read(path);
    damage(name, (uint8_t *)(uintptr_t)b.data, b.len, want);
    free((void *)(uintptr_t)b.data);
}

/* Two tensors of each type of number, and notes. */
static void safetensors(const char *want)
{
    static const char head[] =
        "{\"__metadata__\":{\"format\":\"pt\",\"a\":\"b\\u00e9\\\"\"},"
        "\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],"
        "\"data_offsets\":[0,24]},"
        "\"fc.bias\":{\"dtype\":\"F16\",\"shape\":[2],"
        "\"data_offsets\":[24,28]},"
        "\"conv.weight\":{\"dtype\":\"BF16\",\"shape\":[1,2,1,1],"
        "\"data_offsets\":[28,32]},"
        "\"n\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[32,40]},"
        "\"d\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[40,48]}}";
    uint8_t f[8 + sizeof(head) + 48] = { 0 };
    const size_t n = sizeof(head) - 1;

    f[0] = (uint8_t)n;
    f[1] = (uint8_t)(n >> 8);
    memcpy(f + 8, head, n);
    for (size_t i = 0; i < 48; i++)
        f[8 + n + i] = (uint8_t)(i * 5 + 1);
    damage("safetensors", f, 8 + n + 48, want);
}

int main(void)
{
    safetensors(
        "b4376a1eb762cd9001f314792fb2259b0ca74c77123779c4a7fc40879966f400");
    file("plain.pth",
         "103892abeff74e2e74673da4d07412658dbfa50859cb8b2f872d42476e83d9d3");
    file("plain_legacy.pth",
         "12dd68fd5abcf03a41d61db347f8c0da05dc75325ecb96792a83fcd2ba74dbf9");
    file("checkpoint.pth",
         "6bff918d834f1918e7500113fb9fa6ee678930dac85b3b3b300b40c382494911");
    file("checkpoint_legacy.pth",
         "9c4ce0a8a4bdd63b2d39eef59f6ee78feb239eb01fdf862365eb0a0bdce2f145");
    return done();
}
