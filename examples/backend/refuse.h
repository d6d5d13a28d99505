/* refuse.h: ops that are not legal, or too large, are refused with a reason.  A backend includes it
 * and calls refuse() first in prepare; nothing here depends on the device.  Programs are allowed on
 * EWISE only, which is all that a backend must have: the core does without the others. */
#ifndef REFUSE_H
#define REFUSE_H
#include <rethink/backend.h>
#include <rethink/numerics.h>
#include <stdio.h>

/* Fills the caller's error, if there is one, and is its code. */
#define FAIL(e, status, ...)                                                                       \
    ((e) ? (snprintf((e)->text, sizeof(e)->text, __VA_ARGS__), (e)->code = (status)) : (status))

typedef struct limits {
    uint32_t tensors, code, imm;
    uint64_t elements; /* of one tensor */
} limits;

static size_t bytes_of(uint32_t dtype) { return dtype == RK_U8 ? 1 : 4; }

static int64_t count(const rk_tensor *t)
{
    int64_t n = 1;
    for (uint32_t d = 0; d < t->rank; d++) n *= t->dim[d];
    return n;
}

static int arity(uint16_t op)
{
#define ARITY(name, n)                                                                             \
    case RK_I_##name: return n;
    switch (op) {
        RK_INSTRUCTIONS(ARITY)
    default: return op == RK_I_STORE;
    }
}

static int exists(const rk_op *op, uint32_t at, uint16_t o)
{
    uint32_t j = o & RK_R_NUM, kind = o & RK_R_KIND;
    if (kind == RK_R_IN) return j < op->n_in;
    if (kind == RK_R_INS) return j < at && op->code[j].op != RK_I_STORE;
    return kind == RK_R_IMM ? j < op->n_imm : o == RK_R_INDEX;
}

static rk_status check_program(const rk_op *op, const limits *most, rk_error *e)
{
    uint32_t stored = 0;
    if (op->n_code > most->code || op->n_imm > most->imm)
        return FAIL(e, RK_E_UNSUPPORTED, "a program of more than %u instructions", most->code);
    for (uint32_t i = 0; i < op->n_code; i++) {
        const rk_ins *s = &op->code[i];
        const uint16_t operands[3] = {s->a, s->b, s->c};
        int n = arity(s->op);
        if (n == 0) return FAIL(e, RK_E_UNSUPPORTED, "instruction %u: no op %u", i, s->op);
        for (int j = 0; j < n; j++)
            if (!exists(op, i, operands[j]))
                return FAIL(e, RK_E_INVALID, "instruction %u: no operand %04x", i, operands[j]);
        if (s->op != RK_I_STORE) continue;
        if (s->b >= op->n_out || (stored >> s->b & 1))
            return FAIL(e, RK_E_INVALID, "instruction %u: cannot store output %u", i, s->b);
        stored |= 1u << s->b;
    }
    if (stored == (1u << op->n_out) - 1) return RK_OK;
    return FAIL(e, RK_E_INVALID, "an output is not stored");
}

/* A dimension of stride 0 is there once. */
static uint64_t bytes_in_memory(const rk_tensor *t)
{
    uint64_t bytes = bytes_of(t->dtype);
    for (uint32_t d = 0; d < t->rank; d++)
        bytes *= t->stride[d] || !t->dim[d] ? (uint64_t)t->dim[d] : 1;
    return bytes;
}

/* Extents are multiplied as doubles, which do not overflow. */
static double product(const int64_t *dim, uint32_t n)
{
    double p = 1;
    for (uint32_t d = 0; d < n; d++) p *= (double)dim[d];
    return p;
}

static rk_status check_tensor(const rk_op *op, const rk_tensor *t, int is_in, const limits *most,
                              rk_error *e)
{
    int64_t dense = 1;
    const rk_tensor *space = op->kind == RK_EWISE ? &op->out[0] : t;
    if ((t->dtype != RK_F32 && t->dtype != RK_U32 && t->dtype != RK_U8) || t->rank > 6)
        return FAIL(e, RK_E_UNSUPPORTED, "a tensor of dtype %u and rank %u", t->dtype, t->rank);
    if (t->rank != space->rank || memcmp(t->dim, space->dim, t->rank * sizeof *t->dim) != 0)
        return FAIL(e, RK_E_INVALID, "operands of different shapes");
    for (uint32_t d = 0; d < t->rank; d++)
        if (t->dim[d] < 0 || product(t->dim, t->rank) > (double)most->elements)
            return FAIL(e, RK_E_INVALID, "a negative extent, or more elements than memory has");
    for (uint32_t d = t->rank; d-- > 0;) {
        int broadcast = is_in && op->kind == RK_EWISE && t->stride[d] == 0;
        if (!broadcast && t->stride[d] != dense && t->dim[d] > 1)
            return FAIL(e, RK_E_INVALID, "strides that are not dense");
        dense *= broadcast ? 1 : t->dim[d];
    }
    return RK_OK;
}

/* Does a COPY's box reach out of n elements?  s is 2 for its in strides, 3 for its out strides. */
static int is_out(const int64_t *q, int s, double n)
{
    double low = (double)q[17 + s], high = low;
    if (q[0] < 0 || q[0] > 6) return 1;
    for (int64_t d = 0; d < q[0]; d++) {
        double reach = (double)(q[1 + 3 * d] - 1) * (double)q[s + 3 * d];
        if (q[1 + 3 * d] == 0) return 0;
        if (q[1 + 3 * d] < 0) return 1;
        *(reach < 0 ? &low : &high) += reach;
    }
    return low < 0 || high >= n;
}

