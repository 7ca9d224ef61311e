#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "engine/base/crew.h"
#include "engine/base/mem.h"

enum { LOOKS = 200 }; /* before a thread sleeps: some 10 us */

struct hand {
    struct reap_crew *crew;
    size_t number;
    pthread_t thread;
};

struct reap_crew {
    size_t n, started; /* threads in all; others that run */
    struct hand *hand; /* n, the first unused */
    reap_crew_fn *fn;
    void *ctx;
    atomic_uint round; /* grows with each task */
    atomic_size_t left;
    atomic_bool over;
    pthread_mutex_t mutex;
    pthread_cond_t begin, end;
};

static void look_again(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* Wait until the round is another one than 'was'. */
static void await_round(struct reap_crew *c, unsigned was)
{
    for (int i = 0; i < LOOKS; i++) {
        if (atomic_load(&c->round) != was)
            return;
        look_again();
    }
    pthread_mutex_lock(&c->mutex);
    while (atomic_load(&c->round) == was)
        pthread_cond_wait(&c->begin, &c->mutex);
    pthread_mutex_unlock(&c->mutex);
}

static void *work(void *p)
{
    const struct hand *h = p;
    struct reap_crew *c = h->crew;

    for (unsigned round = 0;; round++) {
        await_round(c, round);
        if (atomic_load(&c->over))
            return NULL;
        c->fn(c->ctx, h->number);
        if (atomic_fetch_sub(&c->left, 1) == 1) {
            pthread_mutex_lock(&c->mutex);
            pthread_cond_signal(&c->end);
            pthread_mutex_unlock(&c->mutex);
        }
    }
}

/* Let the others see a new round. */
static void begin(struct reap_crew *c)
{
    pthread_mutex_lock(&c->mutex);
    atomic_store(&c->left, c->started);
    atomic_fetch_add(&c->round, 1);
    pthread_cond_broadcast(&c->begin);
    pthread_mutex_unlock(&c->mutex);
}

static void await_end(struct reap_crew *c)
{
    for (int i = 0; i < LOOKS; i++) {
        if (!atomic_load(&c->left))
            return;
        look_again();
    }
    pthread_mutex_lock(&c->mutex);
    while (atomic_load(&c->left))
        pthread_cond_wait(&c->end, &c->mutex);
    pthread_mutex_unlock(&c->mutex);
}

void reap_crew_run(struct reap_crew *c, reap_crew_fn *fn, void *ctx)
{
    c->fn = fn;
    c->ctx = ctx;
    if (c->started)
        begin(c);
    fn(ctx, 0);
    if (c->started)
        await_end(c);
}

int reap_crew_new(struct reap_crew **out, size_t threads, struct reap_err *err)
{
    struct reap_crew *c = reap_calloc(1, sizeof(*c));

    *out = NULL;
    if (c)
        c->hand = reap_calloc(threads, sizeof(*c->hand));
    if (!c || !c->hand) {
        reap_free(c);
        return reap_fail(err, REAP_ENOMEM, "no memory for threads");
    }
    c->n = threads;
    pthread_mutex_init(&c->mutex, NULL);
    pthread_cond_init(&c->begin, NULL);
    pthread_cond_init(&c->end, NULL);
    for (size_t i = 1; i < threads; i++) {
        c->hand[i] = (struct hand){ .crew = c, .number = i };
        if (pthread_create(&c->hand[i].thread, NULL, work, &c->hand[i])) {
            reap_crew_free(&c);
            return reap_fail(err, REAP_ENOMEM, "cannot start %zu threads",
                             threads);
        }
        c->started++;
    }
    *out = c;
    return REAP_OK;
}

size_t reap_crew_size(const struct reap_crew *c)
{
    return c->n;
}

void reap_crew_free(struct reap_crew **crew)
{
    struct reap_crew *c = *crew;

    if (!c)
        return;
    atomic_store(&c->over, true);
    begin(c);
    for (size_t i = 1; i <= c->started; i++)
        pthread_join(c->hand[i].thread, NULL);
    pthread_cond_destroy(&c->end);
    pthread_cond_destroy(&c->begin);
    pthread_mutex_destroy(&c->mutex);
    reap_free(c->hand);
    reap_free(c);
    *crew = NULL;
}
