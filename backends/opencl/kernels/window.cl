/* WINDOW.  Every element of the result gathers what goes into it, in order; taps outside are read
 * as +0 (sums begin at +0, so that it changes nothing) or NaN (a maximum skips it).  RK_PLANE finds
 * x0 ... of a plane; the last two axes of the program are the row y and the column x.
 *
 * RK_SIGNED and RK_UNSIGNED are types for coordinates, with room for padding.  RK_UNROLL: planes
 * are not empty, and a window has at most RK_HIGH x RK_WIDE elements, or for the adjoint an element
 * as many windows; all are read at once, what is outside from inside. */
#define SUM 0
#define SUM_T 1
#define ARGMAX 2
#define PUT 4

/* The range of o in [0, n) whose window, o * step - pad + [0, k), holds place. */
static inline uint2 rk_windows(uint place, uint k, uint step, uint pad, uint n)
{
    RK_UNSIGNED at = (RK_UNSIGNED)place + pad;
    return (uint2)(at < k ? 0 : (uint)min((at - k) / step + 1, (RK_UNSIGNED)n),
                   (uint)min(at / step + 1, (RK_UNSIGNED)n));
}

#define NAN_OR_ZERO (RK_WHICH == ARGMAX ? as_float(RK_NAN_BITS) : 0.0f)

#if RK_UNROLL && RK_WHICH != PUT
/* Element w of row h of a plane with rows of `length`, if it is there and counts. */
static inline float rk_near(__global const float *in, uint h, uint w, uint length, int counts)
{
    float v = in[counts ? h * length + w : 0u];
    return counts ? v : NAN_OR_ZERO;
}
#endif

/* One element. */
#define ONE_ELEMENT                                                                                \
    static inline uint rk_window(__global const float *in, __global const uint *index, uint x,     \
                                 uint y, uint in_h, uint in_w, uint kh, uint kw, uint sh, uint sw, \
                                 uint ph, uint pw, uint out_w)
