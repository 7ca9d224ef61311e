/*
 * cluster/agree_arithmetic.h - the ranks of a job agree on the arithmetic, and
 * what if not
 *
 * Rows must not depend on who computes them, so all ranks compute in one
 * arithmetic class: the best that all can do. Starts MPI; comes before the
 * store is opened, whose fingerprint has the class, and before
 * reap_run_all().
 */
#ifndef REAP_CLUSTER_AGREE_ARITHMETIC_H
#define REAP_CLUSTER_AGREE_ARITHMETIC_H

#include <stddef.h>

#include "engine/base/err.h"

enum { REAP_ARITHMETIC_MAX = 128 };

/*
 * The first class of 'lists[0]' that is in all the others, an empty or NULL
 * one aside: who can do nothing has no say. Lists are names, each ended by a
 * newline, best first. Without such a class the first of lists[0] is taken.
 * Stores the name in 'out', "" if lists[0] is empty.
 */
void reap_agree_arithmetic_choose(const char *const *lists, size_t n,
                                  char out[REAP_ARITHMETIC_MAX]);

/*
 * 'mine' is this rank's list; 'out' receives what was agreed on, which this
 * rank may be unable to do. Without a launcher it is the first of 'mine'. Who
 * is not heard of for some seconds has no say. REAP_EIO, REAP_ENOMEM, and
 * REAP_ESTOPPED where the first rank does not answer.
 */
int reap_agree_arithmetic(const char *mine, char out[REAP_ARITHMETIC_MAX],
                          struct reap_err *err) REAP_MUST_CHECK;

/* The run will not begin, as the first rank has failed after all had agreed:
 * tell the others that it is over. Nothing on other ranks. */
void reap_agree_arithmetic_cancel(void);

#endif /* REAP_CLUSTER_AGREE_ARITHMETIC_H */
