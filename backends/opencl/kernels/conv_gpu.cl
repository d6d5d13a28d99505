/* CONV, gpu variant: the product of the weights, or of g, and a matrix of taps x positions that is
 * read from the input as tiles need it.  Tiles as in tile.cl. */

/* Loads are to be under way together, so no condition may become a branch: they are joined by &.
 * RK_TAIL: chains that end within a slice.  RK_EDGES: 0 if every tap is inside the input, 1 if a
 * position knows by a mask which are, 2 without the mask. */
#define INSIDE(h, w) (((uint)(h) < (uint)in_h) & ((uint)(w) < (uint)in_w))

#if RK_DW
/* Channels of g x taps; one block of positions.  Of both operands neighbours fetch neighbouring
 * positions; what is to be known of a tap waits in local memory: how far it is from a position, and
 * its row and column of the window, as bits of which a position has those inside the input
 * (RK_EDGES 1), or as numbers. */
#define LINES (GROUP / RK_BK)
#define FETCH_A ((RK_BM + LINES - 1) / LINES)
#define FETCH_B ((RK_BN + LINES - 1) / LINES)

/* Bits of the rows, or columns, of a window from `first` on that are from 0 to `in`. */
static inline uint rk_inside(int first, int window, int in)
{
    uint below = (1u << clamp(-first, 0, window)) - 1;
    return ((1u << clamp(in - first, 0, window)) - 1) & ~below;
}

