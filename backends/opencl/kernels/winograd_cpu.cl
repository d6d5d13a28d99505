/* CONV of the fast tier by Winograd's algorithm, cpu variant; dw: winograd_cpu_dw.cl.
 *
 * A unit of work is some tiles with all their channels: it transforms their taps, multiplies them
 * with the transformed weights point by point, and transforms the products, in the memory of its
 * work-item, which stays in a second-level cache.  Vectors may write beyond what they should: what
 * is there is written later, or is room that nobody reads.
 *
 * Work-items draw units from a counter, which the last one resets, as in matmul.cl. */
#define NR (RK_NV * RK_WIDTH)
#define RK_ADDS (RK_DW || RK_TILE == 4)

/* to[i][j] = the products of column x, ld apart, and row w, ld_w apart, added up to what is there
 * unless `fresh`; RK_ADDS: of which the sum is added. */
static inline void rk_multiply(__global float *to, uint ld_to, __global const float *x, uint ld,
                               __global const float *w, uint ld_w, uint n, int fresh)
{
    F acc[RK_MR][RK_NV];
#pragma unroll
    for (uint i = 0; i < RK_MR; i++)
#pragma unroll
        for (uint v = 0; v < RK_NV; v++) {
            acc[i][v] = (F)(0.0f);
            if (!RK_ADDS && !fresh) acc[i][v] = VLOAD(to + i * ld_to + v * RK_WIDTH);
        }
#pragma unroll 1
    for (uint p = 0; p < n; p++, x += ld, w += ld_w) {
        F xv[RK_NV];
#pragma unroll
        for (uint v = 0; v < RK_NV; v++) xv[v] = VLOAD(x + v * RK_WIDTH);
#pragma unroll
        for (uint i = 0; i < RK_MR; i++) {
            F wv = (F)(w[i]);
#pragma unroll
            for (uint v = 0; v < RK_NV; v++) acc[i][v] = fma(xv[v], wv, acc[i][v]);
        }
    }
#pragma unroll
    for (uint i = 0; i < RK_MR; i++)
#pragma unroll
        for (uint v = 0; v < RK_NV; v++) {
            __global float *at = to + i * ld_to + v * RK_WIDTH;
            VSTORE(RK_ADDS && !fresh ? VLOAD(at) + acc[i][v] : acc[i][v], at);
        }
}

#if !RK_DW
/* Channels that are added up at once. */
#if RK_TILE == 4
enum { DEPTH = RK_W4_CHAIN, COLUMNS = 12, STRIP = 1 };
#else
enum { DEPTH = 384, COLUMNS = 8, STRIP = 2 }; /* so that a panel stays near */

/* Elements 2 k + j of a row. */
static inline void rk_phases(__global const float *from, F *d)
{
#if RK_WIDTH == 1
    for (uint j = 0; j < 4; j++) d[j] = from[j];
#else
    F a = VLOAD(from), b = VLOAD(from + RK_WIDTH), c = VLOAD(from + 2),
      e = VLOAD(from + RK_WIDTH + 2);
    d[0] = (F)(a.even, b.even);
    d[1] = (F)(a.odd, b.odd);
    d[2] = (F)(c.even, e.even);
    d[3] = (F)(c.odd, e.odd);
#endif
}

/* The taps of `rows` rows of tiles of one plane, from (h, w) on, to points, `plane` apart: along w,
 * where rows are kept by phase, so that what a tile needs of the rows below it is at a constant
 * distance, then along h. */
