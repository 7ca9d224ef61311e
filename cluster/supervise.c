/* Start mpirun, watch it and what the ranks leave in a small file, kill what
 * hangs, look into the store, start again. The store alone decides whether the
 * run is complete. The flags of mpirun are launch.c's. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cluster/cause.h"
#include "cluster/hosts.h"
#include "cluster/launch.h"
#include "cluster/rank_marks.h"
#include "cluster/run.h"
#include "cluster/signals.h"
#include "cluster/supervise.h"
#include "engine/base/clock.h"
#include "engine/base/err.h"
#include "io/file/status.h"
#include "io/out/create.h"
#include "io/store/store.h"

/*
 * Seconds. START: from the start of mpirun until a rank shows that it runs,
 * and more for each rank. MEET: from the last rank that was ready until they
 * have met. SILENT: without a sign of life of the first rank. END: from its end
 * until mpirun must be gone. DRAIN: for what ranks have begun. TERM: between
 * SIGTERM and SIGKILL. HOSTS: for a host to answer.
 */
static const double START = 60, START_A_RANK = 0.2, MEET = 30, SILENT = 60,
                    END = 10, DRAIN = 300, TERM = 5, HOSTS = 15;

static const double LOOK = 0.1;
enum { STARTS = 3, OLD = 120 /* seconds without a mark */ };

