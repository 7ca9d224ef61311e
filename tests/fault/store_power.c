/*
 * Power cuts. The calls by which LMDB writes and syncs data.mdb are logged by
 * this program, which stands before the C library; then the file is made anew
 * as a cut at a random event may have left it: what was synced is there, and
 * of what was written after the last sync each sector of 512 bytes is there
 * or not, by chance. The store must open, be sound, and hold all that had been
 * acknowledged. REAP_CUTS=N for another number than 400, REAP_SEED for others.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "tests/store_help.h"
#include "tests/tap.h"

enum { SECTOR = 512, ROWS = 60, COMMITS = 60, MAX_EVENTS = 100000 };

enum kind { WRITE, SYNC, ACK };

static struct event {
    enum kind kind;
    bool durable; /* a write through a descriptor that syncs each */
    size_t off, len;
    unsigned char *data;
} event[MAX_EVENTS];
static size_t n_events;
static bool logging;

static bool watched(int fd)
{
    char link[64], path[4096];
    ssize_t n;

    if (!logging)
        return false;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = '\0';
    return n > 8 && !strcmp(path + n - 8, "data.mdb");
}

static void note(enum kind kind, bool durable, size_t off, const void *data,
                 size_t len)
{
    struct event *e = &event[n_events];

    if (n_events == MAX_EVENTS)
        abort();
    *e = (struct event){ kind, durable, off, len, NULL };
    if (len) {
        e->data = malloc(len);
        if (!e->data)
            abort();
        memcpy(e->data, data, len);
    }
    n_events++;
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
typedef ssize_t write_vector_at_fn(int, const struct iovec *, int, off_t);
typedef int sync_fn(int);

#define NEXT(type, name)       \
    type *real;                \
    void *found_ = next(name); \
                               \
    memcpy(&real, &found_, sizeof(real))

ssize_t pwrite(int fd, const void *data, size_t len, off_t off)
{
    NEXT(write_at_fn, "pwrite");
    ssize_t n = real(fd, data, len, off);

    if (n > 0 && watched(fd))
        note(WRITE, fcntl(fd, F_GETFL) & O_DSYNC, (size_t)off, data, (size_t)n);
    return n;
}

ssize_t pwrite64(int fd, const void *data, size_t len, off_t off)
{
    return pwrite(fd, data, len, off);
}

static void note_vector(int fd, const struct iovec *v, int n, size_t off)
{
    for (int i = 0; i < n; i++) {
        note(WRITE, fcntl(fd, F_GETFL) & O_DSYNC, off, v[i].iov_base,
             v[i].iov_len);
        off += v[i].iov_len;
    }
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
    NEXT(write_vector_fn, "writev");
    off_t off = watched(fd) ? lseek(fd, 0, SEEK_CUR) : -1;
    ssize_t done = real(fd, v, n);

    if (off >= 0 && done > 0)
        note_vector(fd, v, n, (size_t)off);
    return done;
}

ssize_t pwritev(int fd, const struct iovec *v, int n, off_t off)
{
    NEXT(write_vector_at_fn, "pwritev");
    ssize_t done = real(fd, v, n, off);

    if (done > 0 && watched(fd))
        note_vector(fd, v, n, (size_t)off);
    return done;
}

int fdatasync(int fd)
{
    NEXT(sync_fn, "fdatasync");
    int rc = real(fd);

    if (!rc && watched(fd))
        note(SYNC, false, 0, NULL, 0);
    return rc;
}

int fsync(int fd)
{
    NEXT(sync_fn, "fsync");
    int rc = real(fd);

    if (!rc && watched(fd))
        note(SYNC, false, 0, NULL, 0);
    return rc;
}

/* A file as it may lie on the disk. */
static unsigned char image[64 << 20];
static size_t image_len;

static void put(const struct event *e, size_t from, size_t to)
{
    if (e->off + to > sizeof(image))
        abort();
    memcpy(image + e->off + from, e->data + from, to - from);
    if (image_len < e->off + to)
        image_len = e->off + to;
}

static void put_by_chance(const struct event *e)
{
    for (size_t at = 0; at < e->len;) {
        size_t end = (e->off + at) / SECTOR * SECTOR + SECTOR - e->off;

        end = end < e->len ? end : e->len;
        if (rand() & 1)
            put(e, at, end);
        at = end;
    }
}

/* Cut the power during event 'last'; returns the acknowledged commits. */
static int cut(size_t last)
{
    size_t synced = 0;
    int acked = 0;

    memset(image, 0, image_len);
    image_len = 0;
    for (size_t i = 0; i < last; i++)
        if (event[i].kind == SYNC)
            synced = i;
        else if (event[i].kind == ACK)
            acked++;
    for (size_t i = 0; i <= last; i++)
        if (event[i].kind == WRITE &&
            (i < synced || (event[i].durable && i < last)))
            put(&event[i], 0, event[i].len);
        else if (event[i].kind == WRITE)
            put_by_chance(&event[i]);
    image_len = (image_len + 4095) / 4096 * 4096;
    return acked;
}

static void write_image(void)
{
    FILE *f = fopen(scratch("cut/data.mdb"), "wb");

    if (!f || fwrite(image, 1, image_len, f) != image_len)
        abort();
    fclose(f);
    unlink(scratch("cut/lock.mdb"));
}

static void hush(void *ctx, const char *line)
{
    (void)ctx;
    printf("# %s\n", line);
}

/* In a child, in case it dies: 0 sound, 1 something acknowledged is missing,
 * 2 not sound. */
static int inspect(int acked)
{
    struct reap_store_checked c = { .problems = 1 };
    struct reap_store *s = NULL;
    struct reap_err err = { 0 };
    const char *path = scratch("cut");
    int rc = reap_store_open(&s, path, REAP_STORE_WRITE, &sample_meta, &err);
    long rows = rc ? -1 : sample_check(s, 0);

    reap_store_close(&s);
    if (!rc)
        rc = reap_store_open(&s, path, REAP_STORE_READ, NULL, &err);
    if (!rc)
        rc = reap_store_check(s, hush, NULL, &c, &err);
    reap_store_close(&s);
    if (rc || rows < 0 || rows % ROWS || c.problems)
        printf("# %ld rows, %s\n", rows, err.msg);
    fflush(stdout);
    return rc || rows < 0 || rows % ROWS || c.problems ? 2
           : rows < (long)acked * ROWS                 ? 1
                                                       : 0;
}

/* Commits of blocks; one in three replaces, so that pages are reused. */
static int make_log(struct reap_err *err)
{
    struct reap_store *s = NULL;
    int rc = reap_store_open(&s, scratch("store"), REAP_STORE_WRITE,
                             &sample_meta, err);

    logging = true;
    if (!rc) /* what lies there already is the first event */
        rc = sample_put(s, 0, ROWS, 0, true, err);
    note(ACK, false, 0, NULL, 0);
    for (int i = 1; i < COMMITS && !rc; i++) {
        rc = sample_put(s, i * ROWS, i * ROWS + ROWS, 0, false, err);
        if (!rc && i % 3 == 0)
            rc = sample_put(s, i / 2 * ROWS, i / 2 * ROWS + ROWS, 0, true, err);
        note(ACK, false, 0, NULL, 0);
    }
    logging = false;
    reap_store_close(&s);
    return rc;
}

/* What was in the file before the log began. */
static void note_start(const char *path)
{
    static unsigned char start[1 << 20];
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(start, 1, sizeof(start), f) : 0;

    if (f)
        fclose(f);
    note(WRITE, false, 0, start, n);
    note(SYNC, false, 0, NULL, 0);
}

int main(void)
{
    const char *cuts = getenv("REAP_CUTS"), *seed = getenv("REAP_SEED");
    int n = cuts ? atoi(cuts) : 400, count[3] = { 0 };
    struct reap_store *s = NULL;
    struct reap_err err = { 0 };
    int rc;

    srand(seed ? (unsigned)atoi(seed) : 1);
    printf("# seed %s\n", seed ? seed : "1");
    scratch_new();
    mkdir(scratch("cut"), 0777);
    fclose(fopen(scratch("cut/reap.lock"), "w"));
    rc = reap_store_open(&s, scratch("store"), REAP_STORE_WRITE, &sample_meta,
                         &err);
    reap_store_close(&s);
    note_start(scratch("store/data.mdb"));
    if (!rc)
        rc = make_log(&err);
    ok(!rc && n_events > 5 * COMMITS, "%zu writes and syncs are logged%s",
       n_events, err.msg);
    for (int i = 0; i < n && !rc; i++) {
        int acked = cut(2 + (size_t)rand() % (n_events - 2)), status;
        pid_t pid;

        write_image();
        fflush(stdout);
        pid = fork();
        if (!pid)
            _exit(inspect(acked));
        waitpid(pid, &status, 0);
        count[WIFEXITED(status) && WEXITSTATUS(status) < 2 ? WEXITSTATUS(status)
                                                           : 2]++;
    }
    ok(count[2] == 0, "%d cuts, %d stores not sound", n, count[2]);
    ok(count[1] == 0, "%d lost what was acknowledged", count[1]);
    for (size_t i = 0; i < n_events; i++)
        free(event[i].data);
    scratch_delete();
    return done();
}
