/* engine/quant/histogram.h - how the numbers of a map are spread, and what
 * range of them bytes should cover */
#ifndef REAP_ENGINE_QUANT_HISTOGRAM_H
#define REAP_ENGINE_QUANT_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum { REAP_BINS = 2048 };

/* Numbers above zero; all zero to begin with. */
struct reap_histogram {
    double width; /* of a bin */
    float most;
    uint64_t total, bin[REAP_BINS];
};

/* Count those of n numbers that are above zero. One thread at a time. */
void reap_histogram_add(struct reap_histogram *h, const float *x, size_t n);

/* The value that a share of the numbers reaches at most, no more than the
 * largest. */
double reap_histogram_share(const struct reap_histogram *h, double share);

/* The range 0 to r whose 255 steps have the least squared error. */
double reap_histogram_best(const struct reap_histogram *h);

#endif /* REAP_ENGINE_QUANT_HISTOGRAM_H */
