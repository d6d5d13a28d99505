#include "check.h"
#include <string.h>
#include <rethink/numerics.h>

static const int64_t most_elements = (int64_t)1 << 46;

int64_t cpu_count(const rk_tensor *t)
{
    int64_t n = 1;
    for (uint32_t d = 0; d < t->rank; d++) n *= t->dim[d];
    return n;
}

size_t cpu_dtype_bytes(uint32_t dtype) { return dtype == RK_U8 ? 1 : 4; }

uint32_t cpu_operands(const rk_op *op)
{
    switch (op->kind) {
    case RK_COPY:
    case RK_RNG: return 1;
    case RK_REDUCE: return op->n_code ? 0 : 1;
    case RK_WINDOW: return op->p[0] == RK_WINDOW_TAKE || op->p[0] == RK_WINDOW_PUT ? 2 : 1;
    case RK_MATMUL:
    case RK_CONV:
    case RK_TAKE:
    case RK_PUT: return 2;
    default: return 0;
    }
}

static int may_have_program(const rk_op *op)
{
    return op->kind == RK_EWISE || op->kind == RK_REDUCE || op->kind == RK_MATMUL ||
           op->kind == RK_CONV ||
           (op->kind == RK_WINDOW && (op->p[0] == RK_WINDOW_SUM || op->p[0] == RK_WINDOW_SUM_T));
}

static rk_status check_table(const rk_op *op, rk_error *e)
{
    if (!RK_HAS(rk_op, op, n_imm))
        return cpu_fail(e, RK_E_ABI, "prepare", "an rk_op of %u bytes is too short", op->size);
    for (size_t i = sizeof *op; i < op->size; i++)
        if (((const unsigned char *)op)[i])
            return cpu_fail(e, RK_E_ABI, "prepare", "fields of a newer rk_op are set");
    if (op->kind < RK_EWISE || op->kind > RK_RNG)
        return cpu_fail(e, RK_E_UNSUPPORTED, "prepare", "unknown kind %u", op->kind);
    if (op->rev && (op->kind != RK_CONV || op->rev != RK_CONV_PART))
        return cpu_fail(e, RK_E_UNSUPPORTED, "prepare", "unknown revision %u", op->rev);
    if (op->flags & ~(uint32_t)RK_OP_FAST)
        return cpu_fail(e, RK_E_UNSUPPORTED, "prepare", "unknown flags %#x", op->flags);
    if (op->n_in > CPU_MAX_ARGS || op->n_out > CPU_MAX_ARGS || op->n_in + op->n_out >= CPU_MAX_ARGS)
        return cpu_fail(e, RK_E_UNSUPPORTED, "prepare", "more than %d arguments", CPU_MAX_ARGS - 1);
    if (op->n_code > RK_R_NUM + 1u || op->n_imm > RK_R_NUM + 1u)
        return cpu_fail(e, RK_E_UNSUPPORTED, "prepare", "a program of more than %u words",
                        RK_R_NUM + 1u);
    if ((op->n_in && !op->in) || (op->n_out && !op->out) || (op->n_code && !op->code) ||
        (op->n_imm && !op->imm))
        return cpu_fail(e, RK_E_INVALID, "prepare", "a NULL table");
    return RK_OK;
}

static rk_status check_counts(const rk_op *op, rk_error *e)
{
    uint32_t operands = cpu_operands(op);
    if (op->n_code && !may_have_program(op))
        return cpu_fail(e, RK_E_INVALID, "prepare", "kind %u takes no program", op->kind);
    if (op->kind == RK_EWISE && !op->n_code)
        return cpu_fail(e, RK_E_INVALID, "prepare", "EWISE without a program");
    if (op->n_in < operands || (!op->n_code && op->n_in > operands))
        return cpu_fail(e, RK_E_INVALID, "prepare", "%u inputs instead of %u", op->n_in, operands);
    if (op->n_out < 1 || (!op->n_code && op->n_out > 1))
        return cpu_fail(e, RK_E_INVALID, "prepare", "%u outputs", op->n_out);
    return RK_OK;
}

static rk_status check_tensor(const rk_tensor *t, int broadcast, const char *what, uint32_t j,
                              rk_error *e)
{
    int64_t elements = 1, dense = 1;
    int empty = 0;
    if (t->dtype != RK_F32 && t->dtype != RK_U32 && t->dtype != RK_U8)
        return cpu_fail(e, RK_E_UNSUPPORTED, "prepare", "%s %u: unknown dtype %u", what, j,
                        t->dtype);
    if (t->rank > 6)
        return cpu_fail(e, RK_E_INVALID, "prepare", "%s %u: rank %u", what, j, t->rank);
    for (uint32_t d = 0; d < t->rank; d++) {
        if (t->dim[d] < 0 || t->dim[d] > most_elements / elements)
            return cpu_fail(e, RK_E_INVALID, "prepare", "%s %u: extent %lld of dimension %u", what,
                            j, (long long)t->dim[d], d);
        if (t->dim[d] == 0) empty = 1;
        if (t->dim[d] > 1) elements *= t->dim[d];
    }
    for (uint32_t d = t->rank; d-- > 0 && !empty;) {
        if (t->dim[d] == 1 || (broadcast && t->stride[d] == 0)) continue;
        if (t->stride[d] != dense)
            return cpu_fail(e, RK_E_INVALID, "prepare",
                            "%s %u: stride %lld of dimension %u is not the dense %lld", what, j,
                            (long long)t->stride[d], d, (long long)dense);
        dense *= t->dim[d];
    }
    return RK_OK;
}

