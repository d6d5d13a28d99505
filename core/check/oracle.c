/* Programs in double precision, with the magnitudes of what was added up: see rk_near.
 *
 * Written from the meaning of each instruction, not from numerics.h.  A register is known to the
 * bit (a word that was loaded, and what integer instructions make of such words), or near a true
 * value (what was rounded). */
#include <float.h>
#include <math.h>
#include <string.h>
#include "check/cases.h"

typedef struct reg {
    uint32_t word;
    bool known;
    double v, e; /* as a float: if known, e is 0 */
} reg;

static float as_float(uint32_t w)
{
    float x;
    memcpy(&x, &w, sizeof x);
    return x;
}

static reg known(uint32_t w) { return (reg){w, true, (double)as_float(w), 0}; }
static reg unknown(void) { return (reg){0, false, 0, INFINITY}; }

/* A subnormal has lost digits, and in the fast tier perhaps all. */
static double subnormal_loss(double v)
{
    return v != 0 && fabs(v) < (double)FLT_MIN ? (double)FLT_MIN / RK_EPS : 0;
}

/* A rounded result: what its operands bring along, and its own magnitude. */
static reg near(double v, double carried)
{
    bool beyond = fabs(v) > (double)FLT_MAX; /* whether it overflowed is a matter of rounding */
    carried += subnormal_loss(v);
    if (isnan(carried) || isinf(carried) || (beyond && !isinf(v))) return unknown();
    return (reg){0, false, v, isfinite(v) ? carried + fabs(v) : 0};
}

rk_near rk_near_word(uint32_t w) { return (rk_near){w, RK_NEAR_WORD}; }

double rk_near_value(rk_near x)
{
    return x.e == RK_NEAR_WORD ? (double)as_float((uint32_t)x.v) : x.v;
}

void rk_near_sums(rk_near *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(x[i].v))
            x[i].e = 0; /* of terms that were not finite, whatever the order */
        else if (x[i].e > (double)FLT_MAX)
            x[i].e = INFINITY; /* it may overflow on the way */
        else
            x[i].e += subnormal_loss(x[i].v);
}

static reg from_near(rk_near x)
{
    if (x.e == RK_NEAR_WORD) return known((uint32_t)x.v);
    /* An infinite sum may also be NaN, if finite terms overflowed the other way before. */
    return isinf(x.e) || isinf(x.v) ? unknown() : (reg){0, false, x.v, x.e};
}

static rk_near to_near(reg r) { return r.known ? rk_near_word(r.word) : (rk_near){r.v, r.e}; }

static bool apart(reg a, reg b)
{
    return (a.known && b.known) || isnan(a.v) || isnan(b.v) ||
           fabs(a.v - b.v) > RK_NEAR_MARGIN * (a.e + b.e);
}

static bool nothing(reg r) { return isinf(r.e); }

static reg larger(reg a, reg b)
{
    if (nothing(a) || nothing(b)) return unknown();
    if (apart(a, b)) return a.v > b.v ? a : b;
    return (reg){0, false, fmax(a.v, b.v), a.e + b.e};
}

static reg compare(uint16_t op, reg a, reg b)
{
    if (nothing(a) || nothing(b) || !apart(a, b)) return unknown();
    return known(op == RK_I_FLT ? a.v < b.v : a.v == b.v);
}

static double word_of(double x) /* RK_I_F2U */
{
    if (!(x >= 1)) return 0;
    return x >= 4294967296.0 ? 4294967295.0 : floor(x);
}

static reg to_word(reg a)
{
    double slack = RK_NEAR_MARGIN * a.e;
    if (nothing(a) || word_of(a.v - slack) != word_of(a.v + slack)) return unknown();
    return known((uint32_t)word_of(a.v));
}

static reg quotient(reg a, reg b)
{
    if (fabs(b.v) <= RK_NEAR_MARGIN * b.e) return unknown();
    double v = a.v / b.v;
    return near(v, b.e == 0 && a.e == 0 ? 0 : (a.e + fabs(v) * b.e) / fabs(b.v));
}

/* A function of one argument and the size of its derivative there. */
static reg curve(reg a, double v, double slope)
{
    if (a.e != 0 && RK_NEAR_MARGIN * a.e > 0.1 * fmax(1, fabs(a.v))) return unknown();
    return near(v, a.e == 0 ? 0 : fabs(slope) * a.e);
}

static reg negated(reg a)
{
    return a.known ? known(a.word ^ 0x80000000u) : (reg){0, false, -a.v, a.e};
}

static reg floats(uint16_t op, reg a, reg b)
{
    if (nothing(a) || nothing(b)) return unknown();
    switch (op) {
    case RK_I_FADD: return near(a.v + b.v, a.e + b.e);
    case RK_I_FSUB: return near(a.v - b.v, a.e + b.e);
    case RK_I_FMUL:
        return near(a.v * b.v, (a.e == 0 ? 0 : fabs(b.v) * a.e) + (b.e == 0 ? 0 : fabs(a.v) * b.e));
    case RK_I_FDIV: return b.known ? quotient(a, b) : b.v == 0 ? unknown() : quotient(a, b);
    case RK_I_FRECIP: return quotient(known(0x3F800000u), a);
    case RK_I_FSQRT:
        if (a.e != 0 && a.v <= RK_NEAR_MARGIN * a.e) return unknown();
        return curve(a, sqrt(a.v), 0.5 / sqrt(a.v));
    case RK_I_FEXP: return curve(a, exp(a.v), exp(a.v));
    case RK_I_FLOG:
        if (a.e != 0 && a.v <= RK_NEAR_MARGIN * a.e) return unknown();
        return curve(a, log(a.v), 1 / a.v);
    case RK_I_FSIN: return curve(a, sin(a.v), cos(a.v));
    case RK_I_FCOS: return curve(a, cos(a.v), sin(a.v));
    default: return unknown();
    }
}

