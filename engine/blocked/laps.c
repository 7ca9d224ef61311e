/* How long each layer took, for benchmarks. */
#include "engine/base/clock.h"
#include "engine/blocked/blocked.h"

void reap_blocked_lap(double *seconds, size_t i, double *since)
{
    double now;

    if (!seconds)
        return;
    now = reap_clock();
    seconds[i] += now - *since;
    *since = now;
}
