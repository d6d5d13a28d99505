/* A slice's products on tensor cores that multiply floats of 11 bits (TF32), exactly, and add them
 * in single precision: each operand is split into two such floats, of which the products but the
 * least one are added ("3xTF32").
 *
 * 32 neighbours, a warp, multiply 16 x 8 by 8 x 8 at once.  PTX says which elements are whose: with
 * g = lane / 4 and t = lane % 4, of the left operand rows g and g + 8 at t and t + 4, of the right
 * one column g at t and t + 4, of the result rows g and g + 8 in columns 2 t and 2 t + 1.  Rows of
 * two such results are dealt out so that a work-item has four rows beside each other, and columns
 * of two so that it has four columns (tile.cl), or loads two columns of the right operand. */

/* x = high + low: high is x rounded to 11 bits, of low tensor cores read as many.  If x is NaN low
 * is, whatever high is. */
static inline void rk_split(float x, uint *high, uint *low)
{
    *high = (as_uint(x) + 0x1000u) & 0xFFFFE000u;
    *low = as_uint(x - as_float(*high));
}

#if RK_EMULATE
#define SPLIT_UNROLL _Pragma("unroll 1") /* each part has barriers */
/* The same by local memory, which every work-item of the group has to join. */
static inline void rk_mma(__local uint *spare, float *c0, float *c1, float *c2, float *c3,
                          const uint *a, const uint *b)
{
    uint item = (uint)get_local_id(0), warp = item / 32 * 32, g = item / 4 % 8, t = item % 4;
    for (uint i = 0; i < 4; i++) spare[item * 6 + i] = a[i] & 0xFFFFE000u;
    for (uint i = 0; i < 2; i++) spare[item * 6 + 4 + i] = b[i] & 0xFFFFE000u;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint k = 0; k < 8; k++) {
        __local uint *left = spare + (warp + g * 4 + k % 4) * 6 + k / 4 * 2,
                     *right = spare + (warp + 2 * t * 4 + k % 4) * 6 + 4 + k / 4;
        *c0 += as_float(left[0]) * as_float(right[0]);
        *c1 += as_float(left[0]) * as_float(right[4 * 6]);
        *c2 += as_float(left[1]) * as_float(right[0]);
        *c3 += as_float(left[1]) * as_float(right[4 * 6]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
}
#else
#define SPLIT_UNROLL _Pragma("unroll")
#define rk_mma(spare, c0, c1, c2, c3, a, b)                                                        \
    __asm__ volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "                         \
                     "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"             \
                     : "+f"(*(c0)), "+f"(*(c1)), "+f"(*(c2)), "+f"(*(c3))                          \
                     : "r"((a)[0]), "r"((a)[1]), "r"((a)[2]), "r"((a)[3]), "r"((b)[0]),            \
                       "r"((b)[1]))
#endif

/* Adds a product of 16 x 8 and 8 x 8 to each of the results that rows, in twos, and two columns
 * beside each other are part of. */
static inline void rk_multiply_parts(__local uint *spare, const uint (*a)[4], const uint (*b)[2],
                                     uint j, float (*acc)[RK_TN])
{
    SPLIT_UNROLL
    for (uint i = 0; i < RK_TM; i += 2)
        SPLIT_UNROLL
        for (uint c = 0; c < 2; c++)
            rk_mma(spare, &acc[i][j + c], &acc[i][j + 2 + c], &acc[i + 1][j + c],
                   &acc[i + 1][j + 2 + c], a[i / 2], b[c]);
}

static inline void rk_multiply(const rk_places *at, uint x, uint y, float (*acc)[RK_TN])
{
    SPLIT_UNROLL
    for (uint p = 0; p < RK_BK; p += 8) {
        __local const float *as = at->get_a + (int)(p * PITCH_A),
                            *bs = at->get_b + (int)(p * PITCH_B);
        uint a_high[RK_TM / 2][4], a_low[RK_TM / 2][4];
        SPLIT_UNROLL
        for (uint i = 0; i < RK_TM; i += 4)
            SPLIT_UNROLL
            for (uint far = 0; far < 2; far++) {
                float v[4];
                rk_take(as + (int)(far * 4 * PITCH_A + i * RK_GY), v, 4);
                SPLIT_UNROLL
                for (uint q = 0; q < 4; q++)
                    rk_split(v[q], &a_high[(i + q) / 2][far * 2 + q % 2],
                             &a_low[(i + q) / 2][far * 2 + q % 2]);
            }
        SPLIT_UNROLL
        for (uint j = 0; j < RK_TN; j += 4) {
            uint b_high[2][2], b_low[2][2];
            SPLIT_UNROLL
            for (uint far = 0; far < 2; far++) {
                float v[2];
                rk_take(bs + (int)(far * 4 * PITCH_B + j * RK_GX), v, 2);
                SPLIT_UNROLL
                for (uint c = 0; c < 2; c++) rk_split(v[c], &b_high[c][far], &b_low[c][far]);
            }
            rk_multiply_parts(at->spare, a_low, b_high, j, acc);
            rk_multiply_parts(at->spare, a_high, b_low, j, acc);
            rk_multiply_parts(at->spare, a_high, b_high, j, acc);
        }
    }
}
