/* CONV of the fast tier by Winograd's algorithm, cpu variant; RK_DW: dw.
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

#if RK_DW
/* Points of the tiles of one image, from pixels[place][channel]: place 0 is row `low` of the plane,
 * column 0.  A tile's first pixel is at rows top + 2 a, columns left + 2 b; zero outside. */
static inline void rk_taps(__global float *to, ulong plane, __global const float *pixels,
                           __global const float *zeros, uint ld, uint lanes, uint rows,
                           uint across, long top, long left, long low, uint in_h, uint in_w)
{
    for (uint tile = 0; tile < rows * across; tile++, to += ld) {
        long h = top + 2 * (tile / across), w = left + 2 * (tile % across);
        __global const float *at[4][4];
#pragma unroll
        for (uint i = 0; i < 4; i++)
#pragma unroll
            for (uint j = 0; j < 4; j++) {
                int inside = h + i >= 0 && h + i < in_h && w + j >= 0 && w + j < in_w;
                at[i][j] = inside ? pixels + (ulong)((h + i - low) * in_w + w + j) * ld : zeros;
            }
#pragma unroll 1
        for (uint c = 0; c < lanes; c += RK_WIDTH) {
            F d[4][4], v[4][4];
#pragma unroll
            for (uint p = 0; p < 16; p++) d[p / 4][p % 4] = VLOAD(at[p / 4][p % 4] + c);
            rk_tile_to_points(d, v);
#pragma unroll
            for (uint p = 0; p < 16; p++) VSTORE(v[p / 4][p % 4], to + p * plane + c);
        }
    }
}

/* The same of gradients; pixels begin with the first row of tiles. */
static inline void rk_gradients(__global float *to, ulong plane, __global const float *pixels,
                                __global const float *zeros, uint ld, uint lanes, uint rows,
                                uint across, uint high, uint wide)
{
    for (uint tile = 0; tile < rows * across; tile++, to += ld) {
        uint h = 2 * (tile / across), w = 2 * (tile % across);
        __global const float *at[4];
#pragma unroll
        for (uint p = 0; p < 4; p++) {
            uint y = h + p / 2, x = w + p % 2;
            at[p] = y < high && x < wide ? pixels + (y * wide + x) * ld : zeros;
        }
#pragma unroll 1
        for (uint c = 0; c < lanes; c += RK_WIDTH) {
            F g[2][2], u[4][4];
#pragma unroll
            for (uint p = 0; p < 4; p++) g[p / 2][p % 2] = VLOAD(at[p] + c);
            rk_gradient_tile(g, u);
#pragma unroll
            for (uint p = 0; p < 16; p++) VSTORE(u[p / 4][p % 4], to + p * plane + c);
        }
    }
}

/* A unit is a segment of the images and some channels of x.  It adds what blocks of tiles give, in
 * their order, into sums[segment][point][channel of g][channel of x]. */
ONE __kernel void winograd_dw(__global const uchar *x_in, ulong x_at, __global const uchar *g_in,
                              ulong g_at, __global uchar *ws, ulong ws_at, __global uchar *counter,
                              ulong counter_at, ulong slots_at, ulong slot, ulong batch,
                              long shift_h, long shift_w, uint ci, uint co, uint jo, uint in_h,
                              uint in_w, uint out_h, uint out_w, uint down, uint across,
                              uint segments, uint group, uint groups, uint images, uint rows,
                              uint ld, uint ld_g, uint ld_sum, uint tasks)
{
    volatile __global uint *draw = (volatile __global uint *)(counter + counter_at);
    uint block = images * rows * across, panels = (co + RK_MR - 1) / RK_MR, task;
    ulong plane = (ulong)block * ld, plane_g = (ulong)block * ld_g;
    __global float *words = (__global float *)(ws + ws_at);
    __global float *taps = words + slots_at + get_global_id(0) * slot, *weights = taps + 16 * plane,
                   *zeros = weights + 16 * plane_g, *pixels = zeros + max(ld, ld_g);
    rk_zero(zeros, max(ld, ld_g));
    for (task = atomic_inc(draw); task < tasks; task = atomic_inc(draw)) {
        uint segment = task / groups, c0 = task % groups * group, channels = min(group, ci - c0),
             lanes = (channels + NR - 1) / NR * NR;
        ulong first = segment * batch / segments, last = (segment + 1) * batch / segments;
        __global float *sums = words + ((ulong)segment * 16 * panels * RK_MR) * ld_sum + c0;
        for (ulong n = first; n < last; n += images)
            for (uint a = 0; a < down; a += rows) {
                uint high = min(rows, down - a), many = (uint)min((ulong)images, last - n);
                long top = 2l * a + shift_h, low = max(top, 0l),
                     end = min(top + 2 * high + 2, (long)in_h);
                uint seen = min(2 * high, out_h - 2 * a);
                for (uint i = 0; i < many; i++) {
                    __global const float *x = (__global const float *)(x_in + x_at) +
                                              ((n + i) * ci + c0) * in_h * in_w;
                    __global const float *g = (__global const float *)(g_in + g_at) +
                                              (n + i) * jo * out_h * out_w;
                    uint tile = i * high * across;
                    if (end > low)
                        rk_turn(pixels, ld, (channels + RK_SQUARE - 1) / RK_SQUARE * RK_SQUARE,
                                x + low * in_w, (ulong)in_h * in_w, (uint)(end - low) * in_w,
                                channels);
                    rk_taps(taps + tile * ld, plane, pixels, zeros, ld, channels, high, across,
                            top, shift_w, low, in_h, in_w);
                    rk_turn(pixels, ld_g, (co + RK_SQUARE - 1) / RK_SQUARE * RK_SQUARE,
                            g + 2ul * a * out_w, (ulong)out_h * out_w, seen * out_w, co);
                    rk_gradients(weights + tile * ld_g, plane_g, pixels, zeros, ld_g, co, high,
                                 across, seen, out_w);
                }
                for (uint p = 0; p < 16; p++)
                    for (uint j = 0; j < lanes; j += NR)
                        for (uint k = 0; k < panels * RK_MR; k += RK_MR)
                            rk_multiply(sums + (ulong)(p * panels * RK_MR + k) * ld_sum + j, ld_sum,
                                        taps + p * plane + j, ld, weights + p * plane_g + k, ld_g,
                                        many * high * across, n == first && a == 0);
            }
    }
    if (task == tasks + (uint)get_global_size(0) - 1) atomic_xchg(draw, 0u);
}

