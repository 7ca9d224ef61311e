/* OpenBLAS loaded at run time, with the kernels for this CPU and one thread.
 * Without it reap runs; only this level is missing. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/kern/blas/openblas.h"

enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 }; /* CBLAS's numbers */

static const char file[] = "libopenblas.so.0";

/* The kernels for this CPU, by the name that all releases since 2017 know;
 * NULL lets OpenBLAS choose. On Zen 4 too SkylakeX is as good as any. */
static const char *core(void)
{
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq"))
        return "SkylakeX";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return "Haswell";
    return NULL;
}

/* Set 'name' to 'value', or back to nothing. */
static void put_env(const char *name, const char *value)
{
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

/* It reads its environment when it is loaded; the user's is left as it was.
 * One thread: reap's own are enough, and sums must not depend on them. */
static void *openblas_load(void)
{
    static const char coretype[] = "OPENBLAS_CORETYPE";
    static const char threads[] = "OPENBLAS_NUM_THREADS";
    const bool ours = core() && !getenv(coretype);
    char *before = getenv(threads);
    void *handle;

    before = before ? reap_strdup(before) : NULL;
    if (ours)
        put_env(coretype, core());
    put_env(threads, "1");
    handle = dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    put_env(threads, before);
    if (ours)
        put_env(coretype, NULL);
    reap_free(before);
    return handle;
}

/* dlsym() gives an object pointer; POSIX lets it be a function's. */
static int openblas_find(const struct reap_openblas *lib, const char *symbol,
                         void *fn, struct reap_err *err)
{
    void *p = dlsym(lib->handle, symbol);

    if (!p)
        return reap_fail(err, REAP_ENOTFOUND, "%s has no %s: another BLAS?",
                         file, symbol);
    memcpy(fn, &p, sizeof(p));
    return REAP_OK;
}

/* 'config' begins with "OpenBLAS 0.3.21 ". */
static void openblas_put_name(struct reap_openblas *lib, const char *config,
                              const char *corename)
{
    char words[2][24] = { "OpenBLAS", "" };

    sscanf(config, "%23s %23s", words[0], words[1]);
    snprintf(lib->name, sizeof(lib->name), "%s %s %.12s", words[0], words[1],
             corename);
}

int reap_openblas_open(struct reap_openblas *lib, struct reap_err *err)
{
    void (*set_threads)(int) = NULL;
    char *(*config)(void) = NULL, *(*corename)(void) = NULL;
    int rc;

    memset(lib, 0, sizeof(*lib));
    lib->handle = openblas_load();
    if (!lib->handle)
        return reap_fail(err, REAP_ENOTFOUND,
                         "%s; install OpenBLAS (libopenblas0), or set "
                         "REAP_CPU=ref to do without",
                         dlerror());
    rc = openblas_find(lib, "cblas_sgemm", &lib->sgemm, err);
    if (!rc)
        rc = openblas_find(lib, "openblas_set_num_threads", &set_threads, err);
    if (!rc)
        rc = openblas_find(lib, "openblas_get_config", &config, err);
    if (!rc)
        rc = openblas_find(lib, "openblas_get_corename", &corename, err);
    if (rc) {
        reap_openblas_close(lib);
        return rc;
    }
    set_threads(1);
    openblas_put_name(lib, config(), corename());
    return REAP_OK;
}

void reap_openblas_close(struct reap_openblas *lib)
{
    if (lib->handle)
        dlclose(lib->handle);
    memset(lib, 0, sizeof(*lib));
}

void reap_openblas_sgemm(const struct reap_openblas *lib, size_t m, size_t n,
                         size_t k, const float *a, size_t lda, const float *b,
                         size_t ldb, float *c, size_t ldc)
{
    lib->sgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, (int)m, (int)n, (int)k, 1, a,
               (int)lda, b, (int)ldb, 0, c, (int)ldc);
}

void reap_openblas_gemm(const struct reap_openblas *lib, bool ta, bool tb,
                        bool add, size_t m, size_t n, size_t k, const float *a,
                        size_t lda, const float *b, size_t ldb, float *c,
                        size_t ldc)
{
    lib->sgemm(ROW_MAJOR, ta ? TRANS : NO_TRANS, tb ? TRANS : NO_TRANS, (int)m,
               (int)n, (int)k, 1, a, (int)lda, b, (int)ldb, add ? 1 : 0, c,
               (int)ldc);
}
