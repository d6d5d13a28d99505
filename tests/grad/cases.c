#include "cases.h"

static rk_value build_unary(trial *t, const op_case *c)
{
    return c->unary(t->g, argument(t, random_shape(t, 4), c->a));
}

static rk_value build_binary(trial *t, const op_case *c)
{
    rk_shape s[2];
    random_shapes(t, 2, s);
    rk_value a = argument(t, s[0], c->a);
    rk_value b = pick(t, 8) ? argument(t, s[1], c->b) : a; /* now and then both the same */
    return c->binary(t->g, a, b);
}

static rk_value build_where(trial *t, const op_case *c)
{
    rk_shape s[3];
    random_shapes(t, 3, s);
    rk_value mask = rk_eq(t->g, words(t, s[0], 2), rk_const_u(t->g, 1));
    rk_value a = argument(t, s[1], c->a);
    return rk_where(t->g, mask, a, argument(t, s[2], c->b));
}

/* Between two functions that are not linear, so that the reshape's own derivative is differentiated
 * together with theirs. */
static rk_value build_reshape(trial *t, const op_case *c)
{
    int64_t a = 1 + pick(t, 3), b = 1 + pick(t, 3), d = 1 + pick(t, 3);
    rk_value x = rk_sin(t->g, argument(t, RK_SHAPE(a, b, d), c->a));
    return rk_sin(t->g, rk_reshape(t->g, x, pick(t, 2) ? RK_SHAPE(a * b, d) : RK_SHAPE(b, d * a)));
}

static rk_value build_expand(trial *t, const op_case *c)
{
    rk_shape s[2], all = {.rank = 5};
    random_shapes(t, 2, s);
    for (uint32_t i = 0; i < 5; i++) all.dim[i] = 1 + pick(t, 3);
    for (uint32_t i = 0; i < s[0].rank; i++)
        if (s[0].dim[i] != 1) all.dim[5 - s[0].rank + i] = s[0].dim[i];
    while (rk_shape_size(all) > 256) all = rk_shape_make(all.rank - 1, all.dim + 1);
    if (all.rank < s[0].rank) all = s[0];
    return rk_expand(t->g, argument(t, s[0], c->a), all);
}

static rk_value build_permute(trial *t, const op_case *c)
{
    rk_shape s = random_shape(t, 4);
    uint32_t axes[4];
    for (uint32_t i = 0; i < s.rank; i++) {
        uint32_t j = pick(t, i + 1);
        axes[i] = axes[j];
        axes[j] = i;
    }
    return rk_permute(t->g, argument(t, s, c->a), axes);
}

/* A random box inside s: returns its shape. */
static rk_shape random_box(trial *t, rk_shape s, int64_t *start)
{
    for (uint32_t i = 0; i < s.rank; i++) {
        start[i] = pick(t, (uint32_t)s.dim[i] + 1);
        s.dim[i] = pick(t, (uint32_t)(s.dim[i] - start[i]) + 1);
    }
    return s;
}

static rk_value build_slice(trial *t, const op_case *c)
{
    int64_t start[RK_MAX_RANK];
    rk_shape s = random_shape(t, 3), box = random_box(t, s, start);
    return rk_slice(t->g, argument(t, s, c->a), start, box);
}

static rk_value build_pad(trial *t, const op_case *c)
{
    int64_t before[RK_MAX_RANK];
    rk_shape s = random_shape(t, 3), box = random_box(t, s, before);
    return rk_pad(t->g, argument(t, box, c->a), before, s);
}

static rk_value build_concat(trial *t, const op_case *c)
{
    rk_shape s = random_shape(t, 3);
    if (s.rank == 0) s = RK_SHAPE(2);
    uint32_t n = 2 + pick(t, 3), axis = pick(t, s.rank);
    rk_value part[4];
    for (uint32_t i = 0; i < n; i++) {
        s.dim[axis] = pick(t, 4);
        part[i] = i == 3 ? part[0] : argument(t, s, c->a); /* the fourth is the first again */
    }
    return rk_concat(t->g, part, n, axis);
}

static rk_value build_reduce(trial *t, const op_case *c)
{
    rk_shape s = random_shape(t, 4);
    if (s.rank == 0) s = RK_SHAPE(3);
    for (uint32_t i = 0; c->op == RK_OP_MAX_OVER && i < s.rank; i++)
        if (s.dim[i] == 0) s.dim[i] = 2; /* the maximum of nothing is infinite */
    uint32_t first = pick(t, s.rank), count = 1 + pick(t, s.rank - first);
    rk_value x = argument(t, s, c->a);
    return c->op == RK_OP_SUM ? rk_reduce_sum(t->g, x, first, count)
                              : rk_reduce_max(t->g, x, first, count);
}

