/* REDUCE: the canonical order, NaN and zeros, programs before and after the folds. */
#include "check/cases.h"
#include <math.h>
#include <string.h>
#include "rethink/numerics.h"

static uint32_t fold_one(int64_t which, const float *x, int64_t n, int64_t stride)
{
    float best = -INFINITY;
    if (which == RK_REDUCE_SUM) return rk_bits(rk_contract_sum(x, n, stride));
    for (int64_t i = 0; i < n; i++)
        if (x[i * stride] > best) best = x[i * stride];
    if (which == RK_REDUCE_MAX) return rk_bits(best == 0.0f ? 0.0f : best);
    for (int64_t i = 0; i < n; i++)
        if (x[i * stride] == best) return (uint32_t)i;
    return 0;
}

/* What goes into a reduction, for both references. */
typedef struct folding {
    float *x;
    rk_near *near;
} folding;

static rk_near near_sum(const rk_near *x, int64_t n, int64_t stride)
{
    rk_near y = {0, 0};
    for (int64_t i = 0; i < n; i++) {
        double v = rk_near_value(x[i * stride]), e = x[i * stride].e;
        y.v += v;
        y.e += fabs(v) + (e == RK_NEAR_WORD ? 0 : e);
    }
    rk_near_sums(&y, 1);
    return y;
}

/* The oracle's maximum: the element that no other is larger than, if that is certain. */
static rk_near near_most(int64_t which, const rk_near *x, int64_t n, int64_t stride)
{
    int64_t at = -1;
    double sure = -1; /* words only: the order is certain */
    for (int64_t i = 0; i < n; i++) {
        if (x[i * stride].e != RK_NEAR_WORD) sure = fmax(sure, x[i * stride].e);
        double v = rk_near_value(x[i * stride]);
        if (!isnan(v) && (at < 0 || v > rk_near_value(x[at * stride]))) at = i;
    }
    double v = at < 0 ? -INFINITY : rk_near_value(x[at * stride]);
    if (which == RK_REDUCE_MAX)
        return sure < 0 ? rk_near_word(rk_bits(v == 0 ? 0.0f : (float)v)) : (rk_near){v, sure};
    for (int64_t i = 0; sure >= 0 && i < n; i++)
        if (i != at && v - rk_near_value(x[i * stride]) <= RK_NEAR_MARGIN * 2 * sure)
            return (rk_near){0, INFINITY};
    return rk_near_word(at < 0 ? 0 : (uint32_t)at);
}

static void fold_all(int64_t which, const folding *f, const int64_t *dim, rk_raw *y)
{
    int64_t outer = dim[0], n = dim[1], inner = dim[2];
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            int64_t from = o * n * inner + i, to = o * inner + i;
            y->word[to] = fold_one(which, f->x + from, n, inner);
            y->near[to] = which == RK_REDUCE_SUM ? near_sum(f->near + from, n, inner)
                                                 : near_most(which, f->near + from, n, inner);
        }
}

static bool make_folding(rk_bed *bed, rk_operands *d, int64_t n, folding *f)
{
    f->x = rk_operands_array(bed, d, n, sizeof *f->x);
    f->near = rk_operands_array(bed, d, n, sizeof *f->near);
    return rk_bed_going(bed);
}

static void set_p(rk_sample *c, int64_t which, const int64_t *dim)
{
    c->op.p[0] = which;
    memcpy(c->op.p + 1, dim, 3 * sizeof *dim);
}

