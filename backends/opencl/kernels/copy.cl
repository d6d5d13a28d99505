/* COPY: a strided box.  T is the element's type, RK_AXES parameters (n, i, o: extent, strides) of
 * every axis but the last, RK_ROW finds `from` and `to` of a row. */
#if RK_CPU
ONE __kernel void copy(__global const uchar *in, ulong in_at, __global uchar *out, ulong out_at,
                       RK_AXES long in_first, long out_first, ulong length, long i, long o,
                       ulong piece, ulong pieces, ulong tasks, ulong per)
{
    ulong first = get_global_id(0) * per, last = min(first + per, tasks);
    for (ulong task = first; task < last; task++) {
        ulong row = task / pieces, begin = (task - row * pieces) * piece,
              count = min(piece, length - begin);
        RK_ROW
        __global const T *x = (__global const T *)(in + in_at) + from + (long)begin * i;
        __global T *y = (__global T *)(out + out_at) + to + (long)begin * o;
#if RK_UNIT
        ulong at = 0;
        for (; at + 16 <= count; at += 16) vstore16(vload16(0, x + at), 0, y + at);
        for (; at < count; at++) y[at] = x[at];
#else
        for (ulong at = 0; at < count; at++) y[(long)at * o] = x[(long)at * i];
#endif
    }
}
#else
__attribute__((reqd_work_group_size(256, 1, 1)))
__kernel void copy(__global const uchar *in, ulong in_at, __global uchar *out, ulong out_at,
                   RK_AXES RK_SIGNED in_first, RK_SIGNED out_first, RK_POS length, RK_SIGNED i,
                   RK_SIGNED o, RK_POS count)
{
    RK_POS at = (RK_POS)get_global_id(0);
    if (at >= count) return;
    RK_POS row = at / length;
    RK_ROW
    at -= row * length;
    ((__global T *)(out + out_at))[to + (RK_SIGNED)at * o] =
        ((__global const T *)(in + in_at))[from + (RK_SIGNED)at * i];
}
#endif
