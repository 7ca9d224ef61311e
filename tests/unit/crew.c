/* Threads that do the same: each share once, also after a rest. */
#include <stdio.h>

#include "engine/base/clock.h"
#include "engine/base/crew.h"
#include "engine/base/mem.h"
#include "tests/tap.h"

enum { THINGS = 101, MOST = 7, ROUNDS = 2000 };

struct work {
    size_t threads;
    unsigned done[THINGS];
};

static void share(void *ctx, size_t thread)
{
    struct work *w = ctx;
    size_t i, end = reap_crew_share(THINGS, thread, w->threads, &i);

    for (; i < end; i++)
        w->done[i]++;
}

static void rounds(size_t threads)
{
    struct work w = { .threads = threads };
    struct reap_crew *c;
    int bad = reap_crew_new(&c, threads, NULL);

    for (int r = 0; !bad && r < ROUNDS; r++) {
        reap_crew_run(c, share, &w);
        if (r % 500 == 0)
            reap_nap(0.002); /* the others fall asleep */
    }
    for (size_t i = 0; i < THINGS; i++)
        bad += w.done[i] != ROUNDS;
    ok(!bad && reap_crew_size(c) == threads, "%zu threads, %d rounds", threads,
       ROUNDS);
    reap_crew_free(&c);
}

int main(void)
{
    struct reap_crew *c;

    for (size_t threads = 1; threads <= MOST; threads += 2)
        rounds(threads);
    reap_mem_fail_at(2);
    ok(reap_crew_new(&c, 2, NULL) == REAP_ENOMEM && !c, "no memory, no crew");
    reap_mem_fail_at(0);
    return done();
}
