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

#define BINARY(name, n, w)                                                                         \
    static void name##_0_##n(ARGS)                                                                 \
    {                                                                                              \
        OPEN;                                                                                      \
        const float *x = place(s->x, at & s->keep_x);                                              \
        EACH(COUNT_##n) v[i] = do_##name(v[i], LOAD_##n(x, i));                                    \
        NEXT(w);                                                                                   \
    }                                                                                              \
    static void name##_1_##n(ARGS)                                                                 \
    {                                                                                              \
        OPEN;                                                                                      \
        vec x = v_all(place(s->x, 0));                                                             \
        EACH(COUNT_##n) v[i] = do_##name(v[i], x);                                                 \
        NEXT(w);                                                                                   \
    }                                                                                              \
    static void name##_2_##n(ARGS)                                                                 \
    {                                                                                              \
        OPEN;                                                                                      \
        EACH(COUNT_##n) v[i] = do_##name(v[i], v[i]);                                              \
        NEXT(w);                                                                                   \
    }                                                                                              \
    static void name##_3_##n(ARGS)                                                                 \
    {                                                                                              \
        OPEN;                                                                                      \
        const float *x = place(s->x, at & s->keep_x);                                              \
        EACH(COUNT_##n) v[i] = do_##name(LOAD_##n(x, i), v[i]);                                    \
        NEXT(w);                                                                                   \
    }                                                                                              \
    static void name##_4_##n(ARGS)                                                                 \
    {                                                                                              \
        OPEN;                                                                                      \
        vec x = v_all(place(s->x, 0));                                                             \
        EACH(COUNT_##n) v[i] = do_##name(x, v[i]);                                                 \
        NEXT(w);                                                                                   \
    }

#define UNARY(name, n, w)                                                                          \
    static void name##_##n(ARGS)                                                                   \
    {                                                                                              \
        OPEN;                                                                                      \
        EACH(COUNT_##n) v[i] = do_##name(v[i]);                                                    \
        NEXT(w);                                                                                   \
    }

/* SELECT with the accumulator as each of its operands. */
#define SELECT(name, n, w)                                                                         \
    static void name##_##n(ARGS)                                                                   \
    {                                                                                              \
        OPEN;                                                                                      \
        const float *x = place(s->x, at & s->keep_x), *y = place(s->y, at & s->keep_y);            \
        EACH(COUNT_##n)                                                                            \
        {                                                                                          \
            vec a = s->one_x ? v_all(x) : LOAD_##n(x, i),                                          \
                b = s->one_y ? v_all(y) : LOAD_##n(y, i);                                          \
            v[i] = name(v[i], a, b);                                                               \
        }                                                                                          \
        NEXT(w);                                                                                   \
    }
#define select_0(v, x, y) do_SELECT(v, x, y)
#define select_1(v, x, y) do_SELECT(x, v, y)
#define select_2(v, x, y) do_SELECT(x, y, v)

/* Two instructions a step. */
#define FIRST(name, n, w)                                                                          \
    static void name##_0_##n(ARGS)                                                                 \
    {                                                                                              \
        OPEN;                                                                                      \
        const float *x = place(s->x, at & s->keep_x), *y = place(s->y, at & s->keep_y);            \
        EACH(COUNT_##n) v[i] = do_##name(LOAD_##n(x, i), LOAD_##n(y, i));                          \
        NEXT(w);                                                                                   \
    }                                                                                              \
    static void name##_1_##n(ARGS)                                                                 \
    {                                                                                              \
        OPEN;                                                                                      \
        const float *x = place(s->x, at & s->keep_x);                                              \
        vec y = v_all(place(s->y, 0));                                                             \
        EACH(COUNT_##n) v[i] = do_##name(LOAD_##n(x, i), y);                                       \
        NEXT(w);                                                                                   \
    }
#define do_FIRST_FADD do_FADD
#define do_FIRST_FSUB do_FSUB
#define do_FIRST_FMUL do_FMUL

#define PAIR(a, b, n, w)                                                                           \
    static void a##_##b##_##n(ARGS)                                                                \
    {                                                                                              \
        OPEN;                                                                                      \
        vec x = v_all(place(s->x, 0)), y = v_all(place(s->y, 0));                                  \
        EACH(COUNT_##n) v[i] = do_##b(do_##a(v[i], x), y);                                         \
        NEXT(w);                                                                                   \
    }
#define PAIRS(name, n, w) PAIR(name, FADD, n, w) PAIR(name, FSUB, n, w) PAIR(name, FMUL, n, w)

#define OTHERS(name, n, w)                                                                         \
    static void load_0_##n(ARGS)                                                                   \
    {                                                                                              \
        OPEN;                                                                                      \
        const float *x = place(s->x, at & s->keep_x);                                              \
        EACH(COUNT_##n) v[i] = LOAD_##n(x, i);                                                     \
        NEXT(w);                                                                                   \
    }                                                                                              \
    static void load_1_##n(ARGS)                                                                   \
    {                                                                                              \
        OPEN;                                                                                      \
        EACH(COUNT_##n) v[i] = v_all(place(s->x, 0));                                              \
        NEXT(w);                                                                                   \
    }                                                                                              \
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

/* Onto the lanes of a reduction; where a vector of 32 lanes begins depends on the tile's place.
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
    static void max_##n(ARGS)                                                                      \
    {                                                                                              \
        OPEN;                                                                                      \
        float *lanes = t->lanes + s->fold * RK_SUM_LANES, *x = (float *)(void *)t->spare[0];       \
        EACH(COUNT_##n) v_store(x + i * STEP_VEC, v[i]);                                           \
        for (int64_t i = 0; i < ELEMENTS_##n; i++) {                                               \
            float *lane = lanes + i % RK_SUM_LANES;                                                \
            *lane = x[i] > *lane ? x[i] : *lane;                                                   \
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
        const float *x = s->self ? own : place(s->x, at & s->keep_x);                              \
        EACH(COUNT_##n)                                                                            \
        {                                                                                          \
            v_store(own + i * STEP_VEC, v[i]);                                                     \
            v_store(other + i * STEP_VEC, s->self ? v[i] : s->one_x ? v_all(x) : LOAD_##n(x, i));  \
        }                                                                                          \
        s->rare(t->spare[0], t->spare[s->side], t->spare[!s->side], COUNT_##n *STEP_VEC);          \
        EACH(COUNT_##n) v[i] = v_load(own + i * STEP_VEC);                                         \
        NEXT(w);                                                                                   \
    }

/* Instructions of the accumulator and one operand, and of the accumulator alone. */
/* clang-format off */
#define BINARIES(X)                                                                                \
    X(FADD) X(FSUB) X(FMUL) X(FDIV) X(FMAX) X(FLT) X(FEQ) X(IADD) X(ISUB) X(IMUL) X(ILT) X(IEQ)    \
    X(IAND) X(ISHR) X(IMAX)
#define UNARIES(X) X(FNEG) X(FRECIP)
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
WIDTHS(FIRST, FIRST_FADD)
WIDTHS(FIRST, FIRST_FSUB)
WIDTHS(FIRST, FIRST_FMUL)
WIDTHS(PAIRS, FADD)
WIDTHS(PAIRS, FSUB)
WIDTHS(PAIRS, FMUL)
WIDTHS(OTHERS, other)
WIDTHS(PUTS, put)

#define EVERY(name) name##_8, name##_4, name##_L
#define BOTH(name)                                                                                 \
    {                                                                                              \
        {EVERY(name)}, { EVERY(name) }                                                             \
    }
step_run *CPU_NAME(cpu_step_of)(uint16_t op, int mode, int width)
{
    static step_run *const functions[CPU_STEP_OPS][STEP_MODES][STEP_WIDTHS] = {
#define X(name)                                                                                    \
    [RK_I_##name] = {{EVERY(name##_0)},                                                            \
                     {EVERY(name##_1)},                                                            \
                     {EVERY(name##_2)},                                                            \
                     {EVERY(name##_3)},                                                            \
                     {EVERY(name##_4)}},
        BINARIES(X)
#undef X
#define X(name) [RK_I_##name] = BOTH(name),
            UNARIES(X)
#undef X
                [RK_I_SELECT] = {{EVERY(select_0)}, {EVERY(select_1)}, {EVERY(select_2)}},
        [CPU_STEP_LOAD] = {{EVERY(load_0)}, {EVERY(load_1)}},
        [CPU_STEP_SAVE] = BOTH(save),
        [CPU_STEP_BYTES] = BOTH(bytes),
        [CPU_STEP_STREAM] = BOTH(stream),
        [CPU_STEP_SUM] = BOTH(sum),
        [CPU_STEP_MAX] = BOTH(max),
        [CPU_STEP_END] = BOTH(end),
#define F(name, number) [CPU_STEP_FIRST + number] = {{EVERY(name##_0)}, {EVERY(name##_1)}},
        F(FIRST_FADD, 0) F(FIRST_FSUB, 1) F(FIRST_FMUL, 2)
#undef F
#define P(name, number)                                                                            \
    [CPU_STEP_PAIR + 3 * number] = BOTH(name##_FADD),                                              \
                         [CPU_STEP_PAIR + 3 * number + 1] = BOTH(name##_FSUB),                     \
                         [CPU_STEP_PAIR + 3 * number + 2] = BOTH(name##_FMUL),
            P(FADD, 0) P(FSUB, 1) P(FMUL, 2)
#undef P
    };
    step_run *const rare[STEP_WIDTHS] = {EVERY(rare)}, *run = functions[op][mode][width];
    return run ? run : rare[width];
}
