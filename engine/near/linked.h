/*
 * engine/near/linked.h - which things hang together, by their links
 *
 * Connected components. Links may come from many threads at once and in any
 * order: what hangs together in the end is the same. Source: Anderson and Woll,
 * Wait-free parallel algorithms for the union-find problem (STOC 1991).
 */
#ifndef REAP_ENGINE_NEAR_LINKED_H
#define REAP_ENGINE_NEAR_LINKED_H

#include <stddef.h>

#include "engine/base/err.h"

struct reap_linked;

/* n < 2^32 things, each alone. REAP_EINVAL, REAP_ENOMEM. */
int reap_linked_new(struct reap_linked **out, size_t n,
                    struct reap_err *err) REAP_MUST_CHECK;

/* Link a and b. Any thread. */
void reap_linked_join(struct reap_linked *l, size_t a, size_t b);

/* The first of all that hang together with i, once no thread links. */
size_t reap_linked_first(struct reap_linked *l, size_t i);

void reap_linked_free(struct reap_linked **l);

#endif /* REAP_ENGINE_NEAR_LINKED_H */
