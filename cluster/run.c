/* Which of the three kinds of run this is: alone (local.c), the first rank
 * (serve.c) or another rank (worker.c); and the end of MPI after it. */
#define _GNU_SOURCE
#include <mpi.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/local.h"
#include "cluster/mpi.h"
#include "cluster/rank_marks.h"
#include "cluster/run.h"
#include "cluster/serve.h"
#include "cluster/signals.h"
#include "cluster/worker.h"

bool reap_run_launched(void)
{
    return getenv("OMPI_COMM_WORLD_SIZE") || getenv("PMIX_RANK");
}

const char *reap_run_rank(void)
{
    const char *rank = getenv("OMPI_COMM_WORLD_RANK");

    return rank ? rank : getenv("PMIX_RANK");
}

bool reap_run_is_first(void)
{
    const char *rank = reap_run_rank();

    return !rank || !strcmp(rank, "0");
}

int reap_run_all(const struct reap_run_args *a, struct reap_run_status *status,
                 struct reap_err *err)
{
    bool lost = false;
    int rank, ranks, rc;

    memset(status, 0, sizeof(*status));
    if (!reap_run_launched())
        return reap_local_run(a, status, err);
    reap_signals_install();
    reap_rank_mark("ready");
    rc = reap_mpi_start(&rank, &ranks, err);
    if (rc)
        return rc;
    rc = rank ? reap_worker_run(a, status, &lost, err)
              : reap_serve_run(a, ranks, status, &lost, err);
    status->lost = lost;
    if (!lost)
        MPI_Finalize();
    return rc;
}
