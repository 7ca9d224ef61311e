/* The table of kernels, filled from kernels.def: later rows replace earlier
 * ones where the CPU can run them. */
#include <string.h>

#include "engine/base/cpu.h"
#include "engine/kern/kernels.h"

/* Declare what the rows promise, with the type of their op. */
#define OP(op, type) typedef reap_##type##_fn op##_type;
#define KERNEL(op, var, needs, ...) op##_type reap_##op##_##var;
#include "engine/kern/kernels.def"
#undef OP
#undef KERNEL

void reap_kernels_init(struct reap_kernels *k, unsigned cpu)
{
    memset(k, 0, sizeof(*k));
#define OP(op, type)
#define KERNEL(op, var, needs, ...)         \
    if ((cpu & (needs)) == (needs)) {       \
        k->op.fn = reap_##op##_##var;       \
        const size_t tile[3] = __VA_ARGS__; \
        k->op.tile.mr = tile[0];            \
        k->op.tile.nr = tile[1];            \
        k->op.tile.chains = tile[2];        \
        k->op.variant = #var;               \
    }
#include "engine/kern/kernels.def"
#undef OP
#undef KERNEL
}
