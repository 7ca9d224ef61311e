/*
 * pipeline/source.h - leases in, records out
 *
 * Turns the leases of a feed into single records for the threads of a flow. A
 * lease in hand is a shard: its block, and how many of its rows are still
 * missing. Any thread; one cursor walks the dataset, under the lock.
 */
#ifndef REAP_PIPELINE_SOURCE_H
#define REAP_PIPELINE_SOURCE_H

#include <stdatomic.h>

#include "pipeline/flow.h"

struct reap_shard {
    struct reap_lease lease;
    struct reap_block *block;
    atomic_uint missing; /* rows that are not set yet */
    double since;        /* when the lease came, CLOCK_MONOTONIC */
    struct reap_shard *before, *after; /* all that are in hand */
};

/* One record to do: row 'index' of the shard. The bytes are lent until the
 * source is closed. */
struct reap_item {
    struct reap_shard *shard;
    uint32_t index;
    struct reap_record rec;
};

struct reap_source;

/* 'ds' is borrowed until close, '*feed' and '*schema' are copied. REAP_OK,
 * REAP_ENOMEM or the codes of reap_cursor_open(). */
int reap_source_open(struct reap_source **out, struct reap_dataset *ds,
                     const struct reap_feed *feed,
                     const struct reap_schema *schema,
                     struct reap_err *err) REAP_MUST_CHECK;

/* The next record. With 'wait' blocks until there is one or no more will
 * come. A failure (the dataset lacks the leased keys, no memory) ends the
 * source for all threads and is kept for reap_source_close(). */
enum reap_fed reap_source_next(struct reap_source *s, bool wait,
                               struct reap_item *out);

/* No more records after those of the leases in hand (drain), or none at all.
 * Neither wakes a thread that waits inside the feed: its owner does that. */
void reap_source_drain(struct reap_source *s);
void reap_source_stop(struct reap_source *s);

/* Forget a shard whose rows are all set and sent. */
void reap_source_release(struct reap_source *s, struct reap_shard *sh);

/* Shards that were not finished are dropped. Returns the failure that ended
 * the source, or REAP_OK. */
int reap_source_close(struct reap_source **s, struct reap_err *err);

#endif /* REAP_PIPELINE_SOURCE_H */
