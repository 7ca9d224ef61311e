/* Softmax, sums by group, the k largest: in double, in order. */
#include <math.h>
#include <string.h>

#include "engine/head/head.h"

static void softmax(size_t c, const float *from, float *to)
{
    double sum = 0;
    float most = from[0];

    for (size_t i = 1; i < c; i++)
        most = from[i] > most ? from[i] : most;
    for (size_t i = 0; i < c; i++)
        sum += exp((double)from[i] - most);
    for (size_t i = 0; i < c; i++)
        to[i] = (float)(exp((double)from[i] - most) / sum);
}

void reap_head_activate(enum reap_activation act, size_t n, size_t c,
                        const float *from, float *to)
{
    switch (act) {
    case REAP_LINEAR:
        memmove(to, from, n * c * sizeof(*to));
        break;
    case REAP_RELU:
        for (size_t i = 0; i < n * c; i++)
            to[i] = from[i] < 0 ? 0 : from[i];
        break;
    case REAP_SIGMOID:
        for (size_t i = 0; i < n * c; i++)
            to[i] = (float)(1 / (1 + exp(-(double)from[i])));
        break;
    case REAP_SOFTMAX:
        for (size_t i = 0; i < n; i++)
            softmax(c, from + i * c, to + i * c);
        break;
    }
}

void reap_head_group(const int32_t *of, size_t c, const float *from, size_t n,
                     float *to)
{
    for (size_t g = 0; g < n; g++) {
        double sum = 0;

        for (size_t i = 0; i < c; i++)
            if (of[i] == (int32_t)g)
                sum += (double)from[i];
        to[g] = (float)sum;
    }
}

/* Does 'value' belong in front of 'other'? Equal ones stay as they came. */
static bool ahead(float value, float other)
{
    return value > other || (isnan(other) && !isnan(value));
}

void reap_head_top(size_t c, const float *value, size_t k, struct reap_top *out)
{
    size_t n = 0;

    for (size_t i = 0; i < c; i++) {
        size_t at = n < k ? n++ : k;

        for (; at && ahead(value[i], out[at - 1].prob); at--)
            if (at < k)
                out[at] = out[at - 1];
        if (at < k)
            out[at] = (struct reap_top){ (int32_t)i, value[i] };
    }
}
