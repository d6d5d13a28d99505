/* What MATMUL and CONV of the gpu variant share.  A group of GY x GX work-items computes a tile of
 * BM x BN, a work-item TM x TN elements of it; slices of BK of both operands pass through local
 * memory, two in turn, so that one is filled while the other is multiplied.
 *
 * A work-item has vectors of rows and of columns, as long ones as TM and TN are made of (6 rows: 4
 * and 2; never 3 or 7), the group's vectors of a kind beside each other.  32 neighbours make 4 x 8
 * work-items, so placed that of every two one reads the same columns, and of every two pairs the
 * same rows:
 * local memory on NVIDIA serves 32 reads of 16 bytes in two turns if neighbours i and i ^ 1, or i
 * and i ^ 2, read the same, and in four if not.  Of RK_TF32 they make 8 x 4: see tf32.cl, which has
 * the products of a slice in the place of fma.cl.
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
#define PITCH_A (RK_BM + PAD)
#define PITCH_B (RK_BN + PAD)
#define SLICE_A (RK_BK * PITCH_A)
#define SLICE (SLICE_A + RK_BK * PITCH_B)
#define BAND(i) (RK_GY * AFTER(RK_TM, i)) /* rows of the result that pass through local memory */
#define POOL (2 * SLICE > BAND(0) * PITCH_B ? 2 * SLICE : BAND(0) * PITCH_B)
#define POOL_OF_A_GROUP                                                                            \
    __local float4 pool4[((POOL) + SPARE + 3) / 4];                                                \
    __local float *pool = (__local float *)pool4
#if RK_TF32
#define SPARE (RK_EMULATE ? GROUP * 6 : 0)
#define PAD 8 /* 4 rows of a slice, 8 floats apart, are in all banks of local memory */
#define ITEM_X(item) ((item) % 4 + (item) / 32 % (RK_GX / 4) * 4)
#define ITEM_Y(item) ((item) / 4 % 8 + (item) / 32 / (RK_GX / 4) * 8)
#else
#define PAD 4
#define SPARE 0
#define ITEM_X(item) ((item) / 2 % 8 + (item) / 32 % (RK_GX / 8) * 8)
#define ITEM_Y(item) ((item) % 2 + (item) / 16 % 2 * 2 + (item) / 32 / (RK_GX / 8) * 4)
#endif

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

/* RK_DIRECT: what is fetched goes from memory to a slice, 4 or 16 bytes, or zeros unless `is`; no
 * register is kept for what is under way, and RK_ARRIVED() waits for what a work-item has copied.
 * Else it passes through registers. */
#if RK_DIRECT && RK_EMULATE
static inline void rk_copy(__local float *to, __global const float *from, int is)
{
    to[0] = is ? from[0] : 0.0f;
}

static inline void rk_copy_4(__local float *to, __global const float4 *from, int is)
{
    *(__local float4 *)to = is ? from[0] : (float4)(0.0f);
}
#define RK_ARRIVED()
#elif RK_DIRECT
#define rk_copy(to, from, is)                                                                      \
    __asm__ volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;"                                \
                     :                                                                             \
                     : "r"((uint)(ulong)(to)), "l"((ulong)(from)), "r"((is) ? 4 : 0))
#define rk_copy_4(to, from, is)                                                                    \
    __asm__ volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"                               \
                     :                                                                             \
                     : "r"((uint)(ulong)(to)), "l"((ulong)(from)), "r"((is) ? 16 : 0))
#define RK_ARRIVED() __asm__ volatile("cp.async.wait_all;" : : : "memory")
#else
#define RK_ARRIVED()
#endif

/* Where a work-item writes into the slice that is filled and reads from the one that is multiplied.
 * They swing between the two slices: compilers would compute addresses that they can compute again
 * anew in every slice. */
typedef struct rk_places {
    __local float *put_a, *put_b;
    __local const float *get_a, *get_b;
    __local uint *spare; /* SPARE words that nothing else uses */
    int swing;
} rk_places;

static inline rk_places rk_place(__local float *pool, uint put_a, uint put_b, uint x, uint y)
{
    rk_places at;
    at.put_a = pool + put_a;
    at.put_b = pool + SLICE_A + put_b;
#if RK_TF32
    at.get_a = pool + SLICE + x % 4 * PITCH_A + y * 4;
    at.get_b = pool + SLICE + SLICE_A + x % 4 * PITCH_B + x / 4 * 16 + y % 8 * 2;
#else
    at.get_a = pool + SLICE + y * VECTOR(RK_TM);
    at.get_b = pool + SLICE + SLICE_A + x * VECTOR(RK_TN);
#endif
    at.spare = (__local uint *)(pool + (POOL));
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
