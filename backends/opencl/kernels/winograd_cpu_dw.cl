/* dw by Winograd's algorithm, cpu variant: see winograd_cpu.cl, whose products these are.  Products
 * sum over tiles, so vectors go along channels: planes are turned around, [row][column][channel],
 * with zeros around them, and all transforms are of whole vectors. */

/* `rows` rows of `wide` pixels of `channels` planes to out[place * ld + channel]; after each row
 * `gap` places are left. */
static inline void rk_turn_rows(__global float *out, uint ld, __global const float *in,
                                ulong stride, uint channels, uint rows, uint wide, uint gap)
{
    const uint n = rows * wide;
#pragma unroll 1
    for (uint v = 0; v < channels; v += RK_SQUARE) {
        __global const float *from = in + v * stride;
        const int whole = v + RK_SQUARE <= channels && n >= RK_SQUARE;
#pragma unroll 1
        for (uint q = 0; q < n; q += RK_SQUARE) {
            uint p = whole ? min(q, n - RK_SQUARE) : q, column = p % wide;
            __global float *to = out + (p + p / wide * gap) * ld + v;
            S x[RK_SQUARE];
            if (whole) {
#pragma unroll
                for (uint i = 0; i < RK_SQUARE; i++) x[i] = S_LOAD(from + i * stride + p);
                rk_transpose(x);
            }
            for (uint i = 0; i < min(n - p, (uint)RK_SQUARE); i++) {
                if (whole)
                    S_STORE(x[i], to);
                else
                    for (uint c = 0; c < RK_SQUARE; c++)
                        to[c] = v + c < channels ? from[c * stride + p + i] : 0.0f;
                to += ld;
                if (++column == wide) column = 0, to += gap * ld;
            }
        }
    }
}

/* A window of planes, turned around: `rows` rows of `width` places from (top, left) on; left is at
 * most 0, and columns of the plane end in it. */
static inline void rk_window(__global float *to, uint ld, __global const float *planes,
                             uint channels, long top, long left, uint rows, uint width, uint in_h,
                             uint in_w)
{
    const long high = max(top, 0l), low = min(top + rows, (long)in_h);
    const uint seen = low > high ? (uint)(low - high) : 0, gap = width - in_w;
    const uint before = seen ? (uint)(high - top) * width + (uint)-left : rows * width;
    rk_zero(to, before * ld);
    if (!seen) return;
    to += (ulong)before * ld;
    rk_turn_rows(to, ld, planes + high * in_w, (ulong)in_h * in_w, channels, seen, in_w, gap);
    for (uint r = 1; r < seen; r++) rk_zero(to + ((ulong)r * width - gap) * ld, gap * ld);
    uint end = seen * width - gap;
    rk_zero(to + (ulong)end * ld, (rows * width - before - end) * ld);
}

/* Points of the tiles of one image. */
static inline void rk_taps(__global float *to, ulong plane, __global const float *pixels, uint ld,
                           uint channels, uint rows, uint across, uint width)
{
    for (uint tile = 0; tile < rows * across; tile++, to += ld) {
        __global const float *at =
            pixels + (ulong)RK_TILE * (tile / across * width + tile % across) * ld;
#pragma unroll 1
        for (uint c = 0; c < channels; c += RK_WIDTH) {
            F d[RK_EDGE][RK_EDGE], v[RK_EDGE][RK_EDGE];
#pragma unroll
            for (uint i = 0; i < RK_EDGE; i++)
#pragma unroll
                for (uint j = 0; j < RK_EDGE; j++) d[i][j] = VLOAD(at + (i * width + j) * ld + c);
            rk_tile_to_points(d, v);
#pragma unroll
            for (uint p = 0; p < RK_POINTS; p++)
                VSTORE(v[p / RK_EDGE][p % RK_EDGE], to + p * plane + c);
        }
    }
}

static inline void rk_gradients(__global float *to, ulong plane, __global const float *pixels,
                                uint ld, uint channels, uint rows, uint across)
{
    const uint width = RK_TILE * across;
    for (uint tile = 0; tile < rows * across; tile++, to += ld) {
        __global const float *at =
            pixels + (ulong)RK_TILE * (tile / across * width + tile % across) * ld;
#pragma unroll 1
        for (uint c = 0; c < channels; c += RK_WIDTH) {
            F g[RK_TILE][RK_TILE], u[RK_EDGE][RK_EDGE];
#pragma unroll
            for (uint i = 0; i < RK_TILE; i++)
#pragma unroll
                for (uint j = 0; j < RK_TILE; j++) g[i][j] = VLOAD(at + (i * width + j) * ld + c);
            rk_gradient_tile(g, u);
#pragma unroll
            for (uint p = 0; p < RK_POINTS; p++)
                VSTORE(u[p / RK_EDGE][p % RK_EDGE], to + p * plane + c);
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
    ulong plane = (ulong)block * ld, plane_g = (ulong)block * ld_g, area = (ulong)in_h * in_w,
          area_g = (ulong)out_h * out_w;
    __global float *words = (__global float *)(ws + ws_at);
    __global float *taps = words + slots_at + get_global_id(0) * slot,
                   *weights = taps + RK_POINTS * plane, *pixels = weights + RK_POINTS * plane_g;
    for (task = atomic_inc(draw); task < tasks; task = atomic_inc(draw)) {
        uint segment = task / groups, c0 = task % groups * group, channels = min(group, ci - c0),
             lanes = (channels + NR - 1) / NR * NR, width = RK_TILE * across + 2;
        ulong first = segment * batch / segments, last = (segment + 1) * batch / segments;
        __global float *sums = words + ((ulong)segment * RK_POINTS * panels * RK_MR) * ld_sum + c0;
        for (ulong n = first; n < last; n += images)
            for (uint a = 0; a < down; a += rows) {
                uint high = min(rows, down - a), many = (uint)min((ulong)images, last - n);
                long top = (long)RK_TILE * a;
                for (uint i = 0; i < many; i++) {
                    __global const float *x = (__global const float *)(x_in + x_at) +
                                              ((n + i) * ci + c0) * area;
                    __global const float *g = (__global const float *)(g_in + g_at) +
                                              (n + i) * jo * area_g;
                    uint tile = i * high * across;
                    rk_window(pixels, ld, x, channels, top + shift_h, shift_w, RK_TILE * high + 2,
                              width, in_h, in_w);
                    rk_taps(taps + tile * ld, plane, pixels, ld, channels, high, across, width);
                    rk_window(pixels, ld_g, g, co, top, 0, RK_TILE * high, width - 2, out_h, out_w);
                    rk_gradients(weights + tile * ld_g, plane_g, pixels, ld_g, co, high, across);
                }
                for (uint p = 0; p < RK_POINTS; p++)
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
        F m[RK_EDGE][RK_EDGE], w[9];
        float lane[9][RK_WIDTH], line[9 * RK_WIDTH];
#pragma unroll
        for (uint p = 0; p < RK_POINTS; p++) {
            F sum = VLOAD(sums + p * point + c);
            for (uint s = 1; s < segments; s++)
                sum = sum + VLOAD(sums + (s * RK_POINTS + p) * point + c);
            m[p / RK_EDGE][p % RK_EDGE] = sum;
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
