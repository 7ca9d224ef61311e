/* Opening to write: nothing through a link, nothing but regular files. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/out/create.h"
#include "io/out/outfile.h"
#include "tests/tap.h"

static char dir[] = "/tmp/reap-create-XXXXXX";

static const char *in(const char *name)
{
    static char path[4][PATH_MAX];
    static int at;

    at = (at + 1) % 4;
    snprintf(path[at], sizeof(path[at]), "%s/%s", dir, name);
    return path[at];
}

static void put(const char *name, const char *text)
{
    FILE *f = fopen(in(name), "w");

    fputs(text, f);
    fclose(f);
}

static bool holds(const char *name, const char *text)
{
    char buf[100] = "";
    FILE *f = fopen(in(name), "r");

    if (f) {
        buf[fread(buf, 1, sizeof(buf) - 1, f)] = '\0';
        fclose(f);
    }
    return f && !strcmp(buf, text);
}

static bool refused(const char *name, int flags, int code)
{
    const int fd = reap_create_own(in(name), flags);
    const int why = errno;

    if (fd >= 0)
        close(fd);
    return fd < 0 && why == code && *reap_create_why(why);
}

static void check_own(void)
{
    int fd = reap_create_own(in("new"), O_RDWR | O_CREAT | O_EXCL);
    struct stat st;

    ok(fd >= 0 && write(fd, "x", 1) == 1 && !fstat(fd, &st) &&
           (st.st_mode & 0777) == 0640,
       "a new file, as the umask wants it");
    close(fd);
    fd = reap_create_own(in("new"), O_RDWR | O_CREAT | O_TRUNC);
    ok(fd >= 0 && !fstat(fd, &st) && !st.st_size, "emptied when asked to");
    close(fd);
    ok(refused("new", O_RDWR | O_CREAT | O_EXCL, EEXIST), "one that is there");
    put("precious", "mine");
    (void)!symlink(in("precious"), in("link"));
    (void)!symlink(in("nowhere"), in("dangling"));
    ok(refused("link", O_RDWR | O_CREAT | O_TRUNC, ELOOP) &&
           refused("dangling", O_RDWR | O_CREAT, ELOOP) &&
           holds("precious", "mine") && access(in("nowhere"), F_OK),
       "no link is followed, be it to nothing");
    ok(!reap_create_may(in("link")) && errno == ELOOP &&
           reap_create_may(in("precious")) && reap_create_may(in("none")),
       "nor shall a library");
    (void)!mkfifo(in("pipe"), 0600);
    ok(refused("pipe", O_WRONLY | O_CREAT, ENOTSUP) &&
           refused("pipe", O_RDWR | O_CREAT, ENOTSUP),
       "a pipe is refused, and not waited for");
    (void)!mkdir(in("folder"), 0700);
    ok(refused("folder", O_RDWR, EISDIR), "a folder");
    ok(refused("none/x", O_RDWR | O_CREAT, ENOENT), "no folder");
    (void)!link(in("precious"), in("second"));
    fd = reap_create_own(in("second"), O_RDWR);
    ok(fd >= 0, "a second name in a folder of our own is fine");
    close(fd);
}

static void check_temp(void)
{
    char a[REAP_CREATE_NAME], b[REAP_CREATE_NAME], many[400];
    const char *name;
    int d = reap_create_folder(in("out"), &name);
    int x = reap_create_temp(d, name, a), y = reap_create_temp(d, name, b);

    ok(d >= 0 && !strcmp(name, "out") && x >= 0 && y >= 0 && strcmp(a, b) &&
           reap_create_is_temp(a, "out") && reap_create_is_temp(b, "out"),
       "temporary files have names of their own");
    ok(!reap_create_is_temp("out.part-final", "out") &&
           !reap_create_is_temp("out.part-0123456789abcdeg", "out") &&
           !reap_create_is_temp("out", "out") && !reap_create_is_temp(a, "ou"),
       "other names are none of them");
    memset(many, 'x', sizeof(many) - 1);
    many[sizeof(many) - 1] = '\0';
    ok(reap_create_temp(d, many, b) < 0 && errno == ENAMETOOLONG,
       "a name that is too long");
    close(x);
    close(y);
    close(d);
}

static void write_out(const char *name, int want, const char *what)
{
    struct reap_outfile *f;
    struct reap_err err = { 0 };
    int rc = reap_outfile_open(&f, in(name), &err);

    if (!rc)
        rc = reap_outfile_write(f, "new", 3, &err);
    if (!rc)
        rc = reap_outfile_commit(&f, &err);
    reap_outfile_abort(&f);
    ok(rc == want, "%s: %s", what, err.msg);
}

/* The folder goes while the file is written. */
static void check_moved(const char *to)
{
    struct reap_outfile *f;
    struct reap_err err = { 0 };
    int rc;

    (void)!mkdir(in("place"), 0700);
    rc = reap_outfile_open(&f, in("place/file"), &err);
    if (to)
        (void)!rename(in("place"), in(to));
    else {
        char line[PATH_MAX + 20];

        snprintf(line, sizeof(line), "rm -rf '%s'", in("place"));
        (void)!system(line);
    }
    (void)!mkdir(in("place"), 0700);
    if (!rc)
        rc = reap_outfile_commit(&f, &err);
    ok(rc == REAP_EIO && access(in("place/file"), F_OK),
       "its folder was %s meanwhile: %s", to ? "moved" : "removed", err.msg);
    rmdir(in("place"));
}

int main(void)
{
    char line[PATH_MAX + 20];

    umask(026);
    if (!mkdtemp(dir))
        return 1;
    check_own();
    check_temp();
    put("old.part-final", "a person's");
    write_out("old", REAP_OK, "written");
    ok(holds("old", "new") && holds("old.part-final", "a person's"),
       "what is no leftover of reap stays");
    write_out("folder", REAP_ECREATE, "a folder");
    check_moved(NULL);
    check_moved("elsewhere");
    snprintf(line, sizeof(line), "rm -rf '%s'", dir);
    (void)!system(line);
    return done();
}
