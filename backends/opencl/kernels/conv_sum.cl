/* DW's second step: the sums of the blocks, added in ascending order; count is the number of
 * elements of the result, rows of `length` of them. */
#if RK_CPU
ONE __kernel void conv_sum(__global const uchar *ws, ulong ws_at, RK_PARAMS ulong parts_at,
                           ulong blocks, ulong count, ulong length, ulong piece, ulong pieces,
                           ulong tasks, ulong per)
{
    __global const uint *parts = (__global const uint *)(ws + ws_at) + parts_at;
    ulong first = get_global_id(0) * per, last = min(first + per, tasks);
    for (ulong task = first; task < last; task++) {
        ulong x0 = task / pieces, begin = (task - x0 * pieces) * piece,
              end = min(begin + piece, length);
        for (ulong x1 = begin; x1 < end; x1 += RK_WIDTH) {
            uint rem = (uint)min(end - x1, (ulong)RK_WIDTH);
            ulong pos = x0 * length + x1;
            F sum = (F)(0.0f);
            for (ulong b = 0; b < blocks; b++) {
                F part = AS_F(ld32(parts, b * count + pos, rem));
                sum = b ? sum + part : part;
            }
            U in0 = AS_U(sum);
            RK_BODY
        }
    }
}
#else
__attribute__((reqd_work_group_size(256, 1, 1)))
__kernel void conv_sum(__global const uchar *ws, ulong ws_at, RK_PARAMS ulong parts_at,
                       ulong blocks, ulong count, ulong length)
{
    __global const float *parts = (__global const float *)(ws + ws_at) + parts_at;
    ulong pos = get_global_id(0), x0 = pos / length, x1 = pos - x0 * length;
    if (pos >= count) return;
    float sum = 0.0f;
    for (ulong b = 0; b < blocks; b++) {
        float part = parts[b * count + pos];
        sum = b ? sum + part : part;
    }
    U in0 = as_uint(sum);
    RK_BODY
}
#endif
