/* What MATMUL and CONV of the gpu variant share.  A group of GY x GX work-items computes a tile of
 * BM x BN, a work-item TM x TN elements of it; slices of BK of both operands pass through local
 * memory, two in turn, so that one is filled while the other is multiplied.  32 neighbours make 4 x
 * 8 work-items, and have vectors of VM rows and VN columns, GY and GX of them apart: a slice is
 * read in a few wide accesses without conflicts.
 *
 * Chains that end within a slice go on with -0 times +0: no number, not even a zero, is another one
 * after adding -0. */
#define GROUP (RK_GX * RK_GY)
#define VECTOR(n) ((n) % 4 == 0 ? 4 : (n) % 2 == 0 ? 2 : 1)
#define VM VECTOR(RK_TM)
#define VN VECTOR(RK_TN)
#define PITCH_A (RK_BM + 4)
#define PITCH_B (RK_BN + 4)
#define SLICE_A (RK_BK * PITCH_A)
#define SLICE (SLICE_A + RK_BK * PITCH_B)
#define BAND (RK_GY * VM) /* rows of the result that pass through local memory at a time */
#define POOL (2 * SLICE > BAND * RK_BN ? 2 * SLICE : BAND * RK_BN)
#define POOL_OF_A_GROUP                                                                            \
    __local float4 pool4[(POOL + 3) / 4];                                                          \
    __local float *pool = (__local float *)pool4
#define ITEM_X(item) ((item) % 8 + (item) / 32 % (RK_GX / 8) * 8)
#define ITEM_Y(item) ((item) / 8 % 4 + (item) / 32 / (RK_GX / 8) * 4)
#define ROW_OF(i, y) ((i) / VM * BAND + (y) * VM + (i) % VM)
#define COLUMN_OF(j, x) ((j) / VN * (RK_GX * VN) + (x) * VN + (j) % VN)

#if defined(POCL_DEVICE_ADDRESS_BITS)
#define DEEP_UNROLL _Pragma("unroll 1") /* compiles in a tenth of the time */
#else
#define DEEP_UNROLL _Pragma("unroll")
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

/* A slice's products, added to the chains. */
static inline void rk_multiply(__local const float *slice, uint x, uint y, float (*acc)[RK_TN])
{
    __local const float *as = slice + y * VM, *bs = slice + SLICE_A + x * VN;
    DEEP_UNROLL
    for (uint p = 0; p < RK_BK; p++) {
        float av[RK_TM], bv[RK_TN];
#pragma unroll
        for (uint i = 0; i < RK_TM; i += VM) rk_take(as + p * PITCH_A + i * RK_GY, av + i, VM);
#pragma unroll
        for (uint j = 0; j < RK_TN; j += VN) rk_take(bs + p * PITCH_B + j * RK_GX, bv + j, VN);
#pragma unroll
        for (uint i = 0; i < RK_TM; i++)
#pragma unroll
            for (uint j = 0; j < RK_TN; j++) acc[i][j] = fma(av[i], bv[j], acc[i][j]);
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

/* Rows from i on, a band, into local memory: [BAND][BN]. */
static inline void rk_lay_out(float (*result)[RK_TN], uint i, uint x, uint y, __local float *pool)
{
#pragma unroll
    for (uint v = 0; v < VM; v++)
#pragma unroll
        for (uint j = 0; j < RK_TN; j += VN)
            rk_give(result[i + v] + j, pool + (y * VM + v) * RK_BN + COLUMN_OF(j, x), VN);
}
