/* Programs of schedulers: sbatch, qsub, kubectl and their like. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "jobs/submit/outside.h"

enum { WORDS = 16, TEXT = 8192 };

struct words {
    char *arg[WORDS + 1];
    char text[TEXT];
    size_t n, used;
};

static bool add_bytes(struct words *w, const char *from, size_t n)
{
    if (w->used + n + 1 > TEXT)
        return false;
    memcpy(w->text + w->used, from, n);
    w->used += n;
    return true;
}

/* One word of a line, its names filled in. */
static bool add_word(struct words *w, const char *from, size_t n,
                     const char *script, const char *id)
{
    if (w->n == WORDS)
        return false;
    w->arg[w->n++] = w->text + w->used;
    while (n) {
        const char *value = NULL;
        size_t skip = 1;

        if (n >= 8 && !strncmp(from, "@script@", 8))
            value = script, skip = 8;
        else if (n >= 4 && !strncmp(from, "@id@", 4))
            value = id, skip = 4;
        if (!add_bytes(w, value ? value : from, value ? strlen(value) : 1))
            return false;
        from += skip;
        n -= skip;
    }
    w->text[w->used++] = '\0';
    return true;
}

static bool split(struct words *w, const char *line, const char *script,
                  const char *id)
{
    memset(w, 0, sizeof(*w));
    while (*line) {
        size_t n = strcspn(line, " ");

        if (n && !add_word(w, line, n, script, id))
            return false;
        line += n + (line[n] == ' ');
    }
    return w->n > 0;
}

static void become(char **arg, int out, int err)
{
    int null = open("/dev/null", O_RDONLY);

    if (null >= 0)
        dup2(null, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    signal(SIGPIPE, SIG_DFL);
    execvp(arg[0], arg);
    fprintf(stderr, "%s: %s\n", arg[0], strerror(errno));
    _exit(127);
}

/* Take what is there; false at the end. What has no room is dropped. */
static bool outside_take(int fd, char *to, size_t size)
{
    char rest[512];
    size_t have = strlen(to), room = size - 1 - have;
    ssize_t n = read(fd, room ? to + have : rest, room ? room : sizeof(rest));

    if (room && n > 0)
        to[have + (size_t)n] = '\0';
    return n > 0 || (n < 0 && errno == EINTR);
}

/* Hear it out. False if its time ran out first. */
static bool listen_to(int out_fd, int err_fd, double end,
                      struct reap_outside *o)
{
    struct pollfd p[2] = { { out_fd, POLLIN, 0 }, { err_fd, POLLIN, 0 } };

    while (p[0].fd >= 0 || p[1].fd >= 0) {
        double left = end - reap_clock();

        if (left <= 0)
            return false;
        if (poll(p, 2, (int)(left * 1000) + 1) < 0 && errno != EINTR)
            return false;
        if (p[0].revents && !outside_take(out_fd, o->out, sizeof(o->out)))
            p[0].fd = -1;
        if (p[1].revents && !outside_take(err_fd, o->err, sizeof(o->err)))
            p[1].fd = -1;
    }
    return true;
}

static void outside_finish(pid_t pid, bool in_time, struct reap_outside *o)
{
    int status = 0;

    if (!in_time)
        kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    o->status = in_time && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (!in_time && !o->err[0])
        snprintf(o->err, sizeof(o->err), "no answer in time");
}

int reap_outside_run(const char *line, const char *script, const char *id,
                     double seconds, struct reap_outside *out,
                     struct reap_err *err)
{
    struct words w;
    int o[2], e[2];
    pid_t pid;

    memset(out, 0, sizeof(*out));
    if (!split(&w, line, script, id))
        return reap_fail(err, REAP_EINVAL,
                         "the path of the script is too long");
    if (pipe2(o, O_CLOEXEC))
        return reap_fail(err, REAP_ENOMEM, "%s: %s", w.arg[0], strerror(errno));
    if (pipe2(e, O_CLOEXEC)) {
        close(o[0]), close(o[1]);
        return reap_fail(err, REAP_ENOMEM, "%s: %s", w.arg[0], strerror(errno));
    }
    fflush(NULL);
    pid = fork();
    if (!pid)
        become(w.arg, o[1], e[1]);
    close(o[1]), close(e[1]);
    if (pid > 0)
        outside_finish(pid, listen_to(o[0], e[0], reap_clock() + seconds, out),
                       out);
    close(o[0]), close(e[0]);
    if (pid < 0)
        return reap_fail(err, REAP_ENOMEM, "cannot start %s: %s", w.arg[0],
                         strerror(errno));
    return REAP_OK;
}

bool reap_outside_has(const char *line)
{
    const char *path = getenv("PATH");
    size_t n = strcspn(line, " ");
    char file[4096];

    while (path && *path) {
        size_t dir = strcspn(path, ":");

        if (snprintf(file, sizeof(file), "%.*s/%.*s", (int)dir, path, (int)n,
                     line) < (int)sizeof(file) &&
            !access(file, X_OK))
            return true;
        path += dir + (path[dir] == ':');
    }
    return false;
}