#if RK_WHICH == SUM || RK_WHICH == ARGMAX
ONE_ELEMENT
{
    float best = 0.0f;
    uint which = 0xFFFFFFFFu;
    RK_SIGNED top = (RK_SIGNED)y * (RK_SIGNED)sh - (RK_SIGNED)ph,
              left = (RK_SIGNED)x * (RK_SIGNED)sw - (RK_SIGNED)pw;
#if RK_UNROLL
#pragma unroll
    for (uint r = 0; r < RK_HIGH; r++)
#pragma unroll
        for (uint s = 0; s < RK_WIDE; s++) {
            RK_SIGNED h = top + (RK_SIGNED)r, w = left + (RK_SIGNED)s;
            int counts = r < kh && s < kw && h >= 0 && h < (RK_SIGNED)in_h && w >= 0 &&
                         w < (RK_SIGNED)in_w;
            uint at = (uint)h * in_w + (uint)w;
            float v = rk_near(in, (uint)h, (uint)w, in_w, counts);
#else
    uint h = (uint)clamp(top, (RK_SIGNED)0, (RK_SIGNED)in_h),
         w0 = (uint)clamp(left, (RK_SIGNED)0, (RK_SIGNED)in_w);
    RK_SIGNED below = top + (RK_SIGNED)kh, beside = left + (RK_SIGNED)kw;
    uint bottom = (uint)clamp(below, (RK_SIGNED)0, (RK_SIGNED)in_h),
         right = (uint)clamp(beside, (RK_SIGNED)0, (RK_SIGNED)in_w);
    for (; h < bottom; h++)
        for (uint w = w0; w < right; w++) {
            uint at = h * in_w + w;
            float v = in[at];
#endif
#if RK_WHICH == SUM
            best += v;
#else
            int more = (v > best) | ((which == 0xFFFFFFFFu) & (v == v));
            best = more ? v : best;
            which = more ? at : which;
#endif
        }
    return RK_WHICH == SUM ? as_uint(best) : which;
}
#elif RK_WHICH == SUM_T
ONE_ELEMENT
{
    uint2 rows = rk_windows(y, kh, sh, ph, in_h), cols = rk_windows(x, kw, sw, pw, in_w);
    float sum = 0.0f;
#if RK_UNROLL
#pragma unroll
    for (uint i = 0; i < RK_HIGH; i++)
#pragma unroll
        for (uint j = 0; j < RK_WIDE; j++)
            sum += rk_near(in, rows.x + i, cols.x + j, in_w,
                           rows.x + i < rows.y && cols.x + j < cols.y);
#else
    for (uint h = rows.x; h < rows.y; h++)
        for (uint w = cols.x; w < cols.y; w++) sum += in[h * in_w + w];
#endif
    return as_uint(sum);
}
#else
ONE_ELEMENT
{
    uint i = index[y * out_w + x];
    return i < in_h * in_w ? as_uint(in[i]) : 0u;
}
#endif

#if RK_WHICH == PUT && RK_CPU
/* A work-item does `per` planes. */
ONE __kernel void window_put(__global const uchar *g_in, ulong g_at, __global const uchar *index_in,
                             ulong index_at, __global uchar *out, ulong out_at, ulong planes,
                             ulong per, uint in_plane, uint out_plane)
{
    ulong first = get_group_id(0) * per, last = min(first + per, planes);
    for (ulong plane = first; plane < last; plane++) {
        __global const float *g = (__global const float *)(g_in + g_at) + plane * in_plane;
        __global const uint *index = (__global const uint *)(index_in + index_at) +
                                     plane * in_plane;
        __global float *x = (__global float *)(out + out_at) + plane * out_plane;
        for (uint i = 0; i < out_plane; i++) x[i] = 0.0f;
        for (uint o = 0; o < in_plane; o++)
            if (index[o] < out_plane) x[index[o]] += g[o];
    }
}
#elif RK_WHICH == PUT
/* A group owns `per` planes.  Where every index is in its own window, as those of a maximum are, an
 * element gathers from the windows that hold it.  A group that finds another index (one outside the
 * plane does not count) goes through all of them, and a work-item of it adds to every element whose
 * number it has modulo the group's size. */
__attribute__((reqd_work_group_size(256, 1, 1)))
__kernel void window_put(__global const uchar *g_in, ulong g_at, __global const uchar *index_in,
                         ulong index_at, __global uchar *out, ulong out_at, uint in_h, uint in_w,
                         uint kh, uint kw, uint sh, uint sw, uint ph, uint pw, uint out_h,
                         uint out_w, RK_POS planes, uint per)
{
    __local uint stray;
    uint item = (uint)get_local_id(0), in_plane = in_h * in_w, out_plane = out_h * out_w;
    RK_POS first = (RK_POS)get_group_id(0) * per;
    uint n = (uint)min(planes - first, (RK_POS)per);
    __global const float *g = (__global const float *)(g_in + g_at) + first * in_plane;
    __global const uint *index = (__global const uint *)(index_in + index_at) + first * in_plane;
    __global float *x = (__global float *)(out + out_at) + first * out_plane;
    if (item == 0) stray = 0;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint i = item; i < n * in_plane; i += 256) {
        uint to = index[i], o = i % in_plane, h = o / in_w, w = o - h * in_w, y = to / out_w;
        if (to < out_plane &&
            ((RK_UNSIGNED)y + ph - (RK_UNSIGNED)h * sh >= kh ||
             (RK_UNSIGNED)(to - y * out_w) + pw - (RK_UNSIGNED)w * sw >= kw))
            atomic_or(&stray, 1u);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint plane = 0; stray && plane < n; plane++) {
        for (uint i = item; i < out_plane; i += 256) x[plane * out_plane + i] = 0.0f;
        for (uint o = plane * in_plane; o < (plane + 1) * in_plane; o++) {
            uint i = index[o];
            if (i < out_plane && i % 256 == item) x[plane * out_plane + i] += g[o];
        }
    }
    for (uint i = item; !stray && i < n * out_plane; i += 256) {
        uint plane = i / out_plane, to = i - plane * out_plane, y = to / out_w;
        uint2 rows = rk_windows(y, kh, sh, ph, in_h),
              cols = rk_windows(to - y * out_w, kw, sw, pw, in_w);
        float sum = 0.0f;
        for (uint h = rows.x; h < rows.y; h++)
            for (uint w = cols.x; w < cols.y; w++) {
                uint o = plane * in_plane + h * in_w + w;
                if (index[o] == to) sum += g[o];
            }
        x[i] = sum;
    }
}
#elif RK_CPU
/* Elements w, w + step, ... of a row of n.  What may be read, as well, are `before` elements before
 * its start and `after` from there on. */
static inline F rk_lanes(__global const float *row, long w, uint step, uint n, long before,
                         long after)
{
#if RK_WIDTH > 1
    const long room = (long)step * RK_WIDTH;
    if (step <= 2 && w >= -before && w + room <= after && w > -room && w < n) {
        F v = VLOAD(row + w);
        if (step == 2) {
            F next = VLOAD(row + w + RK_WIDTH);
            v = (F)(v.even, next.even);
        }
        return PICK((U)((uint)w) + LANES * step < (U)(n), v, (F)(NAN_OR_ZERO));
    }
#endif
    float t[RK_WIDTH];
    for (uint i = 0; i < RK_WIDTH; i++, w += step) t[i] = w >= 0 && w < n ? row[w] : NAN_OR_ZERO;
    return VLOAD(t);
}

