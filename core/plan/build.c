/* rk_ir_build: from a graph to nodes without views. */
#include <stdlib.h>
#include <string.h>
#include "graph/node.h"
#include "plan/ir.h"
#include "rethink/numerics.h"

typedef struct builder {
    const rk_graph *g;
    rk_plan *plan;
    rk_ir *ir;
    rk_xuse *use; /* of every value of the graph */
    bool failed;  /* no memory */
} builder;

static uint32_t add(builder *b, rk_xkind kind, uint32_t dtype, const rk_shape *shape, uint32_t n_in)
{
    rk_ir *ir = b->ir;
    if (ir->n == ir->cap) {
        uint32_t cap = 2 * ir->cap + 64;
        rk_xnode *node = rk_pool_array(ir->pool, cap, sizeof *node);
        if (!node) {
            b->failed = true;
            return 0;
        }
        if (ir->n) memcpy(node, ir->node, ir->n * sizeof *node);
        ir->node = node;
        ir->cap = cap;
    }
    rk_xuse *in = rk_pool_array(ir->pool, n_in, sizeof *in);
    if (!in) b->failed = true;
    ir->node[ir->n] = (rk_xnode){.kind = kind,
                                 .dtype = dtype,
                                 .n_in = in ? n_in : 0,
                                 .shape = *shape,
                                 .n = rk_shape_size(*shape),
                                 .in = in};
    return ir->n++;
}

static rk_xuse whole(const builder *b, uint32_t node)
{
    return (rk_xuse){node, rk_pattern_whole(b->ir->node[node].n)};
}

/* The operand as the whole of a node that has, or will have, memory. */
static rk_xuse in_memory(builder *b, rk_xuse use, uint32_t dtype, const rk_shape *shape)
{
    const rk_xnode *x = &b->ir->node[use.node];
    if (rk_pattern_is_whole(&use.at) && x->n == rk_shape_size(*shape) && x->kind != RK_X_IMM &&
        x->kind != RK_X_INDEX)
        return use;
    uint32_t copy = add(b, RK_X_MAP, dtype, shape, 1);
    if (b->failed) return (rk_xuse){0};
    b->ir->node[copy].in[0] = use;
    return whole(b, copy);
}

static rk_xuse use_of(const builder *b, rk_value v) { return b->use[v]; }

/* ---- elementwise ---- */

static uint32_t imm_node(builder *b, uint32_t dtype, const rk_shape *shape, uint32_t word)
{
    uint32_t v = add(b, RK_X_IMM, dtype, shape, 0);
    if (!b->failed) b->ir->node[v].imm = word;
    return v;
}

static uint32_t compute(uint16_t op, const uint32_t *w)
{
#define WORDS_1 w[0]
#define WORDS_2 w[0], w[1]
#define WORDS_3 w[0], w[1], w[2]
#define COMPUTE(name, n)                                                                           \
    case RK_I_##name: return rk_op_##name(WORDS_##n);
    switch (op) {
        RK_INSTRUCTIONS(COMPUTE)
    default: return w[0];
    }
#undef COMPUTE
#undef WORDS_1
#undef WORDS_2
#undef WORDS_3
}

/* Broadcasts that cannot be cut into common dimensions go through memory. */
static void settle_patterns(builder *b, const rk_shape *shape, uint32_t n, rk_xuse *in)
{
    rk_cut cut = {.n = rk_shape_size(*shape)};
    for (uint32_t i = 0; i < n && !b->failed; i++)
        if (b->ir->node[in[i].node].kind != RK_X_IMM && !rk_cut_add(&cut, &in[i].at))
            in[i] = in_memory(b, in[i], b->ir->node[in[i].node].dtype, shape);
}

/* One instruction, or the constant that it makes of constants. */
static uint32_t map(builder *b, uint16_t op, uint32_t dtype, const rk_shape *shape, uint32_t n,
                    rk_xuse *in)
{
    uint32_t word[3] = {0}, constant = 0;
    settle_patterns(b, shape, n, in);
    if (b->failed) return 0;
    for (uint32_t i = 0; i < n; i++) {
        word[i] = b->ir->node[in[i].node].imm;
        constant += b->ir->node[in[i].node].kind == RK_X_IMM;
    }
    if (constant == n) return imm_node(b, dtype, shape, compute(op, word));
    uint32_t v = add(b, RK_X_MAP, dtype, shape, n);
    if (b->failed) return 0;
    b->ir->node[v].op = op;
    memcpy(b->ir->node[v].in, in, n * sizeof *in);
    return v;
}

