/*
 * The command line and the environment that mpirun needs, by its version, and
 * the child that becomes it. Watching it and starting again is supervise.c's.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cluster/launch.h"
#include "cluster/rank_marks.h"
#include "engine/base/mem.h"

extern char **environ;

/*
 * What each version needs so that a dead rank does not end the job. Threads
 * are shared out by reap, so nothing is bound; ranks go round the hosts.
 */
static const struct {
    int from;
    const char *flag[8];
} flags[] = {
    { 5,
      { "--with-ft", "ulfm", "--map-by", "node:OVERSUBSCRIBE", "--bind-to",
        "none", NULL } },
    { 4,
      { "--enable-recovery", "--oversubscribe", "--map-by", "node", "--bind-to",
        "none", NULL } },
};

int reap_launch_version(int version[2], struct reap_err *err)
{
    FILE *f = popen("mpirun --version 2>/dev/null", "r");
    char line[256] = "";
    const char *at;
    bool any = f && fgets(line, sizeof(line), f);

    while (f && fgetc(f) != EOF)
        ;
    if (f)
        pclose(f);
    if (!any)
        return reap_fail(err, REAP_ENOTFOUND,
                         "--ranks needs mpirun, and there is none on the "
                         "path; install Open MPI (make deps does)");
    at = strstr(line, "Open MPI) ");
    if (!at || sscanf(at, "Open MPI) %d.%d", &version[0], &version[1]) != 2 ||
        version[0] < 4)
        return reap_fail(err, REAP_EINVAL,
                         "--ranks needs the mpirun of Open MPI 4 or later; "
                         "this one says: %.*s",
                         (int)strcspn(line, "\n"), line);
    return REAP_OK;
}

/* A list of strings that grows; NULL once memory has run out. */
struct list {
    char **arg;
    size_t n;
};

static void launch_add(struct list *l, const char *text)
{
    char **more = l->n && !l->arg
                      ? NULL
                      : reap_realloc(l->arg, (l->n + 2) * sizeof(*more));

    if (!more) {
        reap_launch_free(l->arg);
        l->arg = NULL;
        l->n = 1; /* nothing more is added */
        return;
    }
    l->arg = more;
    l->arg[l->n] = reap_strdup(text);
    l->arg[l->n + 1] = NULL;
    if (!l->arg[l->n++]) {
        reap_launch_free(l->arg);
        l->arg = NULL;
    }
}

/* How many arguments a long option takes up here that only we understand: 0
 * if it is none of these. Shortened names are allowed, as getopt_long() does.
 */
static int ours(const char *arg)
{
    static const char *const name[] = { "ranks", "hostfile" };
    size_t n = strcspn(arg, "=");

    if (strncmp(arg, "--", 2) != 0 || n < 4)
        return 0;
    for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++)
        if (!strncmp(arg + 2, name[i], n - 2))
            return arg[n] ? 1 : 2;
    return 0;
}

static void add_environment(struct list *l)
{
    for (char **e = environ; *e; e++) {
        char name[64];

        if (strncmp(*e, "REAP_", 5) != 0 || strcspn(*e, "=") >= sizeof(name))
            continue;
        snprintf(name, strcspn(*e, "=") + 1, "%s", *e);
        launch_add(l, "-x");
        launch_add(l, name);
    }
}

char **reap_launch_args(const struct reap_launch *l)
{
    struct list list = { 0 };
    char self[4096], number[24];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    launch_add(&list, "mpirun");
    snprintf(number, sizeof(number), "%llu", (unsigned long long)l->ranks);
    launch_add(&list, "-n");
    launch_add(&list, number);
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        if (l->version[0] >= flags[i].from) {
            for (const char *const *f = flags[i].flag; *f; f++)
                launch_add(&list, *f);
            break;
        }
    if (l->hostfile) {
        launch_add(&list, "--hostfile");
        launch_add(&list, l->hostfile);
    }
    add_environment(&list);
    if (n > 0)
        self[n] = '\0';
    launch_add(&list, n > 0 ? self : l->argv[0]);
    for (int i = 1; i < l->argc;) {
        int skip = ours(l->argv[i]);

        if (!skip)
            launch_add(&list, l->argv[i]);
        i += skip ? skip : 1;
    }
    return list.arg;
}

void reap_launch_free(char **args)
{
    for (char **a = args; a && *a; a++)
        reap_free(*a);
    reap_free(args);
}

/* In the child: nothing is kept but what mpirun needs. */
static void become_mpirun(char **args, pid_t parent)
{
    int null = open("/dev/null", O_RDONLY);
    sigset_t none;

    setsid();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(127);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (null >= 0)
        dup2(null, STDIN_FILENO);
    execvp(args[0], args);
    _exit(127);
}

int reap_launch_start(const struct reap_launch *l, pid_t *pid,
                      struct reap_err *err)
{
    pid_t parent = getpid();
    char **args;

    setenv(REAP_RANK_MARKS, l->sign, 1);
    /* Ranks that wait inside MPI let others have the core. */
    setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
    if (!geteuid()) {
        setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 0);
        setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 0);
    }
    args = reap_launch_args(l);
    if (!args)
        return reap_fail(err, REAP_ENOMEM, "no memory to start mpirun");
    fflush(NULL);
    *pid = fork();
    if (!*pid)
        become_mpirun(args, parent);
    reap_launch_free(args);
    if (*pid < 0)
        return reap_fail(err, REAP_ENOMEM, "cannot start mpirun: %s",
                         strerror(errno));
    return REAP_OK;
}

/* The session of a process; 0 if it is gone, or dead with nobody to ask for its
 * status, as may be for good where process 1 is not an init. */
static long session_of(const char *pid)
{
    char path[64], line[512];
    const char *p = NULL;
    char state = 'Z';
    long session = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
    f = fopen(path, "r");
    if (f && fgets(line, sizeof(line), f))
        p = strrchr(line, ')');
    if (p)
        sscanf(p + 1, " %c %*d %*d %ld", &state, &session);
    if (f)
        fclose(f);
    return state == 'Z' || state == 'X' ? 0 : session;
}

size_t reap_launch_kill(pid_t pid, int number)
{
    DIR *d = opendir("/proc");
    const struct dirent *e;
    size_t n = 0;

    while (d && (e = readdir(d)))
        if (isdigit((unsigned char)e->d_name[0]) &&
            session_of(e->d_name) == pid) {
            n++;
            kill((pid_t)strtol(e->d_name, NULL, 10), number);
        }
    if (d)
        closedir(d);
    return n;
}
