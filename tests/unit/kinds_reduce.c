/* REDUCE: the canonical order, NaN and zeros, programs before and after the folds. */
#include "kinds.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <rethink/numerics.h>

static uint32_t fold_one(int64_t which, const float *x, int64_t n, int64_t stride)
{
    float best = -INFINITY;
    if (which == RK_REDUCE_SUM) return rk_bits(reference_sum(x, n, stride));
    for (int64_t i = 0; i < n; i++)
        if (x[i * stride] > best) best = x[i * stride];
    if (which == RK_REDUCE_MAX) return rk_bits(best == 0.0f ? 0.0f : best);
    for (int64_t i = 0; i < n; i++)
        if (x[i * stride] == best) return (uint32_t)i;
    return 0;
}

static uint32_t *fold_all(int64_t which, const float *x, const int64_t *dim)
{
    int64_t outer = dim[0], n = dim[1], inner = dim[2];
    uint32_t *y = malloc((size_t)(outer * inner) * 4 + 1);
    assert_non_null(y);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++)
            y[o * inner + i] = fold_one(which, x + o * n * inner + i, n, inner);
    return y;
}

static void set_p(harness_case *c, int64_t which, const int64_t *dim)
{
    c->op.p[0] = which;
    memcpy(c->op.p + 1, dim, 3 * sizeof *dim);
}

