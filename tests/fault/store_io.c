/*
 * The n-th write or sync of data.mdb fails, once or from then on, with one
 * error or another, or is cut short. The store says so with the right code,
 * loses nothing that it acknowledged, and the same work done again completes.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/store_help.h"
#include "tests/tap.h"

enum { ROWS = 40, COMMITS = 6 };

static long fail_at, calls; /* counts down from the first call on data.mdb */
static bool for_ever, cut_short;
static int fail_with;

static bool watched(int fd)
{
    char link[64], path[4096];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = '\0';
    return n > 8 && !strcmp(path + n - 8, "data.mdb");
}

static bool fails(int fd)
{
    if (!fail_at || !watched(fd))
        return false;
    calls++;
    if (calls == fail_at || (for_ever && calls > fail_at)) {
        errno = fail_with;
        return true;
    }
    return false;
}

static void *next(const char *name)
{
    void *p = dlsym(RTLD_NEXT, name);

    if (!p)
        abort();
    return p;
}

typedef ssize_t write_at_fn(int, const void *, size_t, off_t);
typedef ssize_t write_vector_fn(int, const struct iovec *, int);
typedef int sync_fn(int);

#define NEXT(type, name)       \
    type *real;                \
    void *found_ = next(name); \
                               \
    memcpy(&real, &found_, sizeof(real))

ssize_t pwrite(int fd, const void *data, size_t len, off_t off)
{
    NEXT(write_at_fn, "pwrite");

    if (fails(fd))
        return cut_short ? real(fd, data, len / 2, off) : -1;
    return real(fd, data, len, off);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off_t off)
{
    return pwrite(fd, data, len, off);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
    NEXT(write_vector_fn, "writev");

    if (fails(fd))
        return cut_short ? real(fd, v, n / 2 ? n / 2 : 1) : -1;
    return real(fd, v, n);
}

int fdatasync(int fd)
{
    NEXT(sync_fn, "fdatasync");

    return fails(fd) ? -1 : real(fd);
}

int fsync(int fd)
{
    NEXT(sync_fn, "fsync");

    return fails(fd) ? -1 : real(fd);
}

/* All the work, from what is there on; '*acked' counts what was acknowledged
 * by this or an earlier run. */
static int work(const char *path, int *acked, struct reap_err *err)
{
    struct reap_store *s = NULL;
    int rc = reap_store_open(&s, path, REAP_STORE_WRITE, &sample_meta, err);

    for (int i = 0; i < COMMITS && !rc; i++) {
        rc = sample_put(s, i * ROWS, i * ROWS + ROWS, 0, false, err);
        if (!rc && i >= *acked)
            *acked = i + 1;
    }
    if (!rc)
        rc = reap_store_mark_complete(s, 0, COMMITS * ROWS, err);
    reap_store_close(&s);
    return rc;
}

static void hush(void *ctx, const char *line)
{
    (void)ctx;
    printf("# %s\n", line);
}

static bool sound(const char *path, int acked, struct reap_err *err)
{
    struct reap_store_checked c = { .problems = 1 };
    struct reap_store *s = NULL;
    int rc = reap_store_open(&s, path, REAP_STORE_READ, NULL, err);
    bool good = false;

    if (rc)
        return !acked; /* it failed before there was a store */
    rc = reap_store_check(s, hush, NULL, &c, err);
    good = !rc && !c.problems && sample_check(s, 0) >= (long)acked * ROWS;
    reap_store_close(&s);
    return good;
}

static void check(const char *how)
{
    int wrong_code = 0, unsound = 0, unfinished = 0, rc = REAP_EIO;
    long n;

    for (n = 1; rc && n < 200; n++) {
        struct reap_err err = { 0 };
        char name[32];
        int acked = 0;

        snprintf(name, sizeof(name), "%s%ld", how, n);
        for (char *p = name; *p; p++)
            *p = *p == ' ' ? '_' : *p;
        calls = 0;
        fail_at = n;
        rc = work(scratch(name), &acked, &err);
        fail_at = 0;
        if (rc && rc != REAP_EIO) {
            wrong_code++;
            printf("# call %ld: %d %s\n", n, rc, err.msg);
        }
        unsound += !sound(scratch(name), acked, &err);
        if (work(scratch(name), &acked, &err) ||
            !sound(scratch(name), COMMITS, &err)) {
            unfinished++;
            printf("# call %ld again: %s\n", n, err.msg);
        }
    }
    ok(n > 10 && !rc, "%s: %ld calls failed, one after the other", how, n - 2);
    ok(!wrong_code, "%s: each is an I/O error", how);
    ok(!unsound, "%s: the store is sound and has what was acknowledged", how);
    ok(!unfinished, "%s: and the same work again completes", how);
}

int main(void)
{
    scratch_new();
    fail_with = ENOSPC;
    check("full once");
    for_ever = true;
    check("full for ever");
    fail_with = EIO;
    check("broken for ever");
    for_ever = false;
    check("broken once");
    cut_short = true;
    check("cut short");
    scratch_delete();
    return done();
}
