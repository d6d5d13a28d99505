/* rk_substitute: a value with others in place of some, against the same model built on these. */
#include "trial.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static uint32_t count(const rk_graph *g, rk_opcode op)
{
    uint32_t n = 0;
    for (rk_value v = 1; v < rk_graph_count(g); v++) n += rk_graph_node(g, v).op == op;
    return n;
}

/* Batch norm, dropout, concat, a view and a reduction of images under weights w and v. */
static rk_value network(rk_graph *g, rk_value x, rk_value w, rk_value v)
{
    rk_norm norm = {.shift = true, .eps = 0.001f, .momentum = 0.5f};
    rk_value y = rk_conv(g, x, w, rk_window_same(g, x, 3, 1));
    y = rk_relu(g, rk_batch_norm(g, y, norm, "bn"));
    y = rk_dropout(g, y, 0.5f, "drop");
    y = rk_concat(g, (const rk_value[]){y, x}, 2, 1);
    y = rk_matmul(g, rk_flatten(g, y), v, false, false);
    return rk_reduce_sum(g, rk_mul(g, y, y), 0, 2);
}

/* One run of a trial whose loss is at the weights, or there instead; d are its derivatives. */
typedef struct outcome {
    double loss, d[2][64];
} outcome;

static outcome run(bool substituted)
{
    trial t = trial_new(7);
    outcome r;
    rk_graph_set_training(t.g, true);
    rk_value x = argument(&t, RK_SHAPE(2, 1, 3, 3), ANY);
    rk_value from[2], to[2], d[2];
    from[0] = argument(&t, RK_SHAPE(2, 1, 3, 3), ANY);
    from[1] = argument(&t, RK_SHAPE(27, 2), ANY);
    rk_value half = rk_const_f(t.g, 0.5f);
    for (int i = 0; i < 2; i++) to[i] = rk_mul(t.g, from[i], from[i]);
    for (int i = 0; i < 2; i++) to[i] = rk_add(t.g, to[i], half);
    rk_value loss = network(t.g, x, substituted ? from[0] : to[0], substituted ? from[1] : to[1]);
    uint32_t assigns = count(t.g, RK_OP_ASSIGN), words = count(t.g, RK_OP_RNG);
    if (substituted) loss = rk_substitute(t.g, loss, from, to, 2);
    assert_true(count(t.g, RK_OP_ASSIGN) == assigns && assigns == 3);
    assert_true(count(t.g, RK_OP_RNG) == words && words == 1);
    rk_grad(t.g, loss, to, 2, d);
    check_graph(t.g, "substitute");
    oracle *o = oracle_new(t.g);
    trial_fill(&t, o);
    oracle_run(o, (const rk_value[]){loss, d[0], d[1]}, 3);
    r.loss = oracle_scalar(o, loss);
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < (i ? 54 : 18); k++) r.d[i][k] = oracle_value(o, d[i])[k].f;
    oracle_free(o);
    trial_free(&t);
    return r;
}

static void test_as_if_built_so(void **state)
{
    (void)state;
    outcome want = run(false), got = run(true);
    assert_true(want.loss != 0 && got.loss == want.loss);
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < (i ? 54 : 18); k++) assert_true(got.d[i][k] == want.d[i][k]);
}

