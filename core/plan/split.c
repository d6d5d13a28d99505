/* Steps that a device refuses, as several shorter ones.  Exact numerics make both the same bits. */
#include <string.h>
#include "plan/ir.h"

static rk_status no_memory(rk_error *e) { return RK_FAIL(e, RK_E_NOMEM, "no memory for a plan"); }

enum { MOST = RK_PROGRAM_CODE + RK_PROGRAM_TENSORS }; /* inputs: values of another part too */

/* A step under construction, copied into the plan when it is complete. */
typedef struct draft {
    rk_op op;
    uint32_t same, n_code, n_in, n_out;
    rk_ins code[RK_PROGRAM_CODE];
    rk_tensor in[MOST], out[MOST];
    uint32_t ins[MOST], outs[MOST];
} draft;

static rk_status finish(rk_plan *plan, uint32_t at, const draft *d, rk_error *e)
{
    rk_pool *pool = &plan->pool;
    rk_step s = {.op = d->op, .same = d->same, .impl = ""};
    s.op.size = sizeof s.op;
    s.op.n_in = d->n_in;
    s.op.n_out = d->n_out;
    s.op.n_code = d->n_code;
    if (!d->n_code) {
        s.op.imm = NULL;
        s.op.n_imm = 0;
    }
    s.op.in = rk_pool_copy(pool, d->in, d->n_in * sizeof *d->in);
    s.op.out = rk_pool_copy(pool, d->out, d->n_out * sizeof *d->out);
    s.op.code = rk_pool_copy(pool, d->code, d->n_code * sizeof *d->code);
    s.in = rk_pool_copy(pool, d->ins, d->n_in * sizeof *d->ins);
    s.out = rk_pool_copy(pool, d->outs, d->n_out * sizeof *d->outs);
    if (!s.op.in || !s.op.out || !s.op.code || !s.in || !s.out) return no_memory(e);
    rk_step *place = rk_plan_insert(plan, at, 1);
    if (!place) return no_memory(e);
    *place = s;
    return RK_OK;
}

static uint16_t add_input(draft *d, const rk_tensor *t, uint32_t buffer, bool same)
{
    d->in[d->n_in] = *t;
    d->ins[d->n_in] = buffer;
    if (same && d->n_in < 32) d->same |= 1u << d->n_in;
    return (uint16_t)(RK_R_IN + d->n_in++);
}

static void add_output(draft *d, const rk_tensor *t, uint32_t buffer)
{
    d->out[d->n_out] = *t;
    d->outs[d->n_out++] = buffer;
}

static uint32_t temp_like(rk_plan *plan, const rk_tensor *t)
{
    rk_shape shape = {.rank = t->rank};
    memcpy(shape.dim, t->dim, sizeof shape.dim);
    return rk_plan_temp(plan, t->dtype, &shape);
}

/* ---- a kernel with an epilogue: the kernel, then an EWISE ---- */

static rk_status split_epilogue(rk_plan *plan, uint32_t at, draft *d, rk_error *e)
{
    rk_step s = plan->step[at];
    uint32_t operands = s.op.kind == RK_WINDOW ? 1 : 2;
    rk_tensor result = s.op.out[0];
    result.dtype = RK_F32;
    uint32_t temp = temp_like(plan, &result);
    if (!temp) return no_memory(e);
    *d = (draft){.op = s.op};
    for (uint32_t j = 0; j < operands; j++) add_input(d, &s.op.in[j], s.in[j], false);
    add_output(d, &result, temp);
    RK_TRY(finish(plan, at + 1, d, e));
    *d = (draft){.op = {.kind = RK_EWISE, .imm = s.op.imm, .n_imm = s.op.n_imm}};
    bool kept = false;
    for (uint32_t k = 0; k < s.op.n_code; k++)
        kept |= s.op.code[k].op == RK_I_STORE && s.op.code[k].a == RK_R_IN;
    add_input(d, &result, temp, !kept);
    for (uint32_t j = operands; j < s.op.n_in; j++)
        add_input(d, &s.op.in[j], s.in[j], rk_step_same(&s, j));
    for (uint32_t j = 0; j < s.op.n_out; j++) add_output(d, &s.op.out[j], s.out[j]);
    d->n_code = s.op.n_code;
    memcpy(d->code, s.op.code, s.op.n_code * sizeof *d->code);
    return finish(plan, at + 2, d, e);
}

