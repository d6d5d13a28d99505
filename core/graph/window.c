/* Convolutions and windows: shape rules. */
#include "graph/builder.h"

enum { WINDOW_ATTRS = 8, LARGEST = 1 << 30 };

typedef struct attrs {
    int64_t at[WINDOW_ATTRS];
} attrs;

static attrs attrs_of(rk_window w)
{
    return (attrs){{w.kh, w.kw, w.stride_h, w.stride_w, w.pad_h, w.pad_w, w.out_h, w.out_w}};
}

static bool window_ok(rk_graph *g, const char *what, rk_window w)
{
    attrs a = attrs_of(w);
    for (int i = 0; i < WINDOW_ATTRS; i++)
        if (a.at[i] < (i < 4 ? 1 : 0) || a.at[i] > LARGEST) {
            RK_REJECT(g, what,
                      "window %s, out %lld x %lld: kernel and stride are at least 1, pad and out "
                      "at least 0",
                      rk_shape_show(rk_shape_make(6, a.at)).s, (long long)w.out_h,
                      (long long)w.out_w);
            return false;
        }
    return true;
}

/* The three sides of a convolution agree: x[N][C][H][W], w[K][C][R][S], y[N][K][OH][OW]. */
static bool conv_ok(rk_graph *g, const char *what, rk_shape x, rk_shape w, rk_shape y,
                    rk_window win)
{
    if (!window_ok(g, what, win)) return false;
    if (x.rank == 4 && w.rank == 4 && y.rank == 4 && x.dim[1] == w.dim[1] && x.dim[0] == y.dim[0] &&
        y.dim[1] == w.dim[0] && w.dim[2] == win.kh && w.dim[3] == win.kw && y.dim[2] == win.out_h &&
        y.dim[3] == win.out_w)
        return true;
    RK_REJECT(g, what, "x %s, w %s and y %s do not go together, nor with a %lld x %lld window",
              rk_shape_show(x).s, rk_shape_show(w).s, rk_shape_show(y).s, (long long)win.kh,
              (long long)win.kw);
    return false;
}

static rk_value conv(rk_graph *g, rk_opcode op, rk_value a, rk_value b, rk_window win,
                     const rk_shape side[3], rk_shape out)
{
    const char *what = rk_op_info(op)->name;
    attrs at = attrs_of(win);
    if (!conv_ok(g, what, side[0], side[1], side[2], win)) return 0;
    return rk_build_2(g, op, RK_F32, out, a, b, at.at, WINDOW_ATTRS);
}

static bool two_floats(rk_graph *g, rk_opcode op, rk_value a, rk_value b)
{
    const char *what = rk_op_info(op)->name;
    return rk_operand(g, what, a, RK_TYPE_F32) && rk_operand(g, what, b, RK_TYPE_F32);
}

rk_value rk_conv(rk_graph *g, rk_value x, rk_value w, rk_window win)
{
    if (!two_floats(g, RK_OP_CONV, x, w)) return 0;
    rk_shape sx = rk_shape_of(g, x), sw = rk_shape_of(g, w);
    rk_shape y = RK_SHAPE(sx.dim[0], sw.dim[0], win.out_h, win.out_w);
    return conv(g, RK_OP_CONV, x, w, win, (rk_shape[]){sx, sw, y}, y);
}

rk_value rk_conv_dx(rk_graph *g, rk_value d, rk_value w, rk_window win, rk_shape x)
{
    if (!two_floats(g, RK_OP_CONV_DX, d, w) || !rk_shape_check(g, "conv_dx", x)) return 0;
    rk_shape side[] = {x, rk_shape_of(g, w), rk_shape_of(g, d)};
    return conv(g, RK_OP_CONV_DX, d, w, win, side, x);
}

rk_value rk_conv_dw(rk_graph *g, rk_value x, rk_value d, rk_window win, rk_shape w)
{
    if (!two_floats(g, RK_OP_CONV_DW, x, d) || !rk_shape_check(g, "conv_dw", w)) return 0;
    rk_shape side[] = {rk_shape_of(g, x), w, rk_shape_of(g, d)};
    return conv(g, RK_OP_CONV_DW, x, d, win, side, w);
}

