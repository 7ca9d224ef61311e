/* A queue of pointers whose weights are summed: readers wait while the sum is
 * above the bound, the writer while it is empty. One mutex, two conditions. */
#include <errno.h>
#include <time.h>

#include "engine/base/mem.h"
#include "io/import/import_impl.h"

struct link {
    struct link *next;
    void *p;
    size_t weight;
};

struct reap_queue {
    pthread_mutex_t mutex;
    pthread_cond_t filled, emptied;
    struct link *first, **last;
    size_t weight, max;
    bool ended, stopped;
};

int reap_queue_new(struct reap_queue **out, size_t max_weight,
                   struct reap_err *err)
{
    struct reap_queue *q = reap_calloc(1, sizeof(*q));

    *out = q;
    if (!q)
        return reap_fail(err, REAP_ENOMEM, "no memory for a queue");
    pthread_mutex_init(&q->mutex, NULL);
    pthread_cond_init(&q->filled, NULL);
    pthread_cond_init(&q->emptied, NULL);
    q->last = &q->first;
    q->max = max_weight;
    return REAP_OK;
}

bool reap_queue_put(struct reap_queue *q, void *p, size_t weight)
{
    struct link *l = reap_calloc(1, sizeof(*l));
    bool put;

    if (!l)
        return false;
    l->p = p;
    l->weight = weight;
    pthread_mutex_lock(&q->mutex);
    /* An item heavier than the bound itself passes when it is alone. */
    while (!q->stopped && q->weight && q->weight + weight > q->max)
        pthread_cond_wait(&q->emptied, &q->mutex);
    put = !q->stopped;
    if (put) {
        *q->last = l;
        q->last = &l->next;
        q->weight += weight;
        pthread_cond_signal(&q->filled);
    }
    pthread_mutex_unlock(&q->mutex);
    if (!put)
        reap_free(l);
    return put;
}

static struct timespec in_ms(int ms)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

void *reap_queue_get(struct reap_queue *q, int ms, bool *late)
{
    const struct timespec until = in_ms(ms < 0 ? 0 : ms);
    struct link *l;
    void *p = NULL;

    *late = false;
    pthread_mutex_lock(&q->mutex);
    while (!q->stopped && !q->first && !q->ended && !*late) {
        if (ms < 0)
            pthread_cond_wait(&q->filled, &q->mutex);
        else
            *late = pthread_cond_timedwait(&q->filled, &q->mutex, &until) ==
                    ETIMEDOUT;
    }
    l = q->stopped ? NULL : q->first;
    if (l) {
        *late = false;
        p = l->p;
        q->first = l->next;
        if (!q->first)
            q->last = &q->first;
        q->weight -= l->weight;
        pthread_cond_broadcast(&q->emptied);
    }
    pthread_mutex_unlock(&q->mutex);
    reap_free(l);
    return p;
}

static void import_queue_mark(struct reap_queue *q, bool *flag)
{
    pthread_mutex_lock(&q->mutex);
    *flag = true;
    pthread_cond_broadcast(&q->filled);
    pthread_cond_broadcast(&q->emptied);
    pthread_mutex_unlock(&q->mutex);
}

void reap_queue_end(struct reap_queue *q)
{
    import_queue_mark(q, &q->ended);
}

void reap_queue_stop(struct reap_queue *q)
{
    import_queue_mark(q, &q->stopped);
}

void reap_queue_free(struct reap_queue **q)
{
    struct reap_queue *old = *q;
    struct link *next;

    if (!old)
        return;
    *q = NULL;
    for (struct link *l = old->first; l; l = next) {
        next = l->next;
        reap_free(l->p);
        reap_free(l);
    }
    pthread_mutex_destroy(&old->mutex);
    pthread_cond_destroy(&old->filled);
    pthread_cond_destroy(&old->emptied);
    reap_free(old);
}
