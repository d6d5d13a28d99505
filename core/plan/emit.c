/* The program of a unit.  Fusion asks it whether a unit can be one step and what it would cost, and
 * the lowering takes the same answer: there is no second set of rules to drift from it. */
#include <string.h>
#include "plan/ir.h"

static uint16_t value(rk_emit *x, uint32_t node, const rk_pattern *at);

static uint16_t too_much(rk_emit *x)
{
    x->over = true;
    return 0;
}

static uint16_t emit_imm(rk_emit *x, uint32_t word)
{
    for (uint32_t j = 0; j < x->n_imm; j++)
        if (x->imm[j] == word) return (uint16_t)(RK_R_IMM + j);
    if (x->n_imm == RK_PROGRAM_IMM) return too_much(x);
    x->imm[x->n_imm] = word;
    return (uint16_t)(RK_R_IMM + x->n_imm++);
}

static uint16_t emit_ins(rk_emit *x, uint16_t op, uint16_t a, uint16_t b, uint16_t c)
{
    if (x->n_code == RK_PROGRAM_CODE) return too_much(x);
    x->code[x->n_code] = (rk_ins){op, a, b, c};
    return (uint16_t)(RK_R_INS + x->n_code++);
}

static bool epilogue(const rk_emit *x)
{
    uint32_t anchor = x->ir->unit[x->unit].anchor;
    return anchor && x->ir->node[anchor].kernel != RK_REDUCE;
}

static uint16_t emit_in(rk_emit *x, uint32_t node, const rk_pattern *at)
{
    uint32_t j = 0;
    while (j < x->n_in && (x->in[j].node != node || x->in[j].post != x->post ||
                           !rk_pattern_same(&x->in[j].at, at)))
        j++;
    if (j == RK_PROGRAM_TENSORS) return too_much(x);
    if (j == x->n_in) x->in[x->n_in++] = (rk_emit_in){.node = node, .at = *at, .post = x->post};
    return (uint16_t)(RK_R_IN + j + epilogue(x));
}

/* Elements of the space that is being emitted over. */
static int64_t space(const rk_emit *x)
{
    const rk_unit *u = &x->ir->unit[x->unit];
    const rk_xnode *anchor = &x->ir->node[u->anchor];
    if (u->anchor && anchor->kernel == RK_REDUCE && !x->post)
        return anchor->p[1] * anchor->p[2] * anchor->p[3];
    return x->ir->node[u->head].n;
}

static uint16_t emit_map(rk_emit *x, uint32_t node, const rk_pattern *at)
{
    const rk_xnode *n = &x->ir->node[node];
    uint16_t reg[3] = {0};
    for (uint32_t i = 0; i < x->n_memo; i++)
        if (x->memo[i].node == node && x->memo[i].post == x->post &&
            rk_pattern_same(&x->memo[i].at, at))
            return x->memo[i].reg;
    if (x->depth == RK_PROGRAM_CODE) return too_much(x);
    x->depth++;
    for (uint32_t i = 0; i < n->n_in && !x->over; i++) {
        rk_pattern through;
        if (!rk_pattern_then(at, &n->in[i].at, &through)) too_much(x);
        if (!x->over) reg[i] = value(x, n->in[i].node, &through);
    }
    x->depth--;
    if (x->over) return 0;
    if (!n->op) return reg[0];
    uint16_t r = emit_ins(x, n->op, reg[0], reg[1], reg[2]);
    if (x->over) return 0;
    x->memo[x->n_memo].node = node;
    x->memo[x->n_memo].at = *at;
    x->memo[x->n_memo].post = x->post;
    x->memo[x->n_memo++].reg = r;
    return r;
}

/* The register of a node's element as the pattern reads it. */
static uint16_t value(rk_emit *x, uint32_t node, const rk_pattern *at)
{
    const rk_xnode *n = &x->ir->node[node];
    bool own = n->unit == x->unit && (n->kind == RK_X_MAP || n->kind == RK_X_KERNEL);
    if (n->kind == RK_X_IMM) return emit_imm(x, n->imm);
    if (n->kind == RK_X_INDEX)
        return rk_pattern_is_whole(at) && n->n == space(x) ? RK_R_INDEX : too_much(x);
    if (n->kind == RK_X_MAP && n->unit == 0) return emit_map(x, node, at);
    if (!own) return emit_in(x, node, at);
    if (!rk_pattern_is_whole(at) || n->n != space(x)) return too_much(x);
    bool reduces = x->ir->node[x->ir->unit[x->unit].anchor].kernel == RK_REDUCE;
    if (reduces && !x->post) return too_much(x);
    if (n->kind == RK_X_MAP) return emit_map(x, node, at);
    if (!reduces) return RK_R_IN + 0;
    for (uint32_t j = 0; j < x->n_fold; j++)
        if (x->fold[j] == node) return (uint16_t)(RK_R_FOLD + j);
    return too_much(x);
}

