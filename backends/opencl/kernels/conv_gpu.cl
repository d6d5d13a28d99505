/* CONV, gpu variant: the product of the weights, or of g, and a matrix of taps x positions that is
 * read from the input as tiles need it.  A group computes a tile of BM x BN, as in matmul.cl. */
#define GX (RK_BN / RK_TN)
#define GY (RK_BM / RK_TM)
#define POOL (RK_BK * (RK_BM + RK_BN + 2))
#define SLICES                                                                                     \
    __local float pool[POOL];                                                                      \
    __local float(*as)[RK_BM + 1] = (__local float(*)[RK_BM + 1]) pool;                            \
    __local float(*bs)[RK_BN + 1] = (__local float(*)[RK_BN + 1])(pool + RK_BK * (RK_BM + 1))

static inline void rk_multiply(__local float (*as)[RK_BM + 1], __local float (*bs)[RK_BN + 1],
                               uint deep, uint tx, uint ty, float (*acc)[RK_TN])
{
    for (uint p = 0; p < deep; p++) {
        float av[RK_TM], bv[RK_TN];
#pragma unroll
        for (uint i = 0; i < RK_TM; i++) av[i] = as[p][ty + i * GY];
#pragma unroll
        for (uint j = 0; j < RK_TN; j++) bv[j] = bs[p][tx + j * GX];
#pragma unroll
        for (uint i = 0; i < RK_TM; i++)
#pragma unroll
            for (uint j = 0; j < RK_TN; j++) acc[i][j] = fma(av[i], bv[j], acc[i][j]);
    }
}

