/* Reductions, products, indices, and the one effect. */
#include "graph/builder.h"

static rk_value reduce(rk_graph *g, rk_opcode op, uint32_t dtype, rk_value a, uint32_t first,
                       uint32_t count)
{
    const char *what = rk_op_info(op)->name;
    if (!rk_operand(g, what, a, RK_TYPE_F32)) return 0;
    rk_shape s = rk_shape_of(g, a);
    if (count == 0 || first >= s.rank || count > s.rank - first)
        return RK_REJECT(g, what, "axes %u to %lld (not included) are none of %s", first,
                         (long long)first + count, rk_value_show(g, a).s);
    int64_t attr[] = {first, count};
    return rk_build_1(g, op, dtype, rk_shape_reduced(s, first, count), a, attr, 2);
}

rk_value rk_reduce_sum(rk_graph *g, rk_value a, uint32_t first, uint32_t count)
{
    return reduce(g, RK_OP_SUM, RK_F32, a, first, count);
}

rk_value rk_reduce_max(rk_graph *g, rk_value a, uint32_t first, uint32_t count)
{
    return reduce(g, RK_OP_MAX_OVER, RK_F32, a, first, count);
}

rk_value rk_argmax(rk_graph *g, rk_value a, uint32_t first, uint32_t count)
{
    return reduce(g, RK_OP_ARGMAX, RK_U32, a, first, count);
}

rk_value rk_matmul(rk_graph *g, rk_value a, rk_value b, bool ta, bool tb)
{
    if (!rk_operand(g, "matmul", a, RK_TYPE_F32) || !rk_operand(g, "matmul", b, RK_TYPE_F32))
        return 0;
    rk_shape sa = rk_shape_of(g, a), sb = rk_shape_of(g, b);
    bool ranks = sa.rank >= 2 && sa.rank <= 3 && sb.rank >= 2 && sb.rank <= 3;
    const int64_t *da = sa.dim + (sa.rank == 3), *db = sb.dim + (sb.rank == 3);
    if (!ranks || da[!ta] != db[tb] || (sa.rank == 3 && sb.rank == 3 && sa.dim[0] != sb.dim[0]))
        return RK_REJECT(g, "matmul", "%s%s x %s%s: %s", rk_value_show(g, a).s,
                         ta ? " transposed" : "", rk_value_show(g, b).s, tb ? " transposed" : "",
                         !ranks              ? "operands have rank 2, or 3 with a batch"
                         : da[!ta] != db[tb] ? "inner extents differ"
                                             : "batches differ");
    rk_shape s = RK_SHAPE(da[ta], db[!tb]);
    if (sa.rank == 3 || sb.rank == 3)
        s = RK_SHAPE(sa.rank == 3 ? sa.dim[0] : sb.dim[0], da[ta], db[!tb]);
    int64_t attr[] = {ta, tb};
    return rk_build_2(g, RK_OP_MATMUL, RK_F32, s, a, b, attr, 2);
}

static bool is_index(rk_graph *g, const char *what, rk_value index)
{
    if (!rk_operand(g, what, index, RK_TYPE_U32)) return false;
    if (rk_shape_of(g, index).rank == 1) return true;
    RK_REJECT(g, what, "the index is %s, expected rank 1", rk_value_show(g, index).s);
    return false;
}

rk_value rk_take(rk_graph *g, rk_value data, rk_value index)
{
    if (!rk_operand(g, "take", data, RK_TYPE_ANY) || !is_index(g, "take", index)) return 0;
    rk_shape s = rk_shape_of(g, data);
    if (s.rank == 0) return RK_REJECT(g, "take", "%s has no rows", rk_value_show(g, data).s);
    s.dim[0] = rk_dim(g, index, 0);
    return rk_build_2(g, RK_OP_TAKE, rk_dtype_of(g, data), s, data, index, NULL, 0);
}

rk_value rk_put(rk_graph *g, rk_value data, rk_value index, int64_t rows)
{
    if (!rk_operand(g, "put", data, RK_TYPE_F32) || !is_index(g, "put", index)) return 0;
    rk_shape s = rk_shape_of(g, data);
    if (s.rank == 0 || s.dim[0] != rk_dim(g, index, 0))
        return RK_REJECT(g, "put", "%s has not one row for each of the indices %s",
                         rk_value_show(g, data).s, rk_value_show(g, index).s);
    s.dim[0] = rows;
    return rk_build_2(g, RK_OP_PUT, RK_F32, s, data, index, NULL, 0);
}

/* The state may get the value: it is one, of its type and shape, and has got none. */
static bool may_assign(rk_graph *g, rk_value state, rk_value value)
{
    if (!rk_operand(g, "assign", state, RK_TYPE_ANY) ||
        !rk_operand(g, "assign", value, RK_TYPE_ANY))
        return false;
    rk_node s = rk_graph_node(g, state);
    bool fits = s.dtype == rk_dtype_of(g, value) && rk_shape_same(s.shape, rk_shape_of(g, value));
    if (s.op != RK_OP_STATE)
        RK_REJECT(g, "assign", "the target is a %s, not a state", rk_op_info(s.op)->name);
    else if (!fits)
        RK_REJECT(g, "assign", "state '%s' is %s, the value is %s", s.name,
                  rk_value_show(g, state).s, rk_value_show(g, value).s);
    for (rk_value v = state; v < rk_graph_count(g); v++) {
        rk_node n = rk_graph_node(g, v);
        if (n.op == RK_OP_ASSIGN && n.in[0] == state)
            RK_REJECT(g, "assign", "state '%s' is assigned twice", s.name);
    }
    return rk_graph_check(g, NULL) == RK_OK;
}

void rk_assign(rk_graph *g, rk_value state, rk_value value)
{
    value = rk_graph_updated(g, state, value);
    if (!may_assign(g, state, value)) return;
    rk_node s = rk_graph_node(g, state);
    rk_build_2(g, RK_OP_ASSIGN, s.dtype, s.shape, state, value, NULL, 0);
}