/* Segments added in their order, and transformed; a work-item does one channel of g. */
ONE __kernel void winograd_sum(__global const uchar *ws, ulong ws_at, RK_PARAMS uint ci, uint co,
                               uint segments, uint ld_sum)
{
    ulong x0 = get_global_id(0), point = (ulong)((co + RK_MR - 1) / RK_MR * RK_MR) * ld_sum;
    __global const float *sums = (__global const float *)(ws + ws_at) + x0 * ld_sum;
#pragma unroll 1
    for (uint c = 0; c < ci; c += RK_WIDTH) {
        F m[4][4], w[9];
        float lane[9][RK_WIDTH], line[9 * RK_WIDTH];
#pragma unroll
        for (uint p = 0; p < 16; p++) {
            F sum = VLOAD(sums + p * point + c);
            for (uint s = 1; s < segments; s++)
                sum = sum + VLOAD(sums + (s * 16 + p) * point + c);
            m[p / 4][p % 4] = sum;
        }
        rk_sums_to_weights(m, w);
#pragma unroll
        for (uint i = 0; i < 9; i++) VSTORE(w[i], lane[i]);
        for (uint i = 0; i < 9 * RK_WIDTH; i++) line[i] = lane[i % 9][i / 9];
        uint valid = 9 * min(ci - c, (uint)RK_WIDTH);
#pragma unroll 1
        for (uint e = 0; e < valid; e += RK_WIDTH) {
            ulong x1 = 9ul * c + e, pos = x0 * ci * 9 + x1;
            uint rem = min(valid - e, (uint)RK_WIDTH);
            U in0 = AS_U(VLOAD(line + e));
            RK_BODY
        }
    }
}
#else
/* Channels that are added up at once. */
#if RK_TILE == 4
enum { DEPTH = RK_W4_CHAIN, COLUMNS = 12 };
#else
enum { DEPTH = 384, COLUMNS = 8 }; /* so that a panel stays near */

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