static inline void rk_taps(__global float *to, ulong plane, __global const float *x,
                           __global float *lines, __global float *column, uint pitch, uint rows,
                           uint across, long h, long w, uint in_h, uint in_w)
{
    uint period = 2 * across + 2;
    F d[4], v[4];
    rk_fill(lines, x, 2 * rows + 2, period, period, 2 * RK_WIDTH, h, w, 1, 1, in_h, in_w);
#pragma unroll 1
    for (uint r = 0; r < 2 * rows + 2; r++) {
        __global float *at = column + r % 2 * pitch + r / 2 * across;
#pragma unroll 1
        for (uint t = 0; t < across; t += RK_WIDTH) {
            rk_phases(lines + r * period + 2 * t, d);
            rk_to_points(d, v);
#pragma unroll
            for (uint j = 0; j < 4; j++) VSTORE(v[j], at + 2 * j * pitch + t);
        }
    }
#pragma unroll 1
    for (uint j = 0; j < 4; j++) {
        __global const float *from = column + 2 * j * pitch;
#pragma unroll 1
        for (uint t = 0; t < rows * across; t += RK_WIDTH) {
#pragma unroll
            for (uint i = 0; i < 4; i++) d[i] = VLOAD(from + i % 2 * pitch + i / 2 * across + t);
            rk_to_points(d, v);
#pragma unroll
            for (uint i = 0; i < 4; i++) VSTORE(v[i], to + (4 * i + j) * plane + t);
        }
    }
}

/* Likewise of `many` rows of tiles, counted through all images, of the plane at `from`. */
static inline void rk_take(__global float *to, ulong plane, __global const float *x, long from,
                           long image, long all, __global float *lines, __global float *column,
                           uint pitch, ulong first, uint many, uint down, uint across, long shift_h,
                           long shift_w, uint in_h, uint in_w)
{
#pragma unroll 1
    for (uint q = 0, rows; q < many; q += rows) {
        long image_n = (long)((first + q) / down);
        uint a = (first + q) % down;
        rows = min(down - a, many - q);
        rk_taps(to + q * across, plane, x + (from + image_n * image), lines, column, pitch, rows,
                across, 2l * a + shift_h, shift_w, in_h, in_w);
    }
}

/* Products of tiles of one channel to rows of results, those of the k-th of a tile at k pitch. */
static inline void rk_results(__global float *strip, uint pitch, __global const float *from,
                              ulong plane, uint tiles)
{
#pragma unroll 1
    for (uint t = 0; t < tiles; t += RK_WIDTH) {
        F m[4][4], y[2][2];
#pragma unroll
        for (uint p = 0; p < 16; p++) m[p / 4][p % 4] = VLOAD(from + p * plane + t);
        rk_tile_from_points(m, y);
        rk_zip(y[0][0], y[0][1], strip + 2 * t);
        rk_zip(y[1][0], y[1][1], strip + pitch + 2 * t);
    }
}

/* The weights of one channel of the sum to all points of RK_MR channels of the result. */
static inline void rk_column(__global float *to, ulong plane, __global const float *w, ulong step,
                             uint rows, uint turned, uint room)
{
    for (uint i = 0; i < RK_MR; i++) {
        float u[RK_POINTS];
        if (i < rows) rk_kernel_to_points(w + i * step, turned, u);
        for (uint p = 0; p < RK_POINTS; p++) to[p * plane + i] = i < rows ? u[p] : 0.0f;
    }
}
#endif

/* RK_MR channels of the result beside each other, those of the sum one after the other, panels,
 * points; a work-item does a panel. */
ONE __kernel void winograd_weights(__global const uchar *w_in, ulong w_at, __global uchar *ws,
                                   ulong ws_at, ulong out_weight, ulong in_weight, uint ci,
                                   uint co, uint turned)
{
    ulong panel = get_global_id(0), plane = get_global_size(0) * ci * RK_MR;
    __global const float *w = (__global const float *)(w_in + w_at) + panel * RK_MR * out_weight;
    __global float *to = (__global float *)(ws + ws_at) + panel * ci * RK_MR;
    uint rows = min(co - (uint)panel * RK_MR, (uint)RK_MR);
    for (uint l = 0; l < ci; l++, w += in_weight, to += RK_MR)
        rk_column(to, plane, w, out_weight, rows, turned, (ci - l) * RK_MR);
}

