/* The steps: each is a function that has the accumulator as its arguments, which the compilers'
 * calling convention keeps in registers, and ends by a jump to the next step's. */
#include "step_ops.h"

#define ARGS                                                                                       \
    const step_code *s, int64_t at, const step_tile *t, vec v0, vec v1, vec v2, vec v3, vec v4,    \
        vec v5, vec v6, vec v7
#define OPEN                                                                                       \
    (void)t;                                                                                       \
    vec v[8] = {v0, v1, v2, v3, v4, v5, v6, v7}
#define NEXT(w) s[1].run[w](s + 1, at, t, v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7])
#define ALIGNED __attribute__((aligned(64)))
#define EACH(count) CPU_UNROLL for (int i = 0; i < (count); i++)

static inline __attribute__((always_inline)) float *place(uint32_t *const *slot, int64_t at)
{
    return (float *)(void *)((char *)*slot + at);
}

/* X(name, width, number of the width): 8 or 4 vectors, or L, the elements left for 4; rows abreast:
 * R, and what is left of them, E. */
#define LOAD_8(x, i) v_load((x) + (i)*STEP_VEC)
#define LOAD_4(x, i) v_load((x) + (i)*STEP_VEC)
#define LOAD_L(x, i) v_load_part((x) + (i)*STEP_VEC, t->mask[i])
#define LOAD_R(x, i) v_load(ABREAST(x, i))
#define LOAD_E(x, i) v_load_part(ABREAST(x, i), t->mask[(i) % STEP_OF_ROW])
#define STORE_8(x, i, v) v_store((x) + (i)*STEP_VEC, v)
#define STORE_4(x, i, v) v_store((x) + (i)*STEP_VEC, v)
#define STORE_L(x, i, v) v_store_part((x) + (i)*STEP_VEC, v, t->mask[i])
#define STORE_R(x, i, v) v_store(ABREAST(x, i), v)
#define STORE_E(x, i, v) v_store(ABREAST(x, i), v)
#define COUNT_8 8
#define COUNT_4 4
#define COUNT_L 4
#define COUNT_R 8
#define COUNT_E 8
#define ALONG(X, name) X(name, 8, 0) X(name, 4, 1) X(name, L, 2)
#ifdef CPU_VEC
#define WIDTHS(X, name) ALONG(X, name) X(name, R, STEP_ABREAST) X(name, E, STEP_ABREAST + 1)
#else
#define WIDTHS(X, name) ALONG(X, name)
#endif

