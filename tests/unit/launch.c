/* What the supervisor does around mpirun, without MPI: versions, arguments,
 * sessions, marks of ranks, hosts that answer, why a job died. Programs that
 * would be asked are scripts of this test. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cluster/cause.h"
#include "cluster/hosts.h"
#include "cluster/launch.h"
#include "cluster/rank_marks.h"
#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "tests/store_help.h"
#include "tests/tap.h"

static void put(const char *path, const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");

    if (!f || fputs(text, f) < 0 || fclose(f) || chmod(path, mode))
        abort();
}

static const char *slurp(const char *path)
{
    static char text[8000];
    FILE *f = fopen(path, "r");
    const size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

    text[n] = '\0';
    if (f)
        fclose(f);
    return text;
}

/* --- versions --- */

static void says(const char *text, int code, int major, int minor)
{
    int version[2] = { -1, -1 };
    struct reap_err err = { 0 };
    char script[300];
    int rc;

    snprintf(script, sizeof(script), "#!/bin/sh\n%s\n", text);
    put(scratch("mpirun"), script, 0755);
    rc = reap_launch_version(version, &err);
    ok(rc == code && (rc || (version[0] == major && version[1] == minor)),
       "%s: %d.%d %s", text, version[0], version[1], err.msg);
}

static void versions(void)
{
    const char *path = getenv("PATH");
    char all[4000];
    int version[2];
    struct reap_err err = { 0 };

    snprintf(all, sizeof(all), "%s:%s", scratch(""), path);
    setenv("PATH", all, 1);
    says("echo 'mpirun (Open MPI) 4.1.4'; echo more", REAP_OK, 4, 1);
    says("echo 'mpirun (Open MPI) 5.0.10rc2'", REAP_OK, 5, 0);
    says("echo 'mpirun (Open MPI) 10.2'", REAP_OK, 10, 2);
    says("echo 'mpirun (Open MPI) 3.1.6'", REAP_EINVAL, 0, 0);
    says("echo 'mpirun (Open MPI) 4'", REAP_EINVAL, 0, 0);
    says("echo 'Intel(R) MPI Library 2021.9'", REAP_EINVAL, 0, 0);
    says("exit 1", REAP_ENOTFOUND, 0, 0);
    unlink(scratch("mpirun"));
    setenv("PATH", scratch(""), 1);
    ok(reap_launch_version(version, &err) == REAP_ENOTFOUND &&
           strstr(err.msg, "Open MPI"),
       "no mpirun at all: %s", err.msg);
    setenv("PATH", all, 1);
}

/* --- arguments --- */

/* All arguments with blanks between; what stands for this program is "SELF". */
static const char *joined(char *const *args)
{
    static char all[4000];
    char self[4096];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    self[n > 0 ? n : 0] = '\0';
    all[0] = '\0';
    for (; args && *args; args++) {
        strcat(all, *all ? " " : "");
        strcat(all, strcmp(*args, self) ? *args : "SELF");
    }
    return all;
}

static void arguments(int major, const char *hostfile, const char *const *typed,
                      const char *want)
{
    struct reap_launch l = { .argv = (char **)(uintptr_t)typed,
                             .ranks = 7,
                             .hostfile = hostfile,
                             .version = { major, 1 } };
    char **args;

    while (typed[l.argc])
        l.argc++;
    args = reap_launch_args(&l);
    ok(!strcmp(joined(args), want), "%s", joined(args));
    reap_launch_free(args);
}

#define V4                                                         \
    "mpirun -n 7 --enable-recovery --oversubscribe --map-by node " \
    "--bind-to none"
#define V5 \
    "mpirun -n 7 --with-ft ulfm --map-by node:OVERSUBSCRIBE --bind-to none"