static const int64_t shapes[][3] = {
    {1, 1, 1},     {0, 5, 3},     {5, 0, 3},     {5, 3, 0},     {7, 31, 1},
    {5, 33, 1},    {128, 10, 1},  {3, 1000, 1},  {2, 1024, 1},  {2, 1025, 1},
    {1, 5000, 1},  {1, 70001, 1}, {3, 10, 7},    {1, 128, 513}, {1, 1025, 37},
    {2, 3000, 20}, {70001, 1, 1}, {1, 2, 70001}, {5, 64, 784},  {257, 33, 2},
    {2, 33, 40},   {1, 32768, 3}, {33, 100, 1},  {37, 37, 1},   {1, 1048576 + 1100, 1},
    {1, 1030, 530}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void refer_plain(rk_bed *bed, const rk_sample *c, rk_operands *d)
{
    const int64_t *dim = c->op.p + 1, n = dim[0] * dim[1] * dim[2];
    folding f;
    rk_raw y = {d->want[0], d->near[0]};
    if (!make_folding(bed, d, n, &f)) return;
    memcpy(f.x, d->in[0], (size_t)n * sizeof *f.x);
    for (int64_t i = 0; i < n; i++) f.near[i] = rk_near_word(rk_bits(f.x[i]));
    fold_all(c->op.p[0], &f, dim, &y);
}

enum { FOLDS = 4 };

/* The instructions before the folds, the folds and what follows, as the header says. */
static void refer_program(rk_bed *bed, const rk_sample *c, rk_operands *d)
{
    const int64_t *dim = c->op.p + 1;
    uint32_t n_fold = 0;
    bool tail = rk_after_folds(c) < c->op.n_code;
    folding f[FOLDS];
    rk_raw y[FOLDS];
    float *folded[FOLDS];
    uint32_t *word[FOLDS];
    rk_near *near[FOLDS], *folded_near[FOLDS];
    for (uint32_t k = 0; k < c->op.n_code; k++) n_fold += c->code[k].op == RK_I_FOLD;
    if (!RK_BED_CHECK(bed, n_fold <= FOLDS, "a defect of this suite: %u reductions", n_fold))
        return;
    for (uint32_t j = 0; j < n_fold && rk_bed_going(bed); j++)
        if (make_folding(bed, d, dim[0] * dim[1] * dim[2], &f[j])) {
            rk_raw_make(bed, d, dim[0] * dim[2], &y[j]);
            folded[j] = f[j].x;
            folded_near[j] = f[j].near;
        }
    if (!rk_bed_going(bed)) return;
    rk_contract_folds(c, d, dim, folded);
    rk_oracle_folds(c, d, dim, folded_near);
    for (uint32_t j = 0; j < n_fold; j++) {
        fold_all(c->op.p[0], &f[j], dim, &y[j]);
        word[j] = y[j].word;
        near[j] = y[j].near;
        if (tail) continue;
        memcpy(d->want[j], word[j], (size_t)(dim[0] * dim[2]) * sizeof **word);
        memcpy(d->near[j], near[j], (size_t)(dim[0] * dim[2]) * sizeof **near);
    }
    if (tail) rk_contract_program(c, d, NULL, 0, word);
    if (tail) rk_oracle_program(c, d, NULL, 0, near);
}

void rk_refer_reduce(rk_bed *bed, const rk_sample *c, rk_operands *d)
{
    d->terms = c->op.p[2];
    if (c->op.n_code)
        refer_program(bed, c, d);
    else
        refer_plain(bed, c, d);
}

static void run_sample(rk_bed *bed, const rk_sample *c, rk_dice *r, int special)
{
    rk_operands d;
    if (rk_operands_make(bed, c, &d, r, special)) {
        rk_refer_reduce(bed, c, &d);
        rk_expect(bed, c, &d);
    }
    rk_operands_free(&d);
}

static void run_plain(rk_bed *bed, rk_dice *r, int64_t which, const int64_t *dim, int special)
{
    const int64_t out[3] = {dim[0], 1, dim[2]};
    rk_sample c;
    rk_sample_begin(&c, RK_REDUCE);
    rk_sample_in(&c, RK_F32, 3, dim, 0);
    rk_sample_out(&c, which == RK_REDUCE_ARGMAX ? RK_U32 : RK_F32, 3, out);
    set_p(&c, which, dim);
    run_sample(bed, &c, r, special);
}

static void plain(rk_bed *bed, int64_t which)
{
    rk_dice r = {11};
    for (int s = 0; s < SHAPES; s++)
        for (int special = 0; special < 2; special++)
            if (!rk_too_large(bed, shapes[s][0] * shapes[s][1] * shapes[s][2]))
                run_plain(bed, &r, which, shapes[s], special);
}

static void sum(rk_bed *bed) { plain(bed, RK_REDUCE_SUM); }
static void max(rk_bed *bed) { plain(bed, RK_REDUCE_MAX); }
static void argmax(rk_bed *bed) { plain(bed, RK_REDUCE_ARGMAX); }

/* One row of n values; what MAX and ARGMAX make of it. */
static void check_row(rk_bed *bed, const uint32_t *x, int64_t n, uint32_t most, uint32_t at)
{
    for (int64_t which = RK_REDUCE_MAX; which <= RK_REDUCE_ARGMAX; which++) {
        rk_sample c;
        rk_operands d;
        rk_dice r = {12};
        rk_sample_begin(&c, RK_REDUCE);
        rk_sample_in(&c, RK_F32, 3, (int64_t[]){1, n, 1}, 0);
        rk_sample_out(&c, which == RK_REDUCE_ARGMAX ? RK_U32 : RK_F32, 3, (int64_t[]){1, 1, 1});
        set_p(&c, which, (int64_t[]){1, n, 1});
        if (rk_operands_make(bed, &c, &d, &r, RK_PLAIN)) {
            if (n) memcpy(d.in[0], x, (size_t)n * 4);
            memcpy(d.want[0], which == RK_REDUCE_MAX ? &most : &at, 4);
            rk_expect_words(&c, &d);
            rk_expect(bed, &c, &d);
        }
        rk_operands_free(&d);
    }
}

static void maxima(rk_bed *bed)
{
    enum { NAN_ = 0x7FC00000, MINF = (int)0xFF800000u, MZERO = (int)0x80000000u, ONE = 0x3F800000 };
    static const uint32_t nans[3] = {NAN_, NAN_, NAN_}, low[3] = {NAN_, (uint32_t)MINF, NAN_},
                          zero[3] = {(uint32_t)MZERO, 0, (uint32_t)MZERO},
                          ties[3] = {NAN_, ONE, ONE}, mzero[2] = {NAN_, (uint32_t)MZERO};
    check_row(bed, nans, 0, (uint32_t)MINF, 0);
    check_row(bed, nans, 3, (uint32_t)MINF, 0);
    check_row(bed, low, 3, (uint32_t)MINF, 1);
    check_row(bed, zero, 3, 0, 0);
    check_row(bed, mzero, 2, 0, 1);
    check_row(bed, ties, 3, ONE, 1);
}

/* Sums begin with +0: those of nothing but -0 are +0. */
static void sum_of_zeros(rk_bed *bed)
{
    static const int64_t dims[][3] = {{1, 1, 1}, {3, 64, 1}, {37, 32, 1}, {37, 40, 1}, {2, 3, 70}};
    rk_dice r = {16};
    for (size_t s = 0; s < sizeof dims / sizeof *dims; s++) {
        const int64_t *dim = dims[s], out[3] = {dim[0], 1, dim[2]};
        rk_sample c;
        rk_operands d;
        rk_sample_begin(&c, RK_REDUCE);
        rk_sample_in(&c, RK_F32, 3, dim, 0);
        rk_sample_out(&c, RK_F32, 3, out);
        set_p(&c, RK_REDUCE_SUM, dim);
        if (rk_operands_make(bed, &c, &d, &r, RK_PLAIN)) {
            float *x = d.in[0];
            for (int64_t i = 0; i < dim[0] * dim[1] * dim[2]; i++) x[i] = -0.0f;
            memset(d.want[0], 0, (size_t)(out[0] * out[2]) * 4);
            rk_expect_words(&c, &d);
            rk_expect(bed, &c, &d);
        }
        rk_operands_free(&d);
    }
}

static void run_program(rk_bed *bed, rk_sample *c, rk_dice *r, int64_t which, const int64_t *dim)
{
    set_p(c, which, dim);
    run_sample(bed, c, r, RK_PLAIN);
}

/* sum of x * y and of (x - row) * index: two folds with a broadcast input. */
static void prologue(rk_bed *bed)
{
    rk_dice r = {13};
    for (int s = 0; s < SHAPES; s++)
        for (int64_t which = 0; which < 3; which++) {
            const int64_t *dim = shapes[s], out[3] = {dim[0], 1, dim[2]};
            rk_sample c;
            if (rk_too_large(bed, dim[0] * dim[1] * dim[2])) continue;
            if (which != RK_REDUCE_SUM && dim[1] > 100000)
                continue; /* that is long for sums only */
            rk_sample_begin(&c, RK_REDUCE);
            uint16_t x = rk_sample_in(&c, RK_F32, 3, dim, 0),
                     y = rk_sample_in(&c, RK_U8, 3, dim, 0);
            uint16_t row = rk_sample_in(&c, RK_F32, 3, dim, 2);
            for (int j = 0; j < 2; j++)
                rk_sample_out(&c, which == RK_REDUCE_ARGMAX ? RK_U32 : RK_F32, 3, out);
            uint16_t yf = rk_sample_ins(&c, RK_I_U2F, y, 0, 0);
            uint16_t xy = rk_sample_ins(&c, RK_I_FMUL, x, yf, 0);
            rk_sample_ins(&c, RK_I_FOLD, xy, 1, 0);
            uint16_t diff = rk_sample_ins(&c, RK_I_FSUB, x, row, 0);
            uint16_t low = rk_sample_ins(&c, RK_I_IAND, RK_R_INDEX, rk_sample_imm(&c, 1023), 0);
            uint16_t index = rk_sample_ins(&c, RK_I_U2F, low, 0, 0);
            uint16_t product = rk_sample_ins(&c, RK_I_FMUL, diff, index, 0);
            rk_sample_ins(&c, RK_I_FOLD, product, 0, 0);
            run_program(bed, &c, &r, which, dim);
        }
}

/* Sums of short rows, of more than an operand: of what is selected, products and functions, with
 * values of rows, and one that is saved; bytes and indices in some.  Numbers of rows that end
 * groups and parts of them. */
static void short_rows(rk_bed *bed)
{
    static const int64_t lines[][2] = {
        {67, 49}, {99, 49},  {50, 196}, {9, 196},  {3, 64},  {1, 100},  {5, 784}, {9, 900},
        {9, 200}, {4, 1024}, {6, 1023}, {130, 33}, {131, 9}, {257, 17}, {7, 300}, {7, 32}};
    rk_dice r = {17};
    for (size_t s = 0; s < sizeof lines / sizeof *lines; s++) {
        const int64_t dim[3] = {lines[s][0], lines[s][1], 1}, out[3] = {dim[0], 1, 1};
        rk_sample c;
        rk_sample_begin(&c, RK_REDUCE);
        uint16_t g = rk_sample_in(&c, RK_F32, 3, dim, 0), x = rk_sample_in(&c, RK_F32, 3, dim, 0),
                 mean = rk_sample_in(&c, RK_F32, 3, dim, 2),
                 scale = rk_sample_in(&c, RK_F32, 3, dim, 2), zero = rk_sample_immf(&c, 0),
                 one = rk_sample_imm(&c, 1);
        for (int j = 0; j < FOLDS; j++) rk_sample_out(&c, RK_F32, 3, out);
        uint16_t diff = rk_sample_ins(&c, RK_I_FSUB, x, mean, 0);
        uint16_t high = s % 3 == 0   ? rk_sample_ins(&c, RK_I_FLT, zero, diff, 0)
                        : s % 3 == 1 ? rk_sample_in(&c, RK_U8, 3, dim, 0)
                                     : rk_sample_ins(&c, RK_I_IAND, RK_R_INDEX, one, 0);
        uint16_t kept = rk_sample_ins(&c, RK_I_SELECT, high, g, scale);
        uint16_t far = rk_sample_ins(&c, RK_I_FMUL, g, rk_sample_immf(&c, 0x1p20f), 0);
        uint16_t wave =
            rk_sample_ins(&c, RK_I_FMAX, scale, rk_sample_ins(&c, RK_I_FCOS, far, 0, 0), 0);
        rk_sample_ins(&c, RK_I_FOLD, kept, 3, 0);
        rk_sample_ins(&c, RK_I_FOLD, rk_sample_ins(&c, RK_I_FMUL, kept, diff, 0), 1, 0);
        rk_sample_ins(&c, RK_I_FOLD, g, 0, 0);
        rk_sample_ins(&c, RK_I_FOLD, rk_sample_ins(&c, RK_I_FADD, wave, scale, 0), 2, 0);
        run_program(bed, &c, &r, RK_REDUCE_SUM, dim);
    }
}

/* Statistics: mean and variance from two folds, with inputs, index and bytes in what follows. */
static void tail(rk_bed *bed)
{
    rk_dice r = {14};
    for (int s = 0; s < SHAPES; s++) {
        const int64_t *dim = shapes[s], out[3] = {dim[0], 1, dim[2]};
        rk_sample c;
        if (dim[1] == 0 || rk_too_large(bed, dim[0] * dim[1] * dim[2])) continue;
        rk_sample_begin(&c, RK_REDUCE);
        uint16_t x = rk_sample_in(&c, RK_F32, 3, dim, 0),
                 column = rk_sample_in(&c, RK_F32, 3, dim, 3);
        for (int j = 0; j < 3; j++) rk_sample_out(&c, j == 1 ? RK_U8 : RK_F32, 3, out);
        rk_sample_ins(&c, RK_I_FOLD, x, 0, 0);
        rk_sample_ins(&c, RK_I_FOLD, rk_sample_ins(&c, RK_I_FMUL, x, x, 0), 1, 0);
        uint16_t scale = rk_sample_immf(&c, 1.0f / (float)dim[1]);
        uint16_t mean = rk_sample_ins(&c, RK_I_FMUL, RK_R_FOLD + 0, scale, 0);
        uint16_t square = rk_sample_ins(&c, RK_I_FMUL, RK_R_FOLD + 1, scale, 0);
        uint16_t mean2 = rk_sample_ins(&c, RK_I_FMUL, mean, mean, 0);
        uint16_t variance = rk_sample_ins(&c, RK_I_FSUB, square, mean2, 0);
        rk_sample_store(&c, 2, rk_sample_ins(&c, RK_I_FADD, variance, column, 0));
        rk_sample_store(&c, 1, RK_R_INDEX);
        rk_sample_store(&c, 0, rk_sample_ins(&c, RK_I_FSUB, x, mean, 0)); /* x at reduced index 0 */
        run_program(bed, &c, &r, RK_REDUCE_SUM, dim);
    }
}

/* Running averages, which a backend may update in place: each output needs both old values.  A row
 * is read before the folds, too; of a line along the reduced axis its first element is. */
static void states(rk_bed *bed)
{
    rk_dice r = {16};
    for (int s = 0; s < SHAPES; s++) {
        const int64_t *dim = shapes[s], out[3] = {dim[0], 1, dim[2]};
        rk_sample c;
        if (dim[1] == 0 || rk_too_large(bed, dim[0] * dim[1] * dim[2])) continue;
        rk_sample_begin(&c, RK_REDUCE);
        uint16_t row = rk_sample_in(&c, RK_F32, 3, dim, 2), x = rk_sample_in(&c, RK_F32, 3, dim, 0),
                 mean = rk_sample_in(&c, RK_F32, 3, dim, 2),
                 power = rk_sample_in(&c, RK_F32, 3, dim, 2),
                 line = rk_sample_in(&c, RK_F32, 3, dim, 5);
        for (int j = 0; j < 2; j++) rk_sample_out(&c, RK_F32, 3, out);
        uint16_t diff = rk_sample_ins(&c, RK_I_FSUB, x, row, 0);
        uint16_t square = rk_sample_ins(&c, RK_I_FMUL, diff, diff, 0);
        rk_sample_ins(&c, RK_I_FOLD, diff, 0, 0);
        rk_sample_ins(&c, RK_I_FOLD, square, 1, 0);
        uint16_t scale = rk_sample_immf(&c, 1.0f / (float)dim[1]);
        uint16_t mean2 = rk_sample_ins(&c, RK_I_FMUL, RK_R_FOLD + 0, scale, 0);
        uint16_t power2 = rk_sample_ins(&c, RK_I_FMUL, RK_R_FOLD + 1, scale, 0);
        mean2 = rk_sample_ins(&c, RK_I_FSUB, mean2, power, 0);
        mean2 = rk_sample_ins(&c, RK_I_FADD, mean2, mean, 0);
        power2 = rk_sample_ins(&c, RK_I_FMUL, power2, mean, 0);
        power2 = rk_sample_ins(&c, RK_I_FADD, power2, power, 0);
        power2 = rk_sample_ins(&c, RK_I_FADD, power2, row, 0);
        power2 = rk_sample_ins(&c, RK_I_FADD, power2, line, 0);
        rk_sample_store(&c, 0, mean2);
        rk_sample_store(&c, 1, power2);
        run_program(bed, &c, &r, RK_REDUCE_SUM, dim);
    }
}

/* What follows the folds may store a fold itself, and use the arg-maximum as a word. */
static void tail_argmax(rk_bed *bed)
{
    rk_dice r = {15};
    const int64_t dim[3] = {129, 10, 1}, out[3] = {129, 1, 1};
    rk_sample c;
    rk_sample_begin(&c, RK_REDUCE);
    uint16_t x = rk_sample_in(&c, RK_F32, 3, dim, 0), label = rk_sample_in(&c, RK_U8, 3, dim, 2);
    rk_sample_out(&c, RK_U32, 3, out);
    rk_sample_out(&c, RK_U32, 3, out);
    rk_sample_ins(&c, RK_I_FOLD, x, 0, 0);
    uint16_t small = rk_sample_ins(&c, RK_I_IAND, label, rk_sample_imm(&c, 7), 0);
    rk_sample_store(&c, 1, rk_sample_ins(&c, RK_I_IEQ, RK_R_FOLD, small, 0));
    rk_sample_store(&c, 0, RK_R_FOLD);
    run_program(bed, &c, &r, RK_REDUCE_ARGMAX, dim);
}

static const rk_case cases[] = {
    {"sum", "rows, columns and between; one to more than a million terms", sum, RK_CASE_NEEDED},
    {"sum-of-zeros", "rows and columns of nothing but -0", sum_of_zeros, RK_CASE_NEEDED},
    {"max", "the same shapes; plain and special values", max, RK_CASE_NEEDED},
    {"argmax", "the same shapes; plain and special values", argmax, RK_CASE_NEEDED},
    {"nothing-to-choose", "maxima of NaN, of zeros of both signs, of nothing; ties", maxima,
     RK_CASE_NEEDED},
    {"before", "two reductions of what a program makes of its inputs", prologue, 0},
    {"short-rows", "sums of what a program makes of rows of 9 to 1024", short_rows, 0},
    {"after", "statistics: a program over the results of reductions", tail, 0},
    {"after-states", "running averages, in place where that is allowed", states, 0},
    {"after-argmax", "a program over the place of a maximum", tail_argmax, 0}};
const rk_case_group rk_cases_reduce = {"reduce", cases, sizeof cases / sizeof *cases};
