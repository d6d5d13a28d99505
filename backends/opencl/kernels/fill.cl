/* Copies of rows of a plane, with zeros around them; elements dealt out, and joined. */
static inline void rk_copy(__global float *to, __global const float *from, uint n)
{
    uint i = 0;
    if (n >= RK_WIDTH) {
#pragma unroll 1
        for (; i + RK_WIDTH <= n; i += RK_WIDTH) VSTORE(VLOAD(from + i), to + i);
        if (i < n) VSTORE(VLOAD(from + n - RK_WIDTH), to + n - RK_WIDTH);
        return;
    }
#if RK_WIDTH > 8
    if (n >= 8) {
        vstore8(vload8(0, from), 0, to);
        vstore8(vload8(0, from + n - 8), 0, to + n - 8);
        return;
    }
#endif
#if RK_WIDTH > 4
    if (n >= 4) {
        vstore4(vload4(0, from), 0, to);
        vstore4(vload4(0, from + n - 4), 0, to + n - 4);
        return;
    }
#endif
#pragma unroll 1
    for (; i < n; i++) to[i] = from[i];
}

/* Every other element of `from`, n of them; nothing is read behind the last.  So vectors end a row
 * with their odd elements, from one element earlier on. */
static inline void rk_copy_even(__global float *to, __global const float *from, uint n)
{
    uint i = 0;
#if RK_WIDTH > 1
    if (n > RK_WIDTH) {
#pragma unroll 1
        for (; i + RK_WIDTH < n; i += RK_WIDTH) {
            F a = VLOAD(from + 2 * i), b = VLOAD(from + 2 * i + RK_WIDTH);
            VSTORE((F)(a.even, b.even), to + i);
        }
        i = n - RK_WIDTH;
        F a = VLOAD(from + 2 * i - 1), b = VLOAD(from + 2 * i - 1 + RK_WIDTH);
        VSTORE((F)(a.odd, b.odd), to + i);
        return;
    }
#endif
#if RK_WIDTH > 8
    if (n > 8) {
        vstore8(vload16(0, from).even, 0, to);
        vstore8(vload16(0, from + 2 * n - 17).odd, 0, to + n - 8);
        return;
    }
#endif
#if RK_WIDTH > 4
    if (n > 4) {
        vstore4(vload8(0, from).even, 0, to);
        vstore4(vload8(0, from + 2 * n - 9).odd, 0, to + n - 4);
        return;
    }
#endif
#pragma unroll 1
    for (; i < n; i++) to[i] = from[2 * i];
}

/* A row of 2 n elements: even ones, and odd ones. */
static inline void rk_deal(__global float *even, __global float *odd, __global const float *from,
                           uint n)
{
    uint i = 0;
#if RK_WIDTH > 1
    if (n >= RK_WIDTH) {
#pragma unroll 1
        for (uint j = 0; j < n; j += RK_WIDTH) {
            i = min(j, n - RK_WIDTH); /* the last vectors repeat a part of others */
            F a = VLOAD(from + 2 * i), b = VLOAD(from + 2 * i + RK_WIDTH);
            VSTORE((F)(a.even, b.even), even + i);
            VSTORE((F)(a.odd, b.odd), odd + i);
        }
        return;
    }
#endif
#if RK_WIDTH > 8
    if (n >= 8) {
        float16 a = vload16(0, from), b = vload16(0, from + 2 * n - 16);
        vstore8(a.even, 0, even);
        vstore8(b.even, 0, even + n - 8);
        vstore8(a.odd, 0, odd);
        vstore8(b.odd, 0, odd + n - 8);
        return;
    }
#endif
#if RK_WIDTH > 4
    if (n >= 4) {
        float8 a = vload8(0, from), b = vload8(0, from + 2 * n - 8);
        vstore4(a.even, 0, even);
        vstore4(b.even, 0, even + n - 4);
        vstore4(a.odd, 0, odd);
        vstore4(b.odd, 0, odd + n - 4);
        return;
    }
#endif
#pragma unroll 1
    for (; i < n; i++) {
        even[i] = from[2 * i];
        odd[i] = from[2 * i + 1];
    }
}

/* Elements of a and b in turn. */
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

static inline void rk_zero(__global float *to, uint n)
{
#pragma unroll 1
    for (uint i = 0; i < n; i++) to[i] = 0.0f;
}

/* How many elements precede w = limit, of those at w0, w0 + step, ...; at most n. */
static inline uint rk_reach(long w0, uint step, long limit, uint n)
{
    return w0 < limit ? (uint)min((limit - w0 + step - 1) / step, (long)n) : 0;
}

/* `rows` rows of `period` elements, `pitch` apart, of a plane in_h x in_w from (h, w0) on, every
 * step-th row and column; zero outside, and `tail` zeros more. */
static inline void rk_fill(__global float *to, __global const float *plane, uint rows, uint period,
                           uint pitch, uint tail, long h, long w0, uint step_h, uint step_w,
                           uint in_h, uint in_w)
{
    uint from = rk_reach(w0, step_w, 0, period), end = rk_reach(w0, step_w, in_w, period);
    if (w0 == 0 && period == in_w && pitch == period && step_h * step_w == 1 && h >= 0 &&
        h + rows <= in_h) {
        end = period = rows * period; /* one long row */
        pitch = period;
        rows = 1;
    }
#pragma unroll 1
    for (uint t = 0; t < rows; t++, h += step_h, to += pitch) {
        if (h < 0 || h >= in_h || from >= end) {
            rk_zero(to, period);
            continue;
        }
        __global const float *row = plane + (h * in_w + w0 + (long)from * step_w);
        rk_zero(to, from);
        if (step_w == 1) {
            rk_copy(to + from, row, end - from);
        } else if (step_w == 2) {
            rk_copy_even(to + from, row, end - from);
        } else {
#pragma unroll 1
            for (uint i = 0; i < end - from; i++) to[from + i] = row[(ulong)i * step_w];
        }
        rk_zero(to + end, period - end);
    }
    rk_zero(to, tail);
}
