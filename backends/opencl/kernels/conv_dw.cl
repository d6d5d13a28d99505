/* CONV, cpu variant: DW.  A unit is a group of channels of x and some columns (channels of g), a
 * task a unit's `blocks` of the chains, or some of them.  It takes a piece of a block's positions
 * at a time: copies what rows of x it needs, as in conv_cpu.cl (RK_FLAT: windows of 1 x 1, which
 * read x where it lies), turns a panel of RK_NV vectors of columns, the last one of RK_REST, and
 * makes tiles of RK_MR taps by the panel's columns.  Between pieces a block's sums wait in the
 * `chain`; at its end they are added to the unit's, or kept: those of the next block lie `apart`
 * units on. */
#define NR (RK_NV * RK_WIDTH)

/* Rows of x that the next piece copies: `left` positions from o on, of `rows` planes an image,
 * `stride` apart, whole rows of them. */
typedef struct rk_ask {
    __global const float *image;
    ulong apart, stride, plane, o;
    uint rows, row, at, from, end, left, lines; /* lines: to ask for at once */
    uint out_w, in_h, in_w, step, window;
    long shift;
} rk_ask;

static inline void rk_ask_image(rk_ask *a)
{
    uint count = (uint)min((ulong)a->left, a->plane - a->o);
    long top = (long)(a->o / a->out_w) * a->step + a->shift,
         low = (long)((a->o + count - 1) / a->out_w) * a->step + a->shift + a->window;
    a->from = (uint)max(top, 0L) * a->in_w;
    a->end = (uint)clamp(low, 0L, (long)a->in_h) * a->in_w;
    a->left -= count;
    a->o = 0;
    a->row = 0;
    a->at = a->from;
}

static inline void rk_ask_some(rk_ask *a)
{
#pragma unroll 1
    for (uint lines = a->lines; lines && a->rows; lines--) {
        ASK(a->image + a->row * a->stride + a->at)
        a->at += 16;
        if (a->window < a->step) { /* between rows that are needed lie others */
            uint each = a->step * a->in_w, in = (a->at - a->from) % each;
            if (in >= a->window * a->in_w) a->at += each - in;
        }
        if (a->at < a->end) continue;
        a->at = a->from;
        if (++a->row < a->rows) continue;
        a->image += a->apart;
        if (a->left)
            rk_ask_image(a);
        else
            a->rows = 0;
    }
}

/* What tiles ask for at position p: of g as many `rows`, `apart`, as `count` says, and of x their
 * taps (RK_FLAT) or some lines of what is copied. */
#define SOON_G                                                                                     \
    _Pragma("unroll 1") for (uint i = 0; i < count; i++) ASK(rows + i * apart + soon[p / 16])
#if RK_FLAT
#define SOON_X                                                                                     \
    _Pragma("unroll") for (uint i = 0; i < RK_MR; i++) ASK(x[i] + soon[RK_PIECE / 16 + p / 16])
#else
#define SOON_X rk_ask_some(ask);
#endif

/* RK_MR taps by n vectors of columns.  begin: with zeros; end: 0 to the chain, 1 to the sums, 2
 * added to them. */
