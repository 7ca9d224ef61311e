/*
 * engine/nhwc/nhwc.h - run a net one image at a time, in (h, w, c) order
 *
 * The common part of the backends ref and blas, which differ only in how they
 * convolve. A program is constant after it was made; where each tensor lies in
 * the arena is decided then, so that running allocates nothing.
 */
#ifndef REAP_ENGINE_NHWC_NHWC_H
#define REAP_ENGINE_NHWC_NHWC_H

#include <stddef.h>

#include "engine/kern/ops.h"
#include "engine/plan/backend.h"

struct reap_nhwc_level {
    /* How many groups of a convolution to compute as one, zeros between. */
    size_t (*merge)(const struct reap_node *n, size_t cin);
    size_t (*scratch)(const struct reap_conv_task *t); /* bytes */
    void (*conv)(const struct reap_conv_task *t, const float *in,
                 const float *add, float *out, void *scratch);
};

struct reap_nhwc;

/* 'own' is handed to the level's functions as task->level; borrowed. Returns
 * REAP_OK, REAP_ENOMEM, or REAP_EINVAL if sizes overflow. */
int reap_nhwc_new(struct reap_nhwc **out, const struct reap_plan_args *a,
                  const struct reap_nhwc_level *level, const void *own,
                  struct reap_err *err) REAP_MUST_CHECK;

/* Bytes of arena that a run needs; and a run, as struct reap_backend says. */
size_t reap_nhwc_arena(const struct reap_nhwc *p);
void reap_nhwc_run(const struct reap_nhwc *p, void *arena, size_t n,
                   const void *const *images, float *const *out);
void reap_nhwc_free(struct reap_nhwc **p);

/* For the above: offsets, in bytes, of what each node writes, in an arena
 * that a tensor leaves when its last reader is done; the first 'n' nodes.
 * Returns the arena's size. */
size_t reap_nhwc_place(const struct reap_net *net, size_t n, size_t *offset);

#endif /* REAP_ENGINE_NHWC_NHWC_H */