/* ---- parts of a program ---- */

enum { NOWHERE = 0xFFFF };

/* Where the values of a program's instructions are, outside of the part that computed them. */
typedef struct split {
    rk_plan *plan;
    rk_step whole;
    rk_tensor space;                    /* U32 over the index space */
    uint32_t temp[RK_PROGRAM_CODE];     /* of an instruction's result, or 0 */
    uint16_t reg[RK_PROGRAM_CODE];      /* of it in the part being made, or NOWHERE */
    uint16_t input[RK_PROGRAM_TENSORS]; /* of the whole's input, likewise */
    uint32_t fold[RK_PROGRAM_TENSORS];  /* buffers of a REDUCE's results */
    draft d;
} split;

static void begin(split *s)
{
    s->d = (draft){.op = {.kind = RK_EWISE, .imm = s->whole.op.imm, .n_imm = s->whole.op.n_imm}};
    memset(s->reg, 0xFF, sizeof s->reg);
    memset(s->input, 0xFF, sizeof s->input);
}

static uint16_t input_of(split *s, uint32_t j)
{
    rk_tensor t = s->whole.op.in[j];
    if (s->input[j] != NOWHERE) return s->input[j];
    memcpy(t.dim, s->space.dim, sizeof t.dim); /* after a REDUCE's folds the middle extent is 1 */
    s->input[j] = add_input(&s->d, &t, s->whole.in[j], rk_step_same(&s->whole, j));
    return s->input[j];
}

/* An operand as the part being made sees it. */
static uint16_t operand(split *s, uint16_t r)
{
    uint32_t number = r & (uint32_t)RK_R_NUM;
    rk_tensor f = s->space;
    switch (r & RK_R_KIND) {
    case RK_R_IN: return input_of(s, number);
    case RK_R_INS:
        if (s->reg[number] == NOWHERE)
            s->reg[number] = add_input(&s->d, &s->space, s->temp[number], false);
        return s->reg[number];
    case RK_R_FOLD:
        f.dtype = s->plan->buffer[s->fold[number]].dtype;
        for (uint32_t j = 0; j < s->d.n_in; j++)
            if (s->d.ins[j] == s->fold[number]) return (uint16_t)(RK_R_IN + j);
        return add_input(&s->d, &f, s->fold[number], false);
    default: return r;
    }
}

static uint32_t arity(uint16_t op)
{
    if (op == RK_I_STORE || op == RK_I_FOLD) return 1;
    if (op == RK_I_SELECT) return 3;
    bool unary = (op >= RK_I_FNEG && op <= RK_I_FCOS) || op == RK_I_U2F || op == RK_I_F2U;
    return unary ? 1 : 2;
}

static void copy_instruction(split *s, uint32_t k)
{
    rk_ins i = s->whole.op.code[k];
    uint32_t n = arity(i.op);
    i.a = operand(s, i.a);
    if (n > 1) i.b = operand(s, i.b);
    if (n > 2) i.c = operand(s, i.c);
    if (i.op == RK_I_STORE) {
        add_output(&s->d, &s->whole.op.out[i.b], s->whole.out[i.b]);
        i.b = (uint16_t)(s->d.n_out - 1);
    } else {
        s->reg[k] = (uint16_t)(RK_R_INS + s->d.n_code);
    }
    s->d.code[s->d.n_code++] = i;
}

static bool used_in(const rk_step *s, uint32_t value, uint32_t from, uint32_t to)
{
    for (uint32_t k = from; k < to; k++) {
        const rk_ins *i = &s->op.code[k];
        uint32_t n = arity(i->op);
        if (i->a == RK_R_INS + value || (n > 1 && i->b == RK_R_INS + value) ||
            (n > 2 && i->c == RK_R_INS + value))
            return true;
    }
    return false;
}

