/* MATMUL.  Every element of the result is one fma chain over k, ascending; tiles, packing and
 * threads decide only which elements are computed together. */

#if RK_CPU
/* A work-item computes `height` panels of RK_MR rows of one panel of NR columns, in slices of RK_KC
 * along k: it packs a slice of b into its own memory, which stays in a first-level cache, and keeps
 * unfinished chains there between slices.  RK_TALL is the greatest height.
 *
 * Work-items draw tasks from a counter, which the last one resets: drivers hand out work-groups in
 * large runs, too coarse for few and long tasks. */
#define NR (RK_NV * RK_WIDTH)
#define LINE 16 /* floats of a cache line */

/* out[p][j] = b's element (from + p, left + j) for p < deep; beyond column n there is
 * something that nobody uses. */
static inline void rk_pack(__global const float *b, float *out, ulong n, ulong k, ulong left,
                           ulong from, uint deep)
{
#if RK_TB
#pragma unroll 1
    for (uint v = 0; v < NR; v += RK_SQUARE) {
        ulong first = min(left + v, n - 1);
        __global const float *rows = b + first * k + from;
        uint last = (uint)min(n - 1 - first, (ulong)RK_SQUARE - 1);
#pragma unroll 1
        for (uint p = 0; p < deep; p += RK_SQUARE) {
            if (deep < RK_SQUARE) {
                for (uint q = 0; q < deep; q++)
                    for (uint i = 0; i < RK_SQUARE; i++)
                        out[q * NR + v + i] = rows[min(i, last) * k + q];
                continue;
            }
            uint at = min(p, deep - RK_SQUARE); /* the last square repeats a part of another */
            S x[RK_SQUARE];
#pragma unroll
            for (uint i = 0; i < RK_SQUARE; i++) x[i] = S_LOAD(rows + min(i, last) * k + at);
            rk_transpose(x);
#pragma unroll
            for (uint i = 0; i < RK_SQUARE; i++) S_STORE(x[i], out + (at + i) * NR + v);
        }
    }
#else
    __global const float *row = b + from * n + left;
    uint whole = (uint)min(n - left, (ulong)NR) / RK_WIDTH * RK_WIDTH;
    if (whole == NR) {
#pragma unroll 1
        for (uint p = 0; p < deep; p++, row += n)
#pragma unroll
            for (uint v = 0; v < NR; v += RK_WIDTH) VSTORE(VLOAD(row + v), out + p * NR + v);
    } else {
#pragma unroll 1
        for (uint p = 0; p < deep; p++, row += n) {
            for (uint v = 0; v < whole; v += RK_WIDTH) VSTORE(VLOAD(row + v), out + p * NR + v);
            for (uint j = whole; j < NR; j++) out[p * NR + j] = left + j < n ? row[j] : 0.0f;
        }
    }
#endif
}

