/* Whether an op keeps the contract of backend.h: tensors, programs, parameters. */
#include "opencl.h"
#include <rethink/numerics.h>
#include <stddef.h>

static const int64_t max_count = (int64_t)1 << 40;

uint32_t ocl_size(uint32_t dtype) { return dtype == RK_U8 ? 1 : 4; }

uint64_t ocl_count(const rk_tensor *t)
{
    uint64_t n = 1;
    for (uint32_t d = 0; d < t->rank; d++) n *= (uint64_t)t->dim[d];
    return n;
}

uint64_t ocl_extent(const rk_tensor *t)
{
    uint64_t n = 1;
    for (uint32_t d = 0; d < t->rank; d++)
        if (t->dim[d] == 0 || t->stride[d] != 0 || t->dim[d] == 1) n *= (uint64_t)t->dim[d];
    return n;
}

int ocl_small(const rk_device *d, const rk_op *op)
{
    int small = !d->cpu;
    for (uint32_t j = 0; j < op->n_in; j++) small &= ocl_count(&op->in[j]) < (uint64_t)1 << 31;
    for (uint32_t j = 0; j < op->n_out; j++) small &= ocl_count(&op->out[j]) < (uint64_t)1 << 31;
    return small;
}

static rk_status check_tensor(const rk_tensor *t, int broadcast, const char *what, uint32_t j,
                              rk_error *e)
{
    if (t->dtype != RK_F32 && t->dtype != RK_U32 && t->dtype != RK_U8)
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "%s %u: unknown dtype %u", what, j, t->dtype);
    if (t->rank > 6) return OCL_FAIL(e, RK_E_INVALID, 0, "%s %u: rank %u", what, j, t->rank);
    int64_t dense = 1, count = 1;
    for (uint32_t d = 0; d < t->rank; d++) {
        if (t->dim[d] < 0 || (t->dim[d] && count > max_count / t->dim[d]))
            return OCL_FAIL(e, RK_E_INVALID, 0, "%s %u: dimension %u has extent %lld", what, j, d,
                            (long long)t->dim[d]);
        count *= t->dim[d] ? t->dim[d] : 1;
    }
    if (!ocl_count(t)) return RK_OK;
    for (uint32_t d = t->rank; d-- > 0;) {
        if (t->dim[d] <= 1 || (broadcast && t->stride[d] == 0)) continue;
        if (t->stride[d] != dense)
            return OCL_FAIL(e, RK_E_INVALID, 0, "%s %u: dimension %u has stride %lld, not %lld",
                            what, j, d, (long long)t->stride[d], (long long)dense);
        dense *= t->dim[d];
    }
    return RK_OK;
}

/* How many operands an instruction has; -1 if it is unknown. */
static int arity(uint16_t op)
{
#define ARITY(name, n)                                                                             \
    case RK_I_##name: return n;
    switch (op) {
        RK_INSTRUCTIONS(ARITY)
    case RK_I_STORE: return 2;
    case RK_I_FOLD: return 2;
    default: return -1;
    }
#undef ARITY
}

/* One operand of instruction k; the last FOLD is instruction split - 1, 0 if there is none. */
static rk_status check_operand(const rk_op *op, uint32_t k, uint16_t r, uint32_t n_in,
                               uint32_t split, rk_error *e)
{
    uint32_t kind = r & (uint32_t)RK_R_KIND, number = r & (uint32_t)RK_R_NUM;
    int good = 0;
    switch (kind) {
    case RK_R_IN: good = number < n_in; break;
    case RK_R_INS:
        good = number < k && op->code[number].op != RK_I_STORE && op->code[number].op != RK_I_FOLD;
        if (k >= split && number < split) good = 0;
        break;
    case RK_R_IMM: good = number < op->n_imm; break;
    case RK_R_INDEX: good = number == 0; break;
    case RK_R_FOLD: {
        uint32_t folds = 0;
        for (uint32_t i = 0; i < split; i++) folds += op->code[i].op == RK_I_FOLD;
        good = k >= split && number < folds;
        break;
    }
    default: break;
    }
    if (good) return RK_OK;
    return OCL_FAIL(e, RK_E_INVALID, 0, "instruction %u of the program has operand 0x%04x", k, r);
}

