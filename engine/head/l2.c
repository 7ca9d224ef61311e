/* Length 1, summed in double. */
#include <math.h>

#include "engine/head/l2.h"

void reap_l2(float *x, size_t n)
{
    double sum = 0;
    float scale;

    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    if (!(sum > 0))
        return;
    scale = (float)(1 / sqrt(sum));
    for (size_t i = 0; i < n; i++)
        x[i] *= scale;
}
