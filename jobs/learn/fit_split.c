/* Examples for fitting and for validation, drawn class by class in one walk. */
#include <math.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "jobs/learn/fit_split.h"

/* What example i counts for: its first class, or 'classes' for none. */
static size_t fit_split_class_of(const struct reap_examples *d, size_t i)
{
    return d->at[i] < d->at[i + 1] ? d->label[d->at[i]]
                                   : reap_string_set_count(d->classes);
}

/* How many of n examples of a class are to check. */
static size_t share_of(size_t n, double part)
{
    const double want = floor(part * (double)n + 0.5);
    const size_t k = want < 1 ? 1 : (size_t)want;

    if (n < 2 || !(part > 0))
        return 0;
    return k < n ? k : n - 1;
}

/* Draw k of each class: an example is taken with the chance that leaves as
 * many as are still wanted. 'left' and 'want' are by class. */
static void draw(struct reap_fit_split *s, const struct reap_examples *d,
                 size_t *left, size_t *want, uint64_t seed)
{
    uint64_t stream = reap_rng_stream(seed, "split");

    for (size_t i = 0; i < d->n; i++) {
        const size_t c = fit_split_class_of(d, i);
        uint64_t own = reap_rng_fork(stream, i);

        if (reap_rng_below(&own, left[c]--) < want[c]) {
            want[c]--;
            s->check[s->n_check++] = i;
        } else {
            s->train[s->n_train++] = i;
        }
    }
}

int reap_fit_split(struct reap_fit_split *s, const struct reap_examples *d,
                   double part, uint64_t seed, struct reap_err *err)
{
    const size_t classes = reap_string_set_count(d->classes) + 1;
    size_t *left = reap_calloc(2 * classes, sizeof(*left));

    memset(s, 0, sizeof(*s));
    s->train = reap_calloc(d->n, sizeof(*s->train));
    s->check = reap_calloc(d->n, sizeof(*s->check));
    if (!left || !s->train || !s->check) {
        reap_free(left);
        reap_fit_split_clear(s);
        return reap_fail(err, REAP_ENOMEM, "no memory for %zu examples", d->n);
    }
    for (size_t i = 0; i < d->n; i++)
        left[fit_split_class_of(d, i)]++;
    for (size_t c = 0; c < classes; c++) {
        left[classes + c] = share_of(left[c], part);
        s->alone += left[c] == 1;
    }
    draw(s, d, left, left + classes, seed);
    reap_free(left);
    return REAP_OK;
}

void reap_fit_split_clear(struct reap_fit_split *s)
{
    reap_free(s->train);
    reap_free(s->check);
    memset(s, 0, sizeof(*s));
}
