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

/* out[p * ld + j] = element p of row j, for p < n and j < `lanes`, a multiple of RK_SQUARE; zero
 * beyond the last of `valid` rows. */
static inline void rk_turn(__global float *out, uint ld, uint lanes, __global const float *in,
                           ulong stride, uint n, uint valid)
{
#pragma unroll 1
    for (uint v = 0; v < lanes; v += RK_SQUARE) {
        __global const float *rows = in + v * stride;
#pragma unroll 1
        for (uint p = 0; p < n; p += RK_SQUARE) {
            uint rem = min(n - p, (uint)RK_SQUARE);
            if (v + RK_SQUARE <= valid && rem == RK_SQUARE) {
                S x[RK_SQUARE];
#pragma unroll
                for (uint i = 0; i < RK_SQUARE; i++) x[i] = S_LOAD(rows + i * stride + p);
                rk_transpose(x);
#pragma unroll
                for (uint i = 0; i < RK_SQUARE; i++) S_STORE(x[i], out + (p + i) * ld + v);
            } else {
                for (uint q = p; q < p + rem; q++)
                    for (uint i = 0; i < RK_SQUARE; i++)
                        out[q * ld + v + i] = v + i < valid ? rows[i * stride + q] : 0.0f;
            }
        }
    }
}
