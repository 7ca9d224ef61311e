/* Weights as chains: nothing is lost, and no sum of a chain can leave 16 bits,
 * whatever the weights. */
#include <stdlib.h>
#include <string.h>

#include "engine/blocked/blocked.h"
#include "tests/fill.h"
#include "tests/tap.h"

enum { MOST = 150, NR = 16, LANES = 8, VECTOR = 4 * LANES };

/* Weights of a kind: any, small, and those that only just do not fit. */
static signed char weight(int kind, size_t i)
{
    static const signed char hard[] = { 127, 127, -127, -127, 64, 65, 127, 2 };

    switch (kind) {
    case 0:
        return (signed char)(rand() / 7 % 255 - 127);
    case 1:
        return (signed char)(rand() / 7 % 41 - 20);
    case 2:
        return 127;
    case 3:
        return (signed char)(i % 2 ? 127 : -127);
    default:
        return hard[rand() / 7 % 8];
    }
}

/* Add the weights of a chain to 'sum' by their places; returns whether it is
 * within its bound. */
static bool chain(const int32_t *at, const signed char *w, size_t len,
                  int sum[MOST][VECTOR])
{
    bool good = true;

    for (int i = 0; i < VECTOR; i += 2) {
        int above = 0, below = 0;

        for (size_t k = 0; k < len; k++)
            for (int e = i; e < i + 2; e++) {
                const int x = w[k * VECTOR + (size_t)e];

                above += x > 0 ? x : 0;
                below -= x < 0 ? x : 0;
                sum[at[k] / 4][e] += x;
            }
        good &= 255 * above <= INT16_MAX && 255 * below <= -INT16_MIN;
    }
    return good;
}

/* Read a step back; returns whether its lists are those of 'w'. */
static bool right(const char *step, const signed char *w, size_t dwords)
{
    const struct reap_chains *head = (const void *)step;
    const int32_t *at = (const void *)(step + REAP_CHAIN_HEAD);
    bool good = true;

    for (size_t v = 0; v < NR / LANES; v++) {
        static int sum[MOST][VECTOR];
        size_t k = head->vector[v].first;

        memset(sum, 0, sizeof(sum));
        for (size_t len = REAP_CHAIN; len > 0; len--)
            for (uint32_t n = head->vector[v].n[len - 1]; n > 0; n--, k += len)
                good &= chain(at + k,
                              (const signed char *)step + head->weights +
                                  k * VECTOR,
                              len, sum);
        good &=
            head->weights + k * VECTOR <= reap_blocked_chain_bytes(dwords, NR);
        for (size_t d = 0; d < dwords; d++)
            for (size_t i = 0; i < VECTOR; i++)
                good &= sum[d][i] == w[(d * NR + v * LANES) * 4 + i];
    }
    return good;
}

static void try(int kind)
{
    static signed char w[MOST * NR * 4];
    struct reap_chainer *c = reap_blocked_chainer(MOST);
    char *step = aligned_alloc(64, reap_blocked_chain_bytes(MOST, NR));
    size_t wrong = 0, different = 0;

    for (size_t dwords = 0; dwords <= MOST; dwords += 1 + dwords / 4) {
        int32_t at[MOST];
        char *again = malloc(reap_blocked_chain_bytes(dwords, NR));

        for (size_t d = 0; d < dwords; d++)
            at[d] = (int32_t)(4 * d);
        for (size_t i = 0; i < dwords * NR * 4; i++)
            w[i] = weight(kind, i);
        reap_blocked_chains(c, step, w, at, dwords, NR);
        memcpy(again, step, reap_blocked_chain_bytes(dwords, NR));
        wrong += !right(step, w, dwords);
        reap_blocked_chains(c, step, w, at, dwords, NR);
        different +=
            memcmp(again, step, reap_blocked_chain_bytes(dwords, NR)) != 0;
        free(again);
    }
    ok(!wrong && !different, "weights of kind %d: %zu wrong, %zu not the same",
       kind, wrong, different);
    free(step);
    reap_blocked_chainer_free(&c);
}

int main(void)
{
    fill_seed();
    for (int kind = 0; kind < 5; kind++)
        try(kind);
    return done();
}
