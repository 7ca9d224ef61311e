/* Cores of the affinity mask, divided among the ranks of this node. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "jobs/cli/threads.h"

/* Ranks on this node, as Open MPI or PMIx says in the environment. */
static size_t local_ranks(void)
{
    const char *n = getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
    long ranks = n ? strtol(n, NULL, 10) : 1;

    return ranks > 0 ? (size_t)ranks : 1;
}

size_t reap_threads_default(size_t *idle)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    size_t cores = online > 0 ? (size_t)online : 1, mine = cores;
    size_t ranks = local_ranks();
    cpu_set_t mask;

    if (!sched_getaffinity(0, sizeof(mask), &mask) && CPU_COUNT(&mask) > 0)
        mine = (size_t)CPU_COUNT(&mask);
    *idle = 0;
    if (ranks == 1)
        return mine;
    /* Masks that overlap: the ranks share what is there. */
    if (mine * ranks > cores)
        mine = cores / ranks ? cores / ranks : 1;
    if (mine * ranks < cores)
        *idle = cores - mine * ranks;
    return mine;
}

int reap_threads(const struct reap_options *o, size_t *threads, size_t *idle,
                 struct reap_err *err)
{
    *threads = reap_threads_default(idle);
    if (o->threads_given)
        *threads = o->threads;
    if (*threads && *threads <= 1024)
        return REAP_OK;
    return reap_fail(err, REAP_EINVAL, "--threads %zu: 1 to 1024 is possible",
                     *threads);
}
