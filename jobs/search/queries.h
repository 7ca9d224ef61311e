/*
 * jobs/search/queries.h - what neighbours are looked for: keys, photos, vectors
 */
#ifndef REAP_JOBS_SEARCH_QUERIES_H
#define REAP_JOBS_SEARCH_QUERIES_H

#include "jobs/search/vectors.h"

struct reap_queries {
    size_t n, room, width;
    float *x;      /* (n, width) */
    int32_t *self; /* (n): the row whose key it is, or -1 */
    char **name;   /* (n): text for people */
    bool all_keys; /* each is a row of the store */
    void *photos;  /* the network, once there is a photo */
};

/*
 * Take the words after the store's: each is a key of the store, else a .npy
 * file of vectors, else a photo, which goes through the weights and the preset
 * that made the store. REAP_ENOTFOUND for a word that is none of these, and
 * what reading, decoding and opening the network return. To be closed in any
 * case.
 */
int reap_queries_open(struct reap_queries *q, const struct reap_vectors *v,
                      struct reap_err *err) REAP_MUST_CHECK;

void reap_queries_close(struct reap_queries *q);

#endif /* REAP_JOBS_SEARCH_QUERIES_H */
