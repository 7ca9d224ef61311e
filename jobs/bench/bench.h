/* jobs/bench/bench.h - the parts of reap bench, a function and a row each */
#ifndef REAP_JOBS_BENCH_BENCH_H
#define REAP_JOBS_BENCH_BENCH_H

#include "engine/base/err.h"
#include "engine/engine.h"
#include "engine/plan/backend.h"
#include "jobs/cli/options.h"

typedef int reap_bench_fn(const struct reap_options *o, struct reap_err *err);

#define BENCH(name, word, about) reap_bench_fn reap_bench_##name;
#include "jobs/bench/benches.def"
#undef BENCH

/* The instruction set of a level as peers are capped by it: "avx2",
 * "avx2vnni", "avx512", "amx"; NULL for ref and blas. */
const char *reap_bench_isa(const char *level);

/* Call fn(arg, i) for i < threads at the same time, this thread being one of
 * them, and wait for all. REAP_ENOMEM if a thread cannot be started; those
 * that could have run nevertheless. */
int reap_bench_team(size_t threads, void (*fn)(void *arg, size_t i), void *arg,
                    struct reap_err *err) REAP_MUST_CHECK;

/*
 * Operations a second that 'threads' threads can do together at most at this
 * precision with the levels in 'cpu', the best of several short rounds, in
 * '*ops'; 0 if there is no such loop.
 */
int reap_bench_roof(unsigned cpu, enum reap_precision precision, size_t threads,
                    double *ops, struct reap_err *err) REAP_MUST_CHECK;

/* Milliseconds of one image: the least, the median and the 95th percentile. */
struct reap_latency {
    double best, median, slow;
};

/* Run one image after the other in a session for 'seconds'. 'out' has room for
 * the only output. REAP_OK or REAP_ENOMEM. */
int reap_bench_latency(struct reap_session *s, const void *image, void *out,
                       double seconds, struct reap_latency *to,
                       struct reap_err *err) REAP_MUST_CHECK;

/* Print a line for each layer of the network compiled as in 'plan', run by its
 * threads on max_batch images. REAP_EINVAL if no backend can tell. */
int reap_bench_layers(const struct reap_options *o,
                      const struct reap_plan_args *plan,
                      const void *const *images,
                      struct reap_err *err) REAP_MUST_CHECK;

#endif /* REAP_JOBS_BENCH_BENCH_H */
