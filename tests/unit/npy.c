/* Headers as NumPy wants them; nothing is left behind by what fails. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/out/npy.h"
#include "tests/tap.h"

static size_t slurp(const char *path, char *buf, size_t room)
{
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(buf, 1, room, f) : 0;

    if (f)
        fclose(f);
    return n;
}

static void good(const char *path, size_t dims, const char *want)
{
    const size_t shape[] = { 0, 3, 2 };
    const float x[12] = { 1, 2, 3 };
    size_t values = dims == 1 ? 2 : dims == 2 ? 6 : 12, n;
    struct reap_npy *npy = NULL;
    char buf[1024];
    int rc = reap_npy_open(&npy, path, "<f4", dims, shape, NULL);

    if (!rc)
        rc = reap_npy_write(npy, x, values * 4, NULL);
    if (!rc)
        rc = reap_npy_commit(&npy, 2, NULL);
    n = slurp(path, buf, sizeof(buf) - 1);
    buf[n] = '\0';
    ok(!rc && !npy && n == 256 + values * 4, "%zu dimensions are written",
       dims);
    ok(n > 255 && !memcmp(buf, "\x93NUMPY\1\0\xf6\0", 10) && buf[255] == '\n',
       "magic, version and length");
    buf[255] = '\0';
    ok(strstr(buf + 10, want) != NULL, "header has %s", want);
    ok(!memcmp(buf + 256, x, values * 4), "data follow");
    unlink(path);
}

int main(void)
{
    char dir[] = "/tmp/reap-npy-XXXXXX", path[64], no[80];
    const size_t shape[] = { 1, 3 };
    struct reap_npy *npy = NULL;
    struct reap_err err = { 0 };

    if (!mkdtemp(dir))
        return 1;
    snprintf(path, sizeof(path), "%s/a.npy", dir);
    snprintf(no, sizeof(no), "%s/no/a.npy", dir);
    good(path, 1, "'shape': (2,), }");
    good(path, 2, "'shape': (2, 3), }");
    good(path, 3, "'shape': (2, 3, 2), }");
    ok(reap_npy_open(&npy, no, "|u1", 2, shape, &err) == REAP_ECREATE && !npy,
       "a missing folder is refused: %s", err.msg);
    ok(reap_npy_open(&npy, dir, "|u1", 2, shape, &err) == REAP_ECREATE && !npy,
       "a folder is no file: %s", err.msg);
    ok(reap_npy_open(&npy, path, "|u1", 9, shape, &err) == REAP_EINVAL,
       "nine dimensions are refused");
    ok(!reap_npy_open(&npy, path, "|u1", 2, shape, &err) &&
           !reap_npy_write(npy, "ab", 2, &err) &&
           reap_npy_commit(&npy, 1, &err) == REAP_EBUG && !npy,
       "too few bytes are a bug: %s", err.msg);
    ok(!reap_npy_open(&npy, path, "|u1", 2, shape, &err), "open and");
    reap_npy_abort(&npy);
    ok(!npy && rmdir(dir) == 0, "abort leaves nothing behind");
    return done();
}
