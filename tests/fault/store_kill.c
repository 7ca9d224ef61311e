/*
 * Processes that look at a store are killed: exports leave no file that is not
 * whole, and readers with open transactions do not make the store grow.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "io/export/export.h"
#include "tests/store_help.h"
#include "tests/tap.h"

enum { ROWS = 6000, KILLS = 20, READERS = 50 };

static int export(const char *file)
{
    struct reap_store *s = NULL;
    struct reap_exported out;
    struct reap_export_args a = { .path = file };
    int rc = reap_store_open(&s, scratch("store"), REAP_STORE_READ, NULL, NULL);

    a.store = s;
    if (!rc)
        rc = reap_export_run(&a, &out, NULL);
    reap_store_close(&s);
    return rc;
}

static bool same(const char *a, const char *b)
{
    char command[2100];

    snprintf(command, sizeof(command), "cmp -s '%s' '%s'", a, b);
    return system(command) == 0;
}

static int leftovers(void)
{
    DIR *d = opendir(scratch("."));
    const struct dirent *e;
    int n = 0;

    while (d && (e = readdir(d)))
        n += strstr(e->d_name, ".part-") != NULL;
    if (d)
        closedir(d);
    return n;
}

/* Nanoseconds that a whole export takes here. */
static long time_export(void)
{
    struct timespec a, b;

    clock_gettime(CLOCK_MONOTONIC, &a);
    if (export(scratch("x.npy")))
        printf("# no export\n");
    clock_gettime(CLOCK_MONOTONIC, &b);
    return (b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec;
}

static void check_exports(void)
{
    const long whole = time_export();
    static const char *const name[] = { "npy", "keys.txt", "failed.tsv",
                                        "meta.json" };
    int broken = 0, absent = 0, most = 0;
    char a[1024], b[1024];

    for (int i = 0; i < KILLS; i++) {
        pid_t pid;

        for (size_t k = 0; k < 4; k++) {
            snprintf(b, sizeof(b), "%s.%s", scratch("x"), name[k]);
            unlink(b);
        }
        fflush(stdout);
        pid = fork();
        if (!pid)
            _exit(export(scratch("x.npy")));
        nanosleep(
            &(struct timespec){ 0, (whole / KILLS * (i + 2)) % 999999999 },
            NULL);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        for (size_t k = 0; k < 4; k++) {
            snprintf(a, sizeof(a), "%s.%s", scratch("whole"), name[k]);
            snprintf(b, sizeof(b), "%s.%s", scratch("x"), name[k]);
            if (access(b, F_OK))
                absent++;
            else if (!same(a, b))
                broken++;
        }
        most = leftovers() > most ? leftovers() : most;
    }
    ok(!broken, "%d exports killed: %d files absent, %d not whole", KILLS,
       absent, broken);
    ok(absent > 0, "some before the end, leaving up to %d parts", most);
    ok(!export(scratch("x.npy")) && leftovers() == 0 &&
           same(scratch("x.npy"), scratch("whole.npy")),
       "the next one is whole and takes the parts away");
}

static pid_t start_reader(const char *path)
{
    int pipes[2];
    pid_t pid;
    char c;

    if (pipe(pipes))
        return -1;
    fflush(stdout);
    pid = fork();
    if (!pid) {
        struct reap_store *s = NULL;
        struct reap_rows *r = NULL;
        struct reap_stored row;

        if (reap_store_open(&s, path, REAP_STORE_READ, NULL, NULL) ||
            reap_rows_open(&r, s, NULL) || reap_rows_next(r, &row, NULL) ||
            write(pipes[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(pipes[1]);
    if (read(pipes[0], &c, 1) != 1)
        printf("# a reader could not read\n");
    close(pipes[0]);
    return pid;
}

/* Bytes of a store whose rows are done again and again, with or without
 * readers that die while they look. */
static long long churn(const char *name, bool readers)
{
    struct reap_store *s = NULL;
    struct reap_err err = { 0 };
    int rc = reap_store_open(&s, scratch(name), REAP_STORE_WRITE, &sample_meta,
                             &err);
    struct stat st = { 0 };
    char file[1024];

    for (int i = 0; i < 2 * READERS && !rc; i++) {
        rc = sample_put(s, 0, 500, 0, true, &err);
        if (readers && i % 2 && !rc) {
            pid_t pid = start_reader(scratch(name));

            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
        }
    }
    if (rc)
        printf("# %s\n", err.msg);
    reap_store_close(&s);
    snprintf(file, sizeof(file), "%s/data.mdb", scratch(name));
    return rc || stat(file, &st) ? -1 : (long long)st.st_size;
}

int main(void)
{
    struct reap_store *s = NULL;
    struct reap_err err = { 0 };
    long long quiet, busy;
    int rc;

    scratch_new();
    rc = reap_store_open(&s, scratch("store"), REAP_STORE_WRITE, &sample_meta,
                         &err);
    for (int i = 0; i < ROWS && !rc; i += 500)
        rc = sample_put(s, i, i + 500, 0, false, &err);
    reap_store_close(&s);
    ok(!rc && !export(scratch("whole.npy")), "a store%s", err.msg);
    check_exports();
    quiet = churn("quiet", false);
    busy = churn("busy", true);
    ok(quiet > 0 && busy > 0 && busy <= quiet + quiet / 10,
       "%d readers killed: %lld bytes, %lld without them", READERS, busy,
       quiet);
    scratch_delete();
    return done();
}