/* `high` rows of `wide` results from rows of tiles. */
static inline void rk_rows(__global float *line, __global const float *strip, uint pitch,
                           uint across, uint high, uint wide)
{
#pragma unroll 1
    for (uint r = 0; r < high; r++) {
        __global const float *row = strip + r % RK_TILE * pitch + r / RK_TILE * RK_TILE * across;
#pragma unroll 1
        for (uint e = 0; e < wide; e += RK_WIDTH) VSTORE(VLOAD(row + e), line + r * wide + e);
    }
}

/* A unit is some rows of tiles, counted through all images. */
ONE __kernel void winograd(__global const uchar *in, ulong in_at, __global uchar *ws, ulong ws_at,
                           __global uchar *counter, ulong counter_at, RK_PARAMS ulong slots_at,
                           ulong slot, ulong product_at, ulong lines_at, ulong column_at,
                           ulong batch, long shift_h, long shift_w, uint ci, uint co, uint ji,
                           uint jo, uint in_h, uint in_w, uint out_h, uint out_w, uint down,
                           uint across, uint most, uint ld, uint pitch, uint tasks)
{
    volatile __global uint *draw = (volatile __global uint *)(counter + counter_at);
    __global float *words = (__global float *)(ws + ws_at);
    uint panels = (co + RK_MR - 1) / RK_MR, task;
    ulong plane = (ulong)ci * ld, plane_to = (ulong)panels * RK_MR * ld;
    long area = (long)in_h * in_w, image = ji * area;
    __global float *taps = words + slots_at + get_global_id(0) * slot,
                   *product = taps + product_at, *lines = taps + lines_at,
                   *column = taps + column_at, *line = column + COLUMNS * pitch;
    for (task = atomic_inc(draw); task < tasks; task = atomic_inc(draw)) {
        ulong start = (ulong)task * most;
        uint many = (uint)min((ulong)most, batch * down - start), tiles = many * across;
        for (uint l = 0; l < ci; l++)
            rk_take(taps + (ulong)l * ld, plane, (__global const float *)(in + in_at), l * area,
                    image, (long)(batch - 1) * image + ci * area, lines, column, pitch, start, many,
                    down, across, shift_h, shift_w, in_h, in_w);
        for (uint p = 0; p < RK_POINTS; p++)
            for (uint l = 0; l < ci; l += DEPTH)
                for (uint j = 0; j < tiles; j += NR)
                    for (uint q = 0; q < panels; q++)
                        rk_multiply(product + p * plane_to + (ulong)q * RK_MR * ld + j, ld,
                                    taps + p * plane + (ulong)l * ld + j, ld,
                                    words + (((ulong)p * panels + q) * ci + l) * RK_MR, RK_MR,
                                    min(ci - l, (uint)DEPTH), l == 0);
        for (uint k = 0; k < co; k++) {
            rk_results(column, STRIP * pitch, product + (ulong)k * ld, plane_to, tiles);
            for (uint q = 0, rows; q < many; q += rows) {
                ulong x0 = (start + q) / down, x1 = k;
                uint a = (start + q) % down, first = RK_TILE * a * out_w;
                rows = min(down - a, many - q);
                uint count = min(RK_TILE * rows, out_h - RK_TILE * a) * out_w;
                rk_rows(line, column + RK_TILE * q * across, STRIP * pitch, across, count / out_w,
                        out_w);
#pragma unroll 1
                for (uint e = 0; e < count; e += RK_WIDTH) {
                    ulong x2 = first + e, pos = (x0 * jo + x1) * out_h * out_w + x2;
                    uint rem = min(count - e, (uint)RK_WIDTH);
                    U in0 = AS_U(VLOAD(line + e));
                    RK_BODY
                }
            }
        }
    }
    if (task == tasks + (uint)get_global_size(0) - 1) atomic_xchg(draw, 0u);
}
#endif
