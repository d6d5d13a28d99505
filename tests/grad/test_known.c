/* The oracle is only as good as its own tests: every operation against values worked out by hand.
 *
 * The inputs are a = {1.5, -2, 0.25, 3} and b = {0.5, -2, 4, 3} (F32), i = {7, 0, 2^31 + 5, 1} and
 * j = {3, 0, 2^31 + 1, 9} (U32), and p, a plane of 3 x 3: {1, 5, 2; 5, 0, 3; -1, 4, -6}. */
#include "oracle.h"
#include "rethink/numerics.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

enum { MOST = 16 };

typedef struct fixture {
    rk_graph *g;
    rk_value a, b, i, j, p;
} fixture;

/* 2 x 2 windows with strides 2 and 1 and a padding of 1, out 2 x 2.  On p they are
 * {- -; - 1}, {- -; 1 5}, {- 5; - -1} and {5 0; -1 4}, where - is outside. */
static const rk_window window = {2, 2, 2, 1, 1, 1, 2, 2};

static rk_value square(const fixture *f) { return rk_reshape(f->g, f->a, RK_SHAPE(2, 2)); }

static rk_value planes(const fixture *f, int64_t height, int64_t width)
{
    rk_value x = height == 3 ? f->p : f->a;
    return rk_reshape(f->g, x, RK_SHAPE(1, 1, height, width));
}

static rk_value corner(const fixture *f) /* {1.5, -2; 0.25, 3} as a kernel, [1][1][2][2] */
{
    return planes(f, 2, 2);
}

static rk_value build(const fixture *f, rk_opcode op)
{
    rk_graph *g = f->g;
    rk_shape small = RK_SHAPE(1, 1, 2, 2), large = RK_SHAPE(1, 1, 3, 3);
    rk_value mask = rk_lt(g, f->a, f->b), first = rk_slice(g, f->i, (int64_t[]){0}, RK_SHAPE(2));
    switch (op) {
    case RK_OP_INPUT: return f->a;
    case RK_OP_STATE: return rk_state(g, RK_U32, RK_SHAPE(2), "state");
    case RK_OP_CONST: return rk_const_f(g, -0.75f);
    case RK_OP_IOTA: return rk_iota(g, 3);
    case RK_OP_RNG: return rk_rng(g, RK_SHAPE(2, 3), "name");
    case RK_OP_NEG: return rk_neg(g, f->a);
    case RK_OP_EXP: return rk_exp(g, f->a);
    case RK_OP_LOG: return rk_log(g, f->a);
    case RK_OP_SQRT: return rk_sqrt(g, f->a);
    case RK_OP_RECIP: return rk_recip(g, f->a);
    case RK_OP_SIN: return rk_sin(g, f->a);
    case RK_OP_COS: return rk_cos(g, f->a);
    case RK_OP_CAST: return rk_cast(g, f->a, RK_U32);
    case RK_OP_STOP: return rk_stop(g, f->a);
    case RK_OP_NOT: return rk_not(g, mask);
    case RK_OP_ADD: return rk_add(g, f->i, f->j);
    case RK_OP_SUB: return rk_sub(g, f->j, f->i);
    case RK_OP_MUL: return rk_mul(g, f->i, f->j);
    case RK_OP_DIV: return rk_div(g, f->a, f->b);
    case RK_OP_MAX: return rk_max(g, f->a, f->b);
    case RK_OP_LT: return mask;
    case RK_OP_EQ: return rk_eq(g, f->a, f->b);
    case RK_OP_MULHI: return rk_mulhi(g, f->i, f->j);
    case RK_OP_AND: return rk_and(g, f->i, f->j);
    case RK_OP_SHR: return rk_shr(g, f->i, rk_const_u(g, 33));
    case RK_OP_WHERE: return rk_where(g, mask, f->i, f->j);
    case RK_OP_RESHAPE: return square(f);
    case RK_OP_EXPAND: return rk_expand(g, rk_reshape(g, f->a, RK_SHAPE(4, 1)), RK_SHAPE(4, 2));
    case RK_OP_PERMUTE: return rk_permute(g, square(f), (uint32_t[]){1, 0});
    case RK_OP_SLICE: return rk_slice(g, f->p, (int64_t[]){1, 0}, RK_SHAPE(2, 2));
    case RK_OP_PAD: return rk_pad(g, square(f), (int64_t[]){1, 0}, RK_SHAPE(3, 3));
    case RK_OP_CONCAT: return rk_concat(g, (rk_value[]){square(f), square(f)}, 2, 1);
    case RK_OP_SUM: return rk_reduce_sum(g, f->p, 0, 1);
    case RK_OP_MAX_OVER: return rk_reduce_max(g, f->p, 1, 1);
    case RK_OP_ARGMAX: return rk_argmax(g, f->p, 0, 1);
    case RK_OP_MATMUL: return rk_matmul(g, square(f), square(f), true, false);
    case RK_OP_CONV: return rk_conv(g, planes(f, 3, 3), corner(f), window);
    case RK_OP_CONV_DX: return rk_conv_dx(g, corner(f), corner(f), window, large);
    case RK_OP_CONV_DW: return rk_conv_dw(g, planes(f, 3, 3), corner(f), window, small);
    case RK_OP_WSUM: return rk_wsum(g, f->p, window);
    case RK_OP_WSUM_T: return rk_wsum_t(g, square(f), window, RK_SHAPE(3, 3));
    case RK_OP_WARGMAX: return rk_wargmax(g, f->p, window);
    case RK_OP_WTAKE: return rk_wtake(g, f->p, rk_reshape(g, f->i, RK_SHAPE(2, 2)), window);
    case RK_OP_WPUT: {
        rk_value index = rk_reshape(g, f->j, RK_SHAPE(2, 2));
        return rk_wput(g, square(f), index, window, RK_SHAPE(3, 3));
    }
    case RK_OP_TAKE: return rk_take(g, square(f), rk_shr(g, f->i, rk_const_u(g, 2)));
    case RK_OP_PUT: return rk_put(g, square(f), rk_and(g, first, rk_const_u(g, 3)), 4);
    default: return 0;
    }
}

