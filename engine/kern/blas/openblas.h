/*
 * engine/kern/blas/openblas.h - OpenBLAS, loaded when it is needed
 *
 * Loaded by dlopen() and not linked, so that reap starts without it and so
 * that OPENBLAS_CORETYPE can be set first: old releases fall back to SSE3
 * kernels on CPUs that are newer than they are. A user's own setting stands.
 * Open it before other threads start: it changes the environment for a moment.
 */
#ifndef REAP_ENGINE_KERN_BLAS_OPENBLAS_H
#define REAP_ENGINE_KERN_BLAS_OPENBLAS_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/err.h"

struct reap_openblas {
    void *handle;
    void (*sgemm)(int order, int trans_a, int trans_b, int m, int n, int k,
                  float alpha, const float *a, int lda, const float *b, int ldb,
                  float beta, float *c, int ldc);
    char name[64]; /* "OpenBLAS 0.3.21 SkylakeX" */
};

/* Returns REAP_OK, or REAP_ENOTFOUND with the loader's words. */
int reap_openblas_open(struct reap_openblas *lib,
                       struct reap_err *err) REAP_MUST_CHECK;
void reap_openblas_close(struct reap_openblas *lib);

/* c (m, n) = a (m, k) * b (k, n), rows lda, ldb and ldc floats apart. */
void reap_openblas_sgemm(const struct reap_openblas *lib, size_t m, size_t n,
                         size_t k, const float *a, size_t lda, const float *b,
                         size_t ldb, float *c, size_t ldc);

/* c (m, n) = a * b, or c += a * b; 'ta': a is kept as (k, m), 'tb': b as (n,
 * k). The sums depend on the shapes and the numbers alone. */
void reap_openblas_gemm(const struct reap_openblas *lib, bool ta, bool tb,
                        bool add, size_t m, size_t n, size_t k, const float *a,
                        size_t lda, const float *b, size_t ldb, float *c,
                        size_t ldc);

#endif /* REAP_ENGINE_KERN_BLAS_OPENBLAS_H */
