/* Derivative rules, one per operation: from d = d loss / d y of y = op(x0, x1, ...) to the part of
 * d loss / d x_i that comes through y.  Every rule emits operations that have rules themselves, so
 * derivatives have derivatives.
 *
 * At kinks: the derivative of max(a, b) goes to b where b is larger and to a elsewhere, so that of
 * relu(x) = max(0, x) is 0 at 0, as is usual.  A maximum over axes shares its derivative equally
 * among the elements that reach it. */
#include "graph/builder.h"

/* Operand i of v, for rules that need it. */
static rk_value operand(const rk_graph *g, rk_value v, uint32_t i)
{
    return rk_graph_node(g, v).in[i];
}

static rk_value zero(rk_graph *g) { return rk_const_f(g, 0.0f); }

static rk_value rule_neg(rk_graph *g, rk_value y, rk_value d, uint32_t i)
{
    (void)y, (void)i;
    return rk_neg(g, d);
}

static rk_value rule_exp(rk_graph *g, rk_value y, rk_value d, uint32_t i)
{
    (void)i;
    return rk_mul(g, d, y);
}

static rk_value rule_log(rk_graph *g, rk_value y, rk_value d, uint32_t i)
{
    return rk_div(g, d, operand(g, y, i));
}

static rk_value rule_sqrt(rk_graph *g, rk_value y, rk_value d, uint32_t i)
{
    (void)i;
    return rk_div(g, rk_mul(g, d, rk_const_f(g, 0.5f)), y);
}

static rk_value rule_recip(rk_graph *g, rk_value y, rk_value d, uint32_t i)
{
    (void)i;
    return rk_neg(g, rk_mul(g, d, rk_mul(g, y, y)));
}

static rk_value rule_sin(rk_graph *g, rk_value y, rk_value d, uint32_t i)
{
    return rk_mul(g, d, rk_cos(g, operand(g, y, i)));
}

static rk_value rule_cos(rk_graph *g, rk_value y, rk_value d, uint32_t i)
{
    return rk_neg(g, rk_mul(g, d, rk_sin(g, operand(g, y, i))));
}

static rk_value rule_add(rk_graph *g, rk_value y, rk_value d, uint32_t i)
{
    (void)g, (void)y, (void)i;
    return d;
}

static rk_value rule_sub(rk_graph *g, rk_value y, rk_value d, uint32_t i)
{
    (void)y;
    return i == 0 ? d : rk_neg(g, d);
}

static rk_value rule_mul(rk_graph *g, rk_value y, rk_value d, uint32_t i)
{
    return rk_mul(g, d, operand(g, y, 1 - i));
}

static rk_value rule_div(rk_graph *g, rk_value y, rk_value d, uint32_t i)
{
    rk_value over = rk_div(g, d, operand(g, y, 1));
    return i == 0 ? over : rk_neg(g, rk_mul(g, over, y));
}

static rk_value rule_max(rk_graph *g, rk_value y, rk_value d, uint32_t i)
{
    /* a < y says the same as a < b, and leaves nothing but the result to be kept for it. */
    rk_value second = rk_lt(g, operand(g, y, 0), y);
    return i == 0 ? rk_where(g, second, zero(g), d) : rk_where(g, second, d, zero(g));
}

static rk_value rule_where(rk_graph *g, rk_value y, rk_value d, uint32_t i)
{
    rk_value mask = operand(g, y, 0);
    return i == 1 ? rk_where(g, mask, d, zero(g)) : rk_where(g, mask, zero(g), d);
}

static rk_value rule_reshape(rk_graph *g, rk_value y, rk_value d, uint32_t i)
{
    return rk_reshape(g, d, rk_shape_of(g, operand(g, y, i)));
}

