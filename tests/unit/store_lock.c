/* One run at a time: the living hold a store, the dead do not. Also kill -9
 * between and during commits, and what a full disk leaves. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "io/file/status.h"
#include "tests/store_help.h"
#include "tests/tap.h"

static int open_write(struct reap_store **s, const char *path,
                      struct reap_err *err)
{
    return reap_store_open(s, path, REAP_STORE_WRITE, &sample_meta, err);
}

/* A child that opens the store, says so by a byte, and waits to be killed;
 * with 'busy' it commits blocks as fast as it can and says each number. */
static pid_t start_holder(const char *path, bool busy, int *from)
{
    int pipes[2];
    pid_t pid;

    if (pipe(pipes))
        return -1;
    fflush(stdout); /* or the child would have a copy of it */
    pid = fork();
    if (!pid) {
        struct reap_store *s = NULL;
        struct reap_err err = { 0 };
        int rc = open_write(&s, path, &err), n = 0;

        while (!rc && busy) {
            rc = sample_put(s, n, n + 20, 0, false, &err);
            n += 20;
            if (write(pipes[1], &n, sizeof(n)) < 0)
                _exit(2);
        }
        if (rc || write(pipes[1], &n, sizeof(n)) < 0)
            _exit(1);
        for (;;)
            pause();
    }
    close(pipes[1]);
    *from = pipes[0];
    return pid;
}

static void stop(pid_t pid, int from)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(from);
}

static void check_holder(const char *how)
{
    const char *path = scratch(how);
    struct reap_store *s = NULL;
    struct reap_err err = { 0 };
    char who[32];
    int from, n;
    pid_t pid = start_holder(path, false, &from);

    ok(read(from, &n, sizeof(n)) == sizeof(n), "%s: a run holds the store",
       how);
    snprintf(who, sizeof(who), "process %ld", (long)pid);
    ok(open_write(&s, path, &err) == REAP_ECREATE && !s &&
           strstr(err.msg, "held by another run") && strstr(err.msg, who),
       "%s: a second one is told by whom: %s", how, err.msg);
    if (!strcmp(how, "file"))
        ok(reap_store_open(&s, path, REAP_STORE_READ, NULL, &err) ==
               REAP_ECREATE,
           "%s: without locks nobody may look meanwhile: %s", how, err.msg);
    else
        ok(!reap_store_open(&s, path, REAP_STORE_READ, NULL, &err),
           "%s: a reader may look", how);
    reap_store_close(&s);
    stop(pid, from);
    ok(!open_write(&s, path, &err), "%s: a dead holder is none%s", how,
       err.msg);
    ok(!sample_put(s, 0, 10, 0, false, &err) && sample_check(s, 0) == 10,
       "%s: and the store works on", how);
    reap_store_close(&s);
    ok(access(scratch("file/reap.held"), F_OK) != 0, "%s: no lock file is left",
       how);
    ok(!reap_store_open(&s, path, REAP_STORE_READ, NULL, &err) &&
           sample_check(s, 0) == 10,
       "%s: and may be read%s", how, err.msg);
    reap_store_close(&s);
}

/* A holder on another host counts as dead after 30 s without a sign. */
static void check_stranger(void)
{
    const char *text = "host=far\nboot=1\nspace=2\npid=3\nstart=4\nbeat=5\n";
    struct timespec old[2] = { { .tv_nsec = UTIME_NOW }, { 0, 0 } };
    struct reap_store *s = NULL;
    struct reap_err err = { 0 };
    int fd;

    ok(!open_write(&s, scratch("far"), &err), "a store of another host");
    reap_store_close(&s);
    fd = open(scratch("far/reap.held"), O_WRONLY | O_CREAT, 0666);
    ok(write(fd, text, strlen(text)) > 0 &&
           open_write(&s, scratch("far"), &err) == REAP_ECREATE &&
           strstr(err.msg, "host far, process 3"),
       "is held: %s", err.msg);
    old[1].tv_sec = time(NULL) - 60;
    futimens(fd, old);
    close(fd);
    ok(!open_write(&s, scratch("far"), &err), "until it is silent%s", err.msg);
    unlink(scratch("far/reap.held"));
    ok(sample_put(s, 0, 10, 0, false, &err) == REAP_EIO,
       "one who lost the lock stops: %s", err.msg);
    reap_store_close(&s);
}

