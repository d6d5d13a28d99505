/* Whether what came out is right: see cases.h for by what. */
#include "check/cases.h"
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "rethink/numerics.h"

void rk_expect_words(const rk_sample *t, rk_operands *d)
{
    for (uint32_t j = 0; j < t->op.n_out; j++) {
        int64_t n = rk_tensor_count(&t->out[j]);
        for (int64_t i = 0; d->near[j] && i < n; i++)
            d->near[j][i] = rk_near_word(rk_word_at(d->want[j], t->out[j].dtype, i));
    }
}

void rk_expect_raw(const rk_sample *t, rk_operands *d, const rk_raw *raw, uint32_t first)
{
    size_t n = (size_t)rk_tensor_count(&t->out[0]);
    if (t->op.n_code) {
        rk_contract_program(t, d, raw->word, first, NULL);
        rk_oracle_program(t, d, raw->near, first, NULL);
    } else {
        memcpy(d->want[0], raw->word, n * 4);
        memcpy(d->near[0], raw->near, n * sizeof *raw->near);
    }
}

void rk_expect_wide(rk_bed *b, const rk_sample *t, rk_operands *d, const rk_raw *raw,
                    uint32_t first)
{
    rk_near *near[RK_SAMPLE_TENSORS];
    memcpy(near, d->near, sizeof near);
    for (uint32_t j = 0; j < t->op.n_out && rk_bed_going(b); j++) {
        d->wide[j] = rk_operands_array(b, d, rk_tensor_count(&t->out[j]), sizeof **d->wide);
        d->near[j] = d->wide[j];
    }
    if (rk_bed_going(b) && t->op.n_code)
        rk_oracle_program(t, d, raw->near, first, NULL);
    else if (rk_bed_going(b))
        memcpy(d->wide[0], raw->near, (size_t)rk_tensor_count(&t->out[0]) * sizeof *raw->near);
    memcpy(d->near, near, sizeof near);
}

/* ---- one element ---- */

static bool is_nan(uint32_t w) { return (w & 0x7FFFFFFFu) > RK_INF_BITS; }

static bool same(uint32_t dtype, uint32_t a, uint32_t b)
{
    return a == b || (dtype == RK_F32 && is_nan(a) && is_nan(b));
}

bool rk_near_is(uint32_t dtype, uint32_t got, rk_near x, double ulp)
{
    double value = (double)rk_float(got);
    if (x.e == RK_NEAR_WORD) return same(dtype, got, (uint32_t)x.v);
    if (isinf(x.e)) return true;
    if (!isfinite(x.v)) return !isfinite(value) && (isnan(x.v) || isnan(value) || value == x.v);
    return fabs(value - x.v) <= ulp * RK_EPS * x.e + (double)FLT_MIN;
}

/* How many floats lie between two; for words, their difference. */
static double distance(uint32_t dtype, uint32_t a, uint32_t b)
{
    if (dtype != RK_F32) return fabs((double)a - (double)b);
    int64_t x = a & 0x7FFFFFFFu, y = b & 0x7FFFFFFFu;
    return fabs((double)((a >> 31 ? -x : x) - (b >> 31 ? -y : y)));
}

static void print_word(uint32_t dtype, uint32_t w, char *out, size_t cap)
{
    if (dtype == RK_F32)
        snprintf(out, cap, "%.9g (0x%08X)", (double)rk_float(w), w);
    else
        snprintf(out, cap, "%u", w);
}

/* "[1][0][17]" */
static void print_index(const rk_tensor *t, int64_t at, char *out, size_t cap)
{
    int64_t index[6] = {0};
    size_t n = 0;
    for (uint32_t d = t->rank; d-- > 0;) {
        index[d] = at % t->dim[d];
        at /= t->dim[d];
    }
    out[0] = '\0';
    for (uint32_t d = 0; d < t->rank && n < cap; d++)
        n += (size_t)snprintf(out + n, cap - n, "[%lld]", (long long)index[d]);
}

/* ---- one run ---- */

