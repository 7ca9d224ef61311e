/* Start mpirun, watch it and what the ranks leave in a small file, kill what
 * hangs, look into the store, start again. The store alone decides whether the
 * run is complete. The flags of mpirun are launch.c's. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cluster/launch.h"
#include "cluster/rank_marks.h"
#include "cluster/run.h"
#include "cluster/signals.h"
#include "cluster/supervise.h"
#include "engine/base/clock.h"
#include "engine/base/err.h"
#include "io/file/status.h"
#include "io/store/store.h"

/* Seconds: from the last rank that was ready until they meet; from then until
 * all say hello, as the store is waited for and networks are compiled; from the
 * end of the first rank until mpirun must be gone; between SIGTERM and KILL */
static const double MEET = 30, HELLO = 150, END = 10, TERM = 5;

static const double LOOK = 0.1;
enum { STARTS = 3 };

struct supervisor {
    struct reap_launch launch;
    const char *store;
    char sign[4096];
    pid_t pid;
    struct reap_rank_marks signs;
    double news;  /* when a sign came last */
    double ended; /* when the first rank said that it ends; 0: not yet */
    double term;  /* when mpirun was told to end; 0: not yet */
    enum reap_asked heeded;
};

int reap_supervise_check(bool ranks_given, struct reap_err *err)
{
    const char *tasks = getenv("SLURM_STEP_NUM_TASKS");

    if (ranks_given && reap_run_launched() && !reap_rank_marks_wanted())
        return reap_fail(err, REAP_EINVAL,
                         "--ranks starts mpirun itself: leave it out under "
                         "mpirun or srun");
    if (!reap_run_launched() && getenv("SLURM_PROCID") && tasks &&
        strtol(tasks, NULL, 10) > 1)
        return reap_fail(err, REAP_EINVAL,
                         "%s tasks of Slurm run this command, and none knows "
                         "of the others: start it with srun --mpi=pmix",
                         tasks);
    return REAP_OK;
}

/* An empty file for the signs of one start. Where none can be made the store
 * cannot either, which the first rank tells. */
