/*
 * engine/base/team.h - processes that compute one thing together
 *
 * What a computation has to know of the ranks it is shared among, without
 * knowing MPI: cluster/team_mpi.h ties it to ranks, and a process on its own is a
 * team of one (REAP_TEAM_ALONE).
 */
#ifndef REAP_ENGINE_BASE_TEAM_H
#define REAP_ENGINE_BASE_TEAM_H

#include <stddef.h>

#include "engine/base/err.h"

struct reap_team {
    size_t rank, ranks;
    void *ctx;
    /*
     * All ranks call it together. 'all' is an array of pieces of 'size' bytes,
     * and piece p is known to rank r if first[r] <= p < first[r + 1];
     * afterwards all pieces are known to all. 'first' (ranks + 1) is the same
     * everywhere. Returns REAP_OK or REAP_EIO. NULL in a team of one.
     */
    int (*share)(void *ctx, void *all, size_t size, const size_t *first,
                 struct reap_err *err);
};

#define REAP_TEAM_ALONE ((struct reap_team){ 0, 1, NULL, NULL })

#endif /* REAP_ENGINE_BASE_TEAM_H */