/* ---- the index space ---- */

static void fixed_space(rk_emit *x, const rk_xnode *k)
{
    const int64_t *p = k->p;
    x->rank = 3;
    switch (k->kernel) {
    case RK_MATMUL: memcpy(x->dim, p, 3 * sizeof *p); break;
    case RK_REDUCE: memcpy(x->dim, p + 1, 3 * sizeof *p); break;
    case RK_WINDOW:
        x->dim[0] = p[1];
        memcpy(x->dim + 1, p[0] == RK_WINDOW_SUM ? p + 10 : p + 2, 2 * sizeof *p);
        break;
    default:
        x->rank = k->shape.rank;
        memcpy(x->dim, k->shape.dim, sizeof x->dim);
        break;
    }
}

static bool free_space(rk_emit *x)
{
    rk_cut cut = {.n = x->ir->node[x->ir->unit[x->unit].head].n};
    for (uint32_t j = 0; j < x->n_in; j++)
        if (!rk_cut_add(&cut, &x->in[j].at)) return false;
    x->rank = rk_cut_dims(&cut, x->dim);
    return true;
}

static bool input_strides(rk_emit *x, bool reduces)
{
    for (uint32_t j = 0; j < x->n_in; j++) {
        rk_emit_in *in = &x->in[j];
        if (reduces && in->post) {
            int64_t dim[2] = {x->dim[0], x->dim[2]}, stride[2];
            if (!rk_pattern_strides(&in->at, 2, dim, stride)) return false;
            in->stride[0] = stride[0];
            in->stride[1] = 0;
            in->stride[2] = stride[1];
        } else if (!rk_pattern_strides(&in->at, x->rank, x->dim, in->stride)) {
            return false;
        }
    }
    return true;
}

/* ---- the unit ---- */

/* Reductions in the order of their nodes; FOLDs come after all that they need. */
static void emit_folds(rk_emit *x)
{
    rk_ir *ir = x->ir;
    uint16_t reg[RK_PROGRAM_TENSORS];
    for (uint32_t v = ir->unit[x->unit].head; v && !x->over; v = ir->node[v].next) {
        const rk_xnode *n = &ir->node[v];
        if (n->kind != RK_X_KERNEL) continue;
        if (x->n_fold == RK_PROGRAM_TENSORS) {
            too_much(x);
            return;
        }
        reg[x->n_fold] = value(x, n->in[0].node, &n->in[0].at);
        x->fold[x->n_fold++] = v;
    }
    for (uint32_t j = 0; j < x->n_fold && !x->over; j++)
        emit_ins(x, RK_I_FOLD, reg[j], (uint16_t)j, 0);
}

static void emit_outputs(rk_emit *x)
{
    rk_ir *ir = x->ir;
    uint16_t reg[RK_PROGRAM_TENSORS];
    for (uint32_t v = ir->unit[x->unit].head; v && !x->over; v = ir->node[v].next) {
        if (!rk_ir_stored(ir, v)) continue;
        rk_pattern at = rk_pattern_whole(ir->node[v].n);
        if (x->n_out == RK_PROGRAM_TENSORS) {
            too_much(x);
            return;
        }
        reg[x->n_out] = value(x, v, &at);
        x->out[x->n_out++] = v;
    }
    for (uint32_t j = 0; j < x->n_out && !x->over; j++)
        emit_ins(x, RK_I_STORE, reg[j], (uint16_t)j, 0);
}

/* The kernel alone will do: it has one result, and that is the one output. */
static bool is_plain(const rk_emit *x)
{
    const rk_ir *ir = x->ir;
    uint32_t anchor = ir->unit[x->unit].anchor;
    if (!anchor || x->n_out != 1 || x->out[0] != anchor) return false;
    if (ir->node[anchor].kernel != RK_REDUCE) return x->n_code == 1;
    return x->n_code == 2 && x->n_in == 1 && x->code[0].a == RK_R_IN &&
           rk_pattern_is_whole(&x->in[0].at);
}

