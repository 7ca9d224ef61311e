/* How long one image takes, time after time. */
#include <stdlib.h>

#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "jobs/bench/bench.h"

enum { WARM = 5, MOST_TIMES = 1 << 20 };

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int reap_bench_latency(struct reap_session *s, const void *image, void *out,
                       double seconds, struct reap_latency *to,
                       struct reap_err *err)
{
    double *took = reap_calloc(MOST_TIMES, sizeof(*took));
    const void *images[1] = { image };
    void *outs[1] = { out };
    size_t n = 0;
    double now, before, end;

    if (!took)
        return reap_fail(err, REAP_ENOMEM, "no memory for times");
    for (int i = 0; i < WARM; i++)
        reap_session_run(s, 1, images, outs);
    before = reap_clock();
    for (end = before + seconds; n < MOST_TIMES && (!n || before < end); n++) {
        reap_session_run(s, 1, images, outs);
        now = reap_clock();
        took[n] = (now - before) * 1e3;
        before = now;
    }
    qsort(took, n, sizeof(*took), by_size);
    *to = (struct reap_latency){ took[0], took[n / 2], took[n * 95 / 100] };
    reap_free(took);
    return REAP_OK;
}
