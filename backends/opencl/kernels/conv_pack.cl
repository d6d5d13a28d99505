/* CONV's table of taps: phase after phase of the result, and within a phase as the chain takes
 * them.  first[f] is the number of the first tap of phase f, ends[f][b] of how many of its taps
 * blocks 0 ... b consist.  A tap is the distance of its elements from a position's; in the gpu
 * variant distances in rows and columns follow.
 *
 * Then come the weights: RK_MR outputs of a tap beside each other, zero beyond the last, taps as in
 * the table, panel after panel.  A work-item does CHUNK taps of all panels; in the gpu variant one
 * tap and one output of a panel. */
#if RK_CPU
#define CHUNK 64u
#define GROUP 1
#else
#define CHUNK 1u
#define GROUP 256
#endif

static inline uint rk_taps(uint first, uint step, uint window)
{
    return first < window ? (window - 1 - first) / step + 1 : 0;
}

/* How many of a phase's taps have numbers below `full` in the chain of all. */
static inline uint rk_before(ulong full, uint4 from_step, uint2 n, uint2 window)
{
    uint area = window.x * window.y, c = (uint)(full / area), rest = (uint)(full % area),
         r = rest / window.y, s = rest % window.y, before = c * n.x * n.y;
    before += rk_taps(from_step.x, from_step.z, r) * n.y;
    if (r >= from_step.x && (r - from_step.x) % from_step.z == 0)
        before += rk_taps(from_step.y, from_step.w, s);
    return before;
}

/* A tap of the gpu variant: in channel c, at one of the window's places, of which a mask has 32. */
static inline void rk_put_tap(__global uint *tap, uint taps, uint c, uint plane, uint period,
                              int down, int right, uint place)
{
    tap[0] = c * plane + (uint)down * period + (uint)right;
    tap[1] = 1u << place % 32;
    tap[2ul * taps] = (uint)down;
    tap[2ul * taps + 1] = (uint)right;
}

__attribute__((reqd_work_group_size(GROUP, 1, 1)))
__kernel void conv_pack(__global const uchar *w_in, ulong w_at, __global uchar *ws, ulong ws_at,
                        ulong first_at, ulong ends_at, ulong tap_at, ulong weights_at,
                        ulong out_weight, ulong in_weight, uint ci, uint co, uint window_h,
                        uint window_w, uint pad_h, uint pad_w, uint tap_h, uint tap_w, uint out_h,
                        uint out_w, uint step_h, uint step_w, uint in_h, uint in_w, int low_h,
                        int low_w, uint plane, uint period, uint taps, uint blocks, uint dx)
{
    __global const float *w = (__global const float *)(w_in + w_at);
    __global uint *to = (__global uint *)(ws + ws_at), *first = to + first_at, *ends = to + ends_at;
#if RK_CPU
    uint item = (uint)get_global_id(0), begin = item * CHUNK, start = 0;
#else
    uint id = (uint)get_global_id(0), panel = (uint)get_global_id(1), output = id % RK_MR,
         begin = id / RK_MR, start = 0, item = id + panel, row = panel * RK_MR + output;
#endif
    for (uint f = 0; f < out_h * out_w; f++) {
        uint a = f / out_w, b = f % out_w;
        uint4 from = (uint4)((a + pad_h * dx) % tap_h, (b + pad_w * dx) % tap_w, tap_h, tap_w);
        uint2 n = (uint2)(rk_taps(from.x, tap_h, window_h), rk_taps(from.y, tap_w, window_w));
        uint count = ci * n.x * n.y;
        for (uint i = 0; item == 0 && i < blocks; i++)
            ends[f * blocks + i] = i + 1 == blocks
                                       ? count
                                       : rk_before((i + 1ul) * RK_CONV_BLOCK, from, n,
                                                   (uint2)(window_h, window_w));
        if (item == 0) first[f] = start;
        for (uint t = max(begin, start); t < min(begin + CHUNK, start + count); t++) {
            uint v = t - start, c = v / (n.x * n.y), r = from.x + v / n.y % n.x * tap_h,
                 s = from.y + v % n.y * tap_w;
            int down = dx ? (int)(a + pad_h - r) / (int)tap_h : (int)r,
                right = dx ? (int)(b + pad_w - s) / (int)tap_w : (int)s;
            uint weight = (uint)(c * in_weight) + r * window_w + s;
#if RK_CPU
            if (dx)
                to[tap_at + t] = c * plane + (uint)(down - low_h) * period + (uint)(right - low_w);
            else
                to[tap_at + t] = ((c * in_h + r % step_h) * in_w + s % step_w) * plane +
                                 r / step_h * period + s / step_w;
            __global float *packed = (__global float *)(to + weights_at) + (ulong)t * RK_MR;
            for (uint row = 0; row < co; row += RK_MR, packed += (ulong)taps * RK_MR)
                for (uint i = 0; i < RK_MR; i++)
                    packed[i] = row + i < co ? w[(row + i) * out_weight + weight] : 0.0f;
#else
            to[weights_at + ((ulong)panel * taps + t) * RK_MR + output] =
                row < co ? as_uint(w[row * out_weight + weight]) : 0u;
            __global uint *tap = to + tap_at + 2 * t;
            if (row == 0) rk_put_tap(tap, taps, c, plane, period, down, right, v % (n.x * n.y));
#endif
        }
        start += count;
    }
    if (item == 0) first[out_h * out_w] = start;
}