typedef struct sample_run {
    rk_bed *bed;
    const rk_sample *t;
    const rk_operands *d;
    rk_ran ran;
    int alias;
    double ulp;
    rk_near *const *near; /* by the magnitude that the kernel's bound is about */
} sample_run;

static void where(const sample_run *r, char *out, size_t cap)
{
    char op[300];
    rk_sample_print(r->t, op, sizeof op);
    snprintf(out, cap, "%s%s", op, r->alias < 0 ? "" : ", in place");
}

static void explain(const sample_run *r, uint32_t j, int64_t first, int64_t wrong, bool bits_only)
{
    const rk_tensor *t = &r->t->out[j];
    char op[320], index[100], got[48], want[48], truth[80] = "", note[160] = "";
    uint32_t g = rk_word_at(r->d->out[j], t->dtype, first);
    uint32_t w = rk_word_at(r->d->want[j], t->dtype, first);
    rk_near x = r->near[j][first];
    where(r, op, sizeof op);
    print_index(t, first, index, sizeof index);
    print_word(t->dtype, g, got, sizeof got);
    print_word(t->dtype, w, want, sizeof want);
    if (x.e == RK_NEAR_WORD && (uint32_t)x.v != w)
        snprintf(truth, sizeof truth, " (true 0x%08X)", (uint32_t)x.v);
    else if (x.e >= 0 && !isinf(x.e))
        snprintf(truth, sizeof truth, " (true %.9g +- %.3g)", x.v, r->ulp * RK_EPS * x.e);
    if (bits_only)
        snprintf(note, sizeof note,
                 "; near enough, but not the bits that the contract of the exact tier gives, "
                 "which %s claims",
                 r->ran.info.impl[0] ? r->ran.info.impl : "the kernel");
    rk_bed_fail(r->bed,
                "%s: output %u element %lld %s of %lld: got %s, want %s%s, %.0f ULP off; %lld "
                "differ%s%s",
                op, j, (long long)first, index, (long long)rk_tensor_count(t), got, want, truth,
                distance(t->dtype, g, w), (long long)wrong, note,
                r->ran.differs ? "; and a second run gave other bits" : "");
}

/* The first element that is wrong; else, in the exact tier, the first of other bits. */
static void compare(const sample_run *r, uint32_t j)
{
    const rk_tensor *t = &r->t->out[j];
    int64_t n = rk_tensor_count(t), far = -1, other = -1, n_far = 0, n_other = 0;
    for (int64_t i = n; i-- > 0;) {
        uint32_t got = rk_word_at(r->d->out[j], t->dtype, i);
        bool bits = same(t->dtype, got, rk_word_at(r->d->want[j], t->dtype, i));
        if (!bits) other = i, n_other++;
        if (!rk_near_is(t->dtype, got, r->near[j][i], r->ulp)) far = i, n_far++;
    }
    bool exact = r->ran.info.tier == RK_TIER_EXACT;
    if (far >= 0)
        explain(r, j, far, exact ? n_other : n_far, false);
    else if (exact && other >= 0)
        explain(r, j, other, n_other, true);
}

/* What a result may be away from the truth, in units of eps times the magnitude of its terms: what
 * plain summation can do, or what the kernel claims if it is of the fast tier. */
static double bound(const sample_run *r)
{
    double plain = 0.5 * (double)r->d->terms + 3, claim = (double)r->ran.info.ulp;
    if (r->ran.info.tier == RK_TIER_EXACT || !(claim > 0)) return plain;
    return claim < 3 ? 3 : claim;
}

static bool is_claim_known(sample_run *r, const char *op)
{
    const rk_kinfo *info = &r->ran.info;
    bool wide = info->bound == RK_BOUND_PLANES;
    r->near = wide ? r->d->wide : r->d->near;
    return RK_BED_CHECK(r->bed, info->bound <= RK_BOUND_PLANES,
                        "%s: its bound is about magnitude %u, which is none", op, info->bound) &&
           RK_BED_CHECK(r->bed,
                        !wide || (r->d->wide[0] && info->tier == RK_TIER_FAST && info->ulp > 0),
                        "%s: RK_BOUND_PLANES is for bounds of CONV of the fast tier", op);
}

