/* The steps: each is a function that has the accumulator as its arguments, which the compilers'
 * calling convention keeps in registers, and ends by a jump to the next step's. */
#include "step.h"
#include <rethink/numerics.h>

#define ARGS                                                                                       \
    const step_code *s, int64_t at, const step_tile *t, vec v0, vec v1, vec v2, vec v3, vec v4,    \
        vec v5, vec v6, vec v7
#define OPEN                                                                                       \
    (void)t;                                                                                       \
    vec v[8] = {v0, v1, v2, v3, v4, v5, v6, v7}
#define NEXT(w) s[1].run[w](s + 1, at, t, v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7])
#define EACH(count) CPU_UNROLL for (int i = 0; i < (count); i++)

static inline __attribute__((always_inline)) float *place(uint32_t *const *slot, int64_t at)
{
    return (float *)(void *)((char *)*slot + at);
}

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

/* X(name, width, number of the width): 8 or 4 vectors, or L, the elements left for 4. */
#define LOAD_8(x, i) v_load((x) + (i)*STEP_VEC)
#define LOAD_4(x, i) v_load((x) + (i)*STEP_VEC)
#define LOAD_L(x, i) v_load_part((x) + (i)*STEP_VEC, t->mask[i])
#define STORE_8(x, i, v) v_store((x) + (i)*STEP_VEC, v)
#define STORE_4(x, i, v) v_store((x) + (i)*STEP_VEC, v)
#define STORE_L(x, i, v) v_store_part((x) + (i)*STEP_VEC, v, t->mask[i])
#define COUNT_8 8
#define COUNT_4 4
#define COUNT_L 4
#define ELEMENTS_8 (8 * STEP_VEC)
#define ELEMENTS_4 (4 * STEP_VEC)
#define ELEMENTS_L t->left
#define WIDTHS(X, name) X(name, 8, 0) X(name, 4, 1) X(name, L, 2)

/* An operand: in memory, one value for all elements, or one of each row. */
#define MEMORY(x) const float *x = place(s->x, at & s->keep_##x)
#define ONE(x) vec x = v_all(place(s->x, 0))
#define ROWS(x) step_table x = step_table_at(place(s->x, 4 * t->row))
#define CHOOSE(x, i) step_choose(x, t->row_of + (i)*STEP_VEC)
#define NOTHING (void)s

