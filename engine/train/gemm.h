/*
 * engine/train/gemm.h - the matrix products of training
 *
 * OpenBLAS with one thread a call, or plain loops where REAP_CPU=ref keeps it
 * away. A product's sums depend on its shape and its numbers alone. Open before
 * other threads start; any thread may run products.
 */
#ifndef REAP_ENGINE_TRAIN_GEMM_H
#define REAP_ENGINE_TRAIN_GEMM_H

#include "engine/kern/blas/openblas.h"

struct reap_gemm {
    bool plain;
    struct reap_openblas lib;
    char name[80]; /* of the arithmetic, for fingerprints */
};

/* Returns REAP_OK, REAP_EINVAL (a bad REAP_CPU) or REAP_ENOTFOUND (there is no
 * OpenBLAS: the message says what to do). */
int reap_gemm_open(struct reap_gemm *g, struct reap_err *err) REAP_MUST_CHECK;

/* Let go of the library; a cleared struct stays so. */
void reap_gemm_close(struct reap_gemm *g);

/* A matrix with rows 'ld' floats apart; 't': it is kept transposed. */
struct reap_mat {
    const float *at;
    size_t ld;
    bool t;
};

/* c (m, n) = a (m, k) * b (k, n), or 'add': c += a * b. */
void reap_gemm_run(const struct reap_gemm *g, size_t m, size_t n, size_t k,
                   struct reap_mat a, struct reap_mat b, bool add, float *c,
                   size_t ldc);

#endif /* REAP_ENGINE_TRAIN_GEMM_H */
