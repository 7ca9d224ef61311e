/* MPI_Init_thread and how many ranks there are; it is never called twice. */
#include <mpi.h>

#include "cluster/mpi.h"

int reap_mpi_start(int *rank, int *ranks, struct reap_err *err)
{
    int on = 0, got = MPI_THREAD_FUNNELED;

    if (MPI_Initialized(&on) ||
        (!on && MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &got)) ||
        MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN) ||
        MPI_Comm_rank(MPI_COMM_WORLD, rank) ||
        MPI_Comm_size(MPI_COMM_WORLD, ranks))
        return reap_fail(err, REAP_EIO, "MPI does not start");
    if (got < MPI_THREAD_FUNNELED)
        return reap_fail(err, REAP_EIO, "this MPI allows no threads");
    return REAP_OK;
}
