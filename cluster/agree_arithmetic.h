/*
 * cluster/agree_arithmetic.h - the ranks of a job agree on one arithmetic
 *
 * Rows must not depend on who computes them, so all ranks compute in one
 * arithmetic: the best that all can do. Starts MPI; comes before the store is
 * opened, whose fingerprint has it, and before reap_run_all(). Called by the
 * one thread that owns MPI.
 */
#ifndef REAP_CLUSTER_AGREE_ARITHMETIC_H
#define REAP_CLUSTER_AGREE_ARITHMETIC_H

#include <stddef.h>

#include "engine/base/err.h"

enum { REAP_ARITHMETIC_MAX = 128 };

/*
 * The first arithmetic of 'lists[0]' that is in all the other lists; empty and
 * NULL lists are ignored. Lists are names, each ended by a newline, best first.
 * Without a common one the first of lists[0] is taken. Stores the name in
 * 'out', "" if lists[0] is empty. Any thread, MPI or not.
 */
void reap_agree_arithmetic_choose(const char *const *lists, size_t n,
                                  char out[REAP_ARITHMETIC_MAX]);

/*
 * 'mine' is this rank's list; 'out' receives what was agreed on, which this
 * rank may be unable to do. Without a launcher it is the first of 'mine'. A
 * rank that is not heard of for some seconds is left out. Returns REAP_OK,
 * REAP_EIO (MPI failed), REAP_ENOMEM, or REAP_ESTOPPED where the first rank
 * does not answer.
 */
int reap_agree_arithmetic(const char *mine, char out[REAP_ARITHMETIC_MAX],
                          struct reap_err *err) REAP_MUST_CHECK;

/* The run will not begin, as the first rank has failed after all had agreed:
 * tell the others that it is over. Does nothing on other ranks. */
void reap_agree_arithmetic_cancel(void);

#endif /* REAP_CLUSTER_AGREE_ARITHMETIC_H */
