/*
 * cluster/team_mpi.h - the ranks of a job as a team that computes one thing
 *
 * For work in which all ranks take each step together (engine/base/team.h), as
 * fitting does: a lost rank ends the job, and the same command resumes from
 * what was saved. One thread calls it, and every rank makes the same calls in
 * the same order. After REAP_EIO (MPI failed) only reap_team_stop() is left.
 */
#ifndef REAP_CLUSTER_TEAM_MPI_H
#define REAP_CLUSTER_TEAM_MPI_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/team.h"

/* Join the ranks that the launcher started; without one, be a team of one.
 * Returns REAP_OK, or REAP_EIO if MPI does not start. */
int reap_team_start(struct reap_team *t, struct reap_err *err) REAP_MUST_CHECK;

/*
 * All ranks pass how they fared: the code and message of the first that failed,
 * naming it, become those of all. Call it before a step in which the others
 * would wait for a rank that has given up.
 */
int reap_team_agree(const struct reap_team *t, int rc,
                    struct reap_err *err) REAP_MUST_CHECK;

/* The largest of the ranks' 'mine' to all. REAP_OK, REAP_EIO or REAP_ENOMEM. */
int reap_team_most(const struct reap_team *t, unsigned char mine,
                   unsigned char *most, struct reap_err *err) REAP_MUST_CHECK;

/* Do all ranks hold the same number? REAP_EMISFIT says what differs ('what').
 * Also REAP_EIO and REAP_ENOMEM. */
int reap_team_same(const struct reap_team *t, uint64_t number, const char *what,
                   struct reap_err *err) REAP_MUST_CHECK;

/* Copy the first rank's 'size' bytes to all. REAP_OK, REAP_EIO or REAP_ENOMEM.
 */
int reap_team_spread(const struct reap_team *t, void *data, size_t size,
                     struct reap_err *err) REAP_MUST_CHECK;

/*
 * Leave the team. 'rc' is how this rank ends: after a failure that the others
 * may not know of (memory, I/O) it does not wait for them. False: leave by
 * _exit(), as MPI would wait in a normal exit.
 */
bool reap_team_stop(struct reap_team *t, int rc);

#endif /* REAP_CLUSTER_TEAM_MPI_H */
