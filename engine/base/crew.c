/*
 * A task and a meeting are counters that grow; threads look at them for some
 * microseconds, then sleep on a condition variable. The order of "announce
 * that you sleep" and "look once more" on one side, "change" and "look for
 * sleepers" on the other is what loses no wake-up (see change()).
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "engine/base/clock.h"
#include "engine/base/crew.h"
#include "engine/base/mem.h"

/*
 * How long a thread looks before it sleeps. Within a task the others are at
 * work and will come; to be woken takes longer than most of what they do. It
 * looks LOOKS times at once, some 5 us, then lets others of its core go first.
 */
enum { LOOKS = 100 };
static const double task_seconds = 10e-6, meet_seconds = 500e-6;

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
    bool over;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* 'round' or 'meeting' */
    /* Each in a cache line of its own. */
    _Alignas(64) atomic_uint round;   /* grows with each task */
    _Alignas(64) atomic_uint meeting; /* grows as all have come */
    _Alignas(64) atomic_size_t here;  /* of those who are to come */
    _Alignas(64) atomic_uint asleep;
};

static void look_again(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* Look for 'what' to change for a while; true once it has. */
static bool looked(atomic_uint *what, unsigned was, double seconds)
{
    double end = 0;

    do {
        for (int i = 0; i < LOOKS; i++) {
            if (atomic_load_explicit(what, memory_order_acquire) != was)
                return true;
            look_again();
        }
        if (!(end > 0))
            end = reap_clock() + seconds;
        sched_yield();
    } while (reap_clock() < end);
    return false;
}

/* Wait until 'what' is not what it was. */
static void await(struct reap_crew *c, atomic_uint *what, unsigned was,
                  double seconds)
{
    if (looked(what, was, seconds))
        return;
    pthread_mutex_lock(&c->mutex);
    atomic_fetch_add(&c->asleep, 1);
    while (atomic_load(what) == was)
        pthread_cond_wait(&c->changed, &c->mutex);
    atomic_fetch_sub(&c->asleep, 1);
    pthread_mutex_unlock(&c->mutex);
}

/* Change 'what'. Either a sleeper sees that before it sleeps, or it was counted
 * before that is looked at. */
static void change(struct reap_crew *c, atomic_uint *what)
{
    atomic_fetch_add(what, 1);
    if (!atomic_load(&c->asleep))
        return;
    pthread_mutex_lock(&c->mutex);
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->mutex);
}

void reap_crew_meet(struct reap_crew *c)
{
    const unsigned meeting = atomic_load(&c->meeting);

    if (!c->started)
        return;
    if (atomic_fetch_add(&c->here, 1) < c->started) {
        await(c, &c->meeting, meeting, meet_seconds);
        return;
    }
    atomic_store(&c->here, 0);
    change(c, &c->meeting);
}

static void *crew_work(void *p)
{
    const struct hand *h = p;
    struct reap_crew *c = h->crew;

    for (unsigned round = 0;; round++) {
        await(c, &c->round, round, task_seconds);
        if (c->over)
            return NULL;
        c->fn(c->ctx, h->number);
        reap_crew_meet(c);
    }
}

void reap_crew_run(struct reap_crew *c, reap_crew_fn *fn, void *ctx)
{
    c->fn = fn;
    c->ctx = ctx;
    if (c->started)
        change(c, &c->round);
    fn(ctx, 0);
    reap_crew_meet(c);
}

int reap_crew_new(struct reap_crew **out, size_t threads, struct reap_err *err)
{
    struct reap_crew *c = reap_aligned(sizeof(*c));

    *out = NULL;
    if (c)
        memset(c, 0, sizeof(*c));
    if (c)
        c->hand = reap_calloc(threads, sizeof(*c->hand));
    if (!c || !c->hand) {
        reap_free(c);
        return reap_fail(err, REAP_ENOMEM, "no memory for threads");
    }
    c->n = threads;
    pthread_mutex_init(&c->mutex, NULL);
    pthread_cond_init(&c->changed, NULL);
    for (size_t i = 1; i < threads; i++) {
        c->hand[i] = (struct hand){ .crew = c, .number = i };
        if (pthread_create(&c->hand[i].thread, NULL, crew_work, &c->hand[i])) {
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
    c->over = true;
    if (c->started)
        change(c, &c->round);
    for (size_t i = 1; i <= c->started; i++)
        pthread_join(c->hand[i].thread, NULL);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->mutex);
    reap_free(c->hand);
    reap_free(c);
    *crew = NULL;
}
