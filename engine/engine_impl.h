/* engine/engine_impl.h - what engine.c decides and session.c runs */
#ifndef REAP_ENGINE_ENGINE_IMPL_H
#define REAP_ENGINE_ENGINE_IMPL_H

#include "engine/engine.h"
#include "engine/kern/kernels.h"

/* Where an output's numbers come from. */
enum reap_source_of {
    REAP_FROM_PROBE,
    REAP_FROM_LOGITS,
    REAP_FROM_DENSE,
    REAP_FROM_PROBS,
    REAP_FROM_TOP
};

struct reap_wanted {
    enum reap_source_of from;
    size_t index; /* of the probe, or of the dense layer */
};

struct reap_engine {
    const struct reap_net *net;
    const struct reap_backend *backend;
    void *prog;
    size_t max_batch, threads, n;
    struct reap_output output[REAP_MAX_OUTPUTS];
    struct reap_wanted wanted[REAP_MAX_OUTPUTS];
    size_t n_probes;
    struct reap_probe probe[REAP_MAX_OUTPUTS + 1];
    const struct reap_classifier *classifier; /* or NULL: the net's head */
    size_t classes;
    const int32_t *group; /* of each class, or NULL */
    size_t n_groups;
    bool head;            /* does the head have to run? */
    reap_dense_fn *dense; /* the kernel for its layers */
    size_t pooled;        /* the probe that the head reads */
    size_t features;      /* values of it */
    bool free_pool;       /* it is no output: the session holds it */
};

#endif /* REAP_ENGINE_ENGINE_IMPL_H */
