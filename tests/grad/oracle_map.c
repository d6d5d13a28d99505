/* The oracle's leaves, random words and elementwise operations. */
#include "oracle_ops.h"
#include "rethink/numerics.h"
#include <math.h>

void oracle_leaf(const rk_node *n, operands x, cell *out)
{
    (void)x;
    int64_t size = rk_shape_size(n->shape);
    for (int64_t i = 0; i < size; i++)
        if (n->op == RK_OP_IOTA)
            out[i].u = (uint32_t)i;
        else if (n->dtype == RK_F32)
            out[i].f = (double)rk_float((uint32_t)n->attr[0]);
        else
            out[i].u = (uint32_t)n->attr[0];
}

void oracle_rng(const rk_node *n, operands x, cell *out)
{
    int64_t size = rk_shape_size(n->shape);
    const cell *key = x.in[0];
    for (int64_t i = 0; i < size; i++) {
        rk_word c[4] = {(uint32_t)(i / 4), 0, key[2].u, (uint32_t)n->attr[0]};
        rk_philox(c, key[0].u, key[1].u);
        out[i].u = c[i % 4];
    }
}

/* Toward zero, and to the nearest end where it does not fit. */
static uint32_t word_of(double x)
{
    if (!(x >= 1)) return 0;
    return x >= 4294967296.0 ? 0xFFFFFFFFu : (uint32_t)x;
}

static cell cast(cell a, uint32_t from, uint32_t to)
{
    uint32_t word = from == RK_F32 ? word_of(a.f) : a.u;
    if (to == RK_F32) return (cell){.f = from == RK_F32 ? a.f : (double)a.u};
    return (cell){.u = to == RK_U8 ? word & 0xFFu : word};
}

static double on_floats(rk_opcode op, double a, double b)
{
    switch (op) {
    case RK_OP_NEG: return -a;
    case RK_OP_EXP: return exp(a);
    case RK_OP_LOG: return log(a);
    case RK_OP_SQRT: return sqrt(a);
    case RK_OP_RECIP: return 1 / a;
    case RK_OP_SIN: return sin(a);
    case RK_OP_COS: return cos(a);
    case RK_OP_STOP: return a;
    case RK_OP_ADD: return a + b;
    case RK_OP_SUB: return a - b;
    case RK_OP_MUL: return a * b;
    case RK_OP_DIV: return a / b;
    case RK_OP_MAX: return a > b ? a : b;
    default: return NAN;
    }
}

static uint32_t on_words(rk_opcode op, uint32_t a, uint32_t b)
{
    switch (op) {
    case RK_OP_NOT: return !a;
    case RK_OP_ADD: return a + b;
    case RK_OP_SUB: return a - b;
    case RK_OP_MUL: return a * b;
    case RK_OP_MAX: return a > b ? a : b;
    case RK_OP_LT: return a < b;
    case RK_OP_EQ: return a == b;
    case RK_OP_MULHI: return (uint32_t)((uint64_t)a * b >> 32);
    case RK_OP_AND: return a & b;
    case RK_OP_SHR: return a >> (b & 31);
    default: return 0xDEADBEEFu;
    }
}

void oracle_map(const rk_node *n, operands x, cell *out)
{
    int64_t size = rk_shape_size(n->shape);
    uint32_t type = x.from[0].dtype;
    for (int64_t i = 0; i < size; i++) {
        cell a = x.in[0][i], b = n->n_in > 1 ? x.in[1][i] : a;
        if (n->op == RK_OP_WHERE)
            out[i] = a.u ? b : x.in[2][i];
        else if (n->op == RK_OP_CAST)
            out[i] = cast(a, type, n->dtype);
        else if (type != RK_F32)
            out[i].u = on_words(n->op, a.u, b.u);
        else if (n->op == RK_OP_LT || n->op == RK_OP_EQ)
            out[i].u = n->op == RK_OP_LT ? a.f < b.f : a.f == b.f;
        else
            out[i].f = on_floats(n->op, a.f, b.f);
    }
}