/* Sums over every run of stretched dimensions, the last run first. */
static rk_value rule_expand(rk_graph *g, rk_value y, rk_value d, uint32_t i)
{
    rk_shape from = rk_shape_of(g, operand(g, y, i)), to = rk_shape_of(g, y);
    for (uint32_t end = from.rank; end > 0; end--) {
        uint32_t first = end;
        while (first > 0 && from.dim[first - 1] != to.dim[first - 1]) first--;
        if (first == end) continue;
        d = rk_reduce_sum(g, d, first, end - first);
        end = first + 1;
    }
    return d;
}

static rk_value rule_permute(rk_graph *g, rk_value y, rk_value d, uint32_t i)
{
    rk_node n = rk_graph_node(g, y);
    uint32_t inverse[RK_MAX_RANK];
    (void)i;
    for (uint32_t k = 0; k < n.n_attr; k++) inverse[n.attr[k]] = k;
    return rk_permute(g, d, inverse);
}

static rk_value rule_slice(rk_graph *g, rk_value y, rk_value d, uint32_t i)
{
    return rk_pad(g, d, rk_graph_node(g, y).attr, rk_shape_of(g, operand(g, y, i)));
}

static rk_value rule_pad(rk_graph *g, rk_value y, rk_value d, uint32_t i)
{
    return rk_slice(g, d, rk_graph_node(g, y).attr, rk_shape_of(g, operand(g, y, i)));
}

static rk_value rule_concat(rk_graph *g, rk_value y, rk_value d, uint32_t i)
{
    rk_node n = rk_graph_node(g, y);
    int64_t start[RK_MAX_RANK] = {0}, axis = n.attr[0];
    for (uint32_t k = 0; k < i; k++) start[axis] += rk_shape_of(g, n.in[k]).dim[axis];
    return rk_slice(g, d, start, rk_shape_of(g, n.in[i]));
}

static rk_value rule_sum(rk_graph *g, rk_value y, rk_value d, uint32_t i)
{
    return rk_expand(g, d, rk_shape_of(g, operand(g, y, i)));
}

static rk_value rule_max_over(rk_graph *g, rk_value y, rk_value d, uint32_t i)
{
    rk_node n = rk_graph_node(g, y);
    rk_value hit = rk_eq(g, n.in[i], y);
    rk_value count =
        rk_reduce_sum(g, rk_cast(g, hit, RK_F32), (uint32_t)n.attr[0], (uint32_t)n.attr[1]);
    rk_value share = rk_div(g, d, count);
    return rk_where(g, hit, share, zero(g));
}

/* [batch][m][n] as [batch * m][n]. */
static rk_value stacked(rk_graph *g, rk_value v)
{
    return rk_reshape(g, v, RK_SHAPE(rk_dim(g, v, 0) * rk_dim(g, v, 1), rk_dim(g, v, 2)));
}

/* A derivative with a batch, of an operand without one. */
static rk_value over_batch(rk_graph *g, rk_value v)
{
    rk_value sum = rk_reduce_sum(g, v, 0, 1);
    return rk_reshape(g, sum, RK_SHAPE(rk_dim(g, v, 1), rk_dim(g, v, 2)));
}

static rk_value rule_matmul(rk_graph *g, rk_value y, rk_value d, uint32_t i)
{
    rk_node n = rk_graph_node(g, y);
    rk_value a = n.in[0], b = n.in[1];
    bool ta = n.attr[0], tb = n.attr[1];
    uint32_t rank = rk_shape_of(g, n.in[i]).rank;
    if (i == 1 && !ta && rank == 2 && n.shape.rank == 3) { /* the batch is just more rows of a */
        a = stacked(g, a);
        d = stacked(g, d);
    }
    rk_value x;
    if (i == 0)
        x = ta ? rk_matmul(g, b, d, tb, true) : rk_matmul(g, d, b, false, !tb);
    else
        x = tb ? rk_matmul(g, d, a, true, ta) : rk_matmul(g, a, d, !ta, false);
    return rk_shape_of(g, x).rank > rank ? over_batch(g, x) : x;
}

