/* The sums of the resampler, 16 bits at a time. */
#include <immintrin.h>
#include <string.h>

#include "engine/kern/resample_ops.h"
#include "engine/kern/resample_pack.inc"

/* Four pixels of RGB to the dwords R01 R23 G01 G23, B01 B23 0 0 of a pixel's
 * sum, where R01 is what the first two taps add to red. */
static __m256i resample_avx2_spread(const uint8_t *p)
{
    const __m128i order =
        _mm_setr_epi8(0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11, -1, -1, -1, -1);

    return _mm256_cvtepu8_epi16(
        _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)p), order));
}

/* One output, as the words R R G G B B 0 0, not yet clipped to a byte. */
static __m128i one(const uint8_t *p, const struct group *k, size_t groups)
{
    __m256i high = _mm256_setzero_si256();
    __m256i low = _mm256_set1_epi32(1 << (BITS - 2)); /* two make a half */

    for (size_t g = 0; g < groups; g++) {
        __m256i v = resample_avx2_spread(p + 3 * REAP_TAPS * g);
        long long h, l;

        memcpy(&h, k[g].high, sizeof(h));
        memcpy(&l, k[g].low, sizeof(l));
        high =
            _mm256_add_epi32(high, _mm256_madd_epi16(v, _mm256_set1_epi64x(h)));
        low =
            _mm256_add_epi32(low, _mm256_madd_epi16(v, _mm256_set1_epi64x(l)));
    }
    low = _mm256_add_epi32(low, _mm256_slli_epi32(high, SHIFT));
    low = _mm256_add_epi32(low, _mm256_shuffle_epi32(low, 0xb1));
    low = _mm256_srai_epi32(low, BITS);
    return _mm_packs_epi32(_mm256_castsi256_si128(low),
                           _mm256_extracti128_si256(low, 1));
}

static size_t groups_of(const struct reap_taps *t, size_t x)
{
    return (t->count[x] + REAP_TAPS - 1) / REAP_TAPS;
}

static void four(const struct reap_taps *t, const struct group *k, size_t x,
                 const uint8_t *src, uint8_t *dst)
{
    const __m128i first = _mm_setr_epi8(0, 2, 4, 8, 10, 12, -1, -1, -1, -1, -1,
                                        -1, -1, -1, -1, -1);
    const __m128i second = _mm_setr_epi8(-1, -1, -1, -1, -1, -1, 0, 2, 4, 8, 10,
                                         12, -1, -1, -1, -1);
    size_t per = t->room / REAP_TAPS;
    __m128i px[4], v;
    int32_t last;

#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++)
        px[i] = one(src + 3 * (size_t)t->lo[x + i], k + (x + i) * per,
                    groups_of(t, x + i));
    v = _mm_or_si128(_mm_shuffle_epi8(_mm_packus_epi16(px[0], px[1]), first),
                     _mm_shuffle_epi8(_mm_packus_epi16(px[2], px[3]), second));
    _mm_storel_epi64((__m128i *)dst, v);
    last = _mm_extract_epi32(v, 2);
    memcpy(dst + 8, &last, sizeof(last));
}

void reap_along_u8_avx2(const struct reap_taps *t, size_t rows,
                        const uint8_t *src, size_t src_stride, uint8_t *dst,
                        size_t dst_stride)
{
    struct group k[GROUPS];
    size_t most = GROUPS * REAP_TAPS / t->room / 4 * 4;

    for (size_t done = 0; done < t->n;) {
        size_t n = t->n - done < most ? t->n - done : most;
        struct reap_taps part, tail;

        if (n < 4) { /* few are left, or each is very long */
            part = part_of(t, done, t->n - done);
            reap_along_u8_ref(&part, rows, src, src_stride, dst + 3 * done,
                              dst_stride);
            return;
        }
        part = part_of(t, done, n / 4 * 4);
        tail = part_of(t, done + part.n, n - part.n);
        pack_groups(&part, k);
        for (size_t y = 0; y < rows; y++)
            for (size_t x = 0; x < part.n; x += 4)
                four(&part, k, x, src + y * src_stride,
                     dst + y * dst_stride + 3 * (done + x));
        reap_along_u8_ref(&tail, rows, src, src_stride,
                          dst + 3 * (done + part.n), dst_stride);
        done += n;
    }
}

/* Sums to bytes: 8 of 'a', 8 of 'b'. */
static __m128i resample_avx2_bytes(__m256i a, __m256i b)
{
    __m256i v =
        _mm256_permute4x64_epi64(_mm256_packs_epi32(_mm256_srai_epi32(a, BITS),
                                                    _mm256_srai_epi32(b, BITS)),
                                 0xd8);

    return _mm_packus_epi16(_mm256_castsi256_si128(v),
                            _mm256_extracti128_si256(v, 1));
}

/* 16 bytes of a row. */
static __m128i down16(const int32_t *high, const int32_t *low, size_t count,
                      const uint8_t *src, size_t stride)
{
    __m256i h0 = _mm256_setzero_si256(), h1 = h0;
    __m256i l0 = _mm256_set1_epi32(1 << (BITS - 1)), l1 = l0;

    for (size_t j = 0; j < count; j += 2) {
        const uint8_t *p = src + j * stride;
        const uint8_t *q = j + 1 < count ? p + stride : p;
        __m128i a = _mm_loadu_si128((const __m128i *)p);
        __m128i b = _mm_loadu_si128((const __m128i *)q);
        __m256i v0 = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(a, b));
        __m256i v1 = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(a, b));
        __m256i h = _mm256_set1_epi32(high[j / 2]);
        __m256i l = _mm256_set1_epi32(low[j / 2]);

        h0 = _mm256_add_epi32(h0, _mm256_madd_epi16(v0, h));
        h1 = _mm256_add_epi32(h1, _mm256_madd_epi16(v1, h));
        l0 = _mm256_add_epi32(l0, _mm256_madd_epi16(v0, l));
        l1 = _mm256_add_epi32(l1, _mm256_madd_epi16(v1, l));
    }
    l0 = _mm256_add_epi32(l0, _mm256_slli_epi32(h0, SHIFT));
    l1 = _mm256_add_epi32(l1, _mm256_slli_epi32(h1, SHIFT));
    return resample_avx2_bytes(l0, l1);
}

void reap_down_u8_avx2(const int32_t *k, size_t count, size_t n,
                       const uint8_t *src, size_t stride, uint8_t *dst)
{
    int32_t high[PAIRS], low[PAIRS];
    size_t at = 0;

    if (count <= 2 * PAIRS) {
        pack_pairs(k, count, high, low);
        for (; at + 16 <= n; at += 16)
            _mm_storeu_si128((__m128i *)(dst + at),
                             down16(high, low, count, src + at, stride));
    }
    reap_down_u8_ref(k, count, n - at, src + at, stride, dst + at);
}
