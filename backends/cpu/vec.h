/* vec.h: vectors of floats of the instruction set that a file is compiled for.
 *
 * v_part(n) makes the mask of the first n lanes, v_span(from, end) that of some between, v_bits(b)
 * that of the lanes whose bits are set; v_keep sets others to +0, v_add_part adds b in these alone.
 * Loads and stores need no alignment; masked ones touch no memory outside the mask.  v_stream
 * stores past the caches, needs it, and v_stream_end() before others may read. */
#ifndef RETHINK_CPU_VEC_H
#define RETHINK_CPU_VEC_H
#include <stdint.h>
#if defined(__AVX512F__)
#include <immintrin.h>
#define CPU_VEC 16
typedef __m512 vec;
typedef __mmask16 vec_mask;
#define v_zero() _mm512_setzero_ps()
#define v_load(p) _mm512_loadu_ps(p)
#define v_store(p, v) _mm512_storeu_ps(p, v)
#define v_stream(p, v) _mm512_stream_ps(p, v)
#define v_all(p) _mm512_set1_ps(*(p))
#define v_const(c) _mm512_set1_ps(c)
#define v_fma(a, b, c) _mm512_fmadd_ps(a, b, c)
#define v_add(a, b) _mm512_add_ps(a, b)
#define v_part(n) ((__mmask16)((1u << (n)) - 1u))
#define v_span(from, end) ((__mmask16)(((1u << (end)) - 1u) & ~((1u << (from)) - 1u)))
#define v_bits(b) ((__mmask16)(b))
#define v_keep(v, m) _mm512_maskz_mov_ps(m, v)
#define v_add_part(a, b, m) _mm512_mask_add_ps(a, m, a, b)
#define v_load_part(p, m) _mm512_maskz_loadu_ps(m, p)
#define v_store_part(p, v, m) _mm512_mask_storeu_ps(p, m, v)
#elif defined(__AVX2__)
#include <immintrin.h>
#define CPU_VEC 8
typedef __m256 vec;
typedef __m256i vec_mask;
#define v_zero() _mm256_setzero_ps()
#define v_load(p) _mm256_loadu_ps(p)
#define v_store(p, v) _mm256_storeu_ps(p, v)
#define v_stream(p, v) _mm256_stream_ps(p, v)
#define v_all(p) _mm256_broadcast_ss(p)
#define v_const(c) _mm256_set1_ps(c)
#define v_fma(a, b, c) _mm256_fmadd_ps(a, b, c)
#define v_add(a, b) _mm256_add_ps(a, b)
#define v_part(n)                                                                                  \
    _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
#define v_span(from, end) _mm256_andnot_si256(v_part(from), v_part(end))
#define v_bits(b)                                                                                  \
    _mm256_cmpgt_epi32(_mm256_and_si256(_mm256_set1_epi32((int)(b)),                               \
                                        _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128)),           \
                       _mm256_setzero_si256())
#define v_keep(v, m) _mm256_and_ps(v, _mm256_castsi256_ps(m))
#define v_add_part(a, b, m) _mm256_add_ps(a, v_keep(b, m))
#define v_load_part(p, m) _mm256_maskload_ps(p, m)
#define v_store_part(p, v, m) _mm256_maskstore_ps(p, m, v)
#endif

#define v_stream_end() _mm_sfence()

#ifdef __clang__
#define CPU_UNROLL _Pragma("clang loop unroll(full)")
#else
#define CPU_UNROLL _Pragma("GCC unroll 16")
#endif

#ifdef CPU_VEC
/* Every second lane of two vectors, from lane 0 or 1; and back.  v_seconds: of 2 CPU_VEC - 1 lanes,
 * of which the second vector begins with the last one of the first.  v_skip_4: from lane 4 on. */
#if CPU_VEC == 16
#define v_odd(a, b)                                                                                \
    __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
#define v_even(a, b)                                                                               \
    __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define v_seconds(a, b)                                                                            \
    __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 17, 19, 21, 23, 25, 27, 29, 31)
#define v_skip_4(a)                                                                                \
    __builtin_shufflevector(a, a, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3)
#define v_zip_low(a, b)                                                                            \
    __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define v_zip_high(a, b)                                                                           \
    __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#else
#define v_odd(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15)
#define v_even(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14)
#define v_seconds(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 9, 11, 13, 15)
#define v_skip_4(a) __builtin_shufflevector(a, a, 4, 5, 6, 7, 0, 1, 2, 3)
#define v_zip_low(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define v_zip_high(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#endif

/* v[i][j] becomes v[j][i]: swaps blocks of 1, 2, 4, ... lanes between pairs of vectors. */
#define CPU_LOW(l, s) ((l) & (s) ? CPU_VEC + (l) - (s) : (l))
#define CPU_HIGH(l, s) ((l) & (s) ? CPU_VEC + (l) : (l) + (s))
#if CPU_VEC == 16
#define CPU_LANES(X, s)                                                                            \
    X(0, s), X(1, s), X(2, s), X(3, s), X(4, s), X(5, s), X(6, s), X(7, s), X(8, s), X(9, s),      \
        X(10, s), X(11, s), X(12, s), X(13, s), X(14, s), X(15, s)