/* RK_WIDTH elements of row y from x on, of which `rem` count; `done` planes precede this one, and
 * `remaining` follow. */
static inline U rk_row(__global const float *in, __global const uint *index, ulong done,
                       ulong remaining, long x, uint y, uint rem, uint in_h, uint in_w, uint kh,
                       uint kw, uint sh, uint sw, uint ph, uint pw, uint out_w)
{
    const long area = (long)in_h * in_w, before = (long)done * area,
               all = (long)remaining * area + area;
#if RK_WHICH == SUM || RK_WHICH == ARGMAX
    long top = (long)y * sh - ph, left = x * sw - pw;
    F best = (F)(0.0f);
    U which = (U)(0xFFFFFFFFu);
    for (long h = max(top, 0l); h < min(top + kh, (long)in_h); h++)
        for (uint s = 0; s < kw; s++) {
            F v = rk_lanes(in + h * in_w, left + s, sw, in_w, before + h * in_w, all - h * in_w);
#if RK_WHICH == SUM
            best += v;
#else
            I more = (v > best) | ((which == 0xFFFFFFFFu) & (v == v));
            best = PICK(more, v, best);
            which = PICK(more, (U)((uint)(h * in_w + left + s)) + LANES * sw, which);
#endif
        }
    return RK_WHICH == SUM ? AS_U(best) : which;
#else
#if RK_WHICH == SUM_T
    if (sw == 1) {
        uint2 rows = rk_windows(y, kh, sh, ph, in_h);
        F sum = (F)(0.0f);
        for (uint h = rows.x; h < rows.y; h++)
            for (uint s = kw; s-- > 0;)
                sum += rk_lanes(in + (ulong)h * in_w, x + pw - s, 1, in_w,
                                before + (long)h * in_w, all - (long)h * in_w);
        return AS_U(sum);
    }
#endif
    uint t[RK_WIDTH];
    for (uint i = 0; i < RK_WIDTH; i++)
        t[i] = i < rem ? rk_window(in, index, (uint)x + i, y, in_h, in_w, kh, kw, sh, sw, ph, pw,
                                   out_w)
                       : 0u;
    return VLOAD(t);
#endif
}

ONE __kernel void window(__global const uchar *in_, ulong in_at, __global const uchar *index_,
                         ulong index_at, RK_PARAMS RK_DIMS uint in_h, uint in_w, uint kh, uint kw,
                         uint sh, uint sw, uint ph, uint pw, uint out_h, uint out_w, ulong piece,
                         ulong pieces, ulong tasks, ulong per)
{
    ulong first = get_global_id(0) * per, last = min(first + per, tasks);
    const ulong planes = first < last ? tasks / pieces / out_h : 0;
    for (ulong task = first; task < last; task++) {
        ulong row = task / pieces, begin = (task - row * pieces) * piece,
              end = min(begin + piece, (ulong)out_w), plane = row / out_h, y = row % out_h;
        __global const float *in = (__global const float *)(in_ + in_at) + plane * in_h * in_w;
        __global const uint *index = (__global const uint *)(index_ + index_at) +
                                     plane * out_h * out_w;
        RK_PLANE
        for (ulong x = begin; x < end; x += RK_WIDTH) {
            uint rem = (uint)min(end - x, (ulong)RK_WIDTH);
            ulong pos = row * out_w + x;
            U in0 = rk_row(in, index, plane, planes - 1 - plane, (long)x, (uint)y, rem, in_h, in_w,
                           kh, kw, sh, sw, ph, pw, out_w);
            RK_BODY
        }
    }
}
#else
__attribute__((reqd_work_group_size(256, 1, 1)))
__kernel void window(__global const uchar *in_, ulong in_at, __global const uchar *index_,
                     ulong index_at, RK_PARAMS RK_DIMS uint in_h, uint in_w, uint kh, uint kw,
                     uint sh, uint sw, uint ph, uint pw, uint out_h, uint out_w, RK_POS count)
{
    RK_POS pos = (RK_POS)get_global_id(0), row = pos / out_w, x = pos - row * out_w,
           plane = row / out_h, y = row - plane * out_h;
    if (pos >= count) return;
    RK_PLANE
    U in0 = rk_window((__global const float *)(in_ + in_at) + plane * in_h * in_w,
                      (__global const uint *)(index_ + index_at) + plane * out_h * out_w, (uint)x,
                      (uint)y, in_h, in_w, kh, kw, sh, sw, ph, pw, out_w);
    RK_BODY
}
#endif