/* What does not depend on the values stays what it is, and nothing more is made. */
static void test_no_more_than_needed(void **state)
{
    (void)state;
    rk_graph *g = rk_graph_new();
    rk_value a = rk_input(g, RK_F32, RK_SHAPE(2), "a"), b = rk_input(g, RK_F32, RK_SHAPE(2), "b");
    rk_value c = rk_input(g, RK_F32, RK_SHAPE(2), "c"), sine = rk_sin(g, a);
    rk_exp(g, a); /* not part of the sum */
    rk_value sum = rk_add(g, sine, b);
    uint32_t before = rk_graph_count(g);
    assert_int_equal(rk_substitute(g, sum, &c, &a, 1), sum);
    assert_int_equal(rk_substitute(g, sum, &a, &a, 1), sum);
    assert_int_equal(rk_substitute(g, sum, NULL, NULL, 0), sum);
    assert_int_equal(rk_substitute(g, sum, &sum, &c, 1), c);
    assert_int_equal(rk_graph_count(g), before);
    rk_value other = rk_substitute(g, sum, &a, &c, 1);
    assert_int_equal(rk_graph_count(g), before + 2); /* the sine of c, and a sum */
    assert_int_equal(rk_add(g, rk_sin(g, c), b), other);
    /* At once, not one after the other. */
    rk_value swapped = rk_substitute(g, rk_sub(g, a, b), (rk_value[]){a, b}, (rk_value[]){b, a}, 2);
    assert_int_equal(swapped, rk_sub(g, b, a));
    /* What stands for itself stays, though it depends on what does not. */
    assert_int_equal(rk_substitute(g, sum, (rk_value[]){a, sine}, (rk_value[]){c, sine}, 2), sum);
    check_graph(g, "substitute");
    rk_graph_free(g);
}

static void test_misuse(void **state)
{
    (void)state;
    rk_error e;
    rk_graph *g = rk_graph_new();
    rk_value a = rk_input(g, RK_F32, RK_SHAPE(2), "a"), b = rk_input(g, RK_F32, RK_SHAPE(3), "b");
    assert_int_equal(rk_substitute(g, a, &a, &b, 1), 0);
    assert_int_equal(rk_graph_check(g, &e), RK_E_INVALID);
    assert_non_null(strstr(e.text, "f32[3] cannot stand for f32[2]"));
    rk_graph_free(g);
    g = rk_graph_new();
    a = rk_input(g, RK_F32, RK_SHAPE(2), "a");
    b = rk_input(g, RK_U32, RK_SHAPE(2), "b");
    assert_int_equal(rk_substitute(g, a, &a, &b, 1), 0);
    assert_int_equal(rk_graph_check(g, &e), RK_E_INVALID);
    assert_non_null(strstr(e.text, "u32[2] cannot stand for f32[2]"));
    rk_graph_free(g);
    g = rk_graph_new();
    assert_int_equal(rk_substitute(g, 9, NULL, NULL, 0), 0);
    assert_int_equal(rk_graph_check(g, &e), RK_E_INVALID);
    rk_graph_free(g);
}

static rk_value halve(void *ctx, rk_graph *g, rk_value param, rk_value updated)
{
    *(rk_value *)ctx = param;
    return rk_mul(g, updated, rk_const_f(g, 0.5f));
}

/* Only what trained states are assigned goes through the update, and only while it is there. */
static void test_update(void **state)
{
    (void)state;
    rk_graph *g = rk_graph_new();
    rk_init zero = {RK_INIT_ZERO, 0};
    rk_value seen = 0, one = rk_expand(g, rk_const_f(g, 1), RK_SHAPE(1));
    rk_value w = rk_param(g, RK_SHAPE(1), zero, "w"), v = rk_state(g, RK_F32, RK_SHAPE(1), "v");
    rk_value later = rk_param(g, RK_SHAPE(1), zero, "later");
    rk_graph_on_update(g, halve, &seen);
    rk_assign(g, v, one);
    assert_int_equal(seen, 0);
    rk_assign(g, w, one);
    assert_int_equal(seen, w);
    rk_graph_on_update(g, NULL, NULL);
    rk_assign(g, later, one);
    check_graph(g, "update");
    oracle *o = oracle_new(g);
    oracle_run(o, NULL, 0);
    assert_true(oracle_buffer(o, "w")->f == 0.5 && oracle_buffer(o, "v")->f == 1);
    assert_true(oracle_buffer(o, "later")->f == 1);
    oracle_free(o);
    rk_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_if_built_so), cmocka_unit_test(test_no_more_than_needed),
        cmocka_unit_test(test_misuse), cmocka_unit_test(test_update)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
