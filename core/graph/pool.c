/* Convolution and pooling layers. */
#include "graph/builder.h"

static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* The padding before the first element, and the number of windows, along one extent. */
static void same_extent(int64_t in, int64_t k, int64_t stride, int64_t *pad, int64_t *out)
{
    *out = (in + stride - 1) / stride;
    *pad = most((*out - 1) * stride + k - in, 0) / 2;
}

/* Bad arguments pass: what is built with the window refuses them. */
rk_window rk_window_same(const rk_graph *g, rk_value x, int64_t k, int64_t stride)
{
    rk_window w = {.kh = k, .kw = k, .stride_h = stride, .stride_w = stride};
    if (stride < 1) return w;
    same_extent(rk_dim(g, x, -2), k, stride, &w.pad_h, &w.out_h);
    same_extent(rk_dim(g, x, -1), k, stride, &w.pad_w, &w.out_w);
    return w;
}

static int64_t padded_extent(int64_t in, int64_t k, int64_t stride, int64_t pad)
{
    return in + 2 * pad < k ? 0 : (in + 2 * pad - k) / stride + 1;
}

rk_window rk_window_padded(const rk_graph *g, rk_value x, int64_t k, int64_t stride, int64_t pad)
{
    rk_window w = {k, k, stride, stride, pad, pad, 0, 0};
    if (stride < 1) return w;
    w.out_h = padded_extent(rk_dim(g, x, -2), k, stride, pad);
    w.out_w = padded_extent(rk_dim(g, x, -1), k, stride, pad);
    return w;
}

rk_value rk_conv_layer(rk_graph *g, rk_value x, int64_t filters, rk_window win, rk_init weight,
                       const rk_init *bias, const char *name)
{
    if (!rk_operand(g, "conv_layer", x, RK_TYPE_F32)) return 0;
    if (rk_shape_of(g, x).rank != 4)
        return RK_REJECT(g, "conv_layer", "%s: x is %s, expected [N][C][H][W]", name ? name : "",
                         rk_value_show(g, x).s);
    rk_scope_push(g, name);
    rk_shape shape = RK_SHAPE(filters, rk_dim(g, x, 1), win.kh, win.kw);
    rk_value w = rk_param(g, shape, weight, "weight");
    rk_value b = bias ? rk_param(g, RK_SHAPE(filters), *bias, "bias") : 0;
    rk_scope_pop(g);
    rk_value y = rk_conv(g, x, w, win);
    return bias ? rk_add(g, y, rk_reshape(g, b, RK_SHAPE(filters, 1, 1))) : y;
}

rk_value rk_max_pool(rk_graph *g, rk_value x, rk_window w)
{
    return rk_wtake(g, x, rk_wargmax(g, x, w), w);
}

/* True if some window reaches beyond x: at the top, the left, the bottom or the right. */
static bool reaches_out(rk_shape s, rk_window w)
{
    int64_t h = s.dim[s.rank - 2], width = s.dim[s.rank - 1];
    return w.pad_h > 0 || w.pad_w > 0 || (w.out_h - 1) * w.stride_h + w.kh > h ||
           (w.out_w - 1) * w.stride_w + w.kw > width;
}

rk_value rk_average_pool(rk_graph *g, rk_value x, rk_window w)
{
    rk_value sum = rk_wsum(g, x, w);
    if (!sum) return 0;
    rk_shape s = rk_shape_of(g, x);
    if (!reaches_out(s, w)) return rk_mul(g, sum, rk_const_f(g, 1.0f / (float)(w.kh * w.kw)));
    rk_value one = rk_const_f(g, 1.0f);
    rk_value ones = rk_expand(g, one, RK_SHAPE(s.dim[s.rank - 2], s.dim[s.rank - 1]));
    rk_value inside = rk_wsum(g, ones, w); /* 0 where a window lies outside: there the mean is 0 */
    return rk_div(g, sum, rk_max(g, inside, one));
}

rk_value rk_global_mean(rk_graph *g, rk_value x)
{
    if (!rk_operand(g, "global_mean", x, RK_TYPE_F32)) return 0;
    rk_shape s = rk_shape_of(g, x);
    if (s.rank != 4)
        return RK_REJECT(g, "global_mean", "x is %s, expected [N][C][H][W]", rk_value_show(g, x).s);
    return rk_reshape(g, rk_mean(g, x, 2, 2), RK_SHAPE(s.dim[0], s.dim[1]));
}