__attribute__((reqd_work_group_size(GROUP, 1, 1)))
__kernel void conv_dw(__global const uchar *x_in, ulong x_at, __global const uchar *g_in,
                      ulong g_at, __global uchar *ws, ulong ws_at, ulong total, uint taps, uint ci,
                      uint co, uint jo, uint window_h, uint window_w, int in_h, int in_w,
                      uint out_h, uint out_w, int step_h, int step_w, int shift_h, int shift_w)
{
    POOL_OF_A_GROUP;
    __local int2 tap[RK_BN]; /* distance, bits */
#if RK_EDGES == 2
    __local RK_WHERE where[RK_BN]; /* row, column */
#endif
    __global const float *x = (__global const float *)(x_in + x_at),
                         *g = (__global const float *)(g_in + g_at);
    uint item = get_local_id(0), tx = ITEM_X(item), ty = ITEM_Y(item), out_plane = out_h * out_w,
         in_plane = (uint)in_h * (uint)in_w, panels = (taps + RK_BN - 1) / RK_BN,
         top = get_group_id(0) / panels * RK_BM, left = get_group_id(0) % panels * RK_BN,
         p = item % RK_BK, line = item / RK_BK, down = RK_BK / out_w, right = RK_BK % out_w;
    ulong block = get_global_id(1), start = block * RK_CONV_DW_BLOCK;
    uint len = (uint)min(total - start, (ulong)RK_CONV_DW_BLOCK);
    float acc[RK_TM][RK_TN], next_a[FETCH_A], next_b[FETCH_B];
    for (uint t = item; t < RK_BN; t += GROUP) {
        uint mine = min(left + t, taps - 1), rest = mine % (window_h * window_w);
        uint r = rest / window_w, s = rest % window_w;
        int h = (int)r + shift_h, w = (int)s + shift_w;
        tap[t].x = (int)(mine / (window_h * window_w) * in_plane) + h * in_w + w;
#if RK_EDGES == 2
        where[t].x = h, where[t].y = w;
#elif RK_EDGES
        tap[t].y = (int)(1u << r | 0x10000u << s);
#endif
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    ulong first = start + (p < len ? p : 0), n = first / out_plane;
    uint o = (uint)(first - n * out_plane), row = o / out_w, column = o - row * out_w;
    long step_down = (long)step_h * in_w, onward = down * step_down + (long)right * step_w,
         next_row = step_down - (long)out_w * step_w,
         next_image = (long)ci * in_plane - out_h * step_down,
         next_grad = ((long)jo - 1) * out_plane;
    __global const float *here = x + n * ci * in_plane + (row * step_down + (long)column * step_w),
                         *grad = g + (n * jo + top + line) * out_plane + o;
    __local const int2 *tap_of = tap + line;
    rk_places at_pool = rk_place(pool, p * PITCH_A + line, p * PITCH_B + line, tx, ty);
    rk_begin(acc);
    for (uint from = 0; from < len + RK_BK; from += RK_BK, rk_swing(&at_pool)) {
        if (from < len) {
            int valid = !RK_TAIL | (from + p < len), h = (int)row * step_h,
                w = (int)column * step_w;
            uint bits = RK_EDGES == 1 ? rk_inside(h + shift_h, (int)window_h, in_h) |
                                            rk_inside(w + shift_w, (int)window_w, in_w) << 16
                                      : 0;
#pragma unroll
            for (uint q = 0; q < FETCH_A; q++) {
                uint i = q * LINES;
                if (RK_RAGGED_A || RK_BM % LINES)
                    i = min(i + line, min(RK_BM - 1u, co - 1 - top)) - line;
                next_a[q] = valid ? grad[(long)(int)i * out_plane] : -0.0f;
            }
#pragma unroll
            for (uint q = 0; q < FETCH_B; q++) {
                uint j = q * LINES;
                if (RK_BN % LINES) j = min(j + line, RK_BN - 1u) - line;
                int inside = valid;
#if RK_EDGES == 1
                inside &= (bits & (uint)tap_of[(int)j].y) == (uint)tap_of[(int)j].y;
#elif RK_EDGES
                inside &= INSIDE(h + where[line + j].x, w + where[line + j].y);
#endif
                next_b[q] = inside ? here[tap_of[(int)j].x] : 0.0f;
            }
            column += right, row += down, here += onward, grad += RK_BK;
            if (column >= out_w) column -= out_w, row++, here += next_row;
            for (; row >= out_h; row -= out_h) here += next_image, grad += next_grad;
        }
        if (from) rk_multiply(&at_pool, tx, ty, acc);
        if (from < len) {
#pragma unroll
            for (uint q = 0; q < FETCH_A; q++)
                if (RK_BM % LINES == 0 || line + q * LINES < RK_BM)
                    at_pool.put_a[q * LINES] = next_a[q];
#pragma unroll
            for (uint q = 0; q < FETCH_B; q++)
                if (RK_BN % LINES == 0 || line + q * LINES < RK_BN)
                    at_pool.put_b[q * LINES] = next_b[q];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    __global float *part = (__global float *)(ws + ws_at) +
                           ((block * co + top + ROW_OF(0, ty)) * taps + left + COLUMN_OF(0, tx));
#pragma unroll
    for (uint i = 0; i < RK_TM; i++)
#pragma unroll
        for (uint j = 0; j < RK_TN; j++)
            if (top + ROW_OF(i, ty) < co && left + COLUMN_OF(j, tx) < taps)
                part[(ulong)(ROW_OF(i, ty) - ROW_OF(0, ty)) * taps + COLUMN_OF(j, tx) -
                     COLUMN_OF(0, tx)] = acc[i][j];
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

/* What a work-item puts into a slice, of a chain with `left` taps from there on; nothing is read of
 * x and the weights without `more`.  With RK_DIRECT it is put there at once. */
static inline void rk_fetch(const rk_places *to, int more, uint left, __global const int2 *tap_of,
                            __global const float4 *weight_of, __global const float *x, uint taps,
                            uint mask, int h, int w, int in_h, int in_w, uint tap_a, uint tap_b,
                            float4 *next_a, float *next_b)
{
    int2 at[FETCH_B];
#pragma unroll
    for (uint q = 0; q < FETCH_B; q++) at[q] = tap_of[q * TAPS_B];
#pragma unroll
    for (uint q = 0; q < FETCH_A; q++) {
        uint p = tap_a + q * TAPS_A;
        int is = more & (WHOLE_A | ((tap_a < TAPS_A) & (p < RK_BK))) & (!RK_TAIL | (p < left));
#if RK_DIRECT
        if (WHOLE_A || (tap_a < TAPS_A && p < RK_BK))
            rk_copy_4(to->put_a + q * TAPS_A * PITCH_A, weight_of + q * TAPS_A * QUADS, is);
#else
        next_a[q] = is ? weight_of[q * TAPS_A * QUADS] : (float4)(-0.0f);
#endif
    }
#pragma unroll
    for (uint q = 0; q < FETCH_B; q++) {
        int is = more & (!RK_TAIL | (tap_b + q * TAPS_B < left));
#if RK_EDGES == 1
        is &= (mask & (uint)at[q].y) != 0;
#elif RK_EDGES
        int2 spot = is ? tap_of[taps + q * TAPS_B] : (int2)(0, 0);
        is &= INSIDE(h + spot.x, w + spot.y);
#endif
#if RK_DIRECT
        rk_copy(to->put_b + q * TAPS_B * PITCH_B, x + at[q].x, is);
#else
        next_b[q] = is ? x[at[q].x] : 0.0f;
#endif
    }
}

static inline void rk_put(const rk_places *at, uint tap_a, const float4 *next_a,
                          const float *next_b)
{
#if !RK_DIRECT
#pragma unroll
    for (uint q = 0; q < FETCH_A; q++)
        if (WHOLE_A || (tap_a < TAPS_A && tap_a + q * TAPS_A < RK_BK))
            *(__local float4 *)(at->put_a + q * TAPS_A * PITCH_A) = next_a[q];
#pragma unroll
    for (uint q = 0; q < FETCH_B; q++) at->put_b[q * TAPS_B * PITCH_B] = next_b[q];
#endif
}

/* Channels of the result x positions of one of its phases in all images.  A work-item fetches taps
 * of one position, and weights that conv_pack laid beside each other. */
__attribute__((reqd_work_group_size(GROUP, 1, 1)))
__kernel void conv(__global const uchar *in, ulong in_at, __global const uchar *ws, ulong ws_at,
                   RK_PARAMS ulong first_at, ulong ends_at, ulong tap_at, ulong weights_at,
                   uint batch, uint panels, uint taps, uint ci, uint co, uint ji, uint jo,
                   int in_h, int in_w, uint out_h, uint out_w, uint uh, uint uw, int step_h,
                   int step_w, int shift_h, int shift_w, uint blocks)
{
    POOL_OF_A_GROUP;
    __local uint4 spots[RK_BN]; /* of columns: image, position, whether there is one, first row */
    __global const uint *words = (__global const uint *)(ws + ws_at);
    uint item = get_local_id(0), tx = ITEM_X(item), ty = ITEM_Y(item), f = (uint)get_global_id(1),
         a = f / uw, b = f % uw, high = (out_h - a + uh - 1) / uh, wide = (out_w - b + uw - 1) / uw,
         column = item % RK_BN, tap_b = item / RK_BN, quad = item % QUADS, tap_a = item / QUADS,
         first = words[first_at + f], columns = batch * high * wide, group = (uint)get_group_id(0),
         band = group / panels, left = (group - band * panels) * RK_BN;
    if (left >= columns) return;
    uint mine = min(left + column, columns - 1), n = mine / (high * wide),
         rest = mine - n * (high * wide), down = rest / wide, right = rest - down * wide, mask = 0;
    int h = (int)down * step_h + shift_h, w = (int)right * step_w + shift_w;
    __global const int2 *tap = (__global const int2 *)(words + tap_at) + first,
                        *where = tap + taps;
    __global const float4 *weights =
        (__global const float4 *)(words + weights_at) + ((ulong)band * taps + first) * QUADS;
    __global const float *x = (__global const float *)(in + in_at) +
                              (ulong)n * ji * ((uint)in_h * (uint)in_w) + ((long)h * in_w + w);
#if RK_EDGES == 1
    uint places = ci ? (words[first_at + f + 1] - first) / ci : 0;
#pragma unroll 8
    for (uint i = 0; i < places; i++)
        mask |= (uint)INSIDE(h + where[i].x, w + where[i].y) << i;
#endif
    if (item < RK_BN)
        spots[item] = (uint4)(n, (down * uh + a) * out_w + right * uw + b, left + column < columns,
                              band * RK_BM);
    float acc[RK_TM][RK_TN], next_b[FETCH_B];
    float4 next_a[FETCH_A];
    rk_places at_pool =
        rk_place(pool, tap_a * PITCH_A + quad * 4, tap_b * PITCH_B + column, tx, ty);
    rk_begin(acc);
#if RK_BLOCKS
    float sum[RK_TM][RK_TN];
    for (uint block = 0, begin = 0; block < blocks; block++) {
        uint len = words[ends_at + f * blocks + block] - begin;
#else
    {
        uint begin = 0, len = words[ends_at + f * blocks];
#endif
        /* Pointers go on from slice to slice, and what a work-item fetches is at constant distances
         * from them: addresses cost little beside the products. */
        __global const int2 *tap_of = tap + begin + tap_b;
        __global const float4 *weight_of = weights + (ulong)(begin + tap_a) * QUADS + quad;
        rk_fetch(&at_pool, len > 0, len, tap_of, weight_of, x, taps, mask, h, w, in_h, in_w, tap_a,
                 tap_b, next_a, next_b);
        rk_put(&at_pool, tap_a, next_a, next_b);
        rk_swing(&at_pool);
        RK_ARRIVED();
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint from = RK_BK; from < len + RK_BK; from += RK_BK, rk_swing(&at_pool)) {
            int more = from < len;
            x += taps >> 31; /* 0, but compilers would add up addresses anew for every load */
            tap_of += RK_BK;
            weight_of += RK_BK * QUADS;
            if (more | !RK_APART) /* apart: no compiler mixes it with the products */
                rk_fetch(&at_pool, more, len - from, tap_of, weight_of, x, taps, mask, h, w, in_h,
                         in_w, tap_a, tap_b, next_a, next_b);
            rk_multiply(&at_pool, tx, ty, acc);
            if (more) rk_put(&at_pool, tap_a, next_a, next_b);
            RK_ARRIVED();
            barrier(CLK_LOCAL_MEM_FENCE);
        }
#if RK_BLOCKS
        begin += len;
        rk_end_block(acc, sum, block == 0);
    }
#else
    }
#endif
    uint4 spot = spots[column];
    ulong x2 = spot.y, x0 = spot.x, plane = (ulong)out_h * out_w;
#pragma unroll
    for (uint i = 0; i < RK_TM; i++) {
        if (BEFORE(RK_TM, i) != i) continue;
        rk_lay_out(RESULT, i, tx, ty, pool);
        barrier(CLK_LOCAL_MEM_FENCE);
        ulong x1 = spot.w + i * RK_GY + tap_b, pos = (x0 * jo + x1) * plane + x2;
        uint rows = spot.z ? min((uint)BAND(i), max(co, (uint)x1) - (uint)x1 + tap_b) : 0;
        BAND_UNROLL
        for (uint t = tap_b; t < rows; t += TAPS_B, x1 += TAPS_B, pos += TAPS_B * plane) {
            U in0 = as_uint(pool[t * PITCH_B + column]);
            RK_BODY
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}
#endif
