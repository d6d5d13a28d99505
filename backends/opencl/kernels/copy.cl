/* COPY: a strided box.  T is the element's type, RK_AXES parameters (n, i, o: extent, strides) of
 * every axis but the last, RK_ROW finds `from` and `to` of a row. */
#if RK_TURN
/* The last axis is dense in the output, and the one before, "across", in the input: so squares of
 * the two are turned in registers.  The axis across counts by blocks of RK_TURN elements, each of
 * them a row here. */
#define RUN 64 /* elements that are written one after the other: some cache lines */
#if RK_WIDTH > RK_SQUARE
#define PARTS 2
#define PART(v, c) ((c) ? (v).hi : (v).lo)
#define JOINED(a, b) (F)(a, b)
#else
#define PARTS 1
#define PART(v, c) (v)
#define JOINED(a, b) (a)
#endif

/* RK_WIDTH rows of x, i apart, become as many columns of y, whose rows are o apart. */
static inline void rk_turn_one(__global float *y, __global const float *x, long i, long o)
{
    S s[PARTS][PARTS][RK_SQUARE];
#pragma unroll
    for (uint k = 0; k < RK_WIDTH; k++) {
        F row = VLOAD(x + (long)k * i);
#pragma unroll
        for (uint c = 0; c < PARTS; c++) s[k / RK_SQUARE][c][k % RK_SQUARE] = PART(row, c);
        ASK(x + (long)(k + RUN) * i)
    }
#pragma unroll
    for (uint c = 0; c < PARTS; c++) {
#pragma unroll
        for (uint r = 0; r < PARTS; r++) rk_transpose(s[r][c]);
#pragma unroll
        for (uint k = 0; k < RK_SQUARE; k++) {
            F row = JOINED(s[0][c][k], s[PARTS - 1][c][k]);
            RK_PUT((__global uint *)(y + (long)(c * RK_SQUARE + k) * o), 0, AS_U(row), RK_WIDTH);
        }
    }
}

/* Of a square that may be cut short. */
static inline void rk_turn_some(__global float *y, __global const float *x, long i, long o,
                                uint rows, uint columns)
{
    if (rows == RK_WIDTH && columns == RK_WIDTH) {
        rk_turn_one(y, x, i, o);
        return;
    }
    for (uint c = 0; c < columns; c++)
        for (uint r = 0; r < rows; r++) y[(long)c * o + r] = x[(long)r * i + c];
}

#define ACROSS ulong across,
#else
#define ACROSS
#endif

#if RK_CPU
ONE __kernel void copy(__global const uchar *in, ulong in_at, __global uchar *out, ulong out_at,
                       RK_AXES long in_first, long out_first, ulong length, long i, long o,
                       ACROSS ulong piece, ulong pieces, ulong tasks, ulong per)
{
    ulong first = get_global_id(0) * per, last = min(first + per, tasks);
    for (ulong task = first; task < last; task++) {
        ulong row = task / pieces, begin = (task - row * pieces) * piece,
              count = min(piece, length - begin);
        RK_ROW
#if RK_TURN
        __global const float *x = (__global const float *)(in + in_at) + from + (long)begin * i;
        __global float *y = (__global float *)(out + out_at) + to + begin;
        uint n = (uint)min(across - row % RK_BLOCKS * RK_TURN, (ulong)RK_TURN);
        for (ulong at = 0; at < count; at += RUN)
            for (uint a = 0; a < n; a += RK_WIDTH)
                for (ulong l = at; l < min(at + RUN, count); l += RK_WIDTH)
                    rk_turn_some(y + ((long)a * o + (long)l), x + ((long)l * i + a), i, o,
                                 (uint)min(count - l, (ulong)RK_WIDTH), min(n - a, (uint)RK_WIDTH));
#else
        __global const T *x = (__global const T *)(in + in_at) + from + (long)begin * i;
        __global T *y = (__global T *)(out + out_at) + to + (long)begin * o;
#if RK_UNIT
        ulong at = 0;
        for (; at + 16 <= count; at += 16) vstore16(vload16(0, x + at), 0, y + at);
        for (; at < count; at++) y[at] = x[at];
#else
        for (ulong at = 0; at < count; at++) y[(long)at * o] = x[(long)at * i];
#endif
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
