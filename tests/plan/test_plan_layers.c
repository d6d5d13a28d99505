/* How often a planned layer goes over its activation: what core/graph/norm.c is written for. */
#include <stdlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "plan/plan.h"

/* Large: for small tensors launches count more than passes.  No other tensor of these graphs has as
 * many elements as the activation that is looked at. */
enum { N = 32, C = 12, SIDE = 28, ACTIVATION = N * C * SIDE * SIDE };

static rk_plan *plan_of(rk_graph *g, bool training)
{
    static rk_value param[8], grad[8];
    rk_error e = rk_error_new();
    rk_plan_options none = {0};
    rk_init start = rk_init_he(9);
    rk_norm norm = {true, true, 1e-3f, 0.9f};
    rk_plan *plan;
    rk_graph_set_training(g, training);
    rk_value x = rk_input(g, RK_F32, RK_SHAPE(N, 8, SIDE, SIDE), "x");
    x = rk_conv_layer(g, x, C, rk_window_same(g, x, 3, 1), start, NULL, "conv1");
    x = rk_relu(g, rk_batch_norm(g, x, norm, "bn"));
    x = rk_conv_layer(g, x, 5, rk_window_same(g, x, 3, 1), start, NULL, "conv2");
    rk_value loss = rk_reduce_sum(g, rk_mul(g, x, x), 0, 4);
    uint32_t n = rk_graph_params(g, param, 8);
    assert_int_equal(n, 4);
    if (training) {
        rk_grad(g, loss, param, n, grad);
        for (uint32_t i = 0; i < n; i++) rk_assign(g, param[i], rk_sub(g, param[i], grad[i]));
    } else {
        rk_assign(g, rk_state(g, RK_F32, RK_SHAPE(1, 1, 1, 1), "loss"), loss);
    }
    if (rk_plan_make(g, &none, &plan, &e) != RK_OK) fail_msg("%s", e.text);
    return plan;
}

static int64_t elements(const rk_plan *plan, uint32_t buffer)
{
    return rk_shape_size(plan->buffer[buffer].shape);
}

/* Elements that a COPY moves. */
static int64_t moved(const rk_op *op)
{
    int64_t n = 1;
    for (int64_t d = 0; d < op->p[0]; d++) n *= op->p[1 + 3 * d];
    return n;
}

/* Steps of a kind that go over the activation or something of its shape. */
static uint32_t passes(const rk_plan *plan, uint32_t kind)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < plan->n_step; i++) {
        const rk_step *s = &plan->step[i];
        bool over = false;
        for (uint32_t j = 0; j < s->op.n_in; j++) over |= elements(plan, s->in[j]) == ACTIVATION;
        for (uint32_t j = 0; j < s->op.n_out; j++) over |= elements(plan, s->out[j]) == ACTIVATION;
        if (s->op.kind == RK_COPY) over = moved(&s->op) == ACTIVATION;
        n += s->op.kind == kind && over;
    }
    return n;
}

/* Floats of the activation's shape that are stored. */
static uint32_t stored(const rk_plan *plan)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < plan->n_step; i++)
        for (uint32_t j = 0; j < plan->step[i].op.n_out; j++) {
            uint32_t b = plan->step[i].out[j];
            n += elements(plan, b) == ACTIVATION && plan->buffer[b].dtype == RK_F32;
        }
    return n;
}

/* Forward: statistics, then normalization with relu; backward: sums, then the gradient.  Stored are
 * both convolutions' sides of it: the result, what the next one reads, and their gradients. */
static void test_batch_norm_training(void **state)
{
    (void)state;
    rk_graph *g = rk_graph_new();
    rk_plan *plan = plan_of(g, true);
    assert_int_equal(passes(plan, RK_REDUCE), 2);
    assert_int_equal(passes(plan, RK_EWISE), 2);
    assert_int_equal(passes(plan, RK_COPY), 0);
    assert_int_equal(passes(plan, RK_CONV), 5);
    assert_int_equal(stored(plan), 4);
    rk_plan_free(plan);
    rk_graph_free(g);
}

/* By running averages it is the convolution's epilogue. */
static void test_batch_norm_evaluation(void **state)
{
    (void)state;
    rk_graph *g = rk_graph_new();
    rk_plan *plan = plan_of(g, false);
    assert_int_equal(passes(plan, RK_REDUCE), 0);
    assert_int_equal(passes(plan, RK_EWISE), 0);
    assert_int_equal(passes(plan, RK_CONV), 2);
    assert_int_equal(stored(plan), 1);
    rk_plan_free(plan);
    rk_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_batch_norm_training),
                                       cmocka_unit_test(test_batch_norm_evaluation)};
    return cmocka_run_group_tests_name("layers", tests, NULL, NULL);
}
