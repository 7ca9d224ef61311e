/*
 * engine/near/kmeans.h - clusters of rows by direction: spherical k-means
 *
 * Rows of length 1; the centre of a cluster is the mean of its rows, scaled to
 * length 1; the objective is the sum of the cosines of rows with their centres,
 * which rounds raise until no row moves. First centres are drawn by k-means++
 * from a seed. A cluster that loses all rows gets the row that is farthest from
 * its centre. The same seed gives the same clusters for any number of threads.
 * Source: Dhillon and Modha, Concept decompositions for large sparse text data
 * (Machine Learning 42, 2001); Arthur and Vassilvitskii, k-means++ (SODA 2007).
 */
#ifndef REAP_ENGINE_NEAR_KMEANS_H
#define REAP_ENGINE_NEAR_KMEANS_H

#include <stdint.h>

#include "engine/near/near.h"

struct reap_kmeans {
    size_t k, n, width;
    float *centre;               /* (k, width), of length 1 */
    struct reap_neighbour *best; /* (n): cluster of a row, its cosine */
    size_t *size;                /* (k): rows */
    double sum;                  /* of the cosines */
    unsigned rounds;
    bool settled; /* no row moved in the last round */
};

/* 'k' clusters, at most one a row; 'most' rounds. 'stop' is asked now and then
 * whether to give up; may be NULL. Returns REAP_OK, REAP_ESTOPPED or
 * REAP_ENOMEM. To be freed in any case. */
int reap_kmeans_run(struct reap_kmeans *m, struct reap_near *near, size_t k,
                    uint64_t seed, unsigned most, bool (*stop)(void),
                    struct reap_err *err) REAP_MUST_CHECK;

void reap_kmeans_free(struct reap_kmeans *m);

#endif /* REAP_ENGINE_NEAR_KMEANS_H */
