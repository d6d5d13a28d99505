/* Transforms of tiles of 4 x 4 of winograd_cpu.cl. */

/* Elements 4 k + j of a row, j < n. */
static inline void rk_phases(__global const float *from, F *d, uint n)
{
#if RK_WIDTH == 1
    for (uint j = 0; j < n; j++) d[j] = from[j];
#else
    F a = VLOAD(from), b = VLOAD(from + RK_WIDTH), c = VLOAD(from + 2 * RK_WIDTH),
      e = VLOAD(from + 3 * RK_WIDTH);
    F even_low = (F)(a.even, b.even), even_high = (F)(c.even, e.even);
    F odd_low = (F)(a.odd, b.odd), odd_high = (F)(c.odd, e.odd);
    d[0] = (F)(even_low.even, even_high.even);
    d[1] = (F)(odd_low.even, odd_high.even);
    if (n == 2) return;
    d[2] = (F)(even_low.odd, even_high.odd);
    d[3] = (F)(odd_low.odd, odd_high.odd);
#endif
}

static inline void rk_zip_4(F *y, __global float *to)
{
#if RK_WIDTH == 1
    for (uint j = 0; j < 4; j++) to[j] = y[j];
#else
    F even, odd, z;
#pragma unroll
    for (uint half_way = 0; half_way < 2; half_way++, to += 2 * RK_WIDTH) {
        even.even = half_way ? y[0].hi : y[0].lo;
        even.odd = half_way ? y[2].hi : y[2].lo;
        odd.even = half_way ? y[1].hi : y[1].lo;
        odd.odd = half_way ? y[3].hi : y[3].lo;
        z.even = even.lo;
        z.odd = odd.lo;
        VSTORE(z, to);
        z.even = even.hi;
        z.odd = odd.hi;
        VSTORE(z, to + RK_WIDTH);
    }
#endif
}

/* Lanes from the fifth on, and then others. */
#if RK_WIDTH == 16
#define SKIP_4(v) ((v).s456789abcdef0123)
#elif RK_WIDTH == 8
#define SKIP_4(v) ((v).s45670123)
#else
#define SKIP_4(v) (v)
#endif

/* Columns of six rows, the first of which is column w of a plane, to points along h. */
static inline void rk_columns(__global float *near, __global float *far, uint pitch,
                              __global const float *const *row, uint columns, int w, uint in_w)
{
#pragma unroll 1
    for (uint c = 0; c < columns; c += RK_WIDTH) {
        F d[6], v[6];
#pragma unroll
        for (uint r = 0; r < 6; r++)
            d[r] = PICK(LANES + (U)(w + c) < (U)(in_w), VLOAD(row[r] + c), (F)(0.0f));
        rk_w4_taps(d, v);
#pragma unroll
        for (uint i = 0; i < 6; i++) {
            VSTORE(v[i], near + i * pitch + c);
            VSTORE(c ? v[i] : SKIP_4(v[i]), far + i * pitch + max(c, 4u) - 4);
        }
    }
}

/* The taps of `many` rows of tiles, counted through all images, of the plane at `from`, to points,
 * `plane` apart: along h, and then along w.  In between the pixels of a row of tiles, 4 each, are
 * beside each other, and once more from the fifth on, where each tile finds the two that it shares
 * with the next: so vectors are full along w even if planes are small. */
