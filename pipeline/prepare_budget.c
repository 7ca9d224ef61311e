/* Large images take turns: their pixels are counted over all decoders. */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "engine/base/clock.h"
#include "pipeline/prepare_box.h"

enum { LARGE = 16000000 }; /* pixels from which an image is counted */
static const uint64_t BUDGET = 200000000;
static const double LOOK = 0.005;

static atomic_uint_fast64_t *pool; /* pixels that are free */

void reap_budget_make(void)
{
    void *p = mmap(NULL, sizeof(*pool), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        return; /* without it large images do not wait for each other */
    pool = p;
    atomic_store(pool, BUDGET);
}

void reap_budget_take(struct reap_box *box, uint64_t pixels)
{
    const uint64_t want = pixels < BUDGET ? pixels : BUDGET;
    uint64_t free;

    atomic_store(&box->pixels, pixels);
    if (!pool || pixels < LARGE)
        return;
    free = atomic_load(pool);
    for (;;) {
        if (free >= want &&
            atomic_compare_exchange_weak(pool, &free, free - want))
            break;
        if (free < want) {
            atomic_store(&box->waiting, true);
            reap_nap(LOOK);
            free = atomic_load(pool);
        }
    }
    atomic_store(&box->admitted, want);
    atomic_store(&box->waiting, false);
}

void reap_budget_give(struct reap_box *box)
{
    const uint64_t had = atomic_exchange(&box->admitted, 0);

    if (pool && had && had <= BUDGET)
        atomic_fetch_add(pool, had);
}
