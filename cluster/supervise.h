/*
 * cluster/supervise.h - start the ranks ourselves, watch them, start again
 *
 * For --ranks: runs the same command under mpirun, in a session of its own,
 * with the flags that let the job outlive a dead rank. Makes no MPI call. What
 * counts is what the store says, never mpirun's exit status.
 */
#ifndef REAP_CLUSTER_SUPERVISE_H
#define REAP_CLUSTER_SUPERVISE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/err.h"

/*
 * Is this process started as it should be? REAP_EINVAL for --ranks inside a
 * launcher, and for several tasks of Slurm that cannot find each other: the
 * message has the line to type.
 */
int reap_supervise_check(bool ranks_given,
                         struct reap_err *err) REAP_MUST_CHECK;

/*
 * Run the command line 'argv' without --ranks and --hostfile on 'ranks' ranks
 * ('hostfile' may be NULL) until the store at 'store' is complete, starting
 * again where mpirun ended before that, without hosts that no longer answer.
 * Gives up after three starts that brought no new row, with the cause if one
 * stands out (REAP_ENOMEM). No wait is without a limit: ranks that do not start
 * or fall silent are ended. 'time_limit' (seconds, 0: none) is kept even if no
 * rank ever starts. SIGUSR1, SIGTERM and SIGINT become a drain of the ranks.
 * Returns REAP_OK if complete, REAP_EBADRECS if complete but the first rank
 * says so, REAP_ESTOPPED, or what the first rank failed with. Where that rank
 * ended in order it has said why, and the message is empty.
 */
int reap_supervise(int argc, char **argv, uint64_t ranks, const char *hostfile,
                   const char *store, double time_limit,
                   struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_CLUSTER_SUPERVISE_H */