/* An operand: in memory, one value for all elements, or one of each row. */
#define MEMORY(x)                                                                                  \
    float *x = place(s->x, at & s->keep_##x);                                                      \
    const int64_t *x##_row = t->offset[s->keep_##x & 1];                                           \
    (void)x##_row
#define ABREAST(x, i) ((x) + x##_row[(i) / STEP_OF_ROW] + (i) % STEP_OF_ROW * STEP_VEC)
#define ONE(x) vec x = v_all(place(s->x, 0))
#define ROWS_8(x) step_table x = step_table_at(place(s->x, 4 * t->row))
#define ROWS_4(x) ROWS_8(x)
#define ROWS_L(x) ROWS_8(x)
#define ROWS_R(x) const float *x = place(s->x, 4 * t->row)
#define ROWS_E(x) ROWS_R(x)
#define CHOOSE_8(x, i) step_choose(x, t->row_of + (i)*STEP_VEC)
#define CHOOSE_4(x, i) CHOOSE_8(x, i)
#define CHOOSE_L(x, i) CHOOSE_8(x, i)
#define CHOOSE_R(x, i) v_all((x) + (i) / STEP_OF_ROW)
#define CHOOSE_E(x, i) CHOOSE_R(x, i)
#define NOTHING (void)s

#define STEP(name, n, w, get, value)                                                               \
    static ALIGNED void name##_##n(ARGS)                                                           \
    {                                                                                              \
        OPEN;                                                                                      \
        get;                                                                                       \
        EACH(COUNT_##n) v[i] = value;                                                              \
        NEXT(w);                                                                                   \
    }

#define BINARY(name, n, w)                                                                         \
    STEP(name##_0, n, w, MEMORY(x), do_##name(v[i], LOAD_##n(x, i)))                               \
    STEP(name##_1, n, w, ONE(x), do_##name(v[i], x))                                               \
    STEP(name##_2, n, w, ROWS_##n(x), do_##name(v[i], CHOOSE_##n(x, i)))                           \
    STEP(name##_3, n, w, NOTHING, do_##name(v[i], v[i]))                                           \
    STEP(name##_4, n, w, MEMORY(x), do_##name(LOAD_##n(x, i), v[i]))                               \
    STEP(name##_5, n, w, ONE(x), do_##name(x, v[i]))                                               \
    STEP(name##_6, n, w, ROWS_##n(x), do_##name(CHOOSE_##n(x, i), v[i]))

#define UNARY(name, n, w) STEP(name, n, w, NOTHING, do_##name(v[i]))

/* Any of them, as the step says. */
#define ANY(x, n, i)                                                                               \
    (s->how_##x == STEP_ONE ? v_all(x) : s->how_##x == STEP_ROWS ? FROM_##n(x, i) : LOAD_##n(x, i))
#define FROM_8(x, i) CHOOSE_8(step_table_at(x + t->row), i)
#define FROM_4(x, i) FROM_8(x, i)
#define FROM_L(x, i) FROM_8(x, i)
#define FROM_R(x, i) CHOOSE_R(x + t->row, i)
#define FROM_E(x, i) FROM_R(x, i)
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
    STEP(FIRST_##name##_2, n, w, MEMORY(x);                                                        \
         ROWS_##n(y), do_##name(LOAD_##n(x, i), CHOOSE_##n(y, i)))
#define PAIR(a, b, n, w)                                                                           \
    STEP(a##_##b##_1, n, w, ONE(x); ONE(y), do_##b(do_##a(v[i], x), y))                            \
    STEP(a##_##b##_2, n, w, ROWS_##n(x);                                                           \
         ROWS_##n(y), do_##b(do_##a(v[i], CHOOSE_##n(x, i)), CHOOSE_##n(y, i)))
#define PAIRS(name, n, w) PAIR(name, FADD, n, w) PAIR(name, FSUB, n, w) PAIR(name, FMUL, n, w)

#define OTHERS(name, n, w)                                                                         \
    STEP(load_0, n, w, MEMORY(x), LOAD_##n(x, i))                                                  \
    STEP(load_1, n, w, ONE(x), x)                                                                  \
    STEP(load_2, n, w, ROWS_##n(x), CHOOSE_##n(x, i))                                              \
    static ALIGNED void save_##n(ARGS)                                                             \
    {                                                                                              \
        OPEN;                                                                                      \
        MEMORY(x);                                                                                 \
        EACH(COUNT_##n) STORE_##n(x, i, v[i]);                                                     \
        NEXT(w);                                                                                   \
    }                                                                                              \
    static ALIGNED void end_##n(ARGS)                                                              \
    {                                                                                              \
        OPEN;                                                                                      \
        (void)s, (void)at, (void)v;                                                                \
    }

/* Onto the lanes of a sum; where a vector of 32 lanes begins depends on the tile's place.  What a
 * last vector has beyond the elements adds +0, which changes no lane.  Rows abreast have lanes of
 * their own, which begin with +0. */
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

#define SUM(name, n, w)                                                                            \
    static ALIGNED void sum_##n(ARGS)                                                              \
    {                                                                                              \
        OPEN;                                                                                      \
        float *lanes = t->lanes + s->fold * RK_SUM_LANES + (STEP_PARTS > COUNT_##n ? t->part : 0); \
        EACH(COUNT_##n < STEP_PARTS ? COUNT_##n : STEP_PARTS)                                      \
        {                                                                                          \
            vec lane = v_load(lanes + i * STEP_VEC);                                               \
            CPU_UNROLL for (int k = i; k < COUNT_##n; k += STEP_PARTS) lane += KEEP_##n(v[k], k);  \
            v_store(lanes + i * STEP_VEC, lane);                                                   \
        }                                                                                          \
        NEXT(w);                                                                                   \
    }
#define SUM_ABREAST(name, n, w)                                                                    \
    static ALIGNED void sum_##n(ARGS)                                                              \
    {                                                                                              \
        OPEN;                                                                                      \
        const step_tile own = *t; /* lanes could be written over masks */                          \
        float *lanes = t->lanes + s->fold * STEP_ROWS_ABREAST * RK_SUM_LANES;                      \
        EACH(STEP_ROWS_ABREAST *STEP_PARTS)                                                        \
        {                                                                                          \
            vec lane = own.begin ? v_zero() : v_load(lanes + i * STEP_VEC);                        \
            CPU_UNROLL for (int k = i % STEP_PARTS; k < STEP_OF_ROW; k += STEP_PARTS) lane =       \
                v_add_part(lane, v[i / STEP_PARTS * STEP_OF_ROW + k], own.mask[k]);                \
            v_store(lanes + i * STEP_VEC, lane);                                                   \
        }                                                                                          \
        NEXT(w);                                                                                   \
    }
#define PUTS(name, n, w)                                                                           \
    static ALIGNED void bytes_##n(ARGS)                                                            \
    {                                                                                              \
        OPEN;                                                                                      \
        unsigned char *x = (unsigned char *)*s->x + at / 4;                                        \
        EACH(COUNT_##n) BYTES_##n(x + i * STEP_VEC, v[i], i);                                      \
        NEXT(w);                                                                                   \
    }                                                                                              \
    static ALIGNED void stream_##n(ARGS)                                                           \
    {                                                                                              \
        OPEN;                                                                                      \
        float *x = place(s->x, at);                                                                \
        if ((w) == 2 || (uintptr_t)x % sizeof(vec)) {                                              \
            EACH(COUNT_##n) STORE_##n(x, i, v[i]);                                                 \
        } else {                                                                                   \
            EACH(COUNT_##n) v_stream(x + i * STEP_VEC, v[i]);                                      \
        }                                                                                          \
        NEXT(w);                                                                                   \
    }
#define RARE(name, n, w)                                                                           \
    static ALIGNED void rare_##n(ARGS)                                                             \
    {                                                                                              \
        OPEN;                                                                                      \
        float *own = (float *)(void *)t->spare[0], *other = (float *)(void *)t->spare[1];          \
        int a = s->side && !s->self, b = !s->side && !s->self;                                     \
        MEMORY(x);                                                                                 \
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
    static ALIGNED void name##_##n(ARGS)                                                           \
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
ALONG(SUM, sum)
#ifdef CPU_VEC
SUM_ABREAST(sum, R, STEP_ABREAST)
SUM_ABREAST(sum, E, STEP_ABREAST + 1)
#endif
ALONG(PUTS, put)
WIDTHS(RARE, rare)
WIDTHS(PERIODIC, FSIN)
WIDTHS(PERIODIC, FCOS)

#define EVERY_ALONG(name) name##_8, name##_4, name##_L
#ifdef CPU_VEC
#define EVERY(name) EVERY_ALONG(name), name##_R, name##_E
#else
#define EVERY(name) EVERY_ALONG(name)
#endif
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
        [CPU_STEP_BYTES] = {{EVERY_ALONG(bytes)}, {EVERY_ALONG(bytes)}},
        [CPU_STEP_STREAM] = {{EVERY_ALONG(stream)}, {EVERY_ALONG(stream)}},
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
