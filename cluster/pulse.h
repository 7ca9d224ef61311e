/*
 * cluster/pulse.h - long work of the first rank that the others wait for
 *
 * Only one thread may call MPI. What may take minutes (opening a store, looking
 * for records that changed, the last commit) therefore runs in a thread of its
 * own, while the one that owns MPI tells the other ranks that this one lives.
 */
#ifndef REAP_CLUSTER_PULSE_H
#define REAP_CLUSTER_PULSE_H

#include "engine/base/err.h"

typedef int reap_pulse_fn(void *ctx, struct reap_err *err);

/*
 * Call work(ctx, err) and return what it returns. On the first of several ranks
 * that have met (reap_agree_arithmetic()), they hear of this one all the while;
 * elsewhere it is a plain call. MPI belongs to the caller's thread: 'work' must
 * not use it.
 */
int reap_pulse_while(reap_pulse_fn *work, void *ctx,
                     struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_CLUSTER_PULSE_H */
