/* jobs/cli/threads.h - how many threads a rank may use */
#ifndef REAP_JOBS_CLI_THREADS_H
#define REAP_JOBS_CLI_THREADS_H

#include <stddef.h>

#include "engine/base/err.h"
#include "jobs/cli/options.h"

/*
 * Cores of the affinity mask, shared fairly among the ranks of this node that
 * the launcher started; at least 1. '*idle' receives how many cores of the
 * node all its ranks together leave unused (0 if that cannot be told).
 */
size_t reap_threads_default(size_t *idle);

/* The same, or what --threads says; REAP_EINVAL if that is not 1 to 1024. */
int reap_threads(const struct reap_options *o, size_t *threads, size_t *idle,
                 struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_CLI_THREADS_H */
