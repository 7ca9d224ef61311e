/* What hangs together: beside a search that follows links, and by threads. */
#include <pthread.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "engine/near/linked.h"
#include "tests/tap.h"

enum { N = 2000, LINKS = 1400, THREADS = 4 };

static size_t from[LINKS], to[LINKS];
static size_t first[N];

/* The smallest number that can be reached, by going over all links again and
 * again until nothing changes. */
static void reach(void)
{
    int changed = 1;

    for (size_t i = 0; i < N; i++)
        first[i] = i;
    while (changed) {
        changed = 0;
        for (size_t i = 0; i < LINKS; i++) {
            size_t *a = &first[from[i]], *b = &first[to[i]];

            changed |= *a != *b;
            *a = *b = *a < *b ? *a : *b;
        }
    }
}

static size_t agree(struct reap_linked *l)
{
    size_t n = 0;

    for (size_t i = 0; i < N; i++)
        n += reap_linked_first(l, i) == first[i];
    return n;
}

struct share {
    struct reap_linked *l;
    size_t at;
};

static void *link_share(void *arg)
{
    const struct share *s = arg;

    /* each thread has all links, in an order of its own */
    for (size_t i = 0; i < LINKS; i++) {
        const size_t k = (i * 9 + s->at * 331) % LINKS;

        reap_linked_join(s->l, s->at % 2 ? from[k] : to[k],
                         s->at % 2 ? to[k] : from[k]);
    }
    return NULL;
}

static void threads(void)
{
    size_t good = 0;

    for (int round = 0; round < 20; round++) {
        struct reap_err err = { 0 };
        struct share share[THREADS];
        pthread_t id[THREADS];
        struct reap_linked *l = NULL;

        if (reap_linked_new(&l, N, &err))
            break;
        for (size_t t = 0; t < THREADS; t++) {
            share[t] = (struct share){ l, t };
            pthread_create(&id[t], NULL, link_share, &share[t]);
        }
        for (size_t t = 0; t < THREADS; t++)
            pthread_join(id[t], NULL);
        good += agree(l) == N;
        reap_linked_free(&l);
    }
    ok(good == 20, "%d threads at once", THREADS);
}

int main(void)
{
    struct reap_linked *l = NULL;
    struct reap_err err = { 0 };
    uint64_t seed = 7;

    for (size_t i = 0; i < LINKS; i++) {
        from[i] = reap_rng_below(&seed, N);
        to[i] = reap_rng_below(&seed, N);
    }
    reach();
    ok(!reap_linked_new(&l, N, &err) && reap_linked_first(l, 5) == 5,
       "each alone at first");
    for (size_t i = 0; i < LINKS; i++)
        reap_linked_join(l, from[i], to[i]);
    ok(agree(l) == N, "%d links of %d things", LINKS, N);
    reap_linked_join(l, 3, 3);
    ok(agree(l) == N, "a link to itself changes nothing");
    reap_linked_free(&l);
    threads();
    for (long i = 1; i < 3; i++) {
        reap_mem_fail_at(i);
        ok(reap_linked_new(&l, N, &err) == REAP_ENOMEM && !l, "%s", err.msg);
    }
    return done();
}
