/* Parts of joined tensors that convolutions write, and read, where they lie: no copy goes between.
 *
 * A branch that is concatenated along the channels, and a gradient that is sliced along them, is in
 * each image one run of elements, and images are as far apart as those of the joined tensor are. */
#include <string.h>
#include "plan/ir.h"

/* ---- ops ---- */

uint32_t rk_part_of(const rk_op *op)
{
    if (op->kind != RK_CONV || op->rev != RK_CONV_PART) return UINT32_MAX;
    return op->p[0] == RK_CONV_Y ? 2 : op->p[0] == RK_CONV_DX ? 0 : 1;
}

rk_tensor rk_part_tensor(const rk_op *op)
{
    return rk_tensor_dense(RK_F32, 4, (const int64_t[]){op->p[1], op->p[5], op->p[12], op->p[13]});
}

void rk_part_box(const rk_op *op, int64_t *p)
{
    int64_t plane = op->p[12] * op->p[13], run = op->p[5] * plane, joined = op->p[14] * plane;
    bool out = op->p[0] == RK_CONV_Y;
    const int64_t box[7] = {2, op->p[1], out ? run : joined, out ? joined : run, run, 1, 1};
    memset(p, 0, sizeof op->p);
    memcpy(p, box, sizeof box);
    p[out ? 20 : 19] = op->p[15] * plane;
}

void rk_part_whole(rk_op *op, rk_tensor *in, rk_tensor *out)
{
    uint32_t j = rk_part_of(op);
    if (j == UINT32_MAX) return;
    *(j < op->n_in ? &in[j] : &out[0]) = rk_part_tensor(op);
    op->rev = 0;
    op->p[14] = op->p[15] = 0;
}

double rk_part_bytes(const rk_op *op)
{
    return 4.0 * (double)(op->p[1] * op->p[5]) * (double)(op->p[12] * op->p[13]);
}

bool rk_step_box(const rk_step *s, int64_t *p)
{
    if (s->op.kind == RK_COPY)
        memcpy(p, s->op.p, sizeof s->op.p);
    else if (rk_part_of(&s->op) == s->op.n_in)
        rk_part_box(&s->op, p);
    else
        return false;
    return true;
}

/* ---- a part of a tensor, by way of a COPY ---- */

static rk_status no_memory(rk_error *e) { return RK_FAIL(e, RK_E_NOMEM, "no memory for a plan"); }

static rk_status put_copy(rk_plan *plan, uint32_t at, const rk_op *part, uint32_t from, uint32_t to,
                          rk_error *e)
{
    int64_t n = rk_shape_size(plan->buffer[from].shape);
    RK_TRY(rk_plan_copy(plan, at, from, to, e));
    rk_op *op = &plan->step[at].op;
    *(rk_tensor *)op->in = rk_tensor_dense(RK_F32, 1, &n);
    rk_part_box(part, op->p);
    return RK_OK;
}

/* The part of a buffer that a COPY before took out already, or 0: not of a state, whose next value
 * may be in the buffer by now. */
static uint32_t taken_out(const rk_plan *plan, uint32_t at, const rk_op *part, uint32_t from)
{
    int64_t box[24];
    if (plan->buffer[from].kind == RK_BUFFER_STATE) return 0;
    rk_tensor own = rk_part_tensor(part);
    rk_part_box(part, box);
    for (uint32_t i = at < plan->n_once ? 0 : plan->n_once; i < at; i++) {
        const rk_step *s = &plan->step[i];
        if (s->op.kind == RK_COPY && s->in[0] == from && memcmp(s->op.p, box, sizeof box) == 0 &&
            s->op.out[0].dim[0] == own.dim[0] * own.stride[0])
            return s->out[0];
    }
    return 0;
}

/* The step's kernel on the part by itself, in a buffer of its own. */
static rk_status use_whole(rk_plan *plan, uint32_t at, uint32_t operand, uint32_t buffer,
                           rk_error *e)
{
    rk_step *s = &plan->step[at];
    rk_op *op = &s->op;
    rk_tensor *in = rk_pool_copy(&plan->pool, op->in, op->n_in * sizeof *in);
    rk_tensor *out = rk_pool_copy(&plan->pool, op->out, op->n_out * sizeof *out);
    uint32_t *ins = rk_pool_copy(&plan->pool, s->in, op->n_in * sizeof *ins);
    uint32_t *outs = rk_pool_copy(&plan->pool, s->out, op->n_out * sizeof *outs);
    if (!in || !out || !ins || !outs) return no_memory(e);
    *(operand < op->n_in ? &ins[operand] : &outs[0]) = buffer;
    op->in = in;
    op->out = out;
    s->in = ins;
    s->out = outs;
    rk_part_whole(op, in, out);
    return RK_OK;
}