/* The instruction of an operation on words of a type; 0 passes the operand on. */
static uint16_t instruction(rk_opcode op, uint32_t dtype)
{
    bool f = dtype == RK_F32;
    switch (op) {
    case RK_OP_NEG: return RK_I_FNEG;
    case RK_OP_EXP: return RK_I_FEXP;
    case RK_OP_LOG: return RK_I_FLOG;
    case RK_OP_SQRT: return RK_I_FSQRT;
    case RK_OP_RECIP: return RK_I_FRECIP;
    case RK_OP_SIN: return RK_I_FSIN;
    case RK_OP_COS: return RK_I_FCOS;
    case RK_OP_ADD: return f ? RK_I_FADD : RK_I_IADD;
    case RK_OP_SUB: return f ? RK_I_FSUB : RK_I_ISUB;
    case RK_OP_MUL: return f ? RK_I_FMUL : RK_I_IMUL;
    case RK_OP_DIV: return RK_I_FDIV;
    case RK_OP_MAX: return f ? RK_I_FMAX : RK_I_IMAX;
    case RK_OP_LT: return f ? RK_I_FLT : RK_I_ILT;
    case RK_OP_EQ: return f ? RK_I_FEQ : RK_I_IEQ;
    case RK_OP_MULHI: return RK_I_IMULHI;
    case RK_OP_AND: return RK_I_IAND;
    case RK_OP_SHR: return RK_I_ISHR;
    case RK_OP_WHERE: return RK_I_SELECT;
    default: return 0;
    }
}

static uint32_t cast(builder *b, const rk_node *node, rk_xuse in, uint32_t from)
{
    rk_xuse word[2] = {in};
    if (node->dtype == RK_F32) return map(b, RK_I_U2F, RK_F32, &node->shape, 1, &in);
    if (from == RK_F32) word[0] = whole(b, map(b, RK_I_F2U, RK_U32, &node->shape, 1, &in));
    if (node->dtype == RK_U32)
        return from == RK_F32 ? word[0].node : map(b, 0, RK_U32, &node->shape, 1, &in);
    word[1] = whole(b, imm_node(b, RK_U32, &node->shape, 255));
    return b->failed ? 0 : map(b, RK_I_IAND, RK_U8, &node->shape, 2, word);
}

static uint32_t elementwise(builder *b, const rk_node *node)
{
    rk_xuse in[3] = {{0}};
    for (uint32_t i = 0; i < node->n_in; i++) in[i] = use_of(b, node->in[i]);
    uint32_t from = rk_dtype_of(b->g, node->in[node->n_in - 1]);
    if (node->op == RK_OP_CAST) return cast(b, node, in[0], from);
    if (node->op == RK_OP_NOT) {
        in[1] = whole(b, imm_node(b, RK_U8, &node->shape, 0));
        return b->failed ? 0 : map(b, RK_I_IEQ, node->dtype, &node->shape, 2, in);
    }
    return map(b, instruction(node->op, from), node->dtype, &node->shape, node->n_in, in);
}

/* ---- views ---- */

static void view(builder *b, const rk_node *node, rk_value v)
{
    rk_xuse in = use_of(b, node->in[0]);
    if (node->op == RK_OP_RESHAPE || node->op == RK_OP_STOP) {
        b->use[v] = in;
        return;
    }
    rk_shape from = rk_shape_of(b->g, node->in[0]);
    rk_pattern p = rk_pattern_expand(&from, &node->shape);
    rk_xkind kind = b->ir->node[in.node].kind;
    /* An index is only itself over its whole space: elsewhere it is read from memory. */
    if (kind == RK_X_INDEX && !rk_pattern_is_whole(&p))
        in = in_memory(b, in, rk_dtype_of(b->g, node->in[0]), &from);
    if (b->failed) return;
    b->use[v].node = in.node;
    if (rk_pattern_then(&p, &in.at, &b->use[v].at)) return;
    in = in_memory(b, in, rk_dtype_of(b->g, node->in[0]), &from);
    b->use[v] = (rk_xuse){in.node, p};
}

/* ---- kernels ---- */

static uint32_t kernel(builder *b, const rk_node *node, uint32_t kind, uint32_t n_in)
{
    uint32_t v = add(b, RK_X_KERNEL, node->dtype, &node->shape, n_in);
    if (!b->failed) b->ir->node[v].kernel = kind;
    return v;
}

/* Operands first, as making them may add nodes before the kernel's. */
static uint32_t kernel_of(builder *b, const rk_node *node, uint32_t kind)
{
    rk_xuse in[3] = {{0}};
    for (uint32_t i = 0; i < node->n_in && i < 3; i++) {
        rk_shape shape = rk_shape_of(b->g, node->in[i]);
        /* A REDUCE reads through its program; only a plain one needs memory. */
        in[i] = in_memory(b, use_of(b, node->in[i]), rk_dtype_of(b->g, node->in[i]), &shape);
        if (b->failed) return 0;
    }
    uint32_t v = kernel(b, node, kind, node->n_in);
    if (b->failed) return 0;
    memcpy(b->ir->node[v].in, in, node->n_in * sizeof *in);
    return v;
}

/* ---- moves ---- */

