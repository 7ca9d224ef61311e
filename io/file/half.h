/*
 * io/file/half.h - IEEE 754 half precision to and from float, in plain C
 *
 * Rounds to nearest even; infinities, NaNs and subnormals keep their kind.
 * Beyond 65504 (65520 and above) a value becomes infinity.
 */
#ifndef REAP_IO_FILE_HALF_H
#define REAP_IO_FILE_HALF_H

#include <stdint.h>
#include <string.h>

static inline float reap_half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, bits;
    uint32_t exponent = h >> 10 & 31, fraction = h & 0x3ff;
    float f;

    if (exponent == 31)
        bits = sign | 0x7f800000 | fraction << 13;
    else if (exponent)
        bits = sign | (exponent + 112) << 23 | fraction << 13;
    else {
        f = (float)fraction * 0x1p-24f; /* zero and subnormals: exact */
        memcpy(&bits, &f, sizeof(bits));
        bits |= sign;
    }
    memcpy(&f, &bits, sizeof(f));
    return f;
}

static inline uint16_t reap_half_from_float(float f)
{
    uint32_t bits, sign, rest, odd;

    memcpy(&bits, &f, sizeof(bits));
    sign = bits >> 16 & 0x8000;
    bits &= 0x7fffffff;
    if (bits > 0x7f800000) /* a NaN stays one */
        return (uint16_t)(sign | 0x7e00);
    if (bits >= 0x477ff000) /* 65520 */
        return (uint16_t)(sign | 0x7c00);
    if (bits < 0x38800000) { /* below 2^-14: counted in units of 2^-24 */
        float unit;

        /* Adding 2^-1 leaves the units of 2^-24 as the sum's last bits,
         * rounded to nearest even by the addition itself. */
        memcpy(&unit, &bits, sizeof(unit));
        unit += 0.5f;
        memcpy(&bits, &unit, sizeof(bits));
        return (uint16_t)(sign | (bits - 0x3f000000));
    }
    rest = bits & 0x1fff;
    odd = bits >> 13 & 1;
    bits = (bits - 0x38000000) >> 13;
    if (rest + odd > 0x1000)
        bits++;
    return (uint16_t)(sign | bits);
}

#endif /* REAP_IO_FILE_HALF_H */
