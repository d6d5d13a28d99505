/* The steps of one unit. */
#include <string.h>
#include "plan/ir.h"

typedef struct shape_list {
    uint32_t n;
    rk_tensor in[3], out;
} shape_list;

static rk_tensor dense(uint32_t dtype, uint32_t rank, int64_t a, int64_t b, int64_t c)
{
    return rk_tensor_dense(dtype, rank, (const int64_t[]){a, b, c});
}

static rk_tensor dense_4(int64_t a, int64_t b, int64_t c, int64_t d)
{
    return rk_tensor_dense(RK_F32, 4, (const int64_t[]){a, b, c, d});
}

static void matmul_shapes(const int64_t *p, shape_list *s)
{
    int64_t a0 = p[4] ? p[3] : p[1], a1 = p[4] ? p[1] : p[3];
    int64_t b0 = p[5] ? p[2] : p[3], b1 = p[5] ? p[3] : p[2];
    s->in[0] = p[6] ? dense(RK_F32, 3, p[0], a0, a1) : dense(RK_F32, 2, a0, a1, 0);
    s->in[1] = p[7] ? dense(RK_F32, 3, p[0], b0, b1) : dense(RK_F32, 2, b0, b1, 0);
    s->out = dense(RK_F32, 3, p[0], p[1], p[2]);
}

static void conv_shapes(const int64_t *p, shape_list *s)
{
    rk_tensor x = dense_4(p[1], p[2], p[3], p[4]), w = dense_4(p[5], p[2], p[6], p[7]),
              y = dense_4(p[1], p[5], p[12], p[13]);
    s->in[0] = p[0] == RK_CONV_DX ? y : x;
    s->in[1] = p[0] == RK_CONV_DW ? y : w;
    s->out = p[0] == RK_CONV_Y ? y : p[0] == RK_CONV_DX ? x : w;
}

static void window_shapes(const int64_t *p, shape_list *s)
{
    rk_tensor x = dense(RK_F32, 3, p[1], p[2], p[3]), y = dense(RK_F32, 3, p[1], p[10], p[11]);
    bool adjoint = p[0] == RK_WINDOW_SUM_T || p[0] == RK_WINDOW_PUT;
    s->in[0] = adjoint ? y : x;
    s->in[1] = y;
    s->in[1].dtype = RK_U32;
    s->out = adjoint ? x : y;
    if (p[0] == RK_WINDOW_ARGMAX) s->out.dtype = RK_U32;
}

/* Operands and result of a kernel as it is specified, whatever the graph's views of them. */
static void kernel_shapes(const rk_ir *ir, const rk_xnode *k, shape_list *s)
{
    const int64_t *p = k->p;
    uint32_t dtype = ir->node[k->in[0].node].dtype;
    s->n = k->n_in;
    switch (k->kernel) {
    case RK_REDUCE:
        s->in[0] = dense(dtype, 3, p[1], p[2], p[3]);
        s->out = dense(k->dtype, 3, p[1], 1, p[3]);
        break;
    case RK_MATMUL: matmul_shapes(p, s); break;
    case RK_CONV: conv_shapes(p, s); break;
    case RK_WINDOW: window_shapes(p, s); break;
    case RK_RNG:
        s->in[0] = dense(RK_U32, 1, 3, 0, 0);
        s->out = dense(RK_U32, 1, k->n, 0, 0);
        break;
    default: /* TAKE, PUT */
        s->in[0] = dense(dtype, 2, k->kernel == RK_TAKE ? p[0] : p[2], p[1], 0);
        s->in[1] = dense(RK_U32, 1, p[2], 0, 0);
        s->out = dense(k->dtype, 2, k->kernel == RK_TAKE ? p[2] : p[0], p[1], 0);
        break;
    }
}

static rk_status no_memory(rk_error *e) { return RK_FAIL(e, RK_E_NOMEM, "no memory for a plan"); }

