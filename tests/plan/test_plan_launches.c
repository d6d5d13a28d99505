/* Launches that need not be: of states that can be updated in place, and of small siblings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "plan/plan.h"

enum { ROWS = 128, SMALL = 300, LARGE = 16000 };

static rk_value matrix(rk_graph *g, int64_t columns, const char *name)
{
    return rk_input(g, RK_F32, RK_SHAPE(ROWS, columns), name);
}

static void keep(rk_graph *g, rk_value v, const char *name)
{
    rk_assign(g, rk_state(g, RK_F32, rk_shape_of(g, v), name), v);
}

static rk_plan *plan_of(rk_graph *g)
{
    rk_error e = rk_error_new();
    rk_plan_options none = {0};
    rk_plan *plan;
    if (rk_plan_make(g, &none, &plan, &e) != RK_OK) fail_msg("%s", e.text);
    return plan;
}

/* Plans the graph, frees it, and checks how many steps of a kind, and others, there are. */
static void expect_steps(rk_graph *g, uint32_t kind, uint32_t wanted, uint32_t others)
{
    rk_plan *plan = plan_of(g);
    uint32_t n = 0;
    for (uint32_t i = 0; i < plan->n_step; i++) n += plan->step[i].op.kind == kind;
    assert_int_equal(n, wanted);
    assert_int_equal(plan->n_step - n, others);
    rk_plan_free(plan);
    rk_graph_free(g);
}

/* What a sum updates by itself, element by element, it may read before and after it is summed; a
 * factor along the reduced axis may not be overwritten. */
static void updates(void **state)
{
    (void)state;
    for (int along = 0; along < 2; along++) {
        rk_graph *g = rk_graph_new();
        rk_value x = rk_input(g, RK_F32, RK_SHAPE(SMALL, SMALL), "x");
        rk_value s = rk_state(g, RK_F32, RK_SHAPE(SMALL), "s");
        rk_value factor = rk_reshape(g, s, along ? RK_SHAPE(SMALL, 1) : RK_SHAPE(1, SMALL));
        rk_value sum = rk_reduce_sum(g, rk_mul(g, x, factor), 0, 1);
        rk_assign(g, s, rk_sub(g, s, rk_reshape(g, sum, RK_SHAPE(SMALL))));
        expect_steps(g, RK_REDUCE, 1, along ? 1 : 0);
    }
}

/* A value that is read before and after it is summed is two operands: the sum may take its memory
 * if the kernel allows that for both. */
static void allowed_for_both(void **state)
{
    (void)state;
    for (uint32_t allowed = 0; allowed < 8; allowed++) {
        rk_graph *g = rk_graph_new();
        rk_error e = rk_error_new();
        rk_value x = rk_input(g, RK_F32, RK_SHAPE(SMALL, SMALL), "x");
        rk_value t = rk_exp(g, rk_input(g, RK_F32, RK_SHAPE(1, SMALL), "s"));
        rk_value sum = rk_add(g, t, rk_reduce_sum(g, rk_mul(g, x, t), 0, 1));
        keep(g, rk_matmul(g, sum, x, false, false), "product");
        rk_plan *plan = plan_of(g);
        rk_step *s = &plan->step[1];
        assert_true(plan->n_step == 3 && s->op.kind == RK_REDUCE && s->op.n_in == 3);
        s->alias_ok = allowed;
        assert_int_equal(rk_plan_lives(plan, true, &e), RK_OK);
        assert_int_equal(plan->buffer[s->out[0]].home != s->out[0], (s->same & allowed) == s->same);
        rk_plan_free(plan);
        rk_graph_free(g);
    }
}

/* ---- small siblings ---- */

static void elementwise(void **state)
{
    static const int64_t columns[2] = {SMALL, LARGE};
    (void)state;
    for (int i = 0; i < 2; i++) {
        rk_graph *g = rk_graph_new();
        keep(g, rk_exp(g, matrix(g, columns[i], "x")), "exp");
        keep(g, rk_sqrt(g, matrix(g, columns[i], "y")), "sqrt");
        expect_steps(g, RK_EWISE, i ? 2 : 1, 0);
    }
}

static void reductions(void **state)
{
    static const int64_t columns[2] = {SMALL, LARGE};
    (void)state;
    for (int i = 0; i < 2; i++) {
        rk_graph *g = rk_graph_new();
        keep(g, rk_reduce_sum(g, matrix(g, columns[i], "x"), 0, 1), "x sum");
        keep(g, rk_reduce_sum(g, matrix(g, columns[i], "y"), 0, 1), "y sum");
        expect_steps(g, RK_REDUCE, i ? 2 : 1, 0);
    }
}

/* Two sums, of which the second needs the first: a third one joins the first. */
static void no_cycle(void **state)
{
    rk_graph *g = rk_graph_new();
    (void)state;
    rk_value x = matrix(g, SMALL, "x"), mean = rk_mean(g, x, 0, 1), d = rk_sub(g, x, mean);
    keep(g, rk_reduce_sum(g, rk_mul(g, d, d), 0, 1), "squares");
    keep(g, rk_reduce_sum(g, matrix(g, SMALL, "y"), 0, 1), "y sum");
    expect_steps(g, RK_REDUCE, 2, 0);
}

/* A product's kernel has other work to do. */
static void no_epilogue(void **state)
{
    rk_graph *g = rk_graph_new();
    (void)state;
    rk_value a = matrix(g, 5, "a"), b = rk_input(g, RK_F32, RK_SHAPE(5, SMALL), "b");
    keep(g, rk_matmul(g, a, b, false, false), "product");
    keep(g, rk_exp(g, matrix(g, SMALL, "x")), "exp");
    expect_steps(g, RK_MATMUL, 1, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(updates),     cmocka_unit_test(allowed_for_both),
        cmocka_unit_test(elementwise), cmocka_unit_test(reductions),
        cmocka_unit_test(no_cycle),    cmocka_unit_test(no_epilogue)};
    return cmocka_run_group_tests_name("launches", tests, NULL, NULL);
}
