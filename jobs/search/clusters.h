/*
 * jobs/search/clusters.h - the rows of a store in clusters, described
 *
 * Spherical k-means (engine/near/kmeans.h), the best of several seeds by the
 * sum of cosines. Clusters are numbered by their size.
 */
#ifndef REAP_JOBS_SEARCH_CLUSTERS_H
#define REAP_JOBS_SEARCH_CLUSTERS_H

#include "engine/near/kmeans.h"
#include "jobs/search/vectors.h"

enum { REAP_CLUSTERS_SEEDS = 5, REAP_CLUSTERS_ROUNDS = 300 };

struct reap_cluster {
    size_t rows, medoid;   /* of these the row nearest to the centre */
    double cosine;         /* the mean with the centre */
    int32_t label;         /* the most frequent one, -1: none */
    size_t labelled, most; /* rows with a label, with that one */
};

struct reap_clusters {
    struct reap_kmeans m;
    size_t k;
    struct reap_cluster *cluster; /* (k), the largest first */
    size_t *place;                /* (k): of a cluster of 'm' in these */
    double silhouette; /* mean of (b - a) / max(a, b), a and b being distances
                          to the own centre and the next one */
};

/* 'k' clusters; 0: as many as have the best silhouette with one seed. Returns
 * REAP_OK, REAP_ESTOPPED or REAP_ENOMEM. To be closed in any case. */
int reap_clusters_open(struct reap_clusters *c, struct reap_vectors *v,
                       size_t k, uint64_t seed,
                       struct reap_err *err) REAP_MUST_CHECK;

/* The number of a row's cluster, from 0. */
size_t reap_clusters_of(const struct reap_clusters *c, size_t row);

/* The share of labelled rows that bear the most frequent label of their
 * cluster; NAN without labels. */
double reap_clusters_purity(const struct reap_clusters *c);

void reap_clusters_close(struct reap_clusters *c);

#endif /* REAP_JOBS_SEARCH_CLUSTERS_H */
