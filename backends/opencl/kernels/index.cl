/* TAKE and PUT.  T is the element's type of TAKE. */
#if RK_CPU
ONE __kernel void take(__global const uchar *in, ulong in_at, __global const uchar *index,
                       ulong index_at, __global uchar *out, ulong out_at, ulong rows, ulong length,
                       ulong piece, ulong pieces, ulong tasks, ulong per)
{
    ulong first = get_global_id(0) * per, last = min(first + per, tasks);
    for (ulong task = first; task < last; task++) {
        ulong j = task / pieces, begin = (task - j * pieces) * piece,
              count = min(piece, length - begin), at = 0;
        uint from = ((__global const uint *)(index + index_at))[j];
        __global const T *x = (__global const T *)(in + in_at) + from * length + begin;
        __global T *y = (__global T *)(out + out_at) + j * length + begin;
        if (from >= rows) {
            for (; at < count; at++) y[at] = 0;
            continue;
        }
        for (; at + 16 <= count; at += 16) vstore16(vload16(0, x + at), 0, y + at);
        for (; at < count; at++) y[at] = x[at];
    }
}

/* A work-item owns `columns` columns of `height` rows, and takes the rows of `in` in order. */
ONE __kernel void put(__global const uchar *in, ulong in_at, __global const uchar *index,
                      ulong index_at, __global uchar *out, ulong out_at, ulong rows, ulong length,
                      ulong n, ulong columns, ulong height)
{
    ulong left = get_global_id(0) * columns, right = min(left + columns, length);
    ulong top = get_global_id(1) * height, bottom = min(top + height, rows);
    __global const float *x = (__global const float *)(in + in_at);
    __global const uint *to = (__global const uint *)(index + index_at);
    __global float *y = (__global float *)(out + out_at);
    for (ulong row = top; row < bottom; row++)
        for (ulong i = left; i < right; i++) y[row * length + i] = 0.0f;
    for (ulong j = 0; j < n; j++) {
        if (to[j] < top || to[j] >= bottom) continue;
        for (ulong i = left; i < right; i++) y[to[j] * length + i] += x[j * length + i];
    }
}
#else
__attribute__((reqd_work_group_size(256, 1, 1)))
__kernel void take(__global const uchar *in, ulong in_at, __global const uchar *index,
                   ulong index_at, __global uchar *out, ulong out_at, ulong rows, RK_POS length,
                   RK_POS count)
{
    RK_POS at = (RK_POS)get_global_id(0);
    if (at >= count) return;
    RK_POS j = at / length;
    uint from = ((__global const uint *)(index + index_at))[j];
    __global const T *x = (__global const T *)(in + in_at);
    ((__global T *)(out + out_at))[at] =
        from < rows ? x[(RK_POS)from * length + (at - j * length)] : (T)(0);
}

/* One element of out per work-item. */
__attribute__((reqd_work_group_size(256, 1, 1)))
__kernel void put(__global const uchar *in, ulong in_at, __global const uchar *index,
                  ulong index_at, __global uchar *out, ulong out_at, RK_POS length, RK_POS n,
                  RK_POS count)
{
    RK_POS at = (RK_POS)get_global_id(0);
    if (at >= count) return;
    RK_POS row = at / length, i = at - row * length;
    __global const float *x = (__global const float *)(in + in_at);
    __global const uint *to = (__global const uint *)(index + index_at);
    float sum = 0.0f;
    for (RK_POS j = 0; j < n; j++)
        if (to[j] == row) sum += x[j * length + i];
    ((__global float *)(out + out_at))[at] = sum;
}
#endif
