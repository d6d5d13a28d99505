/* Layers: functions over operations. */
#include "graph/builder.h"

rk_value rk_flatten(rk_graph *g, rk_value x)
{
    if (!rk_operand(g, "flatten", x, RK_TYPE_ANY)) return 0;
    rk_shape s = rk_shape_of(g, x);
    if (s.rank == 0) return RK_REJECT(g, "flatten", "%s has no rows", rk_value_show(g, x).s);
    int64_t width = 1;
    for (uint32_t i = 1; i < s.rank; i++) width *= s.dim[i];
    return rk_reshape(g, x, RK_SHAPE(s.dim[0], width));
}

rk_value rk_relu(rk_graph *g, rk_value x) { return rk_max(g, rk_const_f(g, 0.0f), x); }

rk_value rk_mean(rk_graph *g, rk_value x, uint32_t first, uint32_t count)
{
    rk_value sum = rk_reduce_sum(g, x, first, count);
    int64_t n = 1;
    if (!sum) return 0;
    for (uint32_t i = first; i < first + count; i++) n *= rk_shape_of(g, x).dim[i];
    return rk_mul(g, sum, rk_const_f(g, 1.0f / (float)n));
}

rk_value rk_dense(rk_graph *g, rk_value x, int64_t units, rk_init weight, rk_init bias,
                  const char *name)
{
    if (!rk_operand(g, "dense", x, RK_TYPE_F32)) return 0;
    if (rk_shape_of(g, x).rank != 2)
        return RK_REJECT(g, "dense", "%s: x is %s, expected [N][in]; rk_flatten makes it so",
                         name ? name : "", rk_value_show(g, x).s);
    rk_scope_push(g, name);
    rk_value w = rk_param(g, RK_SHAPE(units, rk_dim(g, x, 1)), weight, "weight");
    rk_value b = rk_param(g, RK_SHAPE(units), bias, "bias");
    rk_scope_pop(g);
    return rk_add(g, rk_matmul(g, x, w, false, true), b);
}

rk_value rk_dropout(rk_graph *g, rk_value x, float keep, const char *name)
{
    if (!rk_operand(g, "dropout", x, RK_TYPE_F32)) return 0;
    if (!(keep > 0 && keep <= 1))
        return RK_REJECT(g, "dropout", "keep is %g, expected more than 0 and at most 1",
                         (double)keep);
    if (!rk_graph_training(g) || keep == 1) return x;
    rk_value u = rk_rng_uniform(g, rk_shape_of(g, x), name);
    rk_value kept = rk_lt(g, u, rk_const_f(g, keep));
    rk_value scaled = rk_mul(g, x, rk_const_f(g, 1.0f / keep));
    return rk_where(g, kept, scaled, rk_const_f(g, 0.0f));
}

/* x less its maximum over the last dimension, and the logarithm of the sum of its exponentials.
 * The shift changes nothing but rounding, so it needs no derivative. */
static rk_value shifted(rk_graph *g, rk_value x, rk_value *log_sum)
{
    uint32_t last = rk_shape_of(g, x).rank - 1;
    rk_value s = rk_sub(g, x, rk_stop(g, rk_reduce_max(g, x, last, 1)));
    *log_sum = rk_log(g, rk_reduce_sum(g, rk_exp(g, s), last, 1));
    return s;
}

rk_value rk_log_softmax(rk_graph *g, rk_value logits)
{
    if (!rk_operand(g, "log_softmax", logits, RK_TYPE_F32)) return 0;
    if (rk_shape_of(g, logits).rank == 0)
        return RK_REJECT(g, "log_softmax", "a scalar has no last dimension");
    rk_value log_sum, s = shifted(g, logits, &log_sum);
    return rk_sub(g, s, log_sum);
}

rk_value rk_cross_entropy(rk_graph *g, rk_value logits, rk_value labels)
{
    const char *what = "cross_entropy";
    if (!rk_operand(g, what, logits, RK_TYPE_F32) || !rk_operand(g, what, labels, RK_TYPE_U32))
        return 0;
    rk_shape s = rk_shape_of(g, logits);
    if (s.rank != 2 || !rk_shape_same(rk_shape_of(g, labels), RK_SHAPE(s.dim[0])))
        return RK_REJECT(g, what, "logits %s and labels %s, expected [N][K] and [N]",
                         rk_value_show(g, logits).s, rk_value_show(g, labels).s);
    rk_value log_sum, x = shifted(g, logits, &log_sum);
    rk_value column = rk_reshape(g, labels, RK_SHAPE(s.dim[0], 1));
    rk_value hit = rk_eq(g, rk_iota(g, s.dim[1]), column);
    rk_value picked = rk_reduce_sum(g, rk_where(g, hit, x, rk_const_f(g, 0.0f)), 1, 1);
    return rk_reshape(g, rk_sub(g, log_sum, picked), RK_SHAPE(s.dim[0]));
}
