/* Blocks of RK_SQUARE x RK_SQUARE are transposed in registers: no more than 8, since 16 take
 * compilers long. */
#if RK_WIDTH < 8
#define RK_SQUARE RK_WIDTH
#else
#define RK_SQUARE 8
#endif
#if RK_SQUARE == RK_WIDTH && RK_SQUARE > 1
#define S_LOAD(p) VLOAD(p)
#define S_STORE(v, p) VSTORE(v, p)
typedef F S;
#elif RK_SQUARE > 1
typedef CAT(float, RK_SQUARE) S;
#ifdef WHOLE
WHOLE(rk_square, __global, S, float)
WHOLE(rk_square, __private, S, float)
#define S_LOAD(p) rk_square(p)
#define S_STORE(v, p) rk_store(v, p)
#else
#define S_LOAD(p) CAT(vload, RK_SQUARE)(0, p)
#define S_STORE(v, p) CAT(vstore, RK_SQUARE)(v, 0, p)
#endif
#else
#define S_LOAD(p) (*(p))
#define S_STORE(v, p) (*(p) = (v))
typedef float S;
#endif

/* x becomes its transpose: log2(RK_SQUARE) perfect shuffles. */
static inline void rk_transpose(S *x)
{
#if RK_SQUARE > 1
    S y[RK_SQUARE];
#pragma unroll
    for (uint pass = 1; pass < RK_SQUARE; pass *= 2) {
#pragma unroll
        for (uint i = 0; i < RK_SQUARE / 2; i++) {
            y[2 * i].even = x[i].lo;
            y[2 * i].odd = x[i + RK_SQUARE / 2].lo;
            y[2 * i + 1].even = x[i].hi;
            y[2 * i + 1].odd = x[i + RK_SQUARE / 2].hi;
        }
#pragma unroll
        for (uint i = 0; i < RK_SQUARE; i++) x[i] = y[i];
    }
#endif
}

#if RK_WIDTH == 16
/* The same for two squares side by side. */
static inline void rk_transpose_two(F *x)
{
    F y[8];
#pragma unroll
    for (uint pass = 0; pass < 3; pass++) {
#pragma unroll
        for (uint i = 0; i < 4; i++) {
            F a = x[i], b = x[i + 4];
            y[2 * i] = (F)(a.s0, b.s0, a.s1, b.s1, a.s2, b.s2, a.s3, b.s3, a.s8, b.s8, a.s9, b.s9,
                           a.sa, b.sa, a.sb, b.sb);
            y[2 * i + 1] = (F)(a.s4, b.s4, a.s5, b.s5, a.s6, b.s6, a.s7, b.s7, a.sc, b.sc, a.sd,
                               b.sd, a.se, b.se, a.sf, b.sf);
        }
#pragma unroll
        for (uint i = 0; i < 8; i++) x[i] = y[i];
    }
}
#endif

/* out[p * ld + j] = element p of row j, for p < n and j < `lanes`, a multiple of RK_SQUARE; zero
 * beyond the last of `valid` rows.  The last square of a row repeats a part of another. */
static inline void rk_turn(__global float *out, uint ld, uint lanes, __global const float *in,
                           ulong stride, uint n, uint valid)
{
    uint step;
#pragma unroll 1
    for (uint v = 0; v < lanes; v += step) {
        __global const float *rows = in + v * stride;
        step = RK_SQUARE;
#if RK_WIDTH == 16
        if (v + 16 <= valid && n >= 8) {
            step = 16;
#pragma unroll 1
            for (uint p = 0; p < n; p += 8) {
                uint at = min(p, n - 8);
                F x[8];
#pragma unroll
                for (uint i = 0; i < 8; i++) {
                    __global const float *from = rows + i * stride + at;
                    x[i] = (F)(S_LOAD(from), S_LOAD(from + 8 * stride));
                }
                rk_transpose_two(x);
#pragma unroll
                for (uint i = 0; i < 8; i++) VSTORE(x[i], out + (at + i) * ld + v);
            }
            continue;
        }
#endif
        if (v + RK_SQUARE <= valid && n >= RK_SQUARE) {
#pragma unroll 1
            for (uint p = 0; p < n; p += RK_SQUARE) {
                uint at = min(p, n - RK_SQUARE);
                S x[RK_SQUARE];
#pragma unroll
                for (uint i = 0; i < RK_SQUARE; i++) x[i] = S_LOAD(rows + i * stride + at);
                rk_transpose(x);
#pragma unroll
                for (uint i = 0; i < RK_SQUARE; i++) S_STORE(x[i], out + (at + i) * ld + v);
            }
            continue;
        }
#pragma unroll 1
        for (uint p = 0; p < n; p++)
            for (uint i = 0; i < RK_SQUARE; i++)
                out[p * ld + v + i] = v + i < valid ? rows[i * stride + p] : 0.0f;
    }
}