static const struct known {
    rk_opcode op;
    uint32_t n;
    double f[MOST];
    uint32_t u[MOST];
} known[] = {
    {RK_OP_INPUT, 4, {1.5, -2, 0.25, 3}, {0}},
    {RK_OP_STATE, 2, {0}, {0, 0}},
    {RK_OP_CONST, 1, {-0.75}, {0}},
    {RK_OP_IOTA, 3, {0}, {0, 1, 2}},
    {RK_OP_NEG, 4, {-1.5, 2, -0.25, -3}, {0}},
    {RK_OP_EXP,
     4,
     {4.4816890703380645, 0.1353352832366127, 1.2840254166877414, 20.085536923187668},
     {0}},
    {RK_OP_LOG, 4, {0.4054651081081644, NAN, -1.3862943611198906, 1.0986122886681098}, {0}},
    {RK_OP_SQRT, 4, {1.2247448713915890, NAN, 0.5, 1.7320508075688772}, {0}},
    {RK_OP_RECIP, 4, {0.6666666666666666, -0.5, 4, 0.3333333333333333}, {0}},
    {RK_OP_SIN,
     4,
     {0.9974949866040544, -0.9092974268256817, 0.24740395925452294, 0.1411200080598672},
     {0}},
    {RK_OP_COS,
     4,
     {0.0707372016677029, -0.4161468365471424, 0.9689124217106447, -0.9899924966004454},
     {0}},
    {RK_OP_CAST, 4, {0}, {1, 0, 0, 3}},
    {RK_OP_STOP, 4, {1.5, -2, 0.25, 3}, {0}},
    {RK_OP_NOT, 4, {0}, {1, 1, 0, 1}},
    {RK_OP_ADD, 4, {0}, {10, 0, 6, 10}},
    {RK_OP_SUB, 4, {0}, {0xFFFFFFFCu, 0, 0xFFFFFFFCu, 8}},
    {RK_OP_MUL, 4, {0}, {21, 0, 5, 9}},
    {RK_OP_DIV, 4, {3, 1, 0.0625, 1}, {0}},
    {RK_OP_MAX, 4, {1.5, -2, 4, 3}, {0}},
    {RK_OP_LT, 4, {0}, {0, 0, 1, 0}},
    {RK_OP_EQ, 4, {0}, {0, 1, 0, 1}},
    {RK_OP_MULHI, 4, {0}, {0, 0, 0x40000003u, 0}},
    {RK_OP_AND, 4, {0}, {3, 0, 0x80000001u, 1}},
    {RK_OP_SHR, 4, {0}, {3, 0, 0x40000002u, 0}},
    {RK_OP_WHERE, 4, {0}, {3, 0, 0x80000005u, 9}},
    {RK_OP_RESHAPE, 4, {1.5, -2, 0.25, 3}, {0}},
    {RK_OP_EXPAND, 8, {1.5, 1.5, -2, -2, 0.25, 0.25, 3, 3}, {0}},
    {RK_OP_PERMUTE, 4, {1.5, 0.25, -2, 3}, {0}},
    {RK_OP_SLICE, 4, {5, 0, -1, 4}, {0}},
    {RK_OP_PAD, 9, {0, 0, 0, 1.5, -2, 0, 0.25, 3, 0}, {0}},
    {RK_OP_CONCAT, 8, {1.5, -2, 1.5, -2, 0.25, 3, 0.25, 3}, {0}},
    {RK_OP_SUM, 3, {5, 9, -1}, {0}},
    {RK_OP_MAX_OVER, 3, {5, 5, 4}, {0}},
    {RK_OP_ARGMAX, 3, {0}, {1, 0, 1}},
    {RK_OP_MATMUL, 4, {2.3125, -2.25, -2.25, 13}, {0}},
    {RK_OP_CONV, 4, {3, 15.25, -13, 19.25}, {0}},
    {RK_OP_CONV_DX, 9, {4, -6, 0, 4, -6, 0, 1.5, 9, 0}, {0}},
    {RK_OP_CONV_DW, 4, {15, 1.25, -5, 3.25}, {0}},
    {RK_OP_WSUM, 4, {1, 6, 4, 8}, {0}},
    {RK_OP_WSUM_T, 9, {-0.5, -2, 0, 3.25, 3, 0, 3.25, 3, 0}, {0}},
    {RK_OP_WARGMAX, 4, {0}, {0, 1, 3, 3}},
    {RK_OP_WTAKE, 4, {4, 1, 0, 5}, {0}},
    {RK_OP_WPUT, 9, {-2, 0, 0, 1.5, 0, 0, 0, 0, 0}, {0}},
    {RK_OP_TAKE, 8, {0.25, 3, 1.5, -2, 0, 0, 1.5, -2}, {0}},
    {RK_OP_PUT, 8, {0.25, 3, 0, 0, 0, 0, 1.5, -2}, {0}},
};