static rk_status check_tensors(const rk_op *op, rk_error *e)
{
    rk_status s = RK_OK;
    for (uint32_t j = 0; j < op->n_in && s == RK_OK; j++)
        s = check_tensor(&op->in[j], j >= cpu_operands(op), "input", j, e);
    for (uint32_t j = 0; j < op->n_out && s == RK_OK; j++)
        s = check_tensor(&op->out[j], 0, "output", j, e);
    return s;
}

/* What operands may be at one instruction of a program. */
typedef struct scope {
    const rk_op *op;
    uint32_t inputs, folds, ins, first_ins;
    int after;
} scope;

static int has_result(const rk_ins *i) { return i->op != RK_I_STORE && i->op != RK_I_FOLD; }

static int operand_ok(const scope *s, uint16_t o)
{
    uint32_t j = o & RK_R_NUM;
    switch (o & RK_R_KIND) {
    case RK_R_IN: return j < s->inputs;
    case RK_R_INS: return j >= s->first_ins && j < s->ins && has_result(&s->op->code[j]);
    case RK_R_IMM: return j < s->op->n_imm;
    case RK_R_INDEX: return j == 0;
    case RK_R_FOLD: return s->after && j < s->folds;
    default: return 0;
    }
}

#define X(name, n)                                                                                 \
    case RK_I_##name: return n;
int cpu_arity(uint16_t op)
{
    switch (op) {
        RK_INSTRUCTIONS(X)
    case RK_I_STORE:
    case RK_I_FOLD: return 1;
    default: return -1;
    }
}
#undef X

static rk_status check_instruction(const scope *s, rk_error *e)
{
    const rk_ins *i = &s->op->code[s->ins];
    const uint16_t operand[3] = {i->a, i->b, i->c};
    int n = cpu_arity(i->op);
    if (n < 0)
        return cpu_fail(e, RK_E_UNSUPPORTED, "prepare", "instruction %u: unknown op %u", s->ins,
                        i->op);
    for (int j = 0; j < 3; j++) {
        if (j == 1 && !has_result(i)) continue;
        if (j < n ? operand_ok(s, operand[j]) : operand[j] == 0) continue;
        return cpu_fail(e, RK_E_INVALID, "prepare", "instruction %u: operand %d is %#x", s->ins, j,
                        operand[j]);
    }
    return RK_OK;
}

/* Counts what goes to each output (fold 0) or reduction (fold 1): every number exactly once. */
static rk_status check_targets(const rk_op *op, uint16_t code, uint32_t n, rk_error *e)
{
    for (uint32_t j = 0; j < n; j++) {
        uint32_t times = 0;
        for (uint32_t k = 0; k < op->n_code; k++)
            times += op->code[k].op == code && op->code[k].b == j;
        if (times != 1)
            return cpu_fail(e, RK_E_INVALID, "prepare", "%s %u is written %u times",
                            code == RK_I_STORE ? "output" : "reduction", j, times);
    }
    for (uint32_t k = 0; k < op->n_code; k++)
        if (op->code[k].op == code && op->code[k].b >= n)
            return cpu_fail(e, RK_E_INVALID, "prepare", "instruction %u: there is no %s %u", k,
                            code == RK_I_STORE ? "output" : "reduction", op->code[k].b);
    return RK_OK;
}

static rk_status check_folds(const rk_op *op, uint32_t folds, uint32_t after, rk_error *e)
{
    if (op->kind != RK_REDUCE && folds)
        return cpu_fail(e, RK_E_INVALID, "prepare", "FOLD belongs to REDUCE");
    if (op->kind == RK_REDUCE && !folds)
        return cpu_fail(e, RK_E_INVALID, "prepare", "a program of REDUCE without a FOLD");
    for (uint32_t k = 0; k < after; k++)
        if (op->code[k].op == RK_I_STORE)
            return cpu_fail(e, RK_E_INVALID, "prepare",
                            "instruction %u: STORE before the last FOLD", k);
    if (op->kind == RK_REDUCE && after == op->n_code && op->n_out != folds)
        return cpu_fail(e, RK_E_INVALID, "prepare", "%u reductions and %u outputs", folds,
                        op->n_out);
    return RK_OK;
}

