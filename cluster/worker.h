/* cluster/worker.h - any rank but the first: a flow whose ends are messages */
#ifndef REAP_CLUSTER_WORKER_H
#define REAP_CLUSTER_WORKER_H

#include "cluster/run.h"

/*
 * Work until the first rank says that it is over. Called by the thread that
 * owns MPI. '*lost' says that MPI must not be finalised. Returns REAP_OK, also
 * when this rank was sent away (status->refused says why), or its own failure,
 * which the first rank has been told.
 */
int reap_worker_run(const struct reap_run_args *a,
                    struct reap_run_status *status, bool *lost,
                    struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_CLUSTER_WORKER_H */