/* If the folds are the outputs, in their order, they need no STOREs. */
static void drop_stores(rk_emit *x)
{
    if (x->n_out != x->n_fold || x->n_code < x->n_fold + x->n_out) return;
    for (uint32_t j = 0; j < x->n_out; j++)
        if (x->out[j] != x->fold[j] || x->code[x->n_code - 1 - j].op != RK_I_STORE ||
            x->code[x->n_code - 1 - x->n_out - j].op != RK_I_FOLD)
            return;
    x->n_code -= x->n_out;
}

bool rk_unit_programmable(const rk_ir *ir, uint32_t unit)
{
    const rk_xnode *k = &ir->node[ir->unit[unit].anchor];
    if (!ir->unit[unit].anchor) return true;
    return k->kernel == RK_REDUCE || k->kernel == RK_MATMUL || k->kernel == RK_CONV ||
           (k->kernel == RK_WINDOW && k->p[0] <= RK_WINDOW_SUM_T);
}

/* A kernel's operands are there before its program begins. */
static bool reads_itself(const rk_ir *ir, uint32_t unit, const rk_xnode *anchor)
{
    for (uint32_t i = 0; i < anchor->n_in; i++)
        if (ir->node[anchor->in[i].node].unit == unit) return true;
    return false;
}

bool rk_emit_unit(rk_emit *x, rk_ir *ir, uint32_t unit)
{
    const rk_xnode *anchor = &ir->node[ir->unit[unit].anchor];
    bool anchored = ir->unit[unit].anchor != 0, reduces = anchored && anchor->kernel == RK_REDUCE;
    x->ir = ir;
    x->unit = unit;
    x->over = x->post = x->plain = false;
    x->n_code = x->n_imm = x->n_in = x->n_out = x->n_fold = x->n_memo = x->depth = 0;
    if (anchored && !reduces && reads_itself(ir, unit, anchor)) return false;
    if (anchored) fixed_space(x, anchor);
    if (reduces) emit_folds(x);
    x->post = reduces;
    if (!x->over) emit_outputs(x);
    if (x->over || (!anchored && !free_space(x)) || !input_strides(x, reduces)) return false;
    x->plain = is_plain(x);
    if (reduces && !x->plain) drop_stores(x);
    return x->n_in + x->n_out <= RK_PROGRAM_TENSORS;
}

bool rk_emit_same(const rk_emit *x, uint32_t j)
{
    uint32_t anchor = x->ir->unit[x->unit].anchor;
    bool reduces = anchor && x->ir->node[anchor].kernel == RK_REDUCE;
    uint16_t reg = (uint16_t)(RK_R_IN + j + epilogue(x));
    bool own = rk_pattern_is_whole(&x->in[j].at);
    if (reduces && !x->in[j].post)
        own = x->ir->node[x->in[j].node].n == x->ir->node[anchor].n && x->in[j].stride[1] == 0;
    if (!own) return false;
    for (uint32_t k = 0; k < x->n_code; k++)
        if (x->code[k].op == RK_I_STORE && x->code[k].a == reg) return false;
    return true;
}

/* Rough, in bytes moved in the same time: what a launch costs, and an instruction an element. */
static int64_t weight(uint16_t op)
{
    switch (op) {
    case RK_I_STORE: return 0;
    case RK_I_FEXP:
    case RK_I_FLOG:
    case RK_I_FSIN:
    case RK_I_FCOS: return 12;
    case RK_I_FDIV:
    case RK_I_FRECIP:
    case RK_I_FSQRT: return 4;
    default: return 1;
    }
}

int64_t rk_emit_cost(const rk_emit *x)
{
    int64_t cost = RK_LAUNCH_COST, n = 1;
    for (uint32_t d = 0; d < x->rank; d++) n *= x->dim[d];
    for (uint32_t j = 0; j < x->n_in; j++) {
        const rk_xnode *in = &x->ir->node[x->in[j].node];
        cost += in->n * rk_dtype_bytes(in->dtype);
    }
    for (uint32_t j = 0; j < x->n_out; j++) {
        const rk_xnode *out = &x->ir->node[x->out[j]];
        cost += out->n * rk_dtype_bytes(out->dtype);
    }
    for (uint32_t k = 0; k < x->n_code; k++) cost += n * weight(x->code[k].op);
    return cost;
}
