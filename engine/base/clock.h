/* engine/base/clock.h - how long things take, and waiting a moment */
#ifndef REAP_ENGINE_BASE_CLOCK_H
#define REAP_ENGINE_BASE_CLOCK_H

#include <stdbool.h>

/* Seconds on CLOCK_MONOTONIC: only differences mean something. */
double reap_clock(void);

/* Sleep so many seconds, or until a signal comes. */
void reap_nap(double seconds);

/* Sleep longer the longer nothing happens, from 50 us to 10 ms: '*seconds' is
 * the last sleep, 0 at first, and 'busy' says that something has happened. */
void reap_nap_longer(bool busy, double *seconds);

#endif /* REAP_ENGINE_BASE_CLOCK_H */