static const int64_t shapes[][3] = {{1, 1, 1},
                                    {0, 5, 3},
                                    {5, 0, 3},
                                    {5, 3, 0},
                                    {7, 31, 1},
                                    {5, 33, 1},
                                    {128, 10, 1},
                                    {3, 1000, 1},
                                    {2, 1024, 1},
                                    {2, 1025, 1},
                                    {1, 5000, 1},
                                    {1, 70001, 1},
                                    {3, 10, 7},
                                    {1, 128, 513},
                                    {1, 1025, 37},
                                    {2, 3000, 20},
                                    {70001, 1, 1},
                                    {1, 2, 70001},
                                    {5, 64, 784},
                                    {257, 33, 2},
                                    {1, 32768, 3},
                                    {33, 100, 1},
                                    {1, 1048576 + 1100, 1}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void plain(void **state)
{
    harness *h = *state;
    random_state r = {11};
    for (int s = 0; s < SHAPES; s++)
        for (int64_t which = 0; which < 3; which++)
            for (int special = 0; special < 2; special++) {
                const int64_t *dim = shapes[s], out[3] = {dim[0], 1, dim[2]};
                harness_case c;
                case_data d;
                if (too_large(h, dim[0] * dim[1] * dim[2])) continue;
                case_begin(&c, RK_REDUCE);
                case_in(&c, RK_F32, 3, dim, 0);
                case_out(&c, which == RK_REDUCE_ARGMAX ? RK_U32 : RK_F32, 3, out);
                set_p(&c, which, dim);
                data_make(&c, &d, &r, special);
                uint32_t *y = fold_all(which, d.in[0], dim);
                memcpy(d.want[0], y, (size_t)tensor_count(&c.out[0]) * 4);
                free(y);
                expect_want(h, &c, &d, "reduce");
                data_free(&c, &d);
            }
}

/* One row of n values; what MAX and ARGMAX make of it. */
static void check_row(harness *h, const uint32_t *x, int64_t n, uint32_t most, uint32_t at)
{
    for (int64_t which = RK_REDUCE_MAX; which <= RK_REDUCE_ARGMAX; which++) {
        harness_case c;
        case_data d;
        random_state r = {12};
        case_begin(&c, RK_REDUCE);
        case_in(&c, RK_F32, 3, (int64_t[]){1, n, 1}, 0);
        case_out(&c, which == RK_REDUCE_ARGMAX ? RK_U32 : RK_F32, 3, (int64_t[]){1, 1, 1});
        set_p(&c, which, (int64_t[]){1, n, 1});
        data_make(&c, &d, &r, DATA_PLAIN);
        if (n) memcpy(d.in[0], x, (size_t)n * 4);
        memcpy(d.want[0], which == RK_REDUCE_MAX ? &most : &at, 4);
        expect_want(h, &c, &d, "reduce");
        data_free(&c, &d);
    }
}

static void maxima(void **state)
{
    enum { NAN_ = 0x7FC00000, MINF = (int)0xFF800000u, MZERO = (int)0x80000000u, ONE = 0x3F800000 };
    static const uint32_t nans[3] = {NAN_, NAN_, NAN_}, low[3] = {NAN_, (uint32_t)MINF, NAN_},
                          zero[3] = {(uint32_t)MZERO, 0, (uint32_t)MZERO},
                          ties[3] = {NAN_, ONE, ONE}, mzero[2] = {NAN_, (uint32_t)MZERO};
    check_row(*state, nans, 0, (uint32_t)MINF, 0);
    check_row(*state, nans, 3, (uint32_t)MINF, 0);
    check_row(*state, low, 3, (uint32_t)MINF, 1);
    check_row(*state, zero, 3, 0, 0);
    check_row(*state, mzero, 2, 0, 1);
    check_row(*state, ties, 3, ONE, 1);
}

/* Runs the instructions before the folds, the folds and what follows, as the header says. */
static void run_program(harness *h, harness_case *c, random_state *r, int64_t which,
                        const int64_t *dim, uint32_t n_fold, bool tail)
{
    case_data d;
    float *x[4];
    uint32_t *fold[4], folded[4];
    int64_t n = dim[0] * dim[1] * dim[2];
    set_p(c, which, dim);
    data_make(c, &d, r, DATA_PLAIN);
    for (uint32_t j = 0; j < n_fold; j++) {
        x[j] = malloc((size_t)n * 4 + 1);
        assert_non_null(x[j]);
    }
    for (int64_t e = 0; e < n; e++) {
        reference_fold_inputs(c, &d, e, dim, folded);
        for (uint32_t j = 0; j < n_fold; j++) x[j][e] = rk_float(folded[j]);
    }
    for (uint32_t j = 0; j < n_fold; j++) fold[j] = fold_all(which, x[j], dim);
    if (tail)
        reference_program(c, &d, NULL, 0, (const uint32_t *const *)fold);
    else
        for (uint32_t j = 0; j < n_fold; j++)
            memcpy(d.want[j], fold[j], (size_t)(dim[0] * dim[2]) * 4);
    expect_want(h, c, &d, "reduce");
    for (uint32_t j = 0; j < n_fold; j++) {
        free(x[j]);
        free(fold[j]);
    }
    data_free(c, &d);
}

/* sum of x * y and of (x - row) * index: two folds with a broadcast input. */
static void prologue(void **state)
{
    harness *h = *state;
    random_state r = {13};
    for (int s = 0; s < SHAPES; s++)
        for (int64_t which = 0; which < 3; which++) {
            const int64_t *dim = shapes[s], out[3] = {dim[0], 1, dim[2]};
            harness_case c;
            if (too_large(h, dim[0] * dim[1] * dim[2])) continue;
            case_begin(&c, RK_REDUCE);
            uint16_t x = case_in(&c, RK_F32, 3, dim, 0), y = case_in(&c, RK_U8, 3, dim, 0);
            uint16_t row = case_in(&c, RK_F32, 3, dim, 2);
            for (int j = 0; j < 2; j++)
                case_out(&c, which == RK_REDUCE_ARGMAX ? RK_U32 : RK_F32, 3, out);
            uint16_t yf = case_ins(&c, RK_I_U2F, y, 0, 0);
            uint16_t xy = case_ins(&c, RK_I_FMUL, x, yf, 0);
            case_ins(&c, RK_I_FOLD, xy, 1, 0);
            uint16_t diff = case_ins(&c, RK_I_FSUB, x, row, 0);
            uint16_t low = case_ins(&c, RK_I_IAND, RK_R_INDEX, case_imm(&c, 1023), 0);
            uint16_t index = case_ins(&c, RK_I_U2F, low, 0, 0);
            uint16_t product = case_ins(&c, RK_I_FMUL, diff, index, 0);
            case_ins(&c, RK_I_FOLD, product, 0, 0);
            run_program(h, &c, &r, which, dim, 2, false);
        }
}

/* Statistics: mean and variance from two folds, with inputs, index and bytes in what follows. */
static void tail(void **state)
{
    harness *h = *state;
    random_state r = {14};
    for (int s = 0; s < SHAPES; s++) {
        const int64_t *dim = shapes[s], out[3] = {dim[0], 1, dim[2]};
        harness_case c;
        if (dim[1] == 0 || too_large(h, dim[0] * dim[1] * dim[2])) continue;
        case_begin(&c, RK_REDUCE);
        uint16_t x = case_in(&c, RK_F32, 3, dim, 0), column = case_in(&c, RK_F32, 3, dim, 3);
        for (int j = 0; j < 3; j++) case_out(&c, j == 1 ? RK_U8 : RK_F32, 3, out);
        case_ins(&c, RK_I_FOLD, x, 0, 0);
        case_ins(&c, RK_I_FOLD, case_ins(&c, RK_I_FMUL, x, x, 0), 1, 0);
        uint16_t scale = case_immf(&c, 1.0f / (float)dim[1]);
        uint16_t mean = case_ins(&c, RK_I_FMUL, RK_R_FOLD + 0, scale, 0);
        uint16_t square = case_ins(&c, RK_I_FMUL, RK_R_FOLD + 1, scale, 0);
        uint16_t mean2 = case_ins(&c, RK_I_FMUL, mean, mean, 0);
        uint16_t variance = case_ins(&c, RK_I_FSUB, square, mean2, 0);
        case_store(&c, 2, case_ins(&c, RK_I_FADD, variance, column, 0));
        case_store(&c, 1, RK_R_INDEX);
        case_store(&c, 0, case_ins(&c, RK_I_FSUB, x, mean, 0)); /* x at reduced index 0 */
        run_program(h, &c, &r, RK_REDUCE_SUM, dim, 2, true);
    }
}

/* What follows the folds may store a fold itself, and use the arg-maximum as a word. */
static void tail_argmax(void **state)
{
    harness *h = *state;
    random_state r = {15};
    const int64_t dim[3] = {129, 10, 1}, out[3] = {129, 1, 1};
    harness_case c;
    case_begin(&c, RK_REDUCE);
    uint16_t x = case_in(&c, RK_F32, 3, dim, 0), label = case_in(&c, RK_U8, 3, dim, 2);
    case_out(&c, RK_U32, 3, out);
    case_out(&c, RK_U32, 3, out);
    case_ins(&c, RK_I_FOLD, x, 0, 0);
    uint16_t small = case_ins(&c, RK_I_IAND, label, case_imm(&c, 7), 0);
    case_store(&c, 1, case_ins(&c, RK_I_IEQ, RK_R_FOLD, small, 0));
    case_store(&c, 0, RK_R_FOLD);
    run_program(h, &c, &r, RK_REDUCE_ARGMAX, dim, 1, true);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(plain), cmocka_unit_test(maxima),
                                          cmocka_unit_test(prologue), cmocka_unit_test(tail),
                                          cmocka_unit_test(tail_argmax)};
const kinds_group kinds_reduce = {"reduce", tests, sizeof tests / sizeof *tests};
