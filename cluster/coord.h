/*
 * cluster/coord.h - the side of a run that knows all: leases out, rows in
 *
 * One per run, on the process that owns the store. It gives leases, takes
 * results, and commits them in a thread of its own, several in a transaction
 * while more wait; a shard is done only after its commit. The flow on this
 * machine is tied to it by reap_coord_feed() and reap_coord_sink(); workers
 * elsewhere by cluster/serve.h, which calls the same functions. No MPI here.
 * All calls are safe from any thread.
 */
#ifndef REAP_CLUSTER_COORD_H
#define REAP_CLUSTER_COORD_H

#include "cluster/ledger.h"
#include "cluster/run.h"

struct reap_coord;

struct reap_coord_args {
    struct reap_dataset *dataset;
    struct reap_store *store; /* written by the coordinator's thread alone */
    struct reap_schema schema;
    uint64_t limit;
    uint32_t batch;
    size_t workers; /* ids that will be used: 0 is this process */
};

/*
 * Delete the store's marker, read what earlier runs left, start the thread. 'a'
 * and what it points to are borrowed until close. Returns REAP_OK, REAP_ENOMEM
 * (also if no thread can be started), or the codes of reap_todo_open() and of
 * reading the store.
 */
int reap_coord_open(struct reap_coord **out, const struct reap_coord_args *a,
                    struct reap_err *err) REAP_MUST_CHECK;

/* A lease for worker 'w', as reap_ledger_grant(). With 'wait' it waits a moment
 * before it says REAP_GRANT_LATER. */
enum reap_grant reap_coord_grant(struct reap_coord *c, size_t w, bool wait,
                                 struct reap_lease *out);

/* A result: queued for the next commit, dropped if it is not wanted. The
 * bytes are moved. Blocks while too much is queued unless 'now', which returns
 * REAP_ESTOPPED instead and moves nothing. Any other failure is that of an
 * earlier commit, and ends the run. */
int reap_coord_take(struct reap_coord *c, uint64_t shard, uint32_t attempt,
                    uint8_t *bytes, size_t len, bool now,
                    struct reap_err *err) REAP_MUST_CHECK;

/* Is there room for a result, so that reap_coord_take() would not block? */
bool reap_coord_has_room(struct reap_coord *c);

/* Worker 'w' is dead, or gave its leases back unfinished: the ledger's
 * reap_ledger_died() and reap_ledger_returned(). A host that took part is
 * noted in the store. */
void reap_coord_died(struct reap_coord *c, size_t w);
void reap_coord_returned(struct reap_coord *c, size_t w);
void reap_coord_add_host(struct reap_coord *c, const char *host);

/* No more grants; wakes the threads that wait for one. */
void reap_coord_drain(struct reap_coord *c);

/* Has it ended: nothing to lease, nothing out, or drained and nothing out, or
 * failed; and all results committed? */
bool reap_coord_ended(struct reap_coord *c);

/* The failure that ended it, with its message; REAP_OK if there is none. */
int reap_coord_failure(struct reap_coord *c, struct reap_err *err);

/* Counts so far, for progress. */
void reap_coord_status(struct reap_coord *c, struct reap_run_status *out);

/* The two ends of a flow on this machine, worker 0. */
void reap_coord_ends(struct reap_coord *c, struct reap_feed *feed,
                     struct reap_sink *sink);

/*
 * Commit what is queued, end the thread, write the completion marker if each
 * key has a row, and the last of '*status'. Leases that are out stay in the
 * store as suspects. Returns REAP_OK if complete, REAP_ESTOPPED if not, or the
 * failure of a commit or of reading keys.
 */
int reap_coord_close(struct reap_coord **c, struct reap_run_status *status,
                     struct reap_err *err);

#endif /* REAP_CLUSTER_COORD_H */
