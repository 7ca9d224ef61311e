/*
 * engine/near/near.h - cosines of many rows with many rows, in flat memory
 *
 * Rows are loaded when they are needed, a few hundred at a time, scaled to
 * length 1 and multiplied with panels of queries. The sum of a cosine runs over
 * the width in order, in float32, and best lists are ordered by cosine and then
 * by index: so results depend neither on threads, blocks and levels of the CPU
 * nor on the order in which pairs are met. Rows that are zero have cosines of
 * 0; what rounding adds beyond 1 is taken away. One thread calls a handle.
 *
 * It keeps 8 bytes a row, about 16 MB of queries and, for each thread, 112
 * rows.
 */
#ifndef REAP_ENGINE_NEAR_NEAR_H
#define REAP_ENGINE_NEAR_NEAR_H

#include <stdbool.h>

#include "engine/head/knn.h"

struct reap_near;

/* Rows from outside. */
struct reap_near_rows {
    size_t n, width;
    /* Copy row i, finite numbers, to 'to' (width). Called by any thread. */
    void (*load)(void *ctx, size_t i, float *to);
    void *ctx;
};

/* Reads all rows once for their lengths. Returns REAP_OK, REAP_EINVAL (no rows,
 * no width, more than 2^31 - 1 rows, a bad REAP_CPU) or REAP_ENOMEM. */
int reap_near_new(struct reap_near **out, const struct reap_near_rows *rows,
                  size_t threads, struct reap_err *err) REAP_MUST_CHECK;

size_t reap_near_count(const struct reap_near *near);
size_t reap_near_width(const struct reap_near *near);

/*
 * The 'k' nearest rows of each of n queries, the nearest first.
 *
 *   q     (n, width)
 *   skip  (n): a row that does not count, -1 for none; or NULL
 *   take  (rows): which rows count; NULL: all
 *   out   (n, k); index -1 where there are no more
 *
 * REAP_ENOMEM.
 */
int reap_near_search(struct reap_near *near, size_t n, const float *q, size_t k,
                     const int32_t *skip, const bool *take,
                     struct reap_neighbour *out,
                     struct reap_err *err) REAP_MUST_CHECK;

/*
 * A step of the graph of all rows: pairs of the rows from '*from' on, as many
 * as fit in memory, with each other and with all rows after them. Each pair is
 * computed once and put into both lists of 'list' (rows, k), which
 * reap_near_clear() has made empty. '*from' becomes the first row that is left;
 * the graph is complete when it is the number of rows. Lists, '*from' and
 * nothing else are the state: steps may be done by different processes.
 * REAP_ENOMEM, which leaves the lists as they were.
 */
int reap_near_join(struct reap_near *near, size_t *from, size_t k,
                   struct reap_neighbour *list,
                   struct reap_err *err) REAP_MUST_CHECK;
void reap_near_clear(struct reap_neighbour *list, size_t n);

/* Call 'found' for the pairs of rows a < b from '*from' on, as
 * reap_near_join() has them, whose cosine is at least 'least'. Many threads
 * call it, in any order. */
typedef void reap_near_found_fn(void *ctx, size_t a, size_t b, float cosine);
int reap_near_pairs(struct reap_near *near, size_t *from, float least,
                    reap_near_found_fn *found, void *ctx,
                    struct reap_err *err) REAP_MUST_CHECK;

/*
 * For each row the nearest of n queries, q (n, width), in 'best' (rows): of
 * equal ones the lower. REAP_ENOMEM.
 */
int reap_near_assign(struct reap_near *near, size_t n, const float *q,
                     struct reap_neighbour *best,
                     struct reap_err *err) REAP_MUST_CHECK;

/* Row i of length 1, zero if it is zero. Any thread. */
void reap_near_unit(const struct reap_near *near, size_t i, float *to);

void reap_near_free(struct reap_near **near);

#endif /* REAP_ENGINE_NEAR_NEAR_H */
