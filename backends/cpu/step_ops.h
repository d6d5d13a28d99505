/* step_ops.h: what instructions do with vectors, do_NAME. */
#ifndef RETHINK_CPU_STEP_OPS_H
#define RETHINK_CPU_STEP_OPS_H
#include "step.h"

/* Words that are 1 where a comparison holds. */
#if STEP_VEC == 16
#define FLAG(mask) _mm512_castsi512_ps(_mm512_maskz_set1_epi32(mask, 1))
#define FLAG_F(a, b, how) FLAG(_mm512_cmp_ps_mask(a, b, how))
#define FLAG_I(a, b, how)                                                                          \
    FLAG(_mm512_cmp_epu32_mask(_mm512_castps_si512(a), _mm512_castps_si512(b), how))
#define LESS(a, b) FLAG_F(a, b, _CMP_LT_OQ)
#define EQUAL(a, b) FLAG_F(a, b, _CMP_EQ_OQ)
#define LESS_U(a, b) FLAG_I(a, b, _MM_CMPINT_LT)
#define EQUAL_U(a, b) FLAG_I(a, b, _MM_CMPINT_EQ)
#else
#define FLAG(mask) ((vec)((words)(mask)&1u))
#define LESS(a, b) FLAG((a) < (b))
#define EQUAL(a, b) FLAG((a) == (b))
#define LESS_U(a, b) FLAG((words)(a) < (words)(b))
#define EQUAL_U(a, b) FLAG((words)(a) == (words)(b))
#endif

#define PLAIN(name, expression)                                                                    \
    static inline __attribute__((always_inline)) vec do_##name(vec a, vec b) { return expression; }
PLAIN(FADD, a + b)
PLAIN(FSUB, a - b)
PLAIN(FMUL, a *b)
PLAIN(FDIV, a / b)
PLAIN(FLT, LESS(a, b))
PLAIN(FEQ, EQUAL(a, b))
PLAIN(IADD, (vec)((words)a + (words)b))
PLAIN(ISUB, (vec)((words)a - (words)b))
PLAIN(IMUL, (vec)((words)a *(words)b))
PLAIN(ILT, LESS_U(a, b))
PLAIN(IEQ, EQUAL_U(a, b))
PLAIN(IAND, (vec)((words)a &(words)b))
PLAIN(ISHR, (vec)((words)a >> ((words)b & 31u)))
#if STEP_VEC == 16
PLAIN(FMAX, _mm512_max_ps(a, b))
PLAIN(IMAX, _mm512_castsi512_ps(_mm512_max_epu32(_mm512_castps_si512(a), _mm512_castps_si512(b))))
#elif STEP_VEC == 8
PLAIN(FMAX, _mm256_max_ps(a, b))
PLAIN(IMAX, _mm256_castsi256_ps(_mm256_max_epu32(_mm256_castps_si256(a), _mm256_castps_si256(b))))
#else
static inline vec pick(words mask, vec a, vec b)
{
    return (vec)(((words)a & mask) | ((words)b & ~mask));
}
PLAIN(FMAX, pick((words)(a > b), a, b))
PLAIN(IMAX, pick((words)((words)a > (words)b), a, b))
#endif
#define do_FNEG(a) ((vec)((words)(a) ^ 0x80000000u))
#define do_FRECIP(a) (1.0f / (a))

/* Functions of one element: the compilers make vectors of the loop and keep them in registers. */
#define FUNCTION(name, f)                                                                          \
    static inline __attribute__((always_inline)) vec do_##name(vec a)                              \
    {                                                                                              \
        uint32_t x[STEP_VEC];                                                                      \
        memcpy(x, &a, sizeof x);                                                                   \
        _Pragma("omp simd") for (int i = 0; i < STEP_VEC; i++) x[i] = f(x[i]);                     \
        memcpy(&a, x, sizeof x);                                                                   \
        return a;                                                                                  \
    }
FUNCTION(FSQRT, rk_op_FSQRT)
FUNCTION(FEXP, rk_op_FEXP)
FUNCTION(FLOG, rk_op_FLOG)
FUNCTION(U2F, rk_op_U2F)
FUNCTION(F2U, rk_op_F2U)

/* sin and cos of arguments that need no branch, and whether all are such. */
static inline uint32_t near_sin(uint32_t a)
{
    return rk_float(a) == 0.0f ? a : rk_bits(rk_sine_near(rk_float(a), 0));
}
static inline uint32_t near_cos(uint32_t a) { return rk_bits(rk_sine_near(rk_float(a), 1)); }
FUNCTION(FSIN, near_sin)
FUNCTION(FCOS, near_cos)

static inline __attribute__((always_inline)) int are_near(const vec *v, int n)
{
    uint32_t most[STEP_VEC] = {0}, x[STEP_VEC], all = 0;
    CPU_UNROLL for (int k = 0; k < n; k++)
    {
        memcpy(x, &v[k], sizeof x);
#pragma omp simd
        for (int i = 0; i < STEP_VEC; i++) {
            uint32_t size = x[i] & 0x7FFFFFFFu;
            most[i] = size > most[i] ? size : most[i];
        }
    }
    for (int i = 0; i < STEP_VEC; i++) all |= most[i] >= rk_bits(131072.0f);
    return !all;
}

static inline __attribute__((always_inline)) vec do_SELECT(vec a, vec b, vec c)
{
#if STEP_VEC == 16
    __m512i word = _mm512_castps_si512(a);
    return _mm512_mask_blend_ps(_mm512_test_epi32_mask(word, word), c, b);
#else
    words zero = (words)((words)a == 0u);
    return (vec)(((words)c & zero) | ((words)b & ~zero));
#endif
}
#endif