static void check_known(oracle *o, const fixture *f, const struct known *k)
{
    rk_value v = build(f, k->op);
    rk_error e;
    const char *name = rk_op_info(k->op)->name;
    if (rk_graph_check(f->g, &e) != RK_OK) fail_msg("%s: %s", name, e.text);
    assert_int_equal(rk_graph_node(f->g, v).op, k->op);
    assert_int_equal(rk_shape_size(rk_shape_of(f->g, v)), k->n);
    oracle_run(o, &v, 1);
    for (uint32_t i = 0; i < k->n; i++) {
        cell got = oracle_value(o, v)[i];
        bool same = got.u == k->u[i];
        if (rk_dtype_of(f->g, v) == RK_F32)
            same =
                isnan(k->f[i]) ? isnan(got.f) : fabs(got.f - k->f[i]) < 1e-15 * (1 + fabs(got.f));
        if (!same)
            fail_msg("%s: element %u is %.17g or %u, not %.17g or %u", name, i, got.f, got.u,
                     k->f[i], k->u[i]);
    }
}

static fixture fixture_new(void)
{
    rk_graph *g = rk_graph_new();
    assert_non_null(g);
    fixture f = {.g = g};
    f.a = rk_input(g, RK_F32, RK_SHAPE(4), "a");
    f.b = rk_input(g, RK_F32, RK_SHAPE(4), "b");
    f.i = rk_input(g, RK_U32, RK_SHAPE(4), "i");
    f.j = rk_input(g, RK_U32, RK_SHAPE(4), "j");
    f.p = rk_input(g, RK_F32, RK_SHAPE(3, 3), "p");
    return f;
}

