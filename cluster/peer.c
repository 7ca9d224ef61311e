/* One receive always posted and one send at a time, both tested and never
 * waited for. A peer that is lost keeps its buffers, as MPI may still write to
 * them. What messages mean is left to serve.c and worker.c. */
#define _GNU_SOURCE
#include <mpi.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cluster/peer.h"
#include "engine/base/clock.h"
#include "engine/base/mem.h"

/* Seconds that one look at a peer counts for at most: a process that was
 * stopped for a minute has not listened for a minute. */
static const double ATTENTION = 1;

struct outgoing {
    struct outgoing *next;
    size_t len;
    uint8_t bytes[];
};

struct reap_peer {
    int rank;
    MPI_Request in, out;
    bool receiving, sending, lost;
    uint8_t *buffer; /* REAP_WIRE_MAX bytes: the posted receive's */
    struct outgoing *first, **end;
    size_t unsent;
    double spoke;
    double looked, quiet; /* when it was polled; seconds without a word */
    uint64_t pid, start;
    bool here; /* on this host */
};

static void post(struct reap_peer *p)
{
    if (p->lost)
        return;
    if (MPI_Irecv(p->buffer, REAP_WIRE_MAX, MPI_BYTE, p->rank, REAP_WIRE_TAG,
                  MPI_COMM_WORLD, &p->in))
        p->lost = true;
    else
        p->receiving = true;
}

int reap_peer_open(struct reap_peer **out, int rank, struct reap_err *err)
{
    struct reap_peer *p = reap_calloc(1, sizeof(*p));

    *out = NULL;
    if (p)
        p->buffer = reap_calloc(1, REAP_WIRE_MAX);
    if (!p || !p->buffer) {
        reap_free(p);
        return reap_fail(err, REAP_ENOMEM, "no memory for rank %d", rank);
    }
    p->rank = rank;
    p->end = &p->first;
    p->looked = p->spoke = reap_clock();
    post(p);
    *out = p;
    return REAP_OK;
}

int reap_peer_send(struct reap_peer *p, const struct reap_message *m,
                   struct reap_err *err)
{
    size_t len = reap_wire_size(m);
    struct outgoing *o;

    if (!len)
        return reap_fail(err, REAP_EBUG, "a %s message is too long",
                         reap_wire_name(m->type));
    if (p->lost)
        return REAP_OK; /* nobody would read it */
    o = reap_calloc(1, sizeof(*o) + len);
    if (!o)
        return reap_fail(err, REAP_ENOMEM, "no memory for a message");
    o->len = len;
    reap_wire_encode(m, o->bytes);
    *p->end = o;
    p->end = &o->next;
    p->unsent++;
    return REAP_OK;
}

static void pop(struct reap_peer *p)
{
    struct outgoing *o = p->first;

    p->first = o->next;
    if (!p->first)
        p->end = &p->first;
    p->unsent--;
    reap_free(o);
}

/* One send at a time: the bytes stay until MPI has let go of them. */
static void push_on(struct reap_peer *p)
{
    int done = 0;

    while (!p->lost && p->first) {
        if (!p->sending) {
            if (MPI_Isend(p->first->bytes, (int)p->first->len, MPI_BYTE,
                          p->rank, REAP_WIRE_TAG, MPI_COMM_WORLD, &p->out)) {
                p->lost = true;
                return;
            }
            p->sending = true;
            p->spoke = reap_clock();
        }
        if (MPI_Test(&p->out, &done, MPI_STATUS_IGNORE))
            p->lost = true;
        if (p->lost || !done)
            return;
        p->sending = false;
        pop(p);
    }
}

/* Time goes on for a peer as long as somebody looks. */
static void count_silence(struct reap_peer *p)
{
    const double t = reap_clock(), gap = t - p->looked;

    p->quiet += gap < ATTENTION ? gap : ATTENTION;
    p->looked = t;
}

bool reap_peer_poll(struct reap_peer *p, struct reap_message *m)
{
    MPI_Status status;
    int done = 0, len = 0;

    count_silence(p);
    push_on(p);
    if (p->lost || !p->receiving)
        return false;
    if (MPI_Test(&p->in, &done, &status)) {
        p->lost = true;
        return false;
    }
    if (!done)
        return false;
    p->receiving = false;
    p->quiet = 0;
    if (MPI_Get_count(&status, MPI_BYTE, &len) ||
        reap_wire_decode(m, p->buffer, (size_t)len, NULL)) {
        p->lost = true;
        return false;
    }
    return true;
}

void reap_peer_next(struct reap_peer *p)
{
    post(p);
}

size_t reap_peer_unsent(const struct reap_peer *p)
{
    return p->unsent;
}

double reap_peer_quiet(const struct reap_peer *p)
{
    return p->quiet;
}

double reap_peer_spoke(const struct reap_peer *p)
{
    return p->spoke;
}

bool reap_peer_lost(const struct reap_peer *p)
{
    return p->lost;
}

void reap_peer_lose(struct reap_peer *p)
{
    p->lost = true;
}

/* Field 22 of /proc/PID/stat, after the name in parentheses. */
uint64_t reap_peer_start_time(uint64_t pid)
{
    char path[40], line[1024];
    unsigned long long start = 0;
    char state = 'Z';
    const char *p;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%llu/stat", (unsigned long long)pid);
    f = fopen(path, "r");
    if (!f)
        return 0;
    if (fgets(line, sizeof(line), f) && (p = strrchr(line, ')')))
        sscanf(p + 1,
               " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
               "%*s %*s %*s %*s %*s %llu",
               &state, &start);
    fclose(f);
    return state == 'Z' || state == 'X' ? 0 : start;
}

void reap_peer_identify(struct reap_peer *p, uint64_t pid, uint64_t start,
                        const char *host)
{
    char here[64] = "";

    gethostname(here, sizeof(here) - 1);
    p->pid = pid;
    p->start = start;
    /* Same name and a process of that start: the same process table. */
    p->here =
        start && !strcmp(host, here) && reap_peer_start_time(pid) == start;
}

bool reap_peer_gone(const struct reap_peer *p)
{
    return p->here && reap_peer_start_time(p->pid) != p->start;
}

void reap_peer_close(struct reap_peer **peer)
{
    struct reap_peer *p = *peer;

    if (!p)
        return;
    /* A lost peer's buffers may still belong to MPI: they are left to it. */
    if (p->receiving && !p->lost) {
        MPI_Cancel(&p->in);
        MPI_Wait(&p->in, MPI_STATUS_IGNORE);
    }
    if (!p->lost) {
        if (p->sending) { /* so may the bytes of a send that nobody takes */
            p->first = p->first->next;
            p->unsent--;
        }
        while (p->first)
            pop(p);
        reap_free(p->buffer);
        reap_free(p);
    }
    *peer = NULL;
}
