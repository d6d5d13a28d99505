/* Layers against their formulas, in double. */
#include "oracle.h"
#include "rethink/numerics.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

static void near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-12 * (1 + fabs(want)))) fail_msg("%.15g is not %.15g", got, want);
}

static void check(const rk_graph *g)
{
    rk_error e;
    if (rk_graph_check(g, &e) != RK_OK) fail_msg("%s", e.text);
}

/* Large logits too: the shift keeps their exponentials finite.  Label 3 is no class. */
static void test_cross_entropy(void **state)
{
    (void)state;
    static const double logits[4][3] = {{1, 2, 3}, {1000, 998, -1000}, {0, 0, 0}, {1, 4, 2}};
    static const uint32_t labels[4] = {2, 1, 0, 3};
    rk_graph *g = rk_graph_new();
    rk_value x = rk_input(g, RK_F32, RK_SHAPE(4, 3), "x"), d;
    rk_value ce = rk_cross_entropy(g, x, rk_input(g, RK_U32, RK_SHAPE(4), "labels"));
    rk_value log_softmax = rk_log_softmax(g, x);
    rk_grad(g, rk_reduce_sum(g, ce, 0, 1), &x, 1, &d);
    check(g);
    assert_int_equal(rk_shape_of(g, ce).rank, 1);
    oracle *o = oracle_new(g);
    for (int i = 0; i < 12; i++) oracle_buffer(o, "x")[i].f = logits[i / 3][i % 3];
    for (int i = 0; i < 4; i++) oracle_buffer(o, "labels")[i].u = labels[i];
    oracle_run(o, (rk_value[]){ce, log_softmax, d}, 3);
    for (uint32_t i = 0; i < 4; i++) {
        double most = fmax(logits[i][0], fmax(logits[i][1], logits[i][2])), sum = 0;
        for (int k = 0; k < 3; k++) sum += exp(logits[i][k] - most);
        double picked = labels[i] < 3 ? logits[i][labels[i]] - most : 0;
        near(oracle_value(o, ce)[i].f, log(sum) - picked);
        for (uint32_t k = 0; k < 3; k++) {
            double p = exp(logits[i][k] - most) / sum;
            near(oracle_value(o, log_softmax)[3 * i + k].f, logits[i][k] - most - log(sum));
            near(oracle_value(o, d)[3 * i + k].f, p - (labels[i] == k));
        }
    }
    oracle_free(o);
    rk_graph_free(g);
}

static void test_dense(void **state)
{
    (void)state;
    rk_graph *g = rk_graph_new();
    rk_scope_push(g, "block");
    rk_value x = rk_input(g, RK_F32, RK_SHAPE(2, 1, 3), "x");
    rk_value y = rk_dense(g, rk_flatten(g, x), 2, rk_init_he(8), rk_init_torch(4), "fc");
    rk_scope_pop(g);
    rk_value param[3];
    check(g);
    assert_int_equal(rk_graph_params(g, param, 1), 2); /* no more is written than fits */
    assert_int_equal(rk_graph_params(g, param, 3), 2);
    assert_string_equal(rk_name_of(g, param[0]), "block/fc/weight");
    assert_string_equal(rk_name_of(g, param[1]), "block/fc/bias");
    rk_node w = rk_graph_node(g, param[0]), b = rk_graph_node(g, param[1]);
    assert_true(w.trained && w.init.kind == RK_INIT_NORMAL && w.init.a == 0.5f);
    assert_true(b.trained && b.init.kind == RK_INIT_UNIFORM && b.init.a == 0.5f);
    oracle *o = oracle_new(g);
    for (int i = 0; i < 6; i++) oracle_buffer(o, "x")[i].f = i;
    for (int i = 0; i < 6; i++) oracle_buffer(o, "block/fc/weight")[i].f = 10 * i;
    oracle_buffer(o, "block/fc/bias")[1].f = 7;
    oracle_run(o, &y, 1);
    static const double want[] = {50, 147, 140, 507}; /* x w^T + b */
    for (int i = 0; i < 4; i++) near(oracle_value(o, y)[i].f, want[i]);
    oracle_free(o);
    rk_graph_free(g);
}

static void test_mean_relu(void **state)
{
    (void)state;
    rk_graph *g = rk_graph_new();
    rk_value x = rk_input(g, RK_F32, RK_SHAPE(2, 3), "x");
    rk_value v[] = {rk_mean(g, x, 0, 2), rk_mean(g, x, 1, 1), rk_relu(g, x)};
    check(g);
    oracle *o = oracle_new(g);
    for (int i = 0; i < 6; i++) oracle_buffer(o, "x")[i].f = i - 2;
    oracle_buffer(o, "x")[5].f = NAN;
    oracle_run(o, v + 1, 2);
    assert_true(isnan(oracle_value(o, v[2])[5].f)); /* relu keeps NaN */
    near(oracle_value(o, v[2])[0].f, 0);
    near(oracle_value(o, v[2])[4].f, 2);
    near(oracle_value(o, v[1])[0].f, -3 * (double)(1.0f / 3.0f));
    oracle_buffer(o, "x")[5].f = 3;
    oracle_run(o, v, 1);
    near(oracle_scalar(o, v[0]), 3 * (double)(1.0f / 6.0f));
    oracle_free(o);
    rk_graph_free(g);
}

static void test_dropout(void **state)
{
    (void)state;
    enum { N = 4000 };
    rk_graph *g = rk_graph_new();
    rk_value x = rk_input(g, RK_F32, RK_SHAPE(N), "x");
    assert_int_equal(rk_dropout(g, x, 0.25f, "drop"), x); /* not training */
    rk_graph_set_training(g, true);
    assert_int_equal(rk_dropout(g, x, 1.0f, "drop"), x);
    rk_value y = rk_dropout(g, x, 0.25f, "drop"), u = rk_rng_uniform(g, RK_SHAPE(N), "drop");
    check(g);
    oracle *o = oracle_new(g);
    for (int i = 0; i < N; i++) oracle_buffer(o, "x")[i].f = 1;
    oracle_run(o, (rk_value[]){y, u}, 2);
    int kept = 0;
    for (int i = 0; i < N; i++) {
        bool keep = oracle_value(o, u)[i].f < 0.25;
        near(oracle_value(o, y)[i].f, keep ? 4 : 0);
        kept += keep;
    }
    assert_in_range(kept, N / 4 - 150, N / 4 + 150);
    oracle_free(o);
    rk_graph_free(g);
}

static void test_init(void **state)
{
    (void)state;
    assert_true(rk_init_he(50).kind == RK_INIT_NORMAL && rk_init_he(50).a == 0.2f);
    assert_true(rk_init_torch(100).kind == RK_INIT_UNIFORM && rk_init_torch(100).a == 0.1f);
    assert_true(rk_init_he(0).a == 0 && rk_init_torch(0).a == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cross_entropy),
                                       cmocka_unit_test(test_dense),
                                       cmocka_unit_test(test_mean_relu),
                                       cmocka_unit_test(test_dropout), cmocka_unit_test(test_init)};
    return cmocka_run_group_tests_name("layers", tests, NULL, NULL);
}
