/* Weights files by content: what is read, and what is refused with a reason. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/cache/hash_memo.h"
#include "io/file/le.h"
#include "io/weights/weights.h"
#include "tests/tap.h"

static char dir[64];

static const char *put(const char *name, const void *bytes, size_t n)
{
    static char path[128];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
        abort();
    close(fd);
    return path;
}

/* A safetensors file with this header and 'body' bytes 0, 1, 2, ... */
static size_t compose(uint8_t *to, const char *header, size_t body)
{
    const size_t n = strlen(header);

    reap_le_put64(to, n);
    memcpy(to + 8, header, n);
    for (size_t i = 0; i < body; i++)
        to[8 + n + i] = (uint8_t)i;
    return 8 + n + body;
}

static const char good[] =
    "{\"__metadata__\":{\"preset\":\"unit\",\"labels\":\"[\\\"a\\\",\\\"b\\\"]"
    "\"},"
    "\"module.fc.bias\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[16,"
    "22]},\"module.fc.weight\":{\"dtype\":\"F32\",\"shape\":[2,2],"
    "\"data_offsets\":[0,16]}}";

static void reads(void)
{
    struct reap_weights *w = NULL;
    const struct reap_param *p;
    struct reap_err err = { 0 };
    uint8_t file[1024];
    size_t n = compose(file, good, 22);

    ok(reap_weights_read(&w, put("a.bin", file, n), &err) == REAP_OK,
       "safetensors is read, whatever its name: %s", err.msg);
    if (!w)
        return;
    ok(!strcmp(w->format, "safetensors") && !strcmp(w->preset, "unit") &&
           strlen(w->sha256) == 64,
       "format, preset and hash are told");
    ok(w->n_labels == 2 && !strcmp(w->labels[1], "b"), "labels are told");
    p = reap_params_find(w->params, "fc.weight");
    ok(p && p->rank == 2 && p->count == 4 &&
           !memcmp(p->data, file + n - 22, 16),
       "numbers are the file's, the prefix is gone");
    p = reap_params_find(w->params, "fc.bias");
    ok(p && p->count == 3 && p->data[0] == 1.265625f * 0x1p-11f,
       "half precision is widened");
    reap_weights_free(&w);
}

/* Opened twice, the second time by the hash that was remembered: only then is
 * that of another file believed, which shows that nothing was hashed. */
static void opens(void)
{
    char cache[200];
    const char *path;
    struct reap_weights *w[2] = { NULL };
    const struct reap_param *p;
    struct stat st;
    uint8_t file[1024];
    size_t n = compose(file, good, 22);
    int rc;

    snprintf(cache, sizeof(cache), "%s/cache", dir);
    setenv("REAP_CACHE", cache, 1);
    path = put("later", file, n);
    rc = reap_weights_open(&w[0], path, true, NULL);
    sleep(3); /* a file just written is not remembered */
    if (!rc)
        rc = stat(path, &st);
    if (!rc) {
        char other[65];

        memset(other, 'e', 64);
        other[64] = '\0';
        reap_hash_memo_put(&st, other, "safetensors");
        rc = reap_weights_open(&w[1], path, true, NULL);
        ok(!rc && !strcmp(w[1]->sha256, other), "a remembered hash is taken");
    }
    p = w[1] ? reap_params_find(w[1]->params, "fc.weight") : NULL;
    ok(p && !p->data && w[1]->n_labels == 2, "the head of the file is read");
    ok(p && !reap_params_need(w[1]->params, p, NULL) &&
           !memcmp(p->data, file + n - 22, 16),
       "and numbers when they are needed");
    p = w[1] ? reap_params_find(w[1]->params, "fc.bias") : NULL;
    ok(p && !truncate(path, (off_t)n - 3) &&
           reap_params_need(w[1]->params, p, NULL) == REAP_EIO,
       "a file that was cut meanwhile is an error");
    reap_weights_free(&w[0]);
    ok(reap_weights_open(&w[0], path, true, NULL) == REAP_EFORMAT,
       "and its old hash is forgotten");
    for (int i = 0; i < 2; i++)
        reap_weights_free(&w[i]);
}

static void refuses(const char *header, size_t body, const char *says)
{
    struct reap_weights *w = NULL;
    struct reap_err err = { 0 };
    uint8_t file[1024];
    size_t n = compose(file, header, body);
    int rc = reap_weights_read(&w, put("bad", file, n), &err);

    ok(rc == REAP_EFORMAT && !w && strstr(err.msg, says), "refused: %s",
       rc ? err.msg : "nothing");
}

#define T(dtype, shape, at)                                                   \
    "\"t\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" at \
    "}"

