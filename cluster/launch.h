/*
 * cluster/launch.h - mpirun as a child: its flags, its start, its end
 *
 * No MPI call is made here. One thread at a time.
 */
#ifndef REAP_CLUSTER_LAUNCH_H
#define REAP_CLUSTER_LAUNCH_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/base/err.h"

struct reap_launch {
    int argc; /* the command line as it was typed, with --ranks */
    char **argv;
    uint64_t ranks;
    const char *hostfile; /* may be NULL */
    const char *sign;     /* path of the file of marks */
    int version[2];       /* of Open MPI, by reap_launch_version() */
};

/* Ask mpirun for its version. REAP_ENOTFOUND if there is none, REAP_EINVAL if
 * it is not Open MPI's 4 or later. */
int reap_launch_version(int version[2], struct reap_err *err) REAP_MUST_CHECK;

/*
 * The arguments of mpirun: flags for its version, then this program and its
 * arguments without --ranks and --hostfile. NULL-terminated and owned, as are
 * the strings: reap_launch_free(). NULL if there is no memory.
 */
char **reap_launch_args(const struct reap_launch *l);

/* Free such a list; NULL does nothing. */
void reap_launch_free(char **args);

/* Start mpirun in a session of its own, which ends with this process; '*pid' is
 * mpirun's. REAP_OK or REAP_ENOMEM (no memory, no process). */
int reap_launch_start(const struct reap_launch *l, pid_t *pid,
                      struct reap_err *err) REAP_MUST_CHECK;

/* Send a signal to every process of the session that 'pid' began; how many
 * there were. Ranks have process groups of their own. */
size_t reap_launch_kill(pid_t pid, int number);

#endif /* REAP_CLUSTER_LAUNCH_H */
