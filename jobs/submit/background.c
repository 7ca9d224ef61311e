#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/out/create.h"
#include "jobs/submit/background.h"

/* When a process started, in ticks since the machine did; 0 if there is none,
 * or only what is left of one. */
static unsigned long long started(long pid)
{
    char path[64], line[1024];
    unsigned long long ticks = 0;
    const char *p = NULL;
    char state = 'Z';
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
    f = fopen(path, "r");
    if (f && fgets(line, sizeof(line), f))
        p = strrchr(line, ')');
    if (f)
        fclose(f);
    if (!p || sscanf(p + 1,
                     " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u "
                     "%*d %*d %*d %*d %*d %*d %llu",
                     &state, &ticks) != 2)
        return 0;
    return state == 'Z' || state == 'X' ? 0 : ticks;
}

static void become_script(const char *script, int log)
{
    int null = open("/dev/null", O_RDONLY);

    setsid();
    if (null >= 0)
        dup2(null, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execlp("bash", "bash", script, (char *)NULL);
    _exit(127);
}

int reap_background_submit(const char *script, const char *log, char *id,
                           unsigned size, struct reap_err *err)
{
    const int fd = reap_create_own(log, O_WRONLY | O_CREAT | O_APPEND);
    pid_t pid;

    if (fd < 0)
        return reap_fail(err, REAP_ECREATE, "%s: %s", log, strerror(errno));
    fflush(NULL);
    pid = fork();
    if (!pid)
        become_script(script, fd);
    close(fd);
    if (pid < 0)
        return reap_fail(err, REAP_ENOMEM, "cannot start bash: %s",
                         strerror(errno));
    snprintf(id, size, "%ld.%llu", (long)pid, started(pid));
    return REAP_OK;
}

bool reap_background_runs(const char *id)
{
    char *end;
    long pid = strtol(id, &end, 10);

    return pid > 1 && *end == '.' && started(pid) &&
           started(pid) == strtoull(end + 1, NULL, 10);
}

int reap_background_signal(const char *id, int number, struct reap_err *err)
{
    if (reap_background_runs(id) && !kill((pid_t)strtol(id, NULL, 10), number))
        return REAP_OK;
    return reap_fail(err, REAP_ENOTFOUND, "the job has ended");
}