static inline void rk_zip(F a, F b, __global float *to)
{
#if RK_WIDTH == 1
    to[0] = a;
    to[1] = b;
#else
    F low, high;
    low.even = a.lo;
    low.odd = b.lo;
    high.even = a.hi;
    high.odd = b.hi;
    VSTORE(low, to);
    VSTORE(high, to + RK_WIDTH);
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

/* Products of `rows` rows of tiles of one plane to `high` rows of `wide` results. */
static inline void rk_results(__global float *line, __global float *strip, uint pitch,
                              __global const float *from, ulong plane, uint rows, uint across,
                              uint high, uint wide)
{
#pragma unroll 1
    for (uint t = 0; t < rows * across; t += RK_WIDTH) {
        F m[4][4], y[2][2];
#pragma unroll
        for (uint p = 0; p < 16; p++) m[p / 4][p % 4] = VLOAD(from + p * plane + t);
        rk_tile_from_points(m, y);
        rk_zip(y[0][0], y[0][1], strip + 2 * t);
        rk_zip(y[1][0], y[1][1], strip + pitch + 2 * t);
    }
#pragma unroll 1
    for (uint r = 0; r < high; r++)
#pragma unroll 1
        for (uint e = 0; e < wide; e += RK_WIDTH)
            VSTORE(VLOAD(strip + r % 2 * pitch + r / 2 * 2 * across + e), line + r * wide + e);
}

#endif

/* RK_MR channels of the result beside each other, those of the sum one after the other, panels,
 * points; a work-item does a panel. */
ONE __kernel void winograd_weights(__global const uchar *w_in, ulong w_at, __global uchar *ws,
                                   ulong ws_at, ulong out_weight, ulong in_weight, uint ci,
                                   uint co, uint turned)
{
    ulong panel = get_global_id(0), plane = get_global_size(0) * ci * RK_MR;
    __global const float *w = (__global const float *)(w_in + w_at);
    __global float *to = (__global float *)(ws + ws_at) + panel * ci * RK_MR;
    for (uint l = 0; l < ci; l++)
        for (uint i = 0; i < RK_MR; i++, to++) {
            ulong k = panel * RK_MR + i;
            float u[RK_POINTS];
            if (k < co) rk_kernel_to_points(w + k * out_weight + l * in_weight, turned, u);
            for (uint p = 0; p < RK_POINTS; p++)
                to[p * plane] = k < co ? u[p] : 0.0f;
        }
}

/* A unit is a group of images, and a band of rows of their tiles. */
ONE __kernel void winograd(__global const uchar *in, ulong in_at, __global uchar *ws, ulong ws_at,
                           __global uchar *counter, ulong counter_at, RK_PARAMS ulong slots_at,
                           ulong slot, ulong product_at, ulong lines_at, ulong batch, long shift_h,
                           long shift_w, uint ci, uint co, uint ji, uint jo, uint in_h, uint in_w,
                           uint out_h, uint out_w, uint down, uint across, uint groups, uint bands,
                           uint rows, uint ld, uint pitch, uint tasks)
{
    volatile __global uint *draw = (volatile __global uint *)(counter + counter_at);
    __global float *words = (__global float *)(ws + ws_at);
    uint panels = (co + RK_MR - 1) / RK_MR, task;
    ulong plane = (ulong)ci * ld, plane_to = (ulong)panels * RK_MR * ld;
    __global float *taps = words + slots_at + get_global_id(0) * slot,
                   *product = taps + product_at, *lines = taps + lines_at,
                   *column = lines + (RK_TILE * rows + 2) * (RK_TILE * across + 2) + 4 * RK_WIDTH,
                   *line = column + COLUMNS * pitch;
    for (task = atomic_inc(draw); task < tasks; task = atomic_inc(draw)) {
        ulong group = task / bands, n = group * batch / groups;
        uint images = (uint)((group + 1) * batch / groups - n), a = task % bands * rows,
             high = min(rows, down - a), tiles = images * high * across;
        for (uint l = 0; l < ci; l++)
            for (uint i = 0; i < images; i++)
                rk_taps(taps + (ulong)l * ld + i * high * across, plane,
                        (__global const float *)(in + in_at) + ((n + i) * ji + l) * in_h * in_w,
                        lines, column, pitch, high, across, (long)RK_TILE * a + shift_h, shift_w,
                        in_h, in_w);
        for (uint p = 0; p < RK_POINTS; p++)
            for (uint l = 0; l < ci; l += DEPTH)
                for (uint j = 0; j < tiles; j += NR)
                    for (uint q = 0; q < panels; q++)
                        rk_multiply(product + p * plane_to + (ulong)q * RK_MR * ld + j, ld,
                                    taps + p * plane + (ulong)l * ld + j, ld,
                                    words + (((ulong)p * panels + q) * ci + l) * RK_MR, RK_MR,
                                    min(ci - l, (uint)DEPTH), l == 0);
        uint first = RK_TILE * a * out_w,
             count = min(RK_TILE * high, out_h - RK_TILE * a) * out_w;
        for (uint i = 0; i < images; i++)
            for (uint k = 0; k < co; k++) {
                ulong x0 = n + i, x1 = k;
                rk_results(line, column, RK_TILE == 4 ? pitch : 2 * pitch,
                           product + (ulong)k * ld + i * high * across, plane_to, high, across,
                           count / out_w, out_w);
#pragma unroll 1
                for (uint e = 0; e < count; e += RK_WIDTH) {
                    ulong x2 = first + e, pos = (x0 * jo + x1) * out_h * out_w + x2;
                    uint rem = min(count - e, (uint)RK_WIDTH);
                    U in0 = AS_U(VLOAD(line + e));
                    RK_BODY
                }
            }
    }
    if (task == tasks + (uint)get_global_size(0) - 1) atomic_xchg(draw, 0u);
}
#endif
