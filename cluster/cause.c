#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "cluster/cause.h"

/* Descriptors that mpirun and reap need in any case, and for each rank. */
enum { FILES = 48, FILES_A_RANK = 8, PROCESSES_A_RANK = 16, ROOM = 1 << 20 };

/* The file that counts what the cgroup's memory limit has killed; "" without.
 */
static void find_events(char *path, size_t size)
{
    char line[2048];
    FILE *f = fopen("/proc/self/cgroup", "r");

    path[0] = '\0';
    while (f && fgets(line, sizeof(line), f))
        if (!strncmp(line, "0::/", 4)) {
            line[strcspn(line, "\n")] = '\0';
            snprintf(path, size, "/sys/fs/cgroup%s/memory.events", line + 3);
        }
    if (f)
        fclose(f);
}

static uint64_t kills(const char *path)
{
    char line[128];
    uint64_t n = 0;
    FILE *f = *path ? fopen(path, "r") : NULL;

    while (f && fgets(line, sizeof(line), f))
        sscanf(line, "oom_kill %" SCNu64, &n);
    if (f)
        fclose(f);
    return n;
}

void reap_cause_begin(struct reap_cause *c)
{
    find_events(c->events, sizeof(c->events));
    c->killed = kills(c->events);
}

static bool is_tmp_full(const char **tmp)
{
    struct statvfs v;

    *tmp = getenv("TMPDIR");
    if (!*tmp || !**tmp)
        *tmp = "/tmp";
    return !statvfs(*tmp, &v) && ((uint64_t)v.f_bavail * v.f_frsize < ROOM ||
                                  (v.f_files && v.f_favail < 16));
}

static bool is_short(int what, uint64_t need, uint64_t *have)
{
    struct rlimit r;

    if (getrlimit((__rlimit_resource_t)what, &r) || r.rlim_cur == RLIM_INFINITY)
        return false;
    *have = r.rlim_cur;
    return r.rlim_cur < need;
}

const char *reap_cause_find(const struct reap_cause *c, uint64_t ranks,
                            int status, char *out, size_t size)
{
    /* as shells and mpirun pass it on: 128 and the signal's number */
    const int passed = WIFEXITED(status) ? WEXITSTATUS(status) - 128 : 0;
    const int killed = WIFSIGNALED(status)          ? WTERMSIG(status)
                       : passed > 0 && passed <= 31 ? passed
                                                    : 0;
    uint64_t have = 0;
    const char *tmp;

    out[0] = '\0';
    if (kills(c->events) > c->killed)
        snprintf(out, size,
                 "the memory limit of this job killed a process: ask for more "
                 "memory, or use a smaller --batch or fewer --threads");
    else if (is_tmp_full(&tmp))
        snprintf(out, size,
                 "%s is full, and Open MPI needs room there: free some, or set "
                 "TMPDIR",
                 tmp);
    else if (is_short(RLIMIT_NOFILE, FILES + FILES_A_RANK * ranks, &have))
        snprintf(out, size,
                 "only %" PRIu64 " files may be open at once (ulimit -n); "
                 "%" PRIu64 " ranks need some %" PRIu64,
                 have, ranks, FILES + FILES_A_RANK * ranks);
    else if (is_short(RLIMIT_NPROC, PROCESSES_A_RANK * ranks, &have))
        snprintf(out, size,
                 "only %" PRIu64 " processes and threads are allowed "
                 "(ulimit -u); %" PRIu64 " ranks need more",
                 have, ranks);
    else if (killed)
        snprintf(out, size, "a process was killed by signal %d (%s)", killed,
                 strsignal(killed));
    return out;
}
