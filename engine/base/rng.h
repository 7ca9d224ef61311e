/*
 * engine/base/rng.h - numbers that look random, the same for a seed everywhere
 *
 * Source: splitmix64, Steele, Lea and Flood, OOPSLA 2014.
 */
#ifndef REAP_ENGINE_BASE_RNG_H
#define REAP_ENGINE_BASE_RNG_H

#include <stdint.h>

/* The next number of the stream in '*state'. */
static inline uint64_t reap_rng_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* A stream of its own for each name, so that its numbers do not depend on what
 * else is drawn. */
static inline uint64_t reap_rng_stream(uint64_t seed, const char *name)
{
    uint64_t s = reap_rng_next(&seed);

    for (; *name; name++) {
        s ^= (unsigned char)*name;
        s = reap_rng_next(&s);
    }
    return s;
}

/* The stream number 'i' of a stream. */
static inline uint64_t reap_rng_fork(uint64_t stream, uint64_t i)
{
    stream ^= i * 0xd1342543de82ef95u;
    return reap_rng_next(&stream);
}

/* Uniform in [0, 1), 53 bits. */
static inline double reap_rng_real(uint64_t *state)
{
    return (double)(reap_rng_next(state) >> 11) * 0x1p-53;
}

/* Uniform below n >= 1: Lemire's multiplication; the bias of n / 2^64 is not
 * seen. */
static inline uint64_t reap_rng_below(uint64_t *state, uint64_t n)
{
    const uint64_t x = reap_rng_next(state);
    const uint64_t lo = (x & 0xffffffffu) * (n & 0xffffffffu);
    const uint64_t a = (x >> 32) * (n & 0xffffffffu),
                   b = (x & 0xffffffffu) * (n >> 32);
    const uint64_t mid = (lo >> 32) + (a & 0xffffffffu) + (b & 0xffffffffu);

    return (x >> 32) * (n >> 32) + (a >> 32) + (b >> 32) + (mid >> 32);
}

#endif /* REAP_ENGINE_BASE_RNG_H */
