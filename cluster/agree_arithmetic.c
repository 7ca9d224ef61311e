/*
 * Each rank sends a list, the first rank picks and sends the name back; every
 * step has a time limit, so that a rank that is not there delays a start by
 * seconds and no more. What a rank can compute is asked of the engine by the
 * caller.
 */
#define _GNU_SOURCE
#include <mpi.h>
#include <stdio.h>
#include <string.h>

#include "cluster/agree_arithmetic.h"
#include "cluster/local.h"
#include "cluster/mpi.h"
#include "cluster/peer.h"
#include "cluster/rank_marks.h"
#include "cluster/run.h"
#include "engine/base/clock.h"
#include "engine/base/mem.h"

/* Seconds: for offers to come, for messages to be taken, for the answer. */
static const double OFFERS = 10, WORDS = 5, ANSWER = 120;

/* The first rank's side of one other. */
struct other {
    struct reap_peer *peer;
    char *list; /* NULL: not heard of */
};

/* Does a list have the 'n' bytes at 'name' as a line? */
static bool agree_arithmetic_has(const char *list, const char *name, size_t n)
{
    while (*list) {
        size_t line = strcspn(list, "\n");

        if (line == n && !memcmp(list, name, n))
            return true;
        list += line + (list[line] == '\n');
    }
    return false;
}

void reap_agree_arithmetic_choose(const char *const *lists, size_t n,
                                  char out[REAP_ARITHMETIC_MAX])
{
    const char *first = lists[0];

    snprintf(out, REAP_ARITHMETIC_MAX, "%.*s", (int)strcspn(first, "\n"),
             first);
    while (*first) {
        size_t line = strcspn(first, "\n"), agree = 0;

        for (size_t i = 1; i < n; i++)
            agree += !lists[i] || !*lists[i] ||
                     agree_arithmetic_has(lists[i], first, line);
        if (agree == n - 1) {
            snprintf(out, REAP_ARITHMETIC_MAX, "%.*s", (int)line, first);
            return;
        }
        first += line + (first[line] == '\n');
    }
}

static char *agree_arithmetic_copy(struct reap_bytes b)
{
    char *text = reap_calloc(1, b.len + 1);

    if (text && b.len)
        memcpy(text, b.data, b.len);
    return text;
}

/*
 * Move messages along; true if one came. The peer's next receive is not posted:
 * what comes after the offer is for reap_run_all().
 */
static bool listen(struct other *o)
{
    struct reap_message m;

    if (!reap_peer_poll(o->peer, &m))
        return false;
    if (m.type == REAP_MESSAGE_offer && !o->list)
        o->list = agree_arithmetic_copy(m.text[0]);
    return true;
}

static void agree_arithmetic_gather(struct other *o, int ranks)
{
    double until = reap_clock() + OFFERS, slept = 0;
    int missing = ranks - 1;

    while (missing && reap_clock() < until) {
        bool busy = false;

        missing = 0;
        for (int r = 1; r < ranks; r++) {
            busy |= listen(&o[r]);
            missing += !o[r].list && !reap_peer_lost(o[r].peer);
        }
        if (missing)
            reap_nap_longer(busy, &slept);
    }
}

/* Send the same to all, and wait until it has left. */
static int tell(struct other *o, int ranks, const struct reap_message *m,
                struct reap_err *err)
{
    double until = reap_clock() + WORDS, slept = 0;
    size_t unsent = 1;
    int rc = REAP_OK;

    for (int r = 1; r < ranks && !rc; r++)
        rc = reap_peer_send(o[r].peer, m, err);
    while (!rc && unsent && reap_clock() < until) {
        unsent = 0;
        for (int r = 1; r < ranks; r++) {
            listen(&o[r]);
            unsent +=
                reap_peer_lost(o[r].peer) ? 0 : reap_peer_unsent(o[r].peer);
        }
        if (unsent)
            reap_nap_longer(false, &slept);
    }
    return rc;
}

static struct other *open_others(int ranks, struct reap_err *err, int *rc)
{
    struct other *o = reap_calloc((size_t)ranks, sizeof(*o));

