/* Collective calls of MPI for work in steps. Unlike in serve.c a lost rank ends
 * the job here: there is nothing to compute without its part. */
#include <limits.h>
#include <mpi.h>
#include <stdio.h>
#include <string.h>

#include "cluster/rank_marks.h"
#include "cluster/run.h"
#include "cluster/team_mpi.h"
#include "engine/base/mem.h"

struct own {
    MPI_Comm comm;
    int *count, *at; /* pieces of each rank, for MPI */
    bool failed;     /* no more calls of MPI */
};

static int mpi_failed(struct own *o, struct reap_err *err)
{
    o->failed = true;
    return reap_fail(err, REAP_EIO,
                     "MPI: a rank is gone; run the same command again");
}

static int share(void *ctx, void *all, size_t size, const size_t *first,
                 struct reap_err *err)
{
    struct own *o = ctx;
    MPI_Datatype piece;
    int ranks, rc;

    if (o->failed || size > INT_MAX)
        return mpi_failed(o, err);
    MPI_Comm_size(o->comm, &ranks);
    for (int r = 0; r < ranks; r++) {
        o->at[r] = (int)first[r];
        o->count[r] = (int)(first[r + 1] - first[r]);
    }
    rc = MPI_Type_contiguous((int)size, MPI_BYTE, &piece);
    if (!rc)
        rc = MPI_Type_commit(&piece);
    if (!rc)
        rc = MPI_Allgatherv(MPI_IN_PLACE, 0, piece, all, o->count, o->at, piece,
                            o->comm);
    if (!rc)
        MPI_Type_free(&piece);
    return rc ? mpi_failed(o, err) : REAP_OK;
}

static int start_mpi(struct reap_team *t, struct own *o, struct reap_err *err)
{
    int got, rank, ranks;

    o->comm = MPI_COMM_WORLD;
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &got) ||
        MPI_Comm_set_errhandler(o->comm, MPI_ERRORS_RETURN) ||
        MPI_Comm_rank(o->comm, &rank) || MPI_Comm_size(o->comm, &ranks) ||
        got < MPI_THREAD_FUNNELED)
        return reap_fail(err, REAP_EIO, "MPI does not start");
    t->rank = (size_t)rank;
    t->ranks = (size_t)ranks;
    o->count = reap_calloc(t->ranks, sizeof(*o->count));
    o->at = reap_calloc(t->ranks, sizeof(*o->at));
    return o->count && o->at ? REAP_OK
                             : reap_fail(err, REAP_ENOMEM, "no memory");
}

int reap_team_start(struct reap_team *t, struct reap_err *err)
{
    struct own *o;

    *t = REAP_TEAM_ALONE;
    if (!reap_run_launched())
        return REAP_OK;
    reap_rank_mark("ready");
    o = reap_calloc(1, sizeof(*o));
    if (!o)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    t->ctx = o;
    t->share = share;
    return start_mpi(t, o, err);
}

/* Piece r is rank r's. */
static int share_own(const struct reap_team *t, void *all, size_t size,
                     struct reap_err *err)
{
    size_t *first = reap_calloc(t->ranks + 1, sizeof(*first));
    int rc;

    if (!first)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    for (size_t r = 0; r <= t->ranks; r++)
        first[r] = r;
    rc = t->share(t->ctx, all, size, first, err);
    reap_free(first);
    return rc;
}

int reap_team_agree(const struct reap_team *t, int rc, struct reap_err *err)
{
    struct reap_err *all;
    int shared, worst = REAP_OK;

    if (t->ranks == 1)
        return rc;
    all = reap_calloc(t->ranks, sizeof(*all));
    if (!all)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    all[t->rank].code = rc;
    if (rc)
        snprintf(all[t->rank].msg, sizeof(all->msg), "%s", err->msg);
    shared = share_own(t, all, sizeof(*all), err);
    for (size_t r = 0; !shared && !worst && r < t->ranks; r++) {
        worst = all[r].code;
        if (worst && r)
            reap_fail(err, worst, "rank %zu: %.380s", r, all[r].msg);
        else if (worst)
            reap_fail(err, worst, "%s", all[r].msg);
    }
    reap_free(all);
    return shared ? shared : worst;
}

int reap_team_most(const struct reap_team *t, unsigned char mine,
                   unsigned char *most, struct reap_err *err)
{
    unsigned char *all;
    int rc;

    *most = mine;
    if (t->ranks == 1)
        return REAP_OK;
    all = reap_calloc(t->ranks, 1);
    if (!all)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    all[t->rank] = mine;
    rc = share_own(t, all, 1, err);
    for (size_t r = 0; !rc && r < t->ranks; r++)
        *most = all[r] > *most ? all[r] : *most;
    reap_free(all);
    return rc;
}

int reap_team_same(const struct reap_team *t, uint64_t number, const char *what,
                   struct reap_err *err)
{
    uint64_t *all;
    int rc;

    if (t->ranks == 1)
        return REAP_OK;
    all = reap_calloc(t->ranks, sizeof(*all));
    if (!all)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    all[t->rank] = number;
    rc = share_own(t, all, sizeof(*all), err);
    for (size_t r = 1; !rc && r < t->ranks; r++)
        if (all[r] != all[0])
            rc = reap_fail(err, REAP_EMISFIT, "rank %zu has different %s", r,
                           what);
    reap_free(all);
    return rc;
}

int reap_team_spread(const struct reap_team *t, void *data, size_t size,
                     struct reap_err *err)
{
    size_t *first;
    int rc;

    if (t->ranks == 1)
        return REAP_OK;
    first = reap_calloc(t->ranks + 1, sizeof(*first));
    if (!first)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    for (size_t r = 1; r <= t->ranks; r++)
        first[r] = 1;
    rc = t->share(t->ctx, data, size, first, err);
    reap_free(first);
    return rc;
}

bool reap_team_stop(struct reap_team *t, int rc)
{
    struct own *o = t->ctx;
    bool good = true;

    if (o) {
        good = !o->failed && rc != REAP_ENOMEM && rc != REAP_EIO;
        if (good)
            MPI_Finalize();
        reap_free(o->count);
        reap_free(o->at);
        reap_free(o);
    }
    *t = REAP_TEAM_ALONE;
    return good;
}
