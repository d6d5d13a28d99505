/* DW's second step, cpu variant: adds the sums of the `stored` parts of the chains in ascending
 * order, turns them and does the rest of the op: RK_CHUNK taps of a panel at a time.  No part: a
 * chain of nothing. */
ONE __kernel void conv_dw_sum(__global uchar *ws, ulong ws_at, RK_PARAMS ulong slots_at, ulong sums,
                              ulong taps, uint ci, uint co, uint area, uint group, uint groups,
                              uint columns, uint panels, uint nr, uint units, uint stored,
                              uint chunks, uint tasks)
{
    __global float *words = (__global float *)(ws + ws_at),
                   *turned = words + slots_at + get_global_id(0) * RK_CHUNK * nr;
    for (uint task = get_global_id(0); task < tasks; task += get_global_size(0)) {
        uint unit = task / (panels * chunks), p = task / chunks % panels,
             r = task % chunks * RK_CHUNK, c0 = unit % groups * group, k0 = unit / groups * columns,
             mine = min(group, ci - c0) * area, k = k0 + p * nr, kn = min(k0 + columns, co),
             kend = min(k + nr, kn);
        if (r >= mine || k >= kend) continue;
        uint rows = min(mine - r, (uint)RK_CHUNK);
        __global float *sum = words + unit * sums + (ulong)p * sums / panels + (ulong)r * nr;
#pragma unroll 1
        for (uint b = 1; b < stored; b++)
            for (uint i = 0; i < rows * nr; i += RK_WIDTH)
                VSTORE(VLOAD(sum + i) + VLOAD(sum + (ulong)b * units * sums + i), sum + i);
        if (stored) rk_turn(turned, RK_CHUNK, RK_CHUNK, sum, nr, kend - k, rows);
#pragma unroll 1
        for (uint j = 0; j < kend - k; j++)
#pragma unroll 1
            for (uint e = 0; e < rows; e += RK_WIDTH) {
                ulong x0 = k + j, x1 = (ulong)c0 * area + r + e, pos = x0 * taps + x1;
                uint rem = min(rows - e, (uint)RK_WIDTH);
                U in0 = stored ? AS_U(VLOAD(turned + j * RK_CHUNK + e)) : (U)(0u);
                RK_BODY
            }
    }
}