static rk_window window_of(rk_node n)
{
    return (rk_window){n.attr[0], n.attr[1], n.attr[2], n.attr[3],
                       n.attr[4], n.attr[5], n.attr[6], n.attr[7]};
}

/* <g, conv(x, w)> is linear in x, w and g, and conv_dx, conv_dw and conv are its derivatives: so
 * are theirs. */
static rk_value rule_conv(rk_graph *g, rk_value y, rk_value d, uint32_t i)
{
    rk_node n = rk_graph_node(g, y);
    rk_window win = window_of(n);
    rk_shape s = rk_shape_of(g, n.in[i]);
    switch (n.op) {
    case RK_OP_CONV:
        return i == 0 ? rk_conv_dx(g, d, n.in[1], win, s) : rk_conv_dw(g, n.in[0], d, win, s);
    case RK_OP_CONV_DX:
        return i == 0 ? rk_conv(g, d, n.in[1], win) : rk_conv_dw(g, d, n.in[0], win, s);
    default: /* CONV_DW */
        return i == 0 ? rk_conv_dx(g, n.in[1], d, win, s) : rk_conv(g, n.in[0], d, win);
    }
}

/* Adjoint pairs: wsum and wsum_t, wtake and wput, take and put. */
static rk_value rule_adjoint(rk_graph *g, rk_value y, rk_value d, uint32_t i)
{
    rk_node n = rk_graph_node(g, y);
    rk_shape s = rk_shape_of(g, n.in[i]);
    switch (n.op) {
    case RK_OP_WSUM: return rk_wsum_t(g, d, window_of(n), s);
    case RK_OP_WSUM_T: return rk_wsum(g, d, window_of(n));
    case RK_OP_WTAKE: return rk_wput(g, d, n.in[1], window_of(n), s);
    case RK_OP_WPUT: return rk_wtake(g, d, n.in[1], window_of(n));
    case RK_OP_TAKE: return rk_put(g, d, n.in[1], s.dim[0]);
    default: return rk_take(g, d, n.in[1]); /* PUT */
    }
}

rk_rule *rk_rule_of(rk_opcode op)
{
    static rk_rule *const rules[RK_OP_COUNT] = {
        [RK_OP_NEG] = rule_neg,           [RK_OP_EXP] = rule_exp,
        [RK_OP_LOG] = rule_log,           [RK_OP_SQRT] = rule_sqrt,
        [RK_OP_RECIP] = rule_recip,       [RK_OP_SIN] = rule_sin,
        [RK_OP_COS] = rule_cos,           [RK_OP_ADD] = rule_add,
        [RK_OP_SUB] = rule_sub,           [RK_OP_MUL] = rule_mul,
        [RK_OP_DIV] = rule_div,           [RK_OP_MAX] = rule_max,
        [RK_OP_WHERE] = rule_where,       [RK_OP_RESHAPE] = rule_reshape,
        [RK_OP_EXPAND] = rule_expand,     [RK_OP_PERMUTE] = rule_permute,
        [RK_OP_SLICE] = rule_slice,       [RK_OP_PAD] = rule_pad,
        [RK_OP_CONCAT] = rule_concat,     [RK_OP_SUM] = rule_sum,
        [RK_OP_MAX_OVER] = rule_max_over, [RK_OP_MATMUL] = rule_matmul,
        [RK_OP_CONV] = rule_conv,         [RK_OP_CONV_DX] = rule_conv,
        [RK_OP_CONV_DW] = rule_conv,      [RK_OP_WSUM] = rule_adjoint,
        [RK_OP_WSUM_T] = rule_adjoint,    [RK_OP_WTAKE] = rule_adjoint,
        [RK_OP_WPUT] = rule_adjoint,      [RK_OP_TAKE] = rule_adjoint,
        [RK_OP_PUT] = rule_adjoint,
    };
    return op < RK_OP_COUNT ? rules[op] : NULL;
}