    *rc = o ? REAP_OK : reap_fail(err, REAP_ENOMEM, "no memory for the ranks");
    for (int r = 1; r < ranks && !*rc; r++)
        *rc = reap_peer_open(&o[r].peer, r, err);
    return o;
}

static void close_others(struct other *o, int ranks)
{
    for (int r = 1; o && r < ranks; r++) {
        reap_peer_close(&o[r].peer);
        reap_free(o[r].list);
    }
    reap_free(o);
}

static int agree_arithmetic_choose(struct other *o, int ranks, const char *mine,
                                   char out[REAP_ARITHMETIC_MAX],
                                   struct reap_err *err)
{
    const char **lists = reap_calloc((size_t)ranks, sizeof(*lists));

    if (!lists)
        return reap_fail(err, REAP_ENOMEM, "no memory for the ranks");
    lists[0] = mine;
    for (int r = 1; r < ranks; r++)
        lists[r] = o[r].list;
    reap_agree_arithmetic_choose(lists, (size_t)ranks, out);
    reap_free(lists);
    return REAP_OK;
}

static int first(const char *mine, int ranks, char out[REAP_ARITHMETIC_MAX],
                 struct reap_err *err)
{
    struct reap_message m = { .type = REAP_MESSAGE_arithmetic };
    struct other *o;
    int rc;

    o = open_others(ranks, err, &rc);
    if (!rc) {
        agree_arithmetic_gather(o, ranks);
        rc = agree_arithmetic_choose(o, ranks, mine, out, err);
    }
    if (!rc) {
        m.text[0] = (struct reap_bytes){ (const uint8_t *)out, strlen(out) };
        rc = tell(o, ranks, &m, err);
    }
    close_others(o, ranks);
    reap_rank_mark("met");
    return rc;
}

/* Offer 'mine' to the first rank, and wait for its answer. */
static int other(const char *mine, char out[REAP_ARITHMETIC_MAX],
                 struct reap_err *err)
{
    struct reap_message m = { .type = REAP_MESSAGE_offer };
    struct reap_watch watch = { 0 };
    struct reap_peer *boss;
    double until = reap_clock() + ANSWER, slept = 0;
    bool answered = false;
    int rc = reap_peer_open(&boss, 0, err);

    if (rc)
        return rc;
    m.text[0] = (struct reap_bytes){ (const uint8_t *)mine, strlen(mine) };
    rc = reap_peer_send(boss, &m, err);
    while (!rc && !answered) {
        answered = reap_peer_poll(boss, &m);
        if (!answered && (reap_peer_lost(boss) || reap_clock() > until ||
                          reap_watch_orphaned(&watch)))
            rc =
                reap_fail(err, REAP_ESTOPPED, "the first rank does not answer");
        if (!answered && !rc)
            reap_nap_longer(false, &slept);
    }
    if (!rc && m.type != REAP_MESSAGE_arithmetic)
        rc = reap_fail(err, REAP_ESTOPPED,
                       "the first rank sent an unexpected '%s' message",
                       reap_wire_name(m.type));
    if (!rc)
        reap_wire_text(&m, 0, out, REAP_ARITHMETIC_MAX);
    reap_peer_close(&boss);
    return rc;
}

int reap_agree_arithmetic(const char *mine, char out[REAP_ARITHMETIC_MAX],
                          struct reap_err *err)
{
    int rank, ranks, rc;

    if (!reap_run_launched()) {
        reap_agree_arithmetic_choose(&mine, 1, out);
        return REAP_OK;
    }
    reap_rank_mark("ready");
    rc = reap_mpi_start(&rank, &ranks, err);
    if (rc)
        return rc;
    return rank ? other(mine, out, err) : first(mine, ranks, out, err);
}

void reap_agree_arithmetic_cancel(void)
{
    struct reap_message m = { .type = REAP_MESSAGE_end };
    struct reap_err err;
    struct other *o;
    int rank, ranks, rc, on = 0;

    if (MPI_Initialized(&on) || !on || reap_mpi_start(&rank, &ranks, &err) ||
        rank)
        return;
    o = open_others(ranks, &err, &rc);
    if (!rc)
        rc = tell(o, ranks, &m, &err);
    close_others(o, ranks);
    if (!rc)
        MPI_Finalize();
}
