/* io/image/resample_impl.h - the weights of a pass, for the files of resample
 * only */
#ifndef REAP_IO_IMAGE_RESAMPLE_IMPL_H
#define REAP_IO_IMAGE_RESAMPLE_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/kern/resample_ops.h"
#include "io/preset/preset.h"

/* One side of a resize: 'n' outputs from 'first' on are wanted. */
struct reap_side {
    enum reap_filter filter;
    size_t in, out, first, n;
};

/* Source pixels [lo, hi) that output 'x' is computed from. */
void reap_side_span(const struct reap_side *s, size_t x, size_t *lo,
                    size_t *hi);

/* Source pixels that any of the wanted outputs is computed from. */
void reap_side_window(const struct reap_side *s, size_t *lo, size_t *hi);

/* Positions of NEAREST for the wanted outputs; 'at' holds s->n. */
void reap_side_nearest(const struct reap_side *s, uint32_t *at);

/* Memory for the weights of some outputs, kept between calls. */
struct reap_resample_weights {
    struct reap_taps taps;
    uint32_t *lo, *count;
    int32_t *k;
    double *w;
    size_t outputs, ints, doubles; /* room */
};

/*
 * Find the weights of outputs [x, x + n) with n <= limit as large as memory
 * is sensible; taps.n says how many. 'lo' counts from source pixel 'origin'.
 * False if there is no memory.
 */
bool reap_weights_find(struct reap_resample_weights *w,
                       const struct reap_side *s, size_t x, size_t limit,
                       size_t origin);

/* Free the memory; '*w' is zero again. */
void reap_weights_clear(struct reap_resample_weights *w);

#endif /* REAP_IO_IMAGE_RESAMPLE_IMPL_H */