ONE __kernel void matmul(__global const uchar *a_in, ulong a_at, __global const uchar *b_in,
                         ulong b_at, __global uchar *counter, ulong counter_at, RK_PARAMS ulong m,
                         ulong n, ulong k, ulong a_batch, ulong b_batch, uint height, uint tasks)
{
    volatile __global uint *draw = (volatile __global uint *)(counter + counter_at);
    uint row_panels = (uint)((m + RK_MR - 1) / RK_MR), groups = (row_panels + height - 1) / height,
         panels = (uint)((n + NR - 1) / NR), task;
    float packed[RK_KC * NR];
    F chain[RK_TALL][RK_MR * RK_NV];
#if RK_BLOCKS
    F total[RK_TALL][RK_MR * RK_NV];
#endif
    for (task = atomic_inc(draw); task < tasks; task = atomic_inc(draw)) {
        uint row_group = task % groups, rest = task / groups, first = row_group * height,
             last = min(first + height, row_panels);
        ulong x0 = rest / panels, left = (ulong)(rest % panels) * NR;
        __global const float *a = (__global const float *)(a_in + a_at) + x0 * a_batch;
        __global const float *b = (__global const float *)(b_in + b_at) + x0 * b_batch;
        for (ulong from = 0; from == 0 || from < k; from += RK_KC) {
            uint deep = (uint)min(k - from, (ulong)RK_KC);
            rk_pack(b, packed, n, k, left, from, deep);
            for (uint panel = first; panel < last; panel++) {
                F acc[RK_MR][RK_NV], *kept = chain[panel - first];
                __global const float *at[RK_MR];
                const float *bp = packed;
                ulong row = (ulong)panel * RK_MR;
                int fresh = from % (RK_BLOCKS ? RK_MATMUL_BLOCK : ULONG_MAX) == 0;
#pragma unroll
                for (uint i = 0; i < RK_MR; i++) {
                    ulong r = min(row + i, m - 1);
                    at[i] = a + (RK_TA ? from * m + r : r * k + from);
#pragma unroll
                    for (uint v = 0; v < RK_NV; v++)
                        acc[i][v] = fresh ? (F)(0.0f) : kept[i * RK_NV + v];
                }
                ulong step = RK_TA ? m : 1;
                if (from + RK_KC >= k) { /* rows are far apart: no processor foresees them */
#pragma unroll 1
                    for (uint i = 0; i < RK_MR; i++)
#pragma unroll
                        for (uint v = 0; v < NR + LINE; v += LINE) {
                            ulong x1 = row + i, x2 = left + min(v, (uint)NR - 1);
                            RK_SOON
                        }
                }
#pragma unroll 1
                for (ulong p = 0; p < deep; p++) {
                    F bv[RK_NV];
#pragma unroll
                    for (uint v = 0; v < RK_NV; v++) bv[v] = VLOAD(bp + v * RK_WIDTH);
#pragma unroll
                    for (uint i = 0; i < RK_MR; i++) {
                        F av = (F)(at[i][p * step]);
#pragma unroll
                        for (uint v = 0; v < RK_NV; v++) acc[i][v] = fma(av, bv[v], acc[i][v]);
                    }
                    bp += NR;
                }
#pragma unroll
                for (uint i = 0; i < RK_MR; i++)
#pragma unroll
                    for (uint v = 0; v < RK_NV; v++) kept[i * RK_NV + v] = acc[i][v];
#if RK_BLOCKS
                if ((from + RK_KC) % RK_MATMUL_BLOCK == 0 || from + RK_KC >= k) {
                    F *sum = total[panel - first];
                    for (uint i = 0; i < RK_MR * RK_NV; i++)
                        sum[i] = from < RK_MATMUL_BLOCK ? kept[i] : sum[i] + kept[i];
                    kept = sum;
                }
#endif
                if (from + RK_KC < k) continue;
#pragma unroll 1
                for (uint i = 0; i < RK_MR * RK_NV; i++) {
                    ulong x1 = row + i / RK_NV, x2 = left + i % RK_NV * RK_WIDTH,
                          pos = (x0 * m + x1) * n + x2;
                    if (x1 >= m || x2 >= n) continue;
                    uint rem = (uint)min(n - x2, (ulong)RK_WIDTH);
                    U in0 = AS_U(kept[i]);
                    RK_BODY
                }
            }
        }
    }
    if (task == tasks + (uint)get_global_size(0) - 1) atomic_xchg(draw, 0u);
}
#else
/* Tiles as in tile.cl.  Work-items fetch elements that lie beside each other in memory. */
#define FETCH_A ((RK_BM * RK_BK + GROUP - 1) / GROUP)
#define FETCH_B (RK_BN * RK_BK / GROUP)
#define LOOSE (RK_BM * RK_BK % GROUP != 0)

/* Line and place in the slice of the q-th element that a work-item fetches: neighbours fetch
 * neighbours in memory, which lie along k, or along the lines if turned. */
static inline uint2 rk_spot(uint item, uint q, uint lines, int turned)
{
    if (!turned) return (uint2)(item / RK_BK + q * (GROUP / RK_BK), item % RK_BK);
    if (GROUP % lines == 0) return (uint2)(item % lines, item / lines + q * (GROUP / lines));
    return (uint2)((item + q * GROUP) % lines, (item + q * GROUP) / lines);
}

/* The q-th element of a slice of [lines][k], or of [k][lines] if turned, from the first one's place
 * on; `past` beyond the end of chains, anything beyond the last line, of which nobody uses the
 * results.  RK_TAIL, ragged: chains end within a slice, lines within a tile; a load may also be
 * beyond both if a slice of a is no multiple of the group.  No condition is a branch: loads are to
 * be under way together. */
static inline float rk_fetch(__global const float *first, uint item, uint q, uint lines, uint pitch,
                             uint many, uint deep, int turned, int ragged, float past)
{
    uint2 at = rk_spot(item, q, lines, turned), start = rk_spot(item, 0, lines, turned);
    int is = (!(RK_TAIL | LOOSE) | (at.y < deep)) & (!(ragged | LOOSE) | (at.x < many)), line, p;
    if (turned && GROUP % lines == 0)
        line = 0, p = (int)(q * (GROUP / lines));
    else if (turned)
        line = (int)at.x - (int)start.x, p = (int)at.y - (int)start.y;
    else
        line = (int)(q * (GROUP / RK_BK)), p = 0;
    return is ? first[turned ? (long)p * pitch + line : (long)line * pitch + p] : past;
}