/* Every output once, every reduction once, in [0, n). */
static rk_status check_once(const rk_op *op, uint16_t what, uint32_t n, rk_error *e)
{
    for (uint32_t j = 0; j < n; j++) {
        uint32_t times = 0;
        for (uint32_t k = 0; k < op->n_code; k++)
            times += op->code[k].op == what && op->code[k].b == j;
        if (times != 1)
            return OCL_FAIL(e, RK_E_INVALID, 0, "the program has %u %s %u, not one", times,
                            what == RK_I_STORE ? "STORE to output" : "FOLD into reduction", j);
    }
    for (uint32_t k = 0; k < op->n_code; k++)
        if (op->code[k].op == what && op->code[k].b >= n)
            return OCL_FAIL(e, RK_E_INVALID, 0, "instruction %u names %s %u of %u", k,
                            what == RK_I_STORE ? "output" : "reduction", op->code[k].b, n);
    return RK_OK;
}

static rk_status check_program(const rk_op *op, uint32_t n_in, rk_error *e)
{
    uint32_t split = 0, folds = 0;
    if (op->n_code > OCL_MAX_CODE || op->n_imm > OCL_MAX_IMM)
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0,
                        "a program of %u instructions and %u words; at most %d and %d", op->n_code,
                        op->n_imm, OCL_MAX_CODE, OCL_MAX_IMM);
    for (uint32_t k = 0; k < op->n_code; k++) {
        if (op->code[k].op != RK_I_FOLD) continue;
        split = k + 1;
        folds++;
    }
    for (uint32_t k = 0; k < op->n_code; k++) {
        const rk_ins *i = &op->code[k];
        int n = arity(i->op), special = i->op == RK_I_STORE || i->op == RK_I_FOLD;
        if (n < 0 || (i->op == RK_I_FOLD && op->kind != RK_REDUCE))
            return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "instruction %u of the program has op %u", k,
                            i->op);
        OCL_TRY(check_operand(op, k, i->a, n_in, split, e));
        if (n > 1 && !special) OCL_TRY(check_operand(op, k, i->b, n_in, split, e));
        if (n > 2) OCL_TRY(check_operand(op, k, i->c, n_in, split, e));
        if ((n < 2 && i->b) || (n < 3 && i->c))
            return OCL_FAIL(e, RK_E_INVALID, 0, "instruction %u: an unused operand is not 0", k);
        if (op->kind == RK_REDUCE && i->op == RK_I_STORE && k < split)
            return OCL_FAIL(e, RK_E_INVALID, 0, "instruction %u stores before the last FOLD", k);
    }
    if (op->kind == RK_REDUCE) {
        if (!folds) return OCL_FAIL(e, RK_E_INVALID, 0, "the program of a REDUCE has no FOLD");
        OCL_TRY(check_once(op, RK_I_FOLD, folds, e));
        if (split == op->n_code) {
            if (folds == op->n_out) return RK_OK;
            return OCL_FAIL(e, RK_E_INVALID, 0, "%u reductions for %u outputs", folds, op->n_out);
        }
    }
    return check_once(op, RK_I_STORE, op->n_out, e);
}

/* Program inputs have the rank and extents of the index space, outputs its extents. */
static rk_status check_space(const rk_op *op, uint32_t first, rk_error *e)
{
    const rk_tensor *space = op->kind == RK_REDUCE ? NULL : &op->out[0];
    for (uint32_t j = first; j < op->n_in; j++) {
        const rk_tensor *t = &op->in[j];
        int same = !space || t->rank == space->rank;
        for (uint32_t d = 0; same && space && d < space->rank; d++)
            same = t->dim[d] == space->dim[d];
        if (!same)
            return OCL_FAIL(e, RK_E_INVALID, 0, "input %u has not the shape of the index space", j);
    }
    for (uint32_t j = 1; j < op->n_out; j++) {
        int same = op->out[j].rank == op->out[0].rank;
        for (uint32_t d = 0; same && d < op->out[0].rank; d++)
            same = op->out[j].dim[d] == op->out[0].dim[d];
        if (!same) return OCL_FAIL(e, RK_E_INVALID, 0, "output %u has not output 0's shape", j);
    }
    return RK_OK;
}

