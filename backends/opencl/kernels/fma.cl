/* A slice's products, added to the chains: the exact tier's.  See tile.cl. */
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
