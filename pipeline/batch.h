/*
 * pipeline/batch.h - the slots of one thread: filled, run, released
 *
 * A batch takes records until its slots are full, runs the engine on them, and
 * sets their rows. Records that are no good become rows at once and take no
 * slot. One handle per thread.
 */
#ifndef REAP_PIPELINE_BATCH_H
#define REAP_PIPELINE_BATCH_H

#include "pipeline/flow.h"
#include "pipeline/source.h"

struct reap_batch;

/* 'a' and 'source' are borrowed until the batch is freed. REAP_OK, REAP_ENOMEM
 * or the codes of reap_prepare_new() and reap_cursor_open(). */
int reap_batch_new(struct reap_batch **out, const struct reap_flow_args *a,
                   struct reap_source *source,
                   struct reap_err *err) REAP_MUST_CHECK;

/* Slots in use; are all of them? */
size_t reap_batch_filled(const struct reap_batch *b);
bool reap_batch_full(const struct reap_batch *b);

/* Read and prepare one record. Finishes its shard if it was the last row that
 * the shard missed: see reap_batch_run() for what that returns. */
int reap_batch_add(struct reap_batch *b, const struct reap_item *item,
                   struct reap_err *err) REAP_MUST_CHECK;

/* Run the engine on the filled slots, set their rows, release the slots. A
 * shard that is complete goes to the sink. Returns the sink's failure. */
int reap_batch_run(struct reap_batch *b, struct reap_err *err) REAP_MUST_CHECK;

/* Seconds and rows since the last call, added to '*sum'. */
void reap_batch_times(struct reap_batch *b, struct reap_flow_times *sum);

/* Count 'seconds' as waiting. */
void reap_batch_waited(struct reap_batch *b, double seconds);

/* Free '*b', which becomes NULL; NULL does nothing. */
void reap_batch_free(struct reap_batch **b);

#endif /* REAP_PIPELINE_BATCH_H */