static void count_operands(uint32_t kind, int64_t which, uint32_t *n)
{
    *n = kind == RK_EWISE || kind == RK_REDUCE                                       ? 0
         : kind == RK_MATMUL || kind == RK_CONV || kind == RK_TAKE || kind == RK_PUT ? 2
                                                                                     : 1;
    if (kind == RK_WINDOW && (which == RK_WINDOW_TAKE || which == RK_WINDOW_PUT)) *n = 2;
}

static rk_status check_head(const rk_op *op, rk_error *e)
{
    if (op->size < offsetof(rk_op, n_imm) + sizeof op->n_imm)
        return OCL_FAIL(e, RK_E_ABI, 0, "an op of %u bytes is too short", op->size);
    for (const unsigned char *p = (const unsigned char *)op + sizeof *op,
                             *end = (const unsigned char *)op + op->size;
         p < end; p++)
        if (*p)
            return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "the op has fields that are newer than this");
    if (op->kind < RK_EWISE || op->kind > RK_RNG)
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "unknown kind %u", op->kind);
    if (op->rev != 0 && (op->kind != RK_CONV || op->rev != RK_CONV_PART))
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "unknown revision %u of kind %u", op->rev,
                        op->kind);
    if (op->flags & ~(uint32_t)RK_OP_FAST)
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "unknown flags 0x%x", op->flags);
    if (op->n_in + op->n_out > OCL_MAX_TENSORS || op->n_in > OCL_MAX_TENSORS)
        return OCL_FAIL(e, RK_E_UNSUPPORTED, 0, "%u inputs and %u outputs; at most %d in all",
                        op->n_in, op->n_out, OCL_MAX_TENSORS);
    if (!op->n_out) return OCL_FAIL(e, RK_E_INVALID, 0, "no output");
    if (op->kind == RK_EWISE && !op->n_code)
        return OCL_FAIL(e, RK_E_INVALID, 0, "EWISE without a program");
    return RK_OK;
}

rk_status ocl_check(const rk_op *op, rk_error *e)
{
    uint32_t operands, programs = 0;
    OCL_TRY(check_head(op, e));
    programs =
        op->kind == RK_EWISE || op->kind == RK_REDUCE || op->kind == RK_MATMUL ||
        op->kind == RK_CONV ||
        (op->kind == RK_WINDOW && (op->p[0] == RK_WINDOW_SUM || op->p[0] == RK_WINDOW_SUM_T));
    count_operands(op->kind, op->p[0], &operands);
    if (op->n_code && !programs)
        return OCL_FAIL(e, RK_E_INVALID, 0, "kind %u takes no program", op->kind);
    if (!op->n_code && op->kind == RK_REDUCE) operands = 1;
    if (op->n_in < operands || (!op->n_code && op->n_in != operands))
        return OCL_FAIL(e, RK_E_INVALID, 0, "%u inputs for kind %u", op->n_in, op->kind);
    if (!op->n_code && op->n_out != 1)
        return OCL_FAIL(e, RK_E_INVALID, 0, "%u outputs without a program", op->n_out);
    for (uint32_t j = 0; j < op->n_in; j++)
        OCL_TRY(check_tensor(&op->in[j], op->n_code && j >= operands, "input", j, e));
    for (uint32_t j = 0; j < op->n_out; j++) OCL_TRY(check_tensor(&op->out[j], 0, "output", j, e));
    if (!op->n_code) return RK_OK;
    uint32_t epilogue = op->kind != RK_EWISE && op->kind != RK_REDUCE;
    OCL_TRY(check_space(op, operands, e));
    return check_program(op, op->n_in - operands + epilogue, e);
}
