/*
 * jobs/search/copies.h - groups of near duplicates among the rows of a store
 *
 * Two rows are near duplicates if their cosine is at least so much; a group is
 * all that hang together by such pairs. Every pair counts, also where a row has
 * more near duplicates than the graph has neighbours.
 */
#ifndef REAP_JOBS_SEARCH_COPIES_H
#define REAP_JOBS_SEARCH_COPIES_H

#include "engine/near/linked.h"
#include "jobs/search/near_graph.h"

struct reap_copy {
    size_t row;
    bool keep;    /* the best of its group */
    bool same;    /* the same bytes as an earlier row of the group */
    size_t h, w;  /* of the image, 0 if it cannot be had */
    double sharp; /* variance of the Laplacian at the network's size */
    float cosine; /* with the one that is kept */
};

struct reap_copies {
    size_t n, n_groups;
    struct reap_copy *copy; /* by groups, the largest group first; in a group
                               by keys */
    size_t *first;          /* (n_groups + 1): where groups begin */
};

/* Find the groups. Returns the codes of reap_near_graph_open(). */
int reap_copies_open(struct reap_copies *c, struct reap_vectors *v,
                     float cosine, struct reap_err *err) REAP_MUST_CHECK;

/*
 * Choose the one to keep: the most pixels, then the sharpest, then the first
 * key. Images come from the store's dataset; a remark says so where it cannot
 * be read, and the first key is kept.
 */
int reap_copies_choose(struct reap_copies *c, struct reap_vectors *v,
                       struct reap_err *err) REAP_MUST_CHECK;

void reap_copies_close(struct reap_copies *c);

#endif /* REAP_JOBS_SEARCH_COPIES_H */
