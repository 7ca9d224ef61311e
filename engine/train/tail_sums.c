/* Sums over the parts of a batch, formed as a tree: the same bits however many
 * ranks and threads share the parts. */
#include <string.h>

#include "engine/train/tail_impl.h"

/* a[i] += b[i] */
void reap_tail_add(size_t n, const float *b, float *a)
{
    for (size_t i = 0; i < n; i++)
        a[i] += b[i];
}

void reap_tail_add_parts(struct reap_tail *t, size_t c, float *to)
{
    for (size_t step = 1; step < t->now.parts; step *= 2)
        for (size_t p = 0; p + step < t->now.parts; p += 2 * step)
            reap_tail_add(c, t->sums + (p + step) * c, t->sums + p * c);
    if (t->now.parts)
        memcpy(to, t->sums, c * sizeof(*to));
    else
        memset(to, 0, c * sizeof(*to));
}

struct tile {
    struct reap_tail *t;
    const struct reap_tail_product *p;
    size_t across;       /* tiles in a row of them */
    size_t o0, n, k0, k; /* of this tile */
    float *scratch;
};

/* The tile's sum over 'parts' parts from 'part' on. */
static void branch(const struct tile *x, size_t part, size_t parts, float *to,
                   size_t ldt, float *scratch)
{
    const struct reap_tail_product *p = x->p;

    if (parts == 1) {
        const size_t row = reap_tail_part(x->t, part) * p->pixels;
        const size_t rows = reap_tail_part(x->t, part + 1) * p->pixels - row;

        reap_gemm_run(x->t->a.gemm, x->n, x->k, rows,
                      (struct reap_mat){ .at = p->dy + row * p->ldy + x->o0,
                                         .ld = p->ldy,
                                         .t = true },
                      (struct reap_mat){ .at = p->x + row * p->ldx + x->k0,
                                         .ld = p->ldx },
                      false, to, ldt);
        return;
    }
    branch(x, part, parts / 2, to, ldt, scratch);
    branch(x, part + parts / 2, parts / 2, scratch, x->k,
           scratch + REAP_TAIL_ROWS * REAP_TAIL_COLUMNS);
    for (size_t o = 0; o < x->n; o++)
        reap_tail_add(x->k, scratch + o * x->k, to + o * ldt);
}

static size_t levels(const struct reap_tail *t)
{
    size_t n = 1;

    for (size_t p = reap_tail_share(t->a.max_batch, 0, 1).all_parts; p > 1;
         p /= 2)
        n++;
    return n;
}

static void tile(void *ctx, size_t task, size_t who)
{
    struct tile x = *(struct tile *)ctx;
    const struct reap_tail_product *p = x.p;
    float *scratch =
        x.t->tile + who * levels(x.t) * REAP_TAIL_ROWS * REAP_TAIL_COLUMNS;

    x.o0 = task / x.across * REAP_TAIL_ROWS;
    x.k0 = task % x.across * REAP_TAIL_COLUMNS;
    x.n = p->n - x.o0 < REAP_TAIL_ROWS ? p->n - x.o0 : REAP_TAIL_ROWS;
    x.k = p->k - x.k0 < REAP_TAIL_COLUMNS ? p->k - x.k0 : REAP_TAIL_COLUMNS;
    branch(&x, x.t->now.part, x.t->now.parts, p->to + x.o0 * p->ldt + x.k0,
           p->ldt, scratch);
}

void reap_tail_weigh(struct reap_tail *t, const struct reap_tail_product *p)
{
    struct tile x = { .t = t, .p = p };
    const size_t down = (p->n + REAP_TAIL_ROWS - 1) / REAP_TAIL_ROWS;

    x.across = (p->k + REAP_TAIL_COLUMNS - 1) / REAP_TAIL_COLUMNS;
    if (t->now.parts)
        reap_loop_run(t->a.crew, down * x.across, tile, &x);
    else
        for (size_t o = 0; o < p->n; o++)
            memset(p->to + o * p->ldt, 0, p->k * sizeof(float));
}