static void clear_signs(struct supervisor *s)
{
    int fd = open(s->sign, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

    if (fd >= 0)
        close(fd);
    memset(&s->signs, 0, sizeof(s->signs));
    s->news = reap_clock();
    s->ended = s->term = 0;
}

static void look_at_signs(struct supervisor *s)
{
    size_t before = s->signs.length;

    reap_rank_marks_read(s->sign, &s->signs);
    if (s->signs.length != before)
        s->news = reap_clock();
    if (s->signs.ended && !(s->ended > 0))
        s->ended = reap_clock();
}

/* mpirun passes SIGUSR1 on to the ranks, and nothing else without ending. */
static void pass_on(struct supervisor *s)
{
    if (reap_signals_asked() == REAP_ASKED_NOTHING ||
        s->heeded != REAP_ASKED_NOTHING)
        return;
    s->heeded = REAP_ASKED_DRAIN;
    kill(s->pid, SIGUSR1);
}

/* Some ranks wait for others that will never come, or mpirun for ranks that
 * are gone. */
static bool is_stuck(const struct supervisor *s)
{
    double t = reap_clock();

    if (s->ended > 0)
        return t - s->ended > END;
    return s->signs.ready && !s->signs.hello &&
           t - s->news > (s->signs.met ? HELLO : MEET);
}

/* Until mpirun has ended and nothing of its session is left here. */
static void watch(struct supervisor *s)
{
    int status;

    while (!waitpid(s->pid, &status, WNOHANG)) {
        look_at_signs(s);
        pass_on(s);
        if (is_stuck(s) && !(s->term > 0)) {
            s->term = reap_clock();
            kill(s->pid, SIGTERM);
        } else if (s->term > 0 && reap_clock() - s->term > TERM) {
            reap_launch_kill(s->pid, SIGKILL);
        }
        reap_nap(LOOK);
    }
    look_at_signs(s);
    /* Ranks that outlive mpirun would hold the store. */
    for (int i = 0; i < 20 && reap_launch_kill(s->pid, SIGTERM); i++)
        reap_nap(LOOK);
    while (reap_launch_kill(s->pid, SIGKILL))
        reap_nap(LOOK);
}

/* Rows in the store, and whether it says that these are all. */
static void look_at_store(const struct supervisor *s, uint64_t *rows,
                          bool *complete)
{
    uint64_t counts[REAP_N_STATUS] = { 0 };
    struct reap_store *store = NULL;

    *rows = 0;
    *complete = false;
    if (reap_store_open(&store, s->store, REAP_STORE_READ, NULL, NULL))
        return; /* there is none yet */
    if (!reap_store_counts(store, counts, NULL))
        for (int i = 0; i < REAP_N_STATUS; i++)
            *rows += counts[i];
    *complete = reap_store_meta(store, "complete") != NULL;
    reap_store_close(&store);
}

/* Which of our codes ends a process with 'status'? */
static int code_of(int status)
{
#define CODE(name, value, exit_status, about) \
    if (status == (exit_status))              \
        return REAP_##name;
#include "engine/base/codes.def"
#undef CODE
    return REAP_EBUG;
}

/* The first rank has said why, on the same stderr: once is enough. */
static int told(int rc, struct reap_err *err)
{
    err->code = rc;
    err->msg[0] = '\0';
    return rc;
}

/* What the end of one start means; true: that was the last. A marker counts
 * once the ranks have met: the first of them deletes an old one before. */
static bool supervise_settle(const struct supervisor *s, bool complete, int *rc,
                             struct reap_err *err)
{
    const struct reap_rank_marks *g = &s->signs;
    const bool stopped = s->heeded != REAP_ASKED_NOTHING || g->time;

    *rc = REAP_OK;
    if (g->ended && complete && !g->status)
        return true;
    if (g->ended && g->status &&
        (stopped || g->status != reap_exit_status(REAP_ESTOPPED)))
        *rc = told(code_of(g->status), err);
    else if (stopped)
        *rc = reap_fail(err, REAP_ESTOPPED,
                        "stopped early; run the same command again to resume");
    return *rc != REAP_OK;
}

static int name_signs(struct supervisor *s, struct reap_err *err)
{
    size_t n = strlen(s->store);

    while (n > 1 && s->store[n - 1] == '/')
        n--;
    if (snprintf(s->sign, sizeof(s->sign), "%.*s.ranks-%ld", (int)n, s->store,
                 (long)getpid()) >= (int)sizeof(s->sign))
        return reap_fail(err, REAP_EINVAL, "-o %s: the path is too long",
                         s->store);
    return REAP_OK;
}

static int run_on(struct supervisor *s, struct reap_err *err)
{
    uint64_t before, rows;
    bool complete;
    int rc, vain = 0;

    look_at_store(s, &before, &complete);
    while (vain < STARTS) {
        clear_signs(s);
        rc = reap_launch_start(&s->launch, &s->pid, err);
        if (rc)
            return rc;
        watch(s);
        look_at_store(s, &rows, &complete);
        if (supervise_settle(s, complete, &rc, err))
            return rc;
        vain = rows > before ? 0 : vain + 1;
        before = rows;
    }
    return reap_fail(err, REAP_ESTOPPED,
                     "mpirun ended %d times without a new row in %s; run "
                     "reap without --ranks to see what is wrong",
                     STARTS, s->store);
}

int reap_supervise(int argc, char **argv, uint64_t ranks, const char *hostfile,
                   const char *store, struct reap_err *err)
{
    struct supervisor s = { .launch = { .argc = argc,
                                        .argv = argv,
                                        .ranks = ranks,
                                        .hostfile = hostfile },
                            .store = store };
    int rc;

    if (!store)
        return reap_fail(err, REAP_EINVAL, "-o STORE is needed");
    if (!ranks || ranks > 100000)
        return reap_fail(err, REAP_EINVAL, "--ranks %llu: 1 to 100000",
                         (unsigned long long)ranks);
    if (hostfile && access(hostfile, R_OK))
        return reap_fail(err, REAP_ENOTFOUND, "--hostfile %s: %s", hostfile,
                         strerror(errno));
    s.launch.sign = s.sign;
    rc = reap_launch_version(s.launch.version, err);
    if (!rc)
        rc = name_signs(&s, err);
    if (rc)
        return rc;
    reap_signals_install();
    rc = run_on(&s, err);
    unlink(s.sign);
    return rc;
}