#define TILE(name, n)                                                                              \
    static inline void name(__global const float *copy, __global const uint *off, uint last,       \
                            __global const uint *where, __global const float *g, uint len,         \
                            __global float *chain, __global float *total, uint begin, uint end,    \
                            __global const ulong *soon, __global const float *rows, uint count,    \
                            ulong apart, rk_ask *ask)                                              \
    {                                                                                              \
        F acc[RK_MR][n];                                                                           \
        __global const float *x[RK_MR];                                                            \
        _Pragma("unroll") for (uint i = 0; i < RK_MR; i++)                                         \
        {                                                                                          \
            x[i] = copy + off[min(i, last)];                                                       \
            _Pragma("unroll") for (uint v = 0; v < n; v++) acc[i][v] =                             \
                begin ? (F)(0.0f) : VLOAD(chain + i * NR + v * RK_WIDTH);                          \
        }                                                                                          \
        _Pragma("unroll 1") for (uint p = 0; p < len;)                                             \
        {                                                                                          \
            uint stop = min(p + 16, len);                                                          \
            SOON_G                                                                                 \
            SOON_X                                                                                 \
            _Pragma("unroll 1") for (; p < stop; p++, g += n * RK_WIDTH)                           \
            {                                                                                      \
                F gv[n];                                                                           \
                ulong place = where[p];                                                            \
                _Pragma("unroll") for (uint v = 0; v < n; v++) gv[v] = VLOAD(g + v * RK_WIDTH);    \
                _Pragma("unroll") for (uint i = 0; i < RK_MR; i++)                                 \
                {                                                                                  \
                    F xv = (F)(x[i][place]);                                                       \
                    _Pragma("unroll") for (uint v = 0; v < n; v++)                                 \
                        acc[i][v] = fma(xv, gv[v], acc[i][v]);                                     \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        _Pragma("unroll") for (uint i = 0; i < RK_MR; i++)                                         \
            _Pragma("unroll") for (uint v = 0; v < n; v++)                                         \
        {                                                                                          \
            uint at = i * NR + v * RK_WIDTH;                                                       \
            if (end == 0)                                                                          \
                VSTORE(acc[i][v], chain + at);                                                     \
            else                                                                                   \
                VSTORE(end == 2 ? VLOAD(total + at) + acc[i][v] : acc[i][v], total + at);          \
        }                                                                                          \
    }
TILE(rk_panel, RK_NV)
#if RK_REST < RK_NV
TILE(rk_rest, RK_REST)
#else
#define rk_rest rk_panel
#endif

/* What is the same for all tasks; and x and g of a task. */
typedef struct rk_shape {
    ulong in_plane, out_plane;
    long shift_h, shift_w;
    uint ci, jo, in_h, in_w, out_w, fh, fw, step_h, step_w, more_h, window, period, tail, plane;
    __global const float *x, *g;
    uint channels, columns;
} rk_shape;

/* Rows of x that positions [l, l + len) need, one image after another, copied to `own`; and where
 * each position lies.  Returns where that is from. */
static inline __global const float *rk_take(const rk_shape *s, __global float *own,
                                            __global uint *where, ulong l, uint len)
{
    ulong n = l / s->out_plane, o = l % s->out_plane, m = n;
    uint row0 = 0;
#pragma unroll 1
    for (uint at = 0, count; at < len; at += count, m++, o = 0) {
        count = (uint)min((ulong)(len - at), s->out_plane - o);
#if RK_FLAT
        for (uint i = 0; i < count; i++)
            where[at + i] = (uint)((m - n) * s->ci * s->out_plane + o) + i;
#else
        uint row = (uint)(o / s->out_w), col = (uint)(o % s->out_w),
             high = (col + count - 1) / s->out_w + 1 + s->more_h;
#pragma unroll 1
        for (uint p = 0; p < s->channels * s->fh * s->fw; p++) {
            uint c = p / (s->fh * s->fw), a = p / s->fw % s->fh, b = p % s->fw;
            rk_fill(own + (ulong)p * s->plane + (ulong)row0 * s->period,
                    s->x + (m * s->ci + c) * s->in_plane, high, s->period, s->period, s->tail,
                    (long)row * s->step_h + a + s->shift_h, b + s->shift_w, s->step_h, s->step_w,
                    s->in_h, s->in_w);
        }
        for (uint i = 0, place = row0 * s->period + col; i < count; i++, place++) {
            where[at + i] = place;
            if (++col < s->out_w) continue;
            col = 0;
            place += s->period - s->out_w;
        }
        row0 += high;
#endif
    }
    return RK_FLAT ? s->x + n * s->ci * s->in_plane : own;
}

/* Where the positions behind [l, l + len), 16 by 16, are in g, and from those of l in x. */
static inline void rk_find_soon(const rk_shape *s, __global ulong *soon, ulong l, uint len,
                                ulong to)
{
    ulong at = min(l + len, to - 1), n = at / s->out_plane, o = at % s->out_plane,
          first = l / s->out_plane;
#pragma unroll 1
    for (uint i = 0; i < (len + 15) / 16; i++) {
        soon[i] = n * s->jo * s->out_plane + o;
        soon[RK_PIECE / 16 + i] = (n - first) * s->ci * s->in_plane + o;
        if (at + 16 >= to) continue;
        at += 16;
        for (o += 16; o >= s->out_plane; o -= s->out_plane) n++;
    }
}

/* Asks for copies of x at `coming` positions from l on, in `chunks` turns. */
static inline rk_ask rk_ask_for(const rk_shape *s, ulong l, uint coming, uint chunks)
{
    ulong n = l / s->out_plane;
    rk_ask a = {.image = s->x + n * s->ci * s->in_plane, .apart = s->ci * s->in_plane,
                .stride = s->in_plane, .plane = s->out_plane, .o = l % s->out_plane,
                .rows = s->channels, .left = coming, .out_w = s->out_w, .in_h = s->in_h,
                .in_w = s->in_w, .step = s->step_h, .window = s->window, .shift = s->shift_h};
    uint each = min(s->step_h, s->window) * s->step_w;
    a.lines = (a.rows * coming * each / 12 + chunks - 1) / chunks;
    if (coming)
        rk_ask_image(&a);
    else
        a.rows = 0;
    return a;
}

/* Columns from k on at positions [l, l + len), position by position. */
static inline void rk_turn_columns(const rk_shape *s, __global float *packed, uint k, uint lanes,
                                   ulong l, uint len)
{
    ulong m = l / s->out_plane, o = l % s->out_plane;
    uint valid = k < s->columns ? min(s->columns - k, lanes) : 0;
#pragma unroll 1
    for (uint at = 0, count; at < len; at += count, m++, o = 0) {
        count = (uint)min((ulong)(len - at), s->out_plane - o);
        rk_turn(packed + at * lanes, lanes, lanes, s->g + (m * s->jo + k) * s->out_plane + o,
                s->out_plane, count, valid);
    }
}

ONE __kernel void conv_dw(__global const uchar *x_in, ulong x_at, __global const uchar *g_in,
                          ulong g_at, __global uchar *ws, ulong ws_at, __global uchar *counter,
                          ulong counter_at, ulong slots_at, ulong slot, ulong total, ulong sums,
                          long shift_h, long shift_w, uint ci, uint co, uint jo, uint window_h,
                          uint window_w, uint in_h, uint in_w, uint out_h, uint out_w, uint fh,
                          uint fw, uint step_h, uint step_w, uint more_h, uint period, uint tail,
                          uint plane, uint room, uint group, uint groups, uint columns, uint panels,
                          uint units, uint blocks, uint apart, uint tasks)
{
    volatile __global uint *draw = (volatile __global uint *)(counter + counter_at);
    __global float *words = (__global float *)(ws + ws_at);
    __global float *own = words + slots_at + get_global_id(0) * slot, *packed = own + room,
                   *chain = packed + RK_PIECE * NR;
    __global uint *where = (__global uint *)(chain + sums), *off = where + RK_PIECE / 4 * 5;
    __global ulong *soon = (__global ulong *)(where + RK_PIECE); /* 2 x RK_PIECE / 16 */
    rk_shape s = {.in_plane = (ulong)in_h * in_w, .out_plane = (ulong)out_h * out_w,
                  .shift_h = shift_h, .shift_w = shift_w, .ci = ci, .jo = jo, .in_h = in_h,
                  .in_w = in_w, .out_w = out_w, .fh = fh, .fw = fw, .step_h = step_h,
                  .step_w = step_w, .more_h = more_h, .window = window_h, .period = period,
                  .tail = tail, .plane = plane};
    const uint area = window_h * window_w;
    uint task;
    for (uint t = 0; t < group * area; t++) {
        uint r = t % area / window_w, q = t % window_w;
        off[t] = RK_FLAT ? t * (uint)s.in_plane
                         : ((t / area * fh + r % step_h) * fw + q % step_w) * plane +
                               r / step_h * period + q / step_w;
    }
    for (task = atomic_inc(draw); task < tasks; task = atomic_inc(draw)) {
        uint unit = task % units, c0 = unit % groups * group, k0 = unit / groups * columns, len;
        ulong from = (ulong)(task / units) * blocks * RK_CONV_DW_BLOCK,
              to = min(total, from + (ulong)blocks * RK_CONV_DW_BLOCK);
        s.channels = min(group, ci - c0);
        s.columns = min(columns, co - k0);
        s.x = (__global const float *)(x_in + x_at) + c0 * s.in_plane;
        s.g = (__global const float *)(g_in + g_at) + k0 * s.out_plane;
        uint taps = s.channels * area, tiles = (taps + RK_MR - 1) / RK_MR;
#pragma unroll 1
        for (ulong l = from; l < to; l += len) {
            uint inside = (uint)(l % RK_CONV_DW_BLOCK);
            len = (uint)min(to - l, (ulong)min(RK_CONV_DW_BLOCK - inside, (uint)RK_PIECE));
            uint last = inside + len == RK_CONV_DW_BLOCK || l + len == to,
                 end = last ? 1 + (!apart && l - inside > from) : 0;
            __global const float *copy = rk_take(&s, own, where, l, len);
            uint coming = (uint)min(to - l - len, (ulong)RK_PIECE),
                 chunks = panels * tiles * ((len + 15) / 16);
            rk_ask ask = rk_ask_for(&s, l + len, coming, chunks);
            rk_find_soon(&s, soon, l, len, to);
#pragma unroll 1
            for (uint p = 0; p < panels; p++) {
                uint nv = p + 1 < panels ? RK_NV : RK_REST, k = p * NR,
                     share = (nv * RK_WIDTH + tiles - 1) / tiles;
                rk_turn_columns(&s, packed, k, nv * RK_WIDTH, l, len);
                ulong place = (ulong)p * sums / panels,
                      sum = (l / RK_CONV_DW_BLOCK * apart + unit) * sums + place;
                __global float *part = chain + place, *result = words + sum;
#pragma unroll 1
                for (uint t = 0; t < tiles; t++, part += RK_MR * NR, result += RK_MR * NR) {
                    __global const uint *mine = off + t * RK_MR;
                    uint high = taps - 1 - t * RK_MR,
                         count = min(share, s.columns - min(s.columns, k));
                    __global const float *rows = s.g + k * s.out_plane;
                    k += count;
                    if (nv == RK_NV)
                        rk_panel(copy, mine, high, where, packed, len, part, result, !inside, end,
                                 soon, rows, count, s.out_plane, &ask);
                    else
                        rk_rest(copy, mine, high, where, packed, len, part, result, !inside, end,
                                soon, rows, count, s.out_plane, &ask);
                }
            }
        }
    }
    if (task == tasks + (uint)get_global_size(0) - 1) atomic_xchg(draw, 0u);
}