/* An empty step at the end of the plan. */
static rk_step *new_step(rk_plan *plan, uint32_t kind, uint32_t n_in, uint32_t n_out, rk_error *e)
{
    rk_tensor *in = rk_pool_array(&plan->pool, n_in, sizeof *in);
    rk_tensor *out = rk_pool_array(&plan->pool, n_out, sizeof *out);
    uint32_t *ins = rk_pool_array(&plan->pool, n_in, sizeof *ins);
    uint32_t *outs = rk_pool_array(&plan->pool, n_out, sizeof *outs);
    rk_step *step = in && out && ins && outs ? rk_plan_insert(plan, plan->n_step, 1) : NULL;
    if (!step) {
        no_memory(e);
        return NULL;
    }
    step->op.kind = kind;
    step->op.n_in = n_in;
    step->op.n_out = n_out;
    step->op.in = in;
    step->op.out = out;
    step->in = ins;
    step->out = outs;
    return step;
}

static rk_tensor *tensor_in(rk_step *s) { return (rk_tensor *)s->op.in; }
static rk_tensor *tensor_out(rk_step *s) { return (rk_tensor *)s->op.out; }

static uint32_t buffer_of(const rk_ir *ir, uint32_t node) { return ir->node[node].buffer; }

/* ---- moves ---- */

static rk_status fill_zero(rk_plan *plan, const rk_xnode *x, rk_error *e)
{
    rk_ins *code = rk_pool_array(&plan->pool, 1, sizeof *code);
    uint32_t *imm = rk_pool_array(&plan->pool, 1, sizeof *imm);
    if (!code || !imm) return no_memory(e);
    rk_step *s = new_step(plan, RK_EWISE, 0, 1, e);
    if (!s) return RK_E_NOMEM;
    code[0] = (rk_ins){RK_I_STORE, RK_R_IMM, 0, 0};
    s->op.code = code;
    s->op.imm = imm;
    s->op.n_code = s->op.n_imm = 1;
    tensor_out(s)[0] = dense(x->dtype, 1, x->n, 0, 0);
    s->out[0] = x->buffer;
    return RK_OK;
}

static bool box_empty(const int64_t *p)
{
    for (int64_t d = 0; d < p[0]; d++)
        if (p[1 + 3 * d] == 0) return true;
    return false;
}

static rk_status lower_move(rk_ir *ir, rk_plan *plan, const rk_xnode *x, rk_error *e)
{
    if (x->joined) return RK_OK;
    if (x->fill) RK_TRY(fill_zero(plan, x, e));
    for (uint32_t i = 0; i < x->n_in; i++) {
        if (box_empty(x->box[i]) || ir->node[x->in[i].node].joined) continue;
        rk_step *s = new_step(plan, RK_COPY, 1, 1, e);
        if (!s) return RK_E_NOMEM;
        const rk_xnode *from = &ir->node[x->in[i].node];
        memcpy(s->op.p, x->box[i], sizeof s->op.p);
        tensor_in(s)[0] = dense(x->dtype, 1, from->n, 0, 0);
        tensor_out(s)[0] = dense(x->dtype, 1, x->n, 0, 0);
        s->in[0] = buffer_of(ir, x->in[i].node);
        s->out[0] = x->buffer;
    }
    return RK_OK;
}

/* ---- kernels and programs ---- */

static rk_status put_program(rk_plan *plan, rk_step *s, const rk_emit *x, rk_error *e)
{
    s->op.code = rk_pool_copy(&plan->pool, x->code, x->n_code * sizeof *x->code);
    s->op.imm = rk_pool_copy(&plan->pool, x->imm, x->n_imm * sizeof *x->imm);
    if (!s->op.code || !s->op.imm) return no_memory(e);
    s->op.n_code = x->n_code;
    s->op.n_imm = x->n_imm;
    return RK_OK;
}

static void put_inputs(rk_ir *ir, rk_step *s, const rk_emit *x, uint32_t operands)
{
    for (uint32_t j = 0; j < x->n_in; j++) {
        const rk_emit_in *in = &x->in[j];
        rk_tensor *t = &tensor_in(s)[operands + j];
        *t = (rk_tensor){.dtype = ir->node[in->node].dtype, .rank = x->rank};
        memcpy(t->dim, x->dim, sizeof t->dim);
        memcpy(t->stride, in->stride, sizeof t->stride);
        s->in[operands + j] = buffer_of(ir, in->node);
        if (rk_emit_same(x, j)) s->same |= 1u << (operands + j);
    }
}

