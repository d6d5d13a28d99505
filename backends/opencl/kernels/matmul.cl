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
/* A group computes a tile of BM x BN, a work-item TM x TN elements of it, BM / TM * BN / TN = 256;
 * slices of BK of both operands pass through local memory.  Elements of a work-item lie BM / TM
 * rows and BN / TN columns apart, so that neighbours read neighbouring words. */
#define GX (RK_BN / RK_TN)
#define GY (RK_BM / RK_TM)
__attribute__((reqd_work_group_size(256, 1, 1)))
__kernel void matmul(__global const uchar *a_in, ulong a_at, __global const uchar *b_in, ulong b_at,
                     RK_PARAMS ulong m, ulong n, ulong k, ulong a_batch, ulong b_batch)
{
    __local float as[RK_BK][RK_BM + 1], bs[RK_BK][RK_BN + 1];
    uint item = get_local_id(0), tx = item % GX, ty = item / GX;
    ulong panels = (n + RK_BN - 1) / RK_BN, x0 = get_global_id(1),
          top = get_group_id(0) / panels * RK_BM, left = get_group_id(0) % panels * RK_BN;
    __global const float *a = (__global const float *)(a_in + a_at) + x0 * a_batch;
    __global const float *b = (__global const float *)(b_in + b_at) + x0 * b_batch;
    float acc[RK_TM][RK_TN], sum[RK_TM][RK_TN];
#pragma unroll
    for (uint i = 0; i < RK_TM; i++)
#pragma unroll
        for (uint j = 0; j < RK_TN; j++) acc[i][j] = sum[i][j] = 0.0f;
    for (ulong from = 0; from < k; from += RK_BK) {
        for (uint t = item; t < RK_BM * RK_BK; t += 256) {
            uint i = RK_TA ? t % RK_BM : t / RK_BK, p = RK_TA ? t / RK_BM : t % RK_BK;
            ulong row = top + i, at = from + p;
            as[p][i] = row < m && at < k ? a[RK_TA ? at * m + row : row * k + at] : 0.0f;
        }
        for (uint t = item; t < RK_BN * RK_BK; t += 256) {
            uint j = RK_TB ? t / RK_BK : t % RK_BN, p = RK_TB ? t % RK_BK : t / RK_BN;
            ulong col = left + j, at = from + p;
            bs[p][j] = col < n && at < k ? b[RK_TB ? col * k + at : at * n + col] : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        uint deep = (uint)min(k - from, (ulong)RK_BK);
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
        barrier(CLK_LOCAL_MEM_FENCE);
        if (RK_BLOCKS && ((from + RK_BK) % RK_MATMUL_BLOCK == 0 || from + RK_BK >= k)) {
#pragma unroll
            for (uint i = 0; i < RK_TM; i++)
#pragma unroll
                for (uint j = 0; j < RK_TN; j++) {
                    sum[i][j] = from < RK_MATMUL_BLOCK ? acc[i][j] : sum[i][j] + acc[i][j];
                    acc[i][j] = 0.0f;
                }
        }
    }
#pragma unroll
    for (uint i = 0; i < RK_TM; i++)
#pragma unroll
        for (uint j = 0; j < RK_TN; j++) {
            ulong x1 = top + ty + i * GY, x2 = left + tx + j * GX, pos = (x0 * m + x1) * n + x2;
            if (x1 >= m || x2 >= n) continue;
            U in0 = as_uint(RK_BLOCKS ? sum[i][j] : acc[i][j]);
            RK_BODY
        }
}
#endif
