/*
 * A file is written whole or not at all: bytes are durable before the rename,
 * the rename is before anybody is told, and every failure on the way leaves the
 * target as it was and nothing beside it.
 *
 * This program stands before the C library: it notes fsync() and renameat(), and
 * lets them fail.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "io/out/outfile.h"
#include "tests/tap.h"

static char events[200];             /* "file rename folder" */
static int sync_fails, rename_fails; /* an errno, or 0 */

int fsync(int fd)
{
    struct stat st;

    if (fstat(fd, &st))
        return -1;
    strcat(events, S_ISDIR(st.st_mode) ? "folder " : "file ");
    errno = sync_fails;
    return sync_fails && !S_ISDIR(st.st_mode) ? -1
                                              : (int)syscall(SYS_fsync, fd);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    strcat(events, "rename ");
    if (rename_fails) {
        errno = rename_fails;
        return -1;
    }
    return (int)syscall(SYS_renameat, from_dir, from, to_dir, to);
}

static char dir[] = "/tmp/reap-outfile-XXXXXX";

static const char *in_dir(const char *name)
{
    static char path[4][100];
    static size_t i;

    i = (i + 1) % 4;
    snprintf(path[i], sizeof(path[i]), "%s/%s", dir, name);
    return path[i];
}

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");

    if (!f || fputs(text, f) < 0 || fclose(f))
        abort();
}

static bool holds(const char *path, const char *text)
{
    char buf[200] = "";
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(buf, 1, sizeof(buf) - 1, f) : 0;

    if (f)
        fclose(f);
    return f && n == strlen(text) && !memcmp(buf, text, n);
}

/* Files of the folder. */
static size_t count(void)
{
    struct dirent *e;
    DIR *d = opendir(dir);
    size_t n = 0;

    while (d && (e = readdir(d)))
        n += e->d_name[0] != '.';
    if (d)
        closedir(d);
    return n;
}

/* Write "new" to 'path'; the first code that is not OK. */
static int write_new(const char *path, struct reap_err *err)
{
    struct reap_outfile *f = NULL;
    int rc = reap_outfile_open(&f, path, err);

    if (!rc && (rc = reap_outfile_write(f, "new", 3, err))) {
        reap_outfile_abort(&f);
        return rc;
    }
    if (!rc)
        rc = reap_outfile_commit(&f, err);
    if (f)
        ok(0, "no handle is left");
    return rc;
}

static void good(void)
{
    const char *path = in_dir("a");
    struct stat st;

    events[0] = '\0';
    ok(!write_new(path, NULL) && holds(path, "new"), "a new file is written");
    ok(!strcmp(events, "file rename folder "),
       "bytes are durable, then named, then the name is: %s", events);
    umask(022);
    ok(!stat(path, &st) && (st.st_mode & 0777) == 0644, "for all to read");
    put(path, "old and longer");
    ok(!write_new(path, NULL) && holds(path, "new"), "an old one is replaced");
    ok(count() == 1, "nothing is left beside it");
    unlink(path);
    events[0] = '\0';
    ok(!chdir(dir) && !write_new("a", NULL) && holds("a", "new") &&
           !strcmp(events, "file rename folder "),
       "a name without a folder: %s", events);
    ok(!chdir("/"), "back");
    unlink(path);
}

/* The target is as it was, and alone. */
static void untouched(const char *what, int rc, int want,
                      const struct reap_err *err)
{
    ok(rc == want && holds(in_dir("a"), "old") && count() == 1, "%s: %s", what,
       err->msg);
}

static void failures(void)
{
    static const struct {
        int number, code;
    } renames[] = {
        { EACCES, REAP_EACCESS }, { EPERM, REAP_EACCESS }, { ENOSPC, REAP_EIO },
        { EDQUOT, REAP_EIO },     { EIO, REAP_EIO },       { EFBIG, REAP_EIO },
        { ENOENT, REAP_ECREATE }, { EROFS, REAP_ECREATE },
    };
    const char *path = in_dir("a");
    struct reap_err err = { 0 };

    put(path, "old");
    sync_fails = EIO;
    untouched("a sync that fails", write_new(path, &err), REAP_EIO, &err);
    ok(strstr(err.msg, strerror(EIO)) && strstr(err.msg, path),
       "the reason and the file are named");
    sync_fails = 0;
    for (size_t i = 0; i < sizeof(renames) / sizeof(renames[0]); i++) {
        rename_fails = renames[i].number;
        events[0] = '\0';
        untouched("a rename that fails", write_new(path, &err), renames[i].code,
                  &err);
        ok(strstr(err.msg, strerror(rename_fails)) &&
               !strcmp(events, "file rename "),
           "its reason is named, and no folder is synced: %s", events);
    }
    rename_fails = 0;
}

