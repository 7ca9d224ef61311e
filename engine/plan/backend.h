/*
 * engine/plan/backend.h - what turns a net into machine work on one kind of CPU
 *
 * A backend compiles the convolutional trunk of a net for one level, precision
 * and input size, and runs it. The head (pooled features to logits, softmax,
 * top-k) is common code in engine/head/head.h. Backends are rows of
 * backends.def; the last that the CPU can run and that has the precision wins.
 *
 * A program is constant after compile() and shared by all threads; each thread
 * brings its own arena, or a crew of threads works on the images of one. Sums
 * have a fixed order that depends on the layer alone: an image's results are
 * the same bytes for any batch, place in the batch, number of threads or ranks.
 */
#ifndef REAP_ENGINE_PLAN_BACKEND_H
#define REAP_ENGINE_PLAN_BACKEND_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/crew.h"
#include "engine/base/err.h"
#include "engine/net/net.h"
#include "engine/plan/blobs.h"

enum reap_precision {
    REAP_FP32 = 1 << 0,
    REAP_BF16 = 1 << 1,  /* products of bfloat16, sums in float32 */
    REAP_INT8 = 1 << 2,  /* products of bytes, exact sums; needs scales */
    REAP_BF16X3 = 1 << 3 /* numbers are the sum of two bfloat16, a product is
                          * three of theirs: near fp32 */
};

/* (x / div - mean[c]) / std[c] in float32, x being channel c of the image
 * after the swap to BGR if 'bgr'. */
struct reap_norm {
    float div, mean[3], std[3];
    bool bgr;
    bool float_in; /* pixels come as float32, not as bytes */
};

/* A probe: what is wanted of a node's output (h, w, c). */
enum reap_probe_kind { REAP_PROBE_AVG, REAP_PROBE_MAX, REAP_PROBE_MAP };
struct reap_probe {
    int node;
    enum reap_probe_kind kind; /* AVG and MAX give (c), MAP gives (h, w, c) */
};

struct reap_plan_args {
    const struct reap_net *net;
    struct reap_norm norm;
    enum reap_precision precision;
    unsigned cpu;     /* levels allowed, engine/base/cpu.h */
    bool exact;       /* no Winograd */
    size_t max_batch; /* largest n that run() will see */
    size_t threads;   /* of the largest crew that run() will see; 0: none */
    size_t n_probes;
    const struct reap_probe *probes;
    /* NULL, or where packed weights are kept, used until free(), and what tells
     * the weights of the net from others. */
    const struct reap_blobs *blobs;
    const char *id;
};

struct reap_backend {
    const char *name;    /* level: ref, blas, avx2, avx512, ... */
    unsigned needs;      /* levels the CPU must have */
    unsigned precisions; /* set of enum reap_precision */
    bool crews;          /* run() can make use of a crew */
    /* Compile; '*prog' is NULL on failure. Copies what it needs of 'a', but
     * may use a->net until free(). */
    int (*compile)(void **prog, const struct reap_plan_args *a,
                   struct reap_err *err);
    /* Bytes of arena (64-byte aligned) that run() needs for max_batch and
     * threads. */
    size_t (*arena)(const void *prog);
    /* Images: n pointers to (in_h, in_w, 3) pixels, RGB, u8 or float32.
     * Results: out[t] is (n, ...) of probe t, float32, image by image. With a
     * crew, which the caller owns, all its threads work on each image, if
     * 'crews' says so. NULL: this thread alone. */
    void (*run)(const void *prog, void *arena, struct reap_crew *crew, size_t n,
                const void *const *images, float *const *out);
    /* Name of the arithmetic, such as "fp32-blas OpenBLAS 0.3.21
     * SkylakeX"; goes into the fingerprint. */
    const char *(*arith)(const void *prog);
    void (*free)(void **prog);
};

extern const struct reap_backend *const reap_backends[]; /* NULL at the end */

#endif /* REAP_ENGINE_PLAN_BACKEND_H */