static rk_status check_program(const rk_op *op, rk_error *e)
{
    int raw = op->kind != RK_EWISE && op->kind != RK_REDUCE;
    scope s = {.op = op, .inputs = op->n_in - cpu_operands(op) + (raw ? 1u : 0u)};
    uint32_t after = 0;
    for (uint32_t k = 0; k < op->n_code; k++)
        if (op->code[k].op == RK_I_FOLD) {
            s.folds++;
            after = k + 1;
        }
    for (s.ins = 0; s.ins < op->n_code; s.ins++) {
        s.after = after && s.ins >= after;
        s.first_ins = s.after ? after : 0;
        rk_status status = check_instruction(&s, e);
        if (status != RK_OK) return status;
    }
    rk_status status = check_folds(op, s.folds, after, e);
    if (status == RK_OK && s.folds) status = check_targets(op, RK_I_FOLD, s.folds, e);
    if (status == RK_OK && op->n_code > after) status = check_targets(op, RK_I_STORE, op->n_out, e);
    return status;
}

rk_status cpu_check_op(const rk_op *op, rk_error *e)
{
    rk_status s = check_table(op, e);
    if (s == RK_OK) s = check_counts(op, e);
    if (s == RK_OK) s = check_tensors(op, e);
    if (s == RK_OK && op->n_code) s = check_program(op, e);
    return s;
}

static rk_status check_operand(const rk_tensor *t, const char *what, uint32_t j, uint32_t dtype,
                               int64_t count, rk_error *e)
{
    if (t->dtype != dtype)
        return cpu_fail(e, RK_E_INVALID, "prepare", "%s %u: dtype %u instead of %u", what, j,
                        t->dtype, dtype);
    if (cpu_count(t) != count)
        return cpu_fail(e, RK_E_INVALID, "prepare", "%s %u: %lld elements instead of %lld", what, j,
                        (long long)cpu_count(t), (long long)count);
    return RK_OK;
}

rk_status cpu_check_in(const rk_op *op, uint32_t j, uint32_t dtype, int64_t count, rk_error *e)
{
    return check_operand(&op->in[j], "input", j, dtype, count, e);
}

rk_status cpu_check_out(const rk_op *op, uint32_t j, uint32_t dtype, int64_t count, rk_error *e)
{
    return check_operand(&op->out[j], "output", j, dtype, count, e);
}

rk_status cpu_check_extents(const rk_op *op, int from, int n, rk_error *e)
{
    int64_t elements = 1;
    for (int i = from; i < from + n; i++) {
        if (op->p[i] < 0 || op->p[i] > most_elements / elements)
            return cpu_fail(e, RK_E_INVALID, "prepare", "p[%d] = %lld is no extent", i,
                            (long long)op->p[i]);
        if (op->p[i] > 1) elements *= op->p[i];
    }
    return RK_OK;
}

static int same_shape(const rk_tensor *a, const rk_tensor *b)
{
    return a->rank == b->rank && memcmp(a->dim, b->dim, a->rank * sizeof a->dim[0]) == 0;
}

rk_status cpu_check_space(const rk_op *op, const rk_tensor *space, const rk_tensor *result,
                          rk_error *e)
{
    for (uint32_t j = cpu_operands(op); j < op->n_in; j++)
        if (!same_shape(&op->in[j], space))
            return cpu_fail(e, RK_E_INVALID, "prepare", "input %u has not the index space's shape",
                            j);
    for (uint32_t j = 0; j < op->n_out; j++)
        if (!same_shape(&op->out[j], result))
            return cpu_fail(e, RK_E_INVALID, "prepare", "output %u has not the result's shape", j);
    return RK_OK;
}

rk_status cpu_check_result(const rk_op *op, int64_t count, rk_error *e)
{
    if (!op->n_code) return cpu_check_out(op, 0, RK_F32, count, e);
    if (cpu_count(&op->out[0]) != count)
        return cpu_fail(e, RK_E_INVALID, "prepare", "output 0: %lld elements instead of %lld",
                        (long long)cpu_count(&op->out[0]), (long long)count);
    return cpu_check_space(op, &op->out[0], &op->out[0], e);
}

rk_status cpu_check_matmul(const rk_op *op, rk_error *e)
{
    const int64_t *p = op->p, batch = p[0], m = p[1], n = p[2], k = p[3];
    const int64_t extents[3][2] = {{m, k}, {k, n}, {p[6], p[7]}};
    rk_status s = cpu_check_extents(op, 0, 3, e);
    if (s == RK_OK) s = cpu_check_extents(op, 1, 3, e);
    if (s != RK_OK) return s;
    if (p[4] < 0 || p[4] > 1 || p[5] < 0 || p[5] > 1)
        return cpu_fail(e, RK_E_INVALID, "prepare", "a transpose is 0 or 1");
    for (int j = 0; j < 2; j++) {
        int64_t one = extents[j][0] * extents[j][1], stride = extents[2][j], have;
        if (op->in[j].dtype != RK_F32)
            return cpu_fail(e, RK_E_INVALID, "prepare", "input %d: dtype %u", j, op->in[j].dtype);
        have = cpu_count(&op->in[j]);
        if (stride < 0 || (batch > 1 && stride > have))
            return cpu_fail(e, RK_E_INVALID, "prepare", "batch stride %lld", (long long)stride);
        if (batch > 0 && one && ((stride && batch - 1 > have) || (batch - 1) * stride + one > have))
            return cpu_fail(e, RK_E_INVALID, "prepare", "input %d has %lld elements, not enough", j,
                            (long long)have);
    }
    return cpu_check_result(op, batch * m * n, e);
}
