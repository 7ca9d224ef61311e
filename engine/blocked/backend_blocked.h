/*
 * engine/blocked/backend_blocked.h - the fast backend, for rows of backends.def
 *
 * One program for all levels and precisions: what differs is the table of
 * kernels, taken for the levels in reap_plan_args.cpu. See README.md here.
 */
#ifndef REAP_ENGINE_BLOCKED_BACKEND_BLOCKED_H
#define REAP_ENGINE_BLOCKED_BACKEND_BLOCKED_H

#include "engine/plan/backend.h"

/* The members of struct reap_backend, which says what they do. compile()
 * returns REAP_EINVAL for maps of 2 GB and more. */
int reap_blocked_compile(void **prog, const struct reap_plan_args *a,
                         struct reap_err *err) REAP_MUST_CHECK;
size_t reap_blocked_arena(const void *prog);
void reap_blocked_run(const void *prog, void *arena, struct reap_crew *crew,
                      size_t n, const void *const *images, float *const *out);
const char *reap_blocked_arith(const void *prog);
void reap_blocked_free(void **prog);

/* What a layer costs for one image. */
struct reap_blocked_cost {
    const char *name;
    double macs;  /* of a direct convolution, a folded projection included */
    double bytes; /* of its inputs, result and weights, each counted once */
};

/*
 * For benchmarks. 'cost' receives what layer i of the program is; false after
 * the last. reap_blocked_run_timed() runs as reap_blocked_run() and adds the
 * seconds that each layer took to seconds[i].
 */
bool reap_blocked_layer(const void *prog, size_t i,
                        struct reap_blocked_cost *cost);
void reap_blocked_run_timed(const void *prog, void *arena,
                            struct reap_crew *crew, size_t n,
                            const void *const *images, float *const *out,
                            double *seconds);

/* The rows: one for each level. */
extern const struct reap_backend reap_backend_avx2, reap_backend_avx2vnni,
    reap_backend_avx512, reap_backend_bf16, reap_backend_vnni, reap_backend_amx;

#endif /* REAP_ENGINE_BLOCKED_BACKEND_BLOCKED_H */
