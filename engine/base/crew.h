/*
 * engine/base/crew.h - threads that do the same thing at the same time, often
 *
 * For work in short steps. Between two tasks the threads look for the next one
 * for some microseconds, then sleep; within a task they may wait for each
 * other, which takes less than a microsecond where all come at the same time,
 * and no time of a core where one stays away for long. One thread owns a crew
 * and calls it.
 */
#ifndef REAP_ENGINE_BASE_CREW_H
#define REAP_ENGINE_BASE_CREW_H

#include <stddef.h>

#include "engine/base/err.h"

struct reap_crew;
typedef void reap_crew_fn(void *ctx, size_t thread);

/* 'threads' in all, 1 or more; the caller's is the first. REAP_OK, or
 * REAP_ENOMEM if there is no memory or no thread can be started. */
int reap_crew_new(struct reap_crew **out, size_t threads,
                  struct reap_err *err) REAP_MUST_CHECK;

/* Threads in all. */
size_t reap_crew_size(const struct reap_crew *c);

/* Call fn(ctx, 0), fn(ctx, 1), ... each in its thread; returns when all have.
 */
void reap_crew_run(struct reap_crew *c, reap_crew_fn *fn, void *ctx);

/* Within a task, called by every thread of the crew equally often: returns once
 * all have called. Each may then read what the others wrote before. */
void reap_crew_meet(struct reap_crew *c);

/* The share of thread 'i' of 'n' things: '*from' up to below what is returned.
 */
static inline size_t reap_crew_share(size_t n, size_t i, size_t threads,
                                     size_t *from)
{
    *from = n * i / threads;
    return n * (i + 1) / threads;
}

/* Free '*c', which becomes NULL; NULL does nothing. */
void reap_crew_free(struct reap_crew **c);

#endif /* REAP_ENGINE_BASE_CREW_H */
