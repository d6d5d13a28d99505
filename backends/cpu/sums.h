/* sums.h: sums of the lanes of vectors, the upper half onto the lower one until one is left; the +0
 * that sums begin with is added at the end.  Several vectors share additions. */
#ifndef RETHINK_CPU_SUMS_H
#define RETHINK_CPU_SUMS_H
#include "vec.h"

#ifdef CPU_VEC
/* The first or last two lanes of each quarter of a, and of b beside them. */
#if CPU_VEC == 16
#define v_pairs(which, a, b)                                                                       \
    _mm512_castpd_ps(_mm512_unpack##which##_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)))
#define v_half(a, b, how) _mm512_shuffle_f32x4(a, b, (how) ? 0xEE : 0x44)
#define v_quarter(a, b, how) _mm512_shuffle_f32x4(a, b, (how) ? 0xDD : 0x88)
#else
#define v_pairs(which, a, b)                                                                       \
    _mm256_castpd_ps(_mm256_unpack##which##_pd(_mm256_castps_pd(a), _mm256_castps_pd(b)))
#define v_half(a, b, how) _mm256_permute2f128_ps(a, b, (how) ? 0x31 : 0x20)
#endif

/* Of every fourth line, four lanes; then the sums of CPU_VEC lines. */
static inline __attribute__((always_inline)) vec v_fours(const vec *line)
{
    vec ab = v_add(v_half(line[0], line[4], 0), v_half(line[0], line[4], 1));
#if CPU_VEC == 16
    vec cd = v_add(v_half(line[8], line[12], 0), v_half(line[8], line[12], 1));
    ab = v_add(v_quarter(ab, cd, 0), v_quarter(ab, cd, 1));
#endif
    return ab;
}

static inline __attribute__((always_inline)) vec v_sums(const vec line[CPU_VEC])
{
    vec a = v_fours(line), b = v_fours(line + 1), c = v_fours(line + 2), d = v_fours(line + 3);
    a = v_add(v_pairs(lo, a, b), v_pairs(hi, a, b));
    b = v_add(v_pairs(lo, c, d), v_pairs(hi, c, d));
    return v_add(v_add(v_shuffle(a, b, 0x88), v_shuffle(a, b, 0xDD)), v_zero());
}

/* The sums of four lines. */
static inline __attribute__((always_inline)) __m128 v_sums_4(const vec line[4])
{
    vec ab = v_add(v_half(line[0], line[1], 0), v_half(line[0], line[1], 1));
    vec cd = v_add(v_half(line[2], line[3], 0), v_half(line[2], line[3], 1));
#if CPU_VEC == 16
    vec four = v_add(v_quarter(ab, cd, 0), v_quarter(ab, cd, 1));
    __m128 w = _mm512_castps512_ps128(four), x = _mm512_extractf32x4_ps(four, 1);
    __m128 y = _mm512_extractf32x4_ps(four, 2), z = _mm512_extractf32x4_ps(four, 3);
#else
    __m128 w = _mm256_castps256_ps128(ab), x = _mm256_extractf128_ps(ab, 1);
    __m128 y = _mm256_castps256_ps128(cd), z = _mm256_extractf128_ps(cd, 1);
#endif
    __m128 wx = _mm_add_ps(_mm_movelh_ps(w, x), _mm_movehl_ps(x, w));
    __m128 yz = _mm_add_ps(_mm_movelh_ps(y, z), _mm_movehl_ps(z, y));
    wx = _mm_add_ps(_mm_shuffle_ps(wx, yz, 0x88), _mm_shuffle_ps(wx, yz, 0xDD));
    return _mm_add_ps(wx, _mm_setzero_ps());
}

/* to[i] = the sum of line[i], i < n <= CPU_VEC; lines up to a multiple of four are read. */
static inline __attribute__((always_inline)) void v_put_sums(float *to, vec line[CPU_VEC],
                                                             int64_t n)
{
    if (n == CPU_VEC) {
        v_store(to, v_sums(line));
        return;
    }
    for (int64_t r = n; r % 4; r++) line[r] = v_zero();
    for (int64_t r = 0; r < n; r += 4) {
        float sum[4];
        _mm_storeu_ps(sum, v_sums_4(line + r));
        for (int64_t i = r; i < n && i < r + 4; i++) to[i] = sum[i - r];
    }
}
#endif
#endif
