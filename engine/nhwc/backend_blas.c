/* The backend that leaves the products to OpenBLAS. */
#include <stdio.h>

#include "engine/base/cpu.h"
#include "engine/base/mem.h"
#include "engine/kern/blas/conv_blas.h"
#include "engine/kern/blas/openblas.h"
#include "engine/nhwc/nhwc.h"

struct prog {
    struct reap_openblas lib;
    struct reap_nhwc *nhwc;
    char name[80];
};

/* Products of a few columns are slow: join groups until there are this many. */
enum { COLUMNS = 32 };

static size_t merge(const struct reap_node *n, size_t cin)
{
    size_t m = 1;

    while (m < n->groups && n->groups % (2 * m) == 0 && cin * m < COLUMNS)
        m *= 2;
    return m;
}

static const struct reap_nhwc_level level = {
    .merge = merge,
    .scratch = reap_conv_scratch_blas,
    .conv = reap_conv_f32_blas,
};

static void backend_blas_release(void **out)
{
    struct prog *p = *out;

    if (!p)
        return;
    reap_nhwc_free(&p->nhwc);
    reap_openblas_close(&p->lib);
    reap_free(p);
    *out = NULL;
}

static int compile(void **out, const struct reap_plan_args *a,
                   struct reap_err *err)
{
    struct prog *p = reap_calloc(1, sizeof(*p));
    int rc;

    *out = p;
    if (!p)
        return reap_fail(err, REAP_ENOMEM, "no memory for the plan");
    rc = reap_openblas_open(&p->lib, err);
    if (!rc)
        rc = reap_nhwc_new(&p->nhwc, a, &level, &p->lib, err);
    if (rc)
        backend_blas_release(out);
    else
        snprintf(p->name, sizeof(p->name), "fp32-blas %s", p->lib.name);
    return rc;
}

static size_t arena(const void *prog)
{
    return reap_nhwc_arena(((const struct prog *)prog)->nhwc);
}

static void backend_blas_run(const void *prog, void *mem,
                             struct reap_crew *crew, size_t n,
                             const void *const *images, float *const *out)
{
    (void)crew;
    reap_nhwc_run(((const struct prog *)prog)->nhwc, mem, n, images, out);
}

static const char *arith(const void *prog)
{
    return ((const struct prog *)prog)->name;
}

const struct reap_backend reap_backend_blas = {
    .name = "blas",
    .needs = REAP_CPU_BLAS,
    .precisions = REAP_FP32,
    .compile = compile,
    .arena = arena,
    .run = backend_blas_run,
    .arith = arith,
    .free = backend_blas_release,
};
