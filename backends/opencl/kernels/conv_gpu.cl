/* CONV, gpu variant: the product of the weights, or of g, and a matrix of taps x positions that is
 * read from the input as tiles need it.  Tiles as in tile.cl. */

/* Loads are to be under way together, so no condition may become a branch: they are joined by &.
 * RK_TAIL: chains that end within a slice.  RK_EDGES: 0 if every tap is inside the input, 1 if a
 * position knows by a mask which are, a bit for each place of the window; 2 without the mask. */
#define INSIDE(h, w) (((uint)(h) < (uint)in_h) & ((uint)(w) < (uint)in_w))

#if RK_DW
/* Channels of g x taps; one block of positions.  Of both operands neighbours fetch neighbouring
 * positions; what is to be known of a tap waits in local memory. */
#define LINES (GROUP / RK_BK)
#define FETCH_A ((RK_BM + LINES - 1) / LINES)
#define FETCH_B ((RK_BN + LINES - 1) / LINES)
__attribute__((reqd_work_group_size(GROUP, 1, 1)))
__kernel void conv_dw(__global const uchar *x_in, ulong x_at, __global const uchar *g_in,
                      ulong g_at, __global uchar *ws, ulong ws_at, ulong total, uint taps, uint ci,
                      uint co, uint jo, uint window_h, uint window_w, int in_h, int in_w,
                      uint out_h, uint out_w, int step_h, int step_w, int shift_h, int shift_w)
{
    POOL_OF_A_GROUP;
    __local int places[RK_BN];
    __local RK_WHERE where[RK_EDGES ? RK_BN : 1]; /* row, column */
    __global const float *x = (__global const float *)(x_in + x_at),
                         *g = (__global const float *)(g_in + g_at);
    uint item = get_local_id(0), tx = ITEM_X(item), ty = ITEM_Y(item), out_plane = out_h * out_w,
         in_plane = (uint)in_h * (uint)in_w, panels = (taps + RK_BN - 1) / RK_BN,
         top = get_group_id(0) / panels * RK_BM, left = get_group_id(0) % panels * RK_BN,
         p = item % RK_BK, line = item / RK_BK;
    ulong block = get_global_id(1), start = block * RK_CONV_DW_BLOCK, n0 = start / out_plane;
    uint len = (uint)min(total - start, (ulong)RK_CONV_DW_BLOCK),
         o0 = (uint)(start - n0 * out_plane);
    float acc[RK_TM][RK_TN], next_a[FETCH_A], next_b[FETCH_B];
    for (uint t = item; t < RK_BN; t += GROUP) {
        uint mine = min(left + t, taps - 1), rest = mine % (window_h * window_w);
        int h = (int)(rest / window_w) + shift_h, w = (int)(rest % window_w) + shift_w;
        places[t] = (int)(mine / (window_h * window_w) * in_plane) + h * in_w + w;
        if (RK_EDGES) where[t].x = h, where[t].y = w;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    rk_begin(acc);
    for (uint from = 0, turn = 0; from < len + RK_BK; from += RK_BK, turn ^= 1) {
        if (from < len) {
            int valid = !RK_TAIL | (from + p < len);
            uint at = o0 + (valid ? from + p : 0), n = at / out_plane, o = at - n * out_plane,
                 row = o / out_w;
            int h = (int)row * step_h, w = (int)(o - row * out_w) * step_w;
            __global const float *image = x + (n0 + n) * ci * in_plane + (h * in_w + w),
                                 *grad = g + ((n0 + n) * jo + top) * out_plane + o;
#pragma unroll
            for (uint q = 0; q < FETCH_A; q++) {
                uint i = min(line + q * LINES, co - 1 - top);
                next_a[q] = valid ? grad[(ulong)i * out_plane] : -0.0f;
            }
#pragma unroll
            for (uint q = 0; q < FETCH_B; q++) {
                uint j = RK_BN % LINES ? min(line + q * LINES, RK_BN - 1u) : line + q * LINES;
                int inside = valid;
#if RK_EDGES
                inside &= INSIDE(h + where[j].x, w + where[j].y);
#endif
                next_b[q] = inside ? image[places[j]] : 0.0f;
            }
        }
        if (from) rk_multiply(pool + (turn ^ 1) * SLICE, tx, ty, acc);
        if (from < len) {
            __local float *as = pool + turn * SLICE + p * PITCH_A + line,
                          *bs = pool + turn * SLICE + SLICE_A + p * PITCH_B + line;
#pragma unroll
            for (uint q = 0; q < FETCH_A; q++)
                if (RK_BM % LINES == 0 || line + q * LINES < RK_BM) as[q * LINES] = next_a[q];
#pragma unroll
            for (uint q = 0; q < FETCH_B; q++)
                if (RK_BN % LINES == 0 || line + q * LINES < RK_BN) bs[q * LINES] = next_b[q];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    __global float *part = (__global float *)(ws + ws_at) + block * co * taps;
#pragma unroll
    for (uint i = 0; i < RK_TM; i++)
#pragma unroll
        for (uint j = 0; j < RK_TN; j++) {
            uint row = top + ROW_OF(i, ty), column = left + COLUMN_OF(j, tx);
            if (row < co && column < taps) part[(ulong)row * taps + column] = acc[i][j];
        }
}
#else
#if RK_BLOCKS
#define RESULT sum
#else
#define RESULT acc
#endif
#define QUADS (RK_BM / 4)      /* of the weights of a tap */
#define TAPS_A (GROUP / QUADS) /* whose weights are fetched at a time */
#define FETCH_A ((RK_BK + TAPS_A - 1) / TAPS_A)
#define WHOLE_A (GROUP % QUADS == 0 && RK_BK % TAPS_A == 0)
#define TAPS_B (GROUP / RK_BN)
#define FETCH_B (RK_BK / TAPS_B)

/* Channels of the result x positions of one of its phases in all images.  A work-item fetches taps
 * of one position, and weights that conv_pack laid beside each other. */
__attribute__((reqd_work_group_size(GROUP, 1, 1)))
__kernel void conv(__global const uchar *in, ulong in_at, __global const uchar *ws, ulong ws_at,
                   RK_PARAMS ulong first_at, ulong ends_at, ulong tap_at, ulong weights_at,
                   ulong batch, ulong panels, uint taps, uint ci, uint co, uint ji, uint jo,
                   int in_h, int in_w, uint out_h, uint out_w, uint uh, uint uw, int step_h,
                   int step_w, int shift_h, int shift_w, uint blocks)
{
    POOL_OF_A_GROUP;
    __global const uint *words = (__global const uint *)(ws + ws_at);
    uint item = get_local_id(0), tx = ITEM_X(item), ty = ITEM_Y(item), f = (uint)get_global_id(1),
         a = f / uw, b = f % uw, high = (out_h - a + uh - 1) / uh, wide = (out_w - b + uw - 1) / uw,
         column = item % RK_BN, tap_b = item / RK_BN, quad = item % QUADS, tap_a = item / QUADS,
         first = words[first_at + f];
    ulong columns = batch * high * wide, band = get_group_id(0) / panels, top = band * RK_BM,
          left = get_group_id(0) % panels * RK_BN;
    if (left >= columns) return;
    __global const int2 *tap = (__global const int2 *)(words + tap_at) + first,
                        *where = tap + taps;
    __global const float4 *weights =
        (__global const float4 *)(words + weights_at) + (band * taps + first) * QUADS + quad;
    ulong mine = min(left + column, columns - 1), n = mine / (high * wide);
    uint rest = (uint)(mine - n * (high * wide)), down = rest / wide, right = rest - down * wide,
         mask = 0;
    int h = (int)down * step_h + shift_h, w = (int)right * step_w + shift_w;
    __global const float *x = (__global const float *)(in + in_at) +
                              n * ji * (ulong)((uint)in_h * (uint)in_w) + ((long)h * in_w + w);
    float acc[RK_TM][RK_TN], next_b[FETCH_B];
    float4 next_a[FETCH_A];
    for (uint i = 0; RK_EDGES == 1 && i * ci < words[first_at + f + 1] - first; i++)
        mask |= (uint)INSIDE(h + where[i].x, w + where[i].y) << i;
    rk_begin(acc);
#if RK_BLOCKS
    float sum[RK_TM][RK_TN];
    for (uint block = 0, begin = 0; block < blocks; block++) {
#else
    {
        uint begin = 0, block = 0;
#endif
        uint end = words[ends_at + f * blocks + block];
        for (uint from = begin, turn = 0; from < end + RK_BK; from += RK_BK, turn ^= 1) {
            if (from < end) {
                int2 at[FETCH_B];
#pragma unroll
                for (uint q = 0; q < FETCH_B; q++) {
                    uint p = from + tap_b + q * TAPS_B;
                    at[q] = tap[RK_TAIL ? min(p, end - 1) : p];
                }
#pragma unroll
                for (uint q = 0; q < FETCH_A; q++) {
                    uint p = tap_a + q * TAPS_A;
                    int is = (WHOLE_A | ((tap_a < TAPS_A) & (p < RK_BK))) &
                             (!RK_TAIL | (from + p < end));
                    next_a[q] = is ? weights[(from + p) * QUADS] : (float4)(-0.0f);
                }
#pragma unroll
                for (uint q = 0; q < FETCH_B; q++) {
                    uint p = from + tap_b + q * TAPS_B;
                    int is = !RK_TAIL | (p < end);
#if RK_EDGES == 1
                    is &= (mask & (uint)at[q].y) != 0;
#elif RK_EDGES
                    int2 to = where[RK_TAIL ? min(p, end - 1) : p];
                    is &= INSIDE(h + to.x, w + to.y);
#endif
                    next_b[q] = is ? x[at[q].x] : 0.0f;
                }
            }
            if (from > begin) rk_multiply(pool + (turn ^ 1) * SLICE, tx, ty, acc);
            if (from < end) {
                __local float *as = pool + turn * SLICE + tap_a * PITCH_A + quad * 4,
                              *bs = pool + turn * SLICE + SLICE_A + tap_b * PITCH_B + column;
#pragma unroll
                for (uint q = 0; q < FETCH_A; q++)
                    if (WHOLE_A || (tap_a < TAPS_A && tap_a + q * TAPS_A < RK_BK))
                        *(__local float4 *)(as + q * TAPS_A * PITCH_A) = next_a[q];
#pragma unroll
                for (uint q = 0; q < FETCH_B; q++) bs[q * TAPS_B * PITCH_B] = next_b[q];
            }
            barrier(CLK_LOCAL_MEM_FENCE);
        }
#if RK_BLOCKS
        begin = end;
        rk_end_block(acc, sum, block == 0);
    }
#else
    }
#endif
    ulong x2 = ((ulong)down * uh + a) * out_w + right * uw + b, x0 = n;
#pragma unroll
    for (uint i = 0; i < RK_TM; i += VM) {
        rk_lay_out(RESULT, i, tx, ty, pool);
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint t = item; t < BAND * RK_BN; t += GROUP) { /* of the same column */
            ulong x1 = top + i * RK_GY + t / RK_BN, pos = (x0 * jo + x1) * out_h * out_w + x2;
            if (x1 >= co || left + column >= columns) break;
            U in0 = as_uint(pool[t]);
            RK_BODY
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}
#endif