static void fill(oracle *o)
{
    static const double a[] = {1.5, -2, 0.25, 3}, b[] = {0.5, -2, 4, 3};
    static const double p[] = {1, 5, 2, 5, 0, 3, -1, 4, -6};
    static const uint32_t i[] = {7, 0, 0x80000005u, 1}, j[] = {3, 0, 0x80000001u, 9};
    for (int k = 0; k < 4; k++) {
        oracle_buffer(o, "a")[k].f = a[k];
        oracle_buffer(o, "b")[k].f = b[k];
        oracle_buffer(o, "i")[k].u = i[k];
        oracle_buffer(o, "j")[k].u = j[k];
    }
    for (int k = 0; k < 9; k++) oracle_buffer(o, "p")[k].f = p[k];
}

static void test_known(void **state)
{
    (void)state;
    fixture f = fixture_new();
    oracle *o = oracle_new(f.g);
    fill(o);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) check_known(o, &f, &known[i]);
    oracle_free(o);
    rk_graph_free(f.g);
}

/* Every line of ops.def is in the table, but for rng and assign, which have tests of their own. */
static void test_complete(void **state)
{
    (void)state;
    for (rk_opcode op = 1; op < RK_OP_COUNT; op++) {
        bool found = op == RK_OP_RNG || op == RK_OP_ASSIGN;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            found = found || known[i].op == op;
        if (!found) fail_msg("%s has no known values", rk_op_info(op)->name);
    }
}

static void test_edges(void **state)
{
    (void)state;
    fixture f = fixture_new();
    rk_value none = rk_input(f.g, RK_F32, RK_SHAPE(0), "none");
    rk_value v[] = {rk_reduce_max(f.g, none, 0, 1), rk_argmax(f.g, none, 0, 1),
                    rk_reduce_sum(f.g, none, 0, 1), rk_reduce_max(f.g, f.a, 0, 1),
                    rk_argmax(f.g, f.a, 0, 1),      rk_cast(f.g, f.b, RK_U32),
                    rk_cast(f.g, f.i, RK_U8),       rk_max(f.g, f.a, f.b)};
    oracle *o = oracle_new(f.g);
    fill(o);
    static const double a[] = {NAN, -INFINITY, NAN, -INFINITY}, b[] = {NAN, 4294967296.0, 5e9, -1};
    for (int i = 0; i < 4; i++) {
        oracle_buffer(o, "a")[i].f = a[i];
        oracle_buffer(o, "b")[i].f = b[i];
    }
    oracle_run(o, v, 8);
    assert_true(oracle_scalar(o, v[0]) == -INFINITY && oracle_scalar(o, v[2]) == 0);
    assert_int_equal(oracle_value(o, v[1])[0].u, 0);
    assert_true(oracle_scalar(o, v[3]) == -INFINITY);
    assert_int_equal(oracle_value(o, v[4])[0].u, 1); /* the first that is no NaN */
    static const uint32_t words[] = {0, 0xFFFFFFFFu, 0xFFFFFFFFu, 0};
    for (int i = 0; i < 4; i++) assert_int_equal(oracle_value(o, v[5])[i].u, words[i]);
    assert_int_equal(oracle_value(o, v[6])[2].u, 5);
    assert_true(isnan(oracle_scalar(o, v[7])));
    assert_true(oracle_value(o, v[7])[3].f == -1);
    oracle_free(o);
    rk_graph_free(f.g);
}

