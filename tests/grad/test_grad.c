/* Derivatives of every operation, and derivatives of these, against finite differences. */
#include "cases.h"
#include "graph/builder.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { TRIALS = 24 };

static bool uses(const rk_graph *g, rk_opcode op, rk_value root)
{
    bool *live = calloc(rk_graph_count(g), sizeof *live), found = false;
    assert_non_null(live);
    rk_graph_mark(g, &root, 1, live);
    for (rk_value v = 1; v < rk_graph_count(g); v++)
        found = found || (live[v] && rk_graph_node(g, v).op == op);
    free(live);
    return found;
}

/* One random graph of a case: returns whether it has the operation. */
static bool check_case(uint32_t number, uint64_t seed)
{
    const op_case *c = &op_cases[number];
    char what[64];
    trial t = trial_new(1000 * (uint64_t)number + seed);
    rk_value d[MAX_ARGUMENTS], dd[MAX_ARGUMENTS];
    rk_value y = c->build(&t, c), loss = curved_sum(&t, y);
    bool found = uses(t.g, c->op, y);
    snprintf(what, sizeof what, "%s, case %u, seed %u", rk_op_info(c->op)->name, number,
             (unsigned)seed);
    check_graph(t.g, what);
    rk_grad(t.g, loss, t.x, t.n, d);
    check_derivatives(&t, what, loss, d);
    rk_value second = weighted_sum(&t, d[0]);
    for (uint32_t i = 1; i < t.n; i++) second = rk_add(t.g, second, weighted_sum(&t, d[i]));
    rk_grad(t.g, second, t.x, t.n, dd);
    snprintf(what, sizeof what, "grad of grad of %s, case %u, seed %u", rk_op_info(c->op)->name,
             number, (unsigned)seed);
    check_derivatives(&t, what, second, dd);
    trial_free(&t);
    return found;
}

static void test_differences(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < n_op_cases; i++) {
        uint32_t found = 0;
        for (uint64_t seed = 0; seed < TRIALS; seed++) found += check_case(i, seed);
        if (found < TRIALS / 3)
            fail_msg("case %u: %s is in %u graphs only", i, rk_op_info(op_cases[i].op)->name,
                     found);
    }
}

/* Operations without a rule, and a float that is computed from x through each. */
static rk_value as_float(rk_graph *g, rk_value v) { return rk_cast(g, v, RK_F32); }

static rk_value flat(rk_graph *g, rk_opcode op, rk_value x)
{
    rk_shape s = rk_shape_of(g, x);
    rk_value half = rk_const_f(g, 0.5f), word = rk_cast(g, rk_mul(g, x, x), RK_U32);
    rk_value mask = rk_lt(g, x, half), seven = rk_const_u(g, 7), many = rk_const_u(g, 1u << 31);
    switch (op) {
    case RK_OP_INPUT: return rk_input(g, RK_F32, s, "other");
    case RK_OP_STATE: return rk_state(g, RK_F32, s, "other");
    case RK_OP_CONST: return half;
    case RK_OP_IOTA: return as_float(g, rk_iota(g, s.dim[0]));
    case RK_OP_RNG: return as_float(g, rk_rng(g, s, "random"));
    case RK_OP_CAST: return as_float(g, word);
    case RK_OP_STOP: return rk_stop(g, rk_mul(g, x, x));
    case RK_OP_NOT: return as_float(g, rk_not(g, mask));
    case RK_OP_LT: return as_float(g, mask);
    case RK_OP_EQ: return as_float(g, rk_eq(g, x, half));
    case RK_OP_MULHI: return as_float(g, rk_mulhi(g, word, many));
    case RK_OP_AND: return as_float(g, rk_and(g, word, seven));
    case RK_OP_SHR: return as_float(g, rk_shr(g, word, rk_const_u(g, 1)));
    case RK_OP_ARGMAX: return as_float(g, rk_argmax(g, x, 0, 1));
    case RK_OP_WARGMAX: {
        rk_value plane = rk_reshape(g, x, RK_SHAPE(1, s.dim[0]));
        rk_window w = {1, 1, 1, 1, 0, 0, 1, s.dim[0]};
        return as_float(g, rk_reshape(g, rk_wargmax(g, plane, w), s));
    }
    default: return 0;
    }
}

