/* A search by halving for the one temperature, which is unique because the loss
 * is convex in its inverse. */
#include <math.h>

#include "jobs/judge/temperature.h"

/* The derivative of one row's loss by the inverse of the temperature: the
 * logit that is expected, less the one of the true class. */
static double slope_of(const float *z, size_t n, int32_t truth, double inverse)
{
    double most = (double)z[0], sum = 0, mean = 0;

    for (size_t i = 1; i < n; i++)
        most = fmax(most, (double)z[i]);
    for (size_t i = 0; i < n; i++) {
        const double d = (double)z[i] - most, e = exp(inverse * d);

        sum += e;
        mean += e * d;
    }
    return mean / sum - ((double)z[truth] - most);
}

static double slope(const float *logit, const int32_t *truth, size_t n,
                    size_t classes, double inverse)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += slope_of(logit + i * classes, classes, truth[i], inverse);
    return sum;
}

/* The loss is convex in 1 / t, so its derivative is 0 at one place, which is
 * halved in on, in logarithms, to the last bit that matters. */
double reap_temperature_fit(const float *logit, const int32_t *truth, size_t n,
                            size_t classes, bool *bound)
{
    double from = log(1 / REAP_HOTTEST), to = log(1 / REAP_COLDEST);

    *bound = true;
    if (slope(logit, truth, n, classes, exp(from)) >= 0)
        return REAP_HOTTEST;
    if (slope(logit, truth, n, classes, exp(to)) <= 0)
        return REAP_COLDEST;
    *bound = false;
    for (int i = 0; i < 50; i++) {
        const double mid = (from + to) / 2;

        if (slope(logit, truth, n, classes, exp(mid)) < 0)
            from = mid;
        else
            to = mid;
    }
    return exp(-(from + to) / 2);
}

void reap_temperature_apply(const float *logit, size_t classes, double t,
                            float *prob)
{
    double most = (double)logit[0], sum = 0;

    for (size_t i = 1; i < classes; i++)
        most = fmax(most, (double)logit[i]);
    for (size_t i = 0; i < classes; i++)
        sum += exp(((double)logit[i] - most) / t);
    for (size_t i = 0; i < classes; i++)
        prob[i] = (float)(exp(((double)logit[i] - most) / t) / sum);
}
