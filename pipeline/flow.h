/*
 * pipeline/flow.h - what one rank does with its shards
 *
 * Threads that read, prepare, run the engine and fill blocks, between two open
 * ends: a feed gives leases, a sink takes finished blocks. Neither MPI nor the
 * store's writer is known here; one machine and a cluster tie the ends to
 * different things, and the flow cannot tell. Any thread may call, but join()
 * comes last.
 */
#ifndef REAP_PIPELINE_FLOW_H
#define REAP_PIPELINE_FLOW_H

#include <stdint.h>

#include "engine/engine.h"
#include "io/dataset/dataset.h"
#include "io/file/limits.h"
#include "io/store/block.h"
#include "pipeline/prepare.h"

/* A run of 'count' consecutive keys of the dataset from 'key' on. */
struct reap_lease {
    uint64_t shard;
    uint32_t attempt, count;
    uint32_t key_len;
    uint8_t key[REAP_KEY_MAX];
    uint8_t flags; /* REAP_LEASE_* */
};
enum {
    REAP_LEASE_CONDEMNED = 1 /* do not compute: its one record killed two
                                ranks alone; make a 'crashed' row */
};

enum reap_fed { REAP_FED, REAP_FED_LATER, REAP_FED_END };

/* Ask for a lease: REAP_FED_LATER when none is at hand. With 'wait' it blocks
 * a moment before it says so, and no longer: the caller may have to stop, for
 * example because another thread of its flow has failed. Any thread. */
struct reap_feed {
    void *ctx;
    enum reap_fed (*next)(void *ctx, bool wait, struct reap_lease *out);
};

/* Take a finished block as encoded bytes, moved on success. May block (that
 * is the back pressure). Any thread. */
struct reap_sink {
    void *ctx;
    int (*put)(void *ctx, const struct reap_lease *lease, uint8_t *bytes,
               size_t len, struct reap_err *err);
};

struct reap_flow_args {
    struct reap_dataset *dataset;
    const struct reap_engine *engine;
    const struct reap_preset *preset;
    struct reap_limits limits;
    enum reap_label_from label_from;
    struct reap_schema schema; /* column i is output i of the engine */
    unsigned l2;               /* bit i: scale column i to length 1 */
    size_t threads, batch;
    uint32_t rank;
    struct reap_feed feed;
    struct reap_sink sink;
};

/* Where the time of a rank went, in seconds summed over threads. */
struct reap_flow_times {
#define STAGE(name, about) double name;
#include "pipeline/stages.def"
#undef STAGE
    uint64_t rows, bad;
};

struct reap_flow;

/* Start the threads. '*a' is copied; what it points to is borrowed until join.
 * REAP_OK, REAP_ENOMEM (also for threads) or the codes of reap_cursor_open().
 */
int reap_flow_start(struct reap_flow **out, const struct reap_flow_args *a,
                    struct reap_err *err) REAP_MUST_CHECK;
/* Take no more leases; finish those in hand. Any thread; returns at once. */
void reap_flow_drain(struct reap_flow *f);
/* Stop after the batch in hand, and drop unfinished leases. */
void reap_flow_stop(struct reap_flow *f);
/* True once all threads have ended. */
bool reap_flow_done(struct reap_flow *f);
/* Times and counts of all threads so far. */
void reap_flow_times(struct reap_flow *f, struct reap_flow_times *out);
/* Wait for the threads, free, set NULL. Returns the first failure of a sink
 * or a cursor, or REAP_OK. */
int reap_flow_join(struct reap_flow **f, struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_PIPELINE_FLOW_H */
