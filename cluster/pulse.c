#define _GNU_SOURCE
#include <mpi.h>
#include <pthread.h>
#include <stdatomic.h>

#include "cluster/mpi.h"
#include "cluster/pulse.h"
#include "cluster/wire.h"
#include "engine/base/clock.h"
#include "engine/base/mem.h"

/* Seconds: between two pulses, and between looks whether the work is done. */
static const double PULSE = 2, LOOK = 0.02;

struct aside {
    reap_pulse_fn *work;
    void *ctx;
    struct reap_err err;
    atomic_bool done;
    int rc;
};

static void *pulse_work(void *p)
{
    struct aside *a = p;

    a->rc = a->work(a->ctx, &a->err);
    atomic_store(&a->done, true);
    return NULL;
}

/* One pulse to every rank whose last one has arrived. */
static void pulse_all(MPI_Request *request, int ranks)
{
    /* Sends may still read it when all is over: it stays. */
    static uint8_t bytes[64];
    const struct reap_message m = { .type = REAP_MESSAGE_pulse };
    const size_t len = reap_wire_size(&m);

    if (!len || len > sizeof(bytes))
        return;
    reap_wire_encode(&m, bytes);
    for (int r = 1; r < ranks; r++) {
        int sent = 1;

        if (request[r] != MPI_REQUEST_NULL &&
            (MPI_Test(&request[r], &sent, MPI_STATUS_IGNORE) || !sent))
            continue; /* lost, or busy: the run will notice */
        if (MPI_Isend(bytes, (int)len, MPI_BYTE, r, REAP_WIRE_TAG,
                      MPI_COMM_WORLD, &request[r]))
            request[r] = MPI_REQUEST_NULL;
    }
}

static void pulse_until_done(struct aside *a, MPI_Request *request, int ranks)
{
    double next = reap_clock() + PULSE;

    while (!atomic_load(&a->done)) {
        if (reap_clock() >= next) {
            pulse_all(request, ranks);
            next = reap_clock() + PULSE;
        }
        reap_nap(LOOK);
    }
    for (int r = 1; r < ranks; r++)
        if (request[r] != MPI_REQUEST_NULL)
            MPI_Request_free(&request[r]);
}

/* How many ranks there are to tell; 1 where there is nobody. */
static int listeners(void)
{
    int rank, ranks, on = 0;

    if (MPI_Initialized(&on) || !on || reap_mpi_start(&rank, &ranks, NULL) ||
        rank)
        return 1;
    return ranks;
}

int reap_pulse_while(reap_pulse_fn *work, void *ctx, struct reap_err *err)
{
    struct aside a = { .work = work, .ctx = ctx };
    const int ranks = listeners();
    MPI_Request *request;
    pthread_t thread;

    if (ranks == 1)
        return work(ctx, err);
    request = reap_calloc((size_t)ranks, sizeof(*request));
    for (int r = 0; request && r < ranks; r++)
        request[r] = MPI_REQUEST_NULL;
    if (!request || pthread_create(&thread, NULL, pulse_work, &a)) {
        reap_free(request);
        return work(ctx, err); /* late, but not wrong */
    }
    pulse_until_done(&a, request, ranks);
    pthread_join(thread, NULL);
    reap_free(request);
    return a.rc ? reap_fail(err, a.rc, "%s", a.err.msg) : REAP_OK;
}