static void check_flat(rk_opcode op)
{
    trial t = trial_new(op);
    rk_value x = argument(&t, RK_SHAPE(5), NONZERO), y = flat(t.g, op, x), d[2];
    if (!y) fail_msg("%s has neither a rule nor a test that it needs none", rk_op_info(op)->name);
    rk_grad(t.g, rk_reduce_sum(t.g, rk_expand(t.g, y, RK_SHAPE(5)), 0, 1), &x, 1, d);
    rk_grad(t.g, rk_reduce_sum(t.g, rk_mul(t.g, x, y), 0, 1), &x, 1, d + 1);
    check_graph(t.g, rk_op_info(op)->name);
    assert_true(uses(t.g, op, y));
    uint32_t bits;
    assert_true(rk_is_constant(t.g, d[0], &bits) && bits == 0);
    assert_int_equal(rk_shape_of(t.g, d[0]).dim[0], 5);
    assert_int_equal(d[1], rk_expand(t.g, y, RK_SHAPE(5))); /* d (x y) / d x is y, only */
    trial_free(&t);
}

static void test_no_rule(void **state)
{
    (void)state;
    for (rk_opcode op = 1; op < RK_OP_COUNT; op++) {
        bool tested = false;
        for (uint32_t i = 0; i < n_op_cases; i++) tested = tested || op_cases[i].op == op;
        if (tested != (rk_rule_of(op) != NULL))
            fail_msg("%s: %s", rk_op_info(op)->name,
                     tested ? "has cases but no rule" : "has a rule but no cases");
        if (!tested && op != RK_OP_ASSIGN) check_flat(op); /* an assign is no operand */
    }
}

/* x^3 by products: derivatives up to the fourth, which is 0. */
static void test_orders(void **state)
{
    (void)state;
    trial t = trial_new(7);
    static const double want[] = {8, 12, 12, 6, 0};
    rk_value x = argument(&t, (rk_shape){0}, ANY), y[5];
    y[0] = rk_mul(t.g, rk_mul(t.g, x, x), x);
    for (int i = 1; i < 5; i++) rk_grad(t.g, y[i - 1], &x, 1, &y[i]);
    check_graph(t.g, "orders");
    oracle *o = oracle_new(t.g);
    oracle_buffer(o, "x0")[0].f = 2;
    oracle_run(o, y, 5);
    for (int i = 0; i < 5; i++) assert_true(oracle_scalar(o, y[i]) == want[i]);
    oracle_free(o);
    trial_free(&t);
}

/* Kinks: where the derivative goes is a promise of graph.h. */
static void test_ties(void **state)
{
    (void)state;
    trial t = trial_new(8);
    rk_value x[2], d[2], r, m;
    for (int i = 0; i < 2; i++) x[i] = argument(&t, RK_SHAPE(3), ANY);
    rk_grad(t.g, rk_reduce_sum(t.g, rk_max(t.g, x[0], x[1]), 0, 1), x, 2, d);
    rk_grad(t.g, rk_reduce_sum(t.g, rk_relu(t.g, x[0]), 0, 1), x, 1, &r);
    rk_grad(t.g, rk_reduce_max(t.g, x[1], 0, 1), x + 1, 1, &m);
    check_graph(t.g, "ties");
    oracle *o = oracle_new(t.g);
    static const double a[] = {0, -1, 3}, b[] = {0, 2, 2};
    static const double to_a[] = {1, 0, 1}, relu[] = {0, 0, 1}, most[] = {0, 0.5, 0.5};
    for (int i = 0; i < 3; i++) {
        oracle_buffer(o, "x0")[i].f = a[i];
        oracle_buffer(o, "x1")[i].f = b[i];
    }
    oracle_run(o, (rk_value[]){d[0], d[1], r, m}, 4);
    for (int i = 0; i < 3; i++) {
        assert_true(oracle_value(o, d[0])[i].f == to_a[i]);
        assert_true(oracle_value(o, d[1])[i].f == 1 - to_a[i]);
        assert_true(oracle_value(o, r)[i].f == relu[i]);
        assert_true(oracle_value(o, m)[i].f == most[i]);
    }
    oracle_free(o);
    trial_free(&t);
}

