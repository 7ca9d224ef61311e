#include <stdatomic.h>
#include <stdint.h>

#include "engine/base/mem.h"
#include "engine/near/linked.h"

/* A thing points to an earlier one that it hangs together with, or to itself:
 * pointers only ever move to the front, so that there are no circles. */
struct reap_linked {
    size_t n;
    _Atomic uint32_t *parent;
};

int reap_linked_new(struct reap_linked **out, size_t n, struct reap_err *err)
{
    struct reap_linked *l;

    *out = NULL;
    if (n > UINT32_MAX)
        return reap_fail(err, REAP_EINVAL, "links of %zu things", n);
    *out = l = reap_calloc(1, sizeof(*l));
    if (l)
        l->parent = reap_calloc(n + 1, sizeof(*l->parent));
    if (!l || !l->parent) {
        reap_linked_free(out);
        return reap_fail(err, REAP_ENOMEM, "no memory for links of %zu things",
                         n);
    }
    l->n = n;
    for (size_t i = 0; i < n; i++)
        atomic_init(&l->parent[i], (uint32_t)i);
    return REAP_OK;
}

size_t reap_linked_first(struct reap_linked *l, size_t i)
{
    uint32_t at = (uint32_t)i, up, above;

    while ((up = atomic_load(&l->parent[at])) != at) {
        above = atomic_load(&l->parent[up]);
        /* the next one finds a shorter way; if another was quicker, fine */
        atomic_compare_exchange_strong(&l->parent[at], &up, above);
        at = above;
    }
    return at;
}

void reap_linked_join(struct reap_linked *l, size_t a, size_t b)
{
    for (;;) {
        uint32_t last;

        a = reap_linked_first(l, a);
        b = reap_linked_first(l, b);
        if (a == b)
            return;
        if (a > b) {
            const size_t swap = a;

            a = b;
            b = swap;
        }
        last = (uint32_t)b;
        if (atomic_compare_exchange_strong(&l->parent[b], &last, (uint32_t)a))
            return;
    }
}

void reap_linked_free(struct reap_linked **l)
{
    if (!*l)
        return;
    reap_free((void *)(*l)->parent);
    reap_free(*l);
    *l = NULL;
}
