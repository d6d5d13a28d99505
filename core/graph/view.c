/* Operations that move elements but compute none. */
#include "graph/builder.h"

/* One operand, any type, attributes per dimension. */
static rk_value move(rk_graph *g, rk_opcode op, rk_value a, rk_shape s, const int64_t *attr)
{
    return rk_build_1(g, op, rk_dtype_of(g, a), s, a, attr, attr ? s.rank : 0);
}

rk_value rk_reshape(rk_graph *g, rk_value a, rk_shape s)
{
    if (!rk_operand(g, "reshape", a, RK_TYPE_ANY) || !rk_shape_check(g, "reshape", s)) return 0;
    rk_node n = rk_graph_node(g, a);
    if (rk_shape_size(n.shape) != rk_shape_size(s))
        return RK_REJECT(g, "reshape", "%s has another number of elements than %s",
                         rk_value_show(g, a).s, rk_shape_show(s).s);
    if (n.op == RK_OP_RESHAPE) a = n.in[0];
    return rk_shape_same(rk_shape_of(g, a), s) ? a : move(g, RK_OP_RESHAPE, a, s, NULL);
}

rk_value rk_expand(rk_graph *g, rk_value a, rk_shape s)
{
    rk_shape all;
    if (!rk_operand(g, "expand", a, RK_TYPE_ANY) || !rk_shape_check(g, "expand", s)) return 0;
    rk_shape from = rk_shape_of(g, a), aligned = {.rank = s.rank};
    if (!rk_shape_broadcast(from, s, &all) || !rk_shape_same(all, s))
        return RK_REJECT(g, "expand", "%s does not stretch to %s", rk_value_show(g, a).s,
                         rk_shape_show(s).s);
    for (uint32_t i = 0; i < s.rank; i++)
        aligned.dim[i] = i + from.rank < s.rank ? 1 : from.dim[i + from.rank - s.rank];
    a = rk_reshape(g, a, aligned);
    if (rk_shape_same(aligned, s) || !a) return a;
    rk_node n = rk_graph_node(g, a);
    return move(g, RK_OP_EXPAND, n.op == RK_OP_EXPAND ? n.in[0] : a, s, NULL);
}

/* True if the axes say where each dimension comes from, every one once. */
static bool is_permutation(const uint32_t *axes, uint32_t rank)
{
    uint32_t seen = 0;
    for (uint32_t i = 0; i < rank; i++) {
        if (axes[i] >= rank || seen & 1u << axes[i]) return false;
        seen |= 1u << axes[i];
    }
    return true;
}

/* True if only extents of 1 change places: then no element moves. */
static bool keeps_order(rk_shape from, const int64_t *axes)
{
    int64_t last = -1;
    for (uint32_t i = 0; i < from.rank; i++) {
        if (from.dim[axes[i]] == 1) continue;
        if (axes[i] < last) return false;
        last = axes[i];
    }
    return true;
}

rk_value rk_permute(rk_graph *g, rk_value a, const uint32_t *axes)
{
    if (!rk_operand(g, "permute", a, RK_TYPE_ANY)) return 0;
    rk_node n = rk_graph_node(g, a);
    if (!is_permutation(axes, n.shape.rank))
        return RK_REJECT(g, "permute", "the axes are no permutation of the %u of %s", n.shape.rank,
                         rk_value_show(g, a).s);
    rk_shape s = {.rank = n.shape.rank};
    int64_t attr[RK_MAX_RANK];
    for (uint32_t i = 0; i < s.rank; i++) {
        s.dim[i] = n.shape.dim[axes[i]];
        attr[i] = n.op == RK_OP_PERMUTE ? n.attr[axes[i]] : axes[i];
    }
    if (n.op == RK_OP_PERMUTE) a = n.in[0];
    if (keeps_order(rk_shape_of(g, a), attr)) return rk_reshape(g, a, s);
    return move(g, RK_OP_PERMUTE, a, s, attr);
}

/* A box of shape `small` at `start` lies inside `large`. */
static bool box_fits(rk_shape small, const int64_t *start, rk_shape large)
{
    if (small.rank != large.rank) return false;
    for (uint32_t i = 0; i < small.rank; i++)
        if (start[i] < 0 || start[i] > large.dim[i] || small.dim[i] > large.dim[i] - start[i])
            return false;
    return true;
}

rk_value rk_slice(rk_graph *g, rk_value a, const int64_t *start, rk_shape s)
{
    if (!rk_operand(g, "slice", a, RK_TYPE_ANY) || !rk_shape_check(g, "slice", s)) return 0;
    rk_node n = rk_graph_node(g, a);
    int64_t attr[RK_MAX_RANK];
    if (!box_fits(s, start, n.shape))
        return RK_REJECT(g, "slice", "%s from %s is not inside %s", rk_shape_show(s).s,
                         rk_shape_show(rk_shape_make(n.shape.rank, start)).s,
                         rk_value_show(g, a).s);
    if (rk_shape_same(s, n.shape)) return a;
    for (uint32_t i = 0; i < s.rank; i++)
        attr[i] = start[i] + (n.op == RK_OP_SLICE ? n.attr[i] : 0);
    return move(g, RK_OP_SLICE, n.op == RK_OP_SLICE ? n.in[0] : a, s, attr);
}

rk_value rk_pad(rk_graph *g, rk_value a, const int64_t *before, rk_shape s)
{
    if (!rk_operand(g, "pad", a, RK_TYPE_ANY) || !rk_shape_check(g, "pad", s)) return 0;
    rk_shape from = rk_shape_of(g, a);
    if (!box_fits(from, before, s))
        return RK_REJECT(g, "pad", "%s at %s is not inside %s", rk_value_show(g, a).s,
                         rk_shape_show(rk_shape_make(from.rank, before)).s, rk_shape_show(s).s);
    return rk_shape_same(s, from) ? a : move(g, RK_OP_PAD, a, s, before);
}

/* What a part must have in common with the first. */
static bool joins(rk_graph *g, rk_value first, rk_value v, uint32_t axis)
{
    if (!rk_operand(g, "concat", v, RK_TYPE_ANY)) return false;
    rk_shape a = rk_shape_of(g, first), b = rk_shape_of(g, v);
    if (axis < a.rank && axis < b.rank) b.dim[axis] = a.dim[axis];
    if (axis < a.rank && rk_shape_same(a, b) && rk_dtype_of(g, first) == rk_dtype_of(g, v))
        return true;
    RK_REJECT(g, "concat", "%s and %s do not join along axis %u", rk_value_show(g, first).s,
              rk_value_show(g, v).s, axis);
    return false;
}

rk_value rk_concat(rk_graph *g, const rk_value *v, uint32_t n, uint32_t axis)
{
    if (n == 0) return RK_REJECT(g, "concat", "there is nothing to join");
    rk_shape s = rk_shape_of(g, v[0]);
    for (uint32_t i = 0; i < n; i++) {
        if (!joins(g, v[0], v[i], axis)) return 0;
        int64_t extent = rk_shape_of(g, v[i]).dim[axis];
        if (i > 0 && __builtin_add_overflow(s.dim[axis], extent, &s.dim[axis]))
            return RK_REJECT(g, "concat", "the parts are too long together");
    }
    if (n == 1) return v[0];
    return rk_build(g, RK_OP_CONCAT, rk_dtype_of(g, v[0]), s, v, n, &(int64_t){axis}, 1);
}