#if RK_DW
/* Channels of g x taps; one block of positions. */
#define MINE (RK_BN * RK_BK / 256)
__attribute__((reqd_work_group_size(256, 1, 1)))
__kernel void conv_dw(__global const uchar *x_in, ulong x_at, __global const uchar *g_in,
                      ulong g_at, __global uchar *ws, ulong ws_at, ulong total, uint taps, uint ci,
                      uint co, uint jo, uint window_h, uint window_w, int in_h, int in_w,
                      uint out_h, uint out_w, int step_h, int step_w, int shift_h, int shift_w)
{
    SLICES;
    __global const float *x = (__global const float *)(x_in + x_at),
                         *g = (__global const float *)(g_in + g_at);
    uint item = get_local_id(0), tx = item % GX, ty = item / GX, out_plane = out_h * out_w,
         panels = (taps + RK_BN - 1) / RK_BN, top = get_group_id(0) / panels * RK_BM,
         left = get_group_id(0) % panels * RK_BN, c[MINE];
    ulong block = get_global_id(1), start = block * RK_CONV_DW_BLOCK;
    uint len = (uint)min(total - start, (ulong)RK_CONV_DW_BLOCK);
    int dh[MINE], dw[MINE];
    float acc[RK_TM][RK_TN];
#pragma unroll
    for (uint q = 0; q < MINE; q++) {
        uint tap = left + item / RK_BK + q * (256 / RK_BK), rest = tap % (window_h * window_w);
        c[q] = tap < taps ? tap / (window_h * window_w) : ci;
        dh[q] = (int)(rest / window_w) + shift_h;
        dw[q] = (int)(rest % window_w) + shift_w;
    }
#pragma unroll
    for (uint i = 0; i < RK_TM; i++)
#pragma unroll
        for (uint j = 0; j < RK_TN; j++) acc[i][j] = 0.0f;
    for (uint from = 0; from < len; from += RK_BK) {
        uint p = item % RK_BK;
        int valid = from + p < len;
        ulong at = start + (valid ? from + p : 0), n = at / out_plane;
        uint o = (uint)(at % out_plane);
        int h = (int)(o / out_w) * step_h, w = (int)(o % out_w) * step_w;
        for (uint i = item / RK_BK; i < RK_BM; i += 256 / RK_BK)
            as[p][i] = valid && top + i < co ? g[(n * jo + top + i) * out_plane + o] : 0.0f;
#pragma unroll
        for (uint q = 0; q < MINE; q++)
            bs[p][item / RK_BK + q * (256 / RK_BK)] =
                valid && c[q] < ci
                    ? rk_element(x, n * ci + c[q], h + dh[q], w + dw[q], in_h, in_w)
                    : 0.0f;
        barrier(CLK_LOCAL_MEM_FENCE);
        rk_multiply(as, bs, min(len - from, (uint)RK_BK), tx, ty, acc);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    __global float *part = (__global float *)(ws + ws_at) + block * co * taps;
#pragma unroll
    for (uint i = 0; i < RK_TM; i++)
#pragma unroll
        for (uint j = 0; j < RK_TN; j++) {
            uint row = top + ty + i * GY, tap = left + tx + j * GX;
            if (row < co && tap < taps) part[(ulong)row * taps + tap] = acc[i][j];
        }
}
#else
#if RK_BLOCKS
#define RESULT sum
#else
#define RESULT acc
#endif
/* Channels of the result x positions of one of its phases in all images. */
__attribute__((reqd_work_group_size(256, 1, 1)))
__kernel void conv(__global const uchar *in, ulong in_at, __global const uchar *w_in, ulong w_at,
                   __global const uchar *ws, ulong ws_at, RK_PARAMS ulong first_at, ulong ends_at,
                   ulong tap_at, ulong out_weight, ulong batch, ulong panels, uint ci, uint co,
                   uint ji, uint jo, int in_h, int in_w, uint out_h, uint out_w, uint uh, uint uw,
                   int step_h, int step_w, int shift_h, int shift_w, uint blocks)
{
    SLICES;
    __global const uint *words = (__global const uint *)(ws + ws_at);
    __global const float *x = (__global const float *)(in + in_at),
                         *weight = (__global const float *)(w_in + w_at);
    uint item = get_local_id(0), tx = item % GX, ty = item / GX, f = (uint)get_global_id(1),
         a = f / uw, b = f % uw, high = (out_h - a + uh - 1) / uh, wide = (out_w - b + uw - 1) / uw;
    ulong columns = batch * high * wide, top = get_group_id(0) / panels * RK_BM,
          left = get_group_id(0) % panels * RK_BN;
    if (left >= columns) return;
    __global const uint *tap = words + tap_at + 4ul * words[first_at + f];
    ulong mine = min(left + item % RK_BN, columns - 1), n = mine / (high * wide);
    uint rest = (uint)(mine % (high * wide));
    int h = (int)(rest / wide) * step_h + shift_h, w = (int)(rest % wide) * step_w + shift_w;
    float acc[RK_TM][RK_TN];
#pragma unroll
    for (uint i = 0; i < RK_TM; i++)
#pragma unroll
        for (uint j = 0; j < RK_TN; j++) acc[i][j] = 0.0f;
#if RK_BLOCKS
    float sum[RK_TM][RK_TN];
    for (uint block = 0, from = 0; block < blocks; block++) {
#else
    {
        uint from = 0, block = 0;
#endif
        uint end = words[ends_at + f * blocks + block];
        for (; from < end; from += RK_BK) {
            uint deep = min(end - from, (uint)RK_BK);
            for (uint t = item; t < RK_BM * RK_BK; t += 256) {
                uint i = t / RK_BK, p = t % RK_BK;
                as[p][i] = top + i < co && p < deep
                               ? weight[(top + i) * out_weight + tap[4 * (from + p) + 3]]
                               : 0.0f;
            }
            for (uint p = item / RK_BN; p < deep; p += 256 / RK_BN) {
                uint4 at = vload4(from + p, tap);
                bs[p][item % RK_BN] =
                    rk_element(x, n * ji + at.x, h + (int)at.y, w + (int)at.z, in_h, in_w);
            }
            barrier(CLK_LOCAL_MEM_FENCE);
            rk_multiply(as, bs, deep, tx, ty, acc);
            barrier(CLK_LOCAL_MEM_FENCE);
        }
#if RK_BLOCKS
        from = end;
#pragma unroll
        for (uint i = 0; i < RK_TM; i++)
#pragma unroll
            for (uint j = 0; j < RK_TN; j++) {
                sum[i][j] = block ? sum[i][j] + acc[i][j] : acc[i][j];
                acc[i][j] = 0.0f;
            }
#endif
    }
    ulong x2 = ((ulong)(rest / wide) * uh + a) * out_w + rest % wide * uw + b, x0 = n;
#pragma unroll
    for (uint i = 0; i < RK_TM; i++) { /* GY rows at a time, so that neighbours write neighbours */
#pragma unroll
        for (uint j = 0; j < RK_TN; j++) pool[ty * RK_BN + tx + j * GX] = RESULT[i][j];
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint t = item; t < GY * RK_BN; t += 256) {
            ulong x1 = top + i * GY + t / RK_BN, pos = (x0 * jo + x1) * out_h * out_w + x2;
            if (x1 >= co || left + item % RK_BN >= columns) break;
            U in0 = as_uint(pool[t]);
            RK_BODY
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}
#endif