static void judge(sample_run *r)
{
    rk_bed *b = r->bed;
    rk_kinfo *info = &r->ran.info;
    char op[320];
    where(r, op, sizeof op);
    if (!is_claim_known(r, op)) return;
    r->ulp = bound(r);
    if (!RK_BED_CHECK(b, info->tier == RK_TIER_EXACT || info->tier == RK_TIER_FAST,
                      "%s: the kernel's tier is %u, which is none", op, info->tier) ||
        !RK_BED_CHECK(b, r->ulp <= 64 + 16 * (double)r->d->terms,
                      "%s: claims to be within %g ulp of sums of %lld terms: that says nothing", op,
                      r->ulp, (long long)r->d->terms))
        return;
    for (uint32_t j = 0; j < r->t->op.n_out && rk_bed_going(b); j++) compare(r, j);
    if (!r->ran.differs || !rk_bed_going(b)) return;
    if (info->tier == RK_TIER_EXACT)
        rk_bed_fail(b, "%s: a second run gave other bits in output %u", op, r->ran.other);
    b->outcome.differs = true;
}

void rk_expect_ran(rk_bed *b, const rk_sample *t, const rk_operands *d, const rk_ran *ran)
{
    sample_run r = {.bed = b, .t = t, .d = d, .ran = *ran, .alias = -1};
    judge(&r);
}

/* Runs into d->out, which is put back before by the caller; false if it was refused or failed. */
static bool run(sample_run *r, rk_status *status, char *reason, size_t cap)
{
    rk_error e = rk_error_new();
    char op[320];
    *status = rk_sample_run_ran(r->bed, r->t, (const void *const *)r->d->in, r->d->out, r->alias,
                                &r->ran, &e);
    if (*status == RK_OK) return true;
    where(r, op, sizeof op);
    if (*status == RK_E_UNSUPPORTED && e.text[0]) {
        snprintf(reason, cap, "%.*s", (int)cap - 1, e.text);
        return false;
    }
    r->bed->outcome.scarce = *status == RK_E_NOMEM;
    rk_bed_fail(r->bed, "%s: %s: %s", op, rk_status_name(*status),
                e.text[0] ? e.text : "the backend gave no reason");
    return false;
}

/* ---- all runs of a sample ---- */

static size_t out_bytes(const rk_sample *t, uint32_t j)
{
    return (size_t)rk_tensor_extent(&t->out[j]) * rk_dtype_bytes(t->out[j].dtype);
}

/* in[j] as an operand of the program: the first is the kind's own result where there is one. */
static uint16_t program_input(const rk_op *op, uint32_t j)
{
    uint32_t operands = op->kind == RK_WINDOW ? 1 : 2;
    if (op->kind == RK_EWISE || op->kind == RK_REDUCE) return (uint16_t)(RK_R_IN + j);
    return j < operands ? UINT16_MAX : (uint16_t)(RK_R_IN + 1 + j - operands);
}

/* Whether in[j] may be out[i]'s memory, if alias_ok names it: see rk_kinfo. */
static bool fits_in_place(const rk_sample *t, uint32_t j, uint32_t i)
{
    uint16_t input = program_input(&t->op, j);
    bool stored = false;
    if (i == 0) return true;
    if (rk_tensor_extent(&t->in[j]) * (int64_t)rk_dtype_bytes(t->in[j].dtype) !=
        (int64_t)out_bytes(t, i))
        return false;
    for (uint32_t k = 0; k < t->op.n_code; k++) {
        bool store = t->code[k].op == RK_I_STORE;
        if ((stored && !store) || (store && t->code[k].a == input)) return false;
        stored = stored || store;
    }
    return true;
}

static void restore(const sample_run *r, void *const *saved)
{
    for (uint32_t j = 0; j < r->t->op.n_out; j++)
        memcpy(r->d->out[j], saved[j], out_bytes(r->t, j));
}