/* No room: noticed by write() or at the latest by commit(). */
static void full(void)
{
    const struct rlimit no = { 4096, RLIM_INFINITY };
    struct rlimit before;
    const char *path = in_dir("a");
    struct reap_outfile *f = NULL;
    struct reap_err err = { 0 };
    static char much[20000];
    int rc;

    put(path, "old");
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){ no.rlim_cur, before.rlim_max });
    rc = reap_outfile_open(&f, path, &err);
    if (!rc)
        fputs("few bytes", reap_outfile_stream(f));
    if (!rc && (rc = reap_outfile_write(f, much, sizeof(much), &err)))
        reap_outfile_abort(&f);
    untouched("a disk without room for a write", rc, REAP_EIO, &err);
    rc = reap_outfile_open(&f, path, &err);
    if (!rc)
        for (size_t i = 0; i < sizeof(much); i++)
            fputc('x', reap_outfile_stream(f)); /* its errors stay unseen */
    if (!rc)
        rc = reap_outfile_commit(&f, &err);
    untouched("a stream that failed", rc, REAP_EIO, &err);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 5, before.rlim_max });
    rc = reap_outfile_open(&f, path, &err);
    if (!rc && (rc = reap_outfile_write(f, "0123456789", 10, &err)))
        reap_outfile_abort(&f);
    if (!rc)
        rc = reap_outfile_commit(&f, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    untouched("no room for what commit() flushes", rc, REAP_EIO, &err);
    unlink(path);
}

static void given_up(void)
{
    const char *path = in_dir("a");
    struct reap_outfile *f = NULL;

    put(path, "old");
    ok(!reap_outfile_open(&f, path, NULL) &&
           !reap_outfile_write(f, "new", 3, NULL) && count() == 2,
       "a temporary file lies beside the target");
    ok(fcntl(fileno(reap_outfile_stream(f)), F_GETFD) & FD_CLOEXEC,
       "children do not inherit it");
    reap_outfile_abort(&f);
    ok(!f && holds(path, "old") && count() == 1, "abort() removes it");
    reap_outfile_abort(&f);
    ok(!f, "a second time does nothing");
    ok(!reap_outfile_open(&f, path, NULL) &&
           !reap_outfile_write(f, "", 0, NULL) &&
           !reap_outfile_commit(&f, NULL) && holds(path, ""),
       "nothing is written: the file is empty");
    unlink(path);
}

/* What killed writers left is removed; what a living one writes is not. */
static void leftovers(void)
{
    const char *path = in_dir("a"), *dead = in_dir("a.part-000000000000000f"),
               *alive = in_dir("a.part-0123456789abcdef"),
               *other = in_dir("ab.part-0123456789abcdef");
    char link[100];
    int fd;

    put(dead, "x");
    put(alive, "x");
    put(other, "x");
    snprintf(link, sizeof(link), "%s/a.part-fedcba9876543210", dir);
    if (symlink(other, link))
        abort();
    fd = open(alive, O_RDWR);
    if (fd < 0 || flock(fd, LOCK_EX))
        abort();
    ok(!write_new(path, NULL), "a file is written beside leftovers");
    ok(access(dead, F_OK) != 0, "a dead writer's is removed");
    ok(!access(alive, F_OK), "a living writer's is not");
    ok(!access(other, F_OK) && holds(other, "x"), "nor that of another file");
    close(fd);
    unlink(alive);
    unlink(other);
    unlink(link);
    unlink(path);
    ok(!count(), "the folder is empty again");
}

/* An own temporary file says that it is in use. */
static void locked(void)
{
    const char *path = in_dir("a");
    struct reap_outfile *f;
    char temp[40];
    int fd;

    if (reap_outfile_open(&f, path, NULL))
        abort();
    snprintf(temp, sizeof(temp), "/proc/self/fd/%d",
             fileno(reap_outfile_stream(f)));
    fd = open(temp, O_RDWR);
    ok(fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK,
       "the temporary file is locked");
    if (fd >= 0)
        close(fd);
    reap_outfile_abort(&f);
}

static void refused(void)
{
    struct reap_outfile *f = NULL;
    struct reap_err err = { 0 };
    struct stat st;
    pid_t child;
    int how;

    ok(reap_outfile_open(&f, in_dir("no/a"), &err) == REAP_ECREATE && !f,
       "a folder that is not there: %s", err.msg);
    ok(reap_outfile_open(&f, dir, &err) == REAP_ECREATE && !f, "a folder: %s",
       err.msg);
    ok(!mkfifo(in_dir("pipe"), 0600) &&
           reap_outfile_open(&f, in_dir("pipe"), &err) == REAP_ECREATE && !f &&
           !stat(in_dir("pipe"), &st) && S_ISFIFO(st.st_mode),
       "a pipe is not replaced: %s", err.msg);
    unlink(in_dir("pipe"));
    fflush(stdout);
    chmod(dir, 0500);
    child = fork();
    if (!child) /* root may write everywhere: be somebody else */
        _exit(getuid() || !setuid(65534)
                  ? reap_outfile_open(&f, in_dir("a"), NULL) != REAP_EACCESS
                  : 2);
    ok(child > 0 && waitpid(child, &how, 0) == child && !how,
       "a folder of others is told from one that is not there");
    chmod(dir, 0700);
    ok(!count(), "nothing is left");
}

static void memory(void)
{
    struct reap_outfile *f = NULL;
    int rc = REAP_ENOMEM;
    long i = 1;

    for (; rc == REAP_ENOMEM && i < 20; i++) {
        reap_mem_fail_at(i);
        rc = reap_outfile_open(&f, in_dir("a"), NULL);
        ok(rc == REAP_ENOMEM ? !f && !count() : !rc && f,
           "allocation %ld fails, or is one too many", i);
    }
    reap_mem_fail_at(0);
    reap_outfile_abort(&f);
    ok(i > 3, "there are several");
}

int main(void)
{
    if (!mkdtemp(dir))
        return 1;
    good();
    failures();
    full();
    given_up();
    leftovers();
    locked();
    refused();
    memory();
    ok(!rmdir(dir), "the folder was left empty");
    return done();
}
