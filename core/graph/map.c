/* Elementwise operations: types, broadcasting, and what needs no operation. */
#include "graph/builder.h"
#include "rethink/numerics.h"

/* Types of the operands, and of the result: 0 means as the operands. */
typedef struct typing {
    uint32_t operands, result;
} typing;

static typing typing_of(rk_opcode op)
{
    switch (op) {
    case RK_OP_NOT: return (typing){RK_TYPE_U8, 0};
    case RK_OP_ADD:
    case RK_OP_SUB:
    case RK_OP_MUL:
    case RK_OP_MAX: return (typing){RK_TYPE_F32 | RK_TYPE_U32, 0};
    case RK_OP_LT: return (typing){RK_TYPE_F32 | RK_TYPE_U32, RK_U8};
    case RK_OP_EQ: return (typing){RK_TYPE_ANY, RK_U8};
    case RK_OP_AND: return (typing){RK_TYPE_U32 | RK_TYPE_U8, 0};
    case RK_OP_MULHI:
    case RK_OP_SHR: return (typing){RK_TYPE_U32, 0};
    default: return (typing){RK_TYPE_F32, 0};
    }
}

static rk_value unary(rk_graph *g, rk_opcode op, rk_value a)
{
    if (!rk_operand(g, rk_op_info(op)->name, a, typing_of(op).operands)) return 0;
    return rk_build_1(g, op, rk_dtype_of(g, a), rk_shape_of(g, a), a, NULL, 0);
}

/* a OP constant = a, bit for bit: not x + 0, which loses the sign of -0, but x + -0. */
static const struct neutral {
    rk_opcode op;
    uint32_t dtype, bits;
    bool left; /* also constant OP a */
} neutrals[] = {
    {RK_OP_ADD, RK_F32, 0x80000000u, true}, {RK_OP_SUB, RK_F32, 0x00000000u, false},
    {RK_OP_MUL, RK_F32, 0x3F800000u, true}, {RK_OP_DIV, RK_F32, 0x3F800000u, false},
    {RK_OP_ADD, RK_U32, 0, true},           {RK_OP_SUB, RK_U32, 0, false},
    {RK_OP_MUL, RK_U32, 1, true},           {RK_OP_AND, RK_U32, 0xFFFFFFFFu, true},
    {RK_OP_SHR, RK_U32, 0, false},          {RK_OP_MAX, RK_U32, 0, true},
};

static bool is_neutral(const rk_graph *g, rk_opcode op, rk_value v, bool left)
{
    uint32_t bits;
    if (!rk_is_constant(g, v, &bits)) return false;
    for (size_t i = 0; i < sizeof neutrals / sizeof *neutrals; i++) {
        const struct neutral *n = &neutrals[i];
        if (n->op == op && n->dtype == rk_dtype_of(g, v) && n->bits == bits && (!left || n->left))
            return true;
    }
    return false;
}

static rk_value binary(rk_graph *g, rk_opcode op, rk_value a, rk_value b)
{
    const char *what = rk_op_info(op)->name;
    typing t = typing_of(op);
    if (!rk_operand(g, what, a, t.operands) || !rk_operand(g, what, b, t.operands)) return 0;
    rk_shape sa = rk_shape_of(g, a), sb = rk_shape_of(g, b), s;
    uint32_t dtype = rk_dtype_of(g, a);
    if (dtype != rk_dtype_of(g, b))
        return RK_REJECT(g, what, "%s and %s differ in type; cast one", rk_value_show(g, a).s,
                         rk_value_show(g, b).s);
    if (!rk_shape_broadcast(sa, sb, &s))
        return RK_REJECT(g, what, "%s and %s do not broadcast", rk_value_show(g, a).s,
                         rk_value_show(g, b).s);
    if (rk_shape_same(s, sa) && is_neutral(g, op, b, false)) return a;
    if (rk_shape_same(s, sb) && is_neutral(g, op, a, true)) return b;
    if (a == b && (op == RK_OP_MAX || op == RK_OP_AND)) return a;
    a = rk_expand(g, a, s);
    b = rk_expand(g, b, s);
    return rk_build_2(g, op, t.result ? t.result : dtype, s, a, b, NULL, 0);
}

rk_value rk_neg(rk_graph *g, rk_value a)
{
    rk_node n = rk_graph_node(g, a);
    return n.op == RK_OP_NEG ? n.in[0] : unary(g, RK_OP_NEG, a);
}