rk_status rk_plan_part(rk_plan *plan, uint32_t at, rk_error *e)
{
    const rk_op part = plan->step[at].op;
    uint32_t operand = rk_part_of(&part), steps = plan->n_step;
    if (operand == UINT32_MAX) return RK_FAIL(e, RK_E_UNSUPPORTED, "a step of whole tensors");
    bool out = operand == part.n_in;
    uint32_t joined = out ? plan->step[at].out[0] : plan->step[at].in[operand];
    rk_shape shape = {4, {part.p[1], part.p[5], part.p[12], part.p[13]}};
    uint32_t buffer = out ? 0 : taken_out(plan, at, &part, joined), found = buffer;
    if (!buffer) buffer = rk_plan_temp(plan, RK_F32, &shape);
    if (!buffer) return no_memory(e);
    RK_TRY(use_whole(plan, at, operand, buffer, e));
    if (out)
        RK_TRY(put_copy(plan, at + 1, &part, buffer, joined, e));
    else if (!found)
        RK_TRY(put_copy(plan, at, &part, joined, buffer, e));
    if (at < plan->n_once) plan->n_once += plan->n_step - steps;
    return RK_OK;
}

/* ---- nodes ---- */

/* What a box is if one side of it is dense and the other one has runs of elements, `apart` from
 * image to image; `at` is the first one's place. */
typedef struct runs {
    int64_t images, run, apart, at;
} runs;

/* side: 1 the input has the runs, 2 the output. */
static bool find_runs(const int64_t *box, int side, int64_t joined, runs *out)
{
    int64_t dense = 1;
    *out = (runs){.images = 1, .at = box[18 + side]};
    if (box[21 - side] != 0) return false;
    for (int64_t d = box[0]; d-- > 0;) {
        const int64_t *dim = box + 1 + 3 * d;
        int64_t extent = dim[0], stride = dim[side];
        if (extent == 1) continue;
        if (dim[3 - side] != dense) return false;
        dense *= extent;
        if (!out->apart && stride == dense / extent) continue;
        if (!out->apart) {
            out->apart = stride;
            out->run = dense / extent;
        } else if (stride != out->apart * out->images) {
            return false;
        }
        out->images *= extent;
    }
    if (!out->apart) {
        out->apart = joined;
        out->run = dense;
    }
    return out->images * out->apart == joined && out->at + out->run <= out->apart &&
           out->run < out->apart;
}

/* Whether the runs are y or g of a convolution. */
static bool is_side(const runs *r, const rk_xnode *conv)
{
    const int64_t *p = conv->p;
    int64_t plane = p[12] * p[13];
    return p[1] == r->images && p[5] * plane == r->run && r->apart % plane == 0 &&
           r->at % plane == 0;
}

static void put(rk_xnode *x, uint32_t joined, const runs *r)
{
    x->joined = joined;
    x->apart = r->apart;
    x->at = r->at;
}

/* Whether the node is read by convolutions alone, as g. */
static bool read_as_g(const rk_ir *ir, uint32_t node, const runs *r)
{
    for (uint32_t i = ir->first_user[node]; i < ir->first_user[node + 1]; i++) {
        const rk_xnode *u = &ir->node[ir->user[i]];
        if (u->kind != RK_X_KERNEL || u->kernel != RK_CONV || u->p[0] == RK_CONV_Y) return false;
        uint32_t g = u->p[0] == RK_CONV_DX ? 0 : 1;
        if (u->in[g].node != node || u->in[1 - g].node == node || !is_side(r, u)) return false;
    }
    return true;
}

void rk_ir_read_parts(rk_ir *ir)
{
    for (uint32_t v = 1; v < ir->n; v++) {
        rk_xnode *x = &ir->node[v];
        runs r;
        if (x->kind != RK_X_KERNEL || x->kernel != RK_COPY || x->n_in != 1 || x->fill ||
            x->assigned || x->n == 0 || x->dtype != RK_F32)
            continue;
        if (find_runs(x->box[0], 1, ir->node[x->in[0].node].n, &r) && read_as_g(ir, v, &r))
            put(x, x->in[0].node, &r);
    }
}

bool rk_ir_write_part(rk_ir *ir, uint32_t joined, uint32_t operand)
{
    const rk_xnode *v = &ir->node[joined];
    uint32_t from = v->in[operand].node;
    rk_xnode *y = &ir->node[from];
    const rk_unit *u = &ir->unit[y->unit];
    runs r;
    if (v->kind != RK_X_KERNEL || v->kernel != RK_COPY || v->n_in < 2 || v->fill || v->buffer ||
        y->kind != RK_X_KERNEL || y->kernel != RK_CONV || y->p[0] != RK_CONV_Y || y->assigned ||
        y->n == 0)
        return false;
    if (u->head != from || u->max != from || ir->first_user[from + 1] - ir->first_user[from] != 1 ||
        !find_runs(v->box[operand], 2, v->n, &r) || !is_side(&r, y))
        return false;
    put(y, joined, &r);
    return true;
}
