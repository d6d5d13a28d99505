/* The bits of the exact tier: programs and sums, as numerics.h defines them. */
#include "check/cases.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "rethink/numerics.h"

#define CASE_1(name) return rk_op_##name(a);
#define CASE_2(name) return rk_op_##name(a, b);
#define CASE_3(name) return rk_op_##name(a, b, c);
static uint32_t apply(uint16_t op, uint32_t a, uint32_t b, uint32_t c)
{
    switch (op) {
#define X(name, n)                                                                                 \
    case RK_I_##name: CASE_##n(name)
        RK_INSTRUCTIONS(X)
#undef X
    default: return 0;
    }
}

/* Where operands of instructions come from, at one element. */
typedef struct place {
    const rk_sample *t;
    const rk_operands *d;
    const int64_t *dim;
    int64_t e; /* of the index space dim[] */
    bool at_zero;
    const uint32_t *raw;
    uint32_t first;
    uint32_t *const *fold;
    uint32_t value[RK_SAMPLE_CODE];
} place;

static uint32_t operand(const place *p, uint16_t o)
{
    uint32_t j = o & RK_R_NUM;
    switch (o & RK_R_KIND) {
    case RK_R_INS: return p->value[j];
    case RK_R_IMM: return p->t->imm[j];
    case RK_R_INDEX: return (uint32_t)p->e;
    case RK_R_FOLD: return p->fold[j][p->e];
    default: break;
    }
    if (p->raw && j == 0) return p->raw[p->e];
    uint32_t in = p->raw ? p->first + j - 1 : j;
    if (in >= p->t->op.n_in) return 0; /* an operand that the op does not use */
    const rk_tensor *x = &p->t->in[in];
    return rk_word_at(p->d->in[in], x->dtype, rk_broadcast_at(x, p->e, p->dim, p->at_zero));
}

static void step(place *p, uint32_t k)
{
    const rk_ins *i = &p->t->code[k];
    p->value[k] = apply(i->op, operand(p, i->a), operand(p, i->b), operand(p, i->c));
}

void rk_contract_program(const rk_sample *t, rk_operands *d, const uint32_t *raw, uint32_t first,
                         uint32_t *const *fold)
{
    place p = {.t = t, .d = d, .dim = t->out[0].dim, .raw = raw, .first = first, .fold = fold};
    int64_t n = rk_tensor_count(&t->out[0]);
    p.at_zero = fold != NULL;
    uint32_t begin = rk_after_folds(t);
    for (p.e = 0; p.e < n; p.e++)
        for (uint32_t k = begin; k < t->op.n_code; k++) {
            const rk_ins *i = &t->code[k];
            if (i->op == RK_I_STORE)
                rk_word_put(d->want[i->b], t->out[i->b].dtype, p.e, operand(&p, i->a));
            else
                step(&p, k);
        }
}

void rk_contract_folds(const rk_sample *t, const rk_operands *d, const int64_t *dim,
                       float *const *folded)
{
    place p = {.t = t, .d = d, .dim = dim};
    uint32_t end = rk_after_folds(t);
    int64_t n = dim[0] * dim[1] * dim[2];
    for (p.e = 0; p.e < n; p.e++)
        for (uint32_t k = 0; k < end; k++)
            if (t->code[k].op == RK_I_FOLD)
                folded[t->code[k].b][p.e] = rk_float(operand(&p, t->code[k].a));
            else
                step(&p, k);
}

float rk_contract_sum(const float *x, int64_t n, int64_t stride)
{
    if (n <= RK_SUM_BLOCK) {
        float lane[RK_SUM_LANES] = {0};
        for (int64_t i = 0; i < n; i++) lane[i % RK_SUM_LANES] += x[i * stride];
        for (int w = RK_SUM_LANES / 2; w >= 1; w /= 2)
            for (int l = 0; l < w; l++) lane[l] += lane[l + w];
        return lane[0];
    }
    int64_t blocks = (n + RK_SUM_BLOCK - 1) / RK_SUM_BLOCK;
    float *sums = malloc((size_t)blocks * sizeof *sums);
    if (!sums) return NAN;
    for (int64_t b = 0; b < blocks; b++) {
        int64_t from = b * RK_SUM_BLOCK, left = n - from;
        sums[b] =
            rk_contract_sum(x + from * stride, left < RK_SUM_BLOCK ? left : RK_SUM_BLOCK, stride);
    }
    float total = rk_contract_sum(sums, blocks, 1);
    free(sums);
    return total;
}
