/*
 * cluster/ledger.h - which keys are to do, leased, done; and what deaths mean
 *
 * Pure logic: no MPI, no LMDB, no threads and no clock of its own (seconds are
 * passed in), so that tests and simulations can drive it. Keys come as runs
 * from outside; the ledger cuts them into shards, hands these out as leases,
 * and takes results back once.
 *
 *   attempt   every lease of a shard has its own number; a result whose number
 *             is not leased any more is refused (a worker that was given up
 *             for dead, and came back)
 *   deaths    a worker that dies makes its shards suspects: each is leased
 *             again; after a second death its records are replayed one at a
 *             time, to workers that hold nothing else; a record that kills
 *             twice alone is condemned: its row is made without touching it
 *   tail      with nothing left to lease, the oldest lease is given to a
 *             second worker once it is late; the first result counts
 */
#ifndef REAP_CLUSTER_LEDGER_H
#define REAP_CLUSTER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"
#include "io/store/store.h"
#include "pipeline/flow.h"

/* Where keys come from. */
struct reap_todo_source {
    void *ctx;
    /* The next run of at most 'max' consecutive keys without a row, all of
     * which have been in the hands of as many dead workers: '*deaths'. A run
     * of 0 keys means that it has looked long enough for one call. Returns
     * REAP_OK, REAP_ENOTFOUND when there are no more, or a failure. */
    int (*next)(void *ctx, uint32_t max, struct reap_lease *out,
                uint32_t *deaths, struct reap_err *err);
    /* Move a run's 'key' to the dataset's next key. Same codes. */
    int (*after)(void *ctx, struct reap_lease *run, struct reap_err *err);
};

struct reap_ledger_args {
    struct reap_todo_source todo;
    uint64_t total;   /* keys to do in all, an estimate for the tail */
    size_t row_bytes; /* of a result, for the limit of a lease */
    uint32_t batch;   /* rows of a forward pass; leases are multiples */
    size_t workers;   /* most that can take part; ids are below this */
};

struct reap_ledger;

/* An empty ledger; '*a' is copied. REAP_OK or REAP_ENOMEM. One thread at a time
 * for this and all calls that follow. */
int reap_ledger_new(struct reap_ledger **out, const struct reap_ledger_args *a,
                    struct reap_err *err) REAP_MUST_CHECK;

enum reap_grant { REAP_GRANT, REAP_GRANT_LATER, REAP_GRANT_NONE };

/*
 * Give worker 'w' a lease. LATER: nothing now, but a death or a late worker
 * may bring some; NONE: all is done. '*rc' receives a failure of the todo
 * source or of memory, with LATER.
 */
enum reap_grant reap_ledger_grant(struct reap_ledger *l, size_t w, double now,
                                  struct reap_lease *out, int *rc,
                                  struct reap_err *err);

/* Did the last LATER only mean that the todo source stopped after a while?
 * Then ask again at once. */
bool reap_ledger_scanning(const struct reap_ledger *l);

/* Is a result with this shard and attempt still wanted? */
bool reap_ledger_wants(const struct reap_ledger *l, uint64_t shard,
                       uint32_t attempt);

/* A wanted result is here and will be committed: its worker's death or return
 * means nothing for it any more. */
void reap_ledger_arrived(struct reap_ledger *l, uint64_t shard,
                         uint32_t attempt);

/* A result has been committed: forget the shard, learn the worker's rate.
 * False if it was not wanted. */
bool reap_ledger_done(struct reap_ledger *l, uint64_t shard, uint32_t attempt,
                      double now);

/* Worker 'w' is dead (or given up): its leases, but for those whose result has
 * arrived, become suspects. Returns how many there were. */
size_t reap_ledger_died(struct reap_ledger *l, size_t w);

/* Worker 'w' gave its leases back unfinished, and is well. */
void reap_ledger_returned(struct reap_ledger *l, size_t w);

/* No grants from now on. */
void reap_ledger_drain(struct reap_ledger *l);

/* Drained with nothing out: ask the todo source once whether keys are left. A
 * ledger that gave its last lease could not know otherwise. */
void reap_ledger_look(struct reap_ledger *l);

/* Leases that are out. */
size_t reap_ledger_open(const struct reap_ledger *l);
/* Do all keys have a row, that is: nothing to lease, nothing out? */
bool reap_ledger_complete(const struct reap_ledger *l);
/* Keys leased more than once. */
uint64_t reap_ledger_redone(const struct reap_ledger *l);

/*
 * The suspects, as the store remembers them between runs: at most 'room'
 * entries, how many is returned. What worker 0 holds counts one death more
 * than it has had, because worker 0 is the process that writes this down: if no
 * later list replaces this one, that process has died. Deaths of other workers
 * are counted when they are noticed.
 */
size_t reap_ledger_suspects(const struct reap_ledger *l,
                            struct reap_suspect *out, size_t room);

/* Free '*l', which becomes NULL; NULL does nothing. */
void reap_ledger_free(struct reap_ledger **l);

#endif /* REAP_CLUSTER_LEDGER_H */
