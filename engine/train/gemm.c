/* One product by OpenBLAS or by three loops. */
#include <stdio.h>
#include <string.h>

#include "engine/base/cpu.h"
#include "engine/train/gemm.h"

int reap_gemm_open(struct reap_gemm *g, struct reap_err *err)
{
    unsigned cpu;
    int rc = reap_cpu_detect(&cpu, err);

    memset(g, 0, sizeof(*g));
    if (rc)
        return rc;
    g->plain = !(cpu & REAP_CPU_BLAS);
    if (g->plain) {
        strcpy(g->name, "fp32-ref");
        return REAP_OK;
    }
    rc = reap_openblas_open(&g->lib, err);
    if (!rc)
        snprintf(g->name, sizeof(g->name), "fp32-blas %s", g->lib.name);
    return rc;
}

void reap_gemm_close(struct reap_gemm *g)
{
    reap_openblas_close(&g->lib);
}

static float gemm_number(struct reap_mat m, size_t row, size_t column)
{
    return m.t ? m.at[column * m.ld + row] : m.at[row * m.ld + column];
}

static void gemm_plain(size_t m, size_t n, size_t k, struct reap_mat a,
                       struct reap_mat b, bool add, float *c, size_t ldc)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = add ? c[i * ldc + j] : 0;

            for (size_t x = 0; x < k; x++)
                sum += (double)gemm_number(a, i, x) * gemm_number(b, x, j);
            c[i * ldc + j] = (float)sum;
        }
}

void reap_gemm_run(const struct reap_gemm *g, size_t m, size_t n, size_t k,
                   struct reap_mat a, struct reap_mat b, bool add, float *c,
                   size_t ldc)
{
    if (g->plain)
        gemm_plain(m, n, k, a, b, add, c, ldc);
    else
        reap_openblas_gemm(&g->lib, a.t, b.t, add, m, n, k, a.at, a.ld, b.at,
                           b.ld, c, ldc);
}
