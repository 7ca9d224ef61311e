/* A counter from which threads take the next task. */
#include <stdatomic.h>

#include "engine/train/loop.h"

struct loop {
    atomic_size_t next;
    size_t n;
    reap_loop_fn *fn;
    void *ctx;
};

static void loop_work(void *ctx, size_t who)
{
    struct loop *l = ctx;
    size_t i;

    while ((i = atomic_fetch_add(&l->next, 1)) < l->n)
        l->fn(l->ctx, i, who);
}

void reap_loop_run(struct reap_crew *c, size_t n, reap_loop_fn *fn, void *ctx)
{
    struct loop l = { .n = n, .fn = fn, .ctx = ctx };

    if (n > 1)
        reap_crew_run(c, loop_work, &l);
    else
        loop_work(&l, 0);
}
