/*
 * pipeline/trace.h - a log of leases and records, if REAP_TRACE asks for it
 *
 * With REAP_TRACE=FILE in the environment each process appends lines to FILE:
 *
 *   lease PID SHARD ATTEMPT COUNT KEY   a lease was taken; KEY is its first
 *   run PID KEY                         a record goes into the engine now
 *   row PID KEY                         its row has been committed
 *   end PID                             a flow has ended in order
 *
 * The first two are written before the thing is done, so what a killed process
 * began is there. Keys are written as in exports. A failure to write is not
 * told. Any thread.
 */
#ifndef REAP_PIPELINE_TRACE_H
#define REAP_PIPELINE_TRACE_H

#include "pipeline/flow.h"

/* Append the line of that name, if a file is asked for. */
void reap_trace_lease(const struct reap_lease *lease);
void reap_trace_run(struct reap_bytes key);
void reap_trace_row(struct reap_bytes key);
void reap_trace_end(void);

#endif /* REAP_PIPELINE_TRACE_H */