#else
#define CPU_LANES(X, s) X(0, s), X(1, s), X(2, s), X(3, s), X(4, s), X(5, s), X(6, s), X(7, s)
#endif
#define CPU_SWAP(v, s)                                                                             \
    CPU_UNROLL for (int i = 0; i < CPU_VEC; i++)                                                   \
    {                                                                                              \
        if (i & (s)) continue;                                                                     \
        vec low = __builtin_shufflevector(v[i], v[i + (s)], CPU_LANES(CPU_LOW, s));                \
        v[i + (s)] = __builtin_shufflevector(v[i], v[i + (s)], CPU_LANES(CPU_HIGH, s));            \
        v[i] = low;                                                                                \
    }

static inline __attribute__((always_inline, unused)) void v_transpose(vec v[CPU_VEC])
{
    CPU_SWAP(v, 1)
    CPU_SWAP(v, 2)
    CPU_SWAP(v, 4)
#if CPU_VEC == 16
    CPU_SWAP(v, 8)
#endif
}

/* v[r], rows r and r + CPU_HALF of as many columns, becomes v[i], column i of all rows.  v_pair
 * reads two such rows, v_pair_part the first n lanes of them. */
enum { CPU_HALF = CPU_VEC / 2 };
#if CPU_VEC == 16
#define v_pair(p, q)                                                                               \
    _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_loadu_ps(p)), _mm256_loadu_ps(q), 1)
#define v_part_8(n) ((__mmask8)((1u << (n)) - 1u))
#define v_pair_part(p, q, n)                                                                       \
    _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_maskz_loadu_ps(v_part_8(n), p)),              \
                       _mm256_maskz_loadu_ps(v_part_8(n), q), 1)
#define v_unpack_low(a, b) _mm512_unpacklo_ps(a, b)
#define v_unpack_high(a, b) _mm512_unpackhi_ps(a, b)
#define v_shuffle(a, b, how) _mm512_shuffle_ps(a, b, how)
#else
#define v_part_4(n) _mm_cmpgt_epi32(_mm_set1_epi32((int)(n)), _mm_setr_epi32(0, 1, 2, 3))
#define v_pair(p, q)                                                                               \
    _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(q), 1)
#define v_pair_part(p, q, n)                                                                       \
    _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_maskload_ps(p, v_part_4(n))),                  \
                         _mm_maskload_ps(q, v_part_4(n)), 1)
#define v_unpack_low(a, b) _mm256_unpacklo_ps(a, b)
#define v_unpack_high(a, b) _mm256_unpackhi_ps(a, b)
#define v_shuffle(a, b, how) _mm256_shuffle_ps(a, b, how)
#endif

static inline __attribute__((always_inline, unused)) void v_across(vec v[CPU_HALF])
{
    CPU_UNROLL for (int i = 0; i < CPU_HALF; i += 4)
    {
        vec a = v_unpack_low(v[i], v[i + 1]), b = v_unpack_high(v[i], v[i + 1]);
        vec c = v_unpack_low(v[i + 2], v[i + 3]), d = v_unpack_high(v[i + 2], v[i + 3]);
        v[i] = v_shuffle(a, c, 0x44);
        v[i + 1] = v_shuffle(a, c, 0xEE);
        v[i + 2] = v_shuffle(b, d, 0x44);
        v[i + 3] = v_shuffle(b, d, 0xEE);
    }
#if CPU_VEC == 16
    /* Quarters of v[i] are columns i and i + 4 of four rows, and of those eight further down. */
    CPU_UNROLL for (int i = 0; i < 4; i++)
    {
        vec a = v[i], b = v[i + 4];
        v[i] =
            __builtin_shufflevector(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);
        v[i + 4] = __builtin_shufflevector(a, b, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29,
                                           30, 31);
    }
#endif
}

/* Copies n floats; the last vector, or the last half of one, overlaps the one before. */
static inline __attribute__((always_inline, unused)) void v_copy(float *to, const float *from,
                                                                 int64_t n)
{
    if (n < 4) {
        for (int64_t i = 0; i < n; i++) to[i] = from[i];
    } else if (n < CPU_VEC) {
        for (int64_t i = 0; i < n - 4; i += 4) _mm_storeu_ps(to + i, _mm_loadu_ps(from + i));
        _mm_storeu_ps(to + n - 4, _mm_loadu_ps(from + n - 4));
    } else {
        for (int64_t i = 0; i < n - CPU_VEC; i += CPU_VEC) v_store(to + i, v_load(from + i));
        v_store(to + n - CPU_VEC, v_load(from + n - CPU_VEC));
    }
}

/* to[2 i] = even[i], to[2 i + 1] = odd[i], up to n.  The last four pairs may be done twice. */
static inline __attribute__((unused)) void v_zip(float *to, const float *even, const float *odd,
                                                 int64_t n)
{
    int64_t i = 0, pairs = n / 2;
    for (; i + CPU_VEC <= pairs; i += CPU_VEC) {
        vec a = v_load(even + i), b = v_load(odd + i);
        v_store(to + 2 * i, v_zip_low(a, b));
        v_store(to + 2 * i + CPU_VEC, v_zip_high(a, b));
    }
    for (int64_t k; i < pairs && pairs >= 4; i += 4) {
        k = i < pairs - 4 ? i : pairs - 4;
        __m128 a = _mm_loadu_ps(even + k), b = _mm_loadu_ps(odd + k);
        _mm_storeu_ps(to + 2 * k, _mm_unpacklo_ps(a, b));
        _mm_storeu_ps(to + 2 * k + 4, _mm_unpackhi_ps(a, b));
    }
    for (i = pairs >= 4 ? 2 * pairs : 0; i < n; i++) to[i] = (i % 2 ? odd : even)[i / 2];
}
#endif
#endif
