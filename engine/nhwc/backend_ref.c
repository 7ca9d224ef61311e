/* The reference backend: plain loops that say what is right. */
#include "engine/nhwc/nhwc.h"

static size_t merge(const struct reap_node *n, size_t cin)
{
    (void)n;
    (void)cin;
    return 1;
}

static const struct reap_nhwc_level level = {
    .merge = merge,
    .scratch = reap_conv_scratch_ref,
    .conv = reap_conv_f32_ref,
};

static int compile(void **prog, const struct reap_plan_args *a,
                   struct reap_err *err)
{
    struct reap_nhwc *p;
    int rc = reap_nhwc_new(&p, a, &level, NULL, err);

    *prog = p;
    return rc;
}

static size_t arena(const void *prog)
{
    return reap_nhwc_arena(prog);
}

static void backend_ref_run(const void *prog, void *mem, struct reap_crew *crew,
                            size_t n, const void *const *images,
                            float *const *out)
{
    (void)crew;
    reap_nhwc_run(prog, mem, n, images, out);
}

static const char *arith(const void *prog)
{
    (void)prog;
    return "fp32-ref";
}

static void backend_ref_release(void **prog)
{
    struct reap_nhwc *p = *prog;

    reap_nhwc_free(&p);
    *prog = NULL;
}

const struct reap_backend reap_backend_ref = {
    .name = "ref",
    .needs = 0,
    .precisions = REAP_FP32,
    .compile = compile,
    .arena = arena,
    .run = backend_ref_run,
    .arith = arith,
    .free = backend_ref_release,
};
