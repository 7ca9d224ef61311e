/*
 * engine/head/knn.h - nearest neighbours by cosine, exactly
 *
 * Rows are scaled to length 1 and kept; each query meets all of them in a
 * matrix product whose sums run in order, so that neighbours depend neither on
 * other queries nor on threads or levels of the CPU. Equal cosines go by the
 * lower index. One thread calls a handle at a time, but for reap_knn_run().
 */
#ifndef REAP_ENGINE_HEAD_KNN_H
#define REAP_ENGINE_HEAD_KNN_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/err.h"

struct reap_knn;

struct reap_neighbour {
    int32_t index; /* of the row; -1: there are no more */
    float cosine;
};

/* Room for n rows of 'width' numbers, all zero; searched by 'threads'. Returns
 * REAP_OK, REAP_EINVAL (no rows, no width, a bad REAP_CPU) or REAP_ENOMEM. */
int reap_knn_new(struct reap_knn **out, size_t n, size_t width, size_t threads,
                 struct reap_err *err) REAP_MUST_CHECK;

/* Set row i to a copy of x (width), scaled to length 1. A row that is zero or
 * not finite becomes zero. Any thread, different rows. */
void reap_knn_set(struct reap_knn *k, size_t i, const float *x);

/*
 * The 'k' rows with the largest cosines for each of n queries.
 *
 *   q      (n, width)
 *   skip   (n), the index of a row that does not count, -1 for none; or NULL
 *   out    (n, k), the nearest first
 *
 * A query that is zero or not finite has cosines of 0. REAP_OK or REAP_ENOMEM.
 */
int reap_knn_search(struct reap_knn *knn, size_t n, const float *q, size_t k,
                    const int32_t *skip, struct reap_neighbour *out,
                    struct reap_err *err) REAP_MUST_CHECK;

/*
 * The same by the calling thread alone, for handles that many threads share:
 * 'scratch' has reap_knn_scratch() floats, at a multiple of 64 bytes.
 */
void reap_knn_run(const struct reap_knn *knn, size_t n, const float *q,
                  size_t k, const int32_t *skip, struct reap_neighbour *out,
                  float *scratch);
size_t reap_knn_scratch(const struct reap_knn *k);

/* The share of each class among k neighbours, in 'prob' (classes): 'label' is
 * of rows; neighbours that are not there or have a label below 0 do not vote.
 */
void reap_knn_vote(const struct reap_neighbour *near, size_t k,
                   const int32_t *label, size_t classes, float *prob);

/* Numbers of a row; rows. */
size_t reap_knn_width(const struct reap_knn *k);
size_t reap_knn_rows(const struct reap_knn *k);

/* Free '*k', which becomes NULL; NULL does nothing. */
void reap_knn_free(struct reap_knn **k);

#endif /* REAP_ENGINE_HEAD_KNN_H */