bool rk_conv_of(const rk_graph *g, rk_value w, rk_window *win, rk_shape *x)
{
    for (rk_value v = 1; v < rk_graph_count(g); v++) {
        rk_node n = rk_graph_node(g, v);
        if (n.op != RK_OP_CONV || n.in[1] != w) continue;
        const int64_t *a = n.attr;
        *win = (rk_window){a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]};
        *x = rk_shape_of(g, n.in[0]);
        return true;
    }
    return false;
}

/* The shape with the last two extents replaced by the window's out. */
static rk_shape out_of(rk_shape s, rk_window w)
{
    s.dim[s.rank - 2] = w.out_h;
    s.dim[s.rank - 1] = w.out_w;
    return s;
}

/* Planes of x go with planes of y; y and an index, if any, have the same shape. */
static bool planes_ok(rk_graph *g, const char *what, rk_shape x, rk_shape y, rk_window w)
{
    if (!window_ok(g, what, w) || !rk_shape_check(g, what, x)) return false;
    if (x.rank >= 2 && rk_shape_same(out_of(x, w), y)) return true;
    RK_REJECT(g, what, "planes %s do not go with windows %s, out %lld x %lld", rk_shape_show(x).s,
              rk_shape_show(y).s, (long long)w.out_h, (long long)w.out_w);
    return false;
}

/* Forward: x alone decides the shape of the result. */
static rk_value windows(rk_graph *g, rk_opcode op, uint32_t dtype, rk_value x, rk_window w)
{
    const char *what = rk_op_info(op)->name;
    if (!rk_operand(g, what, x, RK_TYPE_F32) || !window_ok(g, what, w)) return 0;
    rk_shape s = rk_shape_of(g, x);
    if (s.rank < 2)
        return RK_REJECT(g, what, "%s has no planes: rank 2 at least", rk_value_show(g, x).s);
    return rk_build_1(g, op, dtype, out_of(s, w), x, attrs_of(w).at, WINDOW_ATTRS);
}

rk_value rk_wsum(rk_graph *g, rk_value x, rk_window w)
{
    return windows(g, RK_OP_WSUM, RK_F32, x, w);
}

rk_value rk_wargmax(rk_graph *g, rk_value x, rk_window w)
{
    return windows(g, RK_OP_WARGMAX, RK_U32, x, w);
}

rk_value rk_wsum_t(rk_graph *g, rk_value d, rk_window w, rk_shape x)
{
    if (!rk_operand(g, "wsum_t", d, RK_TYPE_F32) ||
        !planes_ok(g, "wsum_t", x, rk_shape_of(g, d), w))
        return 0;
    return rk_build_1(g, RK_OP_WSUM_T, RK_F32, x, d, attrs_of(w).at, WINDOW_ATTRS);
}

rk_value rk_wtake(rk_graph *g, rk_value x, rk_value index, rk_window w)
{
    if (!rk_operand(g, "wtake", x, RK_TYPE_F32) || !rk_operand(g, "wtake", index, RK_TYPE_U32))
        return 0;
    rk_shape s = rk_shape_of(g, index);
    if (!planes_ok(g, "wtake", rk_shape_of(g, x), s, w)) return 0;
    return rk_build_2(g, RK_OP_WTAKE, RK_F32, s, x, index, attrs_of(w).at, WINDOW_ATTRS);
}

rk_value rk_wput(rk_graph *g, rk_value d, rk_value index, rk_window w, rk_shape x)
{
    if (!rk_operand(g, "wput", d, RK_TYPE_F32) || !rk_operand(g, "wput", index, RK_TYPE_U32))
        return 0;
    rk_shape s = rk_shape_of(g, d);
    if (!rk_shape_same(s, rk_shape_of(g, index)))
        return RK_REJECT(g, "wput", "%s and its index %s differ in shape", rk_value_show(g, d).s,
                         rk_value_show(g, index).s);
    if (!planes_ok(g, "wput", x, s, w)) return 0;
    return rk_build_2(g, RK_OP_WPUT, RK_F32, x, d, index, attrs_of(w).at, WINDOW_ATTRS);
}
