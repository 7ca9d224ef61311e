/* jobs/cli/threads.h - how many threads a rank may use */
#ifndef REAP_JOBS_CLI_THREADS_H
#define REAP_JOBS_CLI_THREADS_H

#include <stddef.h>

/*
 * Cores of the affinity mask, shared fairly among the ranks of this node that
 * the launcher started; at least 1. '*idle' receives how many cores of the
 * node all its ranks together leave unused (0 if that cannot be told).
 */
size_t reap_threads_default(size_t *idle);

#endif /* REAP_JOBS_CLI_THREADS_H */