static rk_value build_matmul(trial *t, const op_case *c)
{
    int64_t m = 1 + pick(t, 4), n = 1 + pick(t, 4), k = pick(t, 5), batch = 1 + pick(t, 3);
    bool ta = pick(t, 2), tb = pick(t, 2), batch_a = pick(t, 2), batch_b = pick(t, 2);
    rk_shape a = {3, {batch, ta ? k : m, ta ? m : k}}, b = {3, {batch, tb ? n : k, tb ? k : n}};
    rk_value x = argument(t, batch_a ? a : rk_shape_make(2, a.dim + 1), c->a);
    rk_value y = argument(t, batch_b ? b : rk_shape_make(2, b.dim + 1), c->b);
    return rk_matmul(t->g, x, y, ta, tb);
}

/* The same value as both operands. */
static rk_value build_square_matmul(trial *t, const op_case *c)
{
    rk_value x = argument(t, RK_SHAPE(3, 3), c->a);
    return rk_matmul(t->g, x, x, pick(t, 2), pick(t, 2));
}

/* On planes of height x width; now and then out is one more or less than what just fits. */
static rk_window random_window(trial *t, int64_t height, int64_t width)
{
    rk_window w = {.kh = 1 + pick(t, 3),
                   .kw = 1 + pick(t, 3),
                   .stride_h = 1 + pick(t, 3),
                   .stride_w = 1 + pick(t, 3),
                   .pad_h = pick(t, 3),
                   .pad_w = pick(t, 3)};
    w.out_h = (height + 2 * w.pad_h - w.kh) / w.stride_h + pick(t, 3);
    w.out_w = (width + 2 * w.pad_w - w.kw) / w.stride_w + pick(t, 3);
    return w;
}

static rk_value build_conv(trial *t, const op_case *c)
{
    rk_shape x = {4, {1 + pick(t, 2), 1 + pick(t, 2), 3 + pick(t, 3), 3 + pick(t, 2)}};
    rk_window win = random_window(t, x.dim[2], x.dim[3]);
    rk_shape w = {4, {1 + pick(t, 2), x.dim[1], win.kh, win.kw}};
    rk_shape y = {4, {x.dim[0], w.dim[0], win.out_h, win.out_w}};
    rk_value a = argument(t, c->op == RK_OP_CONV_DX ? y : x, c->a);
    rk_value b = argument(t, c->op == RK_OP_CONV_DW ? y : w, c->b);
    switch (c->op) {
    case RK_OP_CONV: return rk_conv(t->g, a, b, win);
    case RK_OP_CONV_DX: return rk_conv_dx(t->g, a, b, win, x);
    default: return rk_conv_dw(t->g, a, b, win, w);
    }
}

/* One or more planes, and their windows. */
static rk_window random_planes(trial *t, rk_shape *x, rk_shape *y)
{
    *x = (rk_shape){3, {1 + pick(t, 3), 3 + pick(t, 3), 3 + pick(t, 3)}};
    if (pick(t, 3) == 0) *x = rk_shape_make(2, x->dim + 1);
    rk_window win = random_window(t, x->dim[x->rank - 2], x->dim[x->rank - 1]);
    *y = *x;
    y->dim[x->rank - 2] = win.out_h;
    y->dim[x->rank - 1] = win.out_w;
    return win;
}

static rk_value build_window(trial *t, const op_case *c)
{
    rk_shape x, y;
    rk_window win = random_planes(t, &x, &y);
    uint32_t plane = (uint32_t)(x.dim[x.rank - 2] * x.dim[x.rank - 1]);
    switch (c->op) {
    case RK_OP_WSUM: return rk_wsum(t->g, argument(t, x, c->a), win);
    case RK_OP_WSUM_T: return rk_wsum_t(t->g, argument(t, y, c->a), win, x);
    case RK_OP_WTAKE: {
        rk_value a = argument(t, x, c->a); /* some indices are outside of the plane */
        return rk_wtake(t->g, a, words(t, y, plane + 2), win);
    }
    default: {
        rk_value a = argument(t, y, c->a);
        return rk_wput(t->g, a, words(t, y, plane + 2), win, x);
    }
    }
}