__attribute__((reqd_work_group_size(GROUP, 1, 1)))
__kernel void matmul(__global const uchar *a_in, ulong a_at, __global const uchar *b_in, ulong b_at,
                     RK_PARAMS ulong a_batch, ulong b_batch, uint m, uint n, uint k)
{
    POOL_OF_A_GROUP;
    uint item = get_local_id(0), tx = ITEM_X(item), ty = ITEM_Y(item),
         panels = (n + RK_BN - 1) / RK_BN, group = (uint)get_group_id(0),
         top = group / panels * RK_BM, left = group % panels * RK_BN, pitch_a = RK_TA ? m : k,
         pitch_b = RK_TB ? k : n;
    uint2 spot_a = rk_spot(item, 0, RK_BM, RK_TA), spot_b = rk_spot(item, 0, RK_BN, !RK_TB);
    ulong x0 = get_global_id(1);
    __global const float *a = (__global const float *)(a_in + a_at) + x0 * a_batch +
                              (RK_TA ? (ulong)spot_a.y * m + top + spot_a.x
                                     : (ulong)(top + spot_a.x) * k + spot_a.y);
    __global const float *b = (__global const float *)(b_in + b_at) + x0 * b_batch +
                              (RK_TB ? (ulong)(left + spot_b.x) * k + spot_b.y
                                     : (ulong)spot_b.y * n + left + spot_b.x);
    float acc[RK_TM][RK_TN], next_a[FETCH_A], next_b[FETCH_B];
#if RK_BLOCKS
    float sum[RK_TM][RK_TN];
#define RESULT sum
#else
#define RESULT acc
#endif
    rk_places at_pool = rk_place(pool, spot_a.y * PITCH_A + spot_a.x,
                                 spot_b.y * PITCH_B + spot_b.x, tx, ty);
    rk_begin(acc);
    for (uint from = 0; from < k + RK_BK; from += RK_BK, rk_swing(&at_pool)) {
        if (from < k) {
#pragma unroll
            for (uint q = 0; q < FETCH_A; q++)
                next_a[q] = rk_fetch(a, item, q, RK_BM, pitch_a, m - top, k - from, RK_TA,
                                     RK_RAGGED_A, -0.0f);
#pragma unroll
            for (uint q = 0; q < FETCH_B; q++)
                next_b[q] = rk_fetch(b, item, q, RK_BN, pitch_b, n - left, k - from, !RK_TB,
                                     RK_RAGGED_B, 0.0f);
            a += RK_TA ? (ulong)RK_BK * m : RK_BK;
            b += RK_TB ? RK_BK : (ulong)RK_BK * n;
        }
        if (from) {
            rk_multiply(&at_pool, tx, ty, acc);
#if RK_BLOCKS
            if (from % RK_MATMUL_BLOCK == 0 || from >= k)
                rk_end_block(acc, sum, from <= RK_MATMUL_BLOCK);
#endif
        }
        if (from < k) {
#pragma unroll
            for (uint q = 0; q < FETCH_A; q++) {
                uint2 at = rk_spot(item, q, RK_BM, RK_TA);
                if (!LOOSE || item + q * GROUP < RK_BM * RK_BK)
                    at_pool.put_a[(int)(at.y * PITCH_A + at.x) -
                                  (int)(spot_a.y * PITCH_A + spot_a.x)] = next_a[q];
            }
#pragma unroll
            for (uint q = 0; q < FETCH_B; q++) {
                uint2 at = rk_spot(item, q, RK_BN, !RK_TB);
                at_pool.put_b[(int)(at.y * PITCH_B + at.x) -
                              (int)(spot_b.y * PITCH_B + spot_b.x)] = next_b[q];
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
#pragma unroll
    for (uint i = 0; i < RK_TM; i++) {
        if (BEFORE(RK_TM, i) != i) continue;
        rk_lay_out(RESULT, i, tx, ty, pool);
        barrier(CLK_LOCAL_MEM_FENCE);
        uint line = top + i * RK_GY, rows = min((uint)BAND(i), max(m, line) - line);
        ulong x1 = line + item / RK_BN, x2 = left + item % RK_BN, pos = (x0 * m + x1) * n + x2;
        if (x2 >= n) rows = 0;
        BAND_UNROLL
        for (uint t = item / RK_BN; t < rows;
             t += GROUP / RK_BN, x1 += GROUP / RK_BN, pos += (ulong)(GROUP / RK_BN) * n) {
            U in0 = as_uint(pool[t * PITCH_B + item % RK_BN]);
            RK_BODY
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}
#endif