/* The part's instructions [from, to), what later ones need going to temporaries. */
static rk_status make_part(split *s, uint32_t from, uint32_t to, uint32_t at, rk_error *e)
{
    begin(s);
    for (uint32_t k = from; k < to; k++) copy_instruction(s, k);
    for (uint32_t k = from; k < to; k++) {
        if (s->whole.op.code[k].op == RK_I_STORE || !used_in(&s->whole, k, to, s->whole.op.n_code))
            continue;
        s->temp[k] = temp_like(s->plan, &s->space);
        if (!s->temp[k]) return no_memory(e);
        add_output(&s->d, &s->space, s->temp[k]);
        s->d.code[s->d.n_code++] = (rk_ins){RK_I_STORE, s->reg[k], (uint16_t)(s->d.n_out - 1), 0};
    }
    return finish(s->plan, at, &s->d, e);
}

/* STOREs come last and stay together in the later part, so that no part reads what an earlier one
 * has overwritten, until there are only STOREs: these read temporaries, or inputs that no output
 * may lie in. */
static rk_status split_ewise(split *s, uint32_t at, rk_error *e)
{
    const rk_op *op = &s->whole.op;
    uint32_t work = 0;
    while (work < op->n_code && op->code[work].op != RK_I_STORE) work++;
    if (op->n_code == 1 || (work == 1 && op->n_code == 2))
        return RK_FAIL(e, RK_E_UNSUPPORTED, "a program of one instruction cannot be split");
    s->space = rk_tensor_dense(RK_U32, op->out[0].rank, op->out[0].dim);
    if (work == 0) {
        for (uint32_t k = 0; k < op->n_code; k++) RK_TRY(make_part(s, k, k + 1, at + 1 + k, e));
        return RK_OK;
    }
    uint32_t half = work > 1 ? work / 2 : 1;
    RK_TRY(make_part(s, 0, half, at + 1, e));
    return make_part(s, half, op->n_code, at + 2, e);
}

/* ---- a REDUCE: first what comes after the folds leaves it, then what comes before ---- */

static uint32_t result_dtype(const rk_op *op)
{
    return op->p[0] == RK_REDUCE_ARGMAX ? RK_U32 : RK_F32;
}

/* Does the register hold an input that a REDUCE without a program could read? */
static bool is_dense(const split *s, uint16_t r)
{
    const rk_tensor *t = &s->whole.op.in[r & RK_R_NUM];
    return (r & RK_R_KIND) == RK_R_IN && t->dtype == RK_F32 &&
           memcmp(t->stride, s->space.stride, sizeof t->stride) == 0;
}

static rk_status plain_reduce(split *s, uint32_t source, uint32_t target, uint32_t at, rk_error *e)
{
    const rk_op *op = &s->whole.op;
    rk_tensor in = rk_tensor_dense(RK_F32, 3, op->p + 1), out = op->out[0];
    s->d = (draft){.op = {.kind = RK_REDUCE}};
    memcpy(s->d.op.p, op->p, sizeof op->p);
    out.dtype = result_dtype(op);
    add_input(&s->d, &in, source, false);
    add_output(&s->d, &out, target);
    return finish(s->plan, at, &s->d, e);
}

static rk_status fold_only(split *s, uint32_t work, uint32_t folds, uint32_t at, rk_error *e)
{
    const rk_op *op = &s->whole.op;
    rk_tensor result = rk_tensor_dense(result_dtype(op), op->out[0].rank, op->out[0].dim);
    s->space = rk_tensor_dense(RK_F32, 3, op->p + 1);
    for (uint32_t j = 0; j < folds; j++) {
        s->fold[j] = temp_like(s->plan, &result);
        if (!s->fold[j]) return no_memory(e);
    }
    if (work == 0 && folds == 1 && is_dense(s, op->code[0].a))
        return plain_reduce(s, s->whole.in[op->code[0].a & RK_R_NUM], s->fold[0], at, e);
    begin(s);
    s->d.op.kind = RK_REDUCE;
    memcpy(s->d.op.p, op->p, sizeof op->p);
    for (uint32_t k = 0; k < work + folds; k++) copy_instruction(s, k);
    s->d.same = 0;
    for (uint32_t j = 0; j < folds; j++) add_output(&s->d, &result, s->fold[j]);
    return finish(s->plan, at, &s->d, e);
}

