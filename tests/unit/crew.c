/* Threads that do the same: each share once, also after a rest, and steps that
 * begin when the one before is done. */
#include <stdio.h>
#include <string.h>

#include "engine/base/clock.h"
#include "engine/base/crew.h"
#include "engine/base/mem.h"
#include "tests/tap.h"

enum { THINGS = 101, MOST = 7, ROUNDS = 2000, STEPS = 400 };

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

/* Numbers go from one row to the other and back, each thing plus its right
 * neighbour, which another thread may have written a step before. */
struct steps {
    struct reap_crew *crew;
    unsigned row[2][THINGS];
};

static void step(void *ctx, size_t thread)
{
    struct steps *s = ctx;
    const size_t threads = reap_crew_size(s->crew);
    size_t from, end = reap_crew_share(THINGS, thread, threads, &from);

    for (size_t k = 0; k < STEPS; k++) {
        const unsigned *in = s->row[k % 2];

        if (k % 100 == 50 && thread == k / 100 % threads)
            reap_nap(0.002); /* the others fall asleep */
        for (size_t i = from; i < end; i++)
            s->row[1 - k % 2][i] = in[i] * 3 + in[(i + 1) % THINGS];
        reap_crew_meet(s->crew);
    }
}

static void meetings(size_t threads, unsigned *row)
{
    struct steps s = { .row = { { 1 } } };

    if (reap_crew_new(&s.crew, threads, NULL)) {
        ok(0, "a crew of %zu", threads);
        return;
    }
    reap_crew_run(s.crew, step, &s);
    reap_crew_run(s.crew, step, &s);
    reap_crew_free(&s.crew);
    if (threads == 1)
        memcpy(row, s.row[0], sizeof(s.row[0]));
    ok(!memcmp(row, s.row[0], sizeof(s.row[0])) && row[0] > 1,
       "%zu threads meet after each of %d steps", threads, STEPS);
}

int main(void)
{
    unsigned row[THINGS];
    struct reap_crew *c;

    for (size_t threads = 1; threads <= MOST; threads += 2)
        rounds(threads);
    for (size_t threads = 1; threads <= MOST; threads++)
        meetings(threads, row);
    reap_mem_fail_at(2);
    ok(reap_crew_new(&c, 2, NULL) == REAP_ENOMEM && !c, "no memory, no crew");
    reap_mem_fail_at(0);
    return done();
}
