/* What MATMUL and CONV of the gpu variant share.  A group of GY x GX work-items computes a tile of
 * BM x BN, a work-item TM x TN elements of it; slices of BK of both operands pass through local
 * memory, two in turn, so that one is filled while the other is multiplied.
 *
 * A work-item has vectors of rows and of columns, as long ones as TM and TN are made of (6 rows: 4
 * and 2; never 3 or 7), the group's vectors of a kind beside each other.  32 neighbours make 4 x 8
 * work-items, so placed that of every two one reads the same columns, and of every two pairs the
 * same rows:
 * local memory on NVIDIA serves 32 reads of 16 bytes in two turns if neighbours i and i ^ 1, or i
 * and i ^ 2, read the same, and in four if not.
 *
 * Chains that end within a slice go on with -0 times +0: no number, not even a zero, is another one
 * after adding -0. */
#define GROUP (RK_GX * RK_GY)
#define VECTOR(n) ((n) >= 4 ? 4 : (n) >= 2 ? 2 : 1) /* what n lines begin with */
#define AFTER(n, i) VECTOR((n) - (i))                 /* that line i of n begins */
#define BEFORE(n, i) ((i) / 4 * 4)                    /* its vector's first */
#define LINE_OF(n, i, at, of)                                                                      \
    (BEFORE(n, i) * (of) + (at) * AFTER(n, BEFORE(n, i)) + (i) - BEFORE(n, i))
#define ROW_OF(i, y) LINE_OF(RK_TM, i, y, RK_GY)
#define COLUMN_OF(j, x) LINE_OF(RK_TN, j, x, RK_GX)
#define PITCH_A (RK_BM + 4)
#define PITCH_B (RK_BN + 4)
#define SLICE_A (RK_BK * PITCH_A)
#define SLICE (SLICE_A + RK_BK * PITCH_B)
#define BAND(i) (RK_GY * AFTER(RK_TM, i)) /* rows of the result that pass through local memory */
#define POOL (2 * SLICE > BAND(0) * PITCH_B ? 2 * SLICE : BAND(0) * PITCH_B)
#define POOL_OF_A_GROUP                                                                            \
    __local float4 pool4[(POOL + 3) / 4];                                                          \
    __local float *pool = (__local float *)pool4
#define ITEM_X(item) ((item) / 2 % 8 + (item) / 32 % (RK_GX / 8) * 8)
#define ITEM_Y(item) ((item) % 2 + (item) / 16 % 2 * 2 + (item) / 32 / (RK_GX / 8) * 4)

#if defined(POCL_DEVICE_ADDRESS_BITS)
#define DEEP_UNROLL _Pragma("unroll 1") /* compiles in a tenth of the time */
#define BAND_UNROLL DEEP_UNROLL
#else
#define DEEP_UNROLL _Pragma("unroll")
#define BAND_UNROLL _Pragma("unroll 4")
#endif

/* n = 1, 2 or 4 floats at a multiple of n from local memory, which begins at a multiple of 4. */
static inline void rk_take(__local const float *from, float *to, uint n)
{
    if (n == 4) {
        float4 v = *(__local const float4 *)from;
        to[0] = v.x, to[1] = v.y, to[2] = v.z, to[3] = v.w;
    } else if (n == 2) {
        float2 v = *(__local const float2 *)from;
        to[0] = v.x, to[1] = v.y;
    } else {
        to[0] = from[0];
    }
}

static inline void rk_give(const float *from, __local float *to, uint n)
{
    if (n == 4)
        *(__local float4 *)to = (float4)(from[0], from[1], from[2], from[3]);
    else if (n == 2)
        *(__local float2 *)to = (float2)(from[0], from[1]);
    else
        to[0] = from[0];
}

/* Where a work-item writes into the slice that is filled and reads from the one that is multiplied.
 * They swing between the two slices: compilers would compute addresses that they can compute again
 * anew in every slice. */
typedef struct rk_places {
    __local float *put_a, *put_b;
    __local const float *get_a, *get_b;
    int swing;
} rk_places;

static inline rk_places rk_place(__local float *pool, uint put_a, uint put_b, uint x, uint y)
{
    rk_places at;
    at.put_a = pool + put_a;
    at.put_b = pool + SLICE_A + put_b;
    at.get_a = pool + SLICE + y * VECTOR(RK_TM);
    at.get_b = pool + SLICE + SLICE_A + x * VECTOR(RK_TN);
    at.swing = SLICE;
    return at;
}

static inline void rk_swing(rk_places *at)
{
    at->put_a += at->swing;
    at->put_b += at->swing;
    at->get_a -= at->swing;
    at->get_b -= at->swing;
    at->swing = -at->swing;
}

/* A slice's products, added to the chains. */
static inline void rk_multiply(const rk_places *at, uint x, uint y, float (*acc)[RK_TN])
{
    __local const float *as = at->get_a, *bs = at->get_b;
    DEEP_UNROLL
    for (uint p = 0; p < RK_BK; p++) {
        float av[RK_TM], bv[RK_TN];
#pragma unroll
        for (uint i = 0; i < RK_TM; i++)
            if (BEFORE(RK_TM, i) == i)
                rk_take(as + (int)(p * PITCH_A + ROW_OF(i, y) - y * VECTOR(RK_TM)), av + i,
                        AFTER(RK_TM, i));
#pragma unroll
        for (uint j = 0; j < RK_TN; j++)
            if (BEFORE(RK_TN, j) == j)
                rk_take(bs + (int)(p * PITCH_B + COLUMN_OF(j, x) - x * VECTOR(RK_TN)), bv + j,
                        AFTER(RK_TN, j));
#pragma unroll
        for (uint j = 0; j < RK_TN; j++)
#pragma unroll
            for (uint k = 0; k < RK_TM; k++) { /* to and fro: neighbours share an operand */
                uint i = j % 2 ? RK_TM - 1 - k : k;
                acc[i][j] = fma(av[i], bv[j], acc[i][j]);
            }
    }
}

static inline void rk_begin(float (*acc)[RK_TN])
{
#pragma unroll
    for (uint i = 0; i < RK_TM; i++)
#pragma unroll
        for (uint j = 0; j < RK_TN; j++) acc[i][j] = 0.0f;
}

/* A chain's block ends: its sum joins those of the blocks before. */
static inline void rk_end_block(float (*acc)[RK_TN], float (*sum)[RK_TN], int first)
{
#pragma unroll
    for (uint i = 0; i < RK_TM; i++)
#pragma unroll
        for (uint j = 0; j < RK_TN; j++) {
            sum[i][j] = first ? acc[i][j] : sum[i][j] + acc[i][j];
            acc[i][j] = 0.0f;
        }
}

/* Rows from i on, a band, into local memory: [BAND][PITCH_B]. */
static inline void rk_lay_out(float (*result)[RK_TN], uint i, uint x, uint y, __local float *pool)
{
#pragma unroll
    for (uint v = 0; v < 4; v++)
#pragma unroll
        for (uint j = 0; j < RK_TN; j++)
            if (v < AFTER(RK_TM, i) && BEFORE(RK_TN, j) == j)
                rk_give(result[i + v] + j,
                        pool + (y * AFTER(RK_TM, i) + v) * PITCH_B + COLUMN_OF(j, x),
                        AFTER(RK_TN, j));
}