static void refusals(void)
{
    refuses("{" T("F32", "[2]", "[0,8]") "}", 7, "not in the file");
    refuses("{" T("F32", "[2]", "[0,8]") "}", 9, "after the last");
    refuses("{" T("F32", "[2]", "[4,12]") "}", 12, "a hole");
    refuses("{" T("F32", "[2]", "[0,8]") ",\"u\":{\"dtype\":\"F32\",\"shape\":"
                                         "[2],\"data_offsets\":[4,12]}}",
            12, "overlap");
    refuses("{" T("F32", "[2]", "[0,8]") "," T("F32", "[2]", "[8,16]") "}", 16,
            "duplicate");
    refuses("{" T("F32", "[3]", "[0,8]") "}", 8, "8 bytes for 3 numbers");
    refuses("{" T("I8", "[8]", "[0,8]") "}", 8, "dtype I8");
    refuses("{" T("F32", "[-2]", "[0,8]") "}", 8, "shape");
    refuses("{" T("F32", "[9223372036854775807,4]", "[0,8]") "}", 8,
            "more numbers");
    refuses("{" T("F32", "[1,1,1,1,1,1,2]", "[0,8]") "}", 8, "shape");
    refuses("{" T("F32", "[2]", "[8,0]") "}", 8, "not in the file");
    refuses("{\"__metadata__\":{\"a\":1}}", 0, "a string is expected");
    refuses("{\"__metadata__\":{}}", 0, "no tensors");
    refuses("{\"t\":", 0, "header, byte");
    refuses("{\"a\":{},", 0, "header, byte");
}

static void strangers(void)
{
    struct reap_weights *w = NULL;
    struct reap_err err = { 0 };
    char path[128];

    snprintf(path, sizeof(path), "%s/none", dir);
    ok(reap_weights_read(&w, path, &err) == REAP_ENOTFOUND, "%s", err.msg);
    ok(reap_weights_read(&w, dir, &err) == REAP_EFORMAT &&
           strstr(err.msg, "directory"),
       "%s", err.msg);
    ok(reap_weights_read(&w, put("empty", "", 0), &err) == REAP_ENOTFOUND, "%s",
       err.msg);
    ok(reap_weights_read(&w, put("x", "hello", 5), &err) == REAP_EFORMAT, "%s",
       err.msg);
    ok(reap_weights_read(&w, put("p", "\x80\x04\x95", 3), &err) ==
               REAP_EFORMAT &&
           strstr(err.msg, "state_dict"),
       "%s", err.msg);
    put("shut", "hello", 5);
    snprintf(path, sizeof(path), "%s/shut", dir);
    chmod(path, 0);
    if (!geteuid())
        skip("root reads what nobody may");
    else
        ok(reap_weights_read(&w, path, &err) == REAP_EACCESS, "%s", err.msg);
}

/* Cut at every byte and with every bit flipped: an answer, never a crash. */
static void hostile(void)
{
    struct reap_weights *w = NULL;
    uint8_t file[1024];
    size_t n = compose(file, good, 22), refused = 0;

    for (size_t i = 0; i < n; i++) {
        refused += reap_weights_read(&w, put("cut", file, i), NULL) != REAP_OK;
        reap_weights_free(&w);
    }
    ok(refused == n, "each of %zu prefixes is refused", n);
    for (size_t i = 0; i < n * 8; i++) {
        file[i / 8] ^= (uint8_t)(1 << i % 8);
        if (reap_weights_read(&w, put("flip", file, n), NULL))
            refused++;
        reap_weights_free(&w);
        file[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    ok(refused > n, "%zu flipped bits: read or refused", n * 8);
}

static void no_memory(void)
{
    struct reap_weights *w = NULL;
    uint8_t file[1024];
    const char *path = put("mem", file, compose(file, good, 22));
    int rc = REAP_ENOMEM;
    long i;

    for (i = 1; rc == REAP_ENOMEM && i < 200; i++) {
        reap_mem_fail_at(i);
        rc = reap_weights_read(&w, path, NULL);
        if (rc && (rc != REAP_ENOMEM || w))
            break;
    }
    reap_mem_fail_at(0);
    ok(rc == REAP_OK, "each of %ld allocations may fail", i - 2);
    reap_weights_free(&w);
}

int main(void)
{
    char rm[128];

    strcpy(dir, "/tmp/reap-weights-XXXXXX");
    if (!mkdtemp(dir))
        return 1;
    reads();
    opens();
    refusals();
    strangers();
    hostile();
    no_memory();
    snprintf(rm, sizeof(rm), "rm -rf %s", dir);
    return system(rm) || done();
}