static inline void rk_take(__global float *to, ulong plane, __global const float *x, long from,
                           long image, long all, __global float *lines, __global float *column,
                           uint pitch, ulong first, uint many, uint down, uint across, long shift_h,
                           long shift_w, uint in_h, uint in_w)
{
    const uint period = 4 * across + 2, whole = (period + RK_WIDTH - 1) / RK_WIDTH * RK_WIDTH;
    __global float *far = column + 6 * pitch, *zeros = lines + 6 * period + 2 * RK_WIDTH;
    uint a = first % down;
    F d[6], v[6];
    from += (long)(first / down) * image;
    rk_zero(zeros, whole);
#pragma unroll 1
    for (uint q = 0; q < many; q++) {
        const long top = 4l * a + shift_h, high = max(top, 0l), low = min(top + 6, (long)in_h);
        const long at = from + shift_w;
        __global const float *row[6];
        const int inside = at + high * in_w >= 0 && at + (low - 1) * in_w + whole <= all;
        if (!inside)
            rk_fill(lines, x + from, 6, period, period, 2 * RK_WIDTH, top, shift_w, 1, 1, in_h,
                    in_w);
#pragma unroll
        for (uint r = 0; r < 6; r++)
            if (!inside)
                row[r] = lines + r * period;
            else
                row[r] = top + r >= high && top + r < low ? x + (at + (top + r) * in_w) : zeros;
        rk_columns(column + 4 * q * across, far + 4 * q * across, pitch, row, period, (int)shift_w,
                   in_w);
        if (++a == down) a = 0, from += image;
    }
#pragma unroll 1
    for (uint i = 0; i < 6; i++) {
#pragma unroll 1
        for (uint t = 0; t < many * across; t += RK_WIDTH) {
            rk_phases(column + i * pitch + 4 * t, d, 4);
            rk_phases(far + i * pitch + 4 * t, d + 4, 2);
            rk_w4_taps(d, v);
#pragma unroll
            for (uint j = 0; j < 6; j++) VSTORE(v[j], to + (6 * i + j) * plane + t);
        }
    }
}

/* Products of tiles of one channel to rows of results, those of the k-th of a tile at k pitch. */
static inline void rk_results(__global float *strip, uint pitch, __global const float *from,
                              ulong plane, uint tiles)
{
#pragma unroll 1
    for (uint t = 0; t < tiles; t += RK_WIDTH) {
        F m[6][6], y[4][4];
#pragma unroll
        for (uint p = 0; p < 36; p++) m[p / 6][p % 6] = VLOAD(from + p * plane + t);
        rk_tile_from_points(m, y);
#pragma unroll
        for (uint i = 0; i < 4; i++) rk_zip_4(y[i], strip + i * pitch + 4 * t);
    }
}

/* The weights of one channel of the sum to all points of RK_MR channels of the result, which are in
 * the lanes of vectors.  These end in the next channels', which are written later, if there is room
 * for them. */
static inline void rk_column(__global float *to, ulong plane, __global const float *w, ulong step,
                             uint rows, uint turned, uint room)
{
#pragma unroll 1
    for (uint i = 0; i < RK_MR; i += RK_WIDTH) {
        const uint lanes = min((uint)RK_MR - i, (uint)RK_WIDTH);
        float lane[9][RK_WIDTH] = {{0}}, end[RK_WIDTH];
        F g[3], s[3][6], v[6];
        for (uint k = 0; k < lanes && i + k < rows; k++)
#pragma unroll
            for (uint t = 0; t < 9; t++) lane[t][k] = w[(i + k) * step + (turned ? 8 - t : t)];
#pragma unroll
        for (uint c = 0; c < 3; c++) {
#pragma unroll
            for (uint r = 0; r < 3; r++) g[r] = VLOAD(lane[3 * r + c]);
            rk_w4_weights(g, s[c]);
        }
#pragma unroll 1
        for (uint r = 0; r < 6; r++) {
#pragma unroll
            for (uint c = 0; c < 3; c++) g[c] = s[c][r];
            rk_w4_weights(g, v);
#pragma unroll
            for (uint c = 0; c < 6; c++) {
                __global float *at = to + (6 * r + c) * plane + i;
                if (i + RK_WIDTH > room) {
                    VSTORE(v[c], end);
                    for (uint k = 0; k < lanes; k++) at[k] = end[k];
                } else {
                    VSTORE(v[c], at);
                }
            }
        }
    }
}