/* What p[0] may be, and the operands that go with it.  Each hexadecimal digit is the index of a
 * p[], and their product says how many elements there are; * is any number of them.  Dtypes are f
 * (F32), u (U32), * (any), = (that of the first). */
static const struct form {
    uint32_t kind;
    char which; /* p[0], or ? */
    const char *in0, *in1, *out, *dtypes;
} forms[] = {
    {RK_REDUCE, 0, "123", NULL, "13", "f f"},    {RK_REDUCE, 1, "123", NULL, "13", "f f"},
    {RK_REDUCE, 2, "123", NULL, "13", "f u"},    {RK_CONV, 0, "1234", "5267", "15cd", "fff"},
    {RK_CONV, 1, "15cd", "5267", "1234", "fff"}, {RK_CONV, 2, "1234", "15cd", "5267", "fff"},
    {RK_WINDOW, 0, "123", NULL, "1ab", "f f"},   {RK_WINDOW, 1, "1ab", NULL, "123", "f f"},
    {RK_WINDOW, 2, "123", NULL, "1ab", "f u"},   {RK_WINDOW, 3, "123", "1ab", "1ab", "fuf"},
    {RK_WINDOW, 4, "1ab", "1ab", "123", "fuf"},  {RK_TAKE, '?', "01", "2", "21", "*u="},
    {RK_PUT, '?', "21", "2", "01", "fuf"},       {RK_MATMUL, '?', "*", "*", "012", "fff"},
    {RK_RNG, '?', "*", NULL, "*", "u u"},        {RK_COPY, '?', "*", NULL, "*", "* ="}};

static int is_size(const int64_t *q, const char *digits, const rk_tensor *t)
{
    double n = 1;
    if (*digits == '*') return 1;
    for (; *digits; digits++) n *= (double)q[*digits <= '9' ? *digits - '0' : *digits - 'a' + 10];
    return n == (double)count(t);
}

static int is_dtype(char letter, uint32_t dtype, uint32_t first)
{
    return letter == '*' || dtype == (letter == 'f' ? RK_F32 : letter == 'u' ? RK_U32 : first);
}

static int fits(const rk_op *op)
{
    const int64_t *q = op->p;
    const rk_tensor *a = &op->in[0], *b = &op->in[1], *z = &op->out[0];
    const struct form *f = forms;
    for (int i = 0; i < 14 && op->kind != RK_COPY; i++)
        if (q[i] < 0 || q[i] >> 32) return 0;
    while (f < forms + 16 && (f->kind != op->kind || (f->which != '?' && f->which != q[0]))) f++;
    if (f == forms + 16 || op->n_in != (f->in1 ? 2 : 1) || op->n_out != 1) return 0;
    if (!is_size(q, f->in0, a) || (f->in1 && !is_size(q, f->in1, b)) || !is_size(q, f->out, z) ||
        !is_dtype(f->dtypes[0], a->dtype, 0) || !is_dtype(f->dtypes[2], z->dtype, a->dtype) ||
        (f->in1 && !is_dtype(f->dtypes[1], b->dtype, 0)))
        return 0;
    double last = (double)q[0] - 1;
    switch (op->kind) {
    case RK_COPY: return !is_out(q, 2, (double)count(a)) && !is_out(q, 3, (double)count(z));
    case RK_RNG: return count(a) == 3;
    case RK_CONV: return q[8] && q[9];
    case RK_WINDOW: return q[6] && q[7];
    case RK_MATMUL:
        return q[4] < 2 && q[5] < 2 &&
               (double)count(a) == (q[0] ? last * (double)q[6] + (double)q[1] * (double)q[3] : 0) &&
               (double)count(b) == (q[0] ? last * (double)q[7] + (double)q[2] * (double)q[3] : 0);
    default: return 1;
    }
}

/* RK_OK if the op is legal and not too large.  That a backend does not support all that is legal is
 * its own business. */
static rk_status refuse(const rk_op *op, const limits *most, rk_error *e)
{
    if (op->size < sizeof *op) return FAIL(e, RK_E_ABI, "an op of %u bytes", op->size);
    for (uint32_t i = sizeof *op; i < op->size; i++)
        if (((const char *)op)[i]) return FAIL(e, RK_E_UNSUPPORTED, "an op of a later version");
    if (op->kind < RK_EWISE || op->kind > RK_RNG || op->rev || op->flags & ~(uint32_t)RK_OP_FAST)
        return FAIL(e, RK_E_UNSUPPORTED, "kind %u, revision %u, flags %u", op->kind, op->rev,
                    op->flags);
    if (op->kind != RK_EWISE && op->n_code)
        return FAIL(e, RK_E_UNSUPPORTED, "programs run as EWISE only");
    if (op->n_in > most->tensors || op->n_in + op->n_out > most->tensors)
        return FAIL(e, RK_E_UNSUPPORTED, "more than %u tensors", most->tensors);
    if (op->n_out < 1) return FAIL(e, RK_E_INVALID, "no output");
    rk_status bad = RK_OK;
    for (uint32_t i = 0; i < op->n_in + op->n_out && bad == RK_OK; i++)
        bad = check_tensor(op, i < op->n_in ? &op->in[i] : &op->out[i - op->n_in], i < op->n_in,
                           most, e);
    if (bad != RK_OK) return bad;
    if (op->kind == RK_EWISE) return check_program(op, most, e);
    if (!fits(op))
        return FAIL(e, RK_E_INVALID, "operands and p[] of kind %u do not go together", op->kind);
    return RK_OK;
}
#endif