static reg words(uint16_t op, reg a, reg b)
{
    uint32_t x = a.word, y = b.word;
    if (!a.known || !b.known) return unknown();
    switch (op) {
    case RK_I_IADD: return known(x + y);
    case RK_I_ISUB: return known(x - y);
    case RK_I_IMUL: return known((uint32_t)((uint64_t)x * y));
    case RK_I_IMULHI: return known((uint32_t)(((uint64_t)x * y) / 4294967296u));
    case RK_I_ILT: return known(x < y);
    case RK_I_IEQ: return known(x == y);
    case RK_I_IAND: return known(x & y);
    case RK_I_ISHR: return known(x >> (y % 32));
    case RK_I_IMAX: return known(x < y ? y : x);
    default: return unknown();
    }
}

static reg apply(uint16_t op, reg a, reg b, reg c)
{
    float rounded = (float)a.word;
    uint32_t bits;
    switch (op) {
    case RK_I_FMAX: return larger(a, b);
    case RK_I_FLT:
    case RK_I_FEQ: return compare(op, a, b);
    case RK_I_FNEG: return negated(a);
    case RK_I_U2F:
        if (!a.known) return unknown();
        memcpy(&bits, &rounded, sizeof bits);
        return known(bits);
    case RK_I_F2U: return to_word(a);
    case RK_I_SELECT: return !a.known ? unknown() : a.word ? b : c;
    default: return op >= RK_I_IADD ? words(op, a, b) : floats(op, a, b);
    }
}

/* ---- programs ---- */

typedef struct place {
    const rk_sample *t;
    const rk_operands *d;
    const int64_t *dim;
    int64_t e;
    bool at_zero;
    const rk_near *raw;
    uint32_t first;
    rk_near *const *fold;
    reg value[RK_SAMPLE_CODE];
} place;

static reg operand(const place *p, uint16_t o)
{
    uint32_t j = o & RK_R_NUM, kind = o & RK_R_KIND;
    if (kind == RK_R_INS) return p->value[j];
    if (kind == RK_R_IMM) return known(p->t->imm[j]);
    if (kind == RK_R_INDEX) return known((uint32_t)p->e);
    if (kind == RK_R_FOLD) return from_near(p->fold[j][p->e]);
    if (p->raw && j == 0) return from_near(p->raw[p->e]);
    if (p->raw) j += p->first - 1;
    if (j >= p->t->op.n_in) return known(0);
    const rk_tensor *x = &p->t->in[j];
    return known(rk_word_at(p->d->in[j], x->dtype, rk_broadcast_at(x, p->e, p->dim, p->at_zero)));
}

/* A byte of a word that is known only as a float is not known. */
static rk_near stored(reg r, uint32_t dtype)
{
    if (dtype == RK_F32) return to_near(r);
    if (!r.known) return (rk_near){0, INFINITY};
    return rk_near_word(dtype == RK_U8 ? r.word & 0xFFu : r.word);
}

void rk_oracle_program(const rk_sample *t, rk_operands *d, const rk_near *raw, uint32_t first,
                       rk_near *const *fold)
{
    place p = {.t = t, .d = d, .dim = t->out[0].dim, .raw = raw, .first = first, .fold = fold};
    int64_t n = rk_tensor_count(&t->out[0]);
    p.at_zero = fold != NULL;
    uint32_t begin = rk_after_folds(t);
    for (p.e = 0; p.e < n; p.e++)
        for (uint32_t k = begin; k < t->op.n_code; k++) {
            const rk_ins *i = &t->code[k];
            if (i->op == RK_I_STORE)
                d->near[i->b][p.e] = stored(operand(&p, i->a), t->out[i->b].dtype);
            else
                p.value[k] = apply(i->op, operand(&p, i->a), operand(&p, i->b), operand(&p, i->c));
        }
}

void rk_oracle_folds(const rk_sample *t, const rk_operands *d, const int64_t *dim,
                     rk_near *const *folded)
{
    place p = {.t = t, .d = d, .dim = dim};
    uint32_t end = rk_after_folds(t);
    int64_t n = dim[0] * dim[1] * dim[2];
    for (p.e = 0; p.e < n; p.e++)
        for (uint32_t k = 0; k < end; k++) {
            const rk_ins *i = &t->code[k];
            if (i->op == RK_I_FOLD)
                folded[i->b][p.e] = to_near(operand(&p, i->a));
            else
                p.value[k] = apply(i->op, operand(&p, i->a), operand(&p, i->b), operand(&p, i->c));
        }
}
