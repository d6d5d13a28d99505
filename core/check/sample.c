#include "check/sample.h"
#include <stdio.h>
#include <string.h>

void rk_sample_begin(rk_sample *t, uint32_t kind)
{
    memset(t, 0, sizeof *t);
    t->op.size = sizeof t->op;
    t->op.kind = kind;
}

static void tensor_fill(rk_tensor *t, uint32_t dtype, uint32_t rank, const int64_t *dim,
                        uint32_t broadcast)
{
    int64_t dense = 1;
    memset(t, 0, sizeof *t);
    t->dtype = dtype;
    t->rank = rank;
    for (uint32_t d = rank; d-- > 0;) {
        t->dim[d] = dim[d];
        t->stride[d] = broadcast >> d & 1 ? 0 : dense;
        if (!(broadcast >> d & 1)) dense *= dim[d];
    }
}

uint16_t rk_sample_in(rk_sample *t, uint32_t dtype, uint32_t rank, const int64_t *dim,
                      uint32_t broadcast)
{
    tensor_fill(&t->in[t->op.n_in], dtype, rank, dim, broadcast);
    return (uint16_t)(RK_R_IN + t->op.n_in++);
}

uint16_t rk_sample_out(rk_sample *t, uint32_t dtype, uint32_t rank, const int64_t *dim)
{
    tensor_fill(&t->out[t->op.n_out], dtype, rank, dim, 0);
    return (uint16_t)t->op.n_out++;
}

uint16_t rk_sample_ins(rk_sample *t, uint16_t op, uint16_t a, uint16_t b, uint16_t third)
{
    t->code[t->op.n_code] = (rk_ins){op, a, b, third};
    return (uint16_t)(RK_R_INS + t->op.n_code++);
}

void rk_sample_store(rk_sample *t, uint16_t output, uint16_t value)
{
    rk_sample_ins(t, RK_I_STORE, value, output, 0);
}

uint16_t rk_sample_imm(rk_sample *t, uint32_t word)
{
    t->imm[t->op.n_imm] = word;
    return (uint16_t)(RK_R_IMM + t->op.n_imm++);
}

uint16_t rk_sample_immf(rk_sample *t, float value)
{
    uint32_t word;
    memcpy(&word, &value, sizeof word);
    return rk_sample_imm(t, word);
}

rk_op rk_sample_op(const rk_sample *t)
{
    rk_op op = t->op;
    op.in = t->in;
    op.out = t->out;
    op.code = t->code;
    op.imm = t->imm;
    return op;
}

int64_t rk_tensor_count(const rk_tensor *t)
{
    int64_t n = 1;
    for (uint32_t d = 0; d < t->rank; d++) n *= t->dim[d];
    return n;
}

int64_t rk_tensor_extent(const rk_tensor *t)
{
    int64_t n = 1;
    for (uint32_t d = 0; d < t->rank; d++) {
        if (t->dim[d] == 0) return 0;
        if (t->stride[d] != 0) n *= t->dim[d];
    }
    return n;
}

/* Appends to a text of cap bytes that holds n. */
__attribute__((format(printf, 4, 5))) static size_t add(char *out, size_t cap, size_t n,
                                                        const char *format, ...)
{
    va_list args;
    if (n >= cap) return n;
    va_start(args, format);
    int more = vsnprintf(out + n, cap - n, format, args);
    va_end(args);
    return more > 0 ? n + (size_t)more : n;
}

void rk_sample_print(const rk_sample *t, char *out, size_t cap)
{
    static const char *const kinds[] = {"op",   "EWISE",  "COPY", "REDUCE", "MATMUL",
                                        "CONV", "WINDOW", "TAKE", "PUT",    "RNG"};
    static const int lengths[] = {0, 0, 21, 4, 8, 14, 12, 3, 3, 1};
    static const char *const dtypes[] = {"?", "F32", "?", "U32", "U8"};
    uint32_t kind = t->op.kind <= RK_RNG ? t->op.kind : 0;
    size_t n = add(out, cap, 0, "%s", kinds[kind]);
    for (int i = 0; i < lengths[kind]; i++)
        n = add(out, cap, n, "%s%lld%s", i ? ", " : " {", (long long)t->op.p[i],
                i + 1 == lengths[kind] ? "}" : "");
    n = add(out, cap, n, " %s ", dtypes[t->out[0].dtype % 5]);
    for (uint32_t d = 0; d < t->out[0].rank && d < 6; d++)
        n = add(out, cap, n, "[%lld]", (long long)t->out[0].dim[d]);
    if (t->op.n_code) n = add(out, cap, n, ", %u instructions", t->op.n_code);
    if (t->op.flags & RK_OP_FAST) add(out, cap, n, ", fast");
}
