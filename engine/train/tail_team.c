/* What the ranks of a team have, added up in one order. */
#include <string.h>

#include "engine/base/mem.h"
#include "engine/train/tail_impl.h"

/* Piece r of 'size' bytes is rank r's. */
static int exchange(const struct reap_tail *t, void *all, size_t size,
                    struct reap_err *err)
{
    const struct reap_team *team = &t->a.team;
    size_t *first = reap_calloc(team->ranks + 1, sizeof(*first));
    int rc;

    if (!first)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    for (size_t r = 0; r <= team->ranks; r++)
        first[r] = r;
    rc = team->share(team->ctx, all, size, first, err);
    reap_free(first);
    return rc;
}

/* The tree over the ranks that have work, for n numbers of each. */
static void tree(const struct reap_tail *t, size_t n, float *to)
{
    const size_t size = REAP_TAIL_PIECE;

    for (size_t step = 1; step < t->now.ranks; step *= 2)
        for (size_t r = 0; r < t->now.ranks; r += 2 * step) {
            const float *b = t->pieces + (r + step) * size;
            float *a = t->pieces + r * size;

            for (size_t i = 0; i < n; i++)
                a[i] += b[i];
        }
    memcpy(to, t->pieces, n * sizeof(*to));
}

int reap_tail_add_up(struct reap_tail *t, struct reap_err *err)
{
    float *g = t->vector[REAP_TAIL_GRADIENT];
    float *mine = t->pieces + t->a.team.rank * REAP_TAIL_PIECE;
    int rc = REAP_OK;

    for (size_t at = 0; !rc && t->a.team.ranks > 1 && at < t->count;
         at += REAP_TAIL_PIECE) {
        const size_t left = t->count - at,
                     n = left < REAP_TAIL_PIECE ? left : REAP_TAIL_PIECE;

        memcpy(mine, g + at, n * sizeof(*g));
        rc = exchange(t, t->pieces, REAP_TAIL_PIECE * sizeof(float), err);
        if (!rc)
            tree(t, n, g + at);
    }
    return rc;
}

/* Every part has one owner; what others say of it is not looked at. */
int reap_tail_add_results(struct reap_tail *t, struct reap_tail_result *r,
                          struct reap_err *err)
{
    const size_t ranks = t->a.team.ranks, size = r->parts * sizeof(*r->sums);
    const size_t each = r->parts / t->now.ranks;
    char *all;
    int rc;

    if (ranks == 1)
        return REAP_OK;
    all = reap_calloc(ranks, size);
    if (!all)
        return reap_fail(err, REAP_ENOMEM, "no memory");
    memcpy(all + t->a.team.rank * size, r->sums, size);
    rc = exchange(t, all, size, err);
    for (size_t p = 0; !rc && p < r->parts; p++)
        memcpy(&r->sums[p], all + p / each * size + p * sizeof(*r->sums),
               sizeof(*r->sums));
    reap_free(all);
    return rc;
}
