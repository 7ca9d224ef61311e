/* cluster/serve.h - the first rank of a job: the coordinator over MPI */
#ifndef REAP_CLUSTER_SERVE_H
#define REAP_CLUSTER_SERVE_H

#include "cluster/run.h"

/*
 * Run on rank 0 of 'ranks', with its own flow unless it is dedicated. Called
 * by the thread that owns MPI. '*lost' says whether a rank was lost, so that
 * MPI must not be finalised. Returns as reap_run_all().
 */
int reap_serve_run(const struct reap_run_args *a, int ranks,
                   struct reap_run_status *status, bool *lost,
                   struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_CLUSTER_SERVE_H */
