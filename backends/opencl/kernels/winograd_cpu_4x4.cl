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

static inline void rk_zip(F *y, __global float *to)
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

/* The taps of `rows` rows of tiles of one plane, from (h, w) on, to points, `plane` apart: along h,
 * and then along w.  In between the pixels of a row of tiles, 4 each, are beside each other, and
 * once more from the fifth on, where each tile finds the two that it shares with the next. */
static inline void rk_taps(__global float *to, ulong plane, __global const float *x,
                           __global float *lines, __global float *column, uint pitch, uint rows,
                           uint across, long h, long w, uint in_h, uint in_w)
{
    uint period = 4 * across + 2;
    __global float *far = column + 6 * pitch;
    F d[6], v[6];
    rk_fill(lines, x, 4 * rows + 2, period, period, 2 * RK_WIDTH, h, w, 1, 1, in_h, in_w);
#pragma unroll 1
    for (uint a = 0; a < rows; a++) {
        uint at = 4 * a * across;
#pragma unroll 1
        for (uint c = 0; c < period; c += RK_WIDTH) {
#pragma unroll
            for (uint i = 0; i < 6; i++) d[i] = VLOAD(lines + (4 * a + i) * period + c);
            rk_w4_taps(d, v);
#pragma unroll
            for (uint i = 0; i < 6; i++) VSTORE(v[i], column + i * pitch + at + c);
        }
#pragma unroll 1
        for (uint i = 0; i < 6; i++)
            rk_copy(far + i * pitch + at, column + i * pitch + at + 4, 4 * across);
    }
#pragma unroll 1
    for (uint i = 0; i < 6; i++) {
#pragma unroll 1
        for (uint t = 0; t < rows * across; t += RK_WIDTH) {
            rk_phases(column + i * pitch + 4 * t, d, 4);
            rk_phases(far + i * pitch + 4 * t, d + 4, 2);
            rk_w4_taps(d, v);
#pragma unroll
            for (uint j = 0; j < 6; j++) VSTORE(v[j], to + (6 * i + j) * plane + t);
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
        F m[6][6], y[4][4];
#pragma unroll
        for (uint p = 0; p < 36; p++) m[p / 6][p % 6] = VLOAD(from + p * plane + t);
        rk_tile_from_points(m, y);
#pragma unroll
        for (uint i = 0; i < 4; i++) rk_zip(y[i], strip + i * pitch + 4 * t);
    }
#pragma unroll 1
    for (uint r = 0; r < high; r++)
#pragma unroll 1
        for (uint e = 0; e < wide; e += RK_WIDTH)
            VSTORE(VLOAD(strip + r % 4 * pitch + r / 4 * 4 * across + e), line + r * wide + e);
}