#define STEP(name, n, w, get, value)                                                               \
    static void name##_##n(ARGS)                                                                   \
    {                                                                                              \
        OPEN;                                                                                      \
        get;                                                                                       \
        EACH(COUNT_##n) v[i] = value;                                                              \
        NEXT(w);                                                                                   \
    }

#define BINARY(name, n, w)                                                                         \
    STEP(name##_0, n, w, MEMORY(x), do_##name(v[i], LOAD_##n(x, i)))                               \
    STEP(name##_1, n, w, ONE(x), do_##name(v[i], x))                                               \
    STEP(name##_2, n, w, ROWS(x), do_##name(v[i], CHOOSE(x, i)))                                   \
    STEP(name##_3, n, w, NOTHING, do_##name(v[i], v[i]))                                           \
    STEP(name##_4, n, w, MEMORY(x), do_##name(LOAD_##n(x, i), v[i]))                               \
    STEP(name##_5, n, w, ONE(x), do_##name(x, v[i]))                                               \
    STEP(name##_6, n, w, ROWS(x), do_##name(CHOOSE(x, i), v[i]))

#define UNARY(name, n, w) STEP(name, n, w, NOTHING, do_##name(v[i]))

/* Any of them, as the step says. */
#define ANY(x, n, i)                                                                               \
    (s->how_##x == STEP_ONE    ? v_all(x)                                                          \
     : s->how_##x == STEP_ROWS ? CHOOSE(step_table_at(x + t->row), i)                              \
                               : LOAD_##n(x, i))
/* SELECT with the accumulator as each of its operands. */
#define SELECT(name, n, w)                                                                         \
    STEP(name, n, w, MEMORY(x); MEMORY(y), name(v[i], ANY(x, n, i), ANY(y, n, i)))
#define select_0(v, x, y) do_SELECT(v, x, y)
#define select_1(v, x, y) do_SELECT(x, v, y)
#define select_2(v, x, y) do_SELECT(x, y, v)

/* Two instructions a step. */
#define FIRST(name, n, w)                                                                          \
    STEP(FIRST_##name##_0, n, w, MEMORY(x); MEMORY(y), do_##name(LOAD_##n(x, i), LOAD_##n(y, i)))  \
    STEP(FIRST_##name##_1, n, w, MEMORY(x); ONE(y), do_##name(LOAD_##n(x, i), y))                  \
    STEP(FIRST_##name##_2, n, w, MEMORY(x); ROWS(y), do_##name(LOAD_##n(x, i), CHOOSE(y, i)))
#define PAIR(a, b, n, w)                                                                           \
    STEP(a##_##b##_1, n, w, ONE(x); ONE(y), do_##b(do_##a(v[i], x), y))                            \
    STEP(a##_##b##_2, n, w, ROWS(x); ROWS(y), do_##b(do_##a(v[i], CHOOSE(x, i)), CHOOSE(y, i)))
#define PAIRS(name, n, w) PAIR(name, FADD, n, w) PAIR(name, FSUB, n, w) PAIR(name, FMUL, n, w)

#define OTHERS(name, n, w)                                                                         \
    STEP(load_0, n, w, MEMORY(x), LOAD_##n(x, i))                                                  \
    STEP(load_1, n, w, ONE(x), x)                                                                  \
    STEP(load_2, n, w, ROWS(x), CHOOSE(x, i))                                                      \
    static void save_##n(ARGS)                                                                     \
    {                                                                                              \
        OPEN;                                                                                      \
        float *x = place(s->x, at & s->keep_x);                                                    \
        EACH(COUNT_##n) STORE_##n(x, i, v[i]);                                                     \
        NEXT(w);                                                                                   \
    }                                                                                              \
    static void end_##n(ARGS)                                                                      \
    {                                                                                              \
        OPEN;                                                                                      \
        (void)s, (void)at, (void)v;                                                                \
    }

/* Onto the lanes of a sum; where a vector of 32 lanes begins depends on the tile's place.
 * What a last vector has beyond the elements adds +0, which changes no lane. */
enum { PARTS = RK_SUM_LANES / STEP_VEC };
#ifdef CPU_VEC
#define KEEP_L(v, i) v_keep(v, t->mask[i])
#else
static inline vec keep(vec v, int n)
{
    float kept[STEP_VEC] = {0};
    v_store_part(kept, v, n);
    return v_load(kept);
}
#define KEEP_L(v, i) keep(v, t->mask[i])
#endif
#define KEEP_4(v, i) (v)
#define KEEP_8(v, i) (v)

/* The low byte of each word of a vector, of which some are left. */
#if STEP_VEC == 16
#define BYTES_L(x, v, i) _mm512_mask_cvtepi32_storeu_epi8(x, t->mask[i], _mm512_castps_si512(v))
#define BYTES_4(x, v, i)                                                                           \
    _mm_storeu_si128((__m128i *)(void *)(x), _mm512_cvtepi32_epi8(_mm512_castps_si512(v)))
#else
static inline void put_bytes(unsigned char *to, vec v, int64_t n)
{
    words w = (words)v;
    for (int64_t i = 0; i < n && i < STEP_VEC; i++) to[i] = (unsigned char)(w[i] & 0xFFu);
}
#define BYTES_L(x, v, i) put_bytes(x, v, t->left - (i)*STEP_VEC)
#define BYTES_4(x, v, i) put_bytes(x, v, STEP_VEC)
#endif
#define BYTES_8(x, v, i) BYTES_4(x, v, i)

#define PUTS(name, n, w)                                                                           \
    static void sum_##n(ARGS)                                                                      \
    {                                                                                              \
        OPEN;                                                                                      \
        float *lanes = t->lanes + s->fold * RK_SUM_LANES + (PARTS > COUNT_##n ? t->part : 0);      \
        EACH(COUNT_##n < PARTS ? COUNT_##n : PARTS)                                                \
        {                                                                                          \
            vec lane = v_load(lanes + i * STEP_VEC);                                               \
            CPU_UNROLL for (int k = i; k < COUNT_##n; k += PARTS) lane += KEEP_##n(v[k], k);       \
            v_store(lanes + i * STEP_VEC, lane);                                                   \
        }                                                                                          \
        NEXT(w);                                                                                   \
    }                                                                                              \
    static void bytes_##n(ARGS)                                                                    \
    {                                                                                              \
        OPEN;                                                                                      \
        unsigned char *x = (unsigned char *)*s->x + at / 4;                                        \
        EACH(COUNT_##n) BYTES_##n(x + i * STEP_VEC, v[i], i);                                      \
        NEXT(w);                                                                                   \
    }                                                                                              \
    static void stream_##n(ARGS)                                                                   \
    {                                                                                              \
        OPEN;                                                                                      \
        float *x = place(s->x, at);                                                                \
        if ((w) == 2 || (uintptr_t)x % sizeof(vec)) {                                              \
            EACH(COUNT_##n) STORE_##n(x, i, v[i]);                                                 \
        } else {                                                                                   \
            EACH(COUNT_##n) v_stream(x + i * STEP_VEC, v[i]);                                      \
        }                                                                                          \
        NEXT(w);                                                                                   \
    }                                                                                              \
    static void rare_##n(ARGS)                                                                     \
    {                                                                                              \
        OPEN;                                                                                      \
        float *own = (float *)(void *)t->spare[0], *other = (float *)(void *)t->spare[1];          \
        int a = s->side && !s->self, b = !s->side && !s->self;                                     \
        const float *x = s->self ? own : place(s->x, at & s->keep_x);                              \
        EACH(COUNT_##n)                                                                            \
        {                                                                                          \
            v_store(own + i * STEP_VEC, v[i]);                                                     \
            if (!s->self) v_store(other + i * STEP_VEC, ANY(x, n, i));                             \
        }                                                                                          \
        s->rare(t->spare[0], t->spare[a], t->spare[b], COUNT_##n *STEP_VEC);                       \
        EACH(COUNT_##n) v[i] = v_load(own + i * STEP_VEC);                                         \
        NEXT(w);                                                                                   \
    }

/* sin and cos: rare where an argument is far. */
#define PERIODIC(name, n, w)                                                                       \
    static void name##_##n(ARGS)                                                                   \
    {                                                                                              \
        OPEN;                                                                                      \
        if (!are_near(v, COUNT_##n)) {                                                             \
            rare_##n(s, at, t, v0, v1, v2, v3, v4, v5, v6, v7);                                    \
            return;                                                                                \
        }                                                                                          \
        EACH(COUNT_##n) v[i] = do_##name(v[i]);                                                    \
        NEXT(w);                                                                                   \
    }

/* Instructions of the accumulator and one operand, and of the accumulator alone. */
/* clang-format off */
#define BINARIES(X)                                                                                \
    X(FADD) X(FSUB) X(FMUL) X(FDIV) X(FMAX) X(FLT) X(FEQ) X(IADD) X(ISUB) X(IMUL) X(ILT) X(IEQ)    \
    X(IAND) X(ISHR) X(IMAX)
#define UNARIES(X) X(FNEG) X(FRECIP) X(FSQRT) X(FEXP) X(FLOG) X(U2F) X(F2U)
/* clang-format on */

#define X(name) WIDTHS(BINARY, name)
BINARIES(X)
#undef X
#define X(name) WIDTHS(UNARY, name)
UNARIES(X)
#undef X
WIDTHS(SELECT, select_0)
WIDTHS(SELECT, select_1)
WIDTHS(SELECT, select_2)
WIDTHS(FIRST, FADD)
WIDTHS(FIRST, FSUB)
WIDTHS(FIRST, FMUL)
WIDTHS(PAIRS, FADD)
WIDTHS(PAIRS, FSUB)
WIDTHS(PAIRS, FMUL)
WIDTHS(OTHERS, other)
WIDTHS(PUTS, put)
WIDTHS(PERIODIC, FSIN)
WIDTHS(PERIODIC, FCOS)

#define EVERY(name) name##_8, name##_4, name##_L
#define BOTH(name)                                                                                 \
    {                                                                                              \
        {EVERY(name)}, { EVERY(name) }                                                             \
    }
step_run *CPU_NAME(cpu_step_of)(uint16_t op, int mode, int width)
{
    static step_run *const functions[CPU_STEP_OPS][STEP_MODES][STEP_WIDTHS] = {
#define X(name)                                                                                    \
    [RK_I_##name] = {{EVERY(name##_0)}, {EVERY(name##_1)}, {EVERY(name##_2)}, {EVERY(name##_3)},   \
                     {EVERY(name##_4)}, {EVERY(name##_5)}, {EVERY(name##_6)}},
        BINARIES(X)
#undef X
#define X(name) [RK_I_##name] = BOTH(name),
            UNARIES(X)
#undef X
                [RK_I_FSIN] = BOTH(FSIN),
        [RK_I_FCOS] = BOTH(FCOS),
        [RK_I_SELECT] = {{EVERY(select_0)}, {EVERY(select_1)}, {EVERY(select_2)}},
        [CPU_STEP_LOAD] = {{EVERY(load_0)}, {EVERY(load_1)}, {EVERY(load_2)}},
        [CPU_STEP_SAVE] = BOTH(save),
        [CPU_STEP_BYTES] = BOTH(bytes),
        [CPU_STEP_STREAM] = BOTH(stream),
        [CPU_STEP_SUM] = BOTH(sum),
        [CPU_STEP_END] = BOTH(end),
#define F(name, number)                                                                            \
    [CPU_STEP_FIRST + number] = {                                                                  \
        {EVERY(FIRST_##name##_0)}, {EVERY(FIRST_##name##_1)}, {EVERY(FIRST_##name##_2)}},
        F(FADD, 0) F(FSUB, 1) F(FMUL, 2)
#undef F
#define P(a, b, number)                                                                            \
    [CPU_STEP_PAIR + number] = {{EVERY(a##_##b##_1)}, {EVERY(a##_##b##_1)}, {EVERY(a##_##b##_2)}},
#define Q(a, number) P(a, FADD, number) P(a, FSUB, number + 1) P(a, FMUL, number + 2)
            Q(FADD, 0) Q(FSUB, 3) Q(FMUL, 6)
#undef Q
#undef P
    };
    step_run *const rare[STEP_WIDTHS] = {EVERY(rare)}, *run = functions[op][mode][width];
    return run ? run : rare[width];
}
