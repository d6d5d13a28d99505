/* DW's second step, gpu variant: the sums of the blocks, added in ascending order; count is the
 * number of elements of the result, rows of `length` of them. */
__attribute__((reqd_work_group_size(256, 1, 1)))
__kernel void conv_sum(__global const uchar *ws, ulong ws_at, RK_PARAMS ulong blocks,
                       ulong count, ulong length)
{
    __global const float *parts = (__global const float *)(ws + ws_at);
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