/* The maximum of a window: NaN is skipped, the first of equals, and nothing at all. */
static void test_window_edges(void **state)
{
    (void)state;
    static const double plane[] = {NAN, 2, 2, -INFINITY};
    static const uint32_t want[] = {1, 1, 1, 2, 3, 0xFFFFFFFFu};
    rk_graph *g = rk_graph_new();
    rk_window w = {1, 3, 1, 1, 0, 1, 1, 6};
    rk_value x = rk_input(g, RK_F32, RK_SHAPE(1, 4), "x"), index = rk_wargmax(g, x, w);
    rk_value most = rk_wtake(g, x, index, w);
    oracle *o = oracle_new(g);
    for (int i = 0; i < 4; i++) oracle_buffer(o, "x")[i].f = plane[i];
    oracle_run(o, &most, 1);
    for (int i = 0; i < 6; i++) assert_int_equal(oracle_value(o, index)[i].u, want[i]);
    assert_true(oracle_value(o, most)[4].f == -INFINITY && oracle_value(o, most)[5].f == 0);
    oracle_free(o);
    rk_graph_free(g);
}

/* Random words follow key, step and name; Philox's answers for key and counter 0 are Random123's.
 * The functions of random words are those of numerics.h. */
static void test_random(void **state)
{
    (void)state;
    rk_graph *g = rk_graph_new();
    rk_value w = rk_rng(g, RK_SHAPE(2, 5), "stream"), u = rk_rng_uniform(g, RK_SHAPE(4), "stream");
    rk_value z = rk_rng_normal(g, RK_SHAPE(5), "stream");
    oracle *o = oracle_new(g);
    cell *key = oracle_buffer(o, "rng/key");
    rk_word block[4] = {0, 0, 0, 0};
    rk_philox(block, 0, 0);
    assert_int_equal(block[0], 0x6627e8d5u);
    for (uint32_t step = 0; step < 3; step++) {
        key[0].u = 0x12345678u;
        key[1].u = 0x9ABCDEF0u;
        key[2].u = step;
        oracle_run(o, (rk_value[]){w, u, z}, 3);
        for (uint32_t i = 0; i < 10; i++) {
            rk_word c[4] = {i / 4, 0, step, (uint32_t)rk_graph_node(g, w).attr[0]};
            rk_philox(c, 0x12345678u, 0x9ABCDEF0u);
            assert_int_equal(oracle_value(o, w)[i].u, c[i % 4]);
        }
        const cell *word = oracle_value(o, w);
        for (uint32_t i = 0; i < 4; i++)
            assert_true(oracle_value(o, u)[i].f == (double)rk_uniform(word[i].u));
        for (uint32_t i = 0; i < 5; i++) {
            double want = (double)rk_normal(word[2 * i].u, word[2 * i + 1].u);
            assert_true(fabs(oracle_value(o, z)[i].f - want) < 1e-6 * (1 + fabs(want)));
        }
    }
    oracle_free(o);
    rk_graph_free(g);
}

/* Two states change places, a third counts: every read sees the state before the run. */
static void test_assign(void **state)
{
    (void)state;
    rk_graph *g = rk_graph_new();
    rk_value a = rk_state(g, RK_F32, RK_SHAPE(2), "a"), b = rk_state(g, RK_F32, RK_SHAPE(2), "b");
    rk_value n = rk_state(g, RK_U32, (rk_shape){0}, "n");
    rk_assign(g, a, b);
    rk_assign(g, b, a);
    rk_assign(g, n, rk_add(g, n, rk_const_u(g, 1)));
    assert_int_equal(rk_graph_check(g, NULL), RK_OK);
    oracle *o = oracle_new(g);
    oracle_buffer(o, "a")[1].f = 5;
    for (int i = 0; i < 3; i++) oracle_run(o, NULL, 0);
    assert_true(oracle_buffer(o, "a")[1].f == 0 && oracle_buffer(o, "b")[1].f == 5);
    assert_int_equal(oracle_buffer(o, "n")[0].u, 3);
    assert_null(oracle_buffer(o, "no such buffer"));
    oracle_free(o);
    rk_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),  cmocka_unit_test(test_complete),
        cmocka_unit_test(test_edges),  cmocka_unit_test(test_window_edges),
        cmocka_unit_test(test_random), cmocka_unit_test(test_assign)};
    return cmocka_run_group_tests_name("oracle", tests, NULL, NULL);
}
