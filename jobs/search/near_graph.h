/*
 * jobs/search/near_graph.h - the nearest neighbours of all rows of a store,
 * computed once
 *
 * Kept in the store's folder as "neighbours.COLUMN", or in the cache where the
 * store cannot be written (docs/design.md, section 8). What is kept counts as
 * long as the rows, their inputs and the fingerprint are the same. While it is
 * computed, what has been done is kept beside it every half minute, so that a
 * run that was killed is resumed. It does not depend on threads.
 */
#ifndef REAP_JOBS_SEARCH_NEAR_GRAPH_H
#define REAP_JOBS_SEARCH_NEAR_GRAPH_H

#include "jobs/search/vectors.h"

enum { REAP_NEAR_GRAPH_K = 10, REAP_NEAR_GRAPH_MOST = 1000 };

struct reap_near_graph {
    size_t n, k;                 /* k may be more than was asked for */
    struct reap_neighbour *list; /* (n, k), the nearest first, then -1 */
};

/* Load the graph, with at least k neighbours a row; false if it is not there
 * or too old. */
bool reap_near_graph_load(struct reap_near_graph *g,
                          const struct reap_vectors *v, size_t k);

/* Load it or compute it, 10 neighbours at least. Returns REAP_OK, REAP_ESTOPPED
 * (a signal: the same command resumes) or REAP_ENOMEM. Remarks where it cannot
 * be kept. */
int reap_near_graph_open(struct reap_near_graph *g, struct reap_vectors *v,
                         size_t k, struct reap_err *err) REAP_MUST_CHECK;

void reap_near_graph_close(struct reap_near_graph *g);

#endif /* REAP_JOBS_SEARCH_NEAR_GRAPH_H */