/* With respect to values in the middle, to unused ones, and twice to the same. */
static void test_wrt(void **state)
{
    (void)state;
    trial t = trial_new(9);
    rk_value x = argument(&t, RK_SHAPE(2), ANY), unused = argument(&t, RK_SHAPE(3), ANY), d[5];
    rk_value middle = rk_exp(t.g, x), loss = rk_reduce_sum(t.g, rk_mul(t.g, middle, x), 0, 1);
    rk_grad(t.g, loss, (rk_value[]){middle, unused, x, x, loss}, 5, d);
    check_graph(t.g, "wrt");
    assert_int_equal(d[0], x);
    rk_value stopped[] = {rk_stop(t.g, middle), x}, ds[2];
    rk_grad(t.g, rk_reduce_sum(t.g, rk_mul(t.g, stopped[0], x), 0, 1), stopped, 2, ds);
    assert_int_equal(ds[0], x);
    assert_int_equal(ds[1], stopped[0]);
    uint32_t bits;
    assert_true(rk_is_constant(t.g, d[1], &bits) && bits == 0);
    assert_int_equal(rk_dim(t.g, d[1], 0), 3);
    assert_int_equal(d[2], d[3]);
    assert_int_equal(d[2], rk_add(t.g, middle, rk_mul(t.g, x, middle)));
    assert_true(rk_is_constant(t.g, d[4], &bits) && bits == 0x3F800000u);
    uint32_t count = rk_graph_count(t.g);
    rk_grad(t.g, loss, &x, 1, d); /* the same derivative again needs nothing new */
    assert_int_equal(rk_graph_count(t.g), count);
    trial_free(&t);
}

/* Whatever a derivative appends is a part of it, but for constants: nothing is made for paths that
 * end in words, masks or stops. */
static void test_no_waste(void **state)
{
    (void)state;
    trial t = trial_new(10);
    rk_graph *g = t.g;
    rk_value x = argument(&t, RK_SHAPE(4, 3), ANY), other = argument(&t, RK_SHAPE(4, 3), ANY), d;
    rk_value mask = rk_lt(g, rk_exp(g, x), rk_sin(g, other));
    rk_value y = rk_where(g, mask, rk_mul(g, x, other), rk_stop(g, rk_cos(g, x)));
    y = rk_take(g, y, rk_cast(g, rk_reshape(g, rk_reduce_max(g, x, 1, 1), RK_SHAPE(4)), RK_U32));
    rk_value loss = rk_reduce_sum(g, rk_cross_entropy(g, y, words(&t, RK_SHAPE(4), 3)), 0, 1);
    uint32_t before = rk_graph_count(g), bits;
    rk_grad(g, loss, &x, 1, &d);
    check_graph(g, "no waste");
    bool *live = calloc(rk_graph_count(g), sizeof *live);
    assert_non_null(live);
    rk_graph_mark(g, &d, 1, live);
    for (rk_value v = before; v < rk_graph_count(g); v++)
        if (!live[v] && !rk_is_constant(g, v, &bits))
            fail_msg("%s is made for nothing", rk_op_info(rk_graph_node(g, v).op)->name);
    free(live);
    trial_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_differences), cmocka_unit_test(test_no_rule),
        cmocka_unit_test(test_orders),      cmocka_unit_test(test_ties),
        cmocka_unit_test(test_wrt),         cmocka_unit_test(test_no_waste)};
    return cmocka_run_group_tests_name("grad", tests, NULL, NULL);
}