static void put_outputs(rk_ir *ir, rk_step *s, const rk_emit *x, bool reduces)
{
    int64_t dim[RK_MAX_RANK];
    memcpy(dim, x->dim, sizeof dim);
    if (reduces) dim[1] = 1;
    for (uint32_t j = 0; j < x->n_out; j++) {
        tensor_out(s)[j] = rk_tensor_dense(ir->node[x->out[j]].dtype, x->rank, dim);
        s->out[j] = buffer_of(ir, x->out[j]);
    }
}

/* A CONV whose result, or g, lies in the memory of another node. */
static void put_part(const rk_ir *ir, const rk_xnode *k, rk_step *s)
{
    if (k->kernel != RK_CONV) return;
    int64_t *p = s->op.p;
    uint32_t g = p[0] == RK_CONV_DX ? 0 : 1;
    const rk_xnode *x = p[0] == RK_CONV_Y ? k : &ir->node[k->in[g].node];
    if (!x->joined) return;
    s->op.rev = RK_CONV_PART;
    p[14] = x->apart / (p[12] * p[13]);
    p[15] = x->at / (p[12] * p[13]);
    *(p[0] == RK_CONV_Y ? tensor_out(s) : tensor_in(s) + g) = dense_4(p[1], p[14], p[12], p[13]);
}

static rk_status lower_plain(rk_ir *ir, rk_plan *plan, const rk_xnode *k, rk_emit *x, rk_error *e)
{
    shape_list shapes;
    kernel_shapes(ir, k, &shapes);
    rk_step *s = new_step(plan, k->kernel, shapes.n, 1, e);
    if (!s) return RK_E_NOMEM;
    memcpy(s->op.p, k->p, sizeof s->op.p);
    for (uint32_t i = 0; i < shapes.n; i++) {
        /* A REDUCE may read what another node, computed again, passes on. */
        tensor_in(s)[i] = shapes.in[i];
        s->in[i] = buffer_of(ir, k->kernel == RK_REDUCE ? x->in[i].node : k->in[i].node);
    }
    tensor_out(s)[0] = shapes.out;
    s->out[0] = k->buffer;
    put_part(ir, k, s);
    return RK_OK;
}

static rk_status lower_program(rk_ir *ir, rk_plan *plan, const rk_xnode *k, rk_emit *x, rk_error *e)
{
    shape_list shapes = {.n = 0};
    bool reduces = k && k->kernel == RK_REDUCE;
    if (k && !reduces) kernel_shapes(ir, k, &shapes);
    rk_step *s = new_step(plan, k ? k->kernel : RK_EWISE, shapes.n + x->n_in, x->n_out, e);
    if (!s) return RK_E_NOMEM;
    if (k) memcpy(s->op.p, k->p, sizeof s->op.p);
    for (uint32_t i = 0; i < shapes.n; i++) {
        tensor_in(s)[i] = shapes.in[i];
        s->in[i] = buffer_of(ir, k->in[i].node);
    }
    if (k) put_part(ir, k, s);
    put_inputs(ir, s, x, shapes.n);
    put_outputs(ir, s, x, reduces);
    return put_program(plan, s, x, e);
}

rk_status rk_lower_unit(rk_ir *ir, rk_plan *plan, uint32_t unit, rk_emit *x, rk_error *e)
{
    uint32_t anchor = ir->unit[unit].anchor;
    const rk_xnode *k = anchor ? &ir->node[anchor] : NULL;
    if (ir->node[ir->unit[unit].head].n == 0) return RK_OK; /* nothing to compute */
    if (k && k->kernel == RK_COPY) return lower_move(ir, plan, k, e);
    if (!rk_unit_programmable(ir, unit)) return lower_plain(ir, plan, k, x, e);
    if (!rk_emit_unit(x, ir, unit))
        return RK_FAIL(e, RK_E_INTERNAL, "a fused step is no program; please report this");
    if (!x->n_out) return RK_OK;
    return x->plain ? lower_plain(ir, plan, k, x, e) : lower_program(ir, plan, k, x, e);
}
