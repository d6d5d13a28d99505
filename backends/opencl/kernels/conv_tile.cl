/* CONV, cpu variant: what conv_same.cl and conv_dx.cl share: tiles of positions that leave no gaps
 * between rows or images.  What a tap would read beyond an edge is another element there: masks,
 * RK_AREA for each vector, make it +0. */
#if defined(__AVX512F__) && defined(__has_builtin)
#if RK_MR < 5 && RK_WIDTH == 16 && __has_builtin(__builtin_ia32_selectps_512)
#define RK_BITS 1 /* tiles of few rows load about as much as they multiply */
#endif
#endif
#ifdef RK_BITS
#define MASK 1
#define MASKED(x, m) __builtin_ia32_selectps_512((ushort)*(m), x, (F)(0.0f))
#else
#define MASK RK_WIDTH
#define MASKED(x, m) AS_F(AS_U(x) & VLOAD(m))
#endif
#define MASKS (RK_AREA * MASK)

/* Where all bits of a lane are set, or none. */
static inline void rk_mask(U whole, __global uint *to)
{
#ifdef RK_BITS
    uint lanes[RK_WIDTH], bits = 0;
    VSTORE(whole, lanes);
    for (uint l = 0; l < RK_WIDTH; l++) bits |= (lanes[l] & 1) << l;
    *to = bits;
#else
    VSTORE(whole, to);
#endif
}

/* Windows of 1 x 1, RK_POINT, need no masks: vectors go on into the next plane, of which nobody
 * looks at the sums.  Each tile asks for what the next one reads. */
#if RK_POINT
#define READ(x, m, n) VLOAD(x); SOON((x) + (n) * RK_WIDTH)
#else
#define READ(x, m, n) MASKED(VLOAD(x), m);
#endif

/* The products of a tap.  Those of few rows ask for what they read of the next channel; and go from
 * vector to vector: the compiler must not change that, or there are more of them than registers. */
#if defined(RK_BITS) && !RK_POINT
#define NEAR(n)                                                                                    \
    const uint end = cycle && cycle < taps ? tap[cycle - 1] : tap[0], low = min(tap[0], end),      \
               channel = cycle < taps ? tap[cycle] - tap[0] : 0,                                   \
               pairs = ((n) * RK_WIDTH + max(tap[0], end) - low) / 16 / 2 + 2;                     \
    __global const float *near = x + low;
#define ASK_NEAR                                                                                   \
    if (place == 0) near += channel;                                                               \
    if (place < pairs) {                                                                           \
        SOON(near + place * 32)                                                                    \
        SOON(near + place * 32 + 16)                                                               \
    }
#define MULTIPLY(n)                                                                                \
    F wv[RK_MR];                                                                                   \
    _Pragma("unroll") for (uint i = 0; i < RK_MR; i++) wv[i] = (F)(w[i]);                          \
    _Pragma("unroll") for (uint v = 0; v < n; v++)                                                 \
    {                                                                                              \
        F xv = READ(x + off + v * RK_WIDTH, m + v * MASKS, n)                                      \
        _Pragma("unroll") for (uint i = 0; i < RK_MR; i++)                                         \
        {                                                                                          \
            acc[i][v] = fma(xv, wv[i], acc[i][v]);                                                 \
            __asm__ volatile("" : "+v"(acc[i][v]) : : "memory");                                   \
        }                                                                                          \
    }
#else
#define NEAR(n)
#define ASK_NEAR
#define MULTIPLY(n)                                                                                \
    F xv[n];                                                                                       \
    _Pragma("unroll") for (uint v = 0; v < n; v++)                                                 \
    {                                                                                              \
        xv[v] = READ(x + off + v * RK_WIDTH, m + v * MASKS, n)                                     \
    }                                                                                              \
    _Pragma("unroll") for (uint i = 0; i < RK_MR; i++)                                             \
    {                                                                                              \
        F wv = (F)(w[i]);                                                                          \
        _Pragma("unroll") for (uint v = 0; v < n; v++)                                             \
            acc[i][v] = fma(xv[v], wv, acc[i][v]);                                                 \
    }
#endif

/* RK_MR channels of n vectors of positions, written to rows of `to`, ld apart.  The masks of a
 * channel's taps are `cycle` words, MASK for each.  Asks for `lines` from `next` on, and to write
 * rows of `want`, which is NULL or where the results go. */
#define TILE(name, n)                                                                              \
    static inline void name(__global const float *x, __global const float *w,                      \
                            __global const uint *tap, __global const uint *mask, uint cycle,       \
                            uint taps, __global float *to, uint ld, __global const float *next,    \
                            uint lines, __global const uint *want, ulong apart)                    \
    {                                                                                              \
        F acc[RK_MR][n];                                                                           \
        uint place = 0;                                                                            \
        NEAR(n)                                                                                    \
        _Pragma("unroll") for (uint i = 0; i < RK_MR; i++)                                         \
            _Pragma("unroll") for (uint v = 0; v < n; v++) acc[i][v] = (F)(0.0f);                  \
        _Pragma("unroll 1") for (uint p = 0; p < taps; p++, w += RK_MR)                            \
        {                                                                                          \
            ulong off = tap[p];                                                                    \
            ASK_NEAR                                                                               \
            if (p < lines) ASK(next + p * 16)                                                      \
            if (want && p < RK_MR)                                                                 \
                _Pragma("unroll") for (uint v = 0; v <= n; v++) WANT(want + p * apart + v * 16)    \
            __global const uint *m = mask + place;                                                 \
            place = place + MASK < cycle ? place + MASK : 0;                                       \
            MULTIPLY(n)                                                                            \
        }                                                                                          \
        _Pragma("unroll") for (uint i = 0; i < RK_MR; i++)                                         \
            _Pragma("unroll") for (uint v = 0; v < n; v++)                                         \
                VSTORE(acc[i][v], to + i * ld + v * RK_WIDTH);                                     \
    }
TILE(rk_tile, RK_NV)
TILE(rk_rest, 1)

/* Rows and columns of the positions from q on, image after image. */
static inline void rk_places(uint q, uint height, uint width, U *rows, U *cols)
{
    uint row[RK_WIDTH], col[RK_WIDTH], h = q / width % height, w = q % width;
    for (uint l = 0; l < RK_WIDTH; l++) {
        row[l] = h;
        col[l] = w++;
        if (w < width) continue;
        w = 0;
        if (++h == height) h = 0;
    }
    *rows = VLOAD(row);
    *cols = VLOAD(col);
}

/* Images from `image` on; for those beyond the last, which nobody looks at, the last. */
static inline void rk_images(__global float *copy, __global const float *in, uint image,
                             uint images, uint abreast, uint ci, uint ji, uint area)
{
    if (abreast == 1) {
        rk_copy(copy, in + (ulong)image * ji * area, ci * area);
        return;
    }
#pragma unroll 1
    for (uint t = 0; t < abreast * ci; t++) {
        uint n = t / ci, c = t % ci;
        ulong from = min(image + n, images - 1);
        rk_copy(copy + ((ulong)c * abreast + n) * area, in + (from * ji + c) * area, area);
    }
}