static uint32_t move(builder *b, const rk_node *node)
{
    rk_xuse *in = rk_pool_array(b->ir->pool, node->n_in, sizeof *in);
    b->failed |= !in;
    for (uint32_t i = 0; i < node->n_in && !b->failed; i++) {
        rk_shape shape = rk_shape_of(b->g, node->in[i]);
        in[i] = in_memory(b, use_of(b, node->in[i]), node->dtype, &shape);
    }
    if (b->failed) return 0;
    uint32_t v = kernel(b, node, RK_COPY, 0);
    int64_t(*box)[24] = rk_pool_array(b->ir->pool, node->n_in, sizeof *box);
    b->failed |= !box;
    if (b->failed) return 0;
    rk_xnode *x = &b->ir->node[v];
    x->in = in;
    x->n_in = node->n_in;
    x->box = box;
    rk_move_boxes(b->g, node, box);
    x->fill = node->op == RK_OP_PAD && x->n != rk_shape_size(rk_shape_of(b->g, node->in[0]));
    return v;
}

/* ---- nodes in order ---- */

static uint32_t leaf(builder *b, const rk_node *node)
{
    if (node->op == RK_OP_CONST)
        return imm_node(b, node->dtype, &node->shape, (uint32_t)node->attr[0]);
    if (node->op == RK_OP_IOTA) return add(b, RK_X_INDEX, node->dtype, &node->shape, 0);
    uint32_t v = add(b, RK_X_BUFFER, node->dtype, &node->shape, 0);
    uint32_t buffer = b->failed ? 0 : rk_plan_temp(b->plan, node->dtype, &node->shape);
    if (!buffer) {
        b->failed = true;
        return 0;
    }
    rk_buffer *x = &b->plan->buffer[buffer];
    x->kind = node->op == RK_OP_INPUT ? RK_BUFFER_INPUT : RK_BUFFER_STATE;
    x->name = rk_pool_string(&b->plan->pool, node->name);
    x->statistic = node->statistic;
    x->trained = node->trained;
    x->init = node->init;
    b->failed |= !x->name;
    b->ir->node[v].buffer = buffer;
    return v;
}

static uint32_t kernel_node(builder *b, const rk_node *node, rk_opclass class)
{
    static const uint32_t kinds[] = {
        [RK_CLASS_RNG] = RK_RNG,   [RK_CLASS_REDUCE] = RK_REDUCE, [RK_CLASS_MATMUL] = RK_MATMUL,
        [RK_CLASS_CONV] = RK_CONV, [RK_CLASS_WINDOW] = RK_WINDOW, [RK_CLASS_TAKE] = RK_TAKE,
        [RK_CLASS_PUT] = RK_PUT};
    uint32_t v = kernel_of(b, node, kinds[class]);
    if (b->failed) return 0;
    rk_kernel_params(b->g, node, b->ir->node[v].p);
    return v;
}

/* The state's new value as the whole of a node that computes it: nothing else may be assigned. */
static void assign(builder *b, const rk_node *node)
{
    rk_ir *ir = b->ir;
    rk_xuse value = use_of(b, node->in[1]);
    rk_xkind kind = ir->node[value.node].kind;
    if ((kind != RK_X_MAP && kind != RK_X_KERNEL) || !rk_pattern_is_whole(&value.at) ||
        ir->node[value.node].n != rk_shape_size(node->shape) || ir->node[value.node].assigned) {
        uint32_t copy = add(b, RK_X_MAP, node->dtype, &node->shape, 1);
        if (b->failed) return;
        ir->node[copy].in[0] = value;
        value.node = copy;
    }
    ir->node[value.node].assigned = true;
    ir->assign[ir->n_assign++] = (rk_xassign){use_of(b, node->in[0]).node, value.node};
}

static void visit(builder *b, rk_value v)
{
    rk_node node = rk_graph_node(b->g, v);
    rk_opclass class = rk_op_info(node.op)->class;
    uint32_t made = 0;
    switch (class) {
    case RK_CLASS_LEAF: made = leaf(b, &node); break;
    case RK_CLASS_MAP:
        if (node.op == RK_OP_STOP) {
            view(b, &node, v);
            return;
        }
        made = elementwise(b, &node);
        break;
    case RK_CLASS_VIEW: view(b, &node, v); return;
    case RK_CLASS_MOVE: made = move(b, &node); break;
    case RK_CLASS_EFFECT: assign(b, &node); return;
    default: made = kernel_node(b, &node, class); break;
    }
    if (!b->failed) b->use[v] = whole(b, made);
}

rk_status rk_ir_build(const rk_graph *g, rk_plan *plan, rk_ir *ir, rk_error *e)
{
    uint32_t count = rk_graph_count(g);
    builder b = {.g = g, .plan = plan, .ir = ir};
    bool *live = rk_pool_array(ir->pool, count, sizeof *live);
    b.use = rk_pool_array(ir->pool, count, sizeof *b.use);
    ir->assign = rk_pool_array(ir->pool, count, sizeof *ir->assign);
    b.failed = !live || !b.use || !ir->assign;
    if (!b.failed) {
        rk_graph_mark(g, NULL, 0, live);
        add(&b, RK_X_NONE, 0, &(rk_shape){0}, 0);
    }
    for (rk_value v = 1; v < count && !b.failed; v++)
        if (live[v]) visit(&b, v);
    if (b.failed) return RK_FAIL(e, RK_E_NOMEM, "no memory to plan a graph of %u values", count);
    return RK_OK;
}
