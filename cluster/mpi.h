/* cluster/mpi.h - start MPI once, for the one thread that owns it */
#ifndef REAP_CLUSTER_MPI_H
#define REAP_CLUSTER_MPI_H

#include "engine/base/err.h"

/* Start it unless it is up, and tell this rank and how many there are. Waits
 * for the others to start it too. REAP_EIO. */
int reap_mpi_start(int *rank, int *ranks, struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_CLUSTER_MPI_H */