rk_value rk_exp(rk_graph *g, rk_value a) { return unary(g, RK_OP_EXP, a); }
rk_value rk_log(rk_graph *g, rk_value a) { return unary(g, RK_OP_LOG, a); }
rk_value rk_sqrt(rk_graph *g, rk_value a) { return unary(g, RK_OP_SQRT, a); }
rk_value rk_recip(rk_graph *g, rk_value a) { return unary(g, RK_OP_RECIP, a); }
rk_value rk_sin(rk_graph *g, rk_value a) { return unary(g, RK_OP_SIN, a); }
rk_value rk_cos(rk_graph *g, rk_value a) { return unary(g, RK_OP_COS, a); }
rk_value rk_not(rk_graph *g, rk_value a) { return unary(g, RK_OP_NOT, a); }

rk_value rk_cast(rk_graph *g, rk_value a, uint32_t dtype)
{
    if (!rk_operand(g, "cast", a, RK_TYPE_ANY)) return 0;
    if (dtype != RK_F32 && dtype != RK_U32 && dtype != RK_U8)
        return RK_REJECT(g, "cast", "%u is no type", dtype);
    if (dtype == rk_dtype_of(g, a)) return a;
    return rk_build_1(g, RK_OP_CAST, dtype, rk_shape_of(g, a), a, NULL, 0);
}

rk_value rk_stop(rk_graph *g, rk_value a)
{
    if (!rk_operand(g, "stop", a, RK_TYPE_ANY)) return 0;
    rk_node n = rk_graph_node(g, a);
    if (n.op == RK_OP_STOP || n.dtype != RK_F32) return a; /* nothing to stop */
    return rk_build_1(g, RK_OP_STOP, n.dtype, n.shape, a, NULL, 0);
}

rk_value rk_add(rk_graph *g, rk_value a, rk_value b) { return binary(g, RK_OP_ADD, a, b); }
rk_value rk_sub(rk_graph *g, rk_value a, rk_value b) { return binary(g, RK_OP_SUB, a, b); }
rk_value rk_mul(rk_graph *g, rk_value a, rk_value b) { return binary(g, RK_OP_MUL, a, b); }
rk_value rk_max(rk_graph *g, rk_value a, rk_value b) { return binary(g, RK_OP_MAX, a, b); }
rk_value rk_div(rk_graph *g, rk_value a, rk_value b) { return binary(g, RK_OP_DIV, a, b); }
rk_value rk_lt(rk_graph *g, rk_value a, rk_value b) { return binary(g, RK_OP_LT, a, b); }
rk_value rk_eq(rk_graph *g, rk_value a, rk_value b) { return binary(g, RK_OP_EQ, a, b); }
rk_value rk_mulhi(rk_graph *g, rk_value a, rk_value b) { return binary(g, RK_OP_MULHI, a, b); }
rk_value rk_and(rk_graph *g, rk_value a, rk_value b) { return binary(g, RK_OP_AND, a, b); }
rk_value rk_shr(rk_graph *g, rk_value a, rk_value b) { return binary(g, RK_OP_SHR, a, b); }

rk_value rk_where(rk_graph *g, rk_value mask, rk_value a, rk_value b)
{
    const char *what = "where";
    rk_shape s;
    if (!rk_operand(g, what, mask, RK_TYPE_U8) || !rk_operand(g, what, a, RK_TYPE_ANY) ||
        !rk_operand(g, what, b, RK_TYPE_ANY))
        return 0;
    if (rk_dtype_of(g, a) != rk_dtype_of(g, b))
        return RK_REJECT(g, what, "%s and %s differ in type; cast one", rk_value_show(g, a).s,
                         rk_value_show(g, b).s);
    if (!rk_shape_broadcast(rk_shape_of(g, a), rk_shape_of(g, b), &s) ||
        !rk_shape_broadcast(rk_shape_of(g, mask), s, &s))
        return RK_REJECT(g, what, "mask %s, %s and %s do not broadcast", rk_value_show(g, mask).s,
                         rk_value_show(g, a).s, rk_value_show(g, b).s);
    if (a == b) return rk_expand(g, a, s);
    rk_value in[] = {mask, a, b};
    for (int i = 0; i < 3; i++) in[i] = rk_expand(g, in[i], s);
    return rk_build(g, RK_OP_WHERE, rk_dtype_of(g, a), s, in, 3, NULL, 0);
}