static void check_kills(void)
{
    const char *path = scratch("kills");
    struct reap_err err = { 0 };
    int lost = 0, broken = 0, runs = 0, most = 0;

    for (; runs < 25; runs++) {
        struct reap_store *s = NULL;
        uint64_t counts[REAP_N_STATUS] = { 0 };
        int from, n = 0, last = 0;
        long rows;
        pid_t pid = start_holder(path, true, &from);

        if (read(from, &last, sizeof(last)) != sizeof(last))
            break;
        nanosleep(&(struct timespec){ 0, 700000 * (runs + 1) }, NULL);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        while (read(from, &n, sizeof(n)) == sizeof(n))
            last = n;
        close(from);
        if (open_write(&s, path, &err)) {
            broken++;
            break;
        }
        rows = sample_check(s, 0);
        lost += rows < last;
        most = most > last ? most : last;
        broken += rows % 20 != 0 || reap_store_counts(s, counts, &err) ||
                  counts[0] + counts[REAP_STATUS_corrupt] != (uint64_t)rows;
        reap_store_close(&s);
    }
    ok(runs == 25 && !broken, "%d runs killed, %d stores broken%s", runs,
       broken, err.msg);
    ok(!lost && most > 20, "up to %d rows acknowledged, %d times lost", most,
       lost);
}

static int fill_disk(const char *path, struct reap_err *err)
{
    struct reap_store *s = NULL;
    int rc = open_write(&s, path, err), n;

    for (n = 0; n < 100000 && !rc; n += 1000)
        rc = sample_put(s, n, n + 1000, 0, false, err);
    if (rc != REAP_EIO || !strstr(err->msg, "run the same command again") ||
        !strstr(err->msg, path))
        rc = 100;
    else /* what was acknowledged is all there */
        rc = sample_check(s, 0) >= n - 1000 && n > 1000 ? 0 : 101;
    reap_store_close(&s);
    return rc;
}

/* In a child, whose limits and mounts go with it. */
static void check_full(const char *how, int (*limit)(const char *path),
                       void (*more)(const char *path))
{
    int status = 0;
    pid_t pid;

    mkdir(scratch(how), 0777);
    fflush(stdout);
    pid = fork();
    if (!pid) {
        struct reap_store *s = NULL;
        struct reap_err err = { 0 };
        char path[1024];
        int rc;

        if (limit(scratch(how)))
            _exit(77);
        snprintf(path, sizeof(path), "%s/store", scratch(how));
        rc = fill_disk(path, &err);
        printf("# %s\n", err.msg);
        more(scratch(how));
        if (!rc)
            rc = open_write(&s, path, &err) ||
                         sample_put(s, 0, 20000, 0, false, &err) ||
                         sample_check(s, 0) < 20000
                     ? 102
                     : 0;
        reap_store_close(&s);
        fflush(stdout);
        _exit(rc);
    }
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip("%s: not allowed here", how);
    else
        ok(!status, "%s: undone, said so, and goes on with room (%#x)", how,
           (unsigned)status);
}

static int limit_size(const char *path)
{
    struct rlimit r = { 1 << 20, RLIM_INFINITY };

    (void)path;
    signal(SIGXFSZ, SIG_IGN);
    return setrlimit(RLIMIT_FSIZE, &r);
}

static void more_size(const char *path)
{
    struct rlimit r = { RLIM_INFINITY, RLIM_INFINITY };

    (void)path;
    (void)!setrlimit(RLIMIT_FSIZE, &r);
}

static int limit_disk(const char *path)
{
    return unshare(CLONE_NEWNS) ||
           mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
           mount("reap", path, "tmpfs", 0, "size=1m");
}

static void more_disk(const char *path)
{
    (void)!mount("reap", path, "tmpfs", MS_REMOUNT, "size=64m");
}

int main(void)
{
    scratch_new();
    setenv("REAP_STORE_WAIT", "0.3", 1);
    check_holder("flock");
    check_kills();
    check_full("file size", limit_size, more_size);
    check_full("disk", limit_disk, more_disk);
    setenv("REAP_STORE_LOCK", "file", 1);
    check_holder("file");
    check_stranger();
    scratch_delete();
    return done();
}
