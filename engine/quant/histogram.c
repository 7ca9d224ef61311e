/* Bins that double their width when a larger number comes, so that one pass
 * suffices. */
#include <math.h>
#include <string.h>

#include "engine/quant/histogram.h"

enum { TRIES = 100 };

/* Make bins twice as wide until the last reaches beyond x. */
static void widen(struct reap_histogram *h, double x)
{
    if (!(h->width > 0))
        h->width = x / (REAP_BINS / 2);
    while (x >= h->width * REAP_BINS) {
        for (size_t i = 0; i < REAP_BINS / 2; i++)
            h->bin[i] = h->bin[2 * i] + h->bin[2 * i + 1];
        memset(h->bin + REAP_BINS / 2, 0, sizeof(h->bin) / 2);
        h->width *= 2;
    }
}

void reap_histogram_add(struct reap_histogram *h, const float *x, size_t n)
{
    float most = 0, by;

    for (size_t i = 0; i < n; i++)
        most = x[i] > most ? x[i] : most;
    if (!(most > 0) || !isfinite(most))
        return;
    widen(h, (double)most);
    h->most = most > h->most ? most : h->most;
    by = (float)(1 / h->width);
    for (size_t i = 0; i < n; i++)
        if (x[i] > 0) {
            size_t at = (size_t)(x[i] * by);

            h->bin[at < REAP_BINS ? at : REAP_BINS - 1]++;
            h->total++;
        }
}

double reap_histogram_share(const struct reap_histogram *h, double share)
{
    const double want = share * (double)h->total;
    uint64_t sum = 0;

    for (size_t i = 0; i < REAP_BINS; i++) {
        sum += h->bin[i];
        if ((double)sum >= want)
            return fmin((double)h->most, (double)(i + 1) * h->width);
    }
    return (double)h->most;
}

static double squared_error(const struct reap_histogram *h, double range)
{
    const double step = range / 255;
    double sum = 0;

    for (size_t i = 0; i < REAP_BINS; i++) {
        const double x = ((double)i + .5) * h->width;
        const double d = x - fmin(255, rint(x / step)) * step;

        if (h->bin[i])
            sum += (double)h->bin[i] * d * d;
    }
    return sum;
}

double reap_histogram_best(const struct reap_histogram *h)
{
    double best = (double)h->most, least = INFINITY;

    for (int t = TRIES; t > TRIES / 10; t--) {
        const double range = (double)h->most * t / TRIES;
        const double e = range > 0 ? squared_error(h, range) : 0;

        if (e < least) {
            least = e;
            best = range;
        }
    }
    return best;
}
