/*
 * cluster/run.h - one run over a dataset: alone, or on the ranks of a job
 *
 * Every call comes from the main thread, which owns MPI.
 */
#ifndef REAP_CLUSTER_RUN_H
#define REAP_CLUSTER_RUN_H

#include "io/store/store.h"
#include "pipeline/flow.h"

struct reap_run_status {
    uint64_t total;  /* keys that the run covers: the dataset's, or --limit */
    uint64_t before; /* of them, rows that were there when it began */
    uint64_t done;   /* committed by this run */
    uint64_t bad;    /* of these, status not ok */
    uint64_t redone; /* leased more than once */
    size_t workers;  /* ranks that compute */
    double seconds;
    bool draining;
    struct reap_flow_times times; /* of this process */
    double commit;                /* seconds in the store's commits */
    bool lost;         /* a rank was: MPI is still up, leave by _exit() */
    char refused[200]; /* why this rank was sent away, "" if it was not */
};

struct reap_run_args {
    struct reap_flow_args flow; /* feed and sink are the run's own */
    struct reap_store *store;   /* on rank 0; NULL elsewhere */
    const char *fingerprint;    /* lines on which all ranks must agree */
    uint64_t limit;             /* the first keys only; 0: all */
    bool dedicated;             /* rank 0 only coordinates */
    double time_limit;          /* drain after these seconds; 0: never */
    void (*progress)(void *ctx, const struct reap_run_status *status);
    void *ctx;
};

/* Under mpirun or srun, as the environment says? */
bool reap_run_launched(void);

/* This rank's number as the environment has it; NULL without a launcher. */
const char *reap_run_rank(void);

/* Is this the rank that owns the store? True without a launcher. */
bool reap_run_is_first(void);

/*
 * Compute the rows that are missing; '*status' is filled in any case. REAP_OK
 * when each key has one and the marker is written; REAP_ESTOPPED when it was
 * drained, signalled or ran out of time; else the first failure of the store,
 * the dataset, memory or MPI. Workers return REAP_OK on a normal end; one that
 * outlives the first rank ends the process with 75.
 */
int reap_run_all(const struct reap_run_args *a, struct reap_run_status *status,
                 struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_CLUSTER_RUN_H */