struct supervisor {
    struct reap_launch launch;
    const char *store, *hostfile;
    double time_limit, begun; /* 0: none; when this process began */
    char marks_path[4096], hosts_path[4096];
    pid_t pid;
    int status; /* of mpirun, when it has ended */
    struct reap_rank_marks marks;
    struct reap_cause cause;
    /* Seconds that were watched, a pause of this process aside: since mpirun
     * began, a mark came, a beat came, the first rank ended, a drain began,
     * mpirun was told to end. */
    struct {
        double start, mark, beat, end, drain, term;
    } since;
    double looked;
    bool told; /* mpirun was told to end */
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

/* An empty file for the marks of one start. Where none can be made the store
 * cannot either, which the first rank tells. */
static void clear_marks(struct supervisor *s)
{
    int fd;

    unlink(s->marks_path);
    fd = reap_create_own(s->marks_path, O_WRONLY | O_CREAT | O_EXCL);
    if (fd >= 0)
        close(fd);
    memset(&s->marks, 0, sizeof(s->marks));
    memset(&s->since, 0, sizeof(s->since));
    s->looked = reap_clock();
    s->told = false;
}

/* Let the clocks go on by the time that was watched. */
static void count_time(struct supervisor *s)
{
    const double t = reap_clock(), gap = t - s->looked;
    const double d = gap < 1 ? gap : 1;

    s->looked = t;
    s->since.start += d;
    s->since.mark += d;
    s->since.beat += d;
    if (s->marks.ended)
        s->since.end += d;
    if (s->heeded != REAP_ASKED_NOTHING)
        s->since.drain += d;
    if (s->told)
        s->since.term += d;
}

static void look_at_marks(struct supervisor *s)
{
    const struct reap_rank_marks before = s->marks;

    reap_rank_marks_read(s->marks_path, &s->marks);
    if (s->marks.length != before.length)
        s->since.mark = 0;
    if (s->marks.beats != before.beats)
        s->since.beat = 0;
}

/* mpirun passes SIGUSR1 on to the ranks, and nothing else without ending. */
static void pass_on(struct supervisor *s)
{
    enum reap_asked asked = reap_signals_asked();

    if (s->time_limit > 0 && reap_clock() - s->begun > s->time_limit + END)
        asked = REAP_ASKED_DRAIN; /* no rank has noticed by itself */
    if (asked == REAP_ASKED_NOTHING || s->heeded != REAP_ASKED_NOTHING)
        return;
    s->heeded = REAP_ASKED_DRAIN;
    kill(s->pid, SIGUSR1);
}

/* Some ranks wait for others that will never come, or mpirun for ranks that
 * are gone, or nobody has begun who could drain. */
static bool is_stuck(const struct supervisor *s)
{
    const struct reap_rank_marks *m = &s->marks;
    const double ranks = (double)s->launch.ranks;

    if (m->ended)
        return s->since.end > END;
    if (s->heeded != REAP_ASKED_NOTHING)
        return s->since.drain > (m->met ? DRAIN : TERM);
    if (!m->ready && !m->beats)
        return s->since.start > START + START_A_RANK * ranks;
    if (!m->ready)
        return s->since.beat > SILENT;
    if (!m->met)
        return s->since.mark > MEET + START_A_RANK * ranks;
    return m->beats && s->since.beat > SILENT;
}

/* Until mpirun has ended and nothing of its session is left here. */
static void watch(struct supervisor *s)
{
    while (!waitpid(s->pid, &s->status, WNOHANG)) {
        count_time(s);
        look_at_marks(s);
        pass_on(s);
        if (is_stuck(s) && !s->told) {
            s->told = true;
            kill(s->pid, SIGTERM);
        } else if (s->told && s->since.term > TERM) {
            reap_launch_kill(s->pid, SIGKILL);
        }
        reap_nap(LOOK);
    }
    look_at_marks(s);
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
    const struct reap_rank_marks *g = &s->marks;
    const bool stopped = s->heeded != REAP_ASKED_NOTHING || g->time || g->drain;

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

/* Marks and hosts of this process, beside the store. */
static int name_files(struct supervisor *s, struct reap_err *err)
{
    size_t n = strlen(s->store);
    const int room = (int)sizeof(s->marks_path);

    while (n > 1 && s->store[n - 1] == '/')
        n--;
    if (snprintf(s->marks_path, sizeof(s->marks_path), "%.*s.ranks-%ld", (int)n,
                 s->store, (long)getpid()) >= room ||
        snprintf(s->hosts_path, sizeof(s->hosts_path), "%.*s.hosts-%ld", (int)n,
                 s->store, (long)getpid()) >= room)
        return reap_fail(err, REAP_EINVAL, "-o %s: the path is too long",
                         s->store);
    return REAP_OK;
}

/* Is "NAME.ranks-PID" a file of a supervisor of this store that is gone? */
static bool is_left(const char *name, const char *store)
{
    const size_t n = strlen(store);
    char *end = NULL;
    long pid = 0;

    if (!strncmp(name, store, n) && !strncmp(name + n, ".ranks-", 7))
        pid = strtol(name + n + 7, &end, 10);
    else if (!strncmp(name, store, n) && !strncmp(name + n, ".hosts-", 7))
        pid = strtol(name + n + 7, &end, 10);
    return end && !*end && pid > 1 && kill((pid_t)pid, 0) && errno == ESRCH;
}

/* What killed supervisors left beside the store. Another host's are not told
 * from ours: they go as well, if no process here has their number, and a
 * supervisor there makes its own anew when it starts again. */
static void clean_up(const struct supervisor *s)
{
    char dir[4096], path[8192];
    const char *slash, *base;
    const struct dirent *e;
    struct stat st;
    DIR *d;

    snprintf(dir, sizeof(dir), "%s", s->marks_path);
    slash = strrchr(dir, '/');
    if (slash)
        dir[slash - dir] = '\0';
    d = opendir(slash ? (*dir ? dir : "/") : ".");
    base = strrchr(s->marks_path, '/');
    base = base ? base + 1 : s->marks_path;
    snprintf(path, sizeof(path), "%.*s", (int)(strrchr(base, '.') - base),
             base);
    while (d && (e = readdir(d)))
        if (is_left(e->d_name, path) &&
            !fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
            S_ISREG(st.st_mode) && st.st_mtime + OLD < time(NULL))
            unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        closedir(d);
}

/* Before another start: hosts that do not answer are left out, and told. */
static int leave_out_lost(struct supervisor *s, struct reap_err *err)
{
    char names[400];
    size_t lost;
    int rc;

    if (!s->hostfile)
        return REAP_OK;
    rc = reap_hosts_answering(s->hostfile, s->hosts_path, HOSTS, &lost, names,
                              sizeof(names), err);
    if (rc)
        return rc;
    s->launch.hostfile = lost ? s->hosts_path : s->hostfile;
    if (lost)
        fprintf(stderr, "reap: without %s, which do%s not answer\n", names,
                lost == 1 ? "es" : "");
    return REAP_OK;
}

/* Some starts were in vain: why? */
static int give_up(const struct supervisor *s, int starts, struct reap_err *err)
{
    char cause[300];

    reap_cause_find(&s->cause, s->launch.ranks, s->status, cause,
                    sizeof(cause));
    return reap_fail(err, *cause ? REAP_ENOMEM : REAP_ESTOPPED,
                     "mpirun ended %d time%s without a new row in %s: %s",
                     starts, starts == 1 ? "" : "s", s->store,
                     *cause ? cause
                            : "what it said stands above; without --ranks reap "
                              "runs alone");
}

/* No rank ever ran, and it is known why: another start would be the same. */
static bool is_hopeless(const struct supervisor *s)
{
    char cause[300];

    return !s->marks.ready && !s->marks.beats &&
           *reap_cause_find(&s->cause, s->launch.ranks, 0, cause,
                            sizeof(cause));
}

static int run_on(struct supervisor *s, struct reap_err *err)
{
    uint64_t before, rows;
    bool complete;
    int rc, vain = 0;

    look_at_store(s, &before, &complete);
    while (vain < STARTS) {
        clear_marks(s);
        rc = reap_launch_start(&s->launch, &s->pid, err);
        if (rc)
            return rc;
        watch(s);
        look_at_store(s, &rows, &complete);
        if (supervise_settle(s, complete, &rc, err))
            return rc;
        vain = rows > before ? 0 : vain + 1;
        before = rows;
        if (vain && is_hopeless(s))
            return give_up(s, vain, err);
        rc = vain < STARTS ? leave_out_lost(s, err) : REAP_OK;
        if (rc)
            return rc;
    }
    return give_up(s, vain, err);
}

int reap_supervise(int argc, char **argv, uint64_t ranks, const char *hostfile,
                   const char *store, double time_limit, struct reap_err *err)
{
    struct supervisor s = { .launch = { .argc = argc,
                                        .argv = argv,
                                        .ranks = ranks,
                                        .hostfile = hostfile },
                            .store = store,
                            .hostfile = hostfile,
                            .time_limit = time_limit,
                            .begun = reap_clock() };
    int rc;

    if (!store)
        return reap_fail(err, REAP_EINVAL, "-o STORE is needed");
    if (!ranks || ranks > 100000)
        return reap_fail(err, REAP_EINVAL, "--ranks %llu: 1 to 100000",
                         (unsigned long long)ranks);
    if (hostfile && access(hostfile, R_OK))
        return reap_fail(err, REAP_ENOTFOUND, "--hostfile %s: %s", hostfile,
                         strerror(errno));
    s.launch.sign = s.marks_path;
    rc = reap_launch_version(s.launch.version, err);
    if (!rc)
        rc = name_files(&s, err);
    if (rc)
        return rc;
    clean_up(&s);
    reap_cause_begin(&s.cause);
    reap_signals_install();
    rc = run_on(&s, err);
    unlink(s.marks_path);
    unlink(s.hosts_path);
    return rc;
}
