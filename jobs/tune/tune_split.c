/* Images for training and for validation, drawn class by class. */
#include <string.h>

#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "jobs/tune/tune_split.h"

/* How many of n are kept for checking. */
static size_t share(size_t n, double part)
{
    size_t keep = (size_t)(part * (double)n + 0.5);

    if (part <= 0 || n < 2)
        return 0;
    keep = keep ? keep : 1;
    return keep < n ? keep : n - 1;
}

/* Mark those of class c that check: 'list' has room for all. */
static void draw(const struct reap_tune_data *d, const struct reap_views *v,
                 uint32_t c, double part, uint64_t chance, size_t *list,
                 bool *checks)
{
    size_t n = 0, keep;

    for (size_t i = 0; i < d->n; i++)
        if (reap_views_good(v, i) && d->more[d->item[i].label] == c)
            list[n++] = i;
    keep = share(n, part);
    for (size_t k = 0; k < keep; k++) {
        const size_t j = k + reap_rng_below(&chance, n - k), is = list[j];

        list[j] = list[k];
        list[k] = is;
        checks[is] = true;
    }
}

int reap_tune_split(struct reap_tune_split *s, const struct reap_tune_data *d,
                    const struct reap_views *v, double part, uint64_t seed,
                    struct reap_err *err)
{
    bool *checks = reap_calloc(d->n, sizeof(*checks));
    const uint64_t stream = reap_rng_stream(seed, "split");
    int rc = REAP_OK;

    memset(s, 0, sizeof(*s));
    s->train = reap_calloc(d->n, sizeof(*s->train));
    s->check = reap_calloc(d->n, sizeof(*s->check));
    if (!checks || !s->train || !s->check)
        rc = reap_fail(err, REAP_ENOMEM, "no memory for %zu images", d->n);
    for (uint32_t c = 0; !rc && part > 0 && c < d->n_classes; c++)
        draw(d, v, c, part, reap_rng_fork(stream, c), s->train, checks);
    for (size_t i = 0; !rc && i < d->n; i++)
        if (!reap_views_good(v, i))
            s->bad++;
        else if (checks[i])
            s->check[s->n_check++] = i;
        else
            s->train[s->n_train++] = i;
    if (!rc && !s->n_train)
        rc = reap_fail(err, REAP_ENOTFOUND,
                       "none of the %zu images with a label can be decoded",
                       d->n);
    reap_free(checks);
    return rc;
}

void reap_tune_split_clear(struct reap_tune_split *s)
{
    reap_free(s->train);
    reap_free(s->check);
    memset(s, 0, sizeof(*s));
}
