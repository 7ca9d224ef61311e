/* cluster/local.h - the run of one process, and what the first rank shares
 * with it */
#ifndef REAP_CLUSTER_LOCAL_H
#define REAP_CLUSTER_LOCAL_H

#include "cluster/coord.h"
#include "cluster/run.h"
#include "cluster/signals.h"

/* What the loop around a flow remembers: zero but for 'begin'. */
struct reap_watch {
    double begin, shown;
    enum reap_asked heeded;
    bool timed;  /* the time limit was met */
    long parent; /* at the first look */
};

/* Pass on to the coordinator (and its local flow, may be NULL) what signals
 * and the time limit ask for, and show progress a few times a second. */
void reap_watch_look(struct reap_watch *w, const struct reap_run_args *a,
                     struct reap_coord *c, struct reap_flow *flow,
                     size_t workers);

/* Has the launcher that started this rank gone? The rank is then on its own,
 * and nobody waits for it. */
bool reap_watch_orphaned(struct reap_watch *w);

/* Run in this process alone. Returns as reap_run_all(). */
int reap_local_run(const struct reap_run_args *a,
                   struct reap_run_status *status,
                   struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_CLUSTER_LOCAL_H */