static void all_arguments(void)
{
    const char *const plain[] = { "reap", "extract", "set", "-o", "x", NULL };
    const char *const ranks[] = { "reap",    "--ranks", "7",          "extract",
                                  "--ran=7", "set",     "--hostfile", "h",
                                  "--hos=h", "-o",      "--ranksx",   "--ra",
                                  "8",       "--r",     "--",         "ranks",
                                  NULL };
    char long_name[100] = "REAP_";

    for (char **e = environ; *e;) { /* only what is set here */
        char name[300];

        snprintf(name, sizeof(name), "%.*s", (int)strcspn(*e, "="), *e);
        if (!strncmp(name, "REAP_", 5))
            unsetenv(name);
        else
            e++;
    }
    arguments(4, NULL, plain, V4 " SELF extract set -o x");
    arguments(5, NULL, plain, V5 " SELF extract set -o x");
    arguments(6, NULL, plain, V5 " SELF extract set -o x");
    arguments(4, "hosts", ranks,
              V4 " --hostfile hosts SELF extract set -o --ranksx --r -- ranks");
    memset(long_name + 5, 'A', 58);
    setenv(long_name, "1", 1);
    setenv("XREAP_NO", "1", 1);
    setenv("REAPNO", "1", 1);
    arguments(4, NULL, plain,
              V4 " -x "
                 "REAP_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                 "AAA SELF extract set -o x");
    unsetenv(long_name);
    memset(long_name + 5, 'A', 59);
    setenv(long_name, "1", 1);
    arguments(4, NULL, plain, V4 " SELF extract set -o x");
    unsetenv(long_name);
}

static void memory(void)
{
    const char *const argv[] = { "reap", "a", "b", NULL };
    const struct reap_launch l = { .argc = 3,
                                   .argv = (char **)(uintptr_t)argv,
                                   .ranks = 1,
                                   .version = { 4, 1 } };
    char **args = NULL;
    long i = 0;

    for (; !args && i < 100; i++) {
        reap_mem_fail_at(i + 1);
        args = reap_launch_args(&l);
    }
    reap_mem_fail_at(0);
    ok(i > 20 && args && strstr(joined(args), "SELF a b"),
       "%ld allocations fail, one after the other", i - 1);
    reap_launch_free(args);
    reap_launch_free(NULL);
}

/* --- sessions --- */

/* Waits until 'path' has that many lines. */
static bool lines(const char *path, size_t n)
{
    for (int i = 0; i < 1000; i++) {
        size_t have = 0;

        for (const char *p = slurp(path); *p; p++)
            have += *p == '\n';
        if (have >= n)
            return true;
        reap_nap(0.02);
    }
    return false;
}

static void sessions(void)
{
    const char *const argv[] = { "reap", "--ranks", "2", "word", NULL };
    const struct reap_launch l = { .argc = 4,
                                   .argv = (char **)(uintptr_t)argv,
                                   .ranks = 2,
                                   .sign = scratch("marks"),
                                   .version = { 4, 1 } };
    struct reap_err err = { 0 };
    const char *text;
    pid_t pid = 0;
    int status = 0;

    put(scratch("marks"), "", 0600);
    put(scratch("mpirun"),
        "#!/bin/sh\n"
        "read line && echo stdin\n"
        "sleep 60 & sleep 60 &\n"
        "{ echo \"$#\"; echo \"$OMPI_MCA_mpi_yield_when_idle\"\n"
        "echo \"$*\"; } >>\"$REAP_RANK_MARKS\"\nwait\n",
        0755);
    unsetenv("OMPI_MCA_mpi_yield_when_idle");
    ok(!reap_launch_start(&l, &pid, &err) && pid > 0, "mpirun is started %s",
       err.msg);
    ok(lines(l.sign, 3), "it runs");
    text = slurp(l.sign);
    ok(!strncmp(text, "12\n1\n-n 2 ", 10) && strstr(text, " word\n") &&
           strstr(text, "-x REAP_RANK_MARKS"),
       "with its arguments and variables, and no input");
    ok(getsid(pid) == pid && getsid(0) != pid, "in a session of its own");
    ok(reap_launch_kill(pid, 0) == 3, "of three processes");
    ok(reap_launch_kill(pid, SIGTERM) == 3 && waitpid(pid, &status, 0) == pid &&
           WIFSIGNALED(status),
       "which one signal ends");
    for (int i = 0; i < 500 && reap_launch_kill(pid, 0); i++)
        reap_nap(0.02);
    ok(!reap_launch_kill(pid, 0), "all of them");
    ok(!reap_launch_kill(1 << 29, SIGTERM), "nobody has no session");
    unlink(scratch("mpirun"));
}

/* --- marks --- */

static void marks(void)
{
    const char *path = scratch("marks2");
    struct reap_rank_marks m;

    unsetenv("REAP_RANK_MARKS");
    ok(!reap_rank_marks_wanted(), "nobody wants marks");
    reap_rank_mark("ready");
    setenv("REAP_RANK_MARKS", path, 1);
    ok(reap_rank_marks_wanted(), "somebody does");
    reap_rank_mark("ready");
    ok(access(path, F_OK) != 0, "a file that is gone is not made anew");
    reap_rank_marks_read(path, &m);
    ok(!m.ready && !m.met && !m.hello && !m.time && !m.drain && !m.beats &&
           !m.ended && !m.length,
       "and says nothing");
    put(path, "", 0600);
    reap_rank_mark("ready");
    reap_rank_mark("ready");
    reap_rank_mark("beat");
    reap_rank_marks_read(path, &m);
    ok(m.ready == 2 && m.beats == 1 && m.length == 12 && !m.met && !m.hello &&
           !m.time && !m.drain && !m.ended,
       "two are ready, one beat");
    reap_rank_mark("met");
    reap_rank_marks_read(path, &m);
    ok(m.met && !m.hello && !m.time && !m.drain, "they met");
    reap_rank_mark("hello");
    reap_rank_marks_read(path, &m);
    ok(m.met && m.hello && !m.time && !m.drain, "found each other");
    reap_rank_mark("time");
    reap_rank_marks_read(path, &m);
    ok(m.time && !m.drain && !m.ended, "ran out of time");
    reap_rank_mark("drain");
    reap_rank_marks_end(75);
    reap_rank_marks_read(path, &m);
    ok(m.drain && m.ended && m.status == 75, "drained, and ended with 75");
    ok(!strcmp(slurp(path), "ready\nready\nbeat\nmet\nhello\ntime\ndrain\nend "
                            "75\n"),
       "a line each");
    unsetenv("REAP_RANK_MARKS");
}

/* --- hosts --- */

static void asks(const char *hosts, int code, size_t lost, const char *names,
                 const char *written)
{
    const char *from = scratch("hosts"), *to = scratch("there");
    char got[200];
    struct reap_err err = { 0 };
    size_t n = 99;
    int rc;

    put(from, hosts, 0600);
    unlink(to);
    rc = reap_hosts_answering(from, to, 1.5, &n, got, sizeof(got), &err);
    ok(rc == code && n == lost && !strcmp(got, names), "%zu lost: %s %s", n,
       got, err.msg);
    ok(!strcmp(slurp(to), written), "those that answer are written");
}

static void hosts(void)
{
    const char *from = scratch("hosts"), *to = scratch("there");
    char agent[300], names[100], link[300], here[256] = "", two[600];
    struct reap_err err = { 0 };
    size_t lost;

    put(scratch("agent"),
        "#!/bin/sh\n"
        "[ $# = 3 ] && [ \"$1\" = -q ] && [ \"$3\" = true ] || exit 9\n"
        "case $2 in yes*) exit 0 ;; late) sleep 30 ;; *) exit 1 ;; esac\n",
        0755);
    snprintf(agent, sizeof(agent), "%s -q : nonesuch", scratch("agent"));
    setenv("OMPI_MCA_plm_rsh_agent", agent, 1);
    unsetenv("SLURM_JOB_ID");
    gethostname(here, sizeof(here) - 1);
    asks("yes1 slots=2\n# yes2\n\nno1:4\n  yes3\r\nlocalhost slots=1\nno2\n",
         REAP_OK, 2, "no1, no2", "yes1 slots=2\n  yes3\nlocalhost slots=1\n");
    asks("yes1\nyes2\n", REAP_OK, 0, "", "");
    asks("late\nyes1\n", REAP_OK, 1, "late", "yes1\n");
    asks("no1\nno2\n", REAP_ENOTFOUND, 2, "no1, no2", "");
    asks("", REAP_OK, 0, "", "");
    snprintf(two, sizeof(two), "127.0.0.9\n%s\nno1\n", here);
    snprintf(link, sizeof(link), "127.0.0.9\n%s\n", here);
    asks(two, REAP_OK, 1, "no1", link);
    setenv("SLURM_JOB_ID", "1", 1);
    asks("no1\nno2\n", REAP_OK, 0, "", "");
    unsetenv("SLURM_JOB_ID");
    ok(reap_hosts_answering(scratch("nonesuch"), to, 1, &lost, names, 100,
                            &err) == REAP_EIO,
       "no such file: %s", err.msg);
    put(from, "yes1\nno1\n", 0600);
    unlink(to);
    if (symlink(from, to))
        abort();
    ok(reap_hosts_answering(from, to, 1, &lost, names, 100, &err) == REAP_EIO &&
           !strcmp(slurp(from), "yes1\nno1\n"),
       "nothing is written through a link: %s", err.msg);
    unsetenv("OMPI_MCA_plm_rsh_agent");
}

/* --- causes --- */

static void cause(const struct reap_cause *c, uint64_t ranks, int status,
                  const char *want)
{
    char text[300];

    reap_cause_find(c, ranks, status, text, sizeof(text));
    ok(*want ? strstr(text, want) != NULL : !*text, "'%s': %s", want, text);
}

static void causes(void)
{
    struct reap_cause c, none = { 0 };
    struct rlimit before, few;

    reap_cause_begin(&c);
    cause(&c, 2, 0, "");
    cause(&c, 2, 1 << 8, "");
    cause(&c, 2, SIGSEGV, "killed by signal 11");
    cause(&c, 2, (128 + SIGKILL) << 8, "killed by signal 9");
    cause(&c, 2, (128 + 31) << 8, "killed by signal 31");
    cause(&c, 2, (128 + 32) << 8, "");
    cause(&c, 2, 128 << 8, "");
    cause(&c, 2, 255 << 8, "");
    snprintf(c.events, sizeof(c.events), "%s", scratch("events"));
    c.killed = 2;
    put(c.events, "low 0\noom 9\noom_kill 2\nmax 7\n", 0600);
    cause(&c, 2, SIGKILL, "killed by signal 9");
    put(c.events, "low 0\noom 9\noom_kill 3\nmax 7\n", 0600);
    cause(&c, 2, SIGKILL, "memory limit");
    getrlimit(RLIMIT_NOFILE, &before);
    few = before;
    few.rlim_cur = 48 + 8 * 3;
    setrlimit(RLIMIT_NOFILE, &few);
    cause(&none, 3, 0, "");
    cause(&none, 4, 0, "only 72 files");
    cause(&none, 4, SIGKILL, "4 ranks need some 80");
    setrlimit(RLIMIT_NOFILE, &before);
    setenv("TMPDIR", "/proc", 1); /* a file system without any room */
    cause(&none, 3, 0, "/proc is full");
    unsetenv("TMPDIR");
    getrlimit(RLIMIT_NPROC, &before);
    few = before;
    few.rlim_cur = 16 * 5;
    setrlimit(RLIMIT_NPROC, &few);
    cause(&none, 5, 0, "");
    cause(&none, 6, 0, "only 80 processes");
    setrlimit(RLIMIT_NPROC, &before);
}

int main(void)
{
    if (!scratch_new())
        return 1;
    versions();
    all_arguments();
    memory();
    sessions();
    marks();
    hosts();
    causes();
    scratch_delete();
    return done();
}