static void run_in_place(sample_run *r, void *const *saved)
{
    uint32_t claimed = r->ran.info.alias_ok;
    rk_status s;
    char reason[224];
    for (uint32_t i = 0; i < r->t->op.n_out; i++)
        for (uint32_t j = 0; j < r->t->op.n_in && rk_bed_going(r->bed); j++) {
            if (!(claimed >> j & 1u) || !fits_in_place(r->t, j, i)) continue;
            r->alias = (int)(j + RK_SAMPLE_ALIAS * i);
            restore(r, saved);
            if (run(r, &s, reason, sizeof reason)) judge(r);
            r->bed->outcome.in_place++;
        }
    r->alias = -1;
}

static void count(sample_run *r, bool exact)
{
    rk_outcome *o = &r->bed->outcome;
    if (exact)
        o->exact++;
    else
        o->fast++;
    if (!o->impl[0]) snprintf(o->impl, sizeof o->impl, "%s", r->ran.info.impl);
    if (!exact && r->ran.info.ulp > o->ulp) o->ulp = r->ran.info.ulp;
}

/* The op as it is must get an exact kernel, or none. */
static bool run_exact(sample_run *r, void *const *saved)
{
    rk_status s;
    rk_outcome *o = &r->bed->outcome;
    char reason[sizeof o->reason], op[320];
    if (!run(r, &s, reason, sizeof reason)) {
        if (s == RK_E_UNSUPPORTED && !o->reason[0])
            snprintf(o->reason, sizeof o->reason, "%s", reason);
        return false;
    }
    where(r, op, sizeof op);
    if (!RK_BED_CHECK(r->bed, r->ran.info.tier == RK_TIER_EXACT,
                      "%s: without RK_OP_FAST it must get a kernel of the exact tier or be "
                      "UNSUPPORTED, and got tier %u",
                      op, r->ran.info.tier))
        return false;
    judge(r);
    run_in_place(r, saved);
    count(r, true);
    return true;
}

/* What is computed for exact numerics must be for fast ones too, perhaps by another kernel, which
 * is judged by its own claims. */
static bool is_same_kernel(rk_bed *b, const rk_sample *fast, const rk_kinfo *exact)
{
    rk_kinfo info;
    rk_error e = rk_error_new();
    rk_status s = rk_sample_info(b, fast, &info, &e);
    RK_BED_CHECK(b, !b->lost, "prepare: %s: %s", rk_status_name(s), e.text);
    return s == RK_OK && info.tier == exact->tier && info.workspace == exact->workspace &&
           info.alias_ok == exact->alias_ok && strcmp(info.impl, exact->impl) == 0;
}

static void run_fast(sample_run *r, void *const *saved, bool exact)
{
    rk_bed *b = r->bed;
    rk_status s;
    char reason[224];
    restore(r, saved);
    if (exact && is_same_kernel(b, r->t, &r->ran.info)) return;
    if (!rk_bed_going(b)) return;
    if (!run(r, &s, reason, sizeof reason)) {
        RK_BED_CHECK(b, !exact, "what it computes, it refuses with RK_OP_FAST: %s", reason);
        b->outcome.refused++;
        return;
    }
    judge(r);
    run_in_place(r, saved);
    if (!exact) count(r, false);
}

void rk_expect(rk_bed *b, const rk_sample *t, rk_operands *d)
{
    rk_sample fast = *t;
    sample_run r = {.bed = b, .t = t, .d = d, .alias = -1};
    void *saved[RK_SAMPLE_TENSORS] = {NULL};
    for (uint32_t j = 0; j < t->op.n_out && rk_bed_going(b); j++) {
        saved[j] = rk_operands_array(b, d, (int64_t)out_bytes(t, j), 1);
        if (saved[j]) memcpy(saved[j], d->out[j], out_bytes(t, j));
    }
    if (!rk_bed_going(b)) return;
    bool exact = run_exact(&r, saved);
    fast.op.flags |= RK_OP_FAST;
    r.t = &fast;
    if (rk_bed_going(b) && !b->exact_only) run_fast(&r, saved, exact);
}
