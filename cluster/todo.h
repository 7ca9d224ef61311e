/*
 * cluster/todo.h - the keys of a dataset that have no row in a store
 *
 * A lazy merge of both in key order: nothing is listed in advance, memory does
 * not grow. Rows that are committed before the place it has reached are not
 * looked at again. One thread at a time.
 */
#ifndef REAP_CLUSTER_TODO_H
#define REAP_CLUSTER_TODO_H

#include "cluster/ledger.h"
#include "io/dataset/dataset.h"
#include "io/store/store.h"

struct reap_todo;

/*
 * Begin the walk. Keys leased by two or more workers that died are handed out
 * last, in a second walk, those with the fewest deaths first. 'limit': the
 * first keys of the dataset only, 0 for all. 'suspect': runs of keys that an
 * earlier job left behind, in any order; moved. 'ds' and 'store' are borrowed
 * until close. Returns REAP_OK, REAP_ENOMEM or the codes of reap_cursor_open().
 */
int reap_todo_open(struct reap_todo **out, struct reap_dataset *ds,
                   struct reap_store *store, uint64_t limit,
                   struct reap_suspect *suspect, size_t n_suspects,
                   struct reap_err *err) REAP_MUST_CHECK;

/* The two calls of a struct reap_todo_source, with its codes; 'ctx' is the
 * todo. */
int reap_todo_next(void *ctx, uint32_t max, struct reap_lease *out,
                   uint32_t *deaths, struct reap_err *err);
int reap_todo_after(void *ctx, struct reap_lease *run, struct reap_err *err);

/* The suspects whose keys have not been given out: at most 'room' of them to
 * 'out', how many is returned. A job that ends before it comes to them must
 * leave them to the next one. */
size_t reap_todo_suspects(const struct reap_todo *t, struct reap_suspect *out,
                          size_t room);

/* Keys looked at so far: how many the run covers, once reap_todo_next() has
 * said that there are no more. */
uint64_t reap_todo_seen(const struct reap_todo *t);

/* Close '*t', which becomes NULL; NULL does nothing. */
void reap_todo_close(struct reap_todo **t);

#endif /* REAP_CLUSTER_TODO_H */
