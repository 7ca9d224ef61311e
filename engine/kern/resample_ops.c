/* The resampler's kernels by level, from resample.def. */
#include "engine/base/cpu.h"
#include "engine/kern/resample_ops.h"

void reap_resample_ops_init(struct reap_resample_ops *ops, unsigned cpu)
{
#define RESAMPLE(var, needs)                                          \
    if ((cpu & (unsigned)(needs)) == (unsigned)(needs))               \
        *ops = (struct reap_resample_ops){ #var, reap_along_u8_##var, \
                                           reap_down_u8_##var };
#include "engine/kern/resample.def"
#undef RESAMPLE
}