static rk_value build_max_pool(trial *t, const op_case *c)
{
    rk_shape x, y;
    rk_window win = random_planes(t, &x, &y);
    rk_value a = argument(t, x, c->a);
    return rk_wtake(t->g, a, rk_wargmax(t->g, a, win), win);
}

static rk_value build_rows(trial *t, const op_case *c)
{
    rk_shape s = random_shape(t, 3);
    if (s.rank == 0) s = RK_SHAPE(2);
    uint32_t rows = 1 + pick(t, 4);
    if (c->op == RK_OP_PUT) {
        rk_value index = words(t, RK_SHAPE(s.dim[0]), rows + 1);
        return rk_put(t->g, argument(t, s, c->a), index, rows);
    }
    rk_value index = words(t, RK_SHAPE(rows), (uint32_t)s.dim[0] + 1);
    return rk_take(t->g, argument(t, s, c->a), index);
}

static rk_value minus_square(rk_graph *g, rk_value x) { return rk_mul(g, x, rk_neg(g, x)); }

const op_case op_cases[] = {
    {RK_OP_NEG, build_unary, rk_neg, NULL, ANY, ANY},
    {RK_OP_NEG, build_unary, minus_square, NULL, ANY, ANY},
    {RK_OP_EXP, build_unary, rk_exp, NULL, ANY, ANY},
    {RK_OP_LOG, build_unary, rk_log, NULL, POSITIVE, ANY},
    {RK_OP_SQRT, build_unary, rk_sqrt, NULL, POSITIVE, ANY},
    {RK_OP_RECIP, build_unary, rk_recip, NULL, NONZERO, ANY},
    {RK_OP_SIN, build_unary, rk_sin, NULL, ANY, ANY},
    {RK_OP_COS, build_unary, rk_cos, NULL, ANY, ANY},
    {RK_OP_ADD, build_binary, NULL, rk_add, ANY, ANY},
    {RK_OP_SUB, build_binary, NULL, rk_sub, ANY, ANY},
    {RK_OP_MUL, build_binary, NULL, rk_mul, ANY, ANY},
    {RK_OP_DIV, build_binary, NULL, rk_div, ANY, NONZERO},
    {RK_OP_MAX, build_binary, NULL, rk_max, DISTINCT, DISTINCT},
    {RK_OP_MAX, build_unary, rk_relu, NULL, DISTINCT, ANY},
    {RK_OP_WHERE, build_where, NULL, NULL, ANY, ANY},
    {RK_OP_RESHAPE, build_reshape, NULL, NULL, ANY, ANY},
    {RK_OP_EXPAND, build_expand, NULL, NULL, ANY, ANY},
    {RK_OP_PERMUTE, build_permute, NULL, NULL, ANY, ANY},
    {RK_OP_SLICE, build_slice, NULL, NULL, ANY, ANY},
    {RK_OP_PAD, build_pad, NULL, NULL, ANY, ANY},
    {RK_OP_CONCAT, build_concat, NULL, NULL, ANY, ANY},
    {RK_OP_SUM, build_reduce, NULL, NULL, ANY, ANY},
    {RK_OP_MAX_OVER, build_reduce, NULL, NULL, DISTINCT, ANY},
    {RK_OP_MATMUL, build_matmul, NULL, NULL, ANY, ANY},
    {RK_OP_MATMUL, build_square_matmul, NULL, NULL, ANY, ANY},
    {RK_OP_CONV, build_conv, NULL, NULL, ANY, ANY},
    {RK_OP_CONV_DX, build_conv, NULL, NULL, ANY, ANY},
    {RK_OP_CONV_DW, build_conv, NULL, NULL, ANY, ANY},
    {RK_OP_WSUM, build_window, NULL, NULL, ANY, ANY},
    {RK_OP_WSUM_T, build_window, NULL, NULL, ANY, ANY},
    {RK_OP_WTAKE, build_window, NULL, NULL, ANY, ANY},
    {RK_OP_WTAKE, build_max_pool, NULL, NULL, DISTINCT, ANY},
    {RK_OP_WPUT, build_window, NULL, NULL, ANY, ANY},
    {RK_OP_TAKE, build_rows, NULL, NULL, ANY, ANY},
    {RK_OP_PUT, build_rows, NULL, NULL, ANY, ANY},
};
const uint32_t n_op_cases = sizeof op_cases / sizeof *op_cases;
