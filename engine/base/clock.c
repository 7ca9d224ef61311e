/* The monotonic clock and naps, by POSIX. */
#define _GNU_SOURCE
#include <time.h>

#include "engine/base/clock.h"

static const double shortest = 50e-6, longest = 10e-3;

double reap_clock(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void reap_nap(double seconds)
{
    struct timespec t = { (time_t)seconds, 0 };

    t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
    nanosleep(&t, NULL);
}

void reap_nap_longer(bool busy, double *seconds)
{
    *seconds = busy || !(*seconds > 0)  ? shortest
               : *seconds * 2 < longest ? *seconds * 2
                                        : longest;
    reap_nap(*seconds);
}