static rk_status split_after(split *s, uint32_t work, uint32_t folds, uint32_t at, rk_error *e)
{
    const rk_op *op = &s->whole.op;
    RK_TRY(fold_only(s, work, folds, at + 1, e));
    s->space = rk_tensor_dense(RK_U32, op->out[0].rank, op->out[0].dim);
    begin(s);
    for (uint32_t k = work + folds; k < op->n_code; k++) copy_instruction(s, k);
    return finish(s->plan, at + 2, &s->d, e);
}

/* Plain reductions of inputs as they are, or of what an EWISE makes. */
static rk_status split_before(split *s, uint32_t work, uint32_t folds, uint32_t at, rk_error *e)
{
    const rk_op *op = &s->whole.op;
    uint32_t source[RK_PROGRAM_TENSORS];
    s->space = rk_tensor_dense(RK_F32, 3, op->p + 1);
    begin(s);
    for (uint32_t k = 0; k < work; k++) copy_instruction(s, k);
    for (uint32_t j = 0; j < folds; j++) {
        uint16_t a = op->code[work + j].a;
        source[j] = is_dense(s, a) ? s->whole.in[a & RK_R_NUM] : temp_like(s->plan, &s->space);
        if (!source[j]) return no_memory(e);
        if (is_dense(s, a)) continue;
        uint16_t r = operand(s, a);
        add_output(&s->d, &s->space, source[j]);
        s->d.code[s->d.n_code++] = (rk_ins){RK_I_STORE, r, (uint16_t)(s->d.n_out - 1), 0};
    }
    s->d.same = 0;
    if (s->d.n_out) RK_TRY(finish(s->plan, ++at, &s->d, e));
    for (uint32_t j = 0; j < folds; j++)
        RK_TRY(plain_reduce(s, source[j], s->whole.out[j], ++at, e));
    return RK_OK;
}

static rk_status split_reduce(split *s, uint32_t at, rk_error *e)
{
    const rk_op *op = &s->whole.op;
    uint32_t work = 0, folds = 0;
    while (op->code[work].op != RK_I_FOLD) work++;
    while (work + folds < op->n_code && op->code[work + folds].op == RK_I_FOLD) folds++;
    return work + folds < op->n_code ? split_after(s, work, folds, at, e)
                                     : split_before(s, work, folds, at, e);
}

rk_status rk_plan_split(rk_plan *plan, uint32_t at, rk_error *e)
{
    const rk_op *op = &plan->step[at].op;
    if (!op->n_code) return RK_FAIL(e, RK_E_UNSUPPORTED, "a step without a program is not split");
    split *s = rk_pool_alloc(&plan->pool, sizeof *s);
    if (!s) return no_memory(e);
    uint32_t steps = plan->n_step;
    s->plan = plan;
    s->whole = plan->step[at];
    if (op->kind == RK_EWISE)
        RK_TRY(split_ewise(s, at, e));
    else if (op->kind == RK_REDUCE)
        RK_TRY(split_reduce(s, at, e));
    else
        RK_TRY(split_epilogue(plan, at, &s->d, e));
    memmove(plan->step + at, plan->step + at + 1, (plan->n_step - at - 1) * sizeof *plan->step);
    plan->n_step--;
    if (at < plan->n_once) plan->n_once += plan->n_step - steps;
    return RK_OK;
}

rk_status rk_plan_detach(rk_plan *plan, uint32_t at, uint32_t output, rk_error *e)
{
    uint32_t state = plan->step[at].out[output];
    uint32_t temp = rk_plan_temp(plan, plan->buffer[state].dtype, &plan->buffer[state].shape);
    if (!temp) return no_memory(e);
    RK_TRY(rk_plan_copy(plan, at + 1, temp, state, e));
    plan->step[at].out[output] = temp;
    return RK_OK;
}
