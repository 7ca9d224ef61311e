/* The sums of the resampler: two rows at a time along, 32 bytes down. */
#include <immintrin.h>
#include <string.h>

#include "engine/kern/resample_ops.h"
#include "engine/kern/resample_pack.inc"

/* Four pixels of each of two rows; see spread() of avx2. */
static __m512i resample_avx512_spread(const uint8_t *p, const uint8_t *q)
{
    const __m256i order = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11, -1, -1, -1, -1));
    __m256i v = _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)p)),
        _mm_loadu_si128((const __m128i *)q), 1);

    return _mm512_cvtepu8_epi16(_mm256_shuffle_epi8(v, order));
}

/* One output of both rows, as the dwords R R G G, B B 0 0 of each. */
static inline __m512i one(const uint8_t *p, const uint8_t *q,
                          const struct group *k, size_t groups)
{
    __m512i high = _mm512_setzero_si512();
    __m512i low = _mm512_set1_epi32(1 << (BITS - 2)); /* two make a half */

    for (size_t g = 0; g < groups; g++) {
        __m512i v = resample_avx512_spread(p + 3 * REAP_TAPS * g,
                                           q + 3 * REAP_TAPS * g);
        long long h, l;

        memcpy(&h, k[g].high, sizeof(h));
        memcpy(&l, k[g].low, sizeof(l));
        high =
            _mm512_add_epi32(high, _mm512_madd_epi16(v, _mm512_set1_epi64(h)));
        low = _mm512_add_epi32(low, _mm512_madd_epi16(v, _mm512_set1_epi64(l)));
    }
    low = _mm512_add_epi32(low, _mm512_slli_epi32(high, SHIFT));
    low = _mm512_add_epi32(low, _mm512_shuffle_epi32(low, _MM_PERM_CDAB));
    return _mm512_srai_epi32(low, BITS);
}

/* RGB and a zero of four outputs of one row; the lanes of 'v' hold R R G G of
 * the four, those of 'w' B B 0 0. */
static void store12(__m128i v, __m128i w, uint8_t *dst)
{
    const __m128i rg = _mm_setr_epi8(0, 2, -1, 4, 6, -1, 8, 10, -1, 12, 14, -1,
                                     -1, -1, -1, -1);
    const __m128i b = _mm_setr_epi8(-1, -1, 0, -1, -1, 4, -1, -1, 8, -1, -1, 12,
                                    -1, -1, -1, -1);
    __m128i px = _mm_or_si128(_mm_shuffle_epi8(v, rg), _mm_shuffle_epi8(w, b));
    int32_t last = _mm_extract_epi32(px, 2);

    _mm_storel_epi64((__m128i *)dst, px);
    memcpy(dst + 8, &last, sizeof(last));
}

static inline void four(const struct reap_taps *t, const struct group *k,
                        size_t x, const uint8_t *p, const uint8_t *q,
                        uint8_t *dst_p, uint8_t *dst_q)
{
    size_t per = t->room / REAP_TAPS;
    __m512i s[4], v;

#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        size_t at = 3 * (size_t)t->lo[x + i];

        s[i] = one(p + at, q + at, k + (x + i) * per,
                   (t->count[x + i] + REAP_TAPS - 1) / REAP_TAPS);
    }
    v = _mm512_packus_epi16(_mm512_packs_epi32(s[0], s[1]),
                            _mm512_packs_epi32(s[2], s[3]));
    store12(_mm512_castsi512_si128(v), _mm512_extracti32x4_epi32(v, 1), dst_p);
    store12(_mm512_extracti32x4_epi32(v, 2), _mm512_extracti32x4_epi32(v, 3),
            dst_q);
}

/* All rows of a part; an odd last one is done twice. */
static void rows_of(const struct reap_taps *t, const struct group *k,
                    size_t rows, const uint8_t *src, size_t src_stride,
                    uint8_t *dst, size_t dst_stride)
{
    for (size_t y = 0; y < rows; y += 2) {
        size_t z = y + 1 < rows ? y + 1 : y;

        for (size_t x = 0; x < t->n; x += 4)
            four(t, k, x, src + y * src_stride, src + z * src_stride,
                 dst + y * dst_stride + 3 * x, dst + z * dst_stride + 3 * x);
    }
}

void reap_along_u8_avx512(const struct reap_taps *t, size_t rows,
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
        rows_of(&part, k, rows, src, src_stride, dst + 3 * done, dst_stride);
        reap_along_u8_ref(&tail, rows, src, src_stride,
                          dst + 3 * (done + part.n), dst_stride);
        done += n;
    }
}

/* Clipped to bytes, in the order of the sums. */
static __m128i resample_avx512_bytes(__m512i v)
{
    v = _mm512_max_epi32(_mm512_srai_epi32(v, BITS), _mm512_setzero_si512());
    return _mm512_cvtusepi32_epi8(v);
}

/* 32 bytes of a row. */
static void down32(const int32_t *high, const int32_t *low, size_t count,
                   const uint8_t *src, size_t stride, uint8_t *dst)
{
    __m512i h0 = _mm512_setzero_si512(), h1 = h0;
    __m512i l0 = _mm512_set1_epi32(1 << (BITS - 1)), l1 = l0;
    __m128i b0, b1;

    for (size_t j = 0; j < count; j += 2) {
        const uint8_t *p = src + j * stride;
        const uint8_t *q = j + 1 < count ? p + stride : p;
        __m256i a = _mm256_loadu_si256((const __m256i *)p);
        __m256i b = _mm256_loadu_si256((const __m256i *)q);
        __m512i v0 = _mm512_cvtepu8_epi16(_mm256_unpacklo_epi8(a, b));
        __m512i v1 = _mm512_cvtepu8_epi16(_mm256_unpackhi_epi8(a, b));
        __m512i h = _mm512_set1_epi32(high[j / 2]);
        __m512i l = _mm512_set1_epi32(low[j / 2]);

        h0 = _mm512_add_epi32(h0, _mm512_madd_epi16(v0, h));
        h1 = _mm512_add_epi32(h1, _mm512_madd_epi16(v1, h));
        l0 = _mm512_add_epi32(l0, _mm512_madd_epi16(v0, l));
        l1 = _mm512_add_epi32(l1, _mm512_madd_epi16(v1, l));
    }
    b0 = resample_avx512_bytes(
        _mm512_add_epi32(l0, _mm512_slli_epi32(h0, SHIFT)));
    b1 = resample_avx512_bytes(
        _mm512_add_epi32(l1, _mm512_slli_epi32(h1, SHIFT)));
    _mm_storeu_si128((__m128i *)dst, _mm_unpacklo_epi64(b0, b1));
    _mm_storeu_si128((__m128i *)(dst + 16), _mm_unpackhi_epi64(b0, b1));
}

void reap_down_u8_avx512(const int32_t *k, size_t count, size_t n,
                         const uint8_t *src, size_t stride, uint8_t *dst)
{
    int32_t high[PAIRS], low[PAIRS];
    size_t at = 0;

    if (count <= 2 * PAIRS) {
        pack_pairs(k, count, high, low);
        for (; at + 32 <= n; at += 32)
            down32(high, low, count, src + at, stride, dst + at);
    }
    reap_down_u8_ref(k, count, n - at, src + at, stride, dst + at);
}
