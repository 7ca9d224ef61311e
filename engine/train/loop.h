/*
 * engine/train/loop.h - the tasks of a loop, shared out among a crew
 *
 * Which thread does which task is left to chance: a task must write nothing
 * that another one reads, and must not depend on who does it.
 */
#ifndef REAP_ENGINE_TRAIN_LOOP_H
#define REAP_ENGINE_TRAIN_LOOP_H

#include "engine/base/crew.h"

/* Task 'task'; 'who' is the thread's number, for scratch of its own. */
typedef void reap_loop_fn(void *ctx, size_t task, size_t who);

/* Do tasks 0 to n - 1 and return when all are done. */
void reap_loop_run(struct reap_crew *c, size_t n, reap_loop_fn *fn, void *ctx);

#endif /* REAP_ENGINE_TRAIN_LOOP_H */
