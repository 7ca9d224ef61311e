/* Tensors in the order in which they were added, with a hash table of names;
 * numbers may be fetched later and forgotten again. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/net/params.h"

enum { FIRST_SLOTS = 256 };

struct reap_params {
    size_t n, room;
    struct reap_param **at; /* in the order of adding */
    size_t slots;           /* a power of two, more than half of it empty */
    size_t *slot;           /* index + 1 into 'at', 0: empty */
    struct reap_fetch_numbers from; /* fetch is NULL: all are there */
};

/* Source: FNV-1a, Fowler, Noll and Vo. */
static uint64_t params_hash(const char *s)
{
    uint64_t h = 0xcbf29ce484222325u;

    while (*s)
        h = (h ^ (unsigned char)*s++) * 0x100000001b3u;
    return h;
}

/* The slot that holds 'name', or the empty one where it belongs. */
static size_t *slot_of(const struct reap_params *p, const char *name)
{
    size_t i = params_hash(name) & (p->slots - 1);

    while (p->slot[i] && strcmp(p->at[p->slot[i] - 1]->name, name))
        i = (i + 1) & (p->slots - 1);
    return &p->slot[i];
}

int reap_params_new(struct reap_params **out, struct reap_err *err)
{
    struct reap_params *p = reap_calloc(1, sizeof(*p));

    *out = NULL;
    if (p)
        p->slot = reap_calloc(FIRST_SLOTS, sizeof(*p->slot));
    if (!p || !p->slot) {
        reap_free(p);
        return reap_fail(err, REAP_ENOMEM, "no memory for weights");
    }
    p->slots = FIRST_SLOTS;
    *out = p;
    return REAP_OK;
}

/* Room for one more: in the list, and in a table that stays half empty. */
static int params_grow(struct reap_params *p)
{
    size_t *old = p->slot, *wide;
    struct reap_param **at;

    if (p->n == p->room) {
        at = reap_realloc(p->at, (p->room * 2 + 64) * sizeof(*at));
        if (!at)
            return REAP_ENOMEM;
        p->at = at;
        p->room = p->room * 2 + 64;
    }
    if ((p->n + 1) * 2 <= p->slots)
        return REAP_OK;
    wide = reap_calloc(p->slots * 2, sizeof(*wide));
    if (!wide)
        return REAP_ENOMEM;
    p->slot = wide;
    p->slots *= 2;
    for (size_t i = 0; i < p->n; i++)
        *slot_of(p, p->at[i]->name) = i + 1;
    reap_free(old);
    return REAP_OK;
}

/* Elements of that shape in '*count'; false if no memory could hold them. */
static int countable(size_t rank, const size_t *dim, size_t *count)
{
    size_t n = 1;

    if (rank > REAP_PARAM_DIMS)
        return 0;
    for (size_t i = 0; i < rank; i++)
        if (__builtin_mul_overflow(n, dim[i], &n))
            return 0;
    *count = n;
    return n <= SIZE_MAX / sizeof(float);
}

int reap_params_add(struct reap_params *p, const char *name, size_t rank,
                    const size_t *dim, struct reap_param **out,
                    struct reap_err *err)
{
    struct reap_param *t = NULL;
    size_t count, len = strlen(name) + 1;

    *out = NULL;
    if (!countable(rank, dim, &count))
        return reap_fail(err, REAP_EFORMAT, "%s: impossible shape", name);
    if (*slot_of(p, name))
        return reap_fail(err, REAP_EFORMAT, "%s: there twice", name);
    if (!params_grow(p))
        t = reap_calloc(1, sizeof(*t) + len);
    if (t && !p->from.fetch)
        t->data = reap_calloc(count ? count : 1, sizeof(float));
    if (!t || (!t->data && !p->from.fetch)) {
        reap_free(t);
        return reap_fail(err, REAP_ENOMEM,
                         "%s: no memory for its %zu "
                         "numbers",
                         name, count);
    }
    t->name = memcpy(t + 1, name, len);
    t->rank = rank;
    t->count = count;
    t->index = p->n;
    for (size_t i = 0; i < rank; i++)
        t->dim[i] = dim[i];
    p->at[p->n] = t;
    *slot_of(p, name) = ++p->n;
    *out = t;
    return REAP_OK;
}

void reap_params_later(struct reap_params *p,
                       const struct reap_fetch_numbers *from)
{
    p->from = *from;
}

int reap_params_need(const struct reap_params *p, const struct reap_param *t,
                     struct reap_err *err)
{
    float *data;
    int rc;

    if (t->data)
        return REAP_OK;
    data = reap_aligned((t->count ? t->count : 1) * sizeof(float));
    if (!data)
        return reap_fail(err, REAP_ENOMEM, "%s: no memory for its %zu numbers",
                         t->name, t->count);
    rc = p->from.fetch(p->from.own, t, data, err);
    if (rc)
        reap_free(data);
    else
        p->at[t->index]->data = data;
    return rc;
}

void reap_params_settled(struct reap_params *p)
{
    if (p->from.close)
        p->from.close(p->from.own);
    p->from = (struct reap_fetch_numbers){ .fetch = NULL };
}

void reap_params_forget(const struct reap_params *p, const struct reap_param *t)
{
    if (!p->from.fetch)
        return;
    reap_free(t->data);
    p->at[t->index]->data = NULL;
}

const struct reap_param *reap_params_find(const struct reap_params *p,
                                          const char *name)
{
    const size_t i = *slot_of(p, name);

    return i ? p->at[i - 1] : NULL;
}

size_t reap_params_count(const struct reap_params *p)
{
    return p->n;
}

const struct reap_param *reap_params_at(const struct reap_params *p, size_t i)
{
    return p->at[i];
}

void reap_params_free(struct reap_params **p)
{
    if (!*p)
        return;
    reap_params_settled(*p);
    for (size_t i = 0; i < (*p)->n; i++) {
        reap_free((*p)->at[i]->data);
        reap_free((*p)->at[i]);
    }
    reap_free((*p)->at);
    reap_free((*p)->slot);
    reap_free(*p);
    *p = NULL;
}
